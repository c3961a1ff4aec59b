//! One orchestrator among services that may say anything.

use std::sync::Arc;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::durable::{Corrupt, Recover};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::{Input, InputOf};
use quorate::saga::{
    Answer, Config, DefinitionId, Epoch, Flight, Key, Message, Notice, Request, SagaId, StepId, Timer,
    Version,
};

use super::{Bytes, Orchestrator, any_outcome, arbitrary_plan};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{Subject, pick};
use crate::saga::ORCHESTRATOR;

/// Steps of the longest saga, and one more.
const STEPS: u8 = 4;

/// An orchestrator of a few definitions with limits that are soon reached.
#[derive(Clone, Debug)]
pub struct OneOrchestrator {
    config: Arc<Config>,
    /// What a former life could run: perhaps something else.
    before: Arc<Config>,
}

impl OneOrchestrator {
    fn arbitrary_config(u: &mut Unstructured<'_>) -> Drawn<Config> {
        let plans: Vec<_> = (1..=u.int_in_range(1..=3)?).map(|_| arbitrary_plan(u)).collect::<Drawn<_>>()?;
        let definitions = plans.iter().enumerate().filter_map(|(place, plan)| plan.define(place, 1).ok());
        let mut config = Config::new(ClusterId(1), ORCHESTRATOR, definitions);
        config.epoch_min = Epoch(u.int_in_range(1..=2)?);
        pick::limits(u, [&mut config.max_sagas, &mut config.max_input_bytes])?;
        if config.max_sagas < 16 {
            config.max_log_entries = config.max_sagas as u64 * 2 + u.int_in_range(0..=4)?;
        }
        Ok(config)
    }

    /// A saga that is kept, mostly.
    fn any_saga(machine: &Orchestrator, u: &mut Unstructured<'_>) -> Drawn<SagaId> {
        let known: Vec<SagaId> = machine.sagas().map(|(saga, _)| saga).collect();
        match u.int_in_range(0..=7)? {
            0 => Ok(SagaId(pick::near(u, known.last().map_or(1, |saga| saga.0))?)),
            1 | 2 => Ok(SagaId(u.int_in_range(1..=9)?)),
            _ => pick::known(u, &known),
        }
    }

    /// An answer, mostly to what is under way, and who gives it.
    fn any_answer(&self, machine: &Orchestrator, u: &mut Unstructured<'_>) -> Drawn<(NodeId, Answer)> {
        let saga = Self::any_saga(machine, u)?;
        let step = StepId(u.int_in_range(0..=STEPS)?);
        let standing = machine.sagas().find(|(id, _)| *id == saga).map(|(_, standing)| standing);
        let plan = standing.and_then(|standing| {
            let name = (standing.definition, standing.version);
            self.config.definitions.iter().find(|plan| (plan.id(), plan.version()) == name)
        });
        let (blind, epoch) = (u.ratio(1, 8)?, machine.epoch().0);
        let action = match machine.flight(saga, step) {
            Flight::Called(action) if !blind => action,
            _ => u.arbitrary()?,
        };
        let attempt = standing.and_then(|standing| standing.tries.get(usize::from(step.0)).copied());
        let answer = Answer {
            key: Key { owner: if blind { u.arbitrary()? } else { ORCHESTRATOR }, saga, step },
            epoch: Epoch(if blind { pick::near(u, epoch)? } else { epoch }),
            attempt: attempt.filter(|_| !blind).unwrap_or(u.int_in_range(0..=2)?),
            action,
            outcome: any_outcome(u, epoch)?,
        };
        let service = plan.and_then(|plan| plan.step(step)).map(|step| step.service);
        let from = service.filter(|_| !blind).map_or_else(|| Ok(NodeId(u.int_in_range(0..=3)?)), Ok)?;
        Ok((from, answer))
    }

    fn any_request(&self, machine: &Orchestrator, u: &mut Unstructured<'_>) -> Drawn<Request<Bytes>> {
        let (id, saga) = (pick::request(u)?, Self::any_saga(machine, u)?);
        Ok(match u.int_in_range(0..=7)? {
            0..=3 => {
                let names: Vec<(DefinitionId, Version)> =
                    self.config.definitions.iter().map(|plan| (plan.id(), plan.version())).collect();
                let (definition, version) = pick::known(u, &names)?;
                Request::Begin { id, saga, definition, version, input: pick::payload(u)? }
            }
            4 => Request::Cancel { id, saga },
            5 | 6 => {
                let step = StepId(u.int_in_range(0..=STEPS)?);
                Request::Resolve { id, saga, step, resolution: u.arbitrary()? }
            }
            _ => Request::Forget { id, saga },
        })
    }
}

impl Subject for OneOrchestrator {
    type Machine = Orchestrator;
    type Ticket = RequestId;

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        let config = Self::arbitrary_config(u)?;
        let mut before = config.clone();
        if u.ratio(1, 4)? {
            before.definitions = Self::arbitrary_config(u)?.definitions;
        }
        Ok(Self { config: Arc::new(config), before: Arc::new(before) })
    }

    fn me(&self) -> NodeId {
        ORCHESTRATOR
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(&Self { config: Arc::clone(&self.before), before: Arc::clone(&self.before) }, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Orchestrator, Corrupt> {
        Orchestrator::recover(Arc::clone(&self.config), disk, applied)
    }

    fn agrees(&self, machine: &Orchestrator, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(
        &self,
        machine: &Orchestrator,
        u: &mut Unstructured<'_>,
    ) -> Drawn<InputOf<Orchestrator>> {
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 | 3 => {
                let (saga, step) = (Self::any_saga(machine, u)?, StepId(u.int_in_range(0..=STEPS)?));
                Input::Timer(Timer::Step { saga, step })
            }
            4 => Input::Timer(Timer::Deadline { saga: Self::any_saga(machine, u)? }),
            5..=8 => Input::Request(self.any_request(machine, u)?),
            _ => match self.any_answer(machine, u)? {
                (ORCHESTRATOR, answer) => Input::Request(Request::Answer(answer)),
                (from, answer) => Input::Message { from, message: Message::Answer(answer) },
            },
        })
    }

    fn asks(&self, request: &Request<Bytes>) -> Option<RequestId> {
        request.id()
    }

    fn answers(&self, notice: &Notice<Bytes>) -> Option<RequestId> {
        match notice {
            Notice::Accepted { id } | Notice::Refused { id, .. } => Some(*id),
            _ => None,
        }
    }

    fn check(&self, machine: &Orchestrator) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Orchestrator) -> Result<(), String> {
        match machine.sagas().len() {
            many if many > self.config.max_sagas => {
                Err(format!("{many} sagas, of {}", self.config.max_sagas))
            }
            _ => Ok(()),
        }
    }

    fn kind(&self, notice: &Notice<Bytes>) -> &'static str {
        match notice {
            Notice::Accepted { .. } => "accepted",
            Notice::Refused { .. } => "refused",
            Notice::Call(_) => "call",
            Notice::TurnedBack { .. } => "turned back",
            Notice::Stuck { .. } => "stuck",
            Notice::Ended { .. } => "ended",
            Notice::Shelved { .. } => "shelved",
            Notice::Superseded { .. } => "superseded",
            Notice::Rejected { .. } => "rejected",
            _ => "other",
        }
    }

    fn role(&self, machine: &Orchestrator) -> &'static str {
        let back = machine.sagas().any(|(_, standing)| standing.cause.is_some());
        match machine.superseded() {
            Some(_) => "superseded",
            None if back => "going back",
            None if machine.sagas().len() > 0 => "going forward",
            None => "idle",
        }
    }
}
