//! A lock that one holder has at a time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::Sequential;

/// A lock, free at first. Nobody gets it twice in a row, not even its holder.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "nothing to set")]
pub struct Lock;

/// What can be asked of a [`Lock`], by a holder of this name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockOperation {
    /// Give it to me, if it is free.
    Acquire(u64),
    /// Take it back, if I have it.
    Release(u64),
}

/// What a [`Lock`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockOutcome {
    /// Whether it was given.
    Acquired(bool),
    /// Whether it was taken back.
    Released(bool),
}

impl Sequential for Lock {
    type State = Option<u64>;
    type Operation = LockOperation;
    type Outcome = LockOutcome;

    fn initial(&self) -> Option<u64> {
        None
    }

    fn is_read(&self, _: &LockOperation, outcome: Option<&LockOutcome>) -> bool {
        matches!(outcome, Some(LockOutcome::Acquired(false) | LockOutcome::Released(false)))
    }

    fn apply(&self, state: &mut Option<u64>, operation: &LockOperation) -> LockOutcome {
        match operation {
            LockOperation::Acquire(by) => {
                let free = state.is_none();
                if free {
                    *state = Some(*by);
                }
                LockOutcome::Acquired(free)
            }
            LockOperation::Release(by) => {
                let held = *state == Some(*by);
                if held {
                    *state = None;
                }
                LockOutcome::Released(held)
            }
        }
    }
}

impl fmt::Display for LockOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acquire(by) => write!(f, "acquire by {by}"),
            Self::Release(by) => write!(f, "release by {by}"),
        }
    }
}

impl fmt::Display for LockOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acquired(true) => "acquired",
            Self::Acquired(false) => "not acquired",
            Self::Released(true) => "released",
            Self::Released(false) => "not released",
        })
    }
}
