//! The portfolio: several small worlds, each explored to the end.

use quorate::commit::Vote;

use super::PaxosCommitSpec;
use super::liveness::BALLOTS;
use crate::check::{Check, Level, Protocol, at};
use crate::explore::WorldCheck;
use crate::liveness::LivenessCheck;
use crate::world::Limits;

/// Paxos Commit with all of its worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "paxos-commit",
        source: "Gray and Lamport, Consensus on Transaction Commit, ACM TODS 31(1), 2006",
        checks: checks(),
        simulation: Some(super::simulation()),
    }
}

fn checks() -> Vec<Box<dyn Check>> {
    vec![
        world("votes", "ballot 0 alone: who votes what, and crashes", votes),
        world("one-acceptor", "F = 0: a second leader takes over, and all is forgotten", one_acceptor),
        world("takeover", "F = 1: a second leader takes over, and a crash", takeover),
        world("rivals", "two leaders with a ballot each", rivals),
        world("returning", "a leader that comes back, and begins another ballot", returning),
        world("late-reports", "reports of ballots that are past", late_reports),
        world("lean", "votes sent to a majority at first", lean),
        world("forgetting", "all is said again, and acceptors ask", forgetting),
        settling("majority", "one acceptor of three lost for good", a_majority),
    ]
}

type Setup = (PaxosCommitSpec, Limits);

fn world(name: &'static str, varies: &'static str, setup: fn(Level) -> Setup) -> Box<dyn Check> {
    Box::new(WorldCheck::new("paxos-commit", name, varies, setup))
}

fn settling(name: &'static str, varies: &'static str, setup: fn(Level) -> Setup) -> Box<dyn Check> {
    Box::new(LivenessCheck::new("paxos-commit", name, varies, setup))
}

/// So many crashes, of any node; and the network of the paper's specification, in which what was said stays said: any number
/// of messages in flight, each of which arrives any number of times, or never.
fn crashing(crashes: u64) -> Limits {
    Limits { crashes: Some(crashes), ..Limits::default() }
}

const ALL_VOTES: [Vote; 3] = [Vote::Yes, Vote::No, Vote::ReadOnly];

/// Two resource managers vote; nobody begins a ballot.
fn votes(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(1, 3, 2).forgetting();
    let spec = if level == Level::Quick { spec } else { spec.voting(&ALL_VOTES).hurrying() };
    (spec, crashing(at(level, 1, 1, 2)))
}

fn one_acceptor(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(2, 1, 2).balloting(Some(&[0, 1])).doubting().forgetting();
    (spec, crashing(at(level, 1, 1, 2)))
}

/// The bounds of the specification's published run, and what that has not: disks, a crash, acknowledgements, decisions
/// that are told. Ballot 0 and one more, two resource managers, three acceptors. At quick bounds one resource manager, to
/// the same end: what was chosen in ballot 0, and what was not.
fn takeover(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(2, 3, at(level, 1, 2, 2)).balloting(Some(&[0, 1])).doubting();
    let spec = if level == Level::Deep { spec.forgetting() } else { spec };
    (spec, crashing(1))
}

/// A ballot each, beyond ballot 0. At quick bounds of one acceptor.
fn rivals(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(2, at(level, 1, 3, 3), 1).balloting(Some(&[1, 1])).doubting();
    (spec.voting(&[Vote::Yes]), crashing(at(level, 1, 0, 1)))
}

/// A leader that crashes in its ballot, and begins another: of what is reported the highest ballot counts.
fn returning(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(1, 3, at(level, 1, 1, 2)).balloting(Some(&[2])).doubting();
    (spec.voting(&[Vote::Yes]), crashing(at(level, 1, 2, 2)))
}

/// One resource manager: what a vote at one acceptor alone comes to, when the leader that waits for it goes on.
fn late_reports(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(1, 3, 1).balloting(Some(&[1])).with_late_reports();
    (spec.voting(&[Vote::Yes]), crashing(at(level, 0, 1, 2)))
}

fn lean(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(1, 3, at(level, 1, 1, 2)).balloting(Some(&[1])).lean().resending();
    (spec, crashing(at(level, 0, 1, 1)))
}

/// Everything is said again, acceptors ask, and all ends.
fn forgetting(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(at(level, 1, 2, 2), 1, at(level, 1, 1, 2)).balloting(Some(&[1, 1]));
    (everything(spec), crashing(1))
}

/// All that can be said or asked is.
fn everything(spec: PaxosCommitSpec) -> PaxosCommitSpec {
    spec.lingering().resending().hurrying().doubting().forgetting().carrying_out()
}

/// Two of three acceptors, one resource manager, any losses: nothing arrives twice, which what must happen at last does not
/// need.
fn a_majority(level: Level) -> Setup {
    let spec = PaxosCommitSpec::new(1, 3, 1).balloting(Some(&[BALLOTS])).voting(&[Vote::Yes]);
    let spec = spec.resending().carrying_out().without_an_acceptor();
    (spec, Limits { duplicates: Some(0), ..crashing(at(level, 0, 1, 1)) })
}
