//! What Raft claims to happen at last, once nobody crashes and nobody campaigns any more.
//!
//! That somebody is elected is not claimed: without assumptions about time two candidates can split the votes for
//! ever (Fischer, Lynch and Paterson, 1985). Simulation, which has time, looks at that.

use quorate::raft::Timer;

use super::{Application, RaftOf, RaftSpec};
use crate::liveness::LeadsTo;
use crate::world::{Action, World};

/// What a leader appended commits, unless it steps down.
pub const COMMITS: &str = "a leader commits what it appended";
/// Followers come to hold, and to know to be committed, what their leader does.
pub const CATCHES_UP: &str = "followers catch up with their leader";

/// All claims.
pub(super) fn all<A: Application>() -> Vec<LeadsTo<RaftSpec<A>>> {
    vec![
        LeadsTo { name: COMMITS, from: waits, to: |world| !waits(world), tail: quiet },
        LeadsTo { name: CATCHES_UP, from: lags, to: |world| !lags(world), tail: quiet },
    ]
}

/// Nobody crashes, asks, or loses patience.
const fn quiet<M, R>(action: &Action<M, Timer, R>) -> bool {
    !matches!(action, Action::Crash(..) | Action::Request(..) | Action::Fire(_, Timer::Election, _))
}

/// The leader of the latest term that any node is in.
fn leader<A: Application>(world: &World<RaftSpec<A>>) -> Option<&RaftOf<A>> {
    let latest = world.machines().map(RaftOf::<A>::term).max()?;
    world.machines().find(|raft| raft.is_leader() && raft.term() == latest)
}

fn waits<A: Application>(world: &World<RaftSpec<A>>) -> bool {
    leader(world).is_some_and(|leader| leader.commit() < leader.last().index)
}

fn lags<A: Application>(world: &World<RaftSpec<A>>) -> bool {
    leader(world).is_some_and(|leader| {
        world.machines().any(|raft| raft.last() != leader.last() || raft.commit() != leader.commit())
    })
}
