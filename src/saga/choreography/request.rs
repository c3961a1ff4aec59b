//! What the application asks: to begin, to cancel, to resolve, to forget.
//!
//! Answers are held: a refusal may rest on what is not durable yet, such as a saga that was just begun.

use alloc::boxed::Box;

use super::drive::Before;
use super::progress::{Event, Saga, Standing};
use super::{Entry, Facts, Name, Notice, Participant, Refusal, Request};
use crate::id::RequestId;
use crate::machine::Context;
use crate::saga::{Action, Cause, Data, DefinitionId, Kind, Resolution, SagaId, StepId, Version};

impl<D: Data> Participant<D> {
    pub(super) fn on_request<Cx: Context<Self> + ?Sized>(&mut self, request: Request<D>, cx: &mut Cx) {
        let own = |saga| Name { initiator: self.config.me, saga };
        let (id, outcome) = match request {
            Request::Begin { id, saga, definition, version, input } => {
                (id, self.begin(id, own(saga), (definition, version), input, cx))
            }
            Request::Cancel { id, saga } => (id, self.cancel(id, own(saga), cx)),
            Request::Resolve { id, saga, step, resolution } => {
                (id, self.resolve(id, saga, step, resolution, cx))
            }
            Request::Forget { id, saga } => (id, self.forget(id, own(saga), cx)),
            Request::Answer(answer) => return self.on_answer(answer, cx),
        };
        if let Err(reason) = outcome {
            cx.notify(Notice::Refused { id, reason });
        }
    }

    fn begin<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        name: Name,
        (definition, version): (DefinitionId, Version),
        input: D,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        if let Some(known) = self.sagas.get(&name) {
            let known = &known.standing;
            let same = (known.definition, known.version) == (definition, version) && known.input == input;
            if !same {
                return Err(Refusal::Exists);
            }
            cx.notify(Notice::Accepted { id });
            return Ok(());
        }
        if !self.is_new(name.saga) {
            return Err(Refusal::Used);
        }
        let limit = self.config.max_input_bytes;
        if input.size_bytes() > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if self.kept(name.initiator) >= self.config.max_sagas {
            return Err(Refusal::Full);
        }
        let place = self.config.find(definition, version).ok_or(Refusal::UnknownDefinition)?;
        let plan = self.config.definitions.get(place).ok_or(Refusal::UnknownDefinition)?;
        let standing = Standing::new(plan, input, Facts::default());
        let since = self.append(Entry::Saga { saga: name, standing: Box::new(standing.clone()) }, cx);
        let plan = self.config.definitions.get(place).ok_or(Refusal::UnknownDefinition)?;
        let saga = Saga::new((self.config.me, name), standing, Some((place, plan)), since);
        self.sagas.insert(name, saga);
        cx.notify(Notice::Accepted { id });
        if let Some(plan) = self.config.definitions.get(place) {
            self.arm_deadline(name, plan, cx);
        }
        self.follow(name, Before::default(), cx);
        Ok(())
    }

    fn cancel<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        name: Name,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        let facts = self.sagas.get(&name).ok_or(Refusal::UnknownSaga)?.standing.facts;
        self.plan(name).ok_or(Refusal::UnknownDefinition)?;
        if self.may_wish(name) {
            self.happen(name, Event::Wished(Cause::Cancelled), cx);
        } else if !facts.is_back() && (facts.wish.is_none() || self.is_past_pivot(name)) {
            return Err(Refusal::TooLate);
        }
        // Or it goes back already, or is wished to, for whatever reason: that is what was asked.
        cx.notify(Notice::Accepted { id });
        Ok(())
    }

    fn is_past_pivot(&self, name: Name) -> bool {
        let (Some(saga), Some(plan)) = (self.sagas.get(&name), self.plan(name)) else { return false };
        let done = saga.standing.facts.done;
        done == plan.all() || plan.pivot().is_some_and(|pivot| done.contains(pivot))
    }

    fn resolve<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        name: Name,
        step: StepId,
        resolution: Resolution,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        let standing = &self.sagas.get(&name).ok_or(Refusal::UnknownSaga)?.standing;
        let plan = self.plan(name).ok_or(Refusal::UnknownDefinition)?;
        let kind = plan.step(step).map(|step| step.kind);
        if !standing.stuck.contains(step) {
            return Err(Refusal::NotStuck);
        }
        let event = match (resolution, standing.way(), kind) {
            (Resolution::Retry, ..) => Event::Unstuck(step),
            (Resolution::Happened, Action::Undo, _) => Event::Clean(step),
            (Resolution::Happened, ..) => Event::Done(step),
            (Resolution::Never, Action::Do, Some(Kind::Pivot)) => Event::Refused(step, Cause::Refused(step)),
            (Resolution::Never, ..) => return Err(Refusal::NoSuchWay),
        };
        let before = Before { doubt: resolution == Resolution::Retry, ..self.before(name) };
        self.record(name, event, cx);
        cx.notify(Notice::Accepted { id });
        self.follow(name, before, cx);
        Ok(())
    }

    fn forget<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        name: Name,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        let Some(saga) = self.sagas.get(&name) else {
            if self.is_new(name.saga) {
                return Err(Refusal::UnknownSaga);
            }
            cx.notify(Notice::Accepted { id });
            return Ok(());
        };
        let noted = saga.standing.noted;
        self.plan(name).ok_or(Refusal::UnknownDefinition)?;
        self.end(name).ok_or(Refusal::Running)?;
        if !noted {
            self.record(name, Event::Noted, cx);
        }
        cx.notify(Notice::Accepted { id });
        self.let_go(cx);
        Ok(())
    }

    /// Whether a saga of this name may be begun here: above all that ever was.
    fn is_new(&self, saga: SagaId) -> bool {
        let me = self.config.me;
        let last = self.of(me).last().map(|(name, _)| name.saga);
        // The last of all names could never be let go of.
        saga >= self.floor(me) && last.is_none_or(|last| last < saga) && saga.0 < u64::MAX
    }
}
