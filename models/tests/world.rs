//! The world, tried on a small machine whose state space and mistakes are known.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

mod claim;

use claim::{Bug, Claims, ONE_WINNER};
use quorate_models::check::{Check, Level, Progress, Report, RunOptions};
use quorate_models::explore::{WorldCheck, run};
use quorate_models::node::UNRECOVERABLE;
use quorate_models::raft::RaftSpec;
use quorate_models::world::{Limits, Rules, TOTAL, World};

const SMALL: Limits = Limits {
    in_flight: Some(3),
    duplicates: Some(1),
    requests: Some(2),
    crashes: Some(1),
    ticks: Some(0),
    drift: None,
};

fn rules(bug: Bug, signed: bool) -> Rules<Claims> {
    Rules::new(Claims { nodes: 3, bug, signed }, SMALL)
}

fn explored(rules: Rules<Claims>, threads: usize) -> Report {
    run(rules, &RunOptions { threads, ..RunOptions::default() }, &Progress::default())
}

#[test]
fn a_complete_run_has_its_pinned_counts_whatever_the_threads() {
    let early = explored(rules(Bug::None, true).with_early_losses().without_layers(), 1);
    assert!(early.complete && early.holds());
    assert_eq!((early.unique, early.states), (15_126, 112_035));
    let withheld = [("crashes", 38_167), ("duplicates", 16_129), ("in_flight", 13_014), ("requests", 20_162)];
    assert_eq!(early.withheld, withheld.into());
    let late = explored(rules(Bug::None, true).without_layers(), 1);
    assert!(late.complete && late.holds());
    assert_eq!((late.unique, late.states), (9_939, 43_081));
    let one = explored(rules(Bug::None, true), 1);
    assert!(one.complete && one.holds());
    assert_eq!((one.unique, one.states), (4_501, 20_402));
    for threads in [1, 2, 3] {
        let again = explored(rules(Bug::None, true), threads);
        assert!(again.complete);
        assert_eq!((again.unique, again.states), (one.unique, one.states));
        assert_eq!(again.withheld, one.withheld);
    }
}

#[test]
fn symmetry_counts_orbits_exactly_whatever_the_signature() {
    let signed = explored(rules(Bug::None, true), 2);
    let unsigned = explored(rules(Bug::None, false), 2);
    let whole = explored(rules(Bug::None, true).without_symmetry(), 2);
    assert!(signed.complete && unsigned.complete && whole.complete);
    assert_eq!(signed.unique, unsigned.unique);
    assert!(signed.holds() && whole.holds());
    assert!(whole.unique > signed.unique * 5 && whole.unique < signed.unique * 6);
}

#[test]
fn planted_mistakes_fall_with_and_without_symmetry() {
    let expected = [
        (Bug::FreeVote, ONE_WINNER),
        (Bug::ForgottenVote, UNRECOVERABLE),
        (Bug::ForgottenUnnoticed, ONE_WINNER),
        (Bug::Panic, TOTAL),
    ];
    for (bug, property) in expected {
        let reduced = explored(rules(bug, true), 1).violation.expect("it falls");
        let whole = explored(rules(bug, true).without_symmetry(), 2).violation.expect("it falls");
        assert_eq!((reduced.property, whole.property), (property, property), "{bug:?}");
        assert!(reduced.shortest && whole.shortest);
        assert_eq!(
            reduced.steps.len(),
            whole.steps.len(),
            "{bug:?}: {:#?} {:#?}",
            reduced.steps,
            whole.steps
        );
        println!("{bug:?}: {:#?}", reduced.steps);
    }
}

#[test]
fn a_run_that_is_stopped_says_that_it_is_incomplete() {
    let options = RunOptions { threads: 1, max_states: Some(1_000), ..RunOptions::default() };
    let report = run(rules(Bug::None, true), &options, &Progress::default());
    assert!(!report.complete && report.violation.is_none());
    let progress = Progress::default();
    progress.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let report = run(rules(Bug::None, true), &RunOptions::default(), &progress);
    assert!(!report.complete);
}

/// Visits worlds reached by pseudo-random actions, far past any bound.
fn wander(rules: &Rules<Claims>, seed: u64, steps: usize, mut visit: impl FnMut(&World<Claims>)) {
    let mut world = rules.initial().remove(0);
    let mut random = seed;
    for _ in 0..steps {
        let mut actions = Vec::new();
        rules.actions(&world, &mut actions, &mut Default::default());
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = usize::try_from(random >> 33).unwrap() % actions.len();
        if let Ok(next) = rules.apply(&world, &actions[pick]) {
            world = next;
        }
        visit(&world);
    }
}

#[test]
fn every_world_is_treated_alike_under_every_renaming() {
    for nodes in [2, 3, 4] {
        let rules = Rules::new(Claims { nodes, bug: Bug::None, signed: true }, Limits::default());
        for seed in 0..20 {
            wander(&rules, seed, 40, |world| {
                rules.check_symmetry(world).unwrap();
                assert_eq!(rules.violated(world), None);
            });
        }
    }
}

#[test]
fn a_check_speaks_for_its_world() {
    let check = WorldCheck::new("claim", "basic", "everything", |_| {
        (Claims { nodes: 3, bug: Bug::FreeVote, signed: true }, SMALL)
    });
    assert_eq!(check.bounds(Level::Quick)["nodes"], Some(3));
    let report = check.run(Level::Quick, &RunOptions::default(), &Progress::default());
    assert_eq!((report.protocol, report.name), ("claim", "basic"));
    assert!(!report.holds() && !report.complete);
}

/// `cargo test --release -p quorate-models --test world -- --ignored --nocapture`
#[test]
#[ignore = "measures speed"]
fn speed() {
    let limits = Limits {
        in_flight: Some(4),
        duplicates: Some(2),
        requests: Some(3),
        crashes: Some(2),
        ticks: Some(0),
        drift: None,
    };
    let raft = || {
        let spec = RaftSpec::new(3, 5).beginning_with(&[(3, &[1, 2]), (3, &[1]), (3, &[1, 3])]);
        Rules::new(
            spec,
            Limits { in_flight: Some(2), crashes: Some(1), requests: Some(0), duplicates: Some(0), ..SMALL },
        )
    };
    for (name, rules) in [("late", raft()), ("early", raft().with_early_losses())] {
        let options = RunOptions { threads: 1, max_states: Some(1_000_000), ..RunOptions::default() };
        let report = run(rules, &options, &Progress::default());
        println!(
            "raft, {name} losses: {} unique, {} states, {:.2} CPU s, {:.0} k/s/core, complete {}",
            report.unique,
            report.states,
            report.cpu_seconds,
            report.states as f64 / report.cpu_seconds / 1000.0,
            report.complete
        );
    }
    for (symmetric, threads) in [(true, 1), (true, 2), (false, 1)] {
        let rules = Rules::new(Claims { nodes: 3, bug: Bug::None, signed: true }, limits);
        let rules = if symmetric { rules } else { rules.without_symmetry() };
        let options = RunOptions { threads, max_states: Some(3_000_000), ..RunOptions::default() };
        let report = run(rules, &options, &Progress::default());
        println!(
            "symmetric {symmetric}, {threads} threads: {} unique, {} states, {:.2} s, {:.2} CPU s, {} k/s/core, depth {}, {} MB, complete {}",
            report.unique,
            report.states,
            report.seconds,
            report.cpu_seconds,
            report.states as f64 / report.cpu_seconds / 1000.0,
            report.depth,
            report.memory_bytes >> 20,
            report.complete
        );
    }
}
