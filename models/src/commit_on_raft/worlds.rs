//! The portfolio: several small worlds, each explored to the end, rather than one that never ends.

use quorate::commit::Mode;

use super::CommitOnRaftSpec;
use crate::check::{Check, Level, Protocol};
use crate::explore::WorldCheck;
use crate::world::Limits;

/// The stack with all of its worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "commit-on-raft",
        source: "Gray and Lamport, Consensus on Transaction Commit, 2006, section 1; Corbett et al., Spanner, 2012, 4.2.1",
        checks: checks(),
        simulation: Some(super::simulation()),
    }
}

fn checks() -> Vec<Box<dyn Check>> {
    vec![
        world("handover", "one transaction under two leaders, presumed abort", |level| {
            handover(level, Mode::PresumedAbort)
        }),
        world("handover-presumed-commit", "one transaction under two leaders, presumed commit", |level| {
            handover(level, Mode::PresumedCommit)
        }),
    ]
}

fn world(
    name: &'static str,
    varies: &'static str,
    setup: fn(Level) -> (CommitOnRaftSpec, Limits),
) -> Box<dyn Check> {
    Box::new(WorldCheck::new("commit-on-raft", name, varies, setup))
}

const fn at(level: Level, quick: u64, standard: u64, deep: u64) -> u64 {
    match level {
        Level::Quick => quick,
        Level::Standard => standard,
        Level::Deep => deep,
    }
}

/// It begins with a leader in the first term that was just asked for a transaction.
fn handover(level: Level, mode: Mode) -> (CommitOnRaftSpec, Limits) {
    let spec = CommitOnRaftSpec::new(3, 2, at(level, 6, 7, 8), mode);
    let limits = Limits {
        in_flight: Some(at(level, 2, 3, 3)),
        crashes: Some(at(level, 0, 1, 1)),
        duplicates: Some(0),
        ..Limits::default()
    };
    (spec, limits)
}
