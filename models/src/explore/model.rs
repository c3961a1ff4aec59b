//! A world as stateright sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stateright::Model;

use crate::spec::Spec;
use crate::world::{Move, Rules, Withheld, World};

/// The one property that stateright decides: no property of the rules falls.
///
/// It gets one only, since it evaluates each in every state and stores a path for each state in which a `sometimes`
/// holds.
pub(super) const SAFE: &str = "safe";

/// Rules, as stateright explores them. Clones share the rules, and stop together.
pub struct Explored<S: Spec> {
    rules: Arc<Rules<S>>,
    stop: Arc<AtomicBool>,
    /// Actions are offered again while paths are found again.
    resumed: Arc<AtomicBool>,
    /// Whether a violation was found. The first one stands: stateright goes on for a while, and would replace the path
    /// to it by that to a later, longer one.
    fallen: Arc<AtomicBool>,
    /// Whether every violation counts, and none ends the exploration: for a person who looks around.
    browsed: bool,
    /// Look for this violation only.
    target: Option<&'static str>,
}

impl<S: Spec> Clone for Explored<S> {
    fn clone(&self) -> Self {
        Self {
            rules: Arc::clone(&self.rules),
            stop: Arc::clone(&self.stop),
            resumed: Arc::clone(&self.resumed),
            fallen: Arc::clone(&self.fallen),
            browsed: self.browsed,
            target: self.target,
        }
    }
}

impl<S: Spec> Explored<S> {
    /// Rules to be explored, up to the first violation.
    #[must_use]
    pub fn new(rules: Rules<S>) -> Self {
        Self::of(Arc::new(rules))
    }

    fn of(rules: Arc<Rules<S>>) -> Self {
        let (stop, resumed, fallen) = Default::default();
        Self { rules, stop, resumed, fallen, browsed: false, target: None }
    }

    /// The same, for a person who looks around: a violation does not end it.
    pub(super) fn browsed(self) -> Self {
        Self { browsed: true, ..self }
    }

    /// Rules to be explored up to where this property falls.
    pub(super) fn targeting(rules: Arc<Rules<S>>, property: &'static str) -> Self {
        Self { target: Some(property), ..Self::of(rules) }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules<S> {
        &self.rules
    }

    /// From now on no state has any action, so that a run drains at once: the only way to stop a run of stateright on
    /// one thread.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Offers actions again while `task` runs.
    pub(super) fn resumed<T>(&self, task: impl FnOnce() -> T) -> T {
        self.resumed.store(true, Ordering::Relaxed);
        let outcome = task();
        self.resumed.store(false, Ordering::Relaxed);
        outcome
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
    type State = World<S>;
    type Action = Move<S>;

    fn init_states(&self) -> Vec<World<S>> {
        let mut worlds = self.rules().initial();
        // Origins that differ by names only are one, and must count as one.
        let mut prints: Vec<u64> = Vec::new();
        worlds.retain(|world| {
            let print = world.fingerprint();
            let new = !prints.contains(&print);
            prints.push(print);
            new
        });
        worlds
    }

    fn actions(&self, world: &World<S>, moves: &mut Vec<Move<S>>) {
        let ended = self.stopped() || self.fallen.load(Ordering::Relaxed);
        if !ended || self.resumed.load(Ordering::Relaxed) {
            self.rules().moves(world, moves, &mut Withheld::new());
        }
    }

    fn next_state(&self, _world: &World<S>, action: Move<S>) -> Option<World<S>> {
        Some(action.next)
    }

    fn format_action(&self, action: &Move<S>) -> String {
        format!("{action:?}")
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        vec![
            stateright::Property::always(SAFE, |model: &Self, world| model.safe(world)),
            // Keeps stateright from stopping once every other property was decided.
            stateright::Property::always("explored to the end", |_, _| true),
        ]
    }
}
