//! Raft: what is claimed of it, and the worlds in which that is checked.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | the machine in a world: its configuration, its bounds, where it begins |
//! | `application.rs` | what may be replicated by it: an application of one's own |
//! | `history.rs` | what the properties remember |
//! | `properties.rs` | the properties |
//! | `coverage.rs` | what there is to be met, and what each property speaks of |
//! | `liveness.rs` | what happens at last, once there is peace |
//! | `render.rs` | messages and records in a few words, for traces |
//! | `worlds.rs` | the portfolio of worlds and how far each goes |
//! | `walks.rs` | worlds far past those bounds, for random walks |
//! | `simulation.rs` | long runs by a seed |
//! | `fuzz.rs` | one node that is told anything at all, and the decoders of what it sends and stores |

mod application;
mod coverage;
pub mod fuzz;
mod history;
pub mod liveness;
pub mod properties;
mod render;
mod simulation;
mod spec;
mod walks;
mod worlds;

pub use application::{Application, Bare};
pub use history::{Chosen, History};
pub use simulation::simulation;
pub use spec::RaftSpec;
#[cfg(feature = "commit-on-raft")]
pub(crate) use spec::is_past_answering;
pub use walks::{Swarm, cluster};
pub use worlds::protocol;

/// Without an application commands are a byte: which one is all that matters.
pub type Command = u8;
/// The machine under check: the one that is shipped.
pub type Raft = RaftOf<Bare>;
/// The same machine, replicating the commands of an application.
pub type RaftOf<A> = quorate::raft::Raft<<A as Application>::Command>;
/// What the properties of Raft and of an application remember.
pub type HistoryOf<A> = History<<A as Application>::Command, <A as Application>::Replica>;
