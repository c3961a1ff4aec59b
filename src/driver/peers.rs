//! All peers of a node: where messages to them go, and who may send.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use serde::Serialize;

use super::entropy::Entropy;
use super::lock;
use super::metrics::Counters;
use super::options::Limits;
use super::peer::{Outbox, Writer};
use crate::id::{ClusterId, NodeId};
use crate::wire::frame::Address;

/// The peers of one node, each with its outbox and its thread.
pub(super) struct Peers<M> {
    me: NodeId,
    cluster: ClusterId,
    limits: Limits,
    counters: Arc<Counters>,
    entropy: Mutex<Entropy>,
    outboxes: RwLock<BTreeMap<NodeId, Arc<Outbox<M>>>>,
    threads: Mutex<Threads>,
    panicked: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Threads {
    stopped: bool,
    handles: Vec<JoinHandle<()>>,
}

impl<M: Serialize + Send + 'static> Peers<M> {
    pub(super) fn new(
        me: NodeId,
        cluster: ClusterId,
        limits: Limits,
        counters: Arc<Counters>,
        entropy: Entropy,
        panicked: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let (outboxes, threads) = (RwLock::default(), Mutex::default());
        Self { me, cluster, limits, counters, entropy: Mutex::new(entropy), outboxes, threads, panicked }
    }

    /// Begins to talk to `peer` at `socket`; replaces an earlier address.
    pub(super) fn set(&self, peer: NodeId, socket: SocketAddr) -> io::Result<()> {
        let mut threads = lock(&self.threads);
        if threads.stopped || peer == self.me {
            return Ok(());
        }
        let outbox = Arc::new(Outbox::new(self.limits.messages_out));
        let address = Address { cluster: self.cluster, sender: self.me, receiver: peer };
        let seed = u64::from(lock(&self.entropy).draw());
        let writer = Writer {
            outbox: Arc::clone(&outbox),
            socket,
            address,
            limits: self.limits.clone(),
            counters: Arc::clone(&self.counters),
            entropy: Entropy::new(Some(seed)),
        };
        let panicked = Arc::clone(&self.panicked);
        let handle = thread::Builder::new().name(format!("{}-to-{peer}", self.me)).spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
                panicked();
            }
        })?;
        threads.handles.retain(|handle| !handle.is_finished());
        threads.handles.push(handle);
        let mut outboxes = self.outboxes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(replaced) = outboxes.insert(peer, outbox) {
            replaced.stop();
        }
        Ok(())
    }

    /// Ends all threads and waits for them.
    pub(super) fn stop(&self) {
        let handles = {
            let mut threads = lock(&self.threads);
            threads.stopped = true;
            core::mem::take(&mut threads.handles)
        };
        for outbox in self.outboxes.read().unwrap_or_else(PoisonError::into_inner).values() {
            outbox.stop();
        }
        for handle in handles {
            // Its panics are caught, and told, before it ends.
            let _ = handle.join();
        }
    }
}

impl<M> Peers<M> {
    /// Stops talking to `peer`, and listening to it.
    pub(super) fn remove(&self, peer: NodeId) {
        let mut outboxes = self.outboxes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(outbox) = outboxes.remove(&peer) {
            outbox.stop();
        }
    }

    /// Whether `peer` is one.
    pub(super) fn knows(&self, peer: NodeId) -> bool {
        self.outboxes.read().unwrap_or_else(PoisonError::into_inner).contains_key(&peer)
    }

    /// Queues a message. It is lost if the peer is not known, or its queue is full.
    pub(super) fn send(&self, to: NodeId, message: M) {
        let outboxes = self.outboxes.read().unwrap_or_else(PoisonError::into_inner);
        let lost = match outboxes.get(&to) {
            Some(outbox) => outbox.push(message).is_some(),
            None => true,
        };
        if lost {
            self.counters.messages_dropped.one();
        }
    }
}
