//! A coordinator of transactions on Raft: what is claimed of the stack, and the worlds and long runs in which that is checked.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | replicas and participants in a world |
//! | `history.rs` | what was said of each transaction |
//! | `properties.rs` | the properties |
//! | `simulation.rs` | long runs by a seed |
//! | `worlds.rs` | the stack among the protocols |
//!
//! What holds of Raft and of two-phase commit alone is claimed of them there. Here it is their seam: that a leader which
//! was deposed says nothing, that a successor goes on where what is committed ends, that no name is given twice, and
//! that no minority keeps anybody waiting.

mod history;
pub mod properties;
mod simulation;
mod spec;
mod worlds;

use quorate::commit_on_raft::{CoordinatorOnRaft, MessageOnRaft, ParticipantOutside};
use quorate::either::Either;

pub use history::{Fate, History};
pub use simulation::simulation;
pub use spec::CommitOnRaftSpec;
pub use worlds::protocol;

/// Participants are known by their names alone.
type Work = ();
/// A node: a replica of the coordinator, or a participant.
pub type Node = Either<CoordinatorOnRaft<Work>, ParticipantOutside<Work>>;
/// What nodes send each other.
pub type Message = MessageOnRaft<Work>;
