//! What is claimed of Paxos Commit (Gray and Lamport 2006, sections 2 and 4).

use quorate::commit::paxos::acceptor::{self, Phase as Accepting};
use quorate::commit::paxos::{Ballot, Message, leader};
use quorate::commit::{Outcome, TxId, Vote, participant};
use quorate::either::{Either, Notice};
use quorate::id::NodeId;
use quorate::ledger::Output;

use super::spec::{accepting, leading, managing, remembered, written};
use super::{History, PaxosCommitSpec, Site};
use crate::node::Frozen;
use crate::spec::{Event, Property, Seen};
use crate::world::World;

/// No two are told different outcomes of a transaction, in any life of theirs.
pub const AGREEMENT: &str = "all are told the same outcome, across crashes";
/// A commit is told only if all voted yes or read only.
pub const VALIDITY: &str = "a commit is told only if all have voted for it";
/// An outcome is told only if a majority of acceptors has chosen it; so nobody who voted yes decides alone.
pub const CHOSEN: &str = "what is told is chosen by a majority of acceptors in one ballot";
/// In each instance one vote is chosen, whatever the ballots.
pub const CHOSEN_ONCE: &str = "one vote is chosen in each instance";
/// What a leader proposes it may: a majority has promised its ballot, and has chosen nothing else in a lower one. So no abort
/// is proposed without phase 1.
pub const PROPOSES: &str = "a leader proposes after phase 1, and nothing against what is chosen below";
/// No acceptor takes part in a ballot below one that it has promised, across crashes.
pub const PROMISES: &str = "an acceptor keeps its promise, across crashes";
/// What an acceptor promises or reports is on its disk.
pub const DURABLE: &str = "what an acceptor says is durable";
/// No resource manager is heard to vote twice.
pub const ONE_VOTE: &str = "a resource manager votes once, across crashes";
/// What is committed is not over while somebody who voted for it is in doubt.
pub const FORGETS: &str = "no commit is forgotten while somebody may still ask";
/// What a node can see of itself holds.
pub const INVARIANTS: &str = "a node's own invariants";
/// Nobody tells a correct node what cannot be.
pub const NO_CONTRADICTION: &str = "no correct node is contradicted";

/// All properties of a world.
pub(super) fn all(spec: &PaxosCommitSpec) -> Vec<Property<PaxosCommitSpec>> {
    let mut all = vec![
        Property::observed(CHOSEN_ONCE).given(accepts_once_more),
        Property::observed(PROPOSES).given(proposes_to_abort),
        Property::observed(PROMISES).given(takes_part_again),
        Property::observed(DURABLE).given(acceptor_speaks),
        Property::observed(ONE_VOTE).given(votes_again),
        Property::observed(CHOSEN).given(tells),
        Property::observed(VALIDITY).given(tells_commit),
        Property::observed(AGREEMENT).given(tells_again),
        Property::always(FORGETS, commits_are_remembered).given(forgets_a_commit),
        Property::observed(NO_CONTRADICTION).given(tells_again),
        Property::observed(INVARIANTS).given(|_, _| true),
        Property::sometimes("it commits", |world| is_told(world, Outcome::Commit)),
    ];
    if spec.votes_no() || spec.ballots() > 0 {
        all.push(Property::sometimes("it aborts", |world| is_told(world, Outcome::Abort)));
    }
    if spec.ballots() > 0 {
        all.push(Property::sometimes("a ballot commits", |world| balloted(world, Outcome::Commit)));
        all.push(Property::sometimes("a ballot aborts", |world| balloted(world, Outcome::Abort)));
    }
    all
}

type At<'a> = Seen<'a, PaxosCommitSpec>;

/// Sees one event: notes what the properties need, and names the property that it violates.
///
/// What the paper claims comes before what a node can see of itself, so that a bug falls by the claim that it breaks.
pub(super) fn observe(
    spec: &PaxosCommitSpec,
    seen: &At<'_>,
    history: &mut History,
) -> Result<(), &'static str> {
    begun(seen, history);
    for output in seen.outputs {
        match output {
            Output::Send { message, .. } => heard(spec, seen, message, history)?,
            Output::Notify(notice) => told(spec, seen, notice, history)?,
            _ => {}
        }
    }
    if matches!(seen.event, Event::Crashed) {
        return Ok(());
    }
    hold(check(seen.after).is_ok(), INVARIANTS)
}

fn hold(holds: bool, property: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(property) }
}

fn check(site: &Site) -> Result<(), &'static str> {
    match site {
        Either::Left(Either::Left(manager)) => manager.check(),
        Either::Left(Either::Right(acceptor)) => acceptor.check(),
        Either::Right(leader) => leader.check(),
    }
}

/// A request to begin counts from when it is made: a leader that crashes over it is not asked again.
fn begun(seen: &At<'_>, history: &mut History) {
    if let Event::Asked(Either::Right(leader::Request::Begin { branches, .. })) = seen.event {
        let before: Vec<TxId> =
            leading(seen.before).into_iter().flat_map(|it| it.transactions()).map(|it| it.0).collect();
        let after = leading(seen.after).into_iter().flat_map(|it| it.transactions()).map(|it| it.0);
        for tx in after.filter(|tx| !before.contains(tx)) {
            let mut managers: Vec<NodeId> = branches.iter().map(|(id, _)| *id).collect();
            managers.sort_unstable();
            history.of(tx).managers = managers.into();
        }
    }
}

/// A message left its node.
fn heard(
    spec: &PaxosCommitSpec,
    seen: &At<'_>,
    message: &Message<u8>,
    history: &mut History,
) -> Result<(), &'static str> {
    let (node, tx) = (seen.node, message.tx());
    match message {
        Message::Vote { vote, .. } => hold(history.of(tx).voted(node, *vote), ONE_VOTE),
        Message::Phase1b { ballot, .. } => {
            hold(history.of(tx).takes_part(node, *ballot), PROMISES)?;
            hold(is_remembered(seen.frozen, tx, *ballot), DURABLE)
        }
        Message::Phase2a { ballot, votes, .. } => {
            let (past, acceptors) = (history.of(tx), spec.config().acceptors.len());
            let promised = past.promised.iter().filter(|(_, promised)| promised >= ballot).count();
            hold(promised * 2 > acceptors, PROPOSES)?;
            let fits = |(of, vote): &(NodeId, Vote)| {
                past.chosen_below(*ballot, *of, acceptors).all(|chosen| chosen == *vote)
            };
            hold(votes.iter().all(fits), PROPOSES)
        }
        Message::Phase2b { ballot, votes, .. } => {
            let past = history.of(tx);
            hold(past.takes_part(node, *ballot), PROMISES)?;
            for (manager, vote) in votes {
                past.accepts(node, *ballot, *manager, *vote);
                let mut chosen = past.chosen(*manager, spec.config().acceptors.len());
                let first = chosen.next();
                hold(chosen.all(|other| Some(other) == first), CHOSEN_ONCE)?;
            }
            hold(is_accepted(seen.frozen, tx, *ballot, votes), DURABLE)
        }
        _ => Ok(()),
    }
}

/// Whether an acceptor's disk knows of a promise of `ballot`, or that all is over.
fn is_remembered(node: &Frozen<PaxosCommitSpec>, tx: TxId, ballot: Ballot) -> bool {
    match remembered(node, tx) {
        Some(acceptor::Entry::Ballots { promised, .. }) => *promised >= ballot,
        Some(acceptor::Entry::Over { .. }) => true,
        // Its journal was shortened since.
        _ => accepting(&node.machine).is_some_and(|it| it.phase(tx) == Some(Accepting::Over)),
    }
}

/// Whether an acceptor's disk knows that these votes were accepted in `ballot`, or in one above.
fn is_accepted(node: &Frozen<PaxosCommitSpec>, tx: TxId, ballot: Ballot, votes: &[(NodeId, Vote)]) -> bool {
    let Some(acceptor::Entry::Ballots { accepted, .. }) = remembered(node, tx) else {
        return is_remembered(node, tx, ballot);
    };
    votes.iter().all(|(manager, _)| {
        let accepted = accepted.iter().find(|(node, _)| node == manager);
        accepted.and_then(|(_, accepted)| *accepted).is_some_and(|accepted| accepted.ballot >= ballot)
    })
}

/// An application was told something.
fn told(
    spec: &PaxosCommitSpec,
    seen: &At<'_>,
    notice: &super::Told,
    history: &mut History,
) -> Result<(), &'static str> {
    if is_contradiction(notice) {
        return Err(NO_CONTRADICTION);
    }
    let Some((tx, outcome)) = outcome_of(notice) else { return Ok(()) };
    let past = history.of(tx);
    let acceptors = spec.config().acceptors.len();
    let is_manager = managing(seen.after).is_some();
    let chosen = |manager: NodeId, wanted: fn(Vote) -> bool| past.chosen(manager, acceptors).any(wanted);
    match outcome {
        Outcome::Commit => {
            let yes: fn(Vote) -> bool = |vote| vote != Vote::No;
            let mut all = past.managers.iter();
            hold(!past.managers.is_empty() && all.all(|id| past.vote_of(*id).is_some_and(yes)), VALIDITY)?;
            hold(past.managers.iter().all(|id| chosen(*id, yes)), CHOSEN)?;
        }
        // Who has not voted yes aborts alone.
        Outcome::Abort if is_manager && past.vote_of(seen.node) != Some(Vote::Yes) => {}
        Outcome::Abort => hold(past.managers.iter().any(|id| chosen(*id, |vote| vote == Vote::No)), CHOSEN)?,
    }
    hold(past.decided(outcome), AGREEMENT)
}

/// The outcome that an application is told.
fn outcome_of(notice: &super::Told) -> Option<(TxId, Outcome)> {
    match notice {
        Notice::Right(leader::Notice::Outcome { tx, outcome }) => Some((*tx, *outcome)),
        Notice::Left(Notice::Left(participant::Notice::Apply { tx, .. })) => Some((*tx, Outcome::Commit)),
        Notice::Left(Notice::Left(participant::Notice::Undo { tx, .. })) => Some((*tx, Outcome::Abort)),
        _ => None,
    }
}

fn is_contradiction(notice: &super::Told) -> bool {
    use quorate::commit::Rejection;
    let reason = match notice {
        Notice::Right(leader::Notice::Rejected { reason, .. })
        | Notice::Left(Notice::Left(participant::Notice::Rejected { reason, .. }))
        | Notice::Left(Notice::Right(acceptor::Notice::Rejected { reason, .. })) => *reason,
        _ => return false,
    };
    reason != Rejection::TooLate
}

/// What is committed is over nowhere while the disk of somebody who voted for it says that it is in doubt.
fn commits_are_remembered(world: &World<PaxosCommitSpec>) -> bool {
    let committed =
        world.history().transactions.iter().filter(|(_, past)| past.outcome == Some(Outcome::Commit));
    committed.into_iter().all(|(tx, _)| {
        let over = |site: &Site| accepting(site).is_some_and(|it| it.phase(*tx) == Some(Accepting::Over));
        let in_doubt = |node: &Frozen<PaxosCommitSpec>| {
            matches!(written(node, *tx), Some(participant::Entry::Prepared { .. }))
        };
        !world.machines().any(over) || !world.nodes().iter().any(|node| in_doubt(node))
    })
}

fn is_told(world: &World<PaxosCommitSpec>, outcome: Outcome) -> bool {
    world.history().transactions.values().any(|past| past.outcome == Some(outcome))
}

/// Whether this outcome was decided by a ballot, and not by votes alone.
fn balloted(world: &World<PaxosCommitSpec>, outcome: Outcome) -> bool {
    world.history().transactions.values().any(|past| {
        past.outcome == Some(outcome) && past.accepted.iter().any(|(ballot, ..)| ballot.round > 0)
    })
}

/// Messages of acceptors that leave in this event.
fn said<'a>(seen: &'a At<'_>) -> impl Iterator<Item = &'a Message<u8>> {
    seen.outputs.iter().filter_map(|output| match output {
        Output::Send { message: message @ (Message::Phase1b { .. } | Message::Phase2b { .. }), .. } => {
            Some(message)
        }
        _ => None,
    })
}

/// An acceptor accepts what others have accepted in another ballot.
fn accepts_once_more(seen: &At<'_>, history: &History) -> bool {
    said(seen).any(|message| match message {
        Message::Phase2b { tx, ballot, .. } => {
            let past = history.transactions.get(tx);
            past.is_some_and(|past| past.accepted.iter().any(|(other, ..)| other != ballot))
        }
        _ => false,
    })
}

/// A leader proposes a no.
fn proposes_to_abort(seen: &At<'_>, _: &History) -> bool {
    seen.outputs.iter().any(|output| match output {
        Output::Send { message: Message::Phase2a { votes, .. }, .. } => {
            votes.iter().any(|(_, vote)| *vote == Vote::No)
        }
        _ => false,
    })
}

/// An acceptor that has promised or accepted takes part in something more.
fn takes_part_again(seen: &At<'_>, history: &History) -> bool {
    said(seen).any(|message| {
        let past = history.transactions.get(&message.tx());
        past.is_some_and(|past| past.promised.iter().any(|(node, _)| *node == seen.node))
    })
}

fn acceptor_speaks(seen: &At<'_>, _: &History) -> bool {
    said(seen).next().is_some()
}

/// A resource manager says its vote again.
fn votes_again(seen: &At<'_>, history: &History) -> bool {
    seen.outputs.iter().any(|output| match output {
        Output::Send { message: Message::Vote { tx, .. }, .. } => {
            history.transactions.get(tx).is_some_and(|past| past.vote_of(seen.node).is_some())
        }
        _ => false,
    })
}

fn outcomes<'a>(seen: &'a At<'_>) -> impl Iterator<Item = (TxId, Outcome)> + 'a {
    seen.outputs.iter().filter_map(|output| match output {
        Output::Notify(notice) => outcome_of(notice),
        _ => None,
    })
}

fn tells(seen: &At<'_>, _: &History) -> bool {
    outcomes(seen).next().is_some()
}

fn tells_commit(seen: &At<'_>, _: &History) -> bool {
    outcomes(seen).any(|(_, outcome)| outcome == Outcome::Commit)
}

fn tells_again(seen: &At<'_>, history: &History) -> bool {
    outcomes(seen).any(|(tx, _)| history.transactions.get(&tx).is_some_and(|past| past.outcome.is_some()))
}

/// An acceptor is to forget what was committed.
fn forgets_a_commit(seen: &At<'_>, history: &History) -> bool {
    match &seen.event {
        Event::Received { message: Message::Forget { tx }, .. } => {
            history.transactions.get(tx).is_some_and(|past| past.outcome == Some(Outcome::Commit))
        }
        _ => false,
    }
}
