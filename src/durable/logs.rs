//! The logs of an image by their names: a machine has a few, so that one is found faster in a row than in a tree.

use alloc::vec::Vec;

use super::ImageLog;
use crate::id::LogId;

/// Ascending by name. As data it is the map that it is in effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Logs<E>(Vec<(LogId, ImageLog<E>)>);

impl<E> Logs<E> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, name: LogId) -> Option<&ImageLog<E>> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, log)| log)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, name: LogId) -> Option<&mut ImageLog<E>> {
        self.0.iter_mut().find(|(found, _)| *found == name).map(|(_, log)| log)
    }

    /// Puts a log among the others, none of which has its name.
    #[cold]
    pub(super) fn insert(&mut self, name: LogId, log: ImageLog<E>) {
        let at = self.0.partition_point(|(found, _)| *found < name);
        self.0.insert(at, (name, log));
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut ImageLog<E>> {
        self.0.iter_mut().map(|(_, log)| log)
    }

    /// What `each` makes of every log; `None` where it makes nothing of one.
    pub(super) fn filter_map<D>(
        &self,
        mut each: impl FnMut(&ImageLog<E>) -> Option<ImageLog<D>>,
    ) -> Option<Logs<D>> {
        self.0.iter().map(|(name, log)| Some((*name, each(log)?))).collect::<Option<_>>().map(Logs)
    }
}

#[cfg(feature = "serde")]
impl<E: serde::Serialize> serde::Serialize for Logs<E> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, log)| (name, log)))
    }
}

#[cfg(feature = "serde")]
impl<'de, E: serde::Deserialize<'de>> serde::Deserialize<'de> for Logs<E> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let logs = alloc::collections::BTreeMap::deserialize(deserializer)?;
        Ok(Self(logs.into_iter().collect()))
    }
}

#[cfg(feature = "arbitrary")]
impl<'a, E: arbitrary::Arbitrary<'a>> arbitrary::Arbitrary<'a> for Logs<E> {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let logs: alloc::collections::BTreeMap<_, _> = u.arbitrary()?;
        Ok(Self(logs.into_iter().collect()))
    }
}
