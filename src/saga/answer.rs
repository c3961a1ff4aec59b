//! Taking answers: late, repeated and out of order as they may be.
//!
//! What a service says for good counts whenever it arrives within its epoch, whichever attempt it answers: it is
//! about the key. What it says for now counts only for the attempt under way.

use super::progress::Flight;
use super::{Action, Answer, Data, Event, Kind, Notice, Orchestrator, Outcome, Rejection, SagaId, StepId};
use crate::id::NodeId;
use crate::machine::Context;

impl<D: Data> Orchestrator<D> {
    pub(super) fn on_answer<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        answer: Answer,
        cx: &mut Cx,
    ) {
        match self.admit(from, &answer) {
            Ok(true) => {}
            Ok(false) => return,
            Err(reason) => return reject(from, reason, cx),
        }
        let (id, step) = (answer.key.saga, answer.key.step);
        let taken = match (answer.action, answer.outcome) {
            (_, Outcome::Superseded { epoch }) if epoch > self.epoch => {
                self.superseded = Some(epoch);
                // Free: a store that fences this executor out never lets anything held leave again.
                cx.notify_free(Notice::Superseded { epoch });
                Ok(())
            }
            (Action::Do | Action::Probe, Outcome::Done) => self.on_done(id, step, cx),
            (Action::Do | Action::Probe, Outcome::Refused) => self.on_refused(id, step, cx),
            (Action::Undo, Outcome::Undone) => self.on_undone(id, step, cx),
            (Action::Probe, Outcome::Unseen) => {
                if self.is_under_way(&answer) {
                    self.send(id, step, Action::Do, cx);
                }
                Ok(())
            }
            (_, Outcome::Later) | (Action::Undo, Outcome::Refused) => {
                if self.is_under_way(&answer) {
                    self.fruitless(id, step, cx);
                }
                Ok(())
            }
            _ => Err(Rejection::Unasked),
        };
        if let Err(reason) = taken {
            reject(from, reason, cx);
        }
    }

    /// Whether an answer is one of this life to a call to this service, and its saga is still kept.
    fn admit(&self, from: NodeId, answer: &Answer) -> Result<bool, Rejection> {
        if answer.key.owner != self.config.me {
            return Err(Rejection::NotMine);
        }
        if answer.epoch != self.epoch {
            let old = answer.epoch < self.epoch;
            return Err(if old { Rejection::OldEpoch } else { Rejection::FutureEpoch });
        }
        let Some(saga) = self.sagas.get(&answer.key.saga) else {
            // Late news of a saga that was forgotten is no surprise.
            let forgotten = self.forgotten.is_some_and(|upto| answer.key.saga <= upto);
            return if forgotten { Ok(false) } else { Err(Rejection::UnknownStep) };
        };
        let plan = saga.plan.and_then(|plan| self.config.definitions.get(plan));
        let Some(plan) = plan else { return Err(Rejection::Unasked) };
        match plan.step(answer.key.step) {
            None => Err(Rejection::UnknownStep),
            Some(step) if step.service != from => Err(Rejection::NotTheService),
            Some(_) => Ok(true),
        }
    }

    /// Whether an answer is to the attempt that is under way.
    fn is_under_way(&self, answer: &Answer) -> bool {
        self.sagas.get(&answer.key.saga).is_some_and(|saga| {
            saga.flights.of(answer.key.step) == Flight::Called(answer.action)
                && saga.standing.tries(answer.key.step) == answer.attempt
        })
    }

    fn on_done<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: SagaId,
        step: StepId,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        let (Some(saga), Some(plan)) = (self.sagas.get(&id), self.plan(id)) else { return Ok(()) };
        let standing = &saga.standing;
        if standing.refused.contains(step) {
            return Err(Rejection::Contradiction);
        }
        // Going back it is no news: the step is undone, whatever became of it.
        if standing.done.contains(step) || standing.undone.contains(step) {
            return Ok(());
        }
        if !standing.is_open(plan, step) {
            return Err(Rejection::Unasked);
        }
        if standing.cause.is_none() {
            self.ground(id, step, cx);
            self.record(id, Event::Done(step), cx);
            self.advance(id, false, cx);
        }
        Ok(())
    }

    fn on_refused<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: SagaId,
        step: StepId,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        let (Some(saga), Some(plan)) = (self.sagas.get(&id), self.plan(id)) else { return Ok(()) };
        let (standing, kind) = (&saga.standing, plan.step(step).map(|step| step.kind));
        if standing.refused.contains(step) || standing.undone.contains(step) {
            return Ok(());
        }
        let back = standing.cause.is_some();
        if standing.done.contains(step) {
            // Going back, what is undone right now is refused from then on, and that may be heard first.
            return if back { Ok(()) } else { Err(Rejection::Contradiction) };
        }
        if !standing.is_open(plan, step) {
            return Err(Rejection::Unasked);
        }
        let (flight, stuck) = (saga.flights.of(step), standing.stuck.contains(step));
        match (back, kind) {
            // Only the service's word that it is undone ends what was begun to be undone.
            (true, _) if flight != Flight::Grounded || stuck => {}
            (true, _) => {
                self.record(id, Event::Refused(step), cx);
                self.advance(id, true, cx);
            }
            (false, Some(Kind::Retriable)) => {
                if !stuck {
                    self.stick(id, step, cx);
                }
            }
            (false, _) => self.turn_back(id, Event::Refused(step), cx),
        }
        Ok(())
    }

    fn on_undone<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: SagaId,
        step: StepId,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        let Some(saga) = self.sagas.get(&id) else { return Ok(()) };
        let standing = &saga.standing;
        if standing.undone.contains(step) {
            return Ok(());
        }
        let asked = saga.flights.of(step) != Flight::Grounded || standing.stuck.contains(step);
        if standing.cause.is_none() || !asked {
            return Err(Rejection::Unasked);
        }
        self.ground(id, step, cx);
        self.record(id, Event::Undone(step), cx);
        self.advance(id, true, cx);
        Ok(())
    }
}

/// Tells that a service said what it must not, and that it was dropped. Free: it says nothing of what is durable.
pub(super) fn reject<D: Data, Cx: Context<Orchestrator<D>> + ?Sized>(
    from: NodeId,
    reason: Rejection,
    cx: &mut Cx,
) {
    cx.notify_free(Notice::Rejected { from, reason });
}
