//! Paxos Commit: what is claimed of it, and the worlds in which that is checked.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | the machines in a world: who plays which part, its bounds, what applications ask |
//! | `history.rs` | what the properties remember |
//! | `properties.rs` | the properties |
//! | `liveness.rs` | what happens at last, once there is peace |
//! | `worlds.rs` | the portfolio of worlds and how far each goes |
//! | `simulation.rs` | long runs by a seed |
//! | `fuzz.rs` | a world by bytes |
//!
//! # How many states
//! The published run of the paper's TLA+ specification (two resource managers, three acceptors, two ballots) has 1.3 million
//! states. Within the same bounds and with one crash of any node, the world `takeover` at standard bounds has 890,657, in
//! 3,720,866 steps and a minute on two threads of a shared machine; without the crash (`--limit crashes=0`) 642,150. They
//! are states of other things. There are more of them since a leader is a machine that counts what it has received,
//! where the specification looks at all that was ever sent; since nodes write to disks, where a crash may cut; since timers
//! expire, resource managers ask, and decisions are told and acknowledged. There are fewer since worlds that differ only by
//! the names of acceptors and of resource managers are one (up to twelve to one), since a message that can change nothing
//! any more is taken out of flight, and since nothing else is tried while a node writes
//! ([`Spec::prompt`](crate::spec::Spec::prompt)). The network is the specification's: a set that only grows, so
//! that any message is lost, late, or repeated any number of times.

pub mod fuzz;
mod history;
pub mod liveness;
pub mod properties;
mod simulation;
mod spec;
mod worlds;

use quorate::commit::paxos::{Acceptor, Leader, ResourceManager};
use quorate::either::Either;
use quorate::machine::Machine;

pub use history::{History, Past};
pub use simulation::simulation;
pub use spec::PaxosCommitSpec;
pub use worlds::protocol;

/// The machine under check: one that plays any part, as shipped. Work is a byte.
pub type Site = Either<Either<ResourceManager<u8>, Acceptor<u8>>, Leader<u8>>;
/// What the application of any part is told.
pub type Told = <Site as Machine>::Notice;
