//! What the other threads have for the node's thread.
//!
//! One lock for all queues, taken once for a whole burst. The node's thread is woken only if it sleeps.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::error::{NodeError, RequestError};
use super::lock;
use crate::durable::Record;
use crate::id::{LogId, NodeId};
use crate::machine::{Machine, RecordOf};

/// Entries that were read back.
pub(super) struct Loaded<E> {
    pub(super) log: LogId,
    pub(super) from: u64,
    pub(super) entries: Vec<E>,
}

/// Why a node stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The application asked for it, or listens no longer.
    Asked,
    /// It cannot go on.
    Failed(NodeError),
}

/// What waits for the node's thread.
struct Waiting<Mc: Machine> {
    written: Option<Vec<RecordOf<Mc>>>,
    loaded: VecDeque<Loaded<Mc::Entry>>,
    messages: VecDeque<(NodeId, Mc::Message)>,
    requests: VecDeque<Mc::Request>,
    stop: Option<Stop>,
    /// Set by who wants the node's thread to look around.
    woken: bool,
    /// The node's thread waits.
    asleep: bool,
    /// Readers that wait for room.
    blocked: usize,
}

/// What was taken at once. Its queues are reused.
pub(super) struct Burst<Mc: Machine> {
    pub(super) written: Option<Vec<RecordOf<Mc>>>,
    pub(super) loaded: VecDeque<Loaded<Mc::Entry>>,
    pub(super) messages: VecDeque<(NodeId, Mc::Message)>,
    pub(super) requests: VecDeque<Mc::Request>,
}

impl<Mc: Machine> Default for Burst<Mc> {
    fn default() -> Self {
        Self { written: None, loaded: VecDeque::new(), messages: VecDeque::new(), requests: VecDeque::new() }
    }
}

/// The queues. See the module.
pub(super) struct Inbox<Mc: Machine> {
    waiting: Mutex<Waiting<Mc>>,
    work: Condvar,
    room: Condvar,
    messages_max: usize,
    requests_max: usize,
}

impl<Mc: Machine> Inbox<Mc> {
    pub(super) fn new(messages_max: usize, requests_max: usize) -> Self {
        let Burst { written, loaded, messages, requests } = Burst::<Mc>::default();
        let (stop, woken, asleep, blocked) = (None, false, false, 0);
        let waiting = Waiting { written, loaded, messages, requests, stop, woken, asleep, blocked };
        Self {
            waiting: Mutex::new(waiting),
            work: Condvar::new(),
            room: Condvar::new(),
            messages_max: messages_max.max(1),
            requests_max: requests_max.max(1),
        }
    }

    /// Lets go of the lock and wakes the node's thread if it sleeps.
    fn rouse(&self, waiting: MutexGuard<'_, Waiting<Mc>>) {
        let asleep = waiting.asleep;
        drop(waiting);
        if asleep {
            self.work.notify_one();
        }
    }

    /// The batch under way is durable; `records` is its buffer, to be used again.
    pub(super) fn written(&self, records: Vec<Record<Mc::Cell, Mc::Entry>>) {
        let mut waiting = lock(&self.waiting);
        waiting.written = Some(records);
        self.rouse(waiting);
    }

    /// A range was read back. Not bounded here: the machine bounds how many it asks for.
    pub(super) fn loaded(&self, loaded: Loaded<Mc::Entry>) {
        let mut waiting = lock(&self.waiting);
        waiting.loaded.push_back(loaded);
        self.rouse(waiting);
    }

    /// Takes all of `messages`, waiting for room; false if the node stops.
    pub(super) fn deliver(&self, from: NodeId, messages: &mut Vec<Mc::Message>) -> bool {
        let mut waiting = lock(&self.waiting);
        for message in messages.drain(..) {
            while waiting.messages.len() >= self.messages_max && waiting.stop.is_none() {
                if waiting.asleep {
                    self.work.notify_one();
                }
                waiting.blocked = waiting.blocked.saturating_add(1);
                waiting = self.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                waiting.blocked = waiting.blocked.saturating_sub(1);
            }
            if waiting.stop.is_some() {
                return false;
            }
            waiting.messages.push_back((from, message));
        }
        self.rouse(waiting);
        true
    }

    /// Takes a request, if there is room.
    pub(super) fn request(&self, request: Mc::Request) -> Result<(), RequestError<Mc::Request>> {
        let mut waiting = lock(&self.waiting);
        if waiting.stop.is_some() {
            return Err(RequestError::Stopped(request));
        }
        if waiting.requests.len() >= self.requests_max {
            return Err(RequestError::Busy(request));
        }
        waiting.requests.push_back(request);
        self.rouse(waiting);
        Ok(())
    }

    /// Makes the node's thread look around.
    pub(super) fn wake(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.woken = true;
        self.rouse(waiting);
    }

    /// Stops the node. A failure outranks a wish; otherwise the first reason stays.
    pub(super) fn stop(&self, stop: Stop) {
        let mut waiting = lock(&self.waiting);
        match (&waiting.stop, &stop) {
            (None, _) | (Some(Stop::Asked), Stop::Failed(_)) => waiting.stop = Some(stop),
            _ => {}
        }
        self.room.notify_all();
        self.rouse(waiting);
    }

    /// Whether the node stops.
    pub(super) fn is_stopping(&self) -> bool {
        lock(&self.waiting).stop.is_some()
    }

    /// Why the node failed, if it did.
    pub(super) fn failure(&self) -> Option<NodeError> {
        match &lock(&self.waiting).stop {
            Some(Stop::Failed(error)) => Some(error.clone()),
            _ => None,
        }
    }

    /// Waits for something to do, for `timeout` at most, and takes all of it; false if the node stops.
    /// With `intake` off, only completed writes and [`wake`](Self::wake) count.
    pub(super) fn take(&self, burst: &mut Burst<Mc>, intake: bool, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut waiting = lock(&self.waiting);
        loop {
            if waiting.stop.is_some() {
                return false;
            }
            let taken_in = intake
                && !(waiting.messages.is_empty() && waiting.requests.is_empty() && waiting.loaded.is_empty());
            if waiting.written.is_some() || taken_in || core::mem::take(&mut waiting.woken) {
                break;
            }
            waiting.asleep = true;
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            waiting = match left {
                Some(Duration::ZERO) => {
                    waiting.asleep = false;
                    break;
                }
                Some(left) => self.work.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.work.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
            waiting.asleep = false;
        }
        burst.written = waiting.written.take();
        if intake {
            core::mem::swap(&mut burst.loaded, &mut waiting.loaded);
            core::mem::swap(&mut burst.messages, &mut waiting.messages);
            core::mem::swap(&mut burst.requests, &mut waiting.requests);
            if waiting.blocked > 0 {
                self.room.notify_all();
            }
        }
        true
    }
}
