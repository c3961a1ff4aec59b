//! Fingerprints: 64 bits of any state, the same in every run and on every platform.

use std::hash::{BuildHasher, Hash, Hasher as _};

use foldhash::quality::FixedState;

/// An arbitrary seed; a fixed one, since counts and traces must not vary between runs.
const SEED: u64 = 0x7175_6f72_6174_6521;

/// The fingerprint of `value`.
pub(crate) fn fingerprint<T: Hash + ?Sized>(value: &T) -> u64 {
    FixedState::with_seed(SEED).hash_one(value)
}

/// Mixes two words into one, order mattering.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut hasher = FixedState::with_seed(SEED).build_hasher();
    hasher.write_u64(a);
    hasher.write_u64(b);
    hasher.finish()
}

/// A set that is only asked, never walked through.
pub(crate) type Set<T> = std::collections::HashSet<T, foldhash::fast::FixedState>;
/// A map that is only asked, never walked through.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::FixedState>;
