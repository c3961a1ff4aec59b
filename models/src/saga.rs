//! Sagas: what is claimed of the orchestrator and of services, and the worlds in which that is checked.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | an orchestrator and its services in a world |
//! | `application.rs` | what applications do: whoever begins sagas, the operator, the services' own |
//! | `history.rs` | what is durable of each saga in the plainest words, and what its services said |
//! | `properties.rs` | the properties |
//! | `coverage.rs` | what there is to be met |
//! | `fuzz.rs`, `fuzz/` | the machines told anything by bytes, the world by bytes, the decoders |
//! | `liveness.rs` | what happens at last |
//! | `simulation.rs` | long runs by a seed |
//! | `worlds.rs` | the portfolio of worlds and how far each goes |
//! | `relative.rs` | what only grows, left out: why that loses nothing |
//! | `render.rs` | nodes and messages in a few words |

mod application;
mod coverage;
pub mod fuzz;
mod history;
pub mod liveness;
pub mod properties;
mod relative;
mod render;
mod simulation;
mod spec;
mod worlds;

use quorate::either::Either;
use quorate::id::NodeId;
use quorate::saga::{Orchestrator, Service};

pub use crate::plan::{Plan, PlanStep};
pub use application::Menu;
pub use history::{History, Past};
pub use simulation::simulation;
pub use spec::SagaSpec;
pub use worlds::protocol;

/// The orchestrator's node. The services are the nodes after it; a step of its own node is the application's.
pub const ORCHESTRATOR: NodeId = NodeId(0);
/// What sagas are begun with under check.
pub type Input = u8;
/// An orchestrator or a service.
pub type Nodes = Either<Orchestrator<Input>, Service<Input>>;
