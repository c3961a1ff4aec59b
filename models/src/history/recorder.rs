//! Recording of histories, from as many threads as there are clients.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::call::{Client, Event, EventKind, History, Key, Malformed};

/// Records what clients do. Each has a buffer of its own, so that recording is a push; buffers come together when
/// their clients are done.
#[derive(Debug)]
pub struct Recorder<O, R> {
    shared: Arc<Shared<O, R>>,
    events_max: usize,
}

#[derive(Debug)]
struct Shared<O, R> {
    clients: AtomicU32,
    open: AtomicUsize,
    done: Mutex<Vec<Event<O, R>>>,
}

/// What one client does.
#[derive(Debug)]
pub struct Log<O, R> {
    client: Client,
    events: Vec<Event<O, R>>,
    events_max: usize,
    shared: Arc<Shared<O, R>>,
}

/// A recording that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrecorded {
    /// This many clients still record.
    StillRecording(usize),
    /// What was recorded cannot have happened.
    Malformed(Malformed),
}

/// A buffer is full, and what happened was not recorded. What is in it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl<O, R> Recorder<O, R> {
    /// A recorder of at most `events_max` events a client; a call and its answer are two.
    #[must_use]
    pub fn new(events_max: usize) -> Self {
        let shared =
            Shared { clients: AtomicU32::new(0), open: AtomicUsize::new(0), done: Mutex::new(Vec::new()) };
        Self { shared: Arc::new(shared), events_max }
    }

    /// A log for another client. What it recorded is handed in when it is dropped.
    #[must_use]
    pub fn client(&self) -> Log<O, R> {
        let client = Client(self.shared.clients.fetch_add(1, Ordering::Relaxed));
        self.shared.open.fetch_add(1, Ordering::Relaxed);
        let (events, events_max) = (Vec::new(), self.events_max);
        Log { client, events, events_max, shared: Arc::clone(&self.shared) }
    }

    /// What was recorded, once all clients are done.
    ///
    /// # Errors
    /// [`Unrecorded`] if clients still record, which takes nothing away, or if what they recorded is malformed.
    pub fn history(&self) -> Result<History<O, R>, Unrecorded> {
        let mut done = self.shared.done.lock().unwrap_or_else(PoisonError::into_inner);
        match self.shared.open.load(Ordering::Acquire) {
            0 => History::from_events(std::mem::take(&mut *done)).map_err(Unrecorded::Malformed),
            open => Err(Unrecorded::StillRecording(open)),
        }
    }
}

impl<O, R> Log<O, R> {
    /// Who this is.
    #[must_use]
    pub const fn client(&self) -> Client {
        self.client
    }

    /// Records a call, just before it is made.
    ///
    /// # Errors
    /// [`Full`]: make the call unrecorded, or not at all.
    pub fn called(&mut self, at: u64, key: Key, operation: O) -> Result<(), Full> {
        // Room for the answer too: a call that is recorded has its answer recorded.
        if self.events.len().saturating_add(2) > self.events_max {
            return Err(Full);
        }
        self.push(at, EventKind::Called(key, operation));
        Ok(())
    }

    /// Records the answer, just after it came.
    pub fn returned(&mut self, at: u64, outcome: R) {
        self.push(at, EventKind::Returned(outcome));
    }

    /// Records that the call was refused: it had no effect and never will.
    pub fn failed(&mut self, at: u64) {
        self.push(at, EventKind::Failed);
    }

    /// Records that nobody waits for the answer any more: the call may take effect at any time, or never.
    pub fn unknown(&mut self, at: u64) {
        self.push(at, EventKind::Unknown);
    }

    fn push(&mut self, at: u64, kind: EventKind<O, R>) {
        self.events.push(Event { client: self.client, at, kind });
    }
}

impl<O, R> Drop for Log<O, R> {
    fn drop(&mut self) {
        let mut done = self.shared.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.append(&mut self.events);
        self.shared.open.fetch_sub(1, Ordering::Release);
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client's buffer is full; give the recorder more, or record shorter runs")
    }
}

impl std::error::Error for Full {}

impl fmt::Display for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillRecording(open) => write!(f, "{open} clients still record; drop their logs first"),
            Self::Malformed(malformed) => malformed.fmt(f),
        }
    }
}

impl std::error::Error for Unrecorded {}
