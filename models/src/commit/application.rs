//! What applications and operators may ask next.
//!
//! The application of a participant prepares what it is asked to, answers, carries out what it is told and says so. What
//! it has prepared survives a crash, and it may ask about it then. It goes by the names of transactions, or, where the
//! world says so, by positions: then it carries out at once what it is told under a later position than the last one.

use quorate::commit::{Outcome, coordinator, participant};
use quorate::either::Either;
use quorate::id::{NodeId, RequestId};

use super::{App, CommitSpec, Coordinator, Participant};
use crate::spec::RequestOf;
use crate::world::World;

type Request = RequestOf<CommitSpec>;

/// The number of cancellations: that of no transaction.
const CANCELS: RequestId = RequestId(u64::MAX);

pub(super) fn requests(
    spec: &CommitSpec,
    world: &World<CommitSpec>,
    node: NodeId,
    requests: &mut Vec<Request>,
) {
    match world.node(node).map(|node| &node.machine) {
        Some(Either::Left(coordinator)) => of_coordinator(spec, world, coordinator, requests),
        Some(Either::Right(participant)) => {
            of_participant(spec, world, participant, requests);
            resolutions(spec, world, participant, requests);
        }
        None => {}
    }
}

/// The next transaction that is planned, once the one before has come far enough; cancellations.
fn of_coordinator(
    spec: &CommitSpec,
    world: &World<CommitSpec>,
    coordinator: &Coordinator,
    requests: &mut Vec<Request>,
) {
    let history = world.history();
    let planned = usize::try_from(history.asked).ok().and_then(|at| spec.planned().get(at));
    let free = spec.overlaps() || (coordinator.in_flight() == 0 && history.pending.is_empty());
    if let Some(planned) = planned.filter(|_| free) {
        let branches = planned.participants.iter().map(|node| (*node, ())).collect();
        let id = RequestId(history.asked);
        requests.push(Either::Left(coordinator::Request::Begin { id, mode: planned.mode, branches }));
    }
    if spec.cancels() {
        // Also what is decided: that is refused.
        let cancel = |tx| coordinator::Request::Cancel { id: CANCELS, tx };
        requests.extend(coordinator.transactions().map(|(tx, _)| Either::Left(cancel(tx))));
    }
}

/// What an application owes: its vote, or word that it has carried something out; a question that it has.
pub(super) fn of_participant(
    spec: &CommitSpec,
    world: &World<CommitSpec>,
    participant: &Participant,
    requests: &mut Vec<Request>,
) {
    for (tx, part) in world.history().parts_of(participant.id()) {
        match part.app {
            App::Asked => {
                let ready = |vote: &_| participant::Request::Ready { tx, vote: *vote };
                requests.extend(spec.votes().iter().map(ready).map(Either::Right));
            }
            App::Told | App::Harmed if !spec.are_terse() => {
                requests.push(Either::Right(participant::Request::Done { tx }));
            }
            App::Back if !spec.are_terse() => {
                requests.push(Either::Right(participant::Request::Found { tx }));
            }
            App::Told
            | App::Harmed
            | App::Back
            | App::Finding
            | App::Idle
            | App::Ready
            | App::Declined
            | App::Done
            | App::Over => {}
        }
    }
}

/// What an operator may decide.
pub(super) fn resolutions(
    spec: &CommitSpec,
    world: &World<CommitSpec>,
    participant: &Participant,
    requests: &mut Vec<Request>,
) {
    if world.history().resolved < spec.resolutions() {
        let in_doubt = participant::Phase::InDoubt { heuristic: None };
        // He hears of it once the vote is out.
        let voted = |tx| {
            let deal = world.history().deal(tx);
            deal.and_then(|deal| deal.part(participant.id())).is_some_and(|part| part.said.is_some())
        };
        let doubts = participant.transactions().filter(|(tx, phase)| *phase == in_doubt && voted(*tx));
        for (tx, _) in doubts {
            let resolve = |outcome| participant::Request::Resolve { tx, outcome };
            requests.extend([Outcome::Commit, Outcome::Abort].map(resolve).map(Either::Right));
        }
    }
}
