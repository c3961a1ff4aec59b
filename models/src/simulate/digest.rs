//! The trace hash: a fingerprint of all that happened, the same on every platform and by every compiler.
//!
//! Each event is fed as its time, a tag, names of nodes as 64 bits little-endian, and what the protocol calls its own
//! (messages, timers, requests) in postcard's format, which is specified; `derive(Hash)` would promise nothing. The
//! hash is SipHash-1-3 with 128 bits.
//!
//! What many seeds came to is the *sum* of what each did, each hashed with its seed, so that neither threads nor
//! shards, nor the order in which shards are added up, make a difference.

use std::hash::Hasher as _;
use std::iter::Sum;

use quorate::id::NodeId;
use serde::Serialize;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::Simulated;
use crate::world::{Action, ActionOf};

/// What many seeds came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceHash(u128);

impl TraceHash {
    /// Of one seed that came to `trace`.
    fn of(seed: u64, trace: u128) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(&seed.to_le_bytes());
        hasher.write(&trace.to_le_bytes());
        Self(hasher.finish128().as_u128())
    }
}

impl std::fmt::Display for TraceHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Sum for TraceHash {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        Self(all.fold(0, |sum, one| sum.wrapping_add(one.0)))
    }
}

/// What happened in one seed so far.
pub(super) struct Digest {
    hasher: SipHasher13,
    bytes: Vec<u8>,
}

impl Digest {
    pub(super) fn new() -> Self {
        Self { hasher: SipHasher13::new(), bytes: Vec::new() }
    }

    /// One event at virtual time `at`.
    pub(super) fn note<S: Simulated>(&mut self, at: u64, action: &ActionOf<S>) {
        self.bytes.clear();
        self.word(at);
        match action {
            Action::Deliver(envelope, script) => {
                self.place(0, envelope.to, script);
                self.word(envelope.from.0);
                self.value(&envelope.message);
            }
            Action::Duplicate(envelope, script) => {
                self.place(1, envelope.to, script);
                self.word(envelope.from.0);
                self.value(&envelope.message);
            }
            Action::Drop(envelope) => {
                self.place(2, envelope.to, &[]);
                self.word(envelope.from.0);
                self.value(&envelope.message);
            }
            Action::Fire(node, timer, script) => {
                self.place(3, *node, script);
                self.value(timer);
            }
            Action::Request(node, request, script) => {
                self.place(4, *node, script);
                self.value(request);
            }
            Action::Flush(node) => self.place(5, *node, &[]),
            Action::Inbox(node, script) => self.place(6, *node, script),
            Action::Crash(node, kept, script) => {
                self.place(7, *node, script);
                self.word(*kept as u64);
            }
            Action::Tick(node, by) => {
                self.place(8, *node, &[]);
                self.bytes.extend(by.to_le_bytes());
            }
        }
        self.hasher.write(&self.bytes);
    }

    /// What `seed` came to, ended by the fall of `property` or by none.
    pub(super) fn finish(mut self, seed: u64, property: Option<&str>) -> TraceHash {
        self.hasher.write(property.unwrap_or("").as_bytes());
        TraceHash::of(seed, self.hasher.finish128().as_u128())
    }

    /// What happens, where, and by which choices.
    fn place(&mut self, tag: u8, node: NodeId, script: &[u32]) {
        self.bytes.push(tag);
        self.word(node.0);
        self.word(script.len() as u64);
        script.iter().for_each(|choice| self.bytes.extend(choice.to_le_bytes()));
    }

    fn word(&mut self, word: u64) {
        self.bytes.extend(word.to_le_bytes());
    }

    fn value(&mut self, value: &impl Serialize) {
        let bytes = std::mem::take(&mut self.bytes);
        // A type that postcard cannot write (a sequence of unknown length) leaves no bytes: the rest still counts.
        self.bytes = postcard::to_extend(value, bytes).unwrap_or_default();
    }
}
