//! The portfolio: what no world of Raft and none of two-phase commit meets, which is one of them above the other.

use quorate::commit::Mode;

use super::CommitOnRaftSpec;
use crate::check::{Check, Level, Protocol, at};
use crate::explore::WorldCheck;
use crate::world::Limits;

/// The stack with all of its worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "commit-on-raft",
        source: "Gray and Lamport, Consensus on Transaction Commit, 2006, section 1; Corbett et al., Spanner, 2012, 4.2.1",
        checks: vec![
            world("lives-abort", "a group of one that crashes and leads again, by presumed abort", |level| {
                lives(level, Mode::PresumedAbort)
            }),
            world(
                "lives-commit",
                "a group of one that crashes and leads again, by presumed commit",
                |level| lives(level, Mode::PresumedCommit),
            ),
            world("names", "transactions begun in one life and in the next", names),
            world("successors", "two replicas, of which either leads", successors),
            world("deposed", "a leader that was deposed and does not know, beside its successor", deposed),
        ],
        simulation: Some(super::simulation()),
    }
}

fn world(
    name: &'static str,
    varies: &'static str,
    setup: fn(Level) -> (CommitOnRaftSpec, Limits),
) -> Box<dyn Check> {
    Box::new(WorldCheck::new("commit-on-raft", name, varies, setup))
}

/// A leader waits for the answer to an append before the next, and appends all there is.
fn stack(replicas: u64, participants: u64, (terms, entries): (u64, u64), mode: Mode) -> CommitOnRaftSpec {
    CommitOnRaftSpec::new(replicas, participants, (terms, entries), mode)
        .configured(|raft, _| (raft.max_inflight_messages, raft.max_append_entries) = (1, 8))
}

/// Two participants, and all phases of a transaction. The log has room for what a life writes: its own entry, its name, the
/// numbers it reserves, what it begins, decides and forgets.
fn lives(level: Level, mode: Mode) -> (CommitOnRaftSpec, Limits) {
    let spec = stack(1, 2, (at(level, 2, 3, 4), at(level, 6, 8, 9)), mode);
    (spec, Limits::faults(2, at(level, 1, 2, 3), 0))
}

/// The log has room for two lives, of which either reserves numbers and begins.
fn names(level: Level) -> (CommitOnRaftSpec, Limits) {
    let spec = stack(1, 1, (2, at(level, 8, 9, 10)), Mode::PresumedAbort).asked(2);
    (spec, Limits::faults(at(level, 1, 2, 2), at(level, 1, 1, 2), 0))
}

/// One participant, which decides alone: what the group hears of that is on its log or not.
fn successors(level: Level) -> (CommitOnRaftSpec, Limits) {
    let spec = stack(2, 1, (2, at(level, 5, 6, 7)), Mode::PresumedAbort);
    (spec, Limits::faults(2, at(level, 0, 1, 1), 0))
}

/// At quick bounds one participant, which decides alone.
fn deposed(level: Level) -> (CommitOnRaftSpec, Limits) {
    let spec = stack(3, at(level, 1, 2, 2), (2, at(level, 5, 5, 6)), Mode::PresumedAbort).parted();
    (spec, Limits::faults(2, 0, 0))
}
