//! The network: a set of messages in flight, which may be lost, duplicated and reordered.
//!
//! A *set* is enough: which message is delivered next is open anyway, so order does not matter, and a second
//! copy of a message in flight behaves as delivering the first and keeping it, which is what the budget
//! "duplicates" pays for. What a set leaves out is that a sender repeats itself while the first copy is in
//! flight and *both* arrive, for free.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

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

/// An envelope in flight, with what would be costly to compute again for each world it is part of.
#[derive(Debug, PartialEq, Eq)]
pub struct Flying<M> {
    fingerprint: u64,
    signature: u64,
    envelope: Envelope<M>,
}

impl<M: Hash> Flying<M> {
    /// An envelope whose message has this [`message_signature`](crate::spec::Spec::message_signature).
    pub(crate) fn new(envelope: Envelope<M>, signature: u64) -> Self {
        Self { fingerprint: fingerprint(&envelope), signature, envelope }
    }

    /// The same under other names.
    pub(crate) fn renamed(&self, by: &Permutation<'_>) -> Self
    where
        M: Permute + Clone,
    {
        let mut envelope = self.envelope.clone();
        envelope.permute(by);
        Self::new(envelope, self.signature)
    }
}

impl<M> Flying<M> {
    /// The fingerprint of the whole envelope.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// A summary that renaming nodes leaves as it is.
    #[must_use]
    pub const fn signature(&self) -> u64 {
        self.signature
    }

    /// The envelope.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope<M> {
        &self.envelope
    }
}

/// The messages in flight, without repetition, in the order of their fingerprints.
#[derive(Debug, PartialEq, Eq)]
pub struct Network<M> {
    flying: SmallVec<[Arc<Flying<M>>; INLINE]>,
}

impl<M> Default for Network<M> {
    fn default() -> Self {
        Self { flying: SmallVec::new() }
    }
}

impl<M> Clone for Network<M> {
    fn clone(&self) -> Self {
        Self { flying: self.flying.clone() }
    }
}

impl<M> Hash for Network<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.flying.len());
        for flying in &self.flying {
            state.write_u64(flying.fingerprint);
        }
    }
}

impl<M: Ord> Network<M> {
    /// Puts a message in flight; one that already is changes nothing.
    pub(crate) fn insert(&mut self, flying: Arc<Flying<M>>) {
        if let Err(at) = self.place(&flying) {
            self.flying.insert(at, flying);
        }
    }

    /// Whether this very message is in flight.
    pub(crate) fn holds(&self, flying: &Flying<M>) -> bool {
        self.place(flying).is_ok()
    }

    fn place(&self, wanted: &Flying<M>) -> Result<usize, usize> {
        // Of two with the same fingerprint, the one that says less comes first.
        self.flying.binary_search_by(|flying| {
            flying.fingerprint.cmp(&wanted.fingerprint).then_with(|| flying.envelope.cmp(&wanted.envelope))
        })
    }

    /// The same messages, each by `each`.
    pub(crate) fn map(&self, each: impl FnMut(&Arc<Flying<M>>) -> Arc<Flying<M>>) -> Self {
        let mut flying: SmallVec<[_; INLINE]> = self.flying.iter().map(each).collect();
        flying.sort_unstable_by(|a, b| {
            a.fingerprint.cmp(&b.fingerprint).then_with(|| a.envelope.cmp(&b.envelope))
        });
        Self { flying }
    }
}

impl<M: PartialEq> Network<M> {
    /// Takes a message out of flight; nothing if it was not in flight.
    pub(crate) fn take(&mut self, envelope: &Envelope<M>) -> Option<Arc<Flying<M>>> {
        let at = self.flying.iter().position(|flying| flying.envelope == *envelope)?;
        Some(self.flying.remove(at))
    }

    /// A message in flight.
    pub(crate) fn get(&self, envelope: &Envelope<M>) -> Option<&Arc<Flying<M>>> {
        self.flying.iter().find(|flying| flying.envelope == *envelope)
    }

    /// Whether a message is in flight.
    #[must_use]
    pub fn contains(&self, envelope: &Envelope<M>) -> bool {
        self.get(envelope).is_some()
    }
}

impl<M> Network<M> {
    /// Keeps only the messages for which `keep` holds.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Envelope<M>) -> bool) {
        self.flying.retain(|flying| keep(&flying.envelope));
    }

    /// The messages in flight, in a fixed order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Envelope<M>> {
        self.flying.iter().map(|flying| &flying.envelope)
    }

    /// The messages in flight, in the same order, with their fingerprints.
    pub(crate) fn flying(&self) -> &[Arc<Flying<M>>] {
        &self.flying
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
