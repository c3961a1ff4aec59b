//! What can be left out of a trace.

use std::ops::Range;

use super::{Recorded, RecordedOf, Trace, TraceOf};
use crate::spec::Spec;
use crate::world::Rules;

/// How many actions minimisation may try in all before it settles for what it has.
const MINIMISING_ACTIONS: usize = 20_000_000;

impl<S: Spec> Rules<S> {
    /// Leaves out of a trace what it does not take for the property of that name to fall, until no action that is left
    /// can be left out alone. The result is short, not always the shortest; a trace at whose end the property does
    /// not fall stays as it is.
    #[must_use]
    pub fn minimise(&self, trace: &TraceOf<S>, name: &str) -> TraceOf<S> {
        let kept = self.kept(trace, name);
        let actions = kept.iter().filter_map(|at| trace.actions.get(*at).cloned()).collect();
        Trace { origin: trace.origin, actions }
    }

    /// As [`minimise`](Self::minimise); what is left keeps its times.
    #[must_use]
    pub fn minimise_recorded(&self, recorded: &RecordedOf<S>, name: &str) -> RecordedOf<S> {
        let Recorded { header, trace, times } = recorded;
        let kept = self.kept(trace, name);
        let actions = kept.iter().filter_map(|at| trace.actions.get(*at).cloned()).collect();
        let mut header = header.clone();
        header.property = Some(name.to_owned());
        Recorded {
            header,
            trace: Trace { origin: trace.origin, actions },
            times: kept.iter().map(|at| times.get(*at).copied().flatten()).collect(),
        }
    }

    /// Whether the property of that name falls at the end of the trace, and no longer once any one action is left
    /// out.
    #[must_use]
    pub fn is_minimal(&self, trace: &TraceOf<S>, name: &str) -> bool {
        let falls = |left_out: Option<usize>| {
            let kept = (0..trace.actions.len()).filter(|at| Some(*at) != left_out);
            let actions = kept.filter_map(|at| trace.actions.get(at).cloned()).collect();
            self.replay(&Trace { origin: trace.origin, actions }, |_, _, _| {})
                .is_ok_and(|world| self.falls(name, &world))
        };
        falls(None) && (0..trace.actions.len()).all(|at| !falls(Some(at)))
    }

    /// The places of the actions that it takes; of all where the property does not fall.
    fn kept(&self, trace: &TraceOf<S>, name: &str) -> Vec<usize> {
        let mut budget = MINIMISING_ACTIONS;
        let all: Vec<usize> = (0..trace.actions.len()).collect();
        let Some(mut best) = self.lenient(trace, &all, 0..0, name, &mut budget) else { return all };
        let mut chunk = best.len().div_ceil(2).max(1);
        loop {
            let (length, mut from) = (best.len(), 0);
            while from < best.len() {
                let left_out = from..(from + chunk).min(best.len());
                match self.lenient(trace, &best, left_out, name, &mut budget) {
                    Some(shorter) => best = shorter,
                    None => from += chunk,
                }
            }
            if budget == 0 || (chunk == 1 && best.len() == length) {
                return best;
            }
            chunk = chunk.div_ceil(2).min(best.len().max(1));
        }
    }

    /// Replays what of the actions at `places` is not left out and not refused, up to where the property falls:
    /// their places; nothing if it does not fall.
    fn lenient(
        &self,
        trace: &TraceOf<S>,
        places: &[usize],
        left_out: Range<usize>,
        name: &str,
        budget: &mut usize,
    ) -> Option<Vec<usize>> {
        let mut world = self.initial().into_iter().nth(trace.origin)?;
        let mut taken = Vec::with_capacity(places.len());
        for (at, place) in places.iter().enumerate() {
            if self.falls(name, &world) {
                break;
            }
            if left_out.contains(&at) {
                continue;
            }
            *budget = budget.checked_sub(1)?;
            if let Ok(next) = self.apply_named(&world, trace.actions.get(*place)?) {
                world = next;
                taken.push(*place);
            }
        }
        self.falls(name, &world).then_some(taken)
    }
}
