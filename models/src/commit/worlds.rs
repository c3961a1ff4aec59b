//! The portfolio: several small worlds, each explored to the end, rather than one that never ends.

use quorate::commit::{Mode, Vote};

use super::CommitSpec;
use super::spec::Expect;
use crate::check::{Check, Level, Protocol, at};
use crate::explore::WorldCheck;
use crate::liveness::LivenessCheck;
use crate::world::Limits;

/// Two-phase commit with all of its worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "commit",
        source: "Mohan, Lindsay and Obermarck, Transaction Management in the R* Distributed Database Management System, 1986",
        checks: checks(),
        simulation: Some(super::simulation()),
    }
}

fn checks() -> Vec<Box<dyn Check>> {
    vec![
        world("presumed-abort", "two participants, any crashes, presumed abort", |level| {
            two(level, Mode::PresumedAbort)
        }),
        world("presumed-commit", "two participants, any crashes, presumed commit", |level| {
            two(level, Mode::PresumedCommit)
        }),
        world("three-abort", "three participants, presumed abort", |level| three(level, Mode::PresumedAbort)),
        world("three-commit", "three participants, presumed commit", |level| {
            three(level, Mode::PresumedCommit)
        }),
        world(
            "applied-abort",
            "what is carried out, or found prepared after a crash; presumed abort",
            |level| applied(level, Mode::PresumedAbort),
        ),
        world("applied-commit", "the same, presumed commit", |level| applied(level, Mode::PresumedCommit)),
        world("read-only-abort", "participants that may only read, presumed abort", |level| {
            read_only(level, Mode::PresumedAbort)
        }),
        world("read-only-commit", "participants that may only read, presumed commit", |level| {
            read_only(level, Mode::PresumedCommit)
        }),
        world("one-phase", "a single participant, which decides", one_phase),
        world("operator-abort", "an operator who decides what is in doubt, presumed abort", |level| {
            operator(level, Mode::PresumedAbort)
        }),
        world("operator-commit", "an operator who decides what is in doubt, presumed commit", |level| {
            operator(level, Mode::PresumedCommit)
        }),
        world("operator-three", "an operator, and three participants, presumed abort", operator_three),
        world("positions", "an operator, and applications that go by positions", positions),
        world("cancels", "transactions that are cancelled", cancels),
        world("late", "messages that come after all is over", late),
        world(
            "in-a-row-one-phase",
            "two transactions of one participant, tombstones, floors",
            in_a_row_one_phase,
        ),
        world("in-a-row-abort", "two transactions, tombstones, floors, a short journal", |level| {
            in_a_row(level, Mode::PresumedAbort)
        }),
        world("in-a-row-commit", "the same, presumed commit", |level| in_a_row(level, Mode::PresumedCommit)),
        settling(
            "settles",
            "anything that may have happened to one participant, and then peace; presumed nothing",
            |level| settles(level, Mode::PresumedNothing),
        ),
        settling("settles-one-phase", "the same, with the participant deciding alone", |level| {
            settles(level, Mode::PresumedAbort)
        }),
    ]
}

type Setup = (CommitSpec, Limits);

fn world(name: &'static str, varies: &'static str, setup: fn(Level) -> Setup) -> Box<dyn Check> {
    Box::new(WorldCheck::new("commit", name, varies, setup))
}

fn settling(name: &'static str, varies: &'static str, setup: fn(Level) -> Setup) -> Box<dyn Check> {
    Box::new(LivenessCheck::new("commit", name, varies, setup))
}

const ENDS: Expect =
    Expect { commits: true, aborts: true, cooperates: false, damages: false, forgets: false };

fn two(level: Level, mode: Mode) -> Setup {
    let spec = CommitSpec::new(2).beginning(mode).terse().expecting(Expect { cooperates: true, ..ENDS });
    (spec, Limits::faults(at(level, 2, 3, 3), at(level, 2, 2, 3), 1))
}

fn three(level: Level, mode: Mode) -> Setup {
    let spec = CommitSpec::new(3).beginning(mode).terse().expecting(ENDS);
    // Who says no is in the worlds of two.
    let spec = match (level, mode) {
        (Level::Quick, Mode::PresumedCommit) => spec.voting(&[Vote::Yes]),
        _ => spec,
    };
    (spec, Limits::faults(3, at(level, 1, 2, 2), at(level, 0, 0, 1)))
}

/// What applications say of what they carried out, and of what they found prepared after a crash.
fn applied(level: Level, mode: Mode) -> Setup {
    let spec = CommitSpec::new(2).beginning(mode).expecting(ENDS);
    (spec, Limits::faults(2, at(level, 2, 2, 3), at(level, 0, 1, 1)))
}

fn read_only(level: Level, mode: Mode) -> Setup {
    let votes = [Vote::Yes, Vote::No, Vote::ReadOnly];
    let spec = CommitSpec::new(2).beginning(mode).terse().voting(&votes).expecting(ENDS);
    (spec, Limits::faults(2, at(level, 2, 2, 3), at(level, 0, 1, 1)))
}

fn one_phase(level: Level) -> Setup {
    let spec = CommitSpec::new(1)
        .beginning(Mode::PresumedAbort)
        .voting(&[Vote::Yes, Vote::No, Vote::ReadOnly])
        .expecting(ENDS);
    (spec, Limits::faults(at(level, 2, 3, 4), at(level, 2, 3, 4), at(level, 1, 2, 2)))
}

fn operator(level: Level, mode: Mode) -> Setup {
    let spec = CommitSpec::new(2).beginning(mode).resolved_at(1).expecting(Expect { damages: true, ..ENDS });
    let spec = if level == Level::Deep { spec } else { spec.voting(&[Vote::Yes]) };
    (spec, Limits::faults(2, at(level, 1, 2, 2), at(level, 0, 0, 1)))
}

/// Applications say no more than their votes: what they say of damage is in the worlds of two. At quick bounds there are
/// two participants here as well.
fn operator_three(level: Level) -> Setup {
    let spec = CommitSpec::new(at(level, 2, 3, 3)).beginning(Mode::PresumedAbort).terse().resolved_at(1);
    let expect = Expect { damages: true, ..ENDS };
    (spec.expecting(expect), Limits::faults(3, at(level, 1, 2, 2), at(level, 1, 0, 1)))
}

fn positions(level: Level) -> Setup {
    let (spec, limits) = operator(level, Mode::PresumedAbort);
    let crashes = Some(at(level, 1, 2, 2));
    (spec.by_position(), Limits { crashes, ..limits })
}

fn cancels(level: Level) -> Setup {
    let spec = CommitSpec::new(2).beginning(Mode::PresumedAbort).terse().cancelled().expecting(ENDS);
    (spec, Limits::faults(2, at(level, 1, 2, 2), at(level, 0, 0, 1)))
}

fn late(level: Level) -> Setup {
    let spec = CommitSpec::new(2)
        .beginning(Mode::PresumedAbort)
        .terse()
        .voting(&[Vote::Yes, Vote::ReadOnly])
        .with_late_messages();
    (spec, Limits::faults(2, at(level, 1, 2, 2), 1))
}

/// One tombstone, and a journal that is shortened at once.
fn in_a_row(level: Level, mode: Mode) -> Setup {
    let spec = CommitSpec::new(2).beginning(mode).beginning(mode).configured(|config| {
        config.max_tombstones = 1;
        config.journal_slack = 1;
    });
    let expect = Expect { forgets: true, ..ENDS };
    let spec = match level {
        // What commits comes in the world of one phase, and in larger bounds.
        Level::Quick => spec.terse().voting(&[Vote::No]).expecting(Expect { commits: false, ..expect }),
        Level::Standard => spec.terse().expecting(expect),
        Level::Deep => spec.overlapping().expecting(expect),
    };
    (spec, Limits::faults(2, at(level, 0, 1, 1), at(level, 0, 0, 1)))
}

/// The same with a single participant, which decides, and says all that it can.
fn in_a_row_one_phase(level: Level) -> Setup {
    let spec = CommitSpec::new(1).beginning(Mode::PresumedAbort).beginning(Mode::PresumedAbort).configured(
        |config| {
            config.max_tombstones = 1;
            config.journal_slack = 1;
        },
    );
    let spec = if level == Level::Quick { spec } else { spec.overlapping() };
    (
        spec.expecting(Expect { forgets: true, ..ENDS }),
        Limits::faults(2, at(level, 1, 2, 2), at(level, 1, 1, 2)),
    )
}

/// One participant, and room for all that two nodes can have in flight: with less, the bound could withhold for ever what
/// a timer says.
fn settles(level: Level, mode: Mode) -> Setup {
    let spec = CommitSpec::new(1).beginning(mode);
    let spec = if level == Level::Deep { spec.resolved_at(1) } else { spec };
    (spec, Limits::faults(8, at(level, 1, 2, 2), at(level, 0, 1, 1)))
}
