//! What can be left out of a trace.

use super::{Trace, TraceOf};
use crate::spec::Spec;
use crate::world::{ActionOf, Rules};

/// How many actions minimisation may try in all before it settles for what it has.
const MINIMISING_ACTIONS: usize = 20_000_000;

impl<S: Spec> Rules<S> {
    /// Leaves out of a trace what it does not take for the property of that name to fall. The result is
    /// short, not always the shortest.
    #[must_use]
    pub fn minimise(&self, trace: &TraceOf<S>, name: &str) -> TraceOf<S> {
        let mut budget = MINIMISING_ACTIONS;
        let Some(mut best) = self.lenient(trace.origin, &trace.actions, 0..0, name, &mut budget) else {
            return trace.clone();
        };
        let mut chunk = best.len().div_ceil(2).max(1);
        loop {
            let (length, mut from) = (best.len(), 0);
            while from < best.len() {
                let left_out = from..(from + chunk).min(best.len());
                match self.lenient(trace.origin, &best, left_out, name, &mut budget) {
                    Some(shorter) => best = shorter,
                    None => from += chunk,
                }
            }
            if budget == 0 || (chunk == 1 && best.len() == length) {
                return Trace { origin: trace.origin, actions: best };
            }
            chunk = chunk.div_ceil(2).min(best.len().max(1));
        }
    }

    /// Replays what of `actions` is not left out and not refused, up to where the property falls; nothing
    /// if it does not fall or no action is saved.
    fn lenient(
        &self,
        origin: usize,
        actions: &[ActionOf<S>],
        left_out: std::ops::Range<usize>,
        name: &str,
        budget: &mut usize,
    ) -> Option<Vec<ActionOf<S>>> {
        let mut world = self.initial().into_iter().nth(origin)?;
        let mut taken = Vec::new();
        for (at, action) in actions.iter().enumerate() {
            if self.falls(name, &world) {
                break;
            }
            if left_out.contains(&at) {
                continue;
            }
            *budget = budget.checked_sub(1)?;
            if let Ok(next) = self.apply_named(&world, action) {
                world = next;
                taken.push(action.clone());
            }
        }
        self.falls(name, &world).then_some(taken)
    }
}
