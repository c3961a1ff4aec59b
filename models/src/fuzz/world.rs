//! A world, whose next action the bytes choose.

use super::Outcome;
use crate::spec::Spec;
use crate::walk::walk;
use crate::world::Rules;

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
