//! What one step changed, as one command of the log.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::durable::Record;
use crate::id::{Permutation, Permute};
use crate::raft::Command;

/// The records of one step of the machine, in order; none where a step only says something.
///
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Change<V, E> {
    records: Arc<[Record<V, E>]>,
    bytes: usize,
}

impl<V, E> Change<V, E> {
    /// `records`, `bytes` long in all.
    pub(super) fn new(records: Vec<Record<V, E>>, bytes: usize) -> Self {
        Self { records: records.into(), bytes }
    }

    /// The records, in order.
    #[must_use]
    pub fn records(&self) -> &[Record<V, E>] {
        &self.records
    }
}

impl<V: Clone + PartialEq, E: Clone + PartialEq> Command for Change<V, E> {
    fn size_bytes(&self) -> usize {
        self.bytes
    }
}

impl<V: Permute + Clone, E: Permute + Clone> Permute for Change<V, E> {
    fn permute(&mut self, by: &Permutation<'_>) {
        Arc::make_mut(&mut self.records).iter_mut().for_each(|record| record.permute(by));
    }
}

#[cfg(feature = "serde")]
mod serial {
    use alloc::vec::Vec;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Change, Record};

    impl<V: Serialize, E: Serialize> Serialize for Change<V, E> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            (&*self.records, self.bytes).serialize(serializer)
        }
    }

    impl<'de, V: Deserialize<'de>, E: Deserialize<'de>> Deserialize<'de> for Change<V, E> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let (records, bytes) = <(Vec<Record<V, E>>, usize)>::deserialize(deserializer)?;
            Ok(Self::new(records, bytes))
        }
    }
}
