//! Whatever one node is told, in whatever state: it keeps its promises.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use quorate_models::raft::{Tally, alone};

const CASES: u32 = 2_000;

#[test]
fn a_node_keeps_its_promises_whatever_it_is_told() {
    let tally = Cell::new(Tally::default());
    let config = Config { cases: CASES, ..Config::default() };
    // The same cases in every run: what this finds must not depend on the day.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let run = runner.run(&vec(any::<u8>(), 0..4096), |bytes| {
        let one = alone(&bytes).map_err(proptest::test_runner::TestCaseError::fail)?;
        let mut sum = tally.get();
        sum.steps += one.steps;
        sum.led += one.led;
        sum.accepted += one.accepted;
        sum.refused += one.refused;
        sum.rejected += one.rejected;
        sum.committed += one.committed;
        sum.loads += one.loads;
        sum.crashes += one.crashes;
        tally.set(sum);
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
    let tally = tally.get();
    println!("{tally:?}");
    let seen = [tally.led, tally.accepted, tally.refused, tally.rejected, tally.committed, tally.loads];
    assert!(tally.steps > 10_000 && seen.iter().all(|count| *count > 100), "too little happened: {tally:?}");
}
