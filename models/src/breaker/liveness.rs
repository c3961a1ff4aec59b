//! What the breaker claims to happen at last, if time passes and callers keep asking.

use quorate::resilience::breaker::{Request, State};

use super::BreakerSpec;
use crate::liveness::{Fairness, LeadsTo};
use crate::world::{Action, ActionOf, World};

/// An open breaker lets a probe through in the end.
pub const PROBES: &str = "an open breaker is tried again";
/// A half-open breaker opens or closes, even if nobody ever says how a probe ended.
pub const DECIDES: &str = "a half-open breaker decides";

/// How many callers there are where this is checked.
pub(super) const CALLERS: usize = 3;

/// All claims. Where every caller holds a token and none lets go of it, nobody is left to ask.
pub(super) fn all() -> Vec<LeadsTo<BreakerSpec>> {
    vec![
        LeadsTo {
            name: PROBES,
            from: |world| is(world, State::Open),
            to: |world| !is(world, State::Open) || nobody_is_idle(world),
            tail: passing,
        },
        LeadsTo {
            name: DECIDES,
            from: |world| is(world, State::HalfOpen),
            to: |world| !is(world, State::HalfOpen) || nobody_is_idle(world),
            tail: passing,
        },
    ]
}

/// Time passes, and callers ask; how their calls end they need not say.
const fn passing(action: &ActionOf<BreakerSpec>) -> bool {
    matches!(action, Action::Tick(_, 1..) | Action::Request(_, Request::Acquire { .. }, _))
}

/// Clocks go on, and whoever may call does at last.
pub(super) fn fairness(action: &ActionOf<BreakerSpec>) -> Fairness {
    match action {
        Action::Request(_, Request::Acquire { .. }, _) => Fairness::Strong,
        other => Fairness::usual(other),
    }
}

fn is(world: &World<BreakerSpec>, state: State) -> bool {
    world.machines().all(|breaker| breaker.state() == state)
}

fn nobody_is_idle(world: &World<BreakerSpec>) -> bool {
    world.history().calls.len() >= CALLERS
}
