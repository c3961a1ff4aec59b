//! The driver for std: threads, blocking TCP, and a store on disk.
//!
//! [`start`] recovers a machine from a [`Store`] and runs it. It returns a [`Handle`] for requests, and the
//! [`Notices`] that the machine gives the application, in order.
//!
//! # Threads
//! - One steps the machine, with the [ledger](crate::ledger) that every driver shares. It waits for nothing
//!   but its inbox and its timers: not for the disk, not for a peer, not for the application.
//! - One writes to the store. What accumulates while a sync runs is the next batch: group commit.
//! - One for each peer keeps a connection to it, and writes frames, many at a time.
//! - One accepts connections, and one for each of them reads frames.
//!
//! # Promises
//! - Every queue is bounded ([`Limits`]), and says what happens when it is full: messages to a peer push out
//!   the oldest, requests are refused, messages from peers wait in their connections.
//! - A failed write stops the node ([`NodeError::Store`]): nothing that waited for it leaves, and the store is
//!   not asked again, because a sync that succeeds after one that failed proves nothing (Rebello et al.,
//!   "Can Applications Recover from fsync Failures?", ATC 2020).
//! - Frames of another cluster, for another node or from an unknown one close their connection. That guards
//!   against mistakes, not against attackers: connections are neither authenticated nor encrypted.
//! - A slow application delays itself only. When its notices pile up, requests are refused first; then the
//!   node stops taking in messages while timers, heartbeats included, go on. A follower that far behind may
//!   time out and campaign; a protocol that asks before it campaigns (pre-vote) is not disturbed by it.
//! - To the machine, every end is a crash: there is no other way to stop, so there is none that is not tested.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the driver is where clocks, threads, locks and sockets live"
)]

mod disk;
mod entropy;
mod error;
mod flow;
mod inbox;
mod listener;
mod memory_store;
mod metrics;
mod node;
mod options;
mod peer;
mod peers;
mod redb_store;
mod stepper;
mod store;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::machine::Machine;

pub use error::{NodeError, RequestError, StartError};
pub use memory_store::MemoryStore;
pub use metrics::Metrics;
pub use node::{Handle, Notices, Stopped, start, start_recovered};
pub use options::{Limits, Options};
pub use redb_store::RedbStore;
pub use store::{Store, StoreError};

/// A machine that can be driven by threads: what it exchanges with the world may cross them. Implemented for
/// every machine that fits.
pub trait Driven:
    Machine<
        Message: Serialize + DeserializeOwned + Send,
        Timer: Send,
        Request: Send,
        Cell: Clone + Send,
        Entry: Clone + Send,
        Notice: Send,
    > + Send
    + 'static
{
}

impl<Mc> Driven for Mc
where
    Mc: Machine + Send + 'static,
    Mc::Message: Serialize + DeserializeOwned + Send,
    Mc::Timer: Send,
    Mc::Request: Send,
    Mc::Cell: Clone + Send,
    Mc::Entry: Clone + Send,
    Mc::Notice: Send,
{
}

/// Locks; what a panicking thread left behind is dealt with by stopping the node, not here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
