//! What two-phase commit claims to happen at last, once nobody crashes any more: locks and memory are released.
//!
//! That an application answers is not asked for: who is silent is timed out. That it carries out what it is told is.

use quorate::commit::participant;
use quorate::either::Either;

use super::{CommitSpec, Node};
use crate::liveness::{Fairness, LeadsTo};
use crate::spec::{RequestOf, TimerOf};
use crate::world::{Action, ActionOf, World};

/// A coordinator decides, whoever is silent, and forgets once all know.
pub const FORGETS: &str = "a coordinator forgets in the end";
/// No participant stays in doubt, or keeps anything locked.
pub const RELEASES: &str = "a participant lets go in the end";

/// All claims.
pub(super) fn all() -> Vec<LeadsTo<CommitSpec>> {
    vec![
        LeadsTo { name: FORGETS, from: remembers, to: |world| !remembers(world), tail: peaceful },
        LeadsTo { name: RELEASES, from: holds, to: |world| !holds(world), tail: peaceful },
    ]
}

/// Nobody crashes, begins anything or decides as an operator.
const fn peaceful<M>(action: &Action<M, TimerOf<CommitSpec>, RequestOf<CommitSpec>>) -> bool {
    !matches!(
        action,
        Action::Crash(..)
            | Action::Request(_, Either::Left(_) | Either::Right(participant::Request::Resolve { .. }), _)
    )
}

/// What applications are told to do they do; and a timer that stays set expires, however often the bound on messages in
/// flight withholds what comes of it for a while.
pub(super) fn fairness(action: &ActionOf<CommitSpec>) -> Fairness {
    match action {
        Action::Request(_, Either::Right(participant::Request::Done { .. }), _) => Fairness::Weak,
        Action::Fire(..) => Fairness::Strong,
        other => Fairness::usual(other),
    }
}

fn remembers(world: &World<CommitSpec>) -> bool {
    world.machines().any(|node| node.left().is_some_and(|coordinator| coordinator.in_flight() > 0))
}

fn holds(world: &World<CommitSpec>) -> bool {
    let live = |node: &Node| node.right().is_some_and(|participant| participant.live() > 0);
    world.machines().any(live)
}
