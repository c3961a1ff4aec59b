//! Hot paths allocate nothing once their buffers have grown.
#![allow(missing_docs, reason = "a test")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use quorate::durable::Record;
use quorate::id::{CellId, ClusterId, NodeId, RequestId};
use quorate::ledger::{Ledger, LedgerOf, Output};
use quorate::machine::{Context, Input, InputOf, Machine, Recorder};
use quorate::raft::{
    Config, Entry, Index, Member, Message, Outcome, Payload, Position, Raft, Request, Term, Timer,
};
use quorate::time::{Delay, Time};

const ME: NodeId = NodeId(1);
const PEER: NodeId = NodeId(2);

/// Counts what it is told, and says so once that is durable.
#[derive(Default)]
struct Counter {
    count: u64,
}

impl Machine for Counter {
    type Config = ();
    type Message = u64;
    type Timer = u8;
    type Request = ();
    type Cell = u64;
    type Entry = u64;
    type Notice = u64;

    fn step<C: Context<Self> + ?Sized>(&mut self, _input: InputOf<Self>, cx: &mut C) {
        self.count += 1;
        cx.send_free(PEER, self.count);
        cx.persist(Record::Put { cell: CellId(0), value: self.count });
        cx.send(PEER, self.count);
        cx.send(ME, self.count);
        cx.notify(self.count);
        cx.set_timer(0, Delay::exactly(Duration::from_secs(1)));
    }
}

/// One round of a driver's loop over `steps` steps and one sync.
fn round(machine: &mut Counter, ledger: &mut LedgerOf<Counter>, steps: u64) -> usize {
    for step in 0..steps {
        machine.step(Input::Request(()), &mut ledger.port(Time(step), || 0));
    }
    let mut outputs = 0;
    while ledger.next_output().is_some() {
        outputs += 1;
    }
    if let Some(batch) = ledger.begin_batch(usize::MAX) {
        outputs += ledger.batch().count();
        ledger.complete(batch);
    }
    while ledger.next_output().is_some() {
        outputs += 1;
    }
    while ledger.expire(Time(u64::MAX)).is_some() {
        outputs += 1;
    }
    outputs
}

#[test]
fn a_step_into_a_reused_buffer_allocates_nothing() {
    let mut machine = Counter::default();
    let mut cx = Recorder::new(Time::ZERO, &[]);
    machine.step(Input::Start, &mut cx);
    let info = measure(|| {
        for _ in 0..100 {
            cx.effects.clear();
            machine.step(Input::Request(()), &mut cx);
        }
    });
    assert_eq!((cx.effects.len(), machine.count), (6, 101));
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn a_ledger_in_steady_state_allocates_nothing() {
    let mut machine = Counter::default();
    let mut ledger: LedgerOf<Counter> = Ledger::new(ME);
    round(&mut machine, &mut ledger, 8);
    let mut outputs = 0;
    let info = measure(|| {
        for _ in 0..100 {
            outputs += round(&mut machine, &mut ledger, 8);
        }
    });
    assert_eq!(outputs, 100 * (8 * 5 + 1), "five effects a step came out, and one timer a round");
    assert_eq!(info.count_total, 0, "{info:?}");
}

type Bytes = Arc<[u8]>;
type Node = Raft<Bytes>;

/// A node of three whose cache is small, so that it is soon in its steady state.
fn raft(me: NodeId) -> Node {
    let mut config = Config::new(ClusterId(1), (1..=3).map(NodeId));
    config.max_cached_entries = 64;
    Raft::new(Member { me, config: Arc::new(config) }).expect("the configuration stands")
}

/// Everything leaves and is durable; what the node sends to itself comes back to it. Counts the outputs.
fn settle(node: &mut Node, ledger: &mut LedgerOf<Node>) -> usize {
    let mut outputs = 0;
    loop {
        while let Some(output) = ledger.next_output() {
            outputs += 1;
            if let Output::Loopback(message) = output {
                node.step(Input::Message { from: node.id(), message }, &mut ledger.port(Time::ZERO, || 0));
            }
        }
        let Some(batch) = ledger.begin_batch(usize::MAX) else { return outputs };
        outputs += ledger.batch().count();
        ledger.complete(batch);
    }
}

fn append(index: u64, command: &Bytes) -> Message<Bytes> {
    let prev_term = if index == 1 { Term(0) } else { Term(1) };
    let entry = Entry { term: Term(1), payload: Payload::Command(command.clone()) };
    Message::Append {
        term: Term(1),
        prev: Position { term: prev_term, index: Index(index - 1) },
        entries: [entry].into_iter().collect(),
        commit: Index(index - 1),
    }
}

#[test]
fn a_raft_follower_takes_an_entry_without_allocating() {
    let (mut follower, mut ledger) = (raft(PEER), LedgerOf::<Node>::new(PEER));
    let command: Bytes = vec![7; 16].into();
    let mut index = 0;
    let mut appends = |count: u64| {
        let mut outputs = 0;
        for _ in 0..count {
            index += 1;
            let message = append(index, &command);
            follower.step(Input::Message { from: ME, message }, &mut ledger.port(Time::ZERO, || 0));
            outputs += settle(&mut follower, &mut ledger);
        }
        outputs
    };
    appends(200);
    let mut outputs = 0;
    let info = measure(|| outputs = appends(1_000));
    assert_eq!(outputs, 3 * 1_000, "a record, an acknowledgement and a notice each");
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn a_raft_leader_takes_and_commits_a_proposal_without_allocating() {
    let (mut leader, mut ledger) = (raft(ME), LedgerOf::<Node>::new(ME));
    let command: Bytes = vec![7; 16].into();
    let step = |leader: &mut Node, ledger: &mut LedgerOf<Node>, input: InputOf<Node>| {
        leader.step(input, &mut ledger.port(Time::ZERO, || 0));
        settle(leader, ledger)
    };
    let term = Term(1);
    step(&mut leader, &mut ledger, Input::Timer(Timer::Election));
    let granted = [Message::PreVoteReply { term, granted: true }, Message::VoteReply { term, granted: true }];
    for message in granted {
        step(&mut leader, &mut ledger, Input::Message { from: PEER, message });
    }
    assert!(leader.is_leader());
    let mut proposals = |count: u64| {
        let mut outputs = 0;
        for _ in 0..count {
            let outcome = Outcome::Matched(leader.last().index);
            for peer in [PEER, NodeId(3)] {
                let message = Message::AppendReply { term, outcome };
                outputs += step(&mut leader, &mut ledger, Input::Message { from: peer, message });
            }
            let commands = [command.clone()].into_iter().collect();
            let request = Request::Propose { id: RequestId(0), commands };
            outputs += step(&mut leader, &mut ledger, Input::Request(request));
        }
        outputs
    };
    proposals(200);
    let mut outputs = 0;
    let info = measure(|| outputs = proposals(1_000));
    assert!(
        outputs >= 7 * 1_000,
        "two appends, a record, the leader's own acknowledgement, two notices, a commit"
    );
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn the_counter_counts() {
    let info = measure(|| drop(black_box(Box::new(1u8))));
    assert_eq!(info.count_total, 1, "were this 0, the tests above would prove nothing");
}

#[test]
fn a_step_of_a_saga_allocates_nothing() {
    use quorate::saga::{
        Action, Answer, Config, Definition, DefinitionId, Epoch, Key, Kind, Message, Orchestrator, Outcome,
        Outline, Policy, Request, SagaId, Step, StepId, TaskId, Version,
    };
    let mut outline = Outline::new();
    for step in 0..10u8 {
        let after = step.checked_sub(1).map(StepId).into_iter().collect();
        let (kind, policy) = (Kind::Compensatable, Policy::default());
        outline.step(Step { task: TaskId(1), service: PEER, kind, after, policy });
    }
    let (definition, version, saga) = (DefinitionId(1), Version(1), SagaId(1));
    let plan = Definition::new(definition, version, outline).expect("it stands");
    let config = Arc::new(Config::new(ClusterId(1), ME, [plan]));
    let mut machine = Orchestrator::<u64>::new(config).expect("it stands");
    let mut cx = Recorder::new(Time::ZERO, &[]);
    let begin = Request::Begin { id: RequestId(1), saga, definition, version, input: 7 };
    machine.step(Input::Request(begin), &mut cx);
    let mut answer = |step: u8, action, outcome| {
        let key = Key { owner: ME, saga, step: StepId(step) };
        let answer = Answer { key, epoch: Epoch(1), attempt: 0, action, outcome };
        cx.effects.clear();
        machine.step(Input::Message { from: PEER, message: Message::Answer(answer) }, &mut cx);
        cx.effects.len()
    };
    let forward = measure(|| {
        for step in 0..9 {
            // A record, the next call, its timer, and that of the step before.
            assert_eq!(answer(step, Action::Do, Outcome::Done), 4);
        }
    });
    // A record, the notice that it goes back, two timers, and the first call to undo with its timer.
    assert_eq!(answer(9, Action::Do, Outcome::Refused), 6);
    let back = measure(|| {
        for step in (1..9).rev() {
            assert_eq!(answer(step, Action::Undo, Outcome::Undone), 4);
        }
    });
    assert_eq!((forward.count_total, back.count_total), (0, 0));
    assert_eq!(answer(0, Action::Undo, Outcome::Undone), 4);
}
