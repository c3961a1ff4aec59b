//! A short trace that ends as a long one did.
//!
//! Delta debugging (Zeller and Hildebrandt 2002) over actions, with one turn: an action that no longer fits word for
//! word is replaced by one like it. Without an election in the middle every later term is another one, and no message
//! of the long trace would ever be sent; but *a* vote request from the same to the same node is.

use std::mem::discriminant;

use super::record::{Awaiting, Record};
use super::run::{Fall, Run};
use super::{ANSWERED_ONCE, CANARY, NOTHING_WITHHELD, Simulated};
use crate::network::Envelope;
use crate::spec::MessageOf;
use crate::world::{Action, ActionOf, Rules, World};

/// How many actions may be tried in all.
const BUDGET: u64 = 3_000_000;

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
    taken: Vec<ActionOf<S>>,
}

impl<S: Simulated> Clone for Place<S> {
    fn clone(&self) -> Self {
        Self { world: self.world.clone(), awaiting: self.awaiting.clone(), taken: self.taken.clone() }
    }
}

impl<'a, S: Simulated> Shrinking<'a, S> {
    pub(super) fn new(rules: &'a Rules<S>, run: &'a Run, fall: &Fall, actions: &[ActionOf<S>]) -> Self {
        let goal = match (fall.property, actions.last()) {
            (CANARY, Some(last)) => Goal::Happens(last.clone()),
            (property, _) if fall.healing => Goal::FallsHealing(property),
            (ANSWERED_ONCE, _) => Goal::AnsweredTwice,
            (property, _) => Goal::Falls(property),
        };
        Self { rules, run, goal, budget: BUDGET }
    }

    /// Fewer of `actions`, or others like them; as they are if they cannot be replayed.
    pub(super) fn shortest(mut self, actions: Vec<ActionOf<S>>) -> Vec<ActionOf<S>> {
        let Some(origin) = self.rules.initial().into_iter().next() else { return actions };
        let origin = Place { world: origin, awaiting: Awaiting::default(), taken: Vec::new() };
        let Some(mut best) = self.attempt(origin.clone(), &actions) else { return actions };
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
            if let Some(shorter) = merged(&best).and_then(|merged| self.attempt(origin.clone(), &merged)) {
                best = shorter;
            }
            if self.budget == 0 || (chunk == 1 && best.len() == length) {
                return best;
            }
            chunk = chunk.div_ceil(2).min(best.len().max(1));
        }
    }

    /// What of `actions` it takes from `place` on to the goal, all before included; nothing if that is missed.
    fn attempt(&mut self, mut place: Place<S>, actions: &[ActionOf<S>]) -> Option<Vec<ActionOf<S>>> {
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
    fn take(&self, place: &mut Place<S>, action: &ActionOf<S>) -> bool {
        let Some(action) = alike(self.rules.spec(), &place.world, action) else { return false };
        let mut world = place.world.clone();
        let Ok(passage) = self.rules.advance(&mut world, &action) else {
            let withheld = matches!(self.goal, Goal::Falls(NOTHING_WITHHELD));
            place.taken.extend(withheld.then_some(action));
            return withheld;
        };
        place.world = world;
        let twice = place.awaiting.note(self.rules.spec(), &action, passage.as_deref()).is_err();
        place.taken.push(action);
        match &self.goal {
            Goal::Falls(property) => self.rules.falls(property, &place.world),
            Goal::AnsweredTwice => twice,
            Goal::Happens(wanted) => place.taken.last().is_some_and(|last| is_like(last, wanted)),
            Goal::FallsHealing(_) => false,
        }
    }
}

/// The same with movements of one clock in a row made one; nothing if there are none.
fn merged<M: Clone, T: Copy, R: Clone>(actions: &[Action<M, T, R>]) -> Option<Vec<Action<M, T, R>>> {
    let mut merged: Vec<Action<M, T, R>> = Vec::with_capacity(actions.len());
    for action in actions {
        match (merged.last_mut(), action) {
            (Some(Action::Tick(one, sum)), Action::Tick(other, by)) if one == other => {
                *sum = sum.saturating_add(*by);
            }
            _ => merged.push(action.clone()),
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
            Some(Action::Request(*id, spec.request_like(world, request), script.clone()))
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
