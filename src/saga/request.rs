//! What the application asks: to begin, to cancel, to resolve, to forget.
//!
//! Answers are held: a refusal may rest on what is not durable yet, such as a saga that was just begun.

use alloc::boxed::Box;

use super::progress::Saga;
use super::{
    Action, Cause, Data, DefinitionId, Entry, Event, FORGOTTEN, Kind, Notice, Orchestrator, Refusal, Request,
    Resolution, SagaId, Standing, StepId, Timer, Version,
};
use crate::durable::Record;
use crate::id::RequestId;
use crate::machine::Context;
use crate::time::Delay;

impl<D: Data> Orchestrator<D> {
    pub(super) fn on_request<Cx: Context<Self> + ?Sized>(&mut self, request: Request<D>, cx: &mut Cx) {
        let (id, outcome) = match request {
            Request::Begin { id, saga, definition, version, input } => {
                (id, self.begin(id, saga, (definition, version), input, cx))
            }
            Request::Cancel { id, saga } => (id, self.cancel(id, saga, cx)),
            Request::Resolve { id, saga, step, resolution } => {
                (id, self.resolve(id, saga, step, resolution, cx))
            }
            Request::Forget { id, saga } => (id, self.forget(id, saga, cx)),
            Request::Answer(answer) => return self.on_answer(self.config.me, answer, cx),
        };
        if let Err(reason) = outcome {
            cx.notify(Notice::Refused { id, reason });
        }
    }

    fn begin<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        saga: SagaId,
        (definition, version): (DefinitionId, Version),
        input: D,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        if let Some(known) = self.sagas.get(&saga) {
            let known = &known.standing;
            let same = (known.definition, known.version) == (definition, version) && known.input == input;
            if !same {
                return Err(Refusal::Exists);
            }
            cx.notify(Notice::Accepted { id });
            return Ok(());
        }
        if self.forgotten.is_some_and(|upto| saga <= upto) {
            return Err(Refusal::Used);
        }
        let limit = self.config.max_input_bytes;
        if input.size_bytes() > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if self.sagas.len() >= self.config.max_sagas {
            return Err(Refusal::Full);
        }
        let place = self.config.find(definition, version).ok_or(Refusal::UnknownDefinition)?;
        let plan = self.config.definitions.get(place).ok_or(Refusal::UnknownDefinition)?;
        let (standing, deadline) = (Standing::new(plan, input), plan.deadline());
        let since = self.append(Entry::Saga { saga, standing: Box::new(standing.clone()) }, cx);
        self.sagas.insert(saga, Saga::new(standing, Some(place), since));
        cx.notify(Notice::Accepted { id });
        if let Some(deadline) = deadline {
            cx.set_timer(Timer::Deadline { saga }, Delay::exactly(deadline));
        }
        self.advance(saga, false, cx);
        Ok(())
    }

    fn cancel<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        saga: SagaId,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        let standing = &self.sagas.get(&saga).ok_or(Refusal::UnknownSaga)?.standing;
        let plan = self.plan(saga).ok_or(Refusal::UnknownDefinition)?;
        // It goes back already, for whatever reason: that is what was asked.
        let back = standing.cause.is_some();
        if !back && !standing.may_turn_back(plan) {
            return Err(Refusal::TooLate);
        }
        if !back {
            self.turn_back(saga, Event::TurnedBack(Cause::Cancelled), cx);
        }
        cx.notify(Notice::Accepted { id });
        Ok(())
    }

    fn resolve<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        saga: SagaId,
        step: StepId,
        resolution: Resolution,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        let standing = &self.sagas.get(&saga).ok_or(Refusal::UnknownSaga)?.standing;
        let plan = self.plan(saga).ok_or(Refusal::UnknownDefinition)?;
        let kind = plan.step(step).map(|step| step.kind);
        if !standing.stuck.contains(step) {
            return Err(Refusal::NotStuck);
        }
        match (resolution, standing.way(), kind) {
            (Resolution::Retry, ..) => self.record(saga, Event::Unstuck(step), cx),
            (Resolution::Happened, Action::Undo, _) => self.record(saga, Event::Undone(step), cx),
            (Resolution::Happened, ..) => self.record(saga, Event::Done(step), cx),
            (Resolution::Never, Action::Do, Some(Kind::Pivot)) => {
                self.turn_back(saga, Event::Refused(step), cx);
                cx.notify(Notice::Accepted { id });
                return Ok(());
            }
            (Resolution::Never, ..) => return Err(Refusal::NoSuchWay),
        }
        cx.notify(Notice::Accepted { id });
        self.advance(saga, resolution == Resolution::Retry, cx);
        Ok(())
    }

    fn forget<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        saga: SagaId,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        let Some(known) = self.sagas.get(&saga) else {
            if self.forgotten.is_none_or(|upto| saga > upto) {
                return Err(Refusal::UnknownSaga);
            }
            cx.notify(Notice::Accepted { id });
            return Ok(());
        };
        let plan = self.plan(saga).ok_or(Refusal::UnknownDefinition)?;
        if known.standing.end(plan).is_none() {
            return Err(Refusal::Running);
        }
        // First: a saga that is gone without this could be begun again, under the same keys.
        if self.forgotten.is_none_or(|upto| upto < saga) {
            self.forgotten = Some(saga);
            cx.persist(Record::Put { cell: FORGOTTEN, value: super::Cell::Forgotten(saga) });
        }
        self.sagas.remove(&saga);
        self.append(Entry::Forgotten { saga }, cx);
        cx.notify(Notice::Accepted { id });
        Ok(())
    }
}
