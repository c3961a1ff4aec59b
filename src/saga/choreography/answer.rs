//! Taking the application's answers, late, repeated and out of order as they may be.
//!
//! What it says for good counts whenever it comes, whichever attempt or life it answers: it is about the key. What it
//! says for now counts only for the attempt under way.

use super::hear::reject;
use super::progress::Event;
use super::{Answer, Name, Participant, Rejection};
use crate::machine::Context;
use crate::saga::{Action, Cause, Data, Flight, Kind, Outcome, StepId};

impl<D: Data> Participant<D> {
    pub(super) fn on_answer<Cx: Context<Self> + ?Sized>(&mut self, answer: Answer, cx: &mut Cx) {
        let (name, step) = (Name { initiator: answer.key.owner, saga: answer.key.saga }, answer.key.step);
        let taken = self.admit(name, step).and_then(|kept| match (answer.action, answer.outcome) {
            _ if !kept => Ok(()),
            (Action::Do | Action::Probe, Outcome::Done) => self.on_done(name, step, cx),
            (Action::Do | Action::Probe, Outcome::Refused) => self.on_refused(name, step, cx),
            (Action::Undo, Outcome::Undone) => self.on_undone(name, step, cx),
            (Action::Probe, Outcome::Unseen) => {
                if self.is_under_way(name, &answer) {
                    self.call(name, step, Action::Do, cx);
                }
                Ok(())
            }
            (_, Outcome::Later) | (Action::Undo, Outcome::Refused) => {
                if self.is_under_way(name, &answer) {
                    self.fruitless(name, step, cx);
                }
                Ok(())
            }
            _ => Err(Rejection::Unasked),
        });
        if let Err(reason) = taken {
            reject(self.config.me, reason, cx);
        }
    }

    /// Whether an answer is for a step that is carried out here, and its saga is still kept.
    fn admit(&self, name: Name, step: StepId) -> Result<bool, Rejection> {
        let Some(saga) = self.sagas.get(&name) else {
            // Late news of a saga that is over is no surprise.
            let over = name.saga < self.floor(name.initiator);
            return if over { Ok(false) } else { Err(Rejection::UnknownSaga) };
        };
        if saga.plan.is_none() {
            return Err(Rejection::UnknownDefinition);
        }
        if saga.mine.contains(step) { Ok(true) } else { Err(Rejection::UnknownStep) }
    }

    /// Whether an answer is to the attempt that is under way.
    fn is_under_way(&self, name: Name, answer: &Answer) -> bool {
        self.sagas.get(&name).is_some_and(|saga| {
            saga.flights.of(answer.key.step) == Flight::Called(answer.action)
                && saga.standing.tries(answer.key.step) == answer.attempt
        })
    }

    fn on_done<Cx: Context<Self> + ?Sized>(
        &mut self,
        name: Name,
        step: StepId,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        let (Some(saga), Some(plan)) = (self.sagas.get(&name), self.plan(name)) else { return Ok(()) };
        let (standing, facts) = (&saga.standing, &saga.standing.facts);
        if facts.done.contains(step) {
            return Ok(());
        }
        if !facts.done.includes(plan.after(step)) {
            return Err(Rejection::Unasked);
        }
        // Going back it is no news: the step is undone, whatever became of it.
        if facts.is_back() {
            return Ok(());
        }
        if standing.is_open(plan, step) {
            self.ground(name, step, cx);
            self.happen(name, Event::Done(step), cx);
        }
        Ok(())
    }

    fn on_refused<Cx: Context<Self> + ?Sized>(
        &mut self,
        name: Name,
        step: StepId,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        let (Some(saga), Some(plan)) = (self.sagas.get(&name), self.plan(name)) else { return Ok(()) };
        let (standing, facts) = (&saga.standing, &saga.standing.facts);
        if !facts.done.includes(plan.after(step)) {
            return Err(Rejection::Unasked);
        }
        // Only the word that it is undone ends what was begun to be undone; and what is undone right now is refused
        // from then on, which may be heard first.
        if facts.is_back() {
            return Ok(());
        }
        if facts.done.contains(step) {
            return Err(Rejection::Contradiction);
        }
        if plan.step(step).is_some_and(|step| step.kind == Kind::Retriable) {
            if !standing.stuck.contains(step) {
                self.stick(name, step, cx);
            }
            return Ok(());
        }
        self.happen(name, Event::Refused(step, Cause::Refused(step)), cx);
        Ok(())
    }

    fn on_undone<Cx: Context<Self> + ?Sized>(
        &mut self,
        name: Name,
        step: StepId,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        let Some(saga) = self.sagas.get(&name) else { return Ok(()) };
        let (standing, facts) = (&saga.standing, &saga.standing.facts);
        if facts.clean.contains(step) {
            return Ok(());
        }
        let asked = saga.flights.of(step) != Flight::Grounded || standing.stuck.contains(step);
        if !facts.is_back() || !asked {
            return Err(Rejection::Unasked);
        }
        self.ground(name, step, cx);
        self.happen(name, Event::Clean(step), cx);
        Ok(())
    }
}
