//! Following up on what has become known: deciding, calling, telling; again after a while, and giving up.

use core::ops::Bound;

use super::progress::Event;
use super::publish::Debts;
use super::{Call, Name, Notice, Participant, Timer};
use crate::id::NodeId;
use crate::machine::Context;
use crate::saga::drive::most;
use crate::saga::{Action, Cause, Data, Definition, Doubt, Flight, StepId};
use crate::time::Delay;

/// How a saga stood before something became known: what follows is what is new.
#[derive(Default)]
pub(super) struct Before {
    pub(super) back: bool,
    pub(super) ended: bool,
    pub(super) debts: Debts,
    /// Whether what is called may have been called before.
    pub(super) doubt: bool,
    /// Who is to be told what is known now, in any case.
    pub(super) asked: Option<NodeId>,
}

impl<D: Data> Participant<D> {
    /// How a saga stands.
    pub(super) fn before(&self, name: Name) -> Before {
        let back = self.sagas.get(&name).is_some_and(|saga| saga.standing.facts.is_back());
        let (ended, debts) = (self.end(name).is_some(), self.debts(name));
        Before { back, ended, debts, doubt: false, asked: None }
    }

    /// Writes an event down, and follows up on it.
    pub(super) fn happen<Cx: Context<Self> + ?Sized>(&mut self, name: Name, event: Event, cx: &mut Cx) {
        let before = self.before(name);
        self.record(name, event, cx);
        self.follow(name, before, cx);
    }

    /// Does what follows from what has become known: records first, then what is said of them.
    pub(super) fn follow<Cx: Context<Self> + ?Sized>(&mut self, name: Name, before: Before, cx: &mut Cx) {
        self.decide(name, cx);
        let Some(cause) = self.sagas.get(&name).map(|saga| saga.standing.facts.cause) else { return };
        if let Some(cause) = cause.filter(|_| !before.back) {
            self.turn_back(name, cause, cx);
        }
        self.advance(name, before.doubt, cx);
        if let Some(end) = self.end(name).filter(|_| !before.ended) {
            cx.cancel_timer(Timer::Deadline { saga: name });
            cx.notify(Notice::Ended { saga: name, end });
        }
        self.publish(name, &before.debts, before.asked, cx);
    }

    /// Takes the decisions that are this participant's alone. Each settles a step, so there are finitely many.
    fn decide<Cx: Context<Self> + ?Sized>(&mut self, name: Name, cx: &mut Cx) {
        while let (Some(saga), Some(plan)) = (self.sagas.get(&name), self.plan(name)) {
            let Some(event) = saga.standing.decision(plan, saga.mine) else { return };
            self.record(name, event, cx);
        }
    }

    /// What was under way forward is no longer waited for, and undone under its key.
    fn turn_back<Cx: Context<Self> + ?Sized>(&mut self, name: Name, cause: Cause, cx: &mut Cx) {
        let flying = self.sagas.get(&name).map(|saga| saga.flights.steps()).unwrap_or_default();
        flying.iter().for_each(|step| self.ground(name, step, cx));
        cx.cancel_timer(Timer::Deadline { saga: name });
        cx.notify(Notice::TurnedBack { saga: name, cause });
    }

    /// Calls whatever is to be called now and is not.
    fn advance<Cx: Context<Self> + ?Sized>(&mut self, name: Name, doubt: bool, cx: &mut Cx) {
        let (Some(saga), Some(plan)) = (self.sagas.get(&name), self.plan(name)) else { return };
        let due = saga.standing.wanted(plan, saga.mine).without(saga.flights.steps());
        for step in due.iter() {
            self.attempt(name, step, doubt, cx);
        }
    }

    /// Makes an attempt at a step, whichever way the saga goes.
    fn attempt<Cx: Context<Self> + ?Sized>(&mut self, name: Name, step: StepId, doubt: bool, cx: &mut Cx) {
        let (Some(saga), Some(plan)) = (self.sagas.get(&name), self.plan(name)) else { return };
        let Some(policy) = plan.step(step).map(|step| step.policy) else { return };
        let action = match saga.standing.way() {
            Action::Do if doubt && policy.doubt == Doubt::Probe => Action::Probe,
            way => way,
        };
        self.call(name, step, action, cx);
    }

    pub(super) fn call<Cx: Context<Self> + ?Sized>(
        &mut self,
        name: Name,
        step: StepId,
        action: Action,
        cx: &mut Cx,
    ) {
        let Some(saga) = self.sagas.get_mut(&name) else { return };
        let plan = saga.plan.and_then(|plan| self.config.definitions.get(plan));
        let Some(what) = plan.and_then(|plan| plan.step(step)) else { return };
        saga.flights.set(step, Flight::Called(action));
        let (attempt, input) = (saga.standing.tries(step), saga.standing.input.clone());
        // Held behind what made it due: what was called can be told from the records, whenever a crash comes.
        cx.notify(Notice::Call(Call { key: name.key(step), attempt, action, task: what.task, input }));
        cx.set_timer(Timer::Step { saga: name, step }, what.policy.timeout);
    }

    /// Nothing is under way with a step any more.
    pub(super) fn ground<Cx: Context<Self> + ?Sized>(&mut self, name: Name, step: StepId, cx: &mut Cx) {
        let Some(saga) = self.sagas.get_mut(&name) else { return };
        if saga.flights.set(step, Flight::Grounded) != Flight::Grounded {
            cx.cancel_timer(Timer::Step { saga: name, step });
        }
    }

    pub(super) fn on_step_timer<Cx: Context<Self> + ?Sized>(
        &mut self,
        name: Name,
        step: StepId,
        cx: &mut Cx,
    ) {
        match self.sagas.get(&name).map(|saga| saga.flights.of(step)) {
            // What became of the attempt is unknown.
            Some(Flight::Called(_)) => self.fruitless(name, step, cx),
            Some(Flight::Waiting) => {
                if let Some(saga) = self.sagas.get_mut(&name) {
                    saga.flights.set(step, Flight::Grounded);
                }
                self.attempt(name, step, true, cx);
            }
            Some(Flight::Grounded) | None => {}
        }
    }

    pub(super) fn on_deadline<Cx: Context<Self> + ?Sized>(&mut self, name: Name, cx: &mut Cx) {
        let limited = self.plan(name).is_some_and(|plan| plan.deadline().is_some());
        if limited && name.initiator == self.config.me && self.may_wish(name) {
            self.happen(name, Event::Wished(Cause::Overdue), cx);
        }
    }

    /// Whether the initiator may still wish for the way back, as far as it knows: it has not, the saga does not go
    /// there already, and neither the pivot nor all of the saga is done.
    pub(super) fn may_wish(&self, name: Name) -> bool {
        let (Some(saga), Some(plan)) = (self.sagas.get(&name), self.plan(name)) else { return false };
        let facts = &saga.standing.facts;
        let decided = plan.pivot().is_some_and(|pivot| facts.done.contains(pivot));
        facts.wish.is_none() && !facts.is_back() && !decided && facts.end(plan).is_none()
    }

    /// An attempt came to nothing, as far as is known: another one after a while, if there is one left.
    pub(super) fn fruitless<Cx: Context<Self> + ?Sized>(&mut self, name: Name, step: StepId, cx: &mut Cx) {
        let Some(saga) = self.sagas.get_mut(&name) else { return };
        let plan = saga.plan.and_then(|plan| self.config.definitions.get(plan));
        let Some(what) = plan.and_then(|plan| plan.step(step)) else { return };
        let (policy, kind, way) = (what.policy, what.kind, saga.standing.way());
        let tries = saga.standing.tries(step).saturating_add(1);
        if tries < most(&policy, way) {
            saga.flights.set(step, Flight::Waiting);
            self.record(name, Event::Tried(step, tries), cx);
            return cx.set_timer(Timer::Step { saga: name, step }, policy.backoff_after(tries));
        }
        if way == Action::Do && kind.may_fail() {
            return self.happen(name, Event::GivenUp(step, Cause::Exhausted(step)), cx);
        }
        self.stick(name, step, cx);
    }

    /// A step waits for an operator, who is told.
    pub(super) fn stick<Cx: Context<Self> + ?Sized>(&mut self, name: Name, step: StepId, cx: &mut Cx) {
        let Some(action) = self.sagas.get(&name).map(|saga| saga.standing.way()) else { return };
        self.ground(name, step, cx);
        self.record(name, Event::Stuck(step), cx);
        cx.notify(Notice::Stuck { saga: name, step, action });
    }

    /// A life begins: all that was called in earlier ones is called anew, for what became of it is unknown; and what
    /// others, and the application, may not have heard is told again.
    pub(super) fn resume<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let mut next = self.sagas.keys().next().copied();
        while let Some(name) = next {
            self.resume_saga(name, cx);
            next = self.sagas.range((Bound::Excluded(name), Bound::Unbounded)).next().map(|(name, _)| *name);
        }
        self.let_go(cx);
    }

    fn resume_saga<Cx: Context<Self> + ?Sized>(&mut self, name: Name, cx: &mut Cx) {
        let Some(saga) = self.sagas.get(&name) else { return };
        let standing = &saga.standing;
        let Some(plan) = saga.plan.and_then(|plan| self.config.definitions.get(plan)) else {
            let (definition, version) = (standing.definition, standing.version);
            return cx.notify(Notice::Shelved { saga: name, definition, version });
        };
        for step in standing.stuck.iter() {
            cx.notify(Notice::Stuck { saga: name, step, action: standing.way() });
        }
        if name.initiator == self.config.me {
            self.arm_deadline(name, plan, cx);
        }
        self.follow(name, Before { doubt: true, ..Before::default() }, cx);
    }

    pub(super) fn arm_deadline<Cx: Context<Self> + ?Sized>(
        &self,
        name: Name,
        plan: &Definition,
        cx: &mut Cx,
    ) {
        if let Some(deadline) = plan.deadline().filter(|_| self.may_wish(name)) {
            cx.set_timer(Timer::Deadline { saga: name }, Delay::exactly(deadline));
        }
    }

    /// The definition of a saga, if it can go on.
    pub(super) fn plan(&self, name: Name) -> Option<&Definition> {
        self.sagas.get(&name)?.plan.and_then(|plan| self.config.definitions.get(plan))
    }
}
