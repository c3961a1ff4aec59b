//! Three-phase commit holds where it is assumed to, and falls where it is not: both must be seen.

use quorate_models::check::{Check, Level, Progress, Report, RunOptions};
use quorate_models::counterexample::Counterexample;
use quorate_models::explore::WorldCheck;
use quorate_models::three_phase::{AGREEMENT, ThreePhaseSpec, Timeouts, protocol};
use quorate_models::world::Limits;

fn run(check: &dyn Check) -> Report {
    let options = RunOptions { threads: 1, ..RunOptions::default() };
    check.run(Level::Quick, &options, &Progress::default())
}

fn explored(name: &str) -> Report {
    let protocol = protocol();
    let check = protocol.checks.iter().find(|check| check.name() == name).expect("there is such a world");
    run(check.as_ref())
}

#[test]
fn with_timeouts_that_are_right_it_agrees_and_blocks_nobody_who_works() {
    let report = explored("synchronous");
    assert!(report.complete && report.holds(), "{report:#?}");
}

#[test]
fn with_one_late_message_two_sites_that_never_crash_decide_otherwise() {
    let report = explored("late-messages");
    assert!(report.holds(), "{report:#?}");
    let fall = report.violation.expect("agreement falls");
    assert_eq!(fall.property, AGREEMENT);
    assert!(fall.shortest);
    assert!(fall.state.contains("n0 -> n1: pre-commit"), "it is on its way still: {}", fall.state);
    assert_eq!(fall.steps.iter().filter(|step| step.contains("must have crashed")).count(), 2);
}

#[test]
fn a_counterexample_that_does_not_fall_is_no_counterexample() {
    let right = WorldCheck::new("three-phase", "right", "nothing", |_| {
        let limits = Limits { crashes: Some(1), duplicates: Some(0), ..Limits::default() };
        (ThreePhaseSpec::new(2, Timeouts::Right), limits)
    });
    assert!(!run(&Counterexample::new(Box::new(right), AGREEMENT)).holds());
}
