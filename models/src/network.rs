//! The network: a set of messages in flight, which may be lost, duplicated and reordered.
//!
//! A *set* is enough: which message is delivered next is open anyway, so order does not matter, and a second
//! copy of a message in flight behaves as delivering the first and keeping it, which is what the budget
//! "duplicates" pays for. What a set leaves out is that a sender repeats itself while the first copy is in
//! flight and *both* arrive, for free.

use std::hash::{Hash, Hasher};

use quorate::id::{NodeId, Permutation, Permute};
use smallvec::SmallVec;

use crate::hash::fingerprint;

/// How many messages are kept without allocating.
const INLINE: usize = 4;

/// A message on its way. Never from a node to itself: that one does not pass through the network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a plain triple")]
pub struct Envelope<M> {
    /// The sender, as the receiver will see it.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// What it says.
    pub message: M,
}

impl<M: Permute> Permute for Envelope<M> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.from.permute(by);
        self.to.permute(by);
        self.message.permute(by);
    }
}

/// The messages in flight: sorted, without repetition, each with its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network<M> {
    flying: SmallVec<[(u64, Envelope<M>); INLINE]>,
}

impl<M> Default for Network<M> {
    fn default() -> Self {
        Self { flying: SmallVec::new() }
    }
}

impl<M> Hash for Network<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.flying.len());
        for (fingerprint, _) in &self.flying {
            state.write_u64(*fingerprint);
        }
    }
}

impl<M: Ord + Hash> Network<M> {
    /// Puts a message in flight; one that already is changes nothing.
    pub fn insert(&mut self, envelope: Envelope<M>) {
        if let Err(at) = self.find(&envelope) {
            self.flying.insert(at, (fingerprint(&envelope), envelope));
        }
    }

    /// Takes a message out of flight; false if it was not in flight.
    pub fn remove(&mut self, envelope: &Envelope<M>) -> bool {
        let found = self.find(envelope);
        if let Ok(at) = found {
            self.flying.remove(at);
        }
        found.is_ok()
    }

    /// Whether a message is in flight.
    #[must_use]
    pub fn contains(&self, envelope: &Envelope<M>) -> bool {
        self.find(envelope).is_ok()
    }

    /// Keeps only the messages for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&Envelope<M>) -> bool) {
        self.flying.retain(|(_, envelope)| keep(envelope));
    }

    fn find(&self, envelope: &Envelope<M>) -> Result<usize, usize> {
        self.flying.binary_search_by(|(_, flying)| flying.cmp(envelope))
    }
}

impl<M> Network<M> {
    /// The messages in flight, in a fixed order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Envelope<M>> {
        self.flying.iter().map(|(_, envelope)| envelope)
    }

    /// How many messages are in flight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flying.len()
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }
}

impl<M: Permute + Ord + Hash> Permute for Network<M> {
    fn permute(&mut self, by: &Permutation<'_>) {
        for (print, envelope) in &mut self.flying {
            envelope.permute(by);
            *print = fingerprint(&*envelope);
        }
        self.flying.sort_unstable_by(|a, b| a.1.cmp(&b.1));
    }
}
