//! Bytes that must not change: what one release wrote, every later one reads.
//!
//! Each test compares an encoding with `tests/golden/<name>.bin`. A difference is a new format: it needs a new
//! version byte and a decoder for the old one, not a new golden file. To write the files of new types, run
//!
//! ```text
//! QUORATE_BLESS=1 cargo test --test golden
//! ```
//!
//! which writes files that are missing and leaves those that are there as they are: what was once released
//! is only ever replaced by hand.
#![cfg(feature = "wire")]
#![allow(clippy::disallowed_methods, reason = "blessing is asked for by an environment variable")]

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quorate::commit;
use quorate::durable::Record;
use quorate::id::{CellId, ClusterId, LogId, NodeId, RequestId};
use quorate::machine::{Effect, Input, Machine, Recorder};
use quorate::raft::{self, Index, Outcome, Payload, Position, Term};
use quorate::saga;
use quorate::time::Time;
use quorate::wire::{self, frame};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.bin"))
}

/// Compares `bytes` with the golden file of that name.
fn same_bytes(name: &str, bytes: &[u8]) {
    let path = path(name);
    if !path.exists() && std::env::var_os("QUORATE_BLESS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(bytes, golden, "{name}: the encoding has changed");
}

/// Compares the encoding of each value with its golden file `<group>/<name>.bin`, and reads the file back.
fn same_values<T: Serialize + DeserializeOwned + PartialEq + Debug>(group: &str, values: &[(&str, T)]) {
    std::fs::create_dir_all(path(group).with_extension("")).unwrap();
    for (name, value) in values {
        let name = format!("{group}/{name}");
        let mut bytes = Vec::new();
        wire::encode(value, usize::MAX, &mut bytes).unwrap();
        same_bytes(&name, &bytes);
        let read = wire::decode::<T>(&std::fs::read(path(&name)).unwrap());
        assert_eq!(read.as_ref(), Ok(value), "{name}");
    }
}

/// Stands for a machine's cell: one of each kind of field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Cell {
    Identity { cluster: ClusterId, node: NodeId },
    Vote(Option<NodeId>),
    Flags(bool, i64, String),
}

type Rec = Record<Cell, Vec<u8>>;

#[test]
fn records() {
    let put = |cell, value| Rec::Put { cell: CellId(cell), value };
    let values = [
        ("put-identity", put(0, Cell::Identity { cluster: ClusterId(u64::MAX), node: NodeId(3) })),
        ("put-some", put(1, Cell::Vote(Some(NodeId(128))))),
        ("put-none", put(1, Cell::Vote(None))),
        ("put-flags", put(255, Cell::Flags(true, -1, "é".into()))),
        ("remove", Rec::Remove { cell: CellId(2) }),
        ("append", Rec::Append { log: LogId(0), index: 16_384, entry: b"set k v".to_vec() }),
        ("truncate", Rec::Truncate { log: LogId(1), from: 1 }),
        ("discard", Rec::Discard { log: LogId(1), upto: u64::MAX }),
    ];
    same_values("record", &values);
}

#[test]
fn a_frame() {
    let address = frame::Address {
        cluster: ClusterId(0x0102_0304_0506_0708),
        sender: NodeId(0x1112_1314_1516_1718),
        receiver: NodeId(0x2122_2324_2526_2728),
    };
    let message = Cell::Vote(Some(NodeId(5)));
    let mut bytes = Vec::new();
    frame::encode(address, &message, frame::DEFAULT_MAX_BODY, &mut bytes).unwrap();
    same_bytes("frame", &bytes);

    let (cluster, receiver) = (address.cluster, address.receiver);
    let mut decoder =
        frame::Decoder::new(frame::Expected { cluster, receiver, max_body: frame::DEFAULT_MAX_BODY });
    decoder.push(&std::fs::read(path("frame")).unwrap());
    let frame = decoder.poll(|sender| sender == address.sender).unwrap().unwrap();
    assert_eq!((frame.address(), frame.message()), (address, Ok(message)));
}

#[test]
fn a_sealed_value() {
    let mut bytes = Vec::new();
    wire::seal(&Cell::Vote(None), b"place", usize::MAX, &mut bytes).unwrap();
    same_bytes("sealed", &bytes);
    let read = wire::unseal(&std::fs::read(path("sealed")).unwrap(), b"place");
    assert_eq!(read, Ok(Cell::Vote(None)));
}

type Command = Vec<u8>;

fn entry(term: u64, payload: Payload<Command>) -> raft::Entry<Command> {
    raft::Entry { term: Term(term), payload }
}

#[test]
fn raft_records() {
    let identity = raft::Cell::Identity { cluster: ClusterId(7), node: NodeId(3) };
    let hard_state = |vote| raft::Cell::HardState { term: Term(300), vote };
    let cells = [
        ("identity", identity),
        ("hard-state-without-vote", hard_state(None)),
        ("hard-state-with-vote", hard_state(Some(NodeId(2)))),
    ];
    same_values("raft-cell", &cells);
    let entries =
        [("noop", entry(1, Payload::Noop)), ("command", entry(300, Payload::Command(b"set k v".to_vec())))];
    same_values("raft-entry", &entries);
}

#[test]
fn raft_messages() {
    type Message = raft::Message<Command>;
    let term = Term(300);
    let last = Position { term: Term(299), index: Index(70_000) };
    let entries = [entry(299, Payload::Noop), entry(300, Payload::Command(b"x".to_vec()))];
    let reply = |outcome| Message::AppendReply { term, outcome };
    let messages = [
        ("pre-vote", Message::PreVote { term, last }),
        ("pre-vote-reply", Message::PreVoteReply { term, granted: true }),
        ("vote", Message::Vote { term, last }),
        ("vote-reply", Message::VoteReply { term, granted: false }),
        (
            "append",
            Message::Append {
                term,
                prev: last,
                entries: entries.into_iter().collect(),
                commit: Index(69_999),
            },
        ),
        ("append-reply-matched", reply(Outcome::Matched(Index(70_002)))),
        ("append-reply-conflict", reply(Outcome::Conflict { at: Index(70_000), hint: last })),
        ("append-reply-stale", reply(Outcome::Stale)),
    ];
    same_values("raft-message", &messages);
}

/// What sagas run: a step that may be undone, and a pivot.
fn a_definition() -> saga::Definition {
    let mut outline = saga::Outline::new();
    let (service, policy) = (NodeId(2), saga::Policy::default());
    let kinds = [(saga::Kind::Compensatable, vec![]), (saga::Kind::Pivot, vec![saga::StepId(0)])];
    for (kind, after) in kinds {
        outline.step(saga::Step { task: saga::TaskId(300), service, kind, after, policy });
    }
    saga::Definition::new(saga::DefinitionId(5), saga::Version(2), outline).unwrap()
}

/// The first entry of a log that a machine writes when it is asked this.
fn written<M: Machine>(mut machine: M, request: M::Request) -> M::Entry {
    let mut cx = Recorder::new(Time::ZERO, &[]);
    machine.step(Input::Request(request), &mut cx);
    let written = cx.effects.into_iter().find_map(|effect| match effect {
        Effect::Persist(Record::Append { entry, .. }) => Some(entry),
        _ => None,
    });
    written.unwrap()
}

/// What an orchestrator writes first of a saga.
fn saga_entry() -> saga::Entry<Command> {
    let plan = a_definition();
    let (id, saga, input) = (RequestId(1), saga::SagaId(9), b"order 1".to_vec());
    let begin = saga::Request::Begin { id, saga, definition: plan.id(), version: plan.version(), input };
    let config = saga::Config::new(ClusterId(7), NodeId(3), [plan]);
    written(saga::Orchestrator::new(Arc::new(config)).unwrap(), begin)
}

/// What an initiator writes first of a saga.
fn choreography_entry() -> saga::choreography::Entry<Command> {
    use saga::choreography::{Config, Participant, Request};
    let plan = a_definition();
    let (id, saga, input) = (RequestId(1), saga::SagaId(9), b"order 1".to_vec());
    let begin = Request::Begin { id, saga, definition: plan.id(), version: plan.version(), input };
    let config = Config::new(ClusterId(7), NodeId(3), [2, 3].map(NodeId), [plan]);
    written(Participant::new(Arc::new(config)).unwrap(), begin)
}

#[test]
fn saga_records() {
    let cells = [
        ("identity", saga::Cell::Identity { cluster: ClusterId(7), node: NodeId(3) }),
        ("epoch", saga::Cell::Epoch(saga::Epoch(300))),
        ("forgotten", saga::Cell::Forgotten(saga::SagaId(70_000))),
    ];
    same_values("saga-cell", &cells);
    let (saga, step) = (saga::SagaId(70_000), saga::StepId(63));
    let event = |event| saga::Entry::Event { saga, event };
    let turned = |cause| event(saga::Event::TurnedBack(cause));
    let entries = [
        ("saga", saga_entry()),
        ("done", event(saga::Event::Done(step))),
        ("refused", event(saga::Event::Refused(step))),
        ("turned-back-refused", turned(saga::Cause::Refused(step))),
        ("turned-back-exhausted", turned(saga::Cause::Exhausted(step))),
        ("turned-back-cancelled", turned(saga::Cause::Cancelled)),
        ("turned-back-overdue", turned(saga::Cause::Overdue)),
        ("undone", event(saga::Event::Undone(step))),
        ("tried", event(saga::Event::Tried(step, 300))),
        ("stuck", event(saga::Event::Stuck(step))),
        ("unstuck", event(saga::Event::Unstuck(step))),
        ("forgotten", saga::Entry::Forgotten { saga }),
    ];
    same_values("saga-entry", &entries);
}

#[test]
fn saga_service_records() {
    use saga::service::{Cell, Entry, Owner};
    let owner = |epoch, floor| Owner { epoch: saga::Epoch(epoch), floor: saga::SagaId(floor) };
    let cells = [
        ("identity", Cell::Identity { cluster: ClusterId(7), node: NodeId(2) }),
        ("owners", Cell::Owners(vec![(NodeId(3), owner(300, 69_000)), (NodeId(128), owner(1, 0))])),
    ];
    same_values("saga-service-cell", &cells);
    let key = saga::Key { owner: NodeId(3), saga: saga::SagaId(70_000), step: saga::StepId(63) };
    let entry = |stage| Entry { key, stage };
    let entries = [
        ("doing", entry(saga::Stage::Doing)),
        ("done", entry(saga::Stage::Done)),
        ("refused", entry(saga::Stage::Refused)),
        ("undoing", entry(saga::Stage::Undoing)),
        ("undone", entry(saga::Stage::Undone)),
    ];
    same_values("saga-service-entry", &entries);
}

#[test]
fn saga_messages() {
    use saga::{Action, Message, Outcome};
    let (epoch, attempt, task, input) = (saga::Epoch(300), 2, saga::TaskId(5), b"order 1".to_vec());
    let key = saga::Key { owner: NodeId(3), saga: saga::SagaId(70_000), step: saga::StepId(63) };
    let floor = saga::SagaId(69_000);
    let call = |action| saga::Call { key, epoch, attempt, action, floor, task, input: input.clone() };
    let answer = |action, outcome| Message::Answer(call(action).answer(outcome));
    let messages = [
        ("do", Message::Call(call(Action::Do))),
        ("probe", Message::Call(call(Action::Probe))),
        ("undo", Message::Call(call(Action::Undo))),
        ("done", answer(Action::Do, Outcome::Done)),
        ("refused", answer(Action::Do, Outcome::Refused)),
        ("undone", answer(Action::Undo, Outcome::Undone)),
        ("unseen", answer(Action::Probe, Outcome::Unseen)),
        ("later", answer(Action::Undo, Outcome::Later)),
        ("superseded", answer(Action::Do, Outcome::Superseded { epoch: saga::Epoch(301) })),
    ];
    same_values("saga-message", &messages);
}

/// The participants and the name of one transaction.
fn a_transaction() -> (commit::TxId, commit::Nodes) {
    (commit::TxId { coordinator: NodeId(1), number: 70_000 }, [NodeId(2), NodeId(300)].into_iter().collect())
}

#[test]
fn coordinator_records() {
    use commit::coordinator::{Cell, Entry};
    use commit::{Mode, Outcome};
    let cells = [
        ("identity", Cell::Identity { cluster: ClusterId(7), node: NodeId(3) }),
        ("reserved", Cell::Reserved { upto: 1_024 }),
    ];
    same_values("coordinator-cell", &cells);
    let (tx, nodes) = a_transaction();
    let decided = |mode, outcome| Entry::Decided { tx, mode, outcome, awaited: nodes.clone() };
    let entries = [
        ("collecting", Entry::Collecting { tx, mode: Mode::PresumedCommit, participants: nodes.clone() }),
        ("decided-commit", decided(Mode::PresumedAbort, Outcome::Commit)),
        ("decided-abort", decided(Mode::PresumedCommit, Outcome::Abort)),
        ("ended", Entry::Ended { tx, outcome: Outcome::Commit }),
    ];
    same_values("coordinator-entry", &entries);
}

#[test]
fn participant_records() {
    use commit::participant::{Cell, Entry, Heuristic};
    use commit::{Mode, Outcome};
    let cells = [
        ("identity", Cell::Identity { cluster: ClusterId(7), node: NodeId(3) }),
        ("floors", Cell::Floors(vec![(NodeId(1), 70_000), (NodeId(300), 1)])),
    ];
    same_values("participant-cell", &cells);
    let (tx, peers) = a_transaction();
    let prepared = |heuristic| {
        let (mode, peers, work) = (Mode::PresumedCommit, peers.clone(), b"pay 5".to_vec());
        Entry::Prepared { tx, mode, peers, work, heuristic }
    };
    let resolved = Heuristic { outcome: Outcome::Abort, position: 300, done: true };
    let decided = |outcome, took, work: Option<&[u8]>| Entry::Decided {
        tx,
        outcome,
        took,
        done: took.is_some(),
        position: 300,
        work: work.map(Vec::from),
    };
    let entries = [
        ("prepared", prepared(None)),
        ("prepared-resolved", prepared(Some(resolved))),
        ("decided-commit", decided(Outcome::Commit, None, Some(b"pay 5"))),
        ("decided-abort", decided(Outcome::Abort, None, None)),
        ("decided-damage", decided(Outcome::Commit, Some(Outcome::Abort), None)),
        ("ended", Entry::Ended { tx, outcome: Some(Outcome::Commit), took: None }),
        ("ended-damage", Entry::Ended { tx, outcome: Some(Outcome::Commit), took: Some(Outcome::Abort) }),
        ("ended-read-only", Entry::Ended { tx, outcome: None, took: None }),
    ];
    same_values("participant-entry", &entries);
}

#[test]
fn commit_messages() {
    use commit::{Message, Mode, Outcome, Vote};
    let (tx, peers) = a_transaction();
    let vote = |vote| Message::Vote { tx, vote };
    let messages = [
        ("prepare", Message::Prepare { tx, mode: Mode::PresumedCommit, peers, work: b"pay 5".to_vec() }),
        ("one-phase", Message::OnePhase { tx, work: b"pay 5".to_vec() }),
        ("vote-yes", vote(Vote::Yes)),
        ("vote-no", vote(Vote::No)),
        ("vote-read-only", vote(Vote::ReadOnly)),
        ("decision", Message::Decision { tx, mode: Mode::PresumedAbort, outcome: Outcome::Commit }),
        ("acknowledge", Message::Acknowledge { tx, took: None }),
        ("acknowledge-damage", Message::Acknowledge { tx, took: Some(Outcome::Abort) }),
        ("inquire", Message::Inquire { tx, mode: Mode::PresumedAbort }),
        ("inquire-peer", Message::InquirePeer { tx }),
        ("answer", Message::Answer { tx, outcome: Some(Outcome::Abort) }),
        ("answer-unknown", Message::Answer { tx, outcome: None }),
    ];
    same_values("commit-message", &messages);
}

#[test]
fn tcc_messages() {
    use commit::Outcome;
    use commit::tcc::Message;
    let (tx, _) = a_transaction();
    let messages = [
        ("try", Message::Try { tx, work: b"hold 5".to_vec() }),
        ("tried", Message::Tried { tx, reserved: true }),
        ("not-tried", Message::Tried { tx, reserved: false }),
        ("confirm", Message::Confirm { tx }),
        ("cancel", Message::Cancel { tx }),
        ("done", Message::Done { tx, took: None }),
        ("done-otherwise", Message::Done { tx, took: Some(Outcome::Abort) }),
        ("stuck", Message::Stuck { tx }),
    ];
    same_values("tcc-message", &messages);
}

/// A ballot, and what was accepted of two resource managers by then.
fn a_ballot() -> (commit::paxos::Ballot, commit::paxos::Instances) {
    use commit::paxos::{Accepted, Ballot};
    let accepted = Accepted { ballot: Ballot::ZERO, vote: commit::Vote::Yes };
    (Ballot { round: 300, rank: 1 }, [(NodeId(2), Some(accepted)), (NodeId(300), None)].into_iter().collect())
}

#[test]
fn acceptor_records() {
    use commit::paxos::acceptor::{Cell, Ended, Entry};
    let ended =
        Ended { coordinator: NodeId(1), floor: 69_000, spans: vec![(69_500, 69_501), (70_000, 70_000)] };
    let cells = [
        ("identity", Cell::Identity { cluster: ClusterId(7), node: NodeId(3) }),
        ("ended", Cell::Ended(vec![ended])),
    ];
    same_values("acceptor-cell", &cells);
    let ((tx, _), (promised, accepted)) = (a_transaction(), a_ballot());
    let entries = [("ballots", Entry::Ballots { tx, promised, accepted }), ("over", Entry::Over { tx })];
    same_values("acceptor-entry", &entries);
}

#[test]
fn paxos_messages() {
    use commit::paxos::{Message, Votes};
    use commit::{Outcome, Vote};
    let ((tx, managers), (ballot, accepted)) = (a_transaction(), a_ballot());
    let votes: Votes = [(NodeId(2), Vote::Yes), (NodeId(300), Vote::No)].into_iter().collect();
    let promised = commit::paxos::Ballot { round: 301, rank: 0 };
    let messages = [
        ("prepare", Message::Prepare { tx, managers: managers.clone(), work: b"pay 5".to_vec() }),
        ("vote", Message::Vote { tx, managers: managers.clone(), vote: Vote::ReadOnly }),
        ("phase-1a", Message::Phase1a { tx, ballot, managers: managers.clone() }),
        ("phase-1b", Message::Phase1b { tx, ballot, accepted }),
        ("phase-2a", Message::Phase2a { tx, ballot, votes: votes.clone() }),
        ("phase-2b", Message::Phase2b { tx, ballot, votes }),
        ("preempted", Message::Preempted { tx, ballot, promised }),
        ("over", Message::Over { tx }),
        ("decision", Message::Decision { tx, outcome: Outcome::Commit }),
        ("presumed", Message::Presumed { tx }),
        ("acknowledge", Message::Acknowledge { tx, took: None }),
        ("acknowledge-damage", Message::Acknowledge { tx, took: Some(Outcome::Abort) }),
        ("inquire", Message::Inquire { tx, managers }),
        ("forget", Message::Forget { tx }),
    ];
    same_values("paxos-message", &messages);
}

/// A saga of a choreography, and what is known of it.
fn a_choreography() -> (saga::choreography::Name, saga::choreography::Facts) {
    let (step, last) = (saga::StepSet::of(saga::StepId(0)), saga::StepSet::of(saga::StepId(63)));
    let name = saga::choreography::Name { initiator: NodeId(3), saga: saga::SagaId(70_000) };
    let mut facts = saga::choreography::Facts::default();
    facts.wish = Some(saga::Cause::Overdue);
    facts.cause = Some(saga::Cause::Refused(saga::StepId(63)));
    (facts.done, facts.failed, facts.clean) = (step, last, last);
    (name, facts)
}

#[test]
fn choreography_records() {
    use saga::choreography::{Cell, Entry, Event};
    let cells = [
        ("identity", Cell::Identity { cluster: ClusterId(7), node: NodeId(3) }),
        ("floors", Cell::Floors(vec![(NodeId(3), saga::SagaId(69_000)), (NodeId(128), saga::SagaId(1))])),
    ];
    same_values("choreography-cell", &cells);
    let (saga, facts) = a_choreography();
    let step = saga::StepId(63);
    let event = |event| Entry::<Command>::Event { saga, event };
    let entries = [
        ("saga", choreography_entry()),
        ("learned", event(Event::Learned(facts))),
        ("done", event(Event::Done(step))),
        ("refused", event(Event::Refused(step, saga::Cause::Refused(step)))),
        ("given-up", event(Event::GivenUp(step, saga::Cause::Exhausted(step)))),
        ("clean", event(Event::Clean(step))),
        ("wished", event(Event::Wished(saga::Cause::Cancelled))),
        ("tried", event(Event::Tried(step, 300))),
        ("stuck", event(Event::Stuck(step))),
        ("unstuck", event(Event::Unstuck(step))),
        ("noted", event(Event::Noted)),
    ];
    same_values("choreography-entry", &entries);
}

#[test]
fn choreography_messages() {
    use saga::choreography::Message;
    let ((saga, facts), input) = (a_choreography(), b"order 1".to_vec());
    let (floor, definition, version) = (saga::SagaId(69_000), saga::DefinitionId(5), saga::Version(2));
    let messages = [
        ("event", Message::Event { saga, floor, definition, version, shape: u64::MAX, input, facts }),
        ("ack", Message::Ack { saga, facts }),
        ("over", Message::Over { initiator: NodeId(3), floor }),
    ];
    same_values("choreography-message", &messages);
}
