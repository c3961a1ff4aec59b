//! Calling services: what is to be called now, again after a while, and no more.

use super::progress::Flight;
use super::{
    Action, Call, Cause, Data, Definition, Doubt, Event, Key, Message, Notice, Orchestrator, Policy, SagaId,
    StepId, Timer,
};
use crate::machine::Context;
use crate::time::Delay;

impl<D: Data> Orchestrator<D> {
    /// A life begins: all that was called in earlier ones is called anew, for what became of it is unknown; and what
    /// the application may not have heard is told again.
    pub(super) fn resume<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let mut next = self.sagas.keys().next().copied();
        while let Some(id) = next {
            self.resume_saga(id, cx);
            let after = (core::ops::Bound::Excluded(id), core::ops::Bound::Unbounded);
            next = self.sagas.range(after).next().map(|(id, _)| *id);
        }
    }

    fn resume_saga<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, cx: &mut Cx) {
        let Some(saga) = self.sagas.get(&id) else { return };
        let standing = &saga.standing;
        let Some(plan) = saga.plan.and_then(|plan| self.config.definitions.get(plan)) else {
            let (definition, version) = (standing.definition, standing.version);
            return cx.notify(Notice::Shelved { saga: id, definition, version });
        };
        for step in standing.stuck.iter() {
            cx.notify(Notice::Stuck { saga: id, step, action: standing.way() });
        }
        if let Some(deadline) = plan.deadline().filter(|_| standing.may_turn_back(plan)) {
            cx.set_timer(Timer::Deadline { saga: id }, Delay::exactly(deadline));
        }
        self.advance(id, true, cx);
    }

    /// Calls whatever is to be called now and is not, or tells that the saga has ended. `doubt`: whether a step that
    /// is called may have been called before.
    pub(super) fn advance<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, doubt: bool, cx: &mut Cx) {
        let Some(saga) = self.sagas.get(&id) else { return };
        let Some(plan) = saga.plan.and_then(|plan| self.config.definitions.get(plan)) else { return };
        let due = saga.standing.wanted(plan).without(saga.flights.steps());
        if let Some(end) = saga.standing.end(plan) {
            cx.cancel_timer(Timer::Deadline { saga: id });
            return cx.notify(Notice::Ended { saga: id, end });
        }
        for step in due.iter() {
            self.call(id, step, doubt, cx);
        }
    }

    /// Makes an attempt at a step, whichever way the saga goes.
    fn call<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, step: StepId, doubt: bool, cx: &mut Cx) {
        let Some(saga) = self.sagas.get(&id) else { return };
        let Some(plan) = saga.plan.and_then(|plan| self.config.definitions.get(plan)) else { return };
        let Some(policy) = plan.step(step).map(|step| step.policy) else { return };
        let action = match saga.standing.way() {
            Action::Do if doubt && policy.doubt == Doubt::Probe => Action::Probe,
            way => way,
        };
        self.send(id, step, action, cx);
    }

    pub(super) fn send<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: SagaId,
        step: StepId,
        action: Action,
        cx: &mut Cx,
    ) {
        let (me, epoch, floor) = (self.config.me, self.epoch, self.floor());
        let Some(saga) = self.sagas.get_mut(&id) else { return };
        let plan = saga.plan.and_then(|plan| self.config.definitions.get(plan));
        let Some(what) = plan.and_then(|plan| plan.step(step)) else { return };
        saga.flights.set(step, Flight::Called(action));
        let call = Call {
            key: Key { owner: me, saga: id, step },
            epoch,
            attempt: saga.standing.tries(step),
            action,
            floor,
            task: what.task,
            input: saga.standing.input.clone(),
        };
        // Held behind what made it due: what was called can be told from the records, whenever a crash comes.
        if what.service == me {
            cx.notify(Notice::Call(call));
        } else {
            cx.send(what.service, Message::Call(call));
        }
        cx.set_timer(Timer::Step { saga: id, step }, what.policy.timeout);
    }

    /// The lowest saga that may still be called for: what is below was forgotten, and cannot be begun any more.
    pub(super) fn floor(&self) -> SagaId {
        let next = self.forgotten.map_or(SagaId(0), |upto| SagaId(upto.0.saturating_add(1)));
        self.sagas.keys().next().map_or(next, |first| next.min(*first))
    }

    /// Nothing is under way with a step any more.
    pub(super) fn ground<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, step: StepId, cx: &mut Cx) {
        let Some(saga) = self.sagas.get_mut(&id) else { return };
        if saga.flights.set(step, Flight::Grounded) != Flight::Grounded {
            cx.cancel_timer(Timer::Step { saga: id, step });
        }
    }

    /// The saga goes back: what was under way forward is no longer waited for, and undone under its key.
    pub(super) fn turn_back<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, event: Event, cx: &mut Cx) {
        let Some(flying) = self.sagas.get(&id).map(|saga| saga.flights.steps()) else { return };
        self.record(id, event, cx);
        flying.iter().for_each(|step| self.ground(id, step, cx));
        cx.cancel_timer(Timer::Deadline { saga: id });
        if let Some(cause) = self.sagas.get(&id).and_then(|saga| saga.standing.cause) {
            cx.notify(Notice::TurnedBack { saga: id, cause });
        }
        self.advance(id, true, cx);
    }

    pub(super) fn on_step_timer<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: SagaId,
        step: StepId,
        cx: &mut Cx,
    ) {
        match self.sagas.get(&id).map(|saga| saga.flights.of(step)) {
            // What became of the attempt is unknown.
            Some(Flight::Called(_)) => self.fruitless(id, step, cx),
            Some(Flight::Waiting) => {
                if let Some(saga) = self.sagas.get_mut(&id) {
                    saga.flights.set(step, Flight::Grounded);
                }
                self.call(id, step, true, cx);
            }
            Some(Flight::Grounded) | None => {}
        }
    }

    pub(super) fn on_deadline<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, cx: &mut Cx) {
        let Some(saga) = self.sagas.get(&id) else { return };
        let plan = saga.plan.and_then(|plan| self.config.definitions.get(plan));
        if plan.is_some_and(|plan| plan.deadline().is_some() && saga.standing.may_turn_back(plan)) {
            self.turn_back(id, Event::TurnedBack(Cause::Overdue), cx);
        }
    }

    /// An attempt came to nothing, as far as is known: another one after a while, if there is one left.
    pub(super) fn fruitless<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, step: StepId, cx: &mut Cx) {
        let Some(saga) = self.sagas.get_mut(&id) else { return };
        let plan = saga.plan.and_then(|plan| self.config.definitions.get(plan));
        let Some(what) = plan.and_then(|plan| plan.step(step)) else { return };
        let (policy, kind, way) = (what.policy, what.kind, saga.standing.way());
        let tries = saga.standing.tries(step).saturating_add(1);
        if tries < most(&policy, way) {
            saga.flights.set(step, Flight::Waiting);
            self.record(id, Event::Tried(step, tries), cx);
            return cx.set_timer(Timer::Step { saga: id, step }, policy.backoff_after(tries));
        }
        if way == Action::Do && kind.may_fail() {
            return self.turn_back(id, Event::TurnedBack(Cause::Exhausted(step)), cx);
        }
        self.stick(id, step, cx);
    }

    /// A step waits for an operator, who is told.
    pub(super) fn stick<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, step: StepId, cx: &mut Cx) {
        let Some(action) = self.sagas.get(&id).map(|saga| saga.standing.way()) else { return };
        self.ground(id, step, cx);
        self.record(id, Event::Stuck(step), cx);
        cx.notify(Notice::Stuck { saga: id, step, action });
    }

    /// The definition of a saga, if it can go on.
    pub(super) fn plan(&self, id: SagaId) -> Option<&Definition> {
        self.sagas.get(&id)?.plan.and_then(|plan| self.config.definitions.get(plan))
    }
}

/// How many attempts a step has, one way.
pub(super) const fn most(policy: &Policy, way: Action) -> u16 {
    match way {
        Action::Do | Action::Probe => policy.attempts,
        Action::Undo => policy.undo_attempts,
    }
}
