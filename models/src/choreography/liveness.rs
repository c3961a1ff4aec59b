//! What sagas by choreography claim to happen at last.

use quorate::saga::choreography::Request;
use quorate::saga::{Outcome, Resolution};

use super::application::stuck;
use super::history::Past;
use super::{ChoreographySpec, History};
use crate::liveness::{Fairness, LeadsTo};
use crate::world::{Action, ActionOf, World};

/// Even where no application ever answers.
pub const ENDS_OR_TOLD: &str = "all are told a saga's end, or an operator what is stuck";
/// If applications answer and operators have what is stuck tried again.
pub const ENDS: &str =
    "all are told a saga's end where applications answer and operators have it tried again";
/// If the initiator's application takes note of ends, too.
pub const RELEASED: &str = "the initiator lets go of what has ended";

/// All claims.
pub(super) fn all(spec: &ChoreographySpec) -> Vec<LeadsTo<ChoreographySpec>> {
    let mut all = vec![
        LeadsTo { name: ENDS_OR_TOLD, from: begun, to: ended_or_told, tail: alone },
        LeadsTo { name: ENDS, from: begun, to: ended, tail: served },
    ];
    if spec.menu().forgets {
        all.push(LeadsTo { name: RELEASED, from: begun, to: released, tail: served });
    }
    all
}

/// Nobody crashes, and nobody says anything.
const fn alone(action: &ActionOf<ChoreographySpec>) -> bool {
    !matches!(action, Action::Crash(..) | Action::Request(..))
}

/// Nobody crashes; of requests there are answers for good, the operator's, and that ends are taken note of.
const fn served(action: &ActionOf<ChoreographySpec>) -> bool {
    match action {
        Action::Crash(..) => false,
        Action::Request(_, request, _) => promised(request),
        _ => true,
    }
}

const fn promised(request: &Request<()>) -> bool {
    match request {
        Request::Answer(answer) => {
            matches!(answer.outcome, Outcome::Done | Outcome::Undone | Outcome::Refused)
        }
        Request::Resolve { resolution: Resolution::Retry, .. } | Request::Forget { .. } => true,
        _ => false,
    }
}

/// Applications answer at last, operators see to what is stuck, ends are taken note of; all else as usual.
pub(super) const fn fairness(action: &ActionOf<ChoreographySpec>) -> Fairness {
    match action {
        Action::Request(_, request, _) if promised(request) => Fairness::Strong,
        other => Fairness::usual(other),
    }
}

fn begun(world: &World<ChoreographySpec>) -> bool {
    !world.history().sagas.is_empty()
}

/// Whether everybody who has a part was told how a saga ended. All nodes of these worlds have.
fn all_told(world: &World<ChoreographySpec>, past: &Past) -> bool {
    past.told.count_ones() as usize == world.nodes().len()
}

fn each(history: &History, holds: impl FnMut(&Past) -> bool) -> bool {
    history.sagas.iter().all(holds)
}

fn ended(world: &World<ChoreographySpec>) -> bool {
    each(world.history(), |past| all_told(world, past))
}

fn ended_or_told(world: &World<ChoreographySpec>) -> bool {
    let history = world.history();
    let is_stuck = |past: &Past| {
        world.machines().any(|machine| stuck(history, machine).iter().any(|(saga, _)| *saga == past.saga))
    };
    each(history, |past| all_told(world, past) || is_stuck(past))
}

fn released(world: &World<ChoreographySpec>) -> bool {
    each(world.history(), |past| past.over & super::history::bit(past.saga.initiator) != 0)
}
