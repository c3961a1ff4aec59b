//! The same verdicts as checkers that try everything, on thousands of small histories.

use std::collections::{BTreeMap, BTreeSet};

use quorate_models::history::{
    Call, Causality, Client, EventKind, Guarantee, History, Key, Register, RegisterOperation,
    RegisterOutcome, Unsuitable, Verdict, causal, session,
};

use crate::made::{Random, history, small};
use crate::stateright_says::register;

type Registers = History<RegisterOperation<u64>, RegisterOutcome<u64>>;
type RegisterCall = Call<RegisterOperation<u64>, RegisterOutcome<u64>>;

const SPEC: Register<u64> = Register { initial: 0 };
const HISTORIES: u64 = 4_000;

/// Small histories of distinct values, some of them with reads of other clients' or older values.
fn registers(seed: u64) -> Registers {
    let mut random = Random(seed);
    let size = (2 + random.below(2), 1 + random.below(2), 4 + random.below(4));
    let mut events = small(&SPEC, &mut random, size, register);
    // More kinds of wrong than staleness alone: now and then any value that somebody writes.
    for event in &mut events {
        if let EventKind::Returned(RegisterOutcome::Value(value)) = &mut event.kind
            && random.once_in(4)
        {
            *value = random.below(*value + 2);
        }
    }
    history::<Register<u64>>(events)
}

/// A write or a read with all there is to know of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Access {
    client: Client,
    key: Key,
    /// What it wrote or read.
    value: u64,
    write: bool,
    certain: bool,
}

/// Reads of known outcome, and writes that are known or were read. `None` if a read found what nobody wrote.
fn accesses(history: &Registers) -> Option<Vec<Access>> {
    let read = |call: &RegisterCall| match call.returned() {
        Some((_, RegisterOutcome::Value(value))) => Some((call.key, *value)),
        _ => None,
    };
    let reads: BTreeSet<(Key, u64)> = history.calls().iter().filter_map(read).collect();
    let mut all = Vec::new();
    for call in history.calls() {
        let certain = call.returned().is_some();
        match (&call.operation, read(call)) {
            (RegisterOperation::Write(value), _) if certain || reads.contains(&(call.key, *value)) => {
                all.push(Access { client: call.client, key: call.key, value: *value, write: true, certain });
            }
            (_, Some((key, value))) => {
                all.push(Access { client: call.client, key, value, write: false, certain });
            }
            _ => {}
        }
    }
    let wrote =
        |key, value| all.iter().any(|access| access.write && (access.key, access.value) == (key, value));
    reads.iter().all(|(key, value)| *value == 0 || wrote(*key, *value)).then_some(all)
}

/// What is before what: the transitive closure of client order and of writes before their reads.
fn before(all: &[Access]) -> Vec<Vec<bool>> {
    let count = all.len();
    let mut before = vec![vec![false; count]; count];
    for (i, one) in all.iter().enumerate() {
        for (j, other) in all.iter().enumerate() {
            let order = i < j && one.client == other.client && one.certain;
            let reads = one.write && !other.write && (one.key, one.value) == (other.key, other.value);
            before[i][j] = order || reads;
        }
    }
    for k in 0..count {
        for i in 0..count {
            for j in 0..count {
                before[i][j] |= before[i][k] && before[k][j];
            }
        }
    }
    before
}

/// All orders of some things.
fn orders(things: &[usize]) -> Vec<Vec<usize>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in things.iter().enumerate() {
        let rest: Vec<usize> =
            things.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, t)| *t).collect();
        all.extend(orders(&rest).into_iter().map(|order| [vec![*first], order].concat()));
    }
    all
}

/// Bouajjani et al. 2017, the definitions: each read is explained by an order of what is before it (CC); or by the
/// one order of everything, kept to what is before it (CCv).
fn causal_by_definition(history: &Registers, causality: Causality) -> bool {
    let Some(all) = accesses(history) else { return false };
    let before = before(&all);
    if (0..all.len()).any(|at| before[at][at]) {
        return false;
    }
    let writes: Vec<usize> = (0..all.len()).filter(|at| all[*at].write).collect();
    let keeps = |order: &[usize]| {
        order.iter().enumerate().all(|(at, one)| order[at + 1..].iter().all(|later| !before[*later][*one]))
    };
    let explains = |order: &[usize], read: usize| {
        let mut seen =
            order.iter().filter(|write| before[**write][read] && all[**write].key == all[read].key);
        seen.next_back().map_or(0, |write| all[*write].value) == all[read].value
    };
    let reads: Vec<usize> = (0..all.len()).filter(|at| !all[*at].write).collect();
    let orders: Vec<Vec<usize>> = orders(&writes).into_iter().filter(|order| keeps(order)).collect();
    match causality {
        Causality::Weak => reads.iter().all(|read| orders.iter().any(|order| explains(order, *read))),
        Causality::Convergent => orders.iter().any(|order| reads.iter().all(|read| explains(order, *read))),
    }
}

/// The definition of the module: some order of the writes of each key, in which none that is required is newer than
/// what was read.
fn session_by_definition(history: &Registers, guarantee: Guarantee) -> bool {
    let Some(all) = accesses(history) else { return false };
    let keys: BTreeSet<Key> = all.iter().map(|access| access.key).collect();
    keys.iter().all(|key| {
        let writes: Vec<usize> = (0..all.len()).filter(|at| all[*at].write && all[*at].key == *key).collect();
        orders(&writes).iter().any(|order| is_kept(&all, order, *key, guarantee))
    })
}

fn is_kept(all: &[Access], order: &[usize], key: Key, guarantee: Guarantee) -> bool {
    let rank: BTreeMap<u64, usize> =
        order.iter().enumerate().map(|(rank, write)| (all[*write].value, rank + 1)).chain([(0, 0)]).collect();
    let at_key = |at: &usize| all[*at].key == key;
    let earlier = |at: usize| (0..at).filter(move |other| all[*other].client == all[at].client);
    let is_write = |at: &usize| all[*at].write;
    let own_order = order.iter().all(|write| {
        earlier(*write)
            .filter(at_key)
            .filter(is_write)
            .filter(|one| all[*one].certain)
            .all(|one| rank[&all[one].value] < rank[&all[*write].value])
    });
    let reads_before = |at: usize| earlier(at).filter(at_key).filter(|one| !all[*one].write);
    let follows = guarantee != Guarantee::WritesFollowReads
        || order
            .iter()
            .all(|write| reads_before(*write).all(|read| rank[&all[read].value] < rank[&all[*write].value]));
    let mut reads = (0..all.len()).filter(at_key).filter(|at| !all[*at].write);
    own_order
        && follows
        && reads.all(|read| {
            let own_reads = |until: usize| earlier(until).chain([until]).filter(|one| !all[*one].write);
            let seen: Vec<usize> = own_reads(read)
                .filter_map(|one| {
                    (0..all.len()).find(|at| {
                        all[*at].write && (all[*at].key, all[*at].value) == (all[one].key, all[one].value)
                    })
                })
                .collect();
            let required: Vec<u64> = match guarantee {
                Guarantee::ReadYourWrites => earlier(read)
                    .filter(at_key)
                    .filter(is_write)
                    .filter(|one| all[*one].certain)
                    .map(|one| all[one].value)
                    .collect(),
                Guarantee::MonotonicReads => reads_before(read).map(|one| all[one].value).collect(),
                Guarantee::MonotonicWrites => seen
                    .iter()
                    .flat_map(|write| earlier(*write))
                    .filter(at_key)
                    .filter(is_write)
                    .filter(|one| all[*one].certain)
                    .map(|one| all[one].value)
                    .collect(),
                Guarantee::WritesFollowReads => seen
                    .iter()
                    .flat_map(|write| reads_before(*write).collect::<Vec<_>>())
                    .map(|one| all[one].value)
                    .collect(),
            };
            required.iter().all(|value| rank[value] <= rank[&all[read].value])
        })
}

/// Sees that both verdicts are common, and the same as by trying everything; that what is said to break a guarantee
/// breaks it by itself; and that it does not any more without any one write and its reads, or any one read.
fn agree(
    ours: impl Fn(&Registers) -> Result<Verdict, Unsuitable>,
    theirs: impl Fn(&Registers) -> bool,
    share: u64,
) {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..HISTORIES {
        let history = registers(seed);
        let verdict = ours(&history).expect("registers of distinct values");
        let wanted = theirs(&history);
        assert_eq!(verdict.holds(), wanted, "seed {seed}: {verdict:?}\n{:#?}", history.calls());
        *(if wanted { &mut good } else { &mut bad }) += 1;
        if let Some(violation) = verdict.violation() {
            let shown = |but: Option<usize>| alone(&history, &violation.calls, but);
            assert!(
                !theirs(&shown(None)),
                "seed {seed}: no violation by itself: {violation:?}\n{:#?}",
                history.calls()
            );
            assert!(violation.minimal);
            for call in &violation.calls {
                assert!(
                    theirs(&shown(Some(*call))),
                    "seed {seed}: {call} is not needed: {violation:?}\n{:#?}",
                    history.calls()
                );
            }
        }
    }
    assert!(
        good > HISTORIES / share && bad > HISTORIES / share,
        "{good} good and {bad} bad histories prove little"
    );
}

/// These calls alone, without one of them, and without its reads if it is a write.
fn alone(history: &Registers, calls: &[usize], but: Option<usize>) -> Registers {
    let call = |at: usize| &history.calls()[at];
    let is_read_of = |at: usize, write: usize| match (&call(write).operation, call(at).returned()) {
        (RegisterOperation::Write(wrote), Some((_, RegisterOutcome::Value(read)))) => {
            call(at).key == call(write).key && read == wrote
        }
        _ => false,
    };
    let kept = calls.iter().filter(|at| but.is_none_or(|but| **at != but && !is_read_of(**at, but)));
    crate::by_hand::history_of(kept.map(|at| call(*at).clone()))
}

#[test]
fn causal_consistency_is_what_its_definition_says() {
    agree(
        |history| causal(&SPEC, history, Causality::Weak),
        |history| causal_by_definition(history, Causality::Weak),
        10,
    );
}

#[test]
fn causal_convergence_is_what_its_definition_says() {
    agree(
        |history| causal(&SPEC, history, Causality::Convergent),
        |history| causal_by_definition(history, Causality::Convergent),
        10,
    );
}

/// One guarantee, by its definition.
fn session_agrees(guarantee: Guarantee) {
    agree(
        |history| session(&SPEC, history, guarantee),
        |history| session_by_definition(history, guarantee),
        10,
    );
}

#[test]
fn read_your_writes_is_what_its_definition_says() {
    session_agrees(Guarantee::ReadYourWrites);
}

#[test]
fn monotonic_reads_is_what_its_definition_says() {
    session_agrees(Guarantee::MonotonicReads);
}

#[test]
fn monotonic_writes_is_what_its_definition_says() {
    session_agrees(Guarantee::MonotonicWrites);
}

#[test]
fn writes_follow_reads_is_what_its_definition_says() {
    session_agrees(Guarantee::WritesFollowReads);
}
