//! The portfolio: several small worlds, each explored to the end.

use quorate::saga::Kind::{Compensatable, Pivot, Retriable};

use super::application::Menu;
use super::spec::Expect;
use super::{ChoreographySpec, Plan};
use crate::check::{Check, Level, Protocol, at};
use crate::explore::WorldCheck;
use crate::liveness::LivenessCheck;
use crate::world::Limits;

/// Sagas by choreography with all of their worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "choreography",
        source: "Garcia-Molina and Salem, Sagas, SIGMOD 1987; Richardson, Microservices Patterns, 2018, 4.2.1",
        checks: checks(),
        simulation: Some(super::simulation()),
    }
}

fn checks() -> Vec<Box<dyn Check>> {
    vec![
        world(
            "diamond",
            "two branches at two participants before a pivot: done, refused, and crashes",
            diamond,
        ),
        world("order", "a chain over three participants: what is undone before what", order),
        world("tail", "a pivot elsewhere, and a step past it", tail),
        world("wish", "an initiator without steps that cancels at any time", wish),
        world("deadline", "an initiator that cancels, and a deadline, and crashes", deadline),
        world("unknown", "attempts that take too long, before the pivot and at it", unknown),
        world("retries", "the same, probed, tried twice each way, and failing for a while", retries),
        world(
            "operator",
            "steps before, at and after the pivot that fail until an operator sees to them",
            operator,
        ),
        world("late", "applications that outlive their participant, and repeat what they said", late),
        world("over", "sagas that are let go of, and events of them that are late", over),
        world("floors", "a second saga, by which it is heard that the first is over", floors),
        world("crossed", "a saga of either participant, at once", crossed),
        world("long-log", "a log that is shortened while a saga runs", long_log),
        settling("settles", "a saga that nobody need answer, and one that is answered", settles),
    ]
}

fn world(
    name: &'static str,
    varies: &'static str,
    setup: fn(Level) -> (ChoreographySpec, Limits),
) -> Box<dyn Check> {
    Box::new(WorldCheck::new("choreography", name, varies, setup))
}

fn settling(
    name: &'static str,
    varies: &'static str,
    setup: fn(Level) -> (ChoreographySpec, Limits),
) -> Box<dyn Check> {
    Box::new(LivenessCheck::new("choreography", name, varies, setup))
}

/// One saga, whose steps up to the pivot may be refused, and no attempt takes too long.
const REFUSING: Menu = Menu {
    sagas: 1,
    initiators: 1,
    refusals: true,
    failures: false,
    late: false,
    timeouts: false,
    cancels: false,
    resolutions: 0,
    forgets: false,
};

/// Two branches at two participants, and a pivot; at further bounds the initiator is a third one, with a step before both.
fn diamond(level: Level) -> (ChoreographySpec, Limits) {
    let (nodes, plan) = match level {
        Level::Quick => {
            (2, Plan::placed(&[(0, Compensatable, &[]), (1, Compensatable, &[]), (0, Pivot, &[0, 1])]))
        }
        Level::Standard => {
            (3, Plan::placed(&[(1, Compensatable, &[]), (2, Compensatable, &[]), (0, Pivot, &[0, 1])]))
        }
        Level::Deep => {
            let (first, branches): (&[u8], &[u8]) = (&[0], &[1, 2]);
            let (one, other) = ((1, Compensatable, first), (2, Compensatable, first));
            (3, Plan::placed(&[(0, Compensatable, &[]), one, other, (0, Pivot, branches)]))
        }
    };
    let spec = ChoreographySpec::new(nodes, vec![plan])
        .asked(REFUSING)
        .over_new_logs()
        .expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, Limits::faults(2, 1, at(level, 1, 0, 1)))
}

fn order(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (2, Compensatable, &[0]), (0, Pivot, &[1])]);
    let spec = ChoreographySpec::new(3, vec![plan])
        .asked(REFUSING)
        .expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, Limits::faults(2, at(level, 1, 2, 2), 1))
}

fn tail(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (2, Pivot, &[0]), (1, Retriable, &[1])]);
    let spec = ChoreographySpec::new(3, vec![plan])
        .asked(REFUSING)
        .expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, Limits::faults(2, at(level, 1, 2, 2), 1))
}

fn wish(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (2, Pivot, &[0])]);
    let spec = ChoreographySpec::new(3, vec![plan])
        .asked(Menu { refusals: false, cancels: true, ..REFUSING })
        .over_new_logs()
        .expecting(&[Expect::Completed, Expect::InTime, Expect::TooLate]);
    (spec, Limits::faults(2, at(level, 0, 1, 2), at(level, 1, 1, 1)))
}

fn deadline(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(0, Compensatable, &[]), (1, Pivot, &[0])]).hurried();
    let spec = ChoreographySpec::new(2, vec![plan])
        .asked(Menu { refusals: level != Level::Quick, cancels: true, ..REFUSING })
        .expecting(&[Expect::Completed, Expect::InTime, Expect::TooLate]);
    (spec, Limits::faults(2, at(level, 1, 2, 2), 1))
}

fn unknown(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(0, Compensatable, &[]), (1, Compensatable, &[0]), (0, Pivot, &[1])]);
    let spec = ChoreographySpec::new(2, vec![plan]).asked(Menu { timeouts: true, ..REFUSING }).expecting(&[
        Expect::Completed,
        Expect::Compensated,
        Expect::Stuck,
    ]);
    (spec, Limits::faults(2, at(level, 1, 2, 2), at(level, 0, 1, 1)))
}

fn retries(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (0, Compensatable, &[0])]).probed().tried(2, 2);
    let spec = ChoreographySpec::new(2, vec![plan])
        .asked(Menu { timeouts: true, failures: true, ..REFUSING })
        .expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, Limits::faults(2, at(level, 1, 1, 2), at(level, 0, 1, 1)))
}

fn operator(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (0, Pivot, &[0]), (1, Retriable, &[1])]);
    let spec = ChoreographySpec::new(2, vec![plan])
        .asked(Menu { timeouts: true, resolutions: at(level, 1, 2, 2), ..REFUSING })
        .expecting(&[Expect::Completed, Expect::Stuck]);
    (spec, Limits::faults(2, at(level, 1, 1, 2), at(level, 0, 0, 1)))
}

fn late(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (0, Compensatable, &[0]), (1, Pivot, &[1])]).probed();
    let spec = ChoreographySpec::new(2, vec![plan])
        .asked(Menu { timeouts: true, late: true, ..REFUSING })
        .expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, Limits::faults(2, at(level, 1, 2, 2), at(level, 1, 1, 1)))
}

fn over(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (0, Pivot, &[0])]);
    let spec = ChoreographySpec::new(2, vec![plan]).asked(Menu { forgets: true, ..REFUSING }).expecting(&[
        Expect::Completed,
        Expect::Compensated,
        Expect::Over,
    ]);
    (spec, Limits::faults(at(level, 2, 3, 3), 2, at(level, 1, 1, 2)))
}

/// One after the other, or at once: whoever has not heard that the first is over hears it with the second.
fn floors(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[])]);
    let spec = ChoreographySpec::new(2, vec![plan])
        .asked(Menu { sagas: 2, forgets: true, refusals: level != Level::Quick, ..REFUSING })
        .over_new_logs()
        .expecting(&[Expect::Completed, Expect::Over]);
    (spec, Limits::faults(2, at(level, 1, 1, 2), 1))
}

/// Each of two participants begins one.
fn crossed(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(0, Compensatable, &[]), (1, Pivot, &[0])]);
    let spec = ChoreographySpec::new(2, vec![plan])
        .asked(Menu { initiators: 2, forgets: true, refusals: level == Level::Deep, ..REFUSING })
        .over_new_logs()
        .expecting(&[Expect::Completed, Expect::Over]);
    (spec, Limits::faults(2, at(level, 0, 1, 1), at(level, 0, 0, 1)))
}

/// A log of four entries, which is the least there may be for one saga of each of two participants.
fn long_log(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (0, Compensatable, &[0]), (1, Pivot, &[1])]);
    let spec = ChoreographySpec::new(2, vec![plan])
        .configured(|config| (config.max_sagas, config.max_log_entries) = (1, 4))
        .asked(REFUSING)
        .expecting(&[Expect::Completed, Expect::Compensated]);
    (spec, Limits::faults(2, at(level, 1, 2, 2), at(level, 0, 1, 1)))
}

fn settles(level: Level) -> (ChoreographySpec, Limits) {
    let plan = Plan::placed(&[(1, Compensatable, &[]), (0, Pivot, &[0])]);
    let menu = Menu { timeouts: true, cancels: true, forgets: true, resolutions: u64::MAX, ..REFUSING };
    let spec = ChoreographySpec::new(2, vec![plan]).asked(menu).over_new_logs();
    (spec, Limits::faults(at(level, 1, 1, 2), at(level, 0, 1, 1), 0))
}
