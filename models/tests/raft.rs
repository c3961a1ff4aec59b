//! How the traces of Raft's worlds read.
#![allow(clippy::panic, clippy::expect_used, reason = "a test may fail loudly")]

use quorate_models::check::{Level, Progress, RunOptions};
use quorate_models::raft::{RaftSpec, protocol};
use quorate_models::trace::Trace;
use quorate_models::world::{Limits, Rules};

/// The lines of the trace in which, each time, the first action happens whose line begins so.
fn told(rules: &Rules<RaftSpec>, script: &[&str]) -> Vec<String> {
    let mut world = rules.initial().remove(0);
    let mut trace = Trace { origin: 0, actions: Vec::new() };
    for wanted in script {
        let mut actions = Vec::new();
        rules.actions(&world, &mut actions, &mut Default::default());
        let offered = actions.into_iter().filter_map(|action| {
            let next = rules.apply_named(&world, &action).ok()?;
            Some((rules.describe(&world, &action, &next), action, next))
        });
        let found =
            offered.into_iter().find(|(line, ..)| line.starts_with(wanted) && !line.contains("(lost)"));
        let (_, action, next) = found.unwrap_or_else(|| panic!("`{wanted}` is not offered"));
        trace.actions.push(action);
        world = next;
    }
    rules.render(&trace)
}

#[test]
fn a_trace_reads_as_one_would_tell_it() {
    let rules = Rules::new(RaftSpec::new(2, 3), Limits::default());
    let lines = told(
        &rules,
        &[
            "n1: timer election",
            "n1: durable",
            "n1 -> n0: Vote",
            "n0: durable",
            "n0 -> n1: VoteReply",
            "n1: asked to propose",
            "n1: durable",
            "n1: hears itself",
            "n1 -> n0: Append",
            "n0: crash, after",
        ],
    );
    let expected = [
        "n1: timer election  [n1: follower -> candidate with 1 of 2, t0 -> t1]",
        "n1: durable: t1 with a vote for n1",
        "n1 -> n0: Vote t1 last (t0,i0)  [n0: t0 -> t1]",
        "n0: durable: t1 with a vote for n1",
        "n0 -> n1: VoteReply t1 granted  [n1: candidate with 1 of 2 -> leader, log [] -> log [1]]",
        "n1: asked to propose [c0]  [n1: log [1] -> log [1 1]]",
        "n1: durable: i1 = t1 noop",
        "n1: hears itself: AppendReply t1 matched i1",
        "n1 -> n0: Append t1 prev (t0,i0) [t1 noop] commit 0  [n0: follower -> follower of n1, log [] -> log [1]]",
        "n0: crash, after durable: i1 = t1 noop; -> n1: AppendReply t1 matched i1  [n0: follower of n1 -> follower]",
    ];
    assert_eq!(lines, expected);
}

/// Exact counts of exhaustive runs, the same for any number of threads. A change of what a machine does, of what the
/// world lets happen or of what is left out shows here first.
#[test]
fn exhaustive_runs_count_the_same_worlds_every_time() {
    let pinned = [("alone", 8_543, 18_417), ("five-nodes", 26_625, 106_913), ("one-term", 1_918, 6_111)];
    for (name, unique, states) in pinned {
        for threads in [1, 2] {
            let check =
                protocol().checks.into_iter().find(|check| check.name() == name).expect("it is registered");
            let options = RunOptions { threads, ..RunOptions::default() };
            let report = check.run(Level::Quick, &options, &Progress::default());
            assert!(report.complete && report.holds(), "{name}");
            assert_eq!((report.unique, report.states), (unique, states), "{name} on {threads} threads");
        }
    }
}
