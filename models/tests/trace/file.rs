//! Traces as files: written, read, and replayed to the same world.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use quorate_models::breaker::BreakerSpec;
use quorate_models::check::Level;
use quorate_models::raft::Swarm;
use quorate_models::spec::Spec;
use quorate_models::trace::{
    Header, Recorded, RecordedOf, SeenBy, SimulatedFall, Trace, VERSION, Where, read,
};
use quorate_models::walk::walk_by;
use quorate_models::world::{Action, Limits, Rules};

use crate::claim::{Bug, Claims};

/// How many actions a walk takes at most.
const LONGEST: usize = 400;

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn header() -> Header {
    Header::new("some", Where::check("world", Level::Quick, Limits { crashes: Some(7), ..Limits::default() }))
}

/// A breaker that is called more often than it restarts, and whose leases outlast a few ticks.
fn breaker() -> Rules<BreakerSpec> {
    let spec = BreakerSpec::new().configured(|config| config.lease = Duration::from_nanos(30));
    Rules::new(spec, Limits { crashes: Some(0), ..Limits::default() })
}

/// Walks, writes the walk, reads it and replays what was read, twice: the same trace, the same last world.
/// Returns how many actions there were, and how many of them made choices.
fn survives_its_file<S: Spec>(rules: &Rules<S>, choices: Vec<u16>) -> (usize, usize) {
    let walk = walk_by(rules, choices, |_, _, _| {});
    let recorded = Recorded::new(header(), walk.trace);
    let text = rules.write(&recorded).expect("it has a form in JSON");
    assert_eq!(text.lines().count(), recorded.trace.actions.len() + 1);
    let again: RecordedOf<S> = read(&text).expect("what was written can be read");
    assert_eq!((&again.header, &again.trace), (&recorded.header, &recorded.trace));
    for _ in 0..2 {
        let world = rules.replay(&again.trace, |_, _, _| {}).expect("it happened once");
        assert!(world == walk.world);
    }
    let chose = text.lines().filter(|line| line.contains("\"choices\"")).count();
    (recorded.trace.actions.len(), chose)
}

#[test]
fn a_walk_survives_its_file() {
    let tally = std::cell::Cell::new((0, 0));
    let strategy = (any::<u8>(), vec(any::<u16>(), 0..LONGEST));
    let add = |(actions, chose): (usize, usize)| {
        tally.set((tally.get().0 + actions, tally.get().1 + chose));
        Ok(())
    };
    runner(30)
        .run(&strategy, |(switches, choices)| {
            add(survives_its_file(&Swarm::of(3, switches).rules(), choices))
        })
        .unwrap();
    runner(10).run(&strategy, |(_, choices)| add(survives_its_file(&breaker(), choices))).unwrap();
    runner(10)
        .run(&strategy, |(_, choices)| {
            let claims = Claims { nodes: 4, bug: Bug::None, signed: true };
            add(survives_its_file(&Rules::new(claims, Limits::default()), choices))
        })
        .unwrap();
    let (actions, chose) = tally.get();
    assert!(
        actions > 3_000 && chose > 10,
        "hardly anything happened: {actions} actions, {chose} with choices"
    );
}

#[test]
fn times_and_choices_survive_and_words_are_not_read_back() {
    type Plain = Action<u8, u8, u8>;
    let name = "long".to_owned();
    let world =
        Where::Simulation { name, seed: u64::MAX, parameters: serde_json::json!({"nodes": 5, "loss": 0.25}) };
    let text = [
        serde_json::to_string(&Header {
            property: Some("a \"quoted\" one".to_owned()),
            ..Header::new("p", world)
        })
        .unwrap(),
        r#"{"fire":{"node":4,"timer":7},"choices":[1,0],"at_ns":18446744073709551615,"says":"anything"}"#
            .to_owned(),
        r#"{"tick":{"node":0,"by_ns":-3}}"#.to_owned(),
    ]
    .join("\n");
    let recorded: Recorded<Plain> = read(&text).unwrap();
    assert_eq!(recorded.header.quorate_trace, 1);
    let Where::Simulation { seed, parameters, .. } = &recorded.header.world else { panic!("a simulation") };
    assert_eq!((*seed, &parameters["nodes"]), (u64::MAX, &serde_json::json!(5)));
    assert_eq!(recorded.times[0].map(|time| time.0), Some(u64::MAX));
    assert_eq!(recorded.times[1], None);
    assert!(matches!(&recorded.trace.actions[0], Action::Fire(_, 7, choices) if choices[..] == [1, 0]));
}

#[test]
fn a_file_is_of_the_first_version_that_has_what_it_holds() {
    let rules = Rules::new(Claims { nodes: 3, bug: Bug::None, signed: true }, Limits::default());
    let written = |header: Header| {
        let recorded = Recorded::new(header, Trace { origin: 0, actions: Vec::new() });
        let text = rules.write(&recorded).expect("it has a form in JSON");
        let again: RecordedOf<Claims> = read(&text).expect("what was written can be read");
        assert_eq!(Header { quorate_trace: 1, ..again.header.clone() }, recorded.header);
        again.header.quorate_trace
    };
    assert_eq!(written(header()), 1, "older releases read it");
    assert_eq!(written(Header { cycle_from: Some(0), ..header() }), VERSION);
    let fell = SimulatedFall { property: "p".to_owned(), seen_by: SeenBy::Answers, events: 7 };
    assert_eq!(written(Header { simulated: Some(fell), ..header() }), VERSION);
}
