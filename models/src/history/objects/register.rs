//! A register: read, write, compare-and-swap.

use std::fmt;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::hash::Set;
use crate::history::{Access, Foresight, Observed, Sequential, Step};

/// A register that holds `initial` at first.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "written out by callers")]
pub struct Register<V> {
    /// What it holds at first.
    pub initial: V,
}

/// What can be asked of a [`Register`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterOperation<V> {
    /// What does it hold?
    Read,
    /// Let it hold this.
    Write(V),
    /// Let it hold the second if it holds the first.
    Cas(V, V),
}

/// What a [`Register`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterOutcome<V> {
    /// It holds this.
    Value(V),
    /// It is written.
    Done,
    /// Whether it was swapped.
    Swapped(bool),
}

impl<V: Clone + Eq + Hash> Sequential for Register<V> {
    type State = V;
    type Operation = RegisterOperation<V>;
    type Outcome = RegisterOutcome<V>;

    fn initial(&self) -> V {
        self.initial.clone()
    }

    fn apply(&self, state: &mut V, operation: &Self::Operation) -> Self::Outcome {
        match operation {
            RegisterOperation::Read => RegisterOutcome::Value(state.clone()),
            RegisterOperation::Write(value) => {
                state.clone_from(value);
                RegisterOutcome::Done
            }
            RegisterOperation::Cas(from, to) => {
                let swapped = state == from;
                if swapped {
                    state.clone_from(to);
                }
                RegisterOutcome::Swapped(swapped)
            }
        }
    }

    fn step(&self, state: &V, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> Step<V> {
        let (fits, next) = match operation {
            RegisterOperation::Read => (
                outcome
                    .is_none_or(|outcome| matches!(outcome, RegisterOutcome::Value(value) if value == state)),
                state,
            ),
            RegisterOperation::Write(value) => {
                (outcome.is_none_or(|outcome| matches!(outcome, RegisterOutcome::Done)), value)
            }
            RegisterOperation::Cas(from, to) => {
                let swaps = state == from;
                let fits = outcome.is_none_or(|outcome| *outcome == RegisterOutcome::Swapped(swaps));
                (fits, if swaps { to } else { state })
            }
        };
        match (fits, next == state) {
            (false, _) => Step::Impossible,
            (true, true) => Step::Unchanged,
            (true, false) => Step::Becomes(next.clone()),
        }
    }

    fn is_read(&self, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> bool {
        let failed = outcome == Some(&RegisterOutcome::Swapped(false));
        matches!(operation, RegisterOperation::Read) || failed
    }

    fn access(&self, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> Option<Access<V>> {
        match (operation, outcome) {
            (RegisterOperation::Write(value), None | Some(RegisterOutcome::Done)) => {
                Some(Access::Write(value.clone()))
            }
            (RegisterOperation::Read, Some(RegisterOutcome::Value(value))) => {
                Some(Access::Read(value.clone()))
            }
            (RegisterOperation::Read, None) => Some(Access::Nothing),
            _ => None,
        }
    }

    /// A write whose value nothing can have found there matters only to a swap that failed, or may have.
    fn foresight<'a>(
        &'a self,
        history: &mut dyn Iterator<Item = Observed<'a, Self::Operation, Self::Outcome>>,
    ) -> Box<dyn Foresight<'a, Self> + 'a> {
        let mut seen = Seen { found: Set::default(), all: false };
        for Observed { operation, outcome, certain } in history {
            match (operation, outcome) {
                (_, Some(RegisterOutcome::Value(value)))
                | (RegisterOperation::Cas(value, _), Some(RegisterOutcome::Swapped(true))) => {
                    seen.found.insert(value);
                }
                // One that need not have taken effect need not have failed either.
                (RegisterOperation::Cas(value, _), None) if !certain => {
                    seen.found.insert(value);
                }
                (RegisterOperation::Cas(..), _) => seen.all = true,
                _ => {}
            }
        }
        Box::new(seen)
    }
}

/// The values that some operation found.
struct Seen<'a, V> {
    found: Set<&'a V>,
    /// Whether anything at all may matter.
    all: bool,
}

impl<V: Clone + Eq + Hash> Foresight<'_, Register<V>> for Seen<'_, V> {
    fn may_matter(&self, operation: &RegisterOperation<V>) -> bool {
        match operation {
            RegisterOperation::Write(value) => self.all || self.found.contains(value),
            RegisterOperation::Cas(..) => true,
            RegisterOperation::Read => false,
        }
    }
}

impl<V: fmt::Debug> fmt::Display for RegisterOperation<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("read"),
            Self::Write(value) => write!(f, "write {value:?}"),
            Self::Cas(from, to) => write!(f, "cas {from:?} {to:?}"),
        }
    }
}

impl<V: fmt::Debug> fmt::Display for RegisterOutcome<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value:?}"),
            Self::Done => f.write_str("done"),
            Self::Swapped(true) => f.write_str("swapped"),
            Self::Swapped(false) => f.write_str("not swapped"),
        }
    }
}
