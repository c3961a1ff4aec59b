//! Starting and ending a node, and what the application holds of it.

use core::fmt;
use core::time::Duration;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::Driven;
use super::disk::{self, Job};
use super::entropy::Entropy;
use super::error::{NodeError, RequestError, StartError};
use super::flow::Flow;
use super::inbox::{Inbox, Stop};
use super::listener::{Listener, end_accepting};
use super::lock;
use super::metrics::{Counters, Metrics};
use super::options::Options;
use super::peers::Peers;
use super::stepper::Stepper;
use super::store::Store;
use crate::durable::Recover;
use crate::id::NodeId;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::wire::frame::Expected;

/// Recovers a machine from `store` and runs it. `applied` is what the application has applied for good: see
/// [`Recover::recover`].
///
/// # Errors
/// [`StartError`]; no thread is left running then.
pub fn start<Mc, S>(
    options: Options,
    config: Mc::Config,
    applied: u64,
    store: S,
) -> Result<(Handle<Mc>, Notices<Mc>), StartError>
where
    Mc: Driven + Recover,
    S: Store<Mc::Cell, Mc::Entry> + 'static,
{
    let machine = Mc::recover(config, &store, applied)?;
    start_recovered(options, machine, store)
}

/// Runs a machine that was recovered from `store`, or is new and so is the store.
///
/// # Errors
/// [`StartError`]; no thread is left running then.
pub fn start_recovered<Mc, S>(
    mut options: Options,
    machine: Mc,
    store: S,
) -> Result<(Handle<Mc>, Notices<Mc>), StartError>
where
    Mc: Driven,
    S: Store<Mc::Cell, Mc::Entry> + 'static,
{
    if options.peers.contains_key(&options.me) {
        return Err(StartError::Options("a node is not a peer of itself"));
    }
    let listener = options.listener.take();
    let socket = listener.as_ref().map(std::net::TcpListener::local_addr).transpose()?;
    let limits = &options.limits;
    let counters = Arc::new(Counters::default());
    let inbox = Arc::new(Inbox::new(limits.messages_in, limits.requests));
    let flow = Arc::new(Flow::new(limits.notices));
    let entropy = Entropy::new(options.seed);
    let peers = Peers::new(
        options.me,
        options.cluster,
        limits.clone(),
        Arc::clone(&counters),
        Entropy::new(options.seed.map(u64::reverse_bits)),
        stop_on_panic(&inbox),
    );
    let shared = Arc::new(Shared {
        inbox,
        flow,
        counters,
        peers: Arc::new(peers),
        outcome: Mutex::new(None),
        ended: Condvar::new(),
    });
    let mut threads = Threads { shared: Arc::clone(&shared), disk: None, listener: None };
    let (disk, jobs) = channel();
    threads.disk = Some(spawn_disk(&options, store, jobs, &shared)?);
    for (&peer, &socket) in &options.peers {
        shared.peers.set(peer, socket)?;
    }
    if let (Some(listener), Some(socket)) = (listener, socket) {
        let state = Arc::new(Listener {
            expected: Expected {
                cluster: options.cluster,
                receiver: options.me,
                max_body: limits.message_bytes,
            },
            limits: limits.clone(),
            counters: Arc::clone(&shared.counters),
            inbox: Arc::clone(&shared.inbox),
            peers: Arc::clone(&shared.peers),
            connections: Mutex::default(),
        });
        let name = format!("{}-listen", options.me);
        let handle = thread::Builder::new().name(name).spawn(move || state.run(&listener))?;
        threads.listener = Some((handle, socket));
    }
    let (sender, receiver) = channel();
    let stepper = Stepper {
        me: options.me,
        machine,
        ledger: Ledger::new(options.me),
        inbox: Arc::clone(&shared.inbox),
        peers: Arc::clone(&shared.peers),
        notices: sender,
        flow: Arc::clone(&shared.flow),
        disk,
        counters: Arc::clone(&shared.counters),
        entropy,
        origin: Instant::now(),
        batch_records: limits.batch_records,
        batch: None,
        spare: Vec::new(),
        unlooked: 0,
    };
    thread::Builder::new().name(options.me.to_string()).spawn(move || run(stepper, threads))?;
    let notices = Notices { receiver, shared: Arc::clone(&shared) };
    Ok((Handle { shared }, notices))
}

/// What a peer's thread does when it panics: a node that silently no longer reaches a peer is worse than one
/// that stops and says why.
fn stop_on_panic<Mc: Driven>(inbox: &Arc<Inbox<Mc>>) -> Arc<dyn Fn() + Send + Sync> {
    let inbox = Arc::clone(inbox);
    Arc::new(move || inbox.stop(Stop::Failed(NodeError::Panicked("peer"))))
}

fn spawn_disk<Mc, S>(
    options: &Options,
    store: S,
    jobs: Receiver<Job<Mc>>,
    shared: &Shared<Mc>,
) -> Result<JoinHandle<()>, StartError>
where
    Mc: Driven,
    S: Store<Mc::Cell, Mc::Entry> + 'static,
{
    let (inbox, counters) = (Arc::clone(&shared.inbox), Arc::clone(&shared.counters));
    let load_bytes = options.limits.load_bytes;
    let disk = thread::Builder::new().name(format!("{}-disk", options.me));
    Ok(disk.spawn(move || disk::work(store, &jobs, &inbox, &counters, load_bytes))?)
}

/// The node's thread, from beginning to end.
fn run<Mc: Driven>(mut stepper: Stepper<Mc>, threads: Threads<Mc>) {
    let panicked = catch_unwind(AssertUnwindSafe(|| stepper.run())).is_err();
    let shared = Arc::clone(&threads.shared);
    let stop = if panicked { Stop::Failed(NodeError::Panicked("machine")) } else { Stop::Asked };
    shared.inbox.stop(stop);
    let Stepper { notices, disk, .. } = stepper;
    drop(disk);
    drop(threads);
    *lock(&shared.outcome) = Some(shared.inbox.failure().map_or(Ok(()), Err));
    shared.ended.notify_all();
    // The application sees the end of its notices only once it can learn why.
    drop::<Sender<_>>(notices);
}

/// The threads besides the node's own. Dropped, it ends them and waits for them.
struct Threads<Mc: Driven> {
    shared: Arc<Shared<Mc>>,
    disk: Option<JoinHandle<()>>,
    listener: Option<(JoinHandle<()>, SocketAddr)>,
}

impl<Mc: Driven> Drop for Threads<Mc> {
    fn drop(&mut self) {
        self.shared.inbox.stop(Stop::Asked);
        self.shared.peers.stop();
        if let Some((handle, socket)) = self.listener.take() {
            end_accepting(handle, socket);
        }
        if let Some(disk) = self.disk.take() {
            // Its panics are caught, and told, before it ends.
            let _ = disk.join();
        }
    }
}

/// What the handles and the threads share.
struct Shared<Mc: Machine> {
    inbox: Arc<Inbox<Mc>>,
    flow: Arc<Flow>,
    counters: Arc<Counters>,
    peers: Arc<Peers<Mc::Message>>,
    outcome: Mutex<Option<Result<(), NodeError>>>,
    ended: Condvar,
}

/// What the application holds of a running node; clones are the same node.
///
/// Dropping the last one does not stop the node; dropping its [`Notices`] does.
pub struct Handle<Mc: Machine> {
    shared: Arc<Shared<Mc>>,
}

impl<Mc: Machine> Clone for Handle<Mc> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<Mc: Machine> fmt::Debug for Handle<Mc> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("metrics", &self.metrics()).finish_non_exhaustive()
    }
}

impl<Mc: Driven> Handle<Mc> {
    /// Hands a request to the machine; never blocks. Its answer comes as a notice, if the machine gives one:
    /// a request that was taken is lost if the node stops first, as in a crash.
    ///
    /// # Errors
    /// [`RequestError`], with the request.
    pub fn request(&self, request: Mc::Request) -> Result<(), RequestError<Mc::Request>> {
        let taken = if self.shared.flow.is_busy() && !self.shared.inbox.is_stopping() {
            Err(RequestError::Busy(request))
        } else {
            self.shared.inbox.request(request)
        };
        if matches!(taken, Err(RequestError::Busy(_))) {
            self.shared.counters.requests_busy.one();
        }
        taken
    }

    /// Makes `peer` known, at `socket`; or changes its address, at the cost of what is under way to it.
    /// Nothing happens if the node has stopped, or `peer` is the node itself.
    ///
    /// # Errors
    /// The operating system refused a thread.
    pub fn set_peer(&self, peer: NodeId, socket: SocketAddr) -> Result<(), std::io::Error> {
        self.shared.peers.set(peer, socket)
    }

    /// Forgets `peer`: messages to it are dropped, and its next frame closes its connection.
    pub fn remove_peer(&self, peer: NodeId) {
        self.shared.peers.remove(peer);
    }
}

impl<Mc: Machine> Handle<Mc> {
    /// What the node has done since it started.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shared.counters.snapshot()
    }

    /// Asks the node to stop, and returns at once. To the machine it is a crash at a convenient time: what is
    /// not durable is lost, and so are answers not given.
    pub fn shutdown(&self) {
        self.shared.inbox.stop(Stop::Asked);
    }

    /// Waits until the node has stopped: its threads have ended, its sockets and its store are closed.
    ///
    /// # Errors
    /// [`NodeError`], if it stopped because it could not go on.
    pub fn join(&self) -> Result<(), NodeError> {
        let mut outcome = lock(&self.shared.outcome);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = self.shared.ended.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What the node tells the application, in order. Dropping it stops the node: who no longer listens cannot
/// keep what the node promises others in its name.
///
/// The node never waits for the application. When more than half of
/// [`Limits::notices`](super::Limits::notices) wait here, requests are refused; at all of it the node no
/// longer takes in messages, and goes on once the application has caught up to half. A burst that was
/// already taken in may overshoot the limit.
pub struct Notices<Mc: Machine> {
    receiver: Receiver<Mc::Notice>,
    shared: Arc<Shared<Mc>>,
}

impl<Mc: Machine> fmt::Debug for Notices<Mc> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}

impl<Mc: Machine> Notices<Mc> {
    /// The next notice, waiting for it; `None` once the node has stopped and all were taken.
    #[must_use]
    pub fn recv(&self) -> Option<Mc::Notice> {
        self.taken(self.receiver.recv().ok())
    }

    /// The next notice if there is one now.
    ///
    /// # Errors
    /// [`Stopped`] once the node has stopped and all were taken.
    pub fn try_recv(&self) -> Result<Option<Mc::Notice>, Stopped> {
        match self.receiver.try_recv() {
            Ok(notice) => Ok(self.taken(Some(notice))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Stopped),
        }
    }

    /// The next notice if it comes within `timeout`.
    ///
    /// # Errors
    /// [`Stopped`] once the node has stopped and all were taken.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Mc::Notice>, Stopped> {
        match self.receiver.recv_timeout(timeout) {
            Ok(notice) => Ok(self.taken(Some(notice))),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Stopped),
        }
    }

    /// The notices, one after the other, until the node has stopped.
    pub fn iter(&self) -> impl Iterator<Item = Mc::Notice> {
        core::iter::from_fn(|| self.recv())
    }

    fn taken(&self, notice: Option<Mc::Notice>) -> Option<Mc::Notice> {
        if notice.is_some() && self.shared.flow.taken() {
            self.shared.inbox.wake();
        }
        notice
    }
}

impl<Mc: Machine> Drop for Notices<Mc> {
    fn drop(&mut self) {
        self.shared.inbox.stop(Stop::Asked);
    }
}

/// The node has stopped: [`Handle::join`] tells why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it says all there is")]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node has stopped")
    }
}

impl core::error::Error for Stopped {}
