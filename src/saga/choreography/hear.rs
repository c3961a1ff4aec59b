//! Hearing of events, late, repeated and out of order as they may be.

use alloc::boxed::Box;

use super::drive::Before;
use super::progress::{Event, Saga, Standing, steps_of};
use super::{Entry, Facts, Message, Name, Notice, Participant, Rejection};
use crate::id::NodeId;
use crate::machine::Context;
use crate::saga::{Data, Definition, DefinitionId, SagaId, Version};

impl<D: Data> Participant<D> {
    pub(super) fn on_message<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        message: Message<D>,
        cx: &mut Cx,
    ) {
        if from == self.config.me || !self.config.knows(from) {
            return reject(from, Rejection::NotAParticipant, cx);
        }
        let taken = match message {
            Message::Event { saga, floor, definition, version, shape, input, facts } => {
                self.on_event(from, (saga, floor), (definition, version, shape), input, &facts, cx)
            }
            Message::Ack { saga, facts } => self.on_ack(from, saga, &facts, cx),
            Message::Over { initiator, floor } => self.on_over(initiator, floor, cx),
        };
        if let Err(reason) = taken {
            reject(from, reason, cx);
        }
    }

    fn on_event<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (name, floor): (Name, SagaId),
        (definition, version, shape): (DefinitionId, Version, u64),
        input: D,
        facts: &Facts,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        if !self.config.knows(name.initiator) {
            return Err(Rejection::NotAParticipant);
        }
        self.on_over(name.initiator, floor, cx)?;
        if name.saga < self.floor(name.initiator) {
            cx.send(from, Message::Over { initiator: name.initiator, floor: self.floor(name.initiator) });
            return Ok(());
        }
        if let Some(saga) = self.sagas.get(&name) {
            let known = &saga.standing;
            let same = (known.definition, known.version, known.shape) == (definition, version, shape)
                && known.input == input;
            if !same {
                return Err(Rejection::Contradiction);
            }
            return self.learn(from, name, facts, true, cx);
        }
        if name.initiator == self.config.me {
            return Err(Rejection::UnknownSaga);
        }
        let place =
            self.config.find_in_shape(definition, version, shape).ok_or(Rejection::UnknownDefinition)?;
        if self.kept(name.initiator) >= self.config.max_sagas
            || input.size_bytes() > self.config.max_input_bytes
        {
            return Err(Rejection::BeyondLimit);
        }
        self.join(from, name, (place, input), facts, cx)
    }

    /// Hears of a saga for the first time.
    fn join<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        name: Name,
        (place, input): (usize, D),
        facts: &Facts,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        let plan = self.config.definitions.get(place).ok_or(Rejection::UnknownDefinition)?;
        let mine = steps_of(plan, self.config.me);
        let has_part = from == name.initiator || !steps_of(plan, from).is_empty();
        if mine.is_empty() || !has_part {
            return Err(Rejection::NotAParticipant);
        }
        let nothing = Facts::default();
        credible(&nothing, facts, (mine, name.initiator == self.config.me), plan)?;
        let standing = Standing::new(plan, input, *facts);
        let since = self.append(Entry::Saga { saga: name, standing: Box::new(standing.clone()) }, cx);
        let Some(plan) = self.config.definitions.get(place) else { return Ok(()) };
        let mut saga = Saga::new((self.config.me, name), standing, Some((place, plan)), since);
        saga.hear(from, facts);
        self.sagas.insert(name, saga);
        self.follow(name, Before { asked: Some(from), ..Before::default() }, cx);
        Ok(())
    }

    fn on_ack<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        name: Name,
        facts: &Facts,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        if self.sagas.contains_key(&name) {
            return self.learn(from, name, facts, false, cx);
        }
        // Late news of a saga that is over is no surprise.
        if name.saga < self.floor(name.initiator) { Ok(()) } else { Err(Rejection::UnknownSaga) }
    }

    /// Takes over what another participant knows, and answers if it asks.
    fn learn<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        name: Name,
        facts: &Facts,
        asks: bool,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        let plan = self.plan(name).ok_or(Rejection::UnknownDefinition)?;
        let Some(saga) = self.sagas.get(&name) else { return Ok(()) };
        if !saga.peers.iter().any(|peer| peer.node == from) {
            return Err(Rejection::NotAParticipant);
        }
        let known = saga.standing.facts;
        credible(&known, facts, (saga.mine, name.initiator == self.config.me), plan)?;
        let before = Before { asked: asks.then_some(from), ..self.before(name) };
        if let Some(saga) = self.sagas.get_mut(&name) {
            saga.hear(from, facts);
        }
        if !known.includes(facts) {
            self.record(name, Event::Learned(*facts), cx);
        }
        self.follow(name, before, cx);
        self.let_go(cx);
        Ok(())
    }

    /// Lets go of sagas that are over, as the initiator says or somebody who heard it.
    fn on_over<Cx: Context<Self> + ?Sized>(
        &mut self,
        initiator: NodeId,
        floor: SagaId,
        cx: &mut Cx,
    ) -> Result<(), Rejection> {
        if !self.config.knows(initiator) {
            return Err(Rejection::NotAParticipant);
        }
        if floor <= self.floor(initiator) {
            return Ok(());
        }
        // Only the initiator raises its floor, and only past what everybody has confirmed to have ended.
        let running = self.of(initiator).any(|(name, _)| name.saga < floor && self.end(*name).is_none());
        if initiator == self.config.me || running {
            return Err(Rejection::Contradiction);
        }
        self.raise_floor(initiator, floor, cx);
        Ok(())
    }
}

/// Whether `facts` may be so, along with what is `known`: of its own steps a participant knows best, and so does the
/// initiator of its wish.
fn credible(
    known: &Facts,
    facts: &Facts,
    (mine, initiates): (crate::saga::StepSet, bool),
    plan: &Definition,
) -> Result<(), Rejection> {
    let (done, failed, clean) = facts.of_steps(mine);
    let own = known.done.includes(done) && known.failed.includes(failed) && known.clean.includes(clean);
    let wished = !initiates || facts.wish.is_none() || facts.wish == known.wish;
    let mut both = *known;
    both.join(facts);
    let stands = own && wished && facts.check(plan).is_ok() && both.check(plan).is_ok();
    if stands { Ok(()) } else { Err(Rejection::Contradiction) }
}

/// Tells that something cannot be taken, and was dropped. Free: it says nothing of what is durable.
pub(super) fn reject<D: Data, Cx: Context<Participant<D>> + ?Sized>(
    from: NodeId,
    reason: Rejection,
    cx: &mut Cx,
) {
    cx.notify_free(Notice::Rejected { from, reason });
}
