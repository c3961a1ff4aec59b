//! Traces as files: written, read, replayed, minimised and drawn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]
#![allow(dead_code, reason = "the small machine has mistakes that are tried elsewhere")]

#[path = "../claim/mod.rs"]
mod claim;
mod command;
mod draw;
mod fault;
mod file;
mod minimise;
mod pinned;

use claim::{Bug, Claims};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use quorate_models::check::{Check, Protocol};
use quorate_models::explore::WorldCheck;
use quorate_models::world::{Limits, Rules};

/// The shortest way in which a vote that leaves before it is durable makes two winners.
const TWO_WINNERS: &str = include_str!("../traces/claim-basic-at-most-one-winner.jsonl");
/// Figure 8 of the Raft paper, come about because a leader committed an entry of an old term.
const FIGURE_8: &str = include_str!("../traces/raft-figure-8-leader-completeness.jsonl");

const SMALL: Limits = Limits {
    in_flight: Some(3),
    duplicates: Some(1),
    requests: Some(2),
    crashes: Some(1),
    ticks: Some(0),
    drift: None,
};

/// The same cases in every run: what a test finds must not depend on the day.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn rules(bug: Bug) -> Rules<Claims> {
    Rules::new(Claims { nodes: 3, bug, signed: true }, SMALL)
}

/// The claim as a protocol with one world, with a mistake or without.
fn protocol(bug: Bug) -> Protocol {
    let world = WorldCheck::new("claim", "basic", "everything", move |_| {
        (Claims { nodes: 3, bug, signed: true }, SMALL)
    });
    let checks: Vec<Box<dyn Check>> = vec![Box::new(world)];
    Protocol { name: "claim", source: "made up", checks, simulation: None }
}
