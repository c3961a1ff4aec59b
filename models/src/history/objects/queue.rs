//! A queue: first in, first out.

use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::hash::Set;
use crate::history::{Foresight, Observed, Sequential};

/// A queue, empty at first.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "nothing to set")]
pub struct Queue<V>(pub std::marker::PhantomData<V>);

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

/// What can be asked of a [`Queue`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueOperation<V> {
    /// Let this be the last.
    Enqueue(V),
    /// Take the first.
    Dequeue,
}

/// What a [`Queue`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueOutcome<V> {
    /// It is in the queue.
    Done,
    /// The first, if there was one.
    Item(Option<V>),
}

impl<V: Clone + Eq + Hash> Sequential for Queue<V> {
    type State = VecDeque<V>;
    type Operation = QueueOperation<V>;
    type Outcome = QueueOutcome<V>;

    fn initial(&self) -> VecDeque<V> {
        VecDeque::new()
    }

    fn apply(&self, state: &mut VecDeque<V>, operation: &QueueOperation<V>) -> QueueOutcome<V> {
        match operation {
            QueueOperation::Enqueue(value) => {
                state.push_back(value.clone());
                QueueOutcome::Done
            }
            QueueOperation::Dequeue => QueueOutcome::Item(state.pop_front()),
        }
    }

    fn is_read(&self, _: &QueueOperation<V>, outcome: Option<&QueueOutcome<V>>) -> bool {
        matches!(outcome, Some(QueueOutcome::Item(None)))
    }

    /// What nobody took out, and no take of unknown outcome can have, stands before nothing that was taken: without
    /// it every outcome stays as it is.
    fn foresight<'a>(
        &'a self,
        history: &mut dyn Iterator<Item = Observed<'a, QueueOperation<V>, QueueOutcome<V>>>,
    ) -> Box<dyn Foresight<'a, Self> + 'a> {
        let mut taken = Taken { items: Set::default(), all: false };
        for Observed { operation, outcome, .. } in history {
            match (operation, outcome) {
                (QueueOperation::Dequeue, Some(QueueOutcome::Item(Some(item)))) => {
                    taken.items.insert(item);
                }
                (QueueOperation::Dequeue, None) => taken.all = true,
                _ => {}
            }
        }
        Box::new(taken)
    }
}

/// What was taken out.
struct Taken<'a, V> {
    items: Set<&'a V>,
    /// Whether anything may have been.
    all: bool,
}

impl<V: Clone + Eq + Hash> Foresight<'_, Queue<V>> for Taken<'_, V> {
    fn may_matter(&self, operation: &QueueOperation<V>) -> bool {
        match operation {
            QueueOperation::Enqueue(value) => self.all || self.items.contains(value),
            QueueOperation::Dequeue => true,
        }
    }
}

impl<V: fmt::Debug> fmt::Display for QueueOperation<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enqueue(value) => write!(f, "enqueue {value:?}"),
            Self::Dequeue => f.write_str("dequeue"),
        }
    }
}

impl<V: fmt::Debug> fmt::Display for QueueOutcome<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Item(Some(item)) => write!(f, "{item:?}"),
            Self::Item(None) => f.write_str("empty"),
        }
    }
}
