//! The portfolio: several small worlds, each explored to the end.

use super::TccSpec;
use crate::check::{Check, Level, Protocol, at};
use crate::explore::WorldCheck;
use crate::liveness::LivenessCheck;
use crate::world::Limits;

/// Try, confirm, cancel with all of its worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "tcc",
        source: "Pardon and Pautasso, Towards Distributed Atomic Transactions over RESTful Services, 2011",
        checks: checks(),
        simulation: Some(super::simulation()),
    }
}

fn checks() -> Vec<Box<dyn Check>> {
    vec![
        world("two-services", "two services that reserve or refuse, and who crashes", two_services),
        world("failing", "a service that fails, and operators", failing),
        world("lapsing", "reservations that lapse", lapsing),
        world("tombstones", "more activities than are remembered one by one", tombstones),
        settling("ends", "one activity, whatever was lost and whoever crashed", ends),
    ]
}

fn world(name: &'static str, varies: &'static str, setup: fn(Level) -> (TccSpec, Limits)) -> Box<dyn Check> {
    Box::new(WorldCheck::new("tcc", name, varies, setup))
}

fn settling(
    name: &'static str,
    varies: &'static str,
    setup: fn(Level) -> (TccSpec, Limits),
) -> Box<dyn Check> {
    Box::new(LivenessCheck::new("tcc", name, varies, setup))
}

fn two_services(level: Level) -> (TccSpec, Limits) {
    (TccSpec::new(2, 1), Limits::faults(at(level, 2, 3, 4), 2, at(level, 1, 1, 2)))
}

fn failing(level: Level) -> (TccSpec, Limits) {
    let spec = TccSpec::new(at(level, 1, 2, 2), 1).failing().operated();
    (spec, Limits::faults(at(level, 2, 2, 3), at(level, 2, 1, 2), at(level, 1, 0, 1)))
}

fn lapsing(level: Level) -> (TccSpec, Limits) {
    let spec = TccSpec::new(at(level, 1, 2, 2), 1).willing().lapsing();
    (spec, Limits::faults(at(level, 2, 2, 3), at(level, 2, 1, 2), at(level, 1, 0, 1)))
}

/// A tombstone each is kept, so that a floor is drawn with the second.
fn tombstones(level: Level) -> (TccSpec, Limits) {
    let spec = TccSpec::new(1, if level == Level::Deep { 3 } else { 2 }).willing();
    let spec = spec.configured(|config| config.commit.max_tombstones = 1);
    (spec, Limits::faults(at(level, 2, 2, 3), at(level, 0, 1, 1), at(level, 0, 0, 1)))
}

fn ends(level: Level) -> (TccSpec, Limits) {
    let spec = TccSpec::new(at(level, 1, 1, 2), 1).willing();
    (spec, Limits::faults(2, at(level, 1, 2, 1), 0))
}
