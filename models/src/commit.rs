//! Two-phase commit: what is claimed of it, and the worlds in which that is checked.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | the machines in a world: who there is, what is begun, the bounds |
//! | `application.rs` | what applications and operators may ask next |
//! | `history.rs` | what the properties remember |
//! | `properties.rs` | the properties of a world, and what each speaks of |
//! | `observe.rs` | the properties of an event |
//! | `coverage.rs` | what there is to be met |
//! | `fuzz.rs`, `fuzz/` | the machines told anything by bytes, the world by bytes, the decoders |
//! | `liveness.rs` | what happens at last, once there is peace |
//! | `render.rs` | messages and records in a few words, for traces |
//! | `simulation.rs` | long runs by a seed |
//! | `worlds.rs` | the portfolio of worlds and how far each goes |

mod application;
mod coverage;
pub mod fuzz;
mod history;
pub mod liveness;
mod observe;
pub mod properties;
mod render;
mod simulation;
mod spec;
mod worlds;

pub use history::{App, Deal, History, Part, Told};
pub use simulation::simulation;
pub use spec::{CommitSpec, Planned};
pub use worlds::protocol;

/// The work of a participant: which transaction it is for is all that matters.
pub type Work = ();
/// The coordinator under check: the one that is shipped.
pub type Coordinator = quorate::commit::Coordinator<Work>;
/// The participant under check.
pub type Participant = quorate::commit::Participant<Work>;
/// A node: a coordinator or a participant.
pub type Node = quorate::either::Either<Coordinator, Participant>;
/// What they send each other.
pub type Message = quorate::commit::Message<Work>;
