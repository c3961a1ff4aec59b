//! A list that is appended to and read as a whole.

use std::fmt;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::hash::Set;
use crate::history::{Foresight, Observed, Sequential, Step};

/// A list, empty at first.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "nothing to set")]
pub struct List<V>(pub std::marker::PhantomData<V>);

impl<V> Default for List<V> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

/// What can be asked of a [`List`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOperation<V> {
    /// Let this be at the end.
    Append(V),
    /// What is in it?
    Read,
}

/// What a [`List`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOutcome<V> {
    /// It is appended.
    Done,
    /// All of it, oldest first.
    Items(Vec<V>),
}

impl<V: Clone + Eq + Hash> Sequential for List<V> {
    type State = Vec<V>;
    type Operation = ListOperation<V>;
    type Outcome = ListOutcome<V>;

    fn initial(&self) -> Vec<V> {
        Vec::new()
    }

    fn apply(&self, state: &mut Vec<V>, operation: &ListOperation<V>) -> ListOutcome<V> {
        match operation {
            ListOperation::Append(value) => {
                state.push(value.clone());
                ListOutcome::Done
            }
            ListOperation::Read => ListOutcome::Items(state.clone()),
        }
    }

    fn step(
        &self,
        state: &Vec<V>,
        operation: &ListOperation<V>,
        outcome: Option<&ListOutcome<V>>,
    ) -> Step<Vec<V>> {
        match (operation, outcome) {
            (ListOperation::Append(value), None | Some(ListOutcome::Done)) => {
                let mut next = Vec::with_capacity(state.len() + 1);
                next.extend_from_slice(state);
                next.push(value.clone());
                Step::Becomes(next)
            }
            (ListOperation::Read, None) => Step::Unchanged,
            (ListOperation::Read, Some(ListOutcome::Items(items))) if items == state => Step::Unchanged,
            _ => Step::Impossible,
        }
    }

    fn is_read(&self, operation: &ListOperation<V>, _: Option<&ListOutcome<V>>) -> bool {
        matches!(operation, ListOperation::Read)
    }

    /// A list only grows, so it is at all times a beginning of the longest that was read, or goes on from there; and
    /// what no read shows was appended after all of them, or never.
    fn foresight<'a>(
        &'a self,
        history: &mut dyn Iterator<Item = Observed<'a, ListOperation<V>, ListOutcome<V>>>,
    ) -> Box<dyn Foresight<'a, Self> + 'a> {
        let mut longest: &[V] = &[];
        let mut found = Set::default();
        for observed in history {
            if let Some(ListOutcome::Items(items)) = observed.outcome {
                found.extend(items);
                if items.len() > longest.len() {
                    longest = items;
                }
            }
        }
        Box::new(Longest { longest, found })
    }
}

/// What reads showed.
struct Longest<'a, V> {
    longest: &'a [V],
    found: Set<&'a V>,
}

impl<V: Clone + Eq + Hash> Foresight<'_, List<V>> for Longest<'_, V> {
    fn may_matter(&self, operation: &ListOperation<V>) -> bool {
        matches!(operation, ListOperation::Append(value) if self.found.contains(value))
    }

    fn is_plausible(&self, state: &Vec<V>) -> bool {
        let common = state.len().min(self.longest.len());
        state.iter().take(common).eq(self.longest.iter().take(common))
    }
}

impl<V: fmt::Debug> fmt::Display for ListOperation<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append(value) => write!(f, "append {value:?}"),
            Self::Read => f.write_str("read"),
        }
    }
}

impl<V: fmt::Debug> fmt::Display for ListOutcome<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Items(items) => write!(f, "{items:?}"),
        }
    }
}
