//! Two-phase commit as scripts speak of it: n1 coordinates, n2 and n3 take part.

use std::sync::Arc;

use quorate::commit::{
    Config, Coordinator, Member, Message, Mode, Outcome, Participant, TxId, Vote, coordinator, participant,
};
use quorate::durable::Record;
use quorate::either::{Either, Notice};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::{Machine, RecordOf};

use crate::stage::{Play, node};

const COORDINATOR: NodeId = NodeId(1);

type Node = Either<Coordinator<()>, Participant<()>>;

pub struct Commit(Arc<Config>);

pub fn plays(_: &str) -> Commit {
    let mut config = Config::new(ClusterId(1), (1..=3).map(NodeId));
    config.numbers_reserved = 8;
    Commit(Arc::new(config))
}

fn tx(word: &str) -> TxId {
    let number = word.strip_prefix('t').and_then(|number| number.parse().ok());
    let number = number.unwrap_or_else(|| panic!("{word} is no transaction: t1, t2 and so on are"));
    TxId { coordinator: COORDINATOR, number }
}

fn name(tx: TxId) -> String {
    format!("t{}", tx.number)
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::PresumedAbort => "presumed abort",
        Mode::PresumedCommit => "presumed commit",
        Mode::PresumedNothing => "presumed nothing",
    }
}

fn vote(vote: Vote) -> &'static str {
    match vote {
        Vote::Yes => "yes",
        Vote::No => "no",
        Vote::ReadOnly => "read-only",
    }
}

fn outcome(word: &str) -> Outcome {
    match word {
        "commit" => Outcome::Commit,
        "abort" => Outcome::Abort,
        _ => panic!("{word} is no outcome: commit and abort are"),
    }
}

fn known(outcome: Option<Outcome>) -> String {
    outcome.map_or_else(|| "not known here".to_owned(), |outcome| outcome.to_string())
}

impl Play for Commit {
    type Machine = Node;

    fn cast(&self) -> Vec<(NodeId, <Node as Machine>::Config)> {
        let member = |me| Member { me, config: self.0.clone() };
        let side = |me| if me == COORDINATOR { Either::Left(member(me)) } else { Either::Right(member(me)) };
        self.0.members.iter().map(|me| (*me, side(*me))).collect()
    }

    /// `begin MODE n2 n3`, `cancel t1`; `votes WORD on t1`, `has done t1`, `resolves t1 as OUTCOME`, `finds t1`.
    fn request(&self, _: NodeId, words: &[&str]) -> <Node as Machine>::Request {
        let id = RequestId(1);
        match *words {
            ["begins", mode, ref nodes @ ..] => {
                let mode = match mode {
                    "presumed-abort" => Mode::PresumedAbort,
                    "presumed-commit" => Mode::PresumedCommit,
                    _ => panic!("{mode} is no mode: presumed-abort and presumed-commit are"),
                };
                let branches = nodes.iter().map(|word| (node(word), ())).collect();
                Either::Left(coordinator::Request::Begin { id, mode, branches })
            }
            ["cancels", of] => Either::Left(coordinator::Request::Cancel { id, tx: tx(of) }),
            ["votes", word, "on", of] => {
                let vote = match word {
                    "yes" => Vote::Yes,
                    "no" => Vote::No,
                    "read-only" => Vote::ReadOnly,
                    _ => panic!("{word} is no vote: yes, no and read-only are"),
                };
                Either::Right(participant::Request::Ready { tx: tx(of), vote })
            }
            ["has", "done", of] => Either::Right(participant::Request::Done { tx: tx(of) }),
            ["forgets", of] => Either::Right(participant::Request::Forget { tx: tx(of) }),
            ["finds", of] => Either::Right(participant::Request::Found { tx: tx(of) }),
            ["resolves", of, "as", word] => {
                Either::Right(participant::Request::Resolve { tx: tx(of), outcome: outcome(word) })
            }
            _ => panic!("nobody asks for `{}`", words.join(" ")),
        }
    }

    fn timer(&self, _: NodeId, words: &[&str]) -> <Node as Machine>::Timer {
        match *words {
            ["votes"] => Either::Left(coordinator::Timer::Votes),
            ["resend"] => Either::Left(coordinator::Timer::Resend),
            ["readiness"] => Either::Right(participant::Timer::Readiness),
            ["doubt"] => Either::Right(participant::Timer::Doubt),
            _ => panic!("`{}` is no timer: votes, resend, readiness and doubt are", words.join(" ")),
        }
    }

    fn message(&self, message: &Message<()>) -> String {
        let of = name(message.tx());
        match message {
            Message::Prepare { mode: of_mode, .. } => format!("prepare {of}, {}", mode(*of_mode)),
            Message::OnePhase { .. } => format!("commit {of} alone, if you can"),
            Message::Vote { vote: said, .. } => format!("I vote {} on {of}", vote(*said)),
            Message::Decision { outcome, .. } => format!("{outcome} {of}"),
            Message::Acknowledge { took: None, .. } => format!("I know the outcome of {of}"),
            Message::Acknowledge { took: Some(took), .. } => {
                format!("I know the outcome of {of}, but {took} was done here")
            }
            Message::Inquire { .. } => format!("what became of {of}?"),
            Message::InquirePeer { .. } => format!("do you know what became of {of}?"),
            Message::Answer { outcome, .. } => format!("{of}: {}", known(*outcome)),
            other => format!("{other:?}"),
        }
    }

    fn notice(&self, notice: &<Node as Machine>::Notice) -> String {
        match notice {
            Notice::Left(notice) => to_coordinator(notice),
            Notice::Right(notice) => to_participant(notice),
            Notice::Misdirected => "that is for another node".to_owned(),
        }
    }

    fn record(&self, record: &RecordOf<Node>) -> Option<String> {
        match record {
            Record::Append { entry: Either::Left(entry), .. } => Some(match entry {
                coordinator::Entry::Collecting { tx, .. } => format!("{} is collecting votes", name(*tx)),
                coordinator::Entry::Decided { tx, outcome, awaited, .. } => {
                    let awaited: Vec<String> = awaited.iter().map(ToString::to_string).collect();
                    format!("{} is decided: {outcome}; {} may ask", name(*tx), awaited.join(", "))
                }
                coordinator::Entry::Ended { tx, .. } => format!("{} is over", name(*tx)),
                other => format!("{other:?}"),
            }),
            Record::Append { entry: Either::Right(entry), .. } => Some(written(entry)),
            // Identities, and numbers reserved.
            _ => None,
        }
    }
}

fn written(entry: &participant::Entry<()>) -> String {
    match entry {
        participant::Entry::Prepared { tx, .. } => format!("{} is prepared", name(*tx)),
        participant::Entry::Decided { tx, outcome, .. } => format!("{} is to {outcome}", name(*tx)),
        participant::Entry::Ended { tx, outcome, .. } => {
            format!("{} is over: {}", name(*tx), known(*outcome))
        }
        other => format!("{other:?}"),
    }
}

fn to_coordinator(notice: &coordinator::Notice) -> String {
    match notice {
        coordinator::Notice::Begun { tx, .. } => format!("{} has begun", name(*tx)),
        coordinator::Notice::Refused { reason, .. } => format!("refused: {reason}"),
        coordinator::Notice::Cancelled { .. } => "cancelled".to_owned(),
        coordinator::Notice::Outcome { tx, outcome } => format!("the outcome of {} is {outcome}", name(*tx)),
        coordinator::Notice::Unknown { tx } => format!("the outcome of {} is not known", name(*tx)),
        coordinator::Notice::Forgotten { tx } => format!("{} is forgotten", name(*tx)),
        coordinator::Notice::Overdue { tx, awaited } => format!("{} still awaits {awaited}", name(*tx)),
        coordinator::Notice::Damage { tx, participant, took } => {
            format!("damage: {participant} did {took} {}", name(*tx))
        }
        other => format!("{other:?}"),
    }
}

fn to_participant(notice: &participant::Notice<()>) -> String {
    let by_operator = |heuristic: bool| if heuristic { ", as the operator decided" } else { "" };
    match notice {
        participant::Notice::Prepare { tx, .. } => format!("get ready for {}", name(*tx)),
        participant::Notice::Apply { tx, heuristic, .. } => {
            format!("apply {}{}", name(*tx), by_operator(*heuristic))
        }
        participant::Notice::Undo { tx, heuristic, .. } => {
            format!("undo {}{}", name(*tx), by_operator(*heuristic))
        }
        participant::Notice::Undecided { tx } => format!("{} is not decided: keep it", name(*tx)),
        participant::Notice::InDoubt { tx } => format!("{} is in doubt", name(*tx)),
        participant::Notice::Damage { tx, took, outcome } => {
            format!("damage: {took} {} was done here, and {outcome} elsewhere", name(*tx))
        }
        participant::Notice::Refused { tx, reason } => format!("refused, {}: {reason}", name(*tx)),
        other => format!("{other:?}"),
    }
}
