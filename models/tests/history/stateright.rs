//! The same verdicts as stateright's testers, on thousands of small histories.

use quorate_models::history::{
    BUDGET, Event, EventKind, Key, Kv, KvOperation, List, ListOperation, Lock, LockOperation, Queue,
    QueueOperation, Register, RegisterOperation, Sequential, Verdict, linearizable, sequential,
};
use stateright::semantics::{
    ConsistencyTester, LinearizabilityTester, SequentialConsistencyTester, SequentialSpec,
};
use std::fmt::Debug;

use crate::made::{Random, history, small};

/// Our objects, all keys together, as their tester sees them.
#[derive(Clone)]
pub struct Theirs<S: Sequential> {
    spec: S,
    states: Vec<S::State>,
}

impl<S: Sequential> Theirs<S> {
    pub fn new(spec: S, keys: u64) -> Self {
        let states = (0..keys).map(|_| spec.initial()).collect();
        Self { spec, states }
    }
}

impl<S: Sequential<Operation: Debug, Outcome: Debug>> SequentialSpec for Theirs<S> {
    type Op = (Key, S::Operation);
    type Ret = S::Outcome;

    fn invoke(&mut self, (key, operation): &Self::Op) -> S::Outcome {
        self.spec.apply(&mut self.states[key.0 as usize], operation)
    }
}

/// Tells a tester what happened.
pub fn tell<S, T>(tester: &mut T, events: &[Event<S::Operation, S::Outcome>])
where
    S: Sequential<Operation: Debug, Outcome: Debug> + Clone,
    T: ConsistencyTester<u32, Theirs<S>>,
{
    for event in events {
        let client = event.client.0;
        let told = match event.kind.clone() {
            EventKind::Called(key, operation) => tester.on_invoke(client, (key, operation)).err(),
            EventKind::Returned(outcome) => tester.on_return(client, outcome).err(),
            EventKind::Failed | EventKind::Unknown => None,
        };
        assert_eq!(told, None);
    }
}

/// What happened to objects of a kind.
type Events<S> = [Event<<S as Sequential>::Operation, <S as Sequential>::Outcome>];
/// The operations of a kind of object, at random.
pub type Operations<S> = fn(&mut Random, u64) -> <S as Sequential>::Operation;

pub fn register(random: &mut Random, n: u64) -> RegisterOperation<u64> {
    if random.once_in(2) { RegisterOperation::Read } else { RegisterOperation::Write(n + 1) }
}

pub fn register_with_cas(random: &mut Random, _: u64) -> RegisterOperation<u64> {
    match random.below(3) {
        0 => RegisterOperation::Read,
        1 => RegisterOperation::Write(random.below(3)),
        _ => RegisterOperation::Cas(random.below(3), random.below(3)),
    }
}

pub fn kv(random: &mut Random, _: u64) -> KvOperation {
    match random.below(5) {
        0 | 1 => KvOperation::Get,
        2 => KvOperation::Set(["7", "x", "8"][random.below(3) as usize].into()),
        3 => KvOperation::Del,
        _ => KvOperation::Incr,
    }
}

pub fn list(random: &mut Random, _: u64) -> ListOperation<u64> {
    if random.once_in(2) { ListOperation::Read } else { ListOperation::Append(random.below(4)) }
}

pub fn queue(random: &mut Random, _: u64) -> QueueOperation<u64> {
    if random.once_in(2) { QueueOperation::Dequeue } else { QueueOperation::Enqueue(random.below(4)) }
}

pub fn lock(random: &mut Random, _: u64) -> LockOperation {
    let by = random.below(2);
    if random.once_in(2) { LockOperation::Acquire(by) } else { LockOperation::Release(by) }
}

/// Sees that both verdicts are common, and the same as theirs.
fn agree<S>(
    spec: S,
    operations: Operations<S>,
    ours: fn(&S, &Events<S>) -> Verdict,
    theirs: fn(&S, &Events<S>) -> bool,
) where
    S: Sequential<Operation: Debug, Outcome: Debug> + Clone,
{
    let (mut good, mut bad) = (0, 0);
    for seed in 0..HISTORIES {
        let mut random = Random(seed);
        let size = (2 + random.below(3), 1 + random.below(2), 3 + random.below(6));
        let events = small(&spec, &mut random, size, operations);
        let (verdict, wanted) = (ours(&spec, &events), theirs(&spec, &events));
        assert!(!matches!(verdict, Verdict::Undecided(_)), "{events:?}");
        assert_eq!(verdict.holds(), wanted, "seed {seed}: {verdict:?}\n{events:#?}");
        *(if wanted { &mut good } else { &mut bad }) += 1;
    }
    assert!(
        good > HISTORIES / SHARE && bad > HISTORIES / SHARE,
        "{good} good and {bad} bad histories prove little"
    );
}

const HISTORIES: u64 = 3_000;
/// At least one history in so many is good, and one bad. Staleness alone seldom breaks sequential consistency.
const SHARE: u64 = 20;
const KEYS: u64 = 2;

fn ours_linearizable<S: Sequential>(spec: &S, events: &[Event<S::Operation, S::Outcome>]) -> Verdict {
    linearizable(spec, &history::<S>(events.to_vec()), BUDGET)
}

fn ours_sequential<S: Sequential>(spec: &S, events: &[Event<S::Operation, S::Outcome>]) -> Verdict {
    sequential(spec, &history::<S>(events.to_vec()), BUDGET)
}

fn theirs_sequential<S>(spec: &S, events: &[Event<S::Operation, S::Outcome>]) -> bool
where
    S: Sequential<Operation: Debug, Outcome: Debug> + Clone,
{
    let mut tester = SequentialConsistencyTester::new(Theirs::new(spec.clone(), KEYS));
    tell::<S, _>(&mut tester, events);
    tester.is_consistent()
}

fn theirs_linearizable<S>(spec: &S, events: &[Event<S::Operation, S::Outcome>]) -> bool
where
    S: Sequential<Operation: Debug, Outcome: Debug> + Clone,
{
    let mut tester = LinearizabilityTester::new(Theirs::new(spec.clone(), KEYS));
    tell::<S, _>(&mut tester, events);
    tester.is_consistent()
}

mod linearizable_as_stateright_says {
    use super::*;

    fn agrees<S>(spec: S, operations: Operations<S>)
    where
        S: Sequential<Operation: Debug, Outcome: Debug> + Clone,
    {
        agree(spec, operations, ours_linearizable, theirs_linearizable);
    }

    #[test]
    fn registers_of_distinct_values() {
        agrees(Register { initial: 0 }, register);
    }

    #[test]
    fn registers_that_are_compared_and_swapped() {
        agrees(Register { initial: 0 }, register_with_cas);
    }

    #[test]
    fn stores() {
        agrees(Kv, kv);
    }

    #[test]
    fn lists() {
        agrees(List::default(), list);
    }

    #[test]
    fn queues() {
        agrees(Queue::default(), queue);
    }

    #[test]
    fn locks() {
        agrees(Lock, lock);
    }
}

mod sequential_as_stateright_says {
    use super::*;

    fn agrees<S>(spec: S, operations: Operations<S>)
    where
        S: Sequential<Operation: Debug, Outcome: Debug> + Clone,
    {
        agree(spec, operations, ours_sequential, theirs_sequential);
    }

    #[test]
    fn registers_of_distinct_values() {
        agrees(Register { initial: 0 }, register);
    }

    #[test]
    fn registers_that_are_compared_and_swapped() {
        agrees(Register { initial: 0 }, register_with_cas);
    }

    #[test]
    fn stores() {
        agrees(Kv, kv);
    }

    #[test]
    fn lists() {
        agrees(List::default(), list);
    }

    #[test]
    fn queues() {
        agrees(Queue::default(), queue);
    }

    #[test]
    fn locks() {
        agrees(Lock, lock);
    }
}
