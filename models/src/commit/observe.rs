//! Sees one event of a node: notes what the properties need, and names the property that it violates.
//!
//! What is claimed of all nodes together comes before what a node can see of itself.

use quorate::commit::{JOURNAL, Mode, Outcome, Rejection, TxId, Vote, coordinator, participant};
use quorate::durable::Record;
use quorate::either::{Either, Notice};
use quorate::ledger::Output;

use super::history::Pending;
use super::properties::{
    AGREEMENT, ASKED_ONCE, COLLECTING_DURABLE, DAMAGE, DECISION_DURABLE, INVARIANTS, LEARNED_DURABLE,
    NOT_ALONE, ONE_VOTE, OUTCOME_ONCE, TOLD_ONCE, UNDERSTOOD, VALIDITY, VOTE_DURABLE,
};
use super::spec::participants_entry;
use super::{App, CommitSpec, Deal, History, Message, Part, Told};
use crate::spec::{Event, Seen};

type At<'a> = Seen<'a, CommitSpec>;
type Holds = Result<(), &'static str>;

pub(super) fn observe(spec: &CommitSpec, seen: &At<'_>, history: &mut History) -> Holds {
    if let Event::Asked(request) = &seen.event {
        asked(seen, request, history);
    }
    for output in seen.outputs {
        match output {
            Output::Send { to, message } => sent(seen, *to == message.tx().coordinator, message, history)?,
            Output::Notify(Notice::Left(notice)) => coordinator_tells(seen, notice, history)?,
            Output::Notify(Notice::Right(notice)) => participant_tells(seen, notice, history)?,
            Output::Notify(Notice::Misdirected) => return Err(UNDERSTOOD),
            Output::Loopback(_) | Output::Load { .. } => {}
        }
    }
    if matches!(seen.event, Event::Crashed) {
        crashed(spec, seen, history);
    } else if !matches!(seen.event, Event::Recovered) {
        not_alone(seen)?;
    }
    keep_silence(spec, history);
    let checked = match seen.after {
        Either::Left(coordinator) => coordinator.check(),
        Either::Right(participant) => participant.check(),
    };
    hold(checked.is_ok(), INVARIANTS)
}

fn hold(holds: bool, property: &'static str) -> Holds {
    if holds { Ok(()) } else { Err(property) }
}

/// An application asks, and is from then on where that takes it.
fn asked(seen: &At<'_>, request: &crate::spec::RequestOf<CommitSpec>, history: &mut History) {
    match request {
        Either::Left(coordinator::Request::Begin { id, mode, branches }) => {
            history.asked += 1;
            let mut participants: quorate::commit::Nodes = branches.iter().map(|(node, _)| *node).collect();
            participants.sort_unstable();
            let (id, coordinator, mode) = (*id, seen.node, *mode);
            history.pending.push(Pending { id, coordinator, mode, participants });
        }
        Either::Right(participant::Request::Ready { tx, vote }) => {
            let Some(deal) = history.deal_mut(*tx) else { return };
            let one_phase = deal.is_one_phase();
            let awaited = seen
                .before
                .right()
                .is_some_and(|participant| participant.phase(*tx) == Some(participant::Phase::Asked));
            let Some(part) = deal.parts.iter_mut().find(|part| part.node == seen.node) else { return };
            part.app = if *vote == Vote::Yes { App::Ready } else { App::Declined };
            if one_phase && awaited {
                part.said = Some(*vote);
            }
        }
        Either::Right(participant::Request::Done { tx }) => {
            if let Some(part) = history.part_mut(*tx, seen.node) {
                part.app = App::Done;
            }
        }
        Either::Right(participant::Request::Found { tx }) => {
            if let Some(part) = history.part_mut(*tx, seen.node) {
                part.app = App::Finding;
            }
        }
        Either::Right(participant::Request::Resolve { tx, .. }) => {
            let phase = seen.after.right().and_then(|participant| participant.phase(*tx));
            let decides = matches!(phase, Some(participant::Phase::InDoubt { heuristic: Some(_) }));
            history.resolved += usize::from(decides);
        }
        // What they are told takes applications further.
        Either::Right(_) | Either::Left(_) => {}
    }
}

/// What is not on a disk is forgotten; what an application prepared is.
fn crashed(spec: &CommitSpec, seen: &At<'_>, history: &mut History) {
    history.pending.retain(|pending| pending.coordinator != seen.node);
    for deal in &mut history.deals {
        if deal.tx.coordinator == seen.node {
            deal.told = false;
        }
        let one_phase = deal.is_one_phase();
        let written = participants_entry(seen.frozen.disk(), deal.tx).is_some();
        for part in deal.parts.iter_mut().filter(|part| part.node == seen.node) {
            part.app = match part.app {
                App::Asked | App::Ready | App::Finding => App::Back,
                // Who goes by positions carried it out as he was told.
                App::Told if spec.by_positions() => App::Done,
                App::Told => App::Back,
                App::Harmed => App::Done,
                App::Declined if !written && !part.closed => App::Idle,
                other => other,
            };
            if one_phase && !written && !part.closed {
                part.said = None;
            }
        }
    }
}

/// An application that says nothing more than its vote is as good as one that knows nothing.
fn keep_silence(spec: &CommitSpec, history: &mut History) {
    let parts = history.deals.iter_mut().flat_map(|deal| &mut deal.parts);
    for part in parts.filter(|_| spec.are_terse()) {
        if part.app != App::Asked && (part.said.is_some() || part.told.is_some() || part.closed) {
            part.app = App::Idle;
        }
    }
}

/// What is said of an outcome is said for good.
fn stated(deal: &mut Deal, outcome: Outcome) -> Holds {
    let in_favour = |part: &Part| matches!(part.said, Some(Vote::Yes | Vote::ReadOnly));
    hold(outcome == Outcome::Abort || deal.parts.iter().all(in_favour), VALIDITY)?;
    hold(*deal.outcome.get_or_insert(outcome) == outcome, AGREEMENT)
}

fn sent(seen: &At<'_>, to_coordinator: bool, message: &Message, history: &mut History) -> Holds {
    let tx = message.tx();
    let Some(deal) = history.deal_mut(tx) else { return Ok(()) };
    match (seen.after, message) {
        (Either::Left(_), Message::Prepare { .. }) if deal.mode == Mode::PresumedCommit => {
            hold(coordinator_wrote(seen, tx, |_| true), COLLECTING_DURABLE)
        }
        (Either::Left(_), Message::Decision { outcome, .. }) => {
            stated(deal, *outcome)?;
            decision_is_durable(seen, deal, *outcome)
        }
        // By the presumption where it is forgotten: that is true for who may still ask, which is another property.
        (Either::Left(coordinator), Message::Answer { outcome: Some(outcome), .. }) => {
            if coordinator.phase(tx) == Some(coordinator::Phase::Decided(*outcome)) {
                stated(deal, *outcome)?;
                decision_is_durable(seen, deal, *outcome)?;
            }
            Ok(())
        }
        (Either::Right(_), Message::Vote { vote, .. }) => voted(seen, deal, *vote),
        (Either::Right(_), Message::Answer { outcome: Some(outcome), .. }) => {
            hold(learned_is_durable(seen, tx, *outcome), LEARNED_DURABLE)?;
            close(seen, deal);
            hold(to_coordinator == deal.is_one_phase(), UNDERSTOOD)?;
            stated(deal, *outcome)
        }
        (Either::Right(_), Message::Acknowledge { took, .. }) => {
            let known = deal.outcome;
            hold(known.is_some_and(|known| learned_is_durable(seen, tx, known)), LEARNED_DURABLE)?;
            close(seen, deal);
            let damaged = deal.part(seen.node).filter(|part| part.is_damaged_by(known));
            hold(took.is_none() || damaged.and_then(|part| part.heuristic) == *took, DAMAGE)
        }
        _ => Ok(()),
    }
}

/// A vote leaves.
fn voted(seen: &At<'_>, deal: &mut Deal, vote: Vote) -> Holds {
    let (tx, outcome) = (deal.tx, deal.outcome);
    let written = participant_wrote(seen, tx, |entry| match (vote, entry) {
        // It may know the outcome by now.
        (Vote::Yes, _) | (_, participant::Entry::Ended { .. }) => true,
        (Vote::No, participant::Entry::Decided { outcome: known, .. }) => *known == Outcome::Abort,
        _ => false,
    });
    hold(written || is_forgotten(seen, tx), VOTE_DURABLE)?;
    let Some(part) = deal.parts.iter_mut().find(|part| part.node == seen.node) else { return Ok(()) };
    part.closed |= vote != Vote::Yes;
    match part.said {
        None => part.said = Some(vote),
        Some(said) if said == vote => {}
        Some(said) => {
            // It has learned of the abort, perhaps from a presumption, which nobody here has heard said.
            hold(vote == Vote::No && said == Vote::Yes && outcome != Some(Outcome::Commit), ONE_VOTE)?;
        }
    }
    if vote == Vote::No { stated(deal, Outcome::Abort) } else { Ok(()) }
}

fn close(seen: &At<'_>, deal: &mut Deal) {
    if let Some(part) = deal.parts.iter_mut().find(|part| part.node == seen.node) {
        part.closed = true;
    }
}

fn coordinator_tells(seen: &At<'_>, notice: &coordinator::Notice, history: &mut History) -> Holds {
    match notice {
        coordinator::Notice::Begun { id, tx } => history.begin(*id, *tx),
        coordinator::Notice::Refused { id, .. } => history.pending.retain(|pending| pending.id != *id),
        coordinator::Notice::Outcome { tx, outcome } => {
            let Some(deal) = history.deal_mut(*tx) else { return Ok(()) };
            hold(!std::mem::replace(&mut deal.told, true), OUTCOME_ONCE)?;
            stated(deal, *outcome)?;
            decision_is_durable(seen, deal, *outcome)?;
        }
        coordinator::Notice::Unknown { tx } => {
            let Some(deal) = history.deal_mut(*tx) else { return Ok(()) };
            hold(deal.is_one_phase() && !std::mem::replace(&mut deal.told, true), OUTCOME_ONCE)?;
        }
        coordinator::Notice::Forgotten { tx } => {
            let Some(deal) = history.deal(*tx) else { return Ok(()) };
            hold(deal.told, OUTCOME_ONCE)?;
            let awaited = deal.outcome.is_some_and(|outcome| deal.mode.wants_acknowledgement(outcome));
            let untold = |part: &Part| part.is_damaged_by(deal.outcome) && !part.damage_there;
            hold(!awaited || deal.is_one_phase() || !deal.parts.iter().any(untold), DAMAGE)?;
        }
        coordinator::Notice::Damage { tx, participant, took } => {
            let Some(deal) = history.deal_mut(*tx) else { return Ok(()) };
            let outcome = deal.outcome;
            let part = deal.parts.iter_mut().find(|part| part.node == *participant);
            let Some(part) = part.filter(|part| part.is_damaged_by(outcome)) else { return Err(DAMAGE) };
            hold(part.heuristic == Some(*took), DAMAGE)?;
            part.damage_there = true;
        }
        coordinator::Notice::Rejected { reason, .. } => hold(*reason == Rejection::TooLate, UNDERSTOOD)?,
        _ => {}
    }
    Ok(())
}

fn participant_tells(
    seen: &At<'_>,
    notice: &participant::Notice<super::Work>,
    history: &mut History,
) -> Holds {
    match notice {
        participant::Notice::Prepare { tx, .. } => {
            let Some(part) = history.part_mut(*tx, seen.node) else { return Ok(()) };
            let new = part.said.is_none() && !part.closed && part.told.is_none();
            hold(new && matches!(part.app, App::Idle | App::Back | App::Finding), ASKED_ONCE)?;
            part.app = App::Asked;
        }
        participant::Notice::Apply { tx, position, heuristic, .. } => {
            told(seen, *tx, Told { outcome: Outcome::Commit, position: *position }, *heuristic, history)?;
        }
        participant::Notice::Undo { tx, position, heuristic } => {
            told(seen, *tx, Told { outcome: Outcome::Abort, position: *position }, *heuristic, history)?;
        }
        participant::Notice::Undecided { tx } => {
            let Some(part) = history.part_mut(*tx, seen.node) else { return Ok(()) };
            if part.app == App::Finding {
                part.app = App::Ready;
            }
        }
        participant::Notice::Damage { tx, took, outcome } => {
            let Some(deal) = history.deal_mut(*tx) else { return Ok(()) };
            stated(deal, *outcome)?;
            let Some(part) = deal.parts.iter_mut().find(|part| part.node == seen.node) else { return Ok(()) };
            hold(part.heuristic == Some(*took) && took != outcome, DAMAGE)?;
            part.damage_here = true;
            part.app = if matches!(part.app, App::Done | App::Harmed) { App::Harmed } else { App::Told };
        }
        participant::Notice::Refused { tx, reason } => refused(seen, *tx, *reason, history)?,
        participant::Notice::Rejected { reason, .. } => hold(*reason == Rejection::TooLate, UNDERSTOOD)?,
        _ => {}
    }
    Ok(())
}

/// A refusal that makes an application let go of what it has prepared says that it is aborted.
fn refused(seen: &At<'_>, tx: TxId, reason: participant::Refusal, history: &mut History) -> Holds {
    let Some(deal) = history.deal_mut(tx) else { return Ok(()) };
    let Some(part) = deal.parts.iter_mut().find(|part| part.node == seen.node) else { return Ok(()) };
    let lets_go = match reason {
        participant::Refusal::NoVoteWanted => matches!(part.app, App::Ready | App::Declined),
        participant::Refusal::Over => part.app == App::Finding,
        _ => false,
    };
    if !lets_go {
        return Ok(());
    }
    part.app = App::Over;
    part.closed = true;
    // Of what it was told to do and did, it was told so, or that an operator did it against the outcome.
    let done = part.told.is_some_and(|told| told.outcome == Outcome::Commit) && !part.damage_here;
    hold(!done, TOLD_ONCE)?;
    stated(deal, Outcome::Abort)
}

/// An application is told to apply or to undo.
fn told(seen: &At<'_>, tx: TxId, told: Told, heuristic: bool, history: &mut History) -> Holds {
    let last = history.parts_of(seen.node).filter_map(|(_, part)| part.told).map(|told| told.position).max();
    let Some(deal) = history.deal_mut(tx) else { return Ok(()) };
    let written = participant_wrote(seen, tx, |entry| match entry {
        participant::Entry::Prepared { heuristic: taken, .. } => heuristic && taken.is_some(),
        _ => true,
    });
    hold(written || is_forgotten(seen, tx), LEARNED_DURABLE)?;
    let Some(part) = deal.parts.iter_mut().find(|part| part.node == seen.node) else { return Ok(()) };
    if heuristic {
        part.heuristic.get_or_insert(told.outcome);
    }
    part.app = App::Told;
    // At or before what was on disk when it came back, it was done with.
    let done = match participants_entry(seen.frozen.disk(), tx) {
        Some(participant::Entry::Prepared { heuristic: Some(heuristic), .. }) => heuristic.done,
        Some(participant::Entry::Decided { done, .. }) => *done,
        Some(participant::Entry::Ended { .. }) => true,
        _ => false,
    };
    let done = done || told.position <= seen.applied_before;
    // Who asks is answered, even if the answer comes after what he was told unasked.
    hold(!(done && matches!(seen.event, Event::Started)), TOLD_ONCE)?;
    match part.told {
        Some(before) => hold(before == told, TOLD_ONCE)?,
        None => hold(last.is_none_or(|last| last < told.position), TOLD_ONCE)?,
    }
    part.told = Some(told);
    match part.heuristic {
        Some(taken) => hold(taken == told.outcome, TOLD_ONCE),
        None => {
            part.closed = true;
            stated(deal, told.outcome)
        }
    }
}

/// Only a message that tells the outcome ends a doubt.
fn not_alone(seen: &At<'_>) -> Holds {
    let (Either::Right(before), Either::Right(after)) = (seen.before, seen.after) else { return Ok(()) };
    let told = match &seen.event {
        Event::Received { message: Message::Decision { tx, outcome, .. }, .. } => Some((*tx, *outcome)),
        Event::Received { message: Message::Answer { tx, outcome: Some(outcome) }, .. } => {
            Some((*tx, *outcome))
        }
        _ => None,
    };
    let in_doubt = |phase| matches!(phase, participant::Phase::InDoubt { .. });
    let mut doubts = before.transactions().filter(|(_, phase)| in_doubt(*phase));
    let settled = doubts.all(|(tx, _)| match after.phase(tx) {
        Some(participant::Phase::InDoubt { .. }) => true,
        Some(participant::Phase::Decided(outcome) | participant::Phase::Ended(Some(outcome))) => {
            told == Some((tx, outcome))
        }
        // What it is told, an operator had done: nothing is left to do, and so little is kept that this goes at once.
        Some(participant::Phase::Forgotten) => told.is_some_and(|(of, _)| of == tx),
        _ => false,
    });
    hold(settled, NOT_ALONE)
}

/// Whether a decision that forgetting would contradict is on the coordinator's disk.
fn decision_is_durable(seen: &At<'_>, deal: &Deal, outcome: Outcome) -> Holds {
    let awaited = deal.parts.iter().any(|part| part.said == Some(Vote::Yes));
    let needed = match deal.mode {
        Mode::PresumedAbort => outcome == Outcome::Commit && awaited,
        Mode::PresumedCommit | Mode::PresumedNothing => true,
    };
    if !needed || deal.is_one_phase() {
        return Ok(());
    }
    let written = coordinator_wrote(seen, deal.tx, |entry| match entry {
        coordinator::Entry::Decided { outcome: known, .. }
        | coordinator::Entry::Ended { outcome: known, .. } => *known == outcome,
        _ => false,
    });
    hold(written, DECISION_DURABLE)
}

/// Whether a participant that says or does what an outcome demands has it on its disk.
fn learned_is_durable(seen: &At<'_>, tx: TxId, outcome: Outcome) -> bool {
    is_forgotten(seen, tx)
        || participant_wrote(seen, tx, |entry| match entry {
            participant::Entry::Decided { outcome: known, .. } => *known == outcome,
            // Who only read does not know it, and acknowledges an abort.
            participant::Entry::Ended { outcome: known, .. } => known.is_none_or(|known| known == outcome),
            _ => false,
        })
}

fn is_forgotten(seen: &At<'_>, tx: TxId) -> bool {
    seen.after.right().is_some_and(|after| after.phase(tx) == Some(participant::Phase::Forgotten))
}

/// Whether the coordinator's disk has an entry like this, or had before this very event dropped it.
fn coordinator_wrote(seen: &At<'_>, tx: TxId, like: impl Fn(&coordinator::Entry) -> bool) -> bool {
    let like = |entry: &_| match entry {
        Either::Left(entry) => coordinator::Entry::tx(entry) == tx && like(entry),
        Either::Right(_) => false,
    };
    appended(seen).any(like) || seen.frozen.disk().log(JOURNAL).any(|(_, entry)| like(entry))
}

fn participant_wrote(
    seen: &At<'_>,
    tx: TxId,
    like: impl Fn(&participant::Entry<super::Work>) -> bool,
) -> bool {
    let like = |entry: &_| match entry {
        Either::Right(entry) => participant::Entry::tx(entry) == tx && like(entry),
        Either::Left(_) => false,
    };
    appended(seen).any(like) || seen.frozen.disk().log(JOURNAL).any(|(_, entry)| like(entry))
}

/// The entries that became durable in this event.
fn appended<'a>(
    seen: &'a At<'_>,
) -> impl Iterator<Item = &'a Either<coordinator::Entry, participant::Entry<super::Work>>> {
    seen.durable.iter().filter_map(|record| match record {
        Record::Append { entry, .. } => Some(entry),
        _ => None,
    })
}
