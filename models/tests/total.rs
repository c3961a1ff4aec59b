//! Whatever one machine is told, in whatever state: it keeps its promises. Every target, on bytes that nobody chose.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use quorate_models::fuzz::{Tally, targets};
use quorate_models::{breaker, raft};

const CASES: u32 = 2_000;
/// Cases of each of all targets. One in fifty is more than noise to those that read a whole machine.
const CASES_OF_ALL: u32 = 1_000;

/// Runs so many cases, the same in every run: what this finds must not depend on the day.
fn run(cases: u32, bytes_max: usize, one: impl Fn(&[u8]) -> Result<(), String>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let run = runner.run(&vec(any::<u8>(), 0..bytes_max), |bytes| one(&bytes).map_err(TestCaseError::fail));
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

fn tallied(step: impl Fn(&[u8]) -> Result<Tally, String>) -> Tally {
    let tally = RefCell::new(Tally::default());
    run(CASES, 4096, |bytes| {
        tally.borrow_mut().add(&step(bytes)?);
        Ok(())
    });
    println!("{:?}", tally.borrow());
    tally.into_inner()
}

#[test]
fn a_node_keeps_its_promises_whatever_it_is_told() {
    let tally = tallied(raft::fuzz::step);
    let notices = ["accepted", "refused", "rejected", "committed", "leader"];
    let seen = notices.iter().all(|kind| tally.notices.get(kind).is_some_and(|count| *count > 100));
    let led = tally.roles.get("leader").is_some_and(|count| *count > 100);
    assert!(tally.steps > 10_000 && tally.loads > 100 && seen && led, "too little happened: {tally:?}");
}

#[test]
fn a_breaker_keeps_its_promises_whatever_it_is_asked() {
    let tally = tallied(breaker::fuzz::step);
    let notices = ["admitted", "rejected", "finished", "ignored", "lapsed", "changed"];
    let seen = notices.iter().all(|kind| tally.notices.get(kind).is_some_and(|count| *count > 100));
    assert!(tally.steps > 10_000 && seen, "too little happened: {tally:?}");
}

#[test]
fn every_target_holds_on_bytes_that_nobody_chose() {
    for target in targets() {
        let reached = RefCell::new(0);
        run(CASES_OF_ALL, 600, |bytes| {
            *reached.borrow_mut() +=
                (target.run)(bytes).map_err(|what| format!("{}: {what}", target.name))?;
            Ok(())
        });
        assert!(reached.into_inner() > 0, "{} comes to nothing", target.name);
    }
}
