//! One node: store, Raft, application and clients put together.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use quorate::driver::{self, Handle, Notices, Options, RedbStore, RequestError, StartError, StoreError};
use quorate::durable::Corrupt;
use quorate::id::NodeId;
use quorate::raft::{Cell, Config, Entry, Member, Raft, Request};
use quorate::time::Delay;

use crate::app::{Answer, App, Ask};
use crate::args::NodeArgs;
use crate::client;
use crate::command::{Bytes, COMMAND_BYTES_MAX};
use crate::requests::{self, Directory};
use crate::resp::Reply;
use crate::say;

/// Notices taken before those who ask get their turn.
const NOTICES_AT_ONCE: usize = 256;

/// What the threads of a node share.
pub(crate) struct Service {
    directory: Directory,
    handle: Handle<Raft<Bytes>>,
    app: Mutex<App>,
}

/// Runs a node until it is told to end, or cannot go on.
pub(crate) fn run(args: NodeArgs) -> Result<(), String> {
    let store = open(&args)?;
    let peers = listen(args.addresses.listen, "other nodes")?;
    let clients = listen(args.addresses.client, "clients")?;
    let mut options = Options::new(args.id, args.cluster);
    options.listener = Some(peers);
    options.peers = args.peers.iter().map(|(id, addresses)| (*id, addresses.listen)).collect();
    let member = Member { me: args.id, config: Arc::new(config(&args)) };
    // Nothing is applied yet: all that is committed is told again, and the state comes from that alone.
    let (handle, notices) =
        driver::start(options, member, 0, store).map_err(|error| explain_start(&error, &args.dir))?;
    let everyone = args.peers.iter().map(|(id, addresses)| (*id, addresses.client));
    let everyone = everyone.chain([(args.id, args.addresses.client)]).collect();
    let directory = Directory { me: args.id, clients: everyone };
    let service = Arc::new(Service { directory, handle: handle.clone(), app: Mutex::new(App::new()) });
    if args.until_stdin_closes {
        let handle = handle.clone();
        spawn("stdin", move || await_end_of_stdin(&handle))?;
    }
    spawn("clients", {
        let service = Arc::clone(&service);
        move || client::accept(&service, &clients)
    })?;
    let NodeArgs { id: NodeId(id), addresses, .. } = args;
    say(&format!("node {id}: clients at {}, nodes at {}", addresses.client, addresses.listen));
    service.follow(&notices)?;
    handle.join().map_err(|error| format!("node {id} stopped: {error}"))
}

fn config(args: &NodeArgs) -> Config {
    let mut config = Config::new(args.cluster, args.peers.keys().copied().chain([args.id]));
    // Several nodes may share a machine with whatever else it does: no hasty elections.
    config.election = Delay::between(Duration::from_millis(300), Duration::from_millis(600));
    config.heartbeat = Duration::from_millis(60);
    config.max_command_bytes = COMMAND_BYTES_MAX;
    config
}

type Stored = RedbStore<Cell, Entry<Bytes>>;

fn open(args: &NodeArgs) -> Result<Stored, String> {
    let dir = args.dir.display();
    Stored::open(&args.dir, args.cluster, args.id).map_err(|error| match error {
        StoreError::Locked { .. } => {
            format!("another process uses {dir}: end it first, or give this node a --dir of its own")
        }
        StoreError::Foreign { cluster, node } => format!(
            "{dir} belongs to node {} of cluster {}, not to node {} of cluster {}: is --dir right?",
            node.0, cluster.0, args.id.0, args.cluster.0
        ),
        StoreError::NotAStore { path } => {
            format!("{} is something else, or damaged: name another --dir", path.display())
        }
        error => format!("{dir} cannot be used: {error}"),
    })
}

fn listen(address: SocketAddr, whom: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| {
        format!("cannot listen for {whom} on {address}: {error}; end what uses it, or choose another port")
    })
}

fn explain_start(error: &StartError, dir: &Path) -> String {
    match error {
        StartError::Recover(Corrupt::Config(what)) => format!("this is no cluster: {what}"),
        error => format!("the node does not start from {}: {error}", dir.display()),
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| format!("the operating system refused a thread: {error}"))
}

/// A parent that ends, in whatever way, closes the pipe to its children: so they end as well.
fn await_end_of_stdin(handle: &Handle<Raft<Bytes>>) {
    let mut ignored = [0; 64];
    while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
    handle.shutdown();
}

impl Service {
    /// Applies what is committed, and answers those who wait for it, until the node stops.
    fn follow(&self, notices: &Notices<Raft<Bytes>>) -> Result<(), String> {
        while let Some(notice) = notices.recv() {
            let mut app = self.lock();
            let more = std::iter::from_fn(|| notices.try_recv().ok().flatten());
            for notice in std::iter::once(notice).chain(more).take(NOTICES_AT_ONCE) {
                app.on_notice(notice).map_err(|fatal| fatal.to_string())?;
            }
            self.propose(&mut app);
        }
        Ok(())
    }

    /// Asks the cluster. Each is answered once, unless the node stops.
    pub(crate) fn ask(&self, asks: Vec<Ask>) {
        let mut app = self.lock();
        for ask in asks {
            app.ask(ask);
        }
        self.propose(&mut app);
    }

    fn propose(&self, app: &mut App) {
        while let Some((id, commands)) = app.next_proposal(Instant::now()) {
            match self.handle.request(Request::Propose { id, commands }) {
                Ok(()) => {}
                Err(RequestError::Busy(_)) => app.returned(id, &Answer::Busy),
                Err(RequestError::Stopped(_)) => app.returned(id, &Answer::Stopping),
            }
        }
    }

    /// The reply to a request of `slot`.
    pub(crate) fn reply(&self, answer: Answer, slot: u16) -> Reply {
        self.directory.reply(answer, slot)
    }

    /// `INFO`.
    pub(crate) fn info(&self) -> Reply {
        let metrics = self.handle.metrics();
        requests::info(&self.directory, &self.lock(), &metrics)
    }

    /// `CLUSTER SLOTS`.
    pub(crate) fn slots(&self) -> Reply {
        self.directory.slots(self.lock().leader())
    }

    /// `CLUSTER NODES`.
    pub(crate) fn nodes(&self) -> Reply {
        let (leader, term) = {
            let app = self.lock();
            (app.leader(), app.term())
        };
        self.directory.nodes(leader, term.0)
    }

    /// A thread that panics here leaves half of a change behind: to go on from it would be worse than to stop.
    fn lock(&self) -> MutexGuard<'_, App> {
        self.app.lock().unwrap_or_else(|_| std::process::abort())
    }
}
