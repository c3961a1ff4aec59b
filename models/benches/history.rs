//! How long it takes to check a history, and how much memory: a million calls, good and bad.
#![allow(missing_docs, unreachable_pub, reason = "a benchmark")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small numbers")]

use std::time::Instant;

use quorate_models::history::{
    BUDGET, Causality, Event, EventKind, Guarantee, HistoryOf, Kv, KvOperation, Register, RegisterOperation,
    RegisterOutcome, Sequential, Verdict, causal, linearizable, sequential, session,
};
use stateright::semantics::register::{RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

#[path = "../tests/history/made.rs"]
#[allow(dead_code, reason = "small histories are for tests")]
mod made;

use made::{Random, Shape, history, made};

fn main() {
    const CALLS: usize = 1_000_000;
    let shape = Shape { clients: 16, keys: 1_000, calls: CALLS, unknown: 0, lost: None, lost_calls: 20 };
    let register = Register { initial: 0_u64 };
    let distinct = |random: &mut Random, n: u64| {
        if random.once_in(2) { RegisterOperation::Read } else { RegisterOperation::Write(n + 1) }
    };
    let few = |random: &mut Random, _: u64| match random.below(4) {
        0 | 1 => RegisterOperation::Read,
        2 => RegisterOperation::Write(random.below(5)),
        _ => RegisterOperation::Cas(random.below(5), random.below(5)),
    };
    let store = |random: &mut Random, n: u64| match random.below(8) {
        0..4 => KvOperation::Get,
        4..6 => KvOperation::Set(n.to_string().into()),
        6 => KvOperation::Del,
        _ => KvOperation::Incr,
    };
    let lost = Some(CALLS - 5_000);
    for (name, shape) in [
        ("good", shape),
        ("unknown 1 %", Shape { unknown: 10, ..shape }),
        ("20 calls lost", Shape { lost, ..shape }),
        ("20 calls lost, unknown 1 %", Shape { lost, unknown: 10, ..shape }),
        ("good, 1 key", Shape { keys: 1, ..shape }),
        ("unknown 1 %, 1 key", Shape { keys: 1, unknown: 10, ..shape }),
        ("20 calls lost, 1 key", Shape { keys: 1, lost, ..shape }),
    ] {
        measure("register, distinct", name, &register, shape, distinct);
        measure("register, cas, few values", name, &register, shape, few);
        if shape.keys > 1 {
            measure("store", name, &Kv, shape, store);
        }
    }
    weaker(&history::<Register<u64>>(made(&register, 1, shape, distinct)));
    beside_stateright();
}

/// One register of a few clients, as far as their tester gets, checked by both in this process.
fn beside_stateright() {
    for calls in [50, 100] {
        let shape = Shape { clients: 8, keys: 1, calls, unknown: 0, lost: None, lost_calls: 1 };
        let register = Register { initial: 0_u64 };
        let mut events = made(&register, 3, shape, |random, n| {
            if random.once_in(2) { RegisterOperation::Read } else { RegisterOperation::Write(n + 1) }
        });
        let ours = history::<Register<u64>>(events.clone());
        events.sort_by_key(|event| (event.at, matches!(event.kind, EventKind::Returned(_))));
        let mut tester = LinearizabilityTester::new(stateright::semantics::register::Register(0));
        let started = Instant::now();
        for Event { client, kind, .. } in events {
            let told = match kind {
                EventKind::Called(_, RegisterOperation::Write(value)) => {
                    tester.on_invoke(client.0, RegisterOp::Write(value)).is_ok()
                }
                EventKind::Called(..) => tester.on_invoke(client.0, RegisterOp::Read).is_ok(),
                EventKind::Returned(RegisterOutcome::Value(value)) => {
                    tester.on_return(client.0, RegisterRet::ReadOk(value)).is_ok()
                }
                _ => tester.on_return(client.0, RegisterRet::WriteOk).is_ok(),
            };
            assert!(told);
        }
        let theirs = tester.is_consistent();
        let (slow, started) = (started.elapsed().as_secs_f64(), Instant::now());
        assert_eq!(linearizable(&register, &ours, BUDGET).holds(), theirs);
        let fast = started.elapsed().as_secs_f64();
        println!(
            "{calls} good calls of 8 clients: {slow:.4} s by stateright, {fast:.6} s here, {:.0} times",
            slow / fast
        );
    }
}

/// What is checked of registers of distinct values besides.
fn weaker(history: &HistoryOf<Register<u64>>) {
    let register = Register { initial: 0_u64 };
    let timed = |name: &str, check: &dyn Fn() -> bool| {
        let started = Instant::now();
        let holds = check();
        println!(
            "{name:53} {:8.3} s  {}",
            started.elapsed().as_secs_f64(),
            if holds { "holds" } else { "does not" }
        );
    };
    timed("sequential", &|| sequential(&register, history, BUDGET).holds());
    for causality in [Causality::Weak, Causality::Convergent] {
        timed(&format!("causal, {causality:?}"), &|| {
            causal(&register, history, causality) == Ok(Verdict::Holds)
        });
    }
    for guarantee in Guarantee::ALL {
        timed(guarantee.name(), &|| session(&register, history, guarantee) == Ok(Verdict::Holds));
    }
}

fn measure<S: Sequential>(
    what: &str,
    name: &str,
    spec: &S,
    shape: Shape,
    operation: impl FnMut(&mut Random, u64) -> S::Operation,
) {
    let history = history::<S>(made(spec, 1, shape, operation));
    let bytes = size_of_val(history.calls()) / history.calls().len().max(1);
    let started = Instant::now();
    let verdict = linearizable(spec, &history, BUDGET);
    let seconds = started.elapsed().as_secs_f64();
    let said = match verdict {
        Verdict::Holds => "holds".to_owned(),
        Verdict::Violated(violation) => format!("violated, by {} calls", violation.calls.len()),
        Verdict::Undecided(_) => "undecided".to_owned(),
    };
    println!("{what:26} {name:26} {seconds:8.3} s  {bytes} B/call  {said}");
}
