//! What sagas claim to happen at last.

use quorate::either::Either;
use quorate::saga::{Outcome, Request, Resolution, service};

use super::properties::orchestrators;
use super::{History, SagaSpec};
use crate::liveness::{Fairness, LeadsTo};
use crate::world::{Action, ActionOf, World};

/// Even where no service ever answers.
pub const ENDS_OR_TOLD: &str = "a saga ends, or an operator is told what is stuck";
/// If services answer and whoever operates them has it tried again.
pub const ENDS: &str = "a saga ends where services answer and the operator has it tried again";

/// All claims.
pub(super) fn all() -> Vec<LeadsTo<SagaSpec>> {
    vec![
        LeadsTo { name: ENDS_OR_TOLD, from: begun, to: ended_or_told, tail: alone },
        LeadsTo { name: ENDS, from: begun, to: ended, tail: served },
    ]
}

/// Nobody crashes, and nobody says anything.
const fn alone(action: &ActionOf<SagaSpec>) -> bool {
    !matches!(action, Action::Crash(..) | Action::Request(..))
}

/// Nobody crashes; of requests there are answers for good, and the operator's.
const fn served(action: &ActionOf<SagaSpec>) -> bool {
    match action {
        Action::Crash(..) => false,
        Action::Request(_, request, _) => promised(request),
        _ => true,
    }
}

const fn promised(request: &super::application::Asked) -> bool {
    match request {
        Either::Left(Request::Answer(answer)) => {
            matches!(answer.outcome, Outcome::Done | Outcome::Undone | Outcome::Refused)
        }
        Either::Left(Request::Resolve { resolution: Resolution::Retry, .. })
        | Either::Right(service::Request::Done { .. } | service::Request::Undone { .. }) => true,
        _ => false,
    }
}

/// Services answer at last, and operators see to what is stuck; all else as usual.
pub(super) const fn fairness(action: &ActionOf<SagaSpec>) -> Fairness {
    match action {
        Action::Request(_, request, _) if promised(request) => Fairness::Strong,
        other => Fairness::usual(other),
    }
}

fn begun(world: &World<SagaSpec>) -> bool {
    !world.history().sagas.is_empty()
}

fn over(history: &History) -> bool {
    history.sagas.iter().all(|past| past.completed.is_some())
}

fn ended(world: &World<SagaSpec>) -> bool {
    over(world.history())
}

fn ended_or_told(world: &World<SagaSpec>) -> bool {
    let history = world.history();
    history.sagas.iter().all(|past| {
        let stuck = |machine: &quorate::saga::Orchestrator<super::Input>| {
            machine
                .sagas()
                .any(|(id, standing)| id == past.saga && !standing.stuck.common(past.stuck).is_empty())
        };
        past.completed.is_some() || orchestrators(world).any(stuck)
    })
}
