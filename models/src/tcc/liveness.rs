//! What happens at last, if nobody crashes any more and applications answer.

use quorate::commit::tcc::service::Request;
use quorate::either::Either;

use super::TccSpec;
use super::history::{Activity, Held};
use super::spec::{RequestOfSite, Site};
use crate::liveness::{Fairness, LeadsTo};
use crate::world::{Action, ActionOf, World};

/// Everything that is begun ends, and nothing stays reserved: not even what was cancelled before it was tried.
pub const ENDS_AT_LAST: &str = "every activity ends, and nothing stays reserved";

pub(super) fn all() -> Vec<LeadsTo<TccSpec>> {
    vec![LeadsTo { name: ENDS_AT_LAST, from: is_under_way, to: |world| !is_under_way(world), tail: going_on }]
}

fn is_under_way(world: &World<TccSpec>) -> bool {
    let holds = |activity: &Activity| {
        activity.branches.iter().any(|branch| matches!(branch.held, Held::Reserved | Held::Perhaps))
    };
    let live = |machine: &Site| match machine {
        Either::Left(coordinator) => coordinator.in_flight() > 0,
        Either::Right(service) => service.live() > 0,
    };
    world.machines().any(live) || world.history().activities.iter().any(holds)
}

/// No crash and no failure goes on for ever, and nothing new is begun.
const fn going_on(action: &ActionOf<TccSpec>) -> bool {
    match action {
        Action::Crash(..) | Action::Duplicate(..) => false,
        Action::Request(_, request, _) => is_answer(request),
        _ => true,
    }
}

/// An application answers at last what it is asked and told.
pub(super) fn fairness(action: &ActionOf<TccSpec>) -> Fairness {
    match action {
        Action::Request(_, request, _) if is_answer(request) => Fairness::Strong,
        other => Fairness::usual(other),
    }
}

const fn is_answer(request: &RequestOfSite) -> bool {
    matches!(request, Either::Right(Request::Reserved { .. } | Request::Done { .. } | Request::Found { .. }))
}
