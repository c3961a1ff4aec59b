//! A short trace that ends as a long one did.
//!
//! Delta debugging (Zeller and Hildebrandt 2002) over actions, with one turn: an action that no longer fits word for
//! word is replaced by one like it. Without an election in the middle every later term is another one, and no message
//! of the long trace would ever be sent; but *a* vote request from the same to the same node is.

use std::cmp::Reverse;
use std::mem::discriminant;

use quorate::id::{Permutation, Permute};

use super::record::{Awaiting, Record, Timed};
use super::run::{Fall, Run};
use super::{ANSWERED_ONCE, CANARY, NOTHING_WITHHELD, Simulated};
use crate::network::Envelope;
use crate::spec::MessageOf;
use crate::trace::{events, moved, nearer};
use crate::world::{Action, ActionOf, Rules, World, slot};

/// How many actions may be tried in all.
const BUDGET: u64 = 3_000_000;
/// How long a trace may be for every two of its actions to be tried.
const PAIRED_MAX: usize = 60;

/// What a shorter trace must come to.
enum Goal<S: Simulated> {
    /// A property falls in the world it leads to.
    Falls(&'static str),
    /// An answer too many is given.
    AnsweredTwice,
    /// The property falls some time after the faults have ended.
    FallsHealing(&'static str),
    /// Something like this happens.
    Happens(ActionOf<S>),
}

/// A long trace on its way to being short.
pub(super) struct Shrinking<'a, S: Simulated> {
    rules: &'a Rules<S>,
    run: &'a Run,
    goal: Goal<S>,
    budget: u64,
}

/// Where a trace has led so far.
struct Place<S: Simulated> {
    world: World<S>,
    awaiting: Awaiting,
    taken: Vec<Timed<S>>,
}

impl<S: Simulated> Clone for Place<S> {
    fn clone(&self) -> Self {
        Self { world: self.world.clone(), awaiting: self.awaiting.clone(), taken: self.taken.clone() }
    }
}

impl<'a, S: Simulated> Shrinking<'a, S> {
    pub(super) fn new(rules: &'a Rules<S>, run: &'a Run, fall: &Fall, actions: &[Timed<S>]) -> Self {
        let goal = match (fall.property, actions.last()) {
            (CANARY, Some((_, last))) => Goal::Happens(last.clone()),
            (property, _) if fall.healing => Goal::FallsHealing(property),
            (ANSWERED_ONCE, _) => Goal::AnsweredTwice,
            (property, _) => Goal::Falls(property),
        };
        Self { rules, run, goal, budget: BUDGET }
    }

    /// Fewer of `actions`, or others like them, each at its time; nothing if they do not come to it, nor without any one
    /// or two of them.
    pub(super) fn shortest(mut self, actions: &[Timed<S>]) -> Option<Vec<Timed<S>>> {
        let world = self.rules.initial().into_iter().next()?;
        let origin = Place { world, awaiting: Awaiting::default(), taken: Vec::new() };
        let mut best = match self.attempt(origin.clone(), actions) {
            Some(best) => best,
            None => self.without_one(&origin, actions).or_else(|| self.without_a_pair(&origin, actions))?,
        };
        loop {
            best = self.without_chunks(&origin, best);
            match self.without_a_pair(&origin, &best) {
                Some(shorter) => best = shorter,
                None => return Some(self.gathered(&origin, best)),
            }
        }
    }

    /// The same with what a node's own disk and inbox do right after what befell the node before, where that will do: it
    /// is one event then.
    fn gathered(&mut self, origin: &Place<S>, mut best: Vec<Timed<S>>) -> Vec<Timed<S>> {
        let count = |timed: &[Timed<S>]| {
            let actions: Vec<_> = timed.iter().map(|(_, action)| action.clone()).collect();
            events(&actions)
        };
        for at in 0..best.len() {
            let Some(to) = nearer(&best, at, |(_, action)| action) else { continue };
            let mut tried = moved(&best, at, to);
            let before = to.checked_sub(1).and_then(|before| tried.get(before)).map(|(time, _)| *time);
            if let (Some((time, _)), Some(before)) = (tried.get_mut(to), before) {
                *time = before;
            }
            if let Some(gathered) = self.attempt(origin.clone(), &tried)
                && gathered.len() <= best.len()
                && count(&gathered) < count(&best)
            {
                best = gathered;
            }
        }
        best
    }

    /// Without what lies next to each other: large parts first, and in the end no action that can go alone.
    fn without_chunks(&mut self, origin: &Place<S>, mut best: Vec<Timed<S>>) -> Vec<Timed<S>> {
        let mut chunk = best.len().div_ceil(2).max(1);
        loop {
            let length = best.len();
            let mut here = origin.clone();
            while here.taken.len() < best.len() {
                let from = here.taken.len();
                let upto = from.saturating_add(chunk).min(best.len());
                let rest = best.get(upto..).unwrap_or(&[]).to_vec();
                if let Some(shorter) = self.attempt(here.clone(), &rest)
                    && shorter.len() < best.len()
                {
                    best = shorter;
                    continue;
                }
                for action in best.get(from..upto).unwrap_or(&[]) {
                    self.take(&mut here, action);
                }
                // What led on before leads on no more: nothing can be concluded from here.
                if here.taken.len() == from {
                    return best;
                }
            }
            if let Some(shorter) = merged::<S>(&best).and_then(|merged| self.attempt(origin.clone(), &merged))
            {
                best = shorter;
            }
            if self.budget == 0 || (chunk == 1 && best.len() == length) {
                return best;
            }
            chunk = chunk.div_ceil(2).min(best.len().max(1));
        }
    }

    /// Without any one that can go; nothing if none can.
    fn without_one(&mut self, origin: &Place<S>, actions: &[Timed<S>]) -> Option<Vec<Timed<S>>> {
        let mut here = origin.clone();
        for (at, action) in actions.iter().enumerate() {
            if let Some(rest) = self.attempt(here.clone(), actions.get(at + 1..).unwrap_or(&[])) {
                return Some(rest);
            }
            self.take(&mut here, action);
        }
        None
    }

    /// Without two that can only go together, wherever they are: an election and the lead that it gave; nothing if there
    /// are none, or too many to try.
    fn without_a_pair(&mut self, origin: &Place<S>, best: &[Timed<S>]) -> Option<Vec<Timed<S>>> {
        if best.len() > PAIRED_MAX {
            return None;
        }
        let mut here = origin.clone();
        for one in 0..best.len() {
            for other in one + 1..best.len() {
                let rest: Vec<Timed<S>> = best
                    .iter()
                    .enumerate()
                    .skip(one)
                    .filter(|(at, _)| ![one, other].contains(at))
                    .map(|(_, timed)| timed.clone())
                    .collect();
                if let Some(shorter) = self.attempt(here.clone(), &rest)
                    && shorter.len() < best.len()
                {
                    return Some(shorter);
                }
            }
            self.take(&mut here, best.get(one)?);
        }
        None
    }

    /// What of `actions` it takes from `place` on to the goal, all before included; nothing if that is missed.
    fn attempt(&mut self, mut place: Place<S>, actions: &[Timed<S>]) -> Option<Vec<Timed<S>>> {
        for action in actions {
            self.budget = self.budget.checked_sub(1)?;
            if self.take(&mut place, action) {
                return Some(place.taken);
            }
        }
        let Goal::FallsHealing(property) = self.goal else { return None };
        let record = Record::new(self.rules).awaiting(place.awaiting);
        let healed = self.run.heal(self.rules, place.world, 0, record);
        self.budget = self.budget.saturating_sub(healed.record.tally.events);
        healed.fall.filter(|fall| fall.property == property).map(|_| place.taken)
    }

    /// Takes `action`, or one like it, if there is one: whether that was the goal.
    fn take(&self, place: &mut Place<S>, (at, action): &Timed<S>) -> bool {
        let Some(action) = alike(self.rules.spec(), &place.world, action) else { return false };
        let mut world = place.world.clone();
        let Ok(passage) = self.rules.advance(&mut world, &action) else {
            let withheld = matches!(self.goal, Goal::Falls(NOTHING_WITHHELD));
            place.taken.extend(withheld.then_some((*at, action)));
            return withheld;
        };
        place.world = world;
        let twice = place.awaiting.note(self.rules.spec(), &action, passage.as_deref()).is_err();
        place.taken.push((*at, action));
        match &self.goal {
            Goal::Falls(property) => self.rules.falls(property, &place.world),
            Goal::AnsweredTwice => twice,
            Goal::Happens(wanted) => place.taken.last().is_some_and(|(_, last)| is_like(last, wanted)),
            Goal::FallsHealing(_) => false,
        }
    }
}

/// The same trace with the nodes named by how much they do, the busiest first: a simpler protocol may have fewer.
pub(super) fn busiest_first<S: Simulated>(nodes: usize, actions: &[Timed<S>]) -> Vec<Timed<S>> {
    let mut order: Vec<usize> = (0..nodes).collect();
    let busy =
        |node: &usize| actions.iter().filter(|(_, action)| action.node().map(slot) == Some(*node)).count();
    order.sort_by_cached_key(|node| Reverse(busy(node)));
    let mut names: Vec<u8> = vec![0; nodes];
    for (new, old) in (0..=u8::MAX).zip(&order) {
        if let Some(name) = names.get_mut(*old) {
            *name = new;
        }
    }
    let renamed = |(at, action): &Timed<S>| {
        let mut action = action.clone();
        action.permute(&Permutation::new(&names));
        (*at, action)
    };
    actions.iter().map(renamed).collect()
}

/// The same with movements of one clock in a row made one, at the time of the last; nothing if there are none.
fn merged<S: Simulated>(actions: &[Timed<S>]) -> Option<Vec<Timed<S>>> {
    let mut merged: Vec<Timed<S>> = Vec::with_capacity(actions.len());
    for (at, action) in actions {
        match (merged.last_mut(), action) {
            (Some((last, Action::Tick(one, sum))), Action::Tick(other, by)) if one == other => {
                *sum = sum.saturating_add(*by);
                *last = *at;
            }
            _ => merged.push((*at, action.clone())),
        }
    }
    (merged.len() < actions.len()).then_some(merged)
}

/// `action` if it can happen in `world`, or one like it that can.
fn alike<S: Simulated>(spec: &S, world: &World<S>, action: &ActionOf<S>) -> Option<ActionOf<S>> {
    let node = |id| world.node(id);
    match action {
        Action::Deliver(envelope, script) => {
            Some(Action::Deliver(flying(world, envelope)?.clone(), script.clone()))
        }
        Action::Duplicate(envelope, script) => {
            Some(Action::Duplicate(flying(world, envelope)?.clone(), script.clone()))
        }
        Action::Drop(envelope) => Some(Action::Drop(flying(world, envelope)?.clone())),
        Action::Fire(id, timer, _) => {
            node(*id)?.ledger.timers().iter().any(|(set, _)| set == *timer).then(|| action.clone())
        }
        Action::Flush(id) => node(*id)?.ledger.is_waiting().then(|| action.clone()),
        Action::Inbox(id, _) => node(*id)?.inbox.front().map(|_| action.clone()),
        Action::Crash(id, kept, script) => {
            Some(Action::Crash(*id, (*kept).min(node(*id)?.ledger.held().len()), script.clone()))
        }
        Action::Request(id, request, script) => {
            let request = spec.request_like(world, request);
            spec.stands(world, *id, &request).then(|| Action::Request(*id, request, script.clone()))
        }
        Action::Tick(..) => Some(action.clone()),
    }
}

/// Whether the same kind of thing happens to the same node by both.
fn is_like<M, T: PartialEq, R>(one: &Action<M, T, R>, other: &Action<M, T, R>) -> bool {
    let alike = |one: &Envelope<M>, other: &Envelope<M>| {
        (one.from, one.to) == (other.from, other.to)
            && discriminant(&one.message) == discriminant(&other.message)
    };
    discriminant(one) == discriminant(other)
        && one.node() == other.node()
        && match (one, other) {
            (Action::Deliver(one, _), Action::Deliver(other, _))
            | (Action::Duplicate(one, _), Action::Duplicate(other, _))
            | (Action::Drop(one), Action::Drop(other)) => alike(one, other),
            (Action::Fire(_, one, _), Action::Fire(_, other, _)) => one == other,
            _ => true,
        }
}

/// The envelope if it is in flight, or else the last of its kind on its link.
fn flying<'w, S: Simulated>(
    world: &'w World<S>,
    wanted: &Envelope<MessageOf<S>>,
) -> Option<&'w Envelope<MessageOf<S>>> {
    let link = world.network().iter().filter(|other| other.from == wanted.from && other.to == wanted.to);
    let mut best = None;
    for other in link {
        if other == wanted {
            return Some(other);
        }
        if discriminant(&other.message) == discriminant(&wanted.message) {
            best = best.max(Some(other));
        }
    }
    best
}
