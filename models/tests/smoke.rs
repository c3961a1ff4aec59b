//! Raft, the breaker, atomic commit in its three forms, sagas and the ledger below them, in seconds: every small world as
//! far as a moment takes it, some seeds, and bytes. It is what the core's own mutants are tried on (`.ci/mutants`), so it asks
//! for what is claimed and pins nothing: no counts and no hashes, by which any change at all would show.

use std::sync::atomic::{AtomicBool, AtomicU64};

use quorate_models::check::{Level, Progress, Protocol, RunOptions};
use quorate_models::fuzz;
use quorate_models::simulate::{Campaign, Options, campaign};
use quorate_models::{breaker, choreography, commit, paxos_commit, raft, saga, tcc};

/// Distinct states of a world that are enough for a smoke test; some worlds end before.
const STATES_MAX: u64 = 3_000;
/// The worlds that must end within that, so that what is to be *seen* in them is asked for as well.
const ENDING: [&str; 2] = ["one-term", "settles"];
/// Seeds of each protocol.
const SEEDS: u64 = 40;
/// Events of each seed.
const EVENTS: u64 = 600;
/// Inputs to the ledger, and their length.
const INPUTS: u64 = 300;
const BYTES: usize = 600;

fn protocols() -> [Protocol; 7] {
    [
        raft::protocol(),
        breaker::protocol(),
        commit::protocol(),
        paxos_commit::protocol(),
        tcc::protocol(),
        saga::protocol(),
        choreography::protocol(),
    ]
}

#[test]
fn every_small_world_holds_as_far_as_a_moment_takes_it() {
    let options = RunOptions { threads: 1, max_states: Some(STATES_MAX), ..RunOptions::default() };
    let mut ended = Vec::new();
    for check in protocols().iter().flat_map(|protocol| &protocol.checks) {
        let report = check.run(Level::Quick, &options, &Progress::default());
        assert!(report.violation.is_none(), "{}: {:?}", check.name(), report.violation);
        if report.complete {
            assert!(report.holds(), "{}: {:?}", check.name(), report.properties);
            ended.push(check.name());
        }
    }
    assert!(ENDING.iter().all(|name| ended.contains(name)), "only these came to their end: {ended:?}");
}

#[test]
fn some_seeds_hold_heal_and_answer() {
    for protocol in protocols() {
        let simulation = protocol.simulation.as_deref().expect("it can be simulated");
        let options = Options { events: EVENTS, ..Options::default() };
        let plan = Campaign { seeds: 0..SEEDS, options, threads: 1, explained: 0, ..Campaign::default() };
        let report = campaign(simulation, &plan, &AtomicU64::new(0), &AtomicBool::new(false));
        assert!(report.complete && report.falls.is_empty(), "{}: {:?}", protocol.name, report.falls);
        assert!(report.tally.answered > 0, "{} answers nothing in {SEEDS} seeds", protocol.name);
    }
}

#[test]
fn the_ledger_does_what_the_plainest_one_does_whatever_it_is_told() {
    let mut released = 0;
    for seed in 0..INPUTS {
        let mut dice = oorandom::Rand32::new(seed);
        let bytes: Vec<u8> = (0..BYTES).map(|_| dice.rand_u32().to_le_bytes()[0]).collect();
        released += fuzz::ledger(&bytes).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        fuzz::ledger_state(&bytes).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    }
    assert!(released > 0, "nothing ever leaves");
}
