//! What never changes in a machine's life.

use alloc::sync::Arc;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// Shared, and left out of a machine's hash. Equality still compares it, so equal values hash equally.
#[derive(Clone, Debug)]
pub(crate) struct Fixed<T>(pub(crate) Arc<T>);

impl<T> Deref for Fixed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: PartialEq> PartialEq for Fixed<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl<T: Eq> Eq for Fixed<T> {}

impl<T> Hash for Fixed<T> {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

/// What is shared in memory is written out as if it were not.
#[cfg(feature = "serde")]
impl<T: serde::Serialize> serde::Serialize for Fixed<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(&self.0, serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Fixed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|value| Self(Arc::new(value)))
    }
}
