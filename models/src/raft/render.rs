//! Raft in a few words, for traces.

use quorate::durable::Record;
use quorate::raft::{Cell, Entry, Message, Notice, Outcome, Payload, Position, Request, Timer};

use super::{Application, RaftSpec};
use crate::spec::Shown;

/// What a trace shows, as somebody would tell it who drew the scenario on a board.
pub(super) fn shown<A: Application>(application: &A, shown: &Shown<'_, RaftSpec<A>>) -> String {
    match shown {
        Shown::Message(said) => message(application, said),
        Shown::Timer(Timer::Election) => "election".to_owned(),
        Shown::Timer(Timer::Heartbeat) => "heartbeat".to_owned(),
        Shown::Request(Request::Propose { commands, .. }) => {
            format!("propose {}", list(commands.iter().map(|command| application.show(command))))
        }
        Shown::Record(written) => record(application, written),
        Shown::Entry(held) => entry(application, held),
        Shown::Notice(told) => notice(application, told),
        other => other.debug(),
    }
}

fn message<A: Application>(application: &A, message: &Message<A::Command>) -> String {
    let answer = |granted: bool| if granted { "granted" } else { "refused" };
    match message {
        Message::PreVote { term, last } => format!("PreVote {term} last {}", position(*last)),
        Message::PreVoteReply { term, granted } => format!("PreVoteReply {term} {}", answer(*granted)),
        Message::Vote { term, last } => format!("Vote {term} last {}", position(*last)),
        Message::VoteReply { term, granted } => format!("VoteReply {term} {}", answer(*granted)),
        Message::Append { term, prev, entries, commit } => {
            let entries = list(entries.iter().map(|held| entry(application, held)));
            format!("Append {term} prev {} {entries} commit {}", position(*prev), commit.0)
        }
        Message::AppendReply { term, outcome } => format!("AppendReply {term} {}", self::outcome(*outcome)),
        other => format!("{other:?}"),
    }
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Matched(index) => format!("matched {index}"),
        Outcome::Conflict { at, hint } => format!("conflict at {at}, try after {}", position(hint)),
        Outcome::Stale => "stale".to_owned(),
        other => format!("{other:?}"),
    }
}

fn record<A: Application>(application: &A, record: &Record<Cell, Entry<A::Command>>) -> String {
    match record {
        Record::Put { value: Cell::Identity { node, .. }, .. } => format!("identity {node}"),
        Record::Put { value: Cell::HardState { term, vote: Some(vote) }, .. } => {
            format!("{term} with a vote for {vote}")
        }
        Record::Put { value: Cell::HardState { term, vote: None }, .. } => format!("{term} without a vote"),
        Record::Append { index, entry: held, .. } => format!("i{index} = {}", entry(application, held)),
        Record::Truncate { from, .. } => format!("the cut of i{from} and on"),
        other => format!("{other:?}"),
    }
}

fn notice<A: Application>(application: &A, notice: &Notice<A::Command>) -> String {
    match notice {
        Notice::Accepted { index, term, .. } => format!("accepted at ({term},{index})"),
        Notice::Refused { reason, .. } => format!("refused: {reason}"),
        Notice::Committed { index, term, payload: held } => {
            format!("committed {index} = {term} {}", payload(application, held))
        }
        Notice::Leader { term, leader: Some(leader) } => format!("{leader} leads {term}"),
        Notice::Leader { term, leader: None } => format!("nobody known leads {term}"),
        Notice::Rejected { from, reason } => format!("rejected {from}: {reason}"),
        other => format!("{other:?}"),
    }
}

fn entry<A: Application>(application: &A, entry: &Entry<A::Command>) -> String {
    format!("{} {}", entry.term, payload(application, &entry.payload))
}

fn payload<A: Application>(application: &A, payload: &Payload<A::Command>) -> String {
    match payload {
        Payload::Noop => "noop".to_owned(),
        Payload::Command(command) => application.show(command),
        other => format!("{other:?}"),
    }
}

fn position(position: Position) -> String {
    format!("({},{})", position.term, position.index)
}

fn list(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}
