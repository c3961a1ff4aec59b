//! What Paxos Commit claims to happen at last, once nobody crashes any more.
//!
//! No protocol promises that one of several ballots gets through, without time (Fischer, Lynch and Paterson, Impossibility of
//! Distributed Consensus with One Faulty Process, 1985). What is promised is that nothing stands still: either a
//! transaction ends, or another ballot begins. So a world of these may begin a few ballots, and a run on which the last of
//! them has begun claims nothing more.

use quorate::commit::participant;
use quorate::either::Either;

use super::spec::leading;
use super::{PaxosCommitSpec, Site};
use crate::liveness::{Fairness, LeadsTo};
use crate::world::{Action, ActionOf, World};

/// How many ballots each leader begins in a world of liveness, beyond ballot 0.
pub(super) const BALLOTS: u64 = 2;

/// A majority of the acceptors is enough for it.
pub const DECIDES: &str = "a leader decides, and forgets once all know, unless ballots begin for ever";

/// All claims.
pub(super) fn all() -> Vec<LeadsTo<PaxosCommitSpec>> {
    let to = |world: &World<PaxosCommitSpec>| !is_undecided(world) || goes_on(world);
    vec![LeadsTo { name: DECIDES, from: is_undecided, to, tail: peaceful }]
}

/// Nobody crashes or begins a transaction.
const fn peaceful(action: &ActionOf<PaxosCommitSpec>) -> bool {
    !matches!(action, Action::Crash(..) | Action::Duplicate(..) | Action::Request(_, Either::Right(_), _))
}

/// What applications are told to do they do; and a timer that stays set expires, however often a bound withholds what
/// comes of it for a while.
pub(super) fn fairness(action: &ActionOf<PaxosCommitSpec>) -> Fairness {
    match action {
        Action::Request(_, Either::Left(Either::Left(participant::Request::Done { .. })), _) => {
            Fairness::Weak
        }
        Action::Fire(..) => Fairness::Strong,
        other => Fairness::usual(other),
    }
}

fn is_undecided(world: &World<PaxosCommitSpec>) -> bool {
    world.machines().any(|site| leading(site).is_some_and(|leader| leader.in_flight() > 0))
}

/// The last ballot of some leader has begun; the first of its numbers is a transaction's.
fn goes_on(world: &World<PaxosCommitSpec>) -> bool {
    let last = |site: &Site| leading(site).is_some_and(|leader| leader.next_number() > 1 + BALLOTS);
    world.machines().any(last)
}
