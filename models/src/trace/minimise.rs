//! What can be left out of a trace.

use std::ops::Range;

use quorate::time::Time;

use super::gather::{self, moved, nearer};
use super::{Recorded, RecordedOf, Trace, TraceOf};
use crate::spec::Spec;
use crate::world::{ActionOf, Rules};

/// An action, and when it happens, as far as that is known.
type Timed<S> = (Option<Time>, ActionOf<S>);

/// How many actions minimisation may try in all before it settles for what it has.
const MINIMISING_ACTIONS: usize = 20_000_000;
/// How many actions are tried in another place.
const GATHERED_MAX: usize = 400;
/// How many runs that go round for ever are tried before one of them is settled for.
const LASSO_TRIALS: usize = 20_000;

impl<S: Spec> Rules<S> {
    /// Leaves out of a trace what it does not take for the property of that name to fall, until no action that is left
    /// can be left out alone. The result is short, not always the shortest; a trace at whose end the property does
    /// not fall stays as it is.
    #[must_use]
    pub fn minimise(&self, trace: &TraceOf<S>, name: &str) -> TraceOf<S> {
        let timed = trace.actions.iter().map(|action| (None, action.clone())).collect();
        let actions =
            self.shortened(trace.origin, timed, name).into_iter().map(|(_, action)| action).collect();
        Trace { origin: trace.origin, actions }
    }

    /// As [`minimise`](Self::minimise); what is left keeps its times, but for what a node's own disk or inbox does, which
    /// takes place with what befell the node before.
    #[must_use]
    pub fn minimise_recorded(&self, recorded: &RecordedOf<S>, name: &str) -> RecordedOf<S> {
        let Recorded { header, trace, times } = recorded;
        let timed = trace.actions.iter().enumerate();
        let timed = timed.map(|(at, action)| (times.get(at).copied().flatten(), action.clone())).collect();
        let (times, actions) = self.shortened(trace.origin, timed, name).into_iter().unzip();
        let mut header = header.clone();
        header.property = Some(name.to_owned());
        Recorded { header, trace: Trace { origin: trace.origin, actions }, times }
    }

    /// Fewer actions after which the property of that name falls, gathered to few events.
    fn shortened(&self, origin: usize, timed: Vec<Timed<S>>, name: &str) -> Vec<Timed<S>> {
        let trace = |timed: &[Timed<S>]| {
            let actions = timed.iter().map(|(_, action)| action.clone()).collect();
            Trace { origin, actions }
        };
        let fewer = |timed: Vec<Timed<S>>| -> Vec<Timed<S>> {
            let kept = self.kept(&trace(&timed), name);
            kept.into_iter().filter_map(|at| timed.get(at).cloned()).collect()
        };
        let mut best = fewer(timed);
        for at in 0..best.len().min(GATHERED_MAX) {
            let Some(to) = nearer(&best, at, |(_, action)| action) else { continue };
            let mut gathered = moved(&best, at, to);
            let before = to.checked_sub(1).and_then(|before| gathered.get(before)).map(|(time, _)| *time);
            if let (Some((time, _)), Some(before)) = (gathered.get_mut(to), before) {
                *time = before;
            }
            let falls =
                self.replay(&trace(&gathered), |_, _, _| {}).is_ok_and(|world| self.falls(name, &world));
            if falls && gather::events(&trace(&gathered).actions) < gather::events(&trace(&best).actions) {
                best = gathered;
            }
        }
        // In another order, something else may have become superfluous.
        fewer(best)
    }

    /// Leaves out of a run that goes round from its action `from` on what it does not take for its claim to be broken
    /// ([`circles`](Self::circles)), and whether every action that is left was tried alone; what is left keeps its
    /// times. A run that breaks no claim stays as it is.
    #[must_use]
    pub fn minimise_lasso(&self, recorded: &RecordedOf<S>, from: usize) -> (RecordedOf<S>, bool) {
        let mut best = Recorded { header: recorded.header.clone(), ..recorded.clone() };
        best.header.cycle_from = Some(from);
        let mut budget = LASSO_TRIALS;
        let mut chunk = best.trace.actions.len().div_ceil(2).max(1);
        loop {
            let (length, mut at) = (best.trace.actions.len(), 0);
            while at < best.trace.actions.len() {
                let left_out = at..at.saturating_add(chunk).min(best.trace.actions.len());
                let Some(left) = budget.checked_sub(1) else { return (best, false) };
                budget = left;
                let shorter = without(&best, &left_out);
                let turn = shorter.header.cycle_from.unwrap_or(from);
                match self.refuted(&shorter, turn) {
                    Ok(()) => best = shorter,
                    Err(_) => at = left_out.end,
                }
            }
            if chunk == 1 && best.trace.actions.len() == length {
                return (best, true);
            }
            chunk = chunk.div_ceil(2);
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

/// The same without these actions, and with the cycle beginning where it began.
fn without<A: Clone>(recorded: &Recorded<A>, left_out: &Range<usize>) -> Recorded<A> {
    let Recorded { header, trace, times } = recorded;
    let kept = || (0..trace.actions.len()).filter(|at| !left_out.contains(at));
    let mut header = header.clone();
    header.cycle_from = header.cycle_from.map(|from| kept().filter(|at| *at < from).count());
    Recorded {
        header,
        trace: Trace {
            origin: trace.origin,
            actions: kept().filter_map(|at| trace.actions.get(at).cloned()).collect(),
        },
        times: kept().map(|at| times.get(at).copied().flatten()).collect(),
    }
}
