//! Try, confirm, cancel: what is claimed of it, and the worlds in which that is checked.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | a coordinator and its services in a world: configuration, requests |
//! | `history.rs` | the services' applications, whose reservations outlive crashes |
//! | `properties.rs` | the properties |
//! | `coverage.rs` | what there is to be met |
//! | `fuzz.rs`, `fuzz/` | the machines told anything by bytes, the world by bytes, the decoders |
//! | `liveness.rs` | what happens at last |
//! | `worlds.rs` | the portfolio of worlds and how far each goes |
//! | `simulation.rs` | long runs by a seed |
//!
//! # The world
//! Node 0 coordinates, the others are services, each with an application that is part of the history: it reserves when it
//! says so, keeps what it reserved over any crash, and may have reserved and crashed before it said so. It says anything
//! that it may say, in any order. What it is told counts once it has left the node.

mod coverage;
pub mod fuzz;
mod history;
mod liveness;
pub mod properties;
mod simulation;
mod spec;
mod worlds;

pub use history::{Activity, Branch, Held, History, Told};
pub use liveness::ENDS_AT_LAST;
pub use simulation::simulation;
pub use spec::{Site, TccSpec};
pub use worlds::protocol;
