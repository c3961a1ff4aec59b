//! One participant of choreographed sagas among others that may say anything, and the decoders of what they send, store and
//! trace.

use std::sync::Arc;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::durable::{Corrupt, Record, Recover};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::{EffectOf, Input, InputOf};
use quorate::saga::choreography::{
    Answer, Cell, Config, Entry, Facts, Message, Name, Notice, Request, Timer,
};
use quorate::saga::{Cause, Definition, DefinitionId, Flight, SagaId, StepId, StepSet, Version};

use super::{Bytes, any_outcome, arbitrary_plan};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{
    Outcome, Subject, Tally, near, pick, recovery as recovered, sealed, state as read, steps, text,
};

type Participant = quorate::saga::choreography::Participant<Bytes>;

/// How many participants there are: steps are at the first three.
const NODES: u64 = 4;
/// Steps of the longest saga, and one more.
const STEPS: u8 = 4;
/// The most that one message knows more than its receiver.
const NEWS_MAX: u8 = 3;

/// A participant told anything: see [`crate::fuzz::steps`].
///
/// # Errors
/// The promise that was broken.
pub fn step(bytes: &[u8]) -> Result<Tally, String> {
    steps::<OneParticipant>(bytes)
}

/// A participant that is to come back from any disk: see [`crate::fuzz::recovery`].
///
/// # Errors
/// The promise that was broken.
pub fn recovery(bytes: &[u8]) -> Result<Tally, String> {
    recovered::<OneParticipant>(bytes)
}

/// A whole participant as data: see [`crate::fuzz::state`].
///
/// # Errors
/// The promise that was broken.
pub fn state(bytes: &[u8]) -> Outcome {
    read::<OneParticipant>(bytes)
}

/// What is sent, stored (plain and sealed) and traced. The first byte says which.
///
/// # Errors
/// The promise that was broken.
pub fn data(bytes: &[u8]) -> Outcome {
    let Some((which, rest)) = bytes.split_first() else { return Ok(0) };
    let decoded = match which % 7 {
        0 | 1 => near::<Message<Bytes>>(rest)?.is_some(),
        2 => near::<Record<Cell, Entry<Bytes>>>(rest)?.is_some(),
        3 => sealed::<Entry<Bytes>>(rest)?.is_some(),
        4 => sealed::<Cell>(rest)?.is_some(),
        5 => text::<InputOf<Participant>>(rest)?.is_some(),
        _ => text::<EffectOf<Participant>>(rest)?.is_some(),
    };
    Ok(u64::from(decoded))
}

/// A participant of a few definitions with limits that are soon reached.
#[derive(Clone, Debug)]
pub struct OneParticipant {
    config: Arc<Config>,
}

impl OneParticipant {
    /// A saga that is kept, mostly.
    fn any_name(machine: &Participant, u: &mut Unstructured<'_>) -> Drawn<Name> {
        let known: Vec<Name> = machine.sagas().map(|(name, _)| name).collect();
        match u.int_in_range(0..=7)? {
            0 => u.arbitrary(),
            1..=5 if !known.is_empty() => u.choose(&known).copied(),
            _ => Ok(Name {
                initiator: NodeId(u.int_in_range(0..=NODES - 1)?),
                saga: SagaId(u.int_in_range(0..=7)?),
            }),
        }
    }

    fn definition(&self, machine: &Participant, name: Name) -> Option<&Definition> {
        let (_, standing) = machine.sagas().find(|(known, _)| *known == name)?;
        let of = (standing.definition, standing.version);
        self.config.definitions.iter().find(|plan| (plan.id(), plan.version()) == of)
    }

    /// What somebody may know of a saga: what is known here, and some things more.
    fn any_facts(known: Facts, plan: Option<&Definition>, u: &mut Unstructured<'_>) -> Drawn<Facts> {
        let mut facts = match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Facts::default(),
            _ => known,
        };
        for _ in 0..u.int_in_range(0..=NEWS_MAX)? {
            let id = StepId(u.int_in_range(0..=STEPS)?);
            let step = StepSet::of(id);
            match u.int_in_range(0..=7)? {
                0..=2 => {
                    let before = plan.map(|plan| plan.after(id)).unwrap_or_default();
                    facts.done = facts.done.and(before).and(step);
                }
                3 => (facts.failed, facts.cause) = (facts.failed.and(step), Some(Cause::Exhausted(id))),
                4 => {
                    (facts.failed, facts.clean) = (facts.failed.and(step), facts.clean.and(step));
                    facts.cause = Some(Cause::Refused(id));
                }
                5 => facts.clean = facts.clean.and(step),
                6 => facts.wish = Some(if u.arbitrary()? { Cause::Cancelled } else { Cause::Overdue }),
                _ if facts.cause.is_some() => facts.clean = plan.map(Definition::all).unwrap_or_default(),
                _ => facts.done = plan.map(Definition::all).unwrap_or_default(),
            }
        }
        Ok(facts)
    }

    fn any_message(&self, machine: &Participant, u: &mut Unstructured<'_>) -> Drawn<Message<Bytes>> {
        let saga = Self::any_name(machine, u)?;
        let standing = machine.sagas().find(|(name, _)| *name == saga).map(|(_, standing)| standing);
        let known = standing.map(|standing| standing.facts).unwrap_or_default();
        let floor = machine.over_below(saga.initiator);
        let floor = if u.ratio(1, 8)? { SagaId(pick::near(u, saga.saga.0)?) } else { floor };
        Ok(match u.int_in_range(0..=7)? {
            0 => Message::Over { initiator: saga.initiator, floor: SagaId(pick::near(u, saga.saga.0)?) },
            1..=3 => {
                let plan = self.definition(machine, saga);
                Message::Ack { saga, facts: Self::any_facts(known, plan, u)? }
            }
            _ => {
                let plan = match self.definition(machine, saga) {
                    Some(plan) if !u.ratio(1, 16)? => plan,
                    _ => u.choose(&self.config.definitions)?,
                };
                let facts = Self::any_facts(known, Some(plan), u)?;
                let input = match standing {
                    Some(standing) if !u.ratio(1, 16)? => standing.input.clone(),
                    _ => pick::payload(u)?,
                };
                let (definition, version) = (plan.id(), plan.version());
                let shape = if u.ratio(1, 32)? { u.arbitrary()? } else { plan.shape() };
                Message::Event { saga, floor, definition, version, shape, input, facts }
            }
        })
    }

    fn any_answer(machine: &Participant, u: &mut Unstructured<'_>) -> Drawn<Answer> {
        let name = Self::any_name(machine, u)?;
        let step = StepId(u.int_in_range(0..=STEPS)?);
        let tries = machine.sagas().find(|(known, _)| *known == name);
        let tries = tries.and_then(|(_, standing)| standing.tries.get(usize::from(step.0)).copied());
        let action = match machine.flight(name, step) {
            Flight::Called(action) if !u.ratio(1, 8)? => action,
            _ => u.arbitrary()?,
        };
        let attempt = tries.unwrap_or(u.int_in_range(0..=2)?);
        Ok(Answer { key: name.key(step), attempt, action, outcome: any_outcome(u, 1)? })
    }

    fn any_request(&self, machine: &Participant, u: &mut Unstructured<'_>) -> Drawn<Request<Bytes>> {
        let (id, name) = (pick::request(u)?, Self::any_name(machine, u)?);
        let saga = name.saga;
        Ok(match u.int_in_range(0..=7)? {
            0..=2 => {
                let names: Vec<(DefinitionId, Version)> =
                    self.config.definitions.iter().map(|plan| (plan.id(), plan.version())).collect();
                let (definition, version) = pick::known(u, &names)?;
                Request::Begin { id, saga, definition, version, input: pick::payload(u)? }
            }
            3 => Request::Cancel { id, saga },
            4 | 5 => {
                let step = StepId(u.int_in_range(0..=STEPS)?);
                Request::Resolve { id, saga: name, step, resolution: u.arbitrary()? }
            }
            _ => Request::Forget { id, saga },
        })
    }
}

impl Subject for OneParticipant {
    type Machine = Participant;
    type Ticket = RequestId;

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        let plans: Vec<_> = (1..=u.int_in_range(1..=2)?).map(|_| arbitrary_plan(u)).collect::<Drawn<_>>()?;
        let shift = u.int_in_range(0..=2)?;
        let plans = plans.into_iter().map(|plan| {
            plan.each(|(at, step)| step.service = (step.service + at as u64 * shift) % (NODES - 1))
        });
        let definitions: Vec<_> =
            plans.enumerate().filter_map(|(place, plan)| plan.define(place, 1).ok()).collect();
        let me = NodeId(u.int_in_range(0..=NODES - 1)?);
        let mut config = Config::new(ClusterId(1), me, (0..NODES).map(NodeId), definitions);
        pick::limits(u, [&mut config.max_sagas, &mut config.max_input_bytes])?;
        if config.max_sagas < 16 {
            config.max_log_entries = config.max_sagas as u64 * 2 * NODES + u.int_in_range(0..=4)?;
        }
        Ok(Self { config: Arc::new(config) })
    }

    fn me(&self) -> NodeId {
        self.config.me
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(self, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Participant, Corrupt> {
        Participant::recover(Arc::clone(&self.config), disk, applied)
    }

    fn agrees(&self, machine: &Participant, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(
        &self,
        machine: &Participant,
        u: &mut Unstructured<'_>,
    ) -> Drawn<InputOf<Participant>> {
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 => {
                let (saga, step) = (Self::any_name(machine, u)?, StepId(u.int_in_range(0..=STEPS)?));
                Input::Timer(Timer::Step { saga, step })
            }
            3 => Input::Timer(Timer::Publish { saga: Self::any_name(machine, u)? }),
            4 => Input::Timer(Timer::Deadline { saga: Self::any_name(machine, u)? }),
            5..=7 => Input::Request(self.any_request(machine, u)?),
            8..=10 => Input::Request(Request::Answer(Self::any_answer(machine, u)?)),
            _ => {
                let from = pick::known(u, &self.config.nodes)?;
                Input::Message { from, message: self.any_message(machine, u)? }
            }
        })
    }

    fn asks(&self, request: &Request<Bytes>) -> Option<RequestId> {
        match request {
            Request::Begin { id, .. }
            | Request::Cancel { id, .. }
            | Request::Resolve { id, .. }
            | Request::Forget { id, .. } => Some(*id),
            _ => None,
        }
    }

    fn answers(&self, notice: &Notice<Bytes>) -> Option<RequestId> {
        match notice {
            Notice::Accepted { id } | Notice::Refused { id, .. } => Some(*id),
            _ => None,
        }
    }

    fn check(&self, machine: &Participant) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn kind(&self, notice: &Notice<Bytes>) -> &'static str {
        match notice {
            Notice::Accepted { .. } => "accepted",
            Notice::Refused { .. } => "refused",
            Notice::Call(_) => "call",
            Notice::TurnedBack { .. } => "turned back",
            Notice::Stuck { .. } => "stuck",
            Notice::Ended { .. } => "ended",
            Notice::Over { .. } => "over",
            Notice::Shelved { .. } => "shelved",
            Notice::Rejected { .. } => "rejected",
            _ => "other",
        }
    }

    fn role(&self, machine: &Participant) -> &'static str {
        let back = machine.sagas().any(|(_, standing)| standing.facts.is_back());
        let ended = machine.sagas().any(|(name, _)| machine.end(name).is_some());
        match (machine.sagas().len(), back, ended) {
            (0, ..) => "idle",
            (_, _, true) => "ended",
            (_, true, _) => "going back",
            _ => "going forward",
        }
    }
}
