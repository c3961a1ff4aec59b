//! Long histories that are good until one thing in them is changed, and what is said of it.

use std::collections::BTreeSet;
use std::fmt::Debug;

use quorate_models::history::{
    BUDGET, Causality, Event, EventKind, HistoryOf, Kv, KvOperation, KvOutcome, List, ListOperation,
    Register, RegisterOperation, RegisterOutcome, Sequential, Verdict, causal, convergent, linearizable,
    sequential,
};

use crate::by_hand::history_of;
use crate::made::{Random, Shape, history, made, small};
use crate::stateright_says::{Operations, Theirs, kv, list, lock, queue, register, register_with_cas, tell};

const REGISTER: Register<u64> = Register { initial: 0 };
const SHAPE: Shape = Shape { clients: 8, keys: 4, calls: 4_000, unknown: 10, lost: None, lost_calls: 1 };

/// The calls of a history that `keep` keeps.
fn only<S: Sequential>(history: &HistoryOf<S>, keep: impl Fn(usize) -> bool) -> HistoryOf<S> {
    let kept = history.calls().iter().enumerate().filter(|(at, _)| keep(*at));
    history_of(kept.map(|(_, call)| call.clone()))
}

/// Sees that what is said to break linearizability breaks it by itself, and that it is small; gives it to `more`.
fn explains<S>(spec: &S, operations: Operations<S>, more: impl Fn(&HistoryOf<S>, &BTreeSet<usize>))
where
    S: Sequential<Operation: Debug, Outcome: Debug> + Clone,
{
    let mut seen = 0;
    for seed in 0..1_500 {
        let events = small(spec, &mut Random(seed), (4, 1, 8), operations);
        let history = history::<S>(events);
        let verdict = linearizable(spec, &history, BUDGET);
        let Some(violation) = verdict.violation() else { continue };
        seen += 1;
        let calls: BTreeSet<usize> = violation.calls.iter().copied().collect();
        let alone = only::<S>(&history, |at| calls.contains(&at));
        assert!(!linearizable(spec, &alone, BUDGET).holds(), "seed {seed}: {calls:?}");
        assert!(violation.minimal && violation.stuck.is_some_and(|stuck| calls.contains(&stuck)));
        more(&history, &calls);
    }
    assert!(seen > 100, "{seen} violations prove little");
}

/// Whether some of the writes that are not among `calls` explain them, if they took effect and the others did not.
fn some_explain(history: &HistoryOf<Register<u64>>, calls: &BTreeSet<usize>) -> bool {
    let is_write = |at: &usize| matches!(history.calls()[*at].operation, RegisterOperation::Write(_));
    let others: Vec<usize> =
        (0..history.calls().len()).filter(|at| !calls.contains(at)).filter(is_write).collect();
    (0..1_u32 << others.len()).any(|chosen| {
        let took_effect =
            |at: usize| others.iter().position(|other| *other == at).is_some_and(|n| chosen >> n & 1 == 1);
        let history = only::<Register<u64>>(history, |at| calls.contains(&at) || took_effect(at));
        linearizable(&REGISTER, &history, BUDGET).holds()
    })
}

#[test]
fn an_explanation_holds_whatever_became_of_other_calls_and_needs_each_of_its_own() {
    explains(&REGISTER, register, |history, calls| {
        assert!(!some_explain(history, calls), "{calls:?} of {:#?}", history.calls());
        for call in calls {
            let fewer = calls.iter().copied().filter(|other| other != call).collect();
            assert!(
                some_explain(history, &fewer),
                "{call} of {calls:?} is not needed: {:#?}",
                history.calls()
            );
        }
    });
}

#[test]
fn an_explanation_is_a_violation_by_itself() {
    explains(&REGISTER, register_with_cas, |_, _| {});
    explains(&Kv, kv, |_, _| {});
    explains(&List::default(), list, |_, _| {});
    explains(&quorate_models::history::Queue::default(), queue, |_, _| {});
    explains(&quorate_models::history::Lock, lock, |_, _| {});
}

#[test]
fn an_explanation_is_short_where_values_recur_too() {
    let mut seen = 0;
    for seed in 0..20 {
        let shape = Shape { lost: Some(2_000), lost_calls: 30, unknown: 0, ..SHAPE };
        let events = made(&REGISTER, seed, shape, |random, _| match random.below(4) {
            0 | 1 => RegisterOperation::Read,
            2 => RegisterOperation::Write(random.below(5)),
            _ => RegisterOperation::Cas(random.below(5), random.below(5)),
        });
        let verdict = linearizable(&REGISTER, &history::<Register<u64>>(events), BUDGET);
        // That some were lost may go unnoticed.
        let Some(violation) = verdict.violation() else { continue };
        assert!(violation.minimal && violation.calls.len() <= 8, "seed {seed}: {violation:?}");
        seen += 1;
    }
    assert!(seen >= 5, "{seen} violations prove little");
}

/// Swaps what one read found, somewhere in the second half, for what was there long before.
fn swap_a_read<O: Clone, R: Clone>(events: &mut [Event<O, R>], is_value: impl Fn(&R) -> bool) -> Option<R> {
    let reads: Vec<usize> = (0..events.len())
        .filter(|at| matches!(&events[*at].kind, EventKind::Returned(outcome) if is_value(outcome)))
        .collect();
    let (early, late) = (*reads.get(reads.len() / 8)?, *reads.get(reads.len() * 5 / 8)?);
    let EventKind::Returned(old) = events[early].kind.clone() else { return None };
    events[late].kind = EventKind::Returned(old.clone());
    Some(old)
}

fn distinct(random: &mut Random, n: u64) -> RegisterOperation<u64> {
    register(random, n)
}

#[test]
fn a_long_good_history_keeps_every_guarantee() {
    let history = history::<Register<u64>>(made(&REGISTER, 1, SHAPE, distinct));
    assert!(linearizable(&REGISTER, &history, BUDGET).holds());
    assert!(sequential(&REGISTER, &history, BUDGET).holds());
    for causality in [Causality::Weak, Causality::Convergent] {
        assert_eq!(causal(&REGISTER, &history, causality), Ok(Verdict::Holds));
    }
}

#[test]
fn one_read_of_an_old_value_is_caught_in_a_long_history() {
    for seed in 0..20 {
        let mut events = made(&REGISTER, seed, SHAPE, distinct);
        swap_a_read(&mut events, |outcome| matches!(outcome, RegisterOutcome::Value(value) if *value > 0));
        let verdict = linearizable(&REGISTER, &history::<Register<u64>>(events), BUDGET);
        let calls = verdict.violation().map_or(0, |violation| violation.calls.len());
        assert!((1..=6).contains(&calls), "seed {seed}: {verdict:?}");

        let mut events = made(&Kv, seed, SHAPE, |random, n| match random.below(6) {
            0..3 => KvOperation::Get,
            3 | 4 => KvOperation::Set(n.to_string().into()),
            _ => KvOperation::Del,
        });
        swap_a_read(&mut events, |outcome| matches!(outcome, KvOutcome::Value(Some(_))));
        let verdict = linearizable(&Kv, &history::<Kv>(events), BUDGET);
        let calls = verdict.violation().map_or(0, |violation| violation.calls.len());
        assert!((1..=6).contains(&calls), "seed {seed}: {verdict:?}");
    }
}

#[test]
fn one_lost_append_is_caught_in_a_long_history() {
    let (mut caught, mut appends) = (0, 0);
    for seed in 0..20 {
        let shape = Shape { calls: 1_000, lost: Some(500), unknown: 0, ..SHAPE };
        let mut is_append = false;
        let events = made(&List::default(), seed, shape, |random, n| {
            let append = random.once_in(2);
            is_append = if n == 500 { append } else { is_append };
            if append { ListOperation::Append(n) } else { ListOperation::Read }
        });
        let history = history::<List<u64>>(events);
        let verdict = linearizable(&List::default(), &history, BUDGET);
        assert_eq!(verdict.violation().is_some(), is_append, "seed {seed}: {verdict:?}");
        appends += u32::from(is_append);
        // All that came before the last reads is quiet then.
        let late = history.calls().iter().rev().nth(40).map(|call| call.called);
        let converged = convergent(&List::default(), &history, late, BUDGET);
        caught += u32::from(converged.violation().is_some());
    }
    assert!(appends > 4 && caught >= appends, "{caught} of {appends}");
}

#[test]
fn their_tester_says_the_same_of_a_swapped_read() {
    let shape = Shape { clients: 3, keys: 1, calls: 24, unknown: 0, lost: None, lost_calls: 1 };
    let mut bad = 0;
    for seed in 0..40 {
        let mut events = made(&REGISTER, seed, shape, distinct);
        if seed % 2 == 0 {
            swap_a_read(&mut events, |outcome| matches!(outcome, RegisterOutcome::Value(_)));
        }
        let ours = linearizable(&REGISTER, &history::<Register<u64>>(events.clone()), BUDGET);
        events.sort_by_key(|event| (event.at, matches!(event.kind, EventKind::Returned(_))));
        let mut tester = stateright::semantics::LinearizabilityTester::new(Theirs::new(REGISTER, 1));
        tell::<Register<u64>, _>(&mut tester, &events);
        let theirs = stateright::semantics::ConsistencyTester::is_consistent(&tester);
        assert_eq!(ours.holds(), theirs, "seed {seed}");
        bad += u32::from(!theirs);
    }
    assert!(bad > 5, "{bad} bad histories prove little");
}
