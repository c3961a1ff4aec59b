//! What is claimed of the stack.

use quorate::commit::{self, Outcome, TxId, Vote, coordinator, participant};
use quorate::either::{Either, Notice};
use quorate::ledger::{Output, OutputOf};
use quorate::on_raft;

use super::{CommitOnRaftSpec, History, Message, Node};
use crate::spec::{Event, Property, Seen};
use crate::world::World;

/// Whatever is told of a transaction's outcome, by whichever leader or participant, is the same.
pub const AGREEMENT: &str = "agreement";
/// What commits, all voted yes for; what somebody voted no for does not.
pub const VALIDITY: &str = "validity";
/// No two transactions have one name, whoever led when they were begun.
pub const NAMES: &str = "a name is given once";
/// Replicas that took the same entries hold the same.
pub const REPLICAS_AGREE: &str = "replicas that took the same hold the same";
/// What is committed recovers the machine.
pub const RECOVERS: &str = "what is committed recovers";
/// What a node can see of itself holds.
pub const INVARIANTS: &str = "a node's own invariants";

type At<'a> = Seen<'a, CommitOnRaftSpec>;

/// All properties of a world.
pub(super) fn all() -> Vec<Property<CommitOnRaftSpec>> {
    vec![
        Property::observed(AGREEMENT).given(tells_again),
        Property::observed(VALIDITY)
            .given(|seen, _| seen.outputs.iter().any(|output| told(output).is_some())),
        Property::observed(NAMES).given(|seen, _| seen.outputs.iter().any(|output| begun(output).is_some())),
        Property::always(REPLICAS_AGREE, replicas_agree).given(takes),
        Property::observed(RECOVERS).given(begins_a_life),
        Property::observed(INVARIANTS).given(|_, _| true),
        Property::sometimes("a transaction commits", |world| ends(world, Outcome::Commit)),
        Property::sometimes("a transaction aborts", |world| ends(world, Outcome::Abort)),
        Property::sometimes("a successor leads", |world| {
            replicas(world).any(|replica| replica.machine().is_some() && replica.raft().term().0 > 1)
        }),
    ]
}

pub(super) fn replicas(
    world: &World<CommitOnRaftSpec>,
) -> impl Iterator<Item = &quorate::commit_on_raft::CoordinatorOnRaft<()>> {
    world.machines().filter_map(Either::left)
}

fn ends(world: &World<CommitOnRaftSpec>, outcome: Outcome) -> bool {
    world.history().fates.iter().any(|fate| fate.outcome == Some(outcome))
}

fn replicas_agree(world: &World<CommitOnRaftSpec>) -> bool {
    let mut seen: smallvec::SmallVec<[_; 3]> = smallvec::SmallVec::new();
    replicas(world).all(|replica| {
        let (upto, image) = (replica.raft().noticed(), replica.committed());
        let agrees = seen.iter().all(|(at, other)| *at != upto || *other == image);
        seen.push((upto, image));
        agrees
    })
}

/// Sees one event: notes what the properties need, and names the property that it violates.
pub(super) fn observe(
    spec: &CommitOnRaftSpec,
    seen: &At<'_>,
    history: &mut History,
) -> Result<(), &'static str> {
    if let Event::Asked(Either::Left(coordinator::Request::Begin { .. })) = seen.event {
        history.asked = history.asked.saturating_add(1).min(spec.transactions());
    }
    // An only participant decides by its vote, and says the outcome alone.
    if let ([_], Event::Asked(Either::Right(participant::Request::Ready { tx, vote }))) =
        (spec.participants(), &seen.event)
        && *vote != Vote::No
    {
        history.voted(seen.node, *tx, *vote);
    }
    for output in seen.outputs {
        if let Output::Send { message: Message::Inner(commit::Message::Vote { tx, vote }), .. } = output {
            history.voted(seen.node, *tx, *vote);
        }
        if let Some(tx) = begun(output) {
            let again = history.fate(tx).is_none_or(|fate| core::mem::replace(&mut fate.given, true));
            hold(!again, NAMES)?;
        }
        if let Some((tx, outcome)) = told(output)
            && let Some(fate) = history.fate(tx)
        {
            let first = *fate.outcome.get_or_insert(outcome);
            hold(first == outcome, AGREEMENT)?;
            let all = fate.yes.len() == spec.participants().len();
            hold(outcome == Outcome::Abort || (all && !fate.no), VALIDITY)?;
        }
        if let Output::Notify(Notice::Left(on_raft::Notice::Corrupt(_))) = output {
            return Err(RECOVERS);
        }
    }
    let holds = match seen.after {
        Either::Left(replica) => replica.check(),
        Either::Right(participant) => participant.machine().check(),
    };
    hold(holds.is_ok(), INVARIANTS)
}

fn hold(holds: bool, property: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(property) }
}

/// The outcome that an application is told.
fn told(output: &OutputOf<Node>) -> Option<(TxId, Outcome)> {
    match output {
        Output::Notify(Notice::Left(on_raft::Notice::Inner(coordinator::Notice::Outcome {
            tx,
            outcome,
        }))) => Some((*tx, *outcome)),
        Output::Notify(Notice::Right(participant::Notice::Apply { tx, .. })) => Some((*tx, Outcome::Commit)),
        Output::Notify(Notice::Right(participant::Notice::Undo { tx, .. })) => Some((*tx, Outcome::Abort)),
        _ => None,
    }
}

/// The transaction that an application is told to have begun.
const fn begun(output: &OutputOf<Node>) -> Option<TxId> {
    match output {
        Output::Notify(Notice::Left(on_raft::Notice::Inner(coordinator::Notice::Begun { tx, .. }))) => {
            Some(*tx)
        }
        _ => None,
    }
}

// What each property speaks of.

fn tells_again(seen: &At<'_>, history: &History) -> bool {
    let known = |tx: TxId| history.fates.iter().any(|fate| fate.tx == tx && fate.outcome.is_some());
    seen.outputs.iter().filter_map(told).any(|(tx, _)| known(tx))
}

/// A replica takes what is committed.
fn takes(seen: &At<'_>, _: &History) -> bool {
    match (seen.before, seen.after) {
        (Either::Left(before), Either::Left(after)) => after.raft().noticed() > before.raft().noticed(),
        _ => false,
    }
}

/// A life begins after another one.
fn begins_a_life(seen: &At<'_>, _: &History) -> bool {
    let crashed = matches!(seen.event, Event::Crashed | Event::Recovered);
    match (seen.before, seen.after) {
        (Either::Left(before), Either::Left(after)) => {
            !crashed && before.machine().is_none() && after.machine().is_some() && after.raft().term().0 > 1
        }
        _ => false,
    }
}
