//! A world, whose next action the bytes choose.

use arbitrary::{Result as Drawn, Unstructured};

use super::Outcome;
use crate::spec::Spec;
use crate::walk::walk;
use crate::world::{Limits, Rules};

/// Walks through a world, one action for every two bytes, and evaluates every property after each.
///
/// # Errors
/// The property that fell, with a short trace.
///
/// # Panics
/// If the protocol has no world to begin in.
pub fn world<S: Spec>(rules: &Rules<S>, bytes: &[u8]) -> Outcome {
    let walk = walk(rules, bytes);
    match walk.report(rules) {
        Some(report) => Err(report),
        None => Ok(walk.steps() as u64),
    }
}

/// The same, of a world that the first bytes say: who there is, and what they may do.
///
/// # Errors
/// The property that fell, with a short trace.
///
/// # Panics
/// If the protocol has no world to begin in.
pub fn drawn_world<S: Spec>(
    bytes: &[u8],
    limits: Limits,
    draw: impl FnOnce(&mut Unstructured<'_>) -> Drawn<S>,
) -> Outcome {
    let mut u = Unstructured::new(bytes);
    let Ok(spec) = draw(&mut u) else { return Ok(0) };
    world(&Rules::new(spec, limits).without_symmetry(), u.take_rest())
}
