//! How long it takes to check a history, and how much memory: a million calls, good and bad.
#![allow(missing_docs, unreachable_pub, reason = "a benchmark")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small numbers")]

use std::time::Instant;

use quorate_models::history::{
    BUDGET, Kv, KvOperation, Register, RegisterOperation, Sequential, Verdict, linearizable,
};

#[path = "../tests/history/made.rs"]
#[allow(dead_code, reason = "small histories are for tests")]
mod made;

use made::{Random, Shape, history, made};

fn main() {
    const CALLS: usize = 1_000_000;
    let shape = Shape { clients: 16, keys: 1_000, calls: CALLS, unknown: 0, lost: None };
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
        ("a write lost", Shape { lost, ..shape }),
        ("a write lost, unknown 1 %", Shape { lost, unknown: 10, ..shape }),
        ("good, 10 keys", Shape { keys: 10, ..shape }),
        ("good, 1 key", Shape { keys: 1, ..shape }),
        ("unknown 1 %, 1 key", Shape { keys: 1, unknown: 10, ..shape }),
        ("a write lost, 1 key", Shape { keys: 1, lost, ..shape }),
    ] {
        measure("register, distinct", name, &register, shape, distinct);
        measure("register, cas, few values", name, &register, shape, few);
        measure("store", name, &Kv, shape, store);
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
