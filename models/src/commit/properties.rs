//! What is claimed of two-phase commit, in any world, and what each claim speaks of (Bernstein, Hadzilacos and Goodman,
//! *Concurrency Control and Recovery in Database Systems*, 1987, 7.3, AC1 to AC4; R\* for what is written when).

use quorate::commit::{Outcome, Vote, coordinator, participant};
use quorate::either::{Either, Notice};
use quorate::ledger::Output;

use super::spec::{coordinator_of, is_in_doubt, participants_entry};
use super::{CommitSpec, History, Message};
use crate::spec::{Event, Property, Seen};
use crate::world::World;

/// All that is ever said of a transaction's outcome, by whomever, in whatever life, agrees.
pub const AGREEMENT: &str = "agreement";
/// What commits, all voted yes or read-only for; what anybody voted no for does not.
pub const VALIDITY: &str = "validity";
/// A participant's first vote stands; another one only says that it has heard of the abort.
pub const ONE_VOTE: &str = "one vote a participant across crashes";
/// A vote is on its sender's disk when it leaves.
pub const VOTE_DURABLE: &str = "a vote is durable before it is said";
/// Participants of a presumed commit are on their coordinator's disk before they are asked.
pub const COLLECTING_DURABLE: &str = "a presumed commit is durable before it is asked for";
/// An outcome that forgetting would contradict is on the coordinator's disk when it is told.
pub const DECISION_DURABLE: &str = "a decision is durable before it is told";
/// An outcome is on a participant's disk when it is acknowledged, passed on or carried out.
pub const LEARNED_DURABLE: &str = "an outcome is durable before it is acknowledged";
/// Who has voted yes learns the outcome from a message, or never.
pub const NOT_ALONE: &str = "who is in doubt does not decide alone";
/// A coordinator forgets what contradicts the presumption only once nobody is in doubt, not even after a crash.
pub const REMEMBERED: &str = "nothing is forgotten while somebody may ask";
/// No answer and no decision on its way to who is in doubt contradicts what was said.
pub const ANSWERS: &str = "who is in doubt is told the truth";
/// An application is told of one transaction under one position, and of another under a later one; always the same, and
/// never to carry out what is carried out.
pub const TOLD_ONCE: &str = "an application is told one thing, under one position";
/// Nobody gets ready for what he has voted on, or has said to be over.
pub const ASKED_ONCE: &str = "what is voted on or over is not asked for again";
/// Damage is told of where an operator's decision contradicts the outcome, and nowhere else; before it is forgotten.
pub const DAMAGE: &str = "damage is told exactly where it was done";
/// A coordinator's application is told an outcome once in a life, before it is told that it is forgotten.
pub const OUTCOME_ONCE: &str = "a coordinator tells an outcome once in a life";
/// What a correct peer or driver says is not rejected, unless it comes too late to be understood.
pub const UNDERSTOOD: &str = "what a correct peer says is not rejected";
/// What a node can see of itself holds.
pub const INVARIANTS: &str = "a node's own invariants";

type At<'a> = Seen<'a, CommitSpec>;

/// All properties of a world.
pub(super) fn all(spec: &CommitSpec) -> Vec<Property<CommitSpec>> {
    let mut all = vec![
        Property::observed(AGREEMENT).given(says_again),
        Property::observed(VALIDITY).given(says_an_outcome),
        Property::observed(ONE_VOTE).given(votes_again),
        Property::observed(VOTE_DURABLE).given(votes),
        Property::observed(COLLECTING_DURABLE).given(asks),
        Property::observed(DECISION_DURABLE).given(decides),
        Property::observed(LEARNED_DURABLE).given(acknowledges_or_is_told),
        Property::observed(NOT_ALONE).given(expires_in_doubt),
        Property::always(REMEMBERED, nothing_is_forgotten).given(forgets),
        Property::always(ANSWERS, answers_are_true).given(is_answered),
        Property::observed(TOLD_ONCE).given(told_again),
        Property::observed(ASKED_ONCE).given(asked_again),
        Property::observed(OUTCOME_ONCE).given(decides),
        Property::observed(UNDERSTOOD).given(|seen, _| matches!(seen.event, Event::Received { .. })),
        Property::observed(INVARIANTS).given(|_, _| true),
    ];
    if spec.resolutions() > 0 {
        all.push(Property::always(DAMAGE, damage_is_told).given(contradicted));
    }
    all.extend(expected(spec));
    all
}

/// What a world must come to.
fn expected(spec: &CommitSpec) -> Vec<Property<CommitSpec>> {
    let expect = spec.expect();
    let mut all = Vec::new();
    if expect.commits {
        all.push(Property::sometimes("a transaction commits", |world| ends(world, Outcome::Commit)));
    }
    if expect.aborts {
        all.push(Property::sometimes("a transaction aborts", |world| ends(world, Outcome::Abort)));
    }
    if expect.cooperates {
        all.push(Property::sometimes("a peer knows the outcome", |world| {
            world.network().iter().any(|envelope| {
                let message = &envelope.message;
                let from_peer = envelope.from != message.tx().coordinator;
                from_peer && matches!(message, Message::Answer { outcome: Some(_), .. })
            })
        }));
    }
    if expect.damages {
        all.push(Property::sometimes("an operator does damage", |world| {
            world.history().deals.iter().flat_map(|deal| &deal.parts).any(|part| part.damage_there)
        }));
    }
    if expect.forgets {
        all.push(Property::sometimes("a transaction is below the floor", |world| {
            let below = |participant: &super::Participant| {
                let of = |deal: &super::Deal| participant.phase(deal.tx);
                world.history().deals.iter().map(of).any(|phase| phase == Some(participant::Phase::Forgotten))
            };
            world.machines().filter_map(Either::right).any(below)
        }));
    }
    all
}

fn ends(world: &World<CommitSpec>, outcome: Outcome) -> bool {
    let forgotten = |deal: &super::Deal| {
        coordinator_of(world, deal.tx).is_some_and(|coordinator| coordinator.phase(deal.tx).is_none())
    };
    world.history().deals.iter().any(|deal| deal.outcome == Some(outcome) && forgotten(deal))
}

/// Whoever may still ask is answered by what is remembered, or by a presumption that is true.
fn nothing_is_forgotten(world: &World<CommitSpec>) -> bool {
    world.history().deals.iter().filter(|deal| !deal.is_one_phase()).all(|deal| {
        let contradicts = deal.outcome.is_some_and(|outcome| outcome != deal.mode.presumption());
        let holds =
            || coordinator_of(world, deal.tx).is_none_or(|coordinator| coordinator.phase(deal.tx).is_some());
        !contradicts
            || holds()
            || !deal.parts.iter().filter_map(|part| world.node(part.node)).any(|node| {
                node.machine.right().is_some_and(|participant| is_in_doubt(participant, node.disk(), deal.tx))
            })
    })
}

fn answers_are_true(world: &World<CommitSpec>) -> bool {
    world.network().iter().all(|envelope| {
        let (tx, outcome) = match &envelope.message {
            Message::Answer { tx, outcome: Some(outcome) } | Message::Decision { tx, outcome, .. } => {
                (*tx, *outcome)
            }
            _ => return true,
        };
        let Some(known) = world.history().deal(tx).and_then(|deal| deal.outcome) else { return true };
        let Some(node) = world.node(envelope.to) else { return true };
        known == outcome
            || !node.machine.right().is_some_and(|participant| is_in_doubt(participant, node.disk(), tx))
    })
}

/// What is over at a participant has been told to have done damage, if it did.
fn damage_is_told(world: &World<CommitSpec>) -> bool {
    world.history().deals.iter().all(|deal| {
        deal.parts.iter().filter(|part| part.is_damaged_by(deal.outcome) && !part.damage_here).all(|part| {
            let entry = world.node(part.node).and_then(|node| participants_entry(node.disk(), deal.tx));
            !matches!(entry, Some(participant::Entry::Ended { .. }))
        })
    })
}

/// The outcome that a message or a notice tells, and of what.
fn said_outcome(seen: &At<'_>) -> Option<(quorate::commit::TxId, Outcome)> {
    seen.outputs.iter().find_map(|output| match output {
        Output::Send { message: Message::Decision { tx, outcome, .. }, .. }
        | Output::Send { message: Message::Answer { tx, outcome: Some(outcome) }, .. }
        | Output::Notify(Notice::Left(coordinator::Notice::Outcome { tx, outcome })) => Some((*tx, *outcome)),
        Output::Notify(Notice::Right(participant::Notice::Apply { tx, heuristic: false, .. })) => {
            Some((*tx, Outcome::Commit))
        }
        Output::Notify(Notice::Right(participant::Notice::Undo { tx, heuristic: false, .. })) => {
            Some((*tx, Outcome::Abort))
        }
        _ => None,
    })
}

fn says_an_outcome(seen: &At<'_>, _: &History) -> bool {
    said_outcome(seen).is_some()
}

/// An outcome is said that was said before.
fn says_again(seen: &At<'_>, history: &History) -> bool {
    said_outcome(seen).is_some_and(|(tx, _)| history.deal(tx).is_some_and(|deal| deal.outcome.is_some()))
}

fn said_vote(seen: &At<'_>) -> Option<(quorate::commit::TxId, Vote)> {
    seen.outputs.iter().find_map(|output| match output {
        Output::Send { message: Message::Vote { tx, vote }, .. } => Some((*tx, *vote)),
        _ => None,
    })
}

fn votes(seen: &At<'_>, _: &History) -> bool {
    said_vote(seen).is_some()
}

fn votes_again(seen: &At<'_>, history: &History) -> bool {
    said_vote(seen).is_some_and(|(tx, _)| {
        history.deal(tx).and_then(|deal| deal.part(seen.node)).is_some_and(|part| part.said.is_some())
    })
}

fn asks(seen: &At<'_>, _: &History) -> bool {
    seen.outputs.iter().any(|output| {
        matches!(output, Output::Send { message: Message::Prepare { .. } | Message::OnePhase { .. }, .. })
    })
}

/// The coordinator's application is told an outcome.
fn decides(seen: &At<'_>, _: &History) -> bool {
    let told =
        |output: &_| matches!(output, Output::Notify(Notice::Left(coordinator::Notice::Outcome { .. })));
    seen.outputs.iter().any(told)
}

fn acknowledges_or_is_told(seen: &At<'_>, _: &History) -> bool {
    seen.outputs.iter().any(|output| {
        matches!(
            output,
            Output::Send { message: Message::Acknowledge { .. }, .. }
                | Output::Notify(Notice::Right(
                    participant::Notice::Apply { .. } | participant::Notice::Undo { .. }
                ))
        )
    })
}

/// A timer of who is in doubt expires, or he comes back from a crash.
fn expires_in_doubt(seen: &At<'_>, _: &History) -> bool {
    let Either::Right(participant) = seen.before else { return false };
    let in_doubt = |phase| matches!(phase, participant::Phase::InDoubt { .. });
    !matches!(seen.event, Event::Received { .. })
        && participant.transactions().any(|(_, phase)| in_doubt(phase))
}

fn forgets(seen: &At<'_>, _: &History) -> bool {
    let forgotten =
        |output: &_| matches!(output, Output::Notify(Notice::Left(coordinator::Notice::Forgotten { .. })));
    seen.outputs.iter().any(forgotten)
}

/// Who is in doubt is answered.
fn is_answered(seen: &At<'_>, _: &History) -> bool {
    let (
        Event::Received { message: Message::Answer { tx, outcome: Some(_) }, .. },
        Either::Right(participant),
    ) = (&seen.event, seen.before)
    else {
        return false;
    };
    matches!(participant.phase(*tx), Some(participant::Phase::InDoubt { .. }))
}

/// An application is told to carry out what it was told before.
fn told_again(seen: &At<'_>, history: &History) -> bool {
    seen.outputs.iter().any(|output| match output {
        Output::Notify(Notice::Right(
            participant::Notice::Apply { tx, .. } | participant::Notice::Undo { tx, .. },
        )) => history.deal(*tx).and_then(|deal| deal.part(seen.node)).is_some_and(|part| part.told.is_some()),
        _ => false,
    })
}

/// A prepare arrives where the vote was said, or all is over.
fn asked_again(seen: &At<'_>, history: &History) -> bool {
    let Event::Received { message: Message::Prepare { tx, .. } | Message::OnePhase { tx, .. }, .. } =
        seen.event
    else {
        return false;
    };
    let part = history.deal(*tx).and_then(|deal| deal.part(seen.node));
    part.is_some_and(|part| part.said.is_some() || part.closed)
}

/// An outcome reaches who was told by an operator to do otherwise.
fn contradicted(seen: &At<'_>, _: &History) -> bool {
    seen.outputs
        .iter()
        .any(|output| matches!(output, Output::Notify(Notice::Right(participant::Notice::Damage { .. }))))
}
