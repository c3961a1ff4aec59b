//! From requests to outcomes, without a node: notices are made by hand.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use quorate::id::{NodeId, RequestId};
use quorate::raft::{Index, Notice, Payload, Refusal, Term};

use crate::app::{Answer, App, Ask, BATCH_COMMANDS_MAX, PROPOSALS_MAX, QUEUE_COMMANDS_MAX, Waiter};
use crate::command::{Bytes, Op};
use crate::requests::Directory;
use crate::resp::Reply;
use crate::state::Outcome;

struct Bench {
    app: App,
    now: Instant,
    sender: Sender<(u64, Answer)>,
    answers: Receiver<(u64, Answer)>,
}

fn incr() -> Bytes {
    Op::Incr { key: b"n".to_vec() }.encode().expect("it is short")
}

impl Bench {
    fn new() -> Self {
        let (sender, answers) = channel();
        Self { app: App::new(), now: Instant::now(), sender, answers }
    }

    fn ask(&mut self, seq: u64) {
        let waiter = Waiter { answers: self.sender.clone(), seq };
        self.app.ask(Ask { command: incr(), waiter, until: self.now + Duration::from_secs(1) });
    }

    fn propose(&mut self) -> Option<(RequestId, usize)> {
        self.app.next_proposal(self.now).map(|(id, commands)| (id, commands.len()))
    }

    /// Asks once, and has it accepted at a place.
    fn place(&mut self, seq: u64, index: u64, term: u64) {
        self.ask(seq);
        let (id, _) = self.propose().expect("a proposal");
        self.tell(Notice::Accepted { id, index: Index(index), term: Term(term) });
    }

    fn commit(&mut self, index: u64, term: u64) {
        let payload = Payload::Command(incr());
        self.tell(Notice::Committed { index: Index(index), term: Term(term), payload });
    }

    fn noop(&mut self, index: u64, term: u64) {
        self.tell(Notice::Committed { index: Index(index), term: Term(term), payload: Payload::Noop });
    }

    fn tell(&mut self, notice: Notice<Bytes>) {
        self.app.on_notice(notice).expect("the node can go on");
    }

    fn answers(&self) -> Vec<(u64, Answer)> {
        self.answers.try_iter().collect()
    }
}

fn done(number: i64) -> Answer {
    Answer::Done(Outcome::Integer(number))
}

#[test]
fn an_answer_comes_with_the_commit_of_the_same_index_and_term() {
    let mut bench = Bench::new();
    bench.noop(1, 1);
    bench.place(7, 2, 1);
    assert_eq!(bench.answers(), []);
    bench.commit(2, 1);
    assert_eq!(bench.answers(), [(7, done(1))]);
    bench.commit(3, 1);
    assert_eq!(bench.answers(), [], "another node's client asked for that");
}

#[test]
fn a_later_term_before_or_at_an_index_loses_what_is_there_and_after() {
    let mut bench = Bench::new();
    bench.noop(1, 1);
    for index in 2..=5 {
        bench.place(index, index, 1);
    }
    bench.commit(2, 1);
    assert_eq!(bench.answers(), [(2, done(1))]);
    bench.noop(3, 2);
    assert_eq!(bench.answers(), [(3, Answer::Lost), (4, Answer::Lost), (5, Answer::Lost)]);
    assert_eq!(bench.app.waiting(), (0, 0));
}

#[test]
fn an_earlier_term_at_an_index_loses_what_was_placed_there_later() {
    // Placed in term 3, overwritten by a leader of term 4 whose log has an entry of term 2 in that place.
    let mut bench = Bench::new();
    bench.noop(1, 1);
    bench.place(7, 2, 3);
    bench.commit(2, 2);
    assert_eq!(bench.answers(), [(7, Answer::Lost)]);
}

#[test]
fn two_proposals_for_one_index_have_an_outcome_each() {
    let mut bench = Bench::new();
    bench.noop(1, 1);
    bench.place(3, 2, 1);
    bench.place(4, 3, 1);
    bench.place(5, 3, 5);
    bench.noop(2, 5);
    assert_eq!(bench.answers(), [(3, Answer::Lost), (4, Answer::Lost)]);
    bench.commit(3, 5);
    assert_eq!(bench.answers(), [(5, done(1))]);
}

#[test]
fn requests_gather_while_proposals_are_under_way() {
    let mut bench = Bench::new();
    let mut first = None;
    for seq in 0..PROPOSALS_MAX as u64 {
        bench.ask(seq);
        let (id, commands) = bench.propose().expect("a proposal");
        assert_eq!(commands, 1);
        first = first.or(Some(id));
    }
    for seq in 0..300 {
        bench.ask(100 + seq);
        assert_eq!(bench.propose(), None);
    }
    let refused = Refusal::NotLeader { leader: Some(NodeId(2)) };
    bench.tell(Notice::Refused { id: first.expect("one was made"), reason: refused });
    assert_eq!(bench.answers(), [(0, Answer::Refused(refused))]);
    let (_, commands) = bench.propose().expect("a proposal");
    assert_eq!(commands, BATCH_COMMANDS_MAX);
    assert_eq!(bench.propose(), None);
}

#[test]
fn what_waited_too_long_is_never_proposed() {
    let mut bench = Bench::new();
    bench.ask(1);
    bench.now += Duration::from_secs(2);
    bench.ask(2);
    assert_eq!(bench.propose().map(|(_, commands)| commands), Some(1));
    assert_eq!(bench.propose(), None);
}

#[test]
fn a_full_queue_turns_away() {
    let mut bench = Bench::new();
    (0..QUEUE_COMMANDS_MAX as u64).for_each(|seq| bench.ask(seq));
    assert_eq!(bench.answers(), []);
    bench.ask(9);
    assert_eq!(bench.answers(), [(9, Answer::Busy)]);
}

#[test]
fn what_cannot_be_read_or_is_missing_stops_the_node() {
    let mut app = App::new();
    let committed = |index, bytes: &[u8]| Notice::Committed {
        index: Index(index),
        term: Term(1),
        payload: Payload::Command(Bytes(bytes.into())),
    };
    let error = app.on_notice(committed(1, &[1, 0, 77])).expect_err("there is no such command");
    assert!(error.to_string().contains("cannot be read"), "{error}");
    let error = app.on_notice(committed(2, &incr().0)).expect_err("index 1 was not applied");
    assert!(error.to_string().contains("gap"), "{error}");
}

#[test]
fn what_changed_nothing_is_told_apart_from_what_is_unknown() {
    let clients = [(NodeId(2), ([127, 0, 0, 1], 6302).into())].into();
    let directory = Directory { me: NodeId(1), clients };
    let reply = |answer| directory.reply(answer, 5);
    let moved = Answer::Refused(Refusal::NotLeader { leader: Some(NodeId(2)) });
    assert_eq!(reply(moved), Reply::error("MOVED 5 127.0.0.1:6302"));
    let nobody = Answer::Refused(Refusal::NotLeader { leader: None });
    for answer in [nobody, Answer::Refused(Refusal::Full), Answer::Lost, Answer::Busy, Answer::Stopping] {
        let text = format!("{:?}", reply(answer));
        assert!(text.contains("not applied"), "{text}");
    }
}
