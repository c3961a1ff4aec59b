//! The circuit breaker's small worlds, with their counts pinned.

use quorate_models::breaker::{BreakerSpec, protocol};
use quorate_models::check::{Level, Progress, Report, RunOptions};

/// The world of that name at the quick bounds.
fn explored(name: &str, threads: usize) -> Report {
    let protocol = protocol();
    let check = protocol.checks.iter().find(|check| check.name() == name).expect("there is such a world");
    let options = RunOptions { threads, ..RunOptions::default() };
    check.run(Level::Quick, &options, &Progress::default())
}

#[test]
fn small_worlds_are_explored_to_the_end_and_have_their_pinned_counts() {
    let window = ("window", 32_940, 311_587);
    let long_wait = ("long-wait", 32_320, 568_701);
    for ((name, unique, states), threads) in [(window, 1), (window, 2), (long_wait, 2)] {
        let report = explored(name, threads);
        assert!(report.complete && report.holds(), "{name}: {report:#?}");
        assert_eq!((report.unique, report.states), (unique, states), "{name} on {threads} threads");
        // Neither calls nor the clock are bounded: nothing but restarts, which are beginnings, is left out.
        assert!(report.withheld.keys().eq(["crashes"].iter()), "{name}: {:?}", report.withheld);
    }
}

#[test]
fn no_budget_bounds_the_calls_or_the_clock_at_any_level() {
    for check in protocol().checks {
        for level in [Level::Quick, Level::Standard, Level::Deep] {
            let bounds = check.bounds(level);
            assert_eq!((bounds["requests"], bounds["ticks"]), (None, None), "{}", check.name());
        }
    }
}

#[test]
fn the_default_configuration_stands() {
    assert_eq!(BreakerSpec::new().config().check(), Ok(()));
}
