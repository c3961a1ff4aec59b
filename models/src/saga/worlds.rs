//! The portfolio: several small worlds, each explored to the end.

use quorate::saga::Kind::{Compensatable, Pivot, Retriable};

use super::application::Menu;
use super::spec::Expect;
use super::{Plan, SagaSpec};
use crate::check::{Check, Level, Protocol, at};
use crate::explore::WorldCheck;
use crate::liveness::LivenessCheck;
use crate::world::Limits;

/// Sagas with all of their worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "saga",
        source: "Garcia-Molina and Salem, Sagas, SIGMOD 1987; Richardson, Microservices Patterns, 2018, chapter 4",
        checks: checks(),
        simulation: Some(super::simulation()),
    }
}

fn checks() -> Vec<Box<dyn Check>> {
    vec![
        world("diamond", "two steps at once before a pivot: done, refused, unknown, and crashes", diamond),
        world("retries", "the same, where everything is tried twice each way", retries),
        world("probes", "the same, probed when in doubt", probes),
        world("cancels", "a cancellation and a deadline at any time", cancels),
        world(
            "operator",
            "steps before, at and after the pivot that fail until an operator sees to them",
            operator,
        ),
        world("stale", "answers that are late, repeated and out of order", stale),
        world(
            "versions",
            "a definition that a later life lacks, or has in another shape, and then has again",
            versions,
        ),
        world("subsaga", "a subsaga of two steps at once before the rest", subsaga),
        world("long-log", "a log that is shortened while a saga runs", long_log),
        world("services", "services that crash, and calls that are lost and repeated", services),
        world("executors", "calls and answers of earlier lives that are late", executors),
        world("floors", "sagas that are forgotten, and calls for them that are late", floors),
        settling("settles", "a saga that nobody need answer, and one that is answered", settles),
        settling("settles-services", "the same, with a service on a node of its own", settles_services),
    ]
}

fn world(name: &'static str, varies: &'static str, setup: fn(Level) -> (SagaSpec, Limits)) -> Box<dyn Check> {
    Box::new(WorldCheck::new("saga", name, varies, setup))
}

fn settling(
    name: &'static str,
    varies: &'static str,
    setup: fn(Level) -> (SagaSpec, Limits),
) -> Box<dyn Check> {
    Box::new(LivenessCheck::new("saga", name, varies, setup))
}

/// Of one node: its services are its own application.
fn alone(crashes: u64) -> Limits {
    Limits { in_flight: Some(0), crashes: Some(crashes), duplicates: Some(0), ..Limits::default() }
}

const REFUSING: Menu = Menu {
    sagas: 1,
    refusals: true,
    bad_refusals: false,
    failures: false,
    stale: false,
    cancels: false,
    resolutions: 0,
    forgets: false,
};

/// At quick bounds one branch is tried and undone twice, all else once; `retries` has all of it twice, and no crash.
fn diamond(level: Level) -> (SagaSpec, Limits) {
    let attempts = match level {
        Level::Quick => [(1, 1), (2, 2), (1, 1), (1, 1)],
        Level::Standard => [(1, 2), (2, 2), (2, 2), (2, 1)],
        Level::Deep => [(2, 2); 4],
    };
    let plan = Plan::diamond().each(|(at, step)| {
        step.attempts = attempts.get(at).copied().unwrap_or((1, 1));
    });
    let spec = SagaSpec::new(vec![plan]).asked(REFUSING).expecting(&[
        Expect::Completed,
        Expect::Compensated,
        Expect::BackFromPivot,
        Expect::Stuck,
    ]);
    (spec, alone(2))
}

fn retries(level: Level) -> (SagaSpec, Limits) {
    let spec = SagaSpec::new(vec![Plan::diamond()]).asked(REFUSING).expecting(&[
        Expect::Completed,
        Expect::Compensated,
        Expect::BackFromPivot,
        Expect::Stuck,
    ]);
    (spec, alone(at(level, 0, 1, 2)))
}

fn probes(level: Level) -> (SagaSpec, Limits) {
    let plan = Plan::diamond().probed().tried(1, 1).each(|(at, step)| {
        if at == 1 {
            step.attempts = (2, 1);
        }
    });
    let spec = SagaSpec::new(vec![plan]).asked(REFUSING).expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, alone(at(level, 0, 1, 2)))
}

fn cancels(level: Level) -> (SagaSpec, Limits) {
    let plan = Plan::diamond().hurried().tried(1, at(level, 1, 2, 2));
    let spec = SagaSpec::new(vec![plan])
        .asked(Menu { cancels: true, ..REFUSING })
        .expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, alone(at(level, 0, 1, 2)))
}

fn operator(level: Level) -> (SagaSpec, Limits) {
    let plan = Plan::chain(&[Compensatable, Pivot, Retriable]).tried(1, 1);
    let menu = Menu { bad_refusals: true, failures: true, resolutions: at(level, 2, 2, 3), ..REFUSING };
    let spec = SagaSpec::new(vec![plan]).asked(menu).expecting(&[Expect::Completed, Expect::Stuck]);
    (spec, alone(at(level, 1, 2, 2)))
}

fn stale(level: Level) -> (SagaSpec, Limits) {
    let menu = Menu { failures: true, stale: true, ..REFUSING };
    let spec = SagaSpec::new(vec![Plan::diamond().probed().tried(1, at(level, 1, 2, 2))])
        .asked(menu)
        .expecting(&[Expect::Compensated]);
    (spec, alone(at(level, 0, 1, 2)))
}

fn versions(level: Level) -> (SagaSpec, Limits) {
    let plan = Plan::chain(&[Compensatable, Compensatable, Pivot]).tried(1, 1);
    let other = Plan::chain(&[Compensatable, Pivot, Retriable]);
    let lives = [(&plan, 1), (&other, 1), (&plan, 1), (&other, 2)];
    let defined = lives.iter().filter_map(|(plan, version)| plan.define(0, *version).ok());
    let lives: Vec<_> = defined.map(|definition| vec![definition]).collect();
    let menu = Menu { cancels: true, ..REFUSING };
    let spec = SagaSpec::new(vec![plan]).asked(menu).deployed(&lives).expecting(&[Expect::Shelved]);
    (spec, alone(at(level, 2, 3, 3)))
}

fn subsaga(level: Level) -> (SagaSpec, Limits) {
    let pair = Plan::of(&[(Compensatable, &[]), (Compensatable, &[])]);
    let spec =
        SagaSpec::joined(&pair.tried(1, at(level, 1, 2, 2)), &Plan::chain(&[Pivot, Retriable]).tried(1, 1))
            .asked(REFUSING)
            .expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, alone(at(level, 1, 2, 2)))
}

/// A log of two entries, which is the least there may be for one saga at a time.
fn long_log(level: Level) -> (SagaSpec, Limits) {
    let spec = SagaSpec::new(vec![Plan::chain(&[Compensatable, Pivot]).tried(1, at(level, 1, 2, 2))])
        .configured(|config| (config.max_sagas, config.max_log_entries) = (1, 2))
        .asked(REFUSING)
        .expecting(&[Expect::Completed]);
    (spec, alone(at(level, 2, 2, 3)))
}

fn services(level: Level) -> (SagaSpec, Limits) {
    let steps: &[(_, &[u8])] = match level {
        Level::Quick => &[(Compensatable, &[]), (Compensatable, &[])],
        _ => &[(Compensatable, &[]), (Compensatable, &[]), (Pivot, &[0, 1])],
    };
    let plan = Plan::of(steps).at_services(at(level, 1, 2, 3)).tried(1, 1);
    let spec = SagaSpec::new(vec![plan]).asked(REFUSING).expecting(&[
        Expect::Completed,
        Expect::Compensated,
        Expect::Tombstone,
    ]);
    (spec, Limits::faults(2, 1, at(level, 0, 1, 1)))
}

fn executors(level: Level) -> (SagaSpec, Limits) {
    let plan = Plan::chain(&[Compensatable, Pivot]).at_services(1).probed().tried(at(level, 1, 2, 2), 1);
    let spec = SagaSpec::new(vec![plan])
        .asked(Menu { failures: true, ..REFUSING })
        .with_late_answers()
        .expecting(&[Expect::LaterLife, Expect::Completed]);
    (spec, Limits::faults(2, at(level, 1, 2, 2), at(level, 1, 1, 1)))
}

fn floors(level: Level) -> (SagaSpec, Limits) {
    let plan = Plan::chain(&[Compensatable]).at_services(1).tried(at(level, 1, 2, 2), 1);
    let spec = SagaSpec::new(vec![plan])
        .asked(Menu { sagas: 2, forgets: true, cancels: true, ..REFUSING })
        .expecting(&[Expect::Forgotten]);
    (spec, Limits::faults(at(level, 2, 3, 3), at(level, 0, 1, 1), at(level, 1, 1, 1)))
}

fn settles(level: Level) -> (SagaSpec, Limits) {
    let plan = Plan::chain(&[Compensatable, Pivot, Retriable]).tried(1, 1);
    let spec = SagaSpec::new(vec![plan]).asked(Menu { cancels: true, resolutions: 1, ..REFUSING });
    (spec, alone(at(level, 0, 1, 1)))
}

fn settles_services(level: Level) -> (SagaSpec, Limits) {
    let plan = Plan::chain(&[Compensatable, Pivot]).at_services(1).tried(1, 1);
    let spec = SagaSpec::new(vec![plan]).asked(Menu { resolutions: u64::MAX, ..REFUSING });
    (spec, Limits::faults(1, at(level, 0, 1, 1), 0))
}
