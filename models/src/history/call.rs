//! Calls, and histories of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A client: a sequence of calls, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Client(pub u32);

/// An object that is called: objects are independent of each other. [`History::name`] may have a name for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

/// What happened at a client, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<O, R> {
    /// Whose.
    pub client: Client,
    /// When, in nanoseconds or any other unit that grows; real or virtual.
    pub at: u64,
    /// What.
    pub kind: EventKind<O, R>,
}

/// What happened at a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind<O, R> {
    /// It called an object.
    Called(Key, O),
    /// Its call was answered.
    Returned(R),
    /// Its call certainly had no effect and never will: it was refused. The history forgets it.
    Failed,
    /// It gave up waiting: the call may take effect at any later time, or never.
    Unknown,
}

/// A call and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<O, R> {
    /// Who called.
    pub client: Client,
    /// What was called.
    pub key: Key,
    /// When it was called.
    pub called: u64,
    /// What was asked for.
    pub operation: O,
    /// What came of it.
    pub answer: Answer<R>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<R> {
    /// It was answered.
    Returned {
        /// When.
        at: u64,
        /// With what.
        outcome: R,
    },
    /// It may take effect at any time after it was called, or never.
    Unknown,
}

impl<O, R> Call<O, R> {
    /// When it was answered, and with what.
    pub const fn returned(&self) -> Option<(u64, &R)> {
        match &self.answer {
            Answer::Returned { at, outcome } => Some((*at, outcome)),
            Answer::Unknown => None,
        }
    }
}

/// The calls of some clients, well formed: a client has one call open at a time and its times do not go back.
///
/// Two events at the same time are taken for concurrent, since none is known to come first. Where time is virtual and
/// many things happen at one instant, number the events and give the numbers as times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<O, R> {
    calls: Vec<Call<O, R>>,
    names: BTreeMap<Key, String>,
}

impl<O, R> History<O, R> {
    /// A history of `events`: those of one client in their order, clients mixed in any way.
    ///
    /// # Errors
    /// [`Malformed`] if no clients could have seen this.
    pub fn from_events(events: impl IntoIterator<Item = Event<O, R>>) -> Result<Self, Malformed> {
        let mut builder = Builder::default();
        events.into_iter().try_for_each(|event| builder.push(event))?;
        Ok(builder.finish())
    }

    /// The calls, in the order in which they were made; those of one client always in its own order.
    #[must_use]
    pub fn calls(&self) -> &[Call<O, R>] {
        &self.calls
    }

    /// Gives names to keys, for people to read.
    #[must_use]
    pub fn with_names(mut self, names: impl IntoIterator<Item = (Key, String)>) -> Self {
        self.names.extend(names);
        self
    }

    /// What `key` is called: its number if it has no name.
    #[must_use]
    pub fn name(&self, key: Key) -> String {
        self.names.get(&key).cloned().unwrap_or_else(|| key.0.to_string())
    }
}

/// A history in the making.
#[derive(Debug)]
pub(super) struct Builder<O, R> {
    calls: Vec<Call<O, R>>,
    without_effect: Vec<usize>,
    clients: BTreeMap<Client, Progress>,
    events: usize,
}

impl<O, R> Default for Builder<O, R> {
    fn default() -> Self {
        Self { calls: Vec::new(), without_effect: Vec::new(), clients: BTreeMap::new(), events: 0 }
    }
}

/// How far a client is.
#[derive(Debug, Default)]
struct Progress {
    /// The time of its last event.
    at: u64,
    /// Its open call.
    open: Option<usize>,
}

impl<O, R> Builder<O, R> {
    /// Adds what happened next at a client.
    pub(super) fn push(&mut self, event: Event<O, R>) -> Result<(), Malformed> {
        let Event { client, at, kind } = event;
        let event = self.events;
        let malformed = |fault| Malformed { event, client, at, fault };
        let progress = self.clients.entry(client).or_default();
        if at < progress.at {
            return Err(malformed(Fault::TimeWentBack { before: progress.at }));
        }
        match (kind, progress.open) {
            (EventKind::Called(..), Some(_)) => return Err(malformed(Fault::StillOpen)),
            (EventKind::Called(key, operation), None) => {
                progress.open = Some(self.calls.len());
                self.calls.push(Call { client, key, called: at, operation, answer: Answer::Unknown });
            }
            (_, None) => return Err(malformed(Fault::NothingOpen)),
            (EventKind::Returned(outcome), Some(open)) => {
                if let Some(call) = self.calls.get_mut(open) {
                    call.answer = Answer::Returned { at, outcome };
                }
                progress.open = None;
            }
            (EventKind::Failed, Some(open)) => {
                self.without_effect.push(open);
                progress.open = None;
            }
            (EventKind::Unknown, Some(_)) => progress.open = None,
        }
        progress.at = at;
        self.events += 1;
        Ok(())
    }

    /// The history. Calls still open have an unknown outcome.
    pub(super) fn finish(mut self) -> History<O, R> {
        if !self.without_effect.is_empty() {
            self.without_effect.sort_unstable();
            let mut index = 0;
            self.calls.retain(|_| {
                index += 1;
                self.without_effect.binary_search(&(index - 1)).is_err()
            });
        }
        // Stable, so that a client's own calls stay in its order.
        self.calls.sort_by_key(|call| call.called);
        History { calls: self.calls, names: BTreeMap::new() }
    }
}

/// Events that no clients can have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Which event, counted from 0.
    pub event: usize,
    /// Whose.
    pub client: Client,
    /// When.
    pub at: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A call while the client's last one was open: a client has one at a time.
    StillOpen,
    /// An answer to no open call.
    NothingOpen,
    /// A time before that of the client's last event.
    TimeWentBack {
        /// That time.
        before: u64,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, client, at, fault } = self;
        write!(f, "event {event}, of client {} at {at}: ", client.0)?;
        match fault {
            Fault::StillOpen => f.write_str("a call while the last one is open; say first what became of it"),
            Fault::NothingOpen => f.write_str("an answer, but no call is open"),
            Fault::TimeWentBack { before } => write!(f, "time went back, from {before}"),
        }
    }
}

impl std::error::Error for Malformed {}
