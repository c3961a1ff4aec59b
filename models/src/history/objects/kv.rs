//! One key of a key-value store: get, set, del and incr, as the Redis protocol has them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::Set;
use crate::history::{Access, Foresight, Observed, Sequential, Step};

/// One key of a store, absent at first.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "nothing to set")]
pub struct Kv;

/// What can be asked of a [`Kv`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvOperation {
    /// The value, if there is one.
    Get,
    /// Let this be the value.
    Set(Box<str>),
    /// Let there be no value.
    Del,
    /// Add one to the value, a decimal number of 64 bits; an absent one counts as 0.
    Incr,
}

/// What a [`Kv`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvOutcome {
    /// The value, if there is one.
    Value(Option<Box<str>>),
    /// It is set.
    Done,
    /// Whether there was a value.
    Deleted(bool),
    /// The number it is now.
    Number(i64),
    /// It is no number, or would leave the range of 64 bits; it stays as it is.
    NotANumber,
}

impl Sequential for Kv {
    type State = Option<Box<str>>;
    type Operation = KvOperation;
    type Outcome = KvOutcome;

    fn initial(&self) -> Self::State {
        None
    }

    fn apply(&self, state: &mut Self::State, operation: &KvOperation) -> KvOutcome {
        match operation {
            KvOperation::Get => KvOutcome::Value(state.clone()),
            KvOperation::Set(value) => {
                *state = Some(value.clone());
                KvOutcome::Done
            }
            KvOperation::Del => KvOutcome::Deleted(state.take().is_some()),
            KvOperation::Incr => {
                let number =
                    state.as_deref().map_or(Some(0), decimal).and_then(|number| number.checked_add(1));
                match number {
                    Some(number) => {
                        *state = Some(number.to_string().into());
                        KvOutcome::Number(number)
                    }
                    None => KvOutcome::NotANumber,
                }
            }
        }
    }

    fn step(
        &self,
        state: &Self::State,
        operation: &KvOperation,
        outcome: Option<&KvOutcome>,
    ) -> Step<Self::State> {
        match (operation, outcome) {
            (KvOperation::Get, Some(KvOutcome::Value(value))) if value == state => Step::Unchanged,
            (KvOperation::Get, Some(_)) => Step::Impossible,
            (KvOperation::Get, None) => Step::Unchanged,
            _ => {
                let mut next = state.clone();
                let answered = self.apply(&mut next, operation);
                match outcome {
                    Some(outcome) if *outcome != answered => Step::Impossible,
                    _ if next == *state => Step::Unchanged,
                    _ => Step::Becomes(next),
                }
            }
        }
    }

    fn is_read(&self, operation: &KvOperation, outcome: Option<&KvOutcome>) -> bool {
        let failed = matches!(outcome, Some(KvOutcome::Deleted(false) | KvOutcome::NotANumber));
        matches!(operation, KvOperation::Get) || failed
    }

    fn access(&self, operation: &KvOperation, outcome: Option<&KvOutcome>) -> Option<Access<Self::State>> {
        match (operation, outcome) {
            (KvOperation::Set(value), None | Some(KvOutcome::Done)) => {
                Some(Access::Write(Some(value.clone())))
            }
            (KvOperation::Get, Some(KvOutcome::Value(value))) => Some(Access::Read(value.clone())),
            (KvOperation::Get, None) => Some(Access::Nothing),
            _ => None,
        }
    }

    /// A value that nobody read matters only for being there when a key is deleted, in which all such values are alike,
    /// or for being counted up.
    fn foresight<'a>(
        &'a self,
        history: &mut dyn Iterator<Item = Observed<'a, KvOperation, KvOutcome>>,
    ) -> Box<dyn Foresight<'a, Self> + 'a> {
        let mut seen = Seen { found: Set::default(), deleted: false, counted: false, unread: None };
        let mut written = Vec::new();
        for Observed { operation, outcome, .. } in history {
            match (operation, outcome) {
                (KvOperation::Get, Some(KvOutcome::Value(Some(value)))) => {
                    seen.found.insert(value);
                }
                (KvOperation::Set(value), _) => written.push((operation, value)),
                (KvOperation::Del, Some(_)) => seen.deleted = true,
                (KvOperation::Incr, _) => seen.counted = true,
                _ => {}
            }
        }
        let unread = written.into_iter().find(|(_, value)| !seen.found.contains(&***value));
        seen.unread = unread.map(|(operation, _)| operation);
        Box::new(seen)
    }
}

/// A number as the Redis protocol writes it: no plus, no zeros in front.
fn decimal(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// What is known of the values that were written.
struct Seen<'a> {
    /// The values that were read.
    found: Set<&'a str>,
    /// Whether some key is known to have been deleted, or not to have been there.
    deleted: bool,
    /// Whether anything is counted up.
    counted: bool,
    /// A write of a value that nobody read.
    unread: Option<&'a KvOperation>,
}

impl<'a> Foresight<'a, Kv> for Seen<'a> {
    fn may_matter(&self, operation: &KvOperation) -> bool {
        match operation {
            KvOperation::Set(value) => self.counted || self.deleted || self.found.contains(&**value),
            KvOperation::Get => false,
            KvOperation::Del | KvOperation::Incr => true,
        }
    }

    fn kind(&self, operation: &'a KvOperation) -> Option<&'a KvOperation> {
        match operation {
            KvOperation::Set(value) if !self.counted && !self.found.contains(&**value) => self.unread,
            _ => None,
        }
    }
}

impl fmt::Display for KvOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get => f.write_str("get"),
            Self::Set(value) => write!(f, "set {value:?}"),
            Self::Del => f.write_str("del"),
            Self::Incr => f.write_str("incr"),
        }
    }
}

impl fmt::Display for KvOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(Some(value)) => write!(f, "{value:?}"),
            Self::Value(None) => f.write_str("nothing"),
            Self::Done => f.write_str("done"),
            Self::Deleted(true) => f.write_str("deleted"),
            Self::Deleted(false) => f.write_str("was not there"),
            Self::Number(number) => write!(f, "{number}"),
            Self::NotANumber => f.write_str("not a number"),
        }
    }
}
