//! The history of a world, shared by all worlds that have it.

use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::OnceLock;

use crate::hash::fingerprint;

/// A history that no longer changes, with its fingerprint, once somebody asked for it.
pub(crate) struct Past<H> {
    fingerprint: OnceLock<u64>,
    history: H,
}

impl<H> Past<H> {
    pub(crate) const fn new(history: H) -> Self {
        Self { fingerprint: OnceLock::new(), history }
    }
}

impl<H: Hash> Past<H> {
    pub(crate) fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| fingerprint(&self.history))
    }
}

impl<H> Deref for Past<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.history
    }
}

impl<H: PartialEq> PartialEq for Past<H> {
    fn eq(&self, other: &Self) -> bool {
        self.history == other.history
    }
}

impl<H: Eq> Eq for Past<H> {}

impl<H: fmt::Debug> fmt::Debug for Past<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.history.fmt(f)
    }
}
