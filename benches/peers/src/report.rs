//! The table, and the same as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::plan::{CONTENDERS, Comparison, Outcome, Plan};

/// The table: speed with our ratio to each, then what it costs in messages and allocations.
pub(crate) fn table(comparisons: &[Comparison]) -> String {
    let mut table = String::new();
    for contender in CONTENDERS {
        let _ = writeln!(table, "{:<10} {}", contender.name, contender.version);
    }
    let title = "thousands of committed entries per second of CPU time; times: ours over theirs";
    let _ = writeln!(table, "\n{title}");
    block(&mut table, comparisons, |outcome, ours| {
        let speed = outcome.entries_per_second();
        let ratio = ours.map(|ours| ours.entries_per_second() / speed);
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2} times"));
        format!("{:.0} {ratio:>11}", speed / 1e3)
    });
    let _ = writeln!(table, "\nper entry: messages | allocations | bytes allocated");
    block(&mut table, comparisons, |outcome, _| {
        let last = outcome.last();
        let (messages, allocations) = (last.messages_per_entry, last.allocations_per_entry);
        format!("{messages:.2} | {allocations:5.2} | {:5.0}", last.allocated_bytes_per_entry)
    });
    table
}

/// One line a workload, one column a library. `cell` is given the outcome, and ours unless it is that.
fn block(
    table: &mut String,
    comparisons: &[Comparison],
    cell: impl Fn(&Outcome, Option<&Outcome>) -> String,
) {
    let Some(first) = comparisons.first() else { return };
    let _ = write!(table, "{:<46}", "");
    for outcome in &first.outcomes {
        let _ = write!(table, "{:>22}", outcome.contender.name);
    }
    let _ = writeln!(table);
    for comparison in comparisons {
        let _ = write!(table, "{:<46}", comparison.workload.to_string());
        let is_ours = |outcome: &&Outcome| outcome.contender.name == CONTENDERS[0].name;
        let ours = comparison.outcomes.iter().find(is_ours);
        for outcome in &comparison.outcomes {
            let ours = ours.filter(|_| !is_ours(&outcome));
            let _ = write!(table, "{:>22}", cell(outcome, ours));
        }
        let _ = writeln!(table);
    }
}

/// Every round of every library under every workload.
pub(crate) fn json(plan: &Plan, comparisons: &[Comparison]) -> String {
    let libraries: Vec<_> =
        CONTENDERS.iter().map(|one| json!({ "name": one.name, "version": one.version })).collect();
    let workloads: Vec<_> = comparisons.iter().map(workload).collect();
    let all = json!({
        "unit": "committed entries per second of the thread's CPU time",
        "rounds": plan.rounds,
        "window_ms_min": plan.window.as_millis() as u64,
        "libraries": libraries,
        "workloads": workloads,
    });
    format!("{all:#}\n")
}

fn workload(comparison: &Comparison) -> Value {
    let workload = comparison.workload;
    let outcomes: Vec<_> = comparison.outcomes.iter().map(outcome).collect();
    json!({
        "workload": workload.to_string(),
        "nodes": workload.nodes,
        "told": if workload.spread == crate::pump::Spread::AtOnce { "at once" } else { "later" },
        "command_bytes": workload.bytes,
        "in_flight": workload.in_flight,
        "one_call": workload.together,
        "outcomes": outcomes,
    })
}

fn outcome(outcome: &Outcome) -> Value {
    let last = outcome.last();
    let rounds: Vec<_> = outcome.rounds.iter().map(|round| round.entries_per_second().round()).collect();
    json!({
        "library": outcome.contender.name,
        "entries_per_second": outcome.entries_per_second().round(),
        "rounds": rounds,
        "messages_per_entry": last.messages_per_entry,
        "allocations_per_entry": last.allocations_per_entry,
        "allocated_bytes_per_entry": last.allocated_bytes_per_entry,
    })
}
