//! Two-phase commit in a few words, for traces.

use quorate::commit::{Mode, Nodes, Outcome, TxId, Vote, coordinator, participant};
use quorate::durable::Record;
use quorate::either::{Either, Notice};
use quorate::machine::RecordOf;

use super::{CommitSpec, Coordinator, Message, Node, Participant, Work};
use crate::spec::{Band, NoticeOf, Shown};

/// What a trace shows, as somebody would tell it who drew the scenario on a board.
pub(super) fn shown(shown: &Shown<'_, CommitSpec>) -> String {
    match shown {
        Shown::Message(said) => message(said),
        Shown::Timer(Either::Left(timer)) => format!("{timer:?}").to_lowercase(),
        Shown::Timer(Either::Right(timer)) => format!("{timer:?}").to_lowercase(),
        Shown::Request(Either::Left(asked)) => of_coordinator(asked),
        Shown::Request(Either::Right(asked)) => of_participant(asked),
        Shown::Record(written) => record(written),
        Shown::Notice(told) => notice(told),
        other @ Shown::Entry(_) => other.debug(),
    }
}

fn message(message: &Message) -> String {
    match message {
        Message::Prepare { tx, mode, .. } => format!("Prepare {} {}", name(*tx), self::mode(*mode)),
        Message::OnePhase { tx, .. } => format!("OnePhase {}", name(*tx)),
        Message::Vote { tx, vote } => format!("Vote {} {}", name(*tx), self::vote(*vote)),
        Message::Decision { tx, outcome, .. } => format!("Decision {} {outcome}", name(*tx)),
        Message::Acknowledge { tx, took: None } => format!("Acknowledge {}", name(*tx)),
        Message::Acknowledge { tx, took: Some(took) } => {
            format!("Acknowledge {}, but took {took}", name(*tx))
        }
        Message::Inquire { tx, .. } => format!("Inquire {}", name(*tx)),
        Message::InquirePeer { tx } => format!("InquirePeer {}", name(*tx)),
        Message::Answer { tx, outcome } => format!("Answer {} {}", name(*tx), perhaps(*outcome)),
        other => format!("{other:?}"),
    }
}

fn of_coordinator(request: &coordinator::Request<Work>) -> String {
    match request {
        coordinator::Request::Begin { mode, branches, .. } => {
            let nodes: Nodes = branches.iter().map(|(node, ())| *node).collect();
            format!("begin at {}, {}", list(&nodes), self::mode(*mode))
        }
        coordinator::Request::Cancel { tx, .. } => format!("cancel {}", name(*tx)),
        other => format!("{other:?}"),
    }
}

fn of_participant(request: &participant::Request) -> String {
    match request {
        participant::Request::Ready { tx, vote } => format!("say {} to {}", self::vote(*vote), name(*tx)),
        participant::Request::Done { tx } => format!("take {} for done", name(*tx)),
        participant::Request::Resolve { tx, outcome } => {
            format!("resolve {} by an operator: {outcome}", name(*tx))
        }
        participant::Request::Forget { tx } => format!("forget the damage of {}", name(*tx)),
        participant::Request::Found { tx } => format!("say what becomes of {}, found prepared", name(*tx)),
        other => format!("{other:?}"),
    }
}

fn record(record: &RecordOf<Node>) -> String {
    match record {
        Record::Put { value: Either::Left(coordinator::Cell::Identity { node, .. }), .. }
        | Record::Put { value: Either::Right(participant::Cell::Identity { node, .. }), .. } => {
            format!("identity {node}")
        }
        Record::Put { value: Either::Left(coordinator::Cell::Reserved { upto }), .. } => {
            format!("numbers up to {upto}")
        }
        Record::Append { index, entry: Either::Left(entry), .. } => {
            let told = match entry {
                coordinator::Entry::Collecting { tx, .. } => format!("collecting {}", name(*tx)),
                coordinator::Entry::Decided { tx, outcome, awaited, .. } => {
                    format!("{} decided: {outcome}, awaits {}", name(*tx), list(awaited))
                }
                coordinator::Entry::Ended { tx, outcome } => format!("{} ended: {outcome}", name(*tx)),
                other => format!("{other:?}"),
            };
            format!("i{index} = {told}")
        }
        Record::Append { index, entry: Either::Right(entry), .. } => {
            format!("i{index} = {}", participants_entry(entry))
        }
        Record::Discard { upto, .. } => format!("the loss of i{upto} and before"),
        other => format!("{other:?}"),
    }
}

fn participants_entry(entry: &participant::Entry<Work>) -> String {
    match entry {
        participant::Entry::Prepared { tx, heuristic: None, .. } => format!("{} prepared", name(*tx)),
        participant::Entry::Prepared { tx, heuristic: Some(heuristic), .. } => {
            let done = if heuristic.done { ", done" } else { "" };
            format!("{} prepared, by an operator {}{done}", name(*tx), heuristic.outcome)
        }
        participant::Entry::Decided { tx, outcome, took, .. } => {
            format!("{} decided: {outcome}{}", name(*tx), but_took(*took))
        }
        participant::Entry::Ended { tx, outcome, took } => {
            format!("{} ended: {}{}", name(*tx), perhaps(*outcome), but_took(*took))
        }
        other => format!("{other:?}"),
    }
}

fn notice(notice: &NoticeOf<CommitSpec>) -> String {
    match notice {
        Notice::Left(told) => match told {
            coordinator::Notice::Begun { tx, .. } => format!("begun {}", name(*tx)),
            coordinator::Notice::Refused { reason, .. } => format!("refused: {reason}"),
            coordinator::Notice::Outcome { tx, outcome } => format!("{} comes to {outcome}", name(*tx)),
            coordinator::Notice::Forgotten { tx } => format!("{} forgotten", name(*tx)),
            coordinator::Notice::Damage { tx, participant, took } => {
                format!("damage by {} at {participant}: {took}", name(*tx))
            }
            coordinator::Notice::Rejected { from, reason } => format!("rejected {from}: {reason}"),
            other => format!("{other:?}"),
        },
        Notice::Right(told) => match told {
            participant::Notice::Prepare { tx, .. } => format!("get ready for {}", name(*tx)),
            participant::Notice::Apply { tx, position, .. } => format!("apply {} as {position}", name(*tx)),
            participant::Notice::Undo { tx, position, .. } => format!("undo {} as {position}", name(*tx)),
            participant::Notice::Damage { tx, took, outcome } => {
                format!("damage by {}: {took}, but {outcome}", name(*tx))
            }
            participant::Notice::Refused { tx, reason } => format!("refused {}: {reason}", name(*tx)),
            participant::Notice::Rejected { from, reason } => format!("rejected {from}: {reason}"),
            other => format!("{other:?}"),
        },
        Notice::Misdirected => "misdirected".to_owned(),
    }
}

/// A machine in a few words.
pub(super) fn summary(machine: &Node) -> String {
    let told = match machine {
        Either::Left(coordinator) => coordinator_phases(coordinator),
        Either::Right(participant) => participant_phases(participant),
    };
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

fn coordinator_phases(coordinator: &Coordinator) -> Vec<String> {
    let phases = coordinator.transactions().map(|(tx, phase)| {
        let said = match phase {
            coordinator::Phase::OnePhase => "left to one".to_owned(),
            coordinator::Phase::Collecting => "collecting".to_owned(),
            coordinator::Phase::Decided(outcome) => format!("decided {outcome}"),
        };
        let open = coordinator.participants(tx).filter(|(_, vote)| vote.is_none()).count();
        format!("{} {said} ({open} open)", name(tx))
    });
    phases.collect()
}

fn participant_phases(participant: &Participant) -> Vec<String> {
    let phases = participant.transactions().map(|(tx, phase)| {
        let said = match phase {
            participant::Phase::Asked => "asked".to_owned(),
            participant::Phase::InDoubt { heuristic: None } => "in doubt".to_owned(),
            participant::Phase::InDoubt { heuristic: Some(taken) } => {
                format!("in doubt, {taken} by an operator")
            }
            participant::Phase::Decided(outcome) => format!("to {outcome}"),
            participant::Phase::Ended(outcome) => format!("ended ({})", perhaps(outcome)),
            participant::Phase::Forgotten => "forgotten".to_owned(),
        };
        format!("{} {said}", name(tx))
    });
    phases.collect()
}

/// The phase of the earliest transaction that is not over.
pub(super) fn band(machine: &Node) -> Option<Band> {
    let (label, hue) = match machine {
        Either::Left(coordinator) => {
            let (tx, phase) = coordinator.transactions().next()?;
            let (said, hue) = match phase {
                coordinator::Phase::OnePhase => ("left to one", 55),
                coordinator::Phase::Collecting => ("collecting", 215),
                coordinator::Phase::Decided(Outcome::Commit) => ("commit", 145),
                coordinator::Phase::Decided(Outcome::Abort) => ("abort", 0),
            };
            (format!("{} {said}", name(tx)), hue)
        }
        Either::Right(participant) => {
            let open = |phase: &participant::Phase| !matches!(phase, participant::Phase::Ended(_));
            let (tx, phase) = participant.transactions().find(|(_, phase)| open(phase))?;
            let (said, hue) = match phase {
                participant::Phase::Asked => ("asked", 215),
                participant::Phase::InDoubt { .. } => ("in doubt", 30),
                participant::Phase::Decided(Outcome::Commit) => ("commit", 145),
                participant::Phase::Decided(Outcome::Abort) => ("abort", 0),
                participant::Phase::Ended(_) | participant::Phase::Forgotten => return None,
            };
            (format!("{} {said}", name(tx)), hue)
        }
    };
    Some(Band { label, hue })
}

fn name(tx: TxId) -> String {
    format!("x{}", tx.number)
}

const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::PresumedAbort => "presumed abort",
        Mode::PresumedCommit => "presumed commit",
        Mode::PresumedNothing => "presumed nothing",
    }
}

const fn vote(vote: Vote) -> &'static str {
    match vote {
        Vote::Yes => "yes",
        Vote::No => "no",
        Vote::ReadOnly => "read-only",
    }
}

fn perhaps(outcome: Option<Outcome>) -> String {
    outcome.map_or_else(|| "unknown".to_owned(), |outcome| outcome.to_string())
}

fn but_took(took: Option<Outcome>) -> String {
    took.map(|took| format!(", but took {took}")).unwrap_or_default()
}

fn list(nodes: &Nodes) -> String {
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    format!("[{}]", names.join(", "))
}
