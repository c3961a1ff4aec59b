//! Which `sometimes` were seen to hold.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::check::Kind;
use crate::spec::{Claim, Spec};
use crate::world::{Rules, World};

/// Bits of `sometimes` properties that can be noted; more properties than that are not tracked.
const NOTED: usize = 64;

/// A property that is decided by looking at a world.
type Looks<S> = fn(&World<S>) -> bool;

/// The `sometimes` of some rules, and which of them were seen.
pub(super) struct Noted<S: Spec> {
    seen: AtomicU64,
    /// Their places among all properties, and how they are decided.
    sometimes: Vec<(usize, Looks<S>)>,
}

impl<S: Spec> Noted<S> {
    /// Those of `rules`, none seen yet.
    pub(super) fn of(rules: &Rules<S>) -> Self {
        let noted =
            |(at, property): (usize, &crate::spec::Property<S>)| match (property.kind, &property.claim) {
                (Kind::Sometimes, Claim::State(holds)) => Some((at, *holds)),
                _ => None,
            };
        let sometimes = rules.properties().iter().enumerate().filter_map(noted).take(NOTED).collect();
        Self { seen: AtomicU64::new(0), sometimes }
    }

    /// Notes those that hold here and were not seen before.
    pub(super) fn note(&self, world: &World<S>) {
        let seen = self.seen.load(Ordering::Relaxed);
        for (bit, (_, holds)) in self.sometimes.iter().enumerate() {
            if seen & (1 << bit) == 0 && holds(world) {
                self.seen.fetch_or(1 << bit, Ordering::Relaxed);
            }
        }
    }

    /// Whether the one at this place among the rules' properties was seen.
    pub(super) fn seen(&self, place: usize) -> bool {
        let seen = self.seen.load(Ordering::Relaxed);
        self.sometimes.iter().enumerate().any(|(bit, (at, _))| *at == place && seen & (1 << bit) != 0)
    }
}
