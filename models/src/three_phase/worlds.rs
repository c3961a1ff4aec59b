//! The portfolio: the world that the protocol assumes, in which it holds, and the one that there is.

use super::spec::{AGREEMENT, ThreePhaseSpec, Timeouts};
use crate::check::{Check, Level, Protocol, at};
use crate::counterexample::Counterexample;
use crate::explore::WorldCheck;
use crate::world::Limits;

/// Three-phase commit with all of its worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "three-phase",
        source: "Skeen, Nonblocking Commit Protocols, 1981; Bernstein, Hadzilacos and Goodman 1987, 7.5",
        checks: vec![
            world("synchronous", "who crashes, while no message is late", |level| {
                let sites = at(level, 3, 3, 4);
                let limits = limits(at(level, 2, 3, 3));
                (ThreePhaseSpec::new(sites, Timeouts::Right), limits)
            }),
            Box::new(Counterexample::new(
                world("late-messages", "nobody crashes, nothing is lost, one message is late", |level| {
                    let sites = at(level, 2, 3, 3);
                    (ThreePhaseSpec::new(sites, Timeouts::Wrong), limits(0))
                }),
                AGREEMENT,
            )),
        ],
        simulation: None,
    }
}

fn world(
    name: &'static str,
    varies: &'static str,
    setup: fn(Level) -> (ThreePhaseSpec, Limits),
) -> Box<dyn Check> {
    Box::new(WorldCheck::new("three-phase", name, varies, setup))
}

fn limits(crashes: u64) -> Limits {
    Limits { crashes: Some(crashes), duplicates: Some(0), ..Limits::default() }
}
