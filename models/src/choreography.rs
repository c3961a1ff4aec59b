//! Sagas by choreography: what is claimed of participants that react to events, and the worlds in which that is checked.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | participants in a world |
//! | `application.rs` | what applications do: whoever begins sagas, the steps' own, operators |
//! | `history.rs` | what happened at the applications, and what is durable of each step |
//! | `known.rs` | what a disk says of a saga, in the plainest words |
//! | `properties.rs` | the properties, and when they say anything |
//! | `observe.rs` | deciding them |
//! | `coverage.rs` | what there is to be met |
//! | `liveness.rs` | what happens at last |
//! | `simulation.rs` | long runs by a seed |
//! | `fuzz.rs` | a world by bytes |
//! | `worlds.rs` | the portfolio of worlds and how far each goes |
//! | `relative.rs` | logs written anew: why that loses nothing |
//! | `render.rs` | participants and what they say in a few words |
//!
//! # The world
//! Each node's application carries out what it is called for in its own time, late calls too, and keeps what
//! [`Call`](quorate::saga::choreography::Call) says that applications owe; up to the pivot it may refuse instead. A crash
//! loses the calls that it has not taken up, and the answers that are not durable: so a step may have had its effect
//! without anybody knowing. In some worlds applications live on while their participant crashes.
//!
//! Indices of a log grow, but only with facts and attempts, of which there are finitely many. Logs are written anew only
//! where operators have things tried again for ever, and where much happens at once: elsewhere that makes for fewer worlds,
//! which take longer together.

mod application;
mod coverage;
pub mod fuzz;
mod history;
mod known;
pub mod liveness;
mod observe;
pub mod properties;
mod relative;
mod render;
mod simulation;
mod spec;
mod worlds;

use quorate::id::NodeId;
use quorate::saga::{Definition, StepId, StepSet};

pub use crate::plan::{Plan, PlanStep};
pub use application::Menu;
pub use history::{History, Past};
pub use simulation::simulation;
pub use spec::ChoreographySpec;
pub use worlds::protocol;

/// The steps that `node` carries out.
fn steps_of(definition: &Definition, node: NodeId) -> StepSet {
    let mine = |step: &StepId| definition.step(*step).is_some_and(|step| step.service == node);
    definition.all().iter().filter(mine).fold(StepSet::EMPTY, |set, step| set.and(StepSet::of(step)))
}
