//! A world as stateright sees it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stateright::Model;

use super::counts::Counts;
use crate::check::Kind;
use crate::spec::{Claim, Property, Spec};
use crate::world::{Move, Rules, Withheld, World};

/// The one property that stateright decides: no property of the rules falls.
///
/// It gets one only, since it evaluates each in every state and stores a path for each state in which a
/// `sometimes` holds; those are noted here instead, until seen once.
pub(super) const SAFE: &str = "safe";

/// Bits of `sometimes` properties that can be noted; more properties than that are not tracked.
const NOTED: usize = 64;

/// A property that is decided by looking at a world.
pub(super) type Looks<S> = fn(&World<S>) -> bool;

/// A world, and how long the path was by which it was found: which is no part of it.
pub struct Placed<S: Spec> {
    /// The world.
    pub(super) world: World<S>,
    depth: u32,
}

impl<S: Spec> Clone for Placed<S> {
    fn clone(&self) -> Self {
        Self { world: self.world.clone(), depth: self.depth }
    }
}

impl<S: Spec> fmt::Debug for Placed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.world.fmt(f)
    }
}

impl<S: Spec> Hash for Placed<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.world.hash(state);
    }
}

impl<S: Spec> PartialEq for Placed<S> {
    fn eq(&self, other: &Self) -> bool {
        self.world == other.world
    }
}

/// Rules, explored. Clones share the rules and the counters.
pub struct Explored<S: Spec> {
    shared: Arc<Shared<S>>,
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    /// Nothing is counted while paths are found again.
    resumed: Arc<AtomicBool>,
    /// Whether a violation was found. The first one stands: stateright goes on for a while, and would
    /// replace the path to it by that to a later, longer one.
    fallen: Arc<AtomicBool>,
    /// Whether every violation counts, and none ends the exploration: for a person who looks around.
    browsed: bool,
    /// Look for this violation only.
    target: Option<&'static str>,
}

struct Shared<S: Spec> {
    rules: Rules<S>,
    seen: AtomicU64,
    /// The `sometimes` properties: their places among all, and how they are decided.
    sometimes: Vec<(usize, Looks<S>)>,
}

impl<S: Spec> Clone for Explored<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            counts: Arc::clone(&self.counts),
            stop: Arc::clone(&self.stop),
            resumed: Arc::clone(&self.resumed),
            fallen: Arc::clone(&self.fallen),
            browsed: self.browsed,
            target: self.target,
        }
    }
}

impl<S: Spec> Explored<S> {
    /// Rules to be explored.
    #[must_use]
    pub fn new(rules: Rules<S>) -> Self {
        let noted = |(at, property): (usize, &Property<S>)| match (property.kind, &property.claim) {
            (Kind::Sometimes, Claim::State(holds)) => Some((at, *holds)),
            _ => None,
        };
        let sometimes = rules.properties().iter().enumerate().filter_map(noted).take(NOTED).collect();
        Self {
            shared: Arc::new(Shared { rules, seen: AtomicU64::new(0), sometimes }),
            counts: Arc::default(),
            stop: Arc::default(),
            resumed: Arc::default(),
            fallen: Arc::default(),
            browsed: false,
            target: None,
        }
    }

    /// The same, for a person who looks around: a violation does not end it.
    pub(super) fn browsed(self) -> Self {
        Self { browsed: true, ..self }
    }

    /// The same rules, with counters of their own, looking for the fall of one property.
    pub(super) fn targeting(&self, property: &'static str) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            counts: Arc::default(),
            stop: Arc::default(),
            resumed: Arc::default(),
            fallen: Arc::default(),
            browsed: false,
            target: Some(property),
        }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules<S> {
        &self.shared.rules
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// From now on no state has any action, so that a run drains at once: the only way to stop a run of
    /// stateright on one thread.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Offers actions again, without counting anything, while `task` runs.
    pub(super) fn resumed<T>(&self, task: impl FnOnce() -> T) -> T {
        self.resumed.store(true, Ordering::Relaxed);
        let outcome = task();
        self.resumed.store(false, Ordering::Relaxed);
        outcome
    }

    /// Whether the `sometimes` property at this place among the rules' properties was seen to hold.
    pub(super) fn seen(&self, place: usize) -> bool {
        let seen = self.shared.seen.load(Ordering::Relaxed);
        self.shared.sometimes.iter().enumerate().any(|(bit, (at, _))| *at == place && seen & (1 << bit) != 0)
    }

    /// Notes the `sometimes` properties that hold here and were not seen before.
    fn note(&self, world: &World<S>) {
        let seen = self.shared.seen.load(Ordering::Relaxed);
        for (bit, (_, holds)) in self.shared.sometimes.iter().enumerate() {
            if seen & (1 << bit) == 0 && holds(world) {
                self.shared.seen.fetch_or(1 << bit, Ordering::Relaxed);
            }
        }
    }

    fn safe(&self, world: &World<S>) -> bool {
        let safe = match self.target {
            None => self.rules().violated(world).is_none(),
            Some(name) => !self.rules().falls(name, world),
        };
        safe || (!self.browsed && self.fallen.swap(true, Ordering::Relaxed))
    }
}

impl<S: Spec> Model for Explored<S> {
    type State = Placed<S>;
    type Action = Move<S>;

    fn init_states(&self) -> Vec<Placed<S>> {
        let mut worlds = self.rules().initial();
        // Origins that differ by names only are one, and must count as one.
        let mut prints: Vec<u64> = Vec::new();
        worlds.retain(|world| {
            let print = world.fingerprint();
            let new = !prints.contains(&print);
            prints.push(print);
            new
        });
        worlds.into_iter().map(|world| Placed { world, depth: 0 }).collect()
    }

    fn actions(&self, placed: &Placed<S>, moves: &mut Vec<Move<S>>) {
        let world = &placed.world;
        if self.resumed.load(Ordering::Relaxed) {
            return self.rules().moves(world, moves, &mut Withheld::new());
        }
        if self.stop.load(Ordering::Relaxed) || self.fallen.load(Ordering::Relaxed) {
            return;
        }
        self.note(world);
        let mut count = self.counts.mine();
        count.expand(placed.depth);
        self.rules().moves(world, moves, &mut count.withheld);
    }

    fn next_state(&self, before: &Placed<S>, action: Move<S>) -> Option<Placed<S>> {
        Some(Placed { world: action.next, depth: before.depth.saturating_add(1) })
    }

    fn format_action(&self, action: &Move<S>) -> String {
        format!("{action:?}")
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        vec![
            stateright::Property::always(SAFE, |model: &Self, placed: &Placed<S>| model.safe(&placed.world)),
            // Keeps stateright from stopping once every other property was decided.
            stateright::Property::always("explored to the end", |_, _| true),
        ]
    }
}
