//! The circuit breaker: what is claimed of it, and the worlds in which that is checked.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | the breaker in a world: its callers, its clock, its canonical form |
//! | `history.rs` | who holds which token, and the breaker in the plainest words |
//! | `properties.rs` | the properties |
//! | `coverage.rs` | what there is to be met, and what each property speaks of |
//! | `liveness.rs` | what happens at last, if time passes and callers ask |
//! | `simulation.rs` | long runs by a seed |
//! | `worlds.rs` | the portfolio of worlds and how far each goes |
//! | `fuzz.rs` | a breaker that is asked anything at all |
//!
//! # The world
//! One node, no network, nothing durable. Callers acquire, hold a token, end it in any of the four ways, end it a
//! second time, or never; a caller whose token has ended behind its back (its lease lapsed, the breaker
//! changed its state) may still come late. A token that the breaker never gave out is tried in every state.
//! The clock moves forward and back by single steps, any number of times.
//!
//! Nothing is bounded but the configuration and the number of callers. Neither requests nor movements of the
//! clock have a budget, and the worlds are still finitely many, because they are kept in relative terms.
//!
//! # Why relative terms lose nothing
//! After each action the world is put in the terms of [`Breaker::canonical_among`], as of the reading that the
//! breaker got in its last call:
//!
//! - *Generations* become past and present. A breaker only asks whether a token's is its own, and if not,
//!   whether it came before.
//! - *Serials* become 1 and on, in their order, over the tokens that are outstanding or that a caller still
//!   knows: a breaker only compares them. Tokens that have ended keep serials of their own, so that a late end
//!   can be mistaken for the end of another token if the breaker is so mistaken. What nobody knows any
//!   more can come in no request.
//! - *Times* become ages, as of that last reading. Then no wait is over, and none began after it, so that
//!   [the breaker's own argument](quorate::resilience::breaker::Breaker::canonical_among) holds for readings before it as for those after.
//! - *The clock* becomes the distance from that reading. A breaker sees the clock only in its calls. Once it is
//!   a lease and the longest wait ahead, whatever could be due is due: a call further ahead changes and answers
//!   the same. Once it is the longer of the two behind, every wait begins anew: a call further behind
//!   does the same. So the clock stops at these two, and from there, a call at any distance was tried.
//! - *Callers* are told apart by their tokens only, and sorted.
//!
//! A canonical form must not mend what a broken breaker does: one that turned the window's ring, or called
//! all late tokens by one name, would hide the very mistakes that are looked for. So this one renames, and
//! leaves everything else where it is.
//!
//! [`Breaker::canonical`]: quorate::resilience::breaker::Breaker::canonical
//! [`Breaker::canonical_among`]: quorate::resilience::breaker::Breaker::canonical_among

mod coverage;
pub mod fuzz;
mod history;
pub mod liveness;
pub mod properties;
mod simulation;
mod spec;
mod worlds;

pub use history::{Call, History, Phase};
pub use simulation::simulation;
pub use spec::BreakerSpec;
pub use worlds::protocol;
