//! Sagas in long runs: any graph, many sagas at once, services that fail for a while, and a saga that shows in the end
//! whether all is well again.

use std::time::Duration;

use quorate::either::{Either, Notice};
use quorate::id::NodeId;
use quorate::saga::{self, Kind, Request, SagaId, Service, Stage, Timer, service};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

use super::application::{About, Asked, begin, name, words};
use super::{Input, Menu, ORCHESTRATOR, Plan, PlanStep, SagaSpec};
use crate::plan::{DEADLINE, TIMEOUT};
use crate::simulate::{Atlas, Dice, Seeds, Simulated, Simulation};
use crate::world::World;

/// Sagas under faults: properties look at each of them, so these bound the time of an event.
const SAGAS: u64 = 40;
/// The first saga that shows whether all is well.
const PROBES: u64 = 1 << 16;
/// Requests under faults.
const REQUESTS: u64 = 4000;

/// Sagas in long runs.
#[must_use]
pub fn simulation() -> Box<dyn Simulation> {
    Box::new(Seeds::<SagaSpec>::of("saga"))
}

/// What a world is made from again.
#[derive(Serialize, Deserialize)]
struct Parameters {
    plans: Vec<Plan>,
    max_sagas: usize,
    max_log_entries: u64,
    max_keys: usize,
}

impl Parameters {
    fn spec(self) -> SagaSpec {
        let Self { plans, max_sagas, max_log_entries, max_keys } = self;
        SagaSpec::new(plans)
            .configured(|config| (config.max_sagas, config.max_log_entries) = (max_sagas, max_log_entries))
            .guarded(|config| {
                (config.max_keys, config.max_log_entries) = (max_keys, max_keys as u64 * 3);
            })
            .asked(Menu { sagas: SAGAS, refusals: true, failures: true, ..Menu::default() })
    }
}

/// A graph of up to seven steps: some before the pivot, some after it, each after some of those before it.
fn some_plan(dice: &mut Dice, services: u64) -> Plan {
    let (before, pivot, after) = (dice.between(1, 4), dice.per_mille(800), dice.between(0, 2));
    let after = if pivot { after } else { 0 };
    let steps = before + u64::from(pivot) + after;
    let step = |at: u64| {
        let kind = match at {
            at if at < before => Kind::Compensatable,
            at if at == before => Kind::Pivot,
            _ => Kind::Retriable,
        };
        let least = if at > before { before } else { 0 };
        let must = if at == before { 1000 } else { 400 };
        let mut after: Vec<u64> = (least..at).filter(|_| dice.per_mille(must)).collect();
        if at > before && after.is_empty() {
            after.push(before);
        }
        PlanStep {
            kind,
            after: after.into_iter().filter_map(|on| u8::try_from(on).ok()).collect(),
            service: dice.between(1, services),
            probed: dice.per_mille(500),
            attempts: (
                u16::try_from(dice.between(1, 4)).unwrap_or(1),
                u16::try_from(dice.between(1, 6)).unwrap_or(1),
            ),
        }
    };
    Plan { steps: (0..steps).map(step).collect(), hurried: dice.per_mille(400) }
}

impl Simulated for SagaSpec {
    fn sampled(dice: &mut Dice) -> Self {
        let services = dice.between(1, 3);
        let plans = (0..dice.between(1, 3)).map(|_| some_plan(dice, services)).collect();
        let max_sagas = dice.pick(&[1_usize, 3, 8, 1024]).copied().unwrap_or(1);
        let slack = dice.pick(&[2_u64, 4, 64]).copied().unwrap_or(2);
        // One saga that lasts keeps the keys of all that come after it.
        let max_keys = dice.pick(&[512_usize, 1 << 16]).copied().unwrap_or(512);
        Parameters { plans, max_sagas, max_log_entries: max_sagas as u64 * slack, max_keys }.spec()
    }

    fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        if self.plans().len() > 1 {
            let of = |plan: &Plan| Parameters { plans: vec![plan.clone()], ..self.parameters_of() }.spec();
            simpler.extend(self.plans().iter().map(of));
        }
        simpler
    }

    fn parameters(&self) -> serde_json::Value {
        serde_json::to_value(self.parameters_of()).unwrap_or_default()
    }

    fn with_parameters(parameters: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value::<Parameters>(parameters).map(Parameters::spec)
    }

    fn pace(&self) -> Duration {
        TIMEOUT
    }

    /// Anybody may be down or cut off: what that takes is time. Nobody reads a clock.
    fn atlas(&self) -> Atlas {
        let all = crate::spec::Spec::nodes(self);
        Atlas { down_max: all, paused_max: all, network: true, clock_back: true }
    }

    /// The orchestrator, anew with each saga that it runs.
    fn prominent(&self, world: &World<Self>) -> Option<(NodeId, u64)> {
        let machine = world.machines().next()?.left()?;
        let running = machine.sagas().find(|(saga, _)| machine.end(*saga).is_none());
        running.map(|(saga, _)| (ORCHESTRATOR, saga.0))
    }

    fn requests_max(&self) -> u64 {
        REQUESTS
    }

    /// Mostly what a service is at work on; else a saga, a cancellation, an operator's word, or one is forgotten.
    fn request(&self, world: &World<Self>, serial: u64, dice: &mut Dice) -> Option<(NodeId, Asked)> {
        if dice.per_mille(800)
            && let Some(word) = self.worked(world, dice)
        {
            return Some(word);
        }
        let machine = world.machines().next()?.left()?;
        let request = match dice.below(10) {
            0 => {
                let kept: Vec<SagaId> = machine.sagas().map(|(saga, _)| saga).collect();
                let saga = dice.pick(&kept).copied()?;
                Request::Cancel { id: name(serial, saga, About::Cancel), saga }
            }
            1..=3 => self.forgotten(machine, serial, dice)?,
            4..=5 => self.resolved(world, machine, serial, dice)?,
            _ => {
                let last = world.history().sagas.iter().map(|past| past.saga.0).filter(|saga| *saga < PROBES);
                let next = last.max().unwrap_or(0) + 1;
                (next <= SAGAS).then(|| begin(self, serial, SagaId(next)))??
            }
        };
        Some((ORCHESTRATOR, Either::Left(request)))
    }

    /// An application says nothing of a key that it is not asked about, and nothing that it was not asked to do.
    fn stands(&self, world: &World<Self>, node: NodeId, request: &Asked) -> bool {
        let Either::Right(request) = request else { return true };
        let Some(service) = world.node(node).and_then(|node| node.machine.right()) else { return true };
        let (of, undoing) = match *request {
            service::Request::Done { key } | service::Request::Refused { key } => (key, Some(false)),
            service::Request::Undone { key } => (key, Some(true)),
            service::Request::Failed { key } => (key, None),
            _ => return true,
        };
        let fits = |stage| undoing.is_none_or(|undoing| undoing == (stage == Stage::Undoing));
        let again = matches!(request, service::Request::Refused { .. }) && is_sworn(world, service, of);
        again
            || service
                .keys()
                .any(|(key, stage)| key == of && fits(stage) && is_asked(world, service, key, stage))
    }

    fn asked(&self, request: &Asked) -> Option<u64> {
        request.left()?.id().map(|id| id.0)
    }

    fn answered(&self, notice: &Notice<saga::Notice<Input>, service::Notice<Input>>) -> Option<u64> {
        match notice {
            Notice::Left(saga::Notice::Accepted { id } | saga::Notice::Refused { id, .. }) => Some(id.0),
            _ => None,
        }
    }

    fn delay(&self, timer: Either<Timer, quorate::machine::Never>) -> Delay {
        let (step, deadline) = (TIMEOUT, DEADLINE);
        Delay::exactly(if matches!(timer, Either::Left(Timer::Deadline { .. })) { deadline } else { step })
    }

    /// Services do what they are asked, operators have what is stuck tried again, what has ended is forgotten, and a
    /// new saga runs.
    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, Asked)> {
        for (id, machine) in world.ids().zip(world.machines()) {
            if let Some(service) = machine.right()
                && let Some(request) = obeyed(world, service)
            {
                return Some((id, Either::Right(request)));
            }
        }
        let machine = world.machines().next()?.left()?;
        let stuck = machine.sagas().find_map(|(saga, standing)| Some((saga, standing.stuck.iter().next()?)));
        if let Some((saga, step)) = stuck {
            let id = name(serial, saga, About::Resolve);
            let resolution = saga::Resolution::Retry;
            return Some((ORCHESTRATOR, Either::Left(Request::Resolve { id, saga, step, resolution })));
        }
        if let Some((saga, _)) = machine.sagas().find(|(saga, _)| machine.end(*saga).is_some()) {
            let id = name(serial, saga, About::Forget);
            return Some((ORCHESTRATOR, Either::Left(Request::Forget { id, saga })));
        }
        let begun = world.history().sagas.iter().any(|past| past.saga.0 >= PROBES);
        let request = begin(self, serial, SagaId(PROBES)).filter(|_| !begun)?;
        Some((ORCHESTRATOR, Either::Left(request)))
    }

    /// Every saga has ended and is forgotten, the one that shows it too.
    fn settled(&self, world: &World<Self>) -> bool {
        let history = world.history();
        let probed = history.past(SagaId(PROBES)).is_some_and(|past| past.forgotten);
        probed && history.sagas.iter().all(|past| past.completed.is_some() && past.forgotten)
    }

    fn heals_within(&self) -> Duration {
        TIMEOUT * 600
    }
}

/// What a service that is well says of what it is at work on.
fn obeyed(world: &World<SagaSpec>, service: &Service<Input>) -> Option<service::Request> {
    if let Some((key, _)) = service.keys().find(|(key, _)| is_sworn(world, service, *key)) {
        return Some(service::Request::Refused { key });
    }
    let (key, stage) = service.keys().find(|(key, stage)| is_asked(world, service, *key, *stage))?;
    Some(match stage {
        Stage::Undoing => service::Request::Undone { key },
        _ => service::Request::Done { key },
    })
}

/// Whether the application of a service is asked to do what it has said it never will, which a crash of the service took
/// back: then it says so again.
fn is_sworn(world: &World<SagaSpec>, service: &Service<Input>, key: saga::Key) -> bool {
    let sworn = world.history().past(key.saga).is_some_and(|past| past.sworn.contains(key.step));
    let is_doing = service.keys().any(|(of, stage)| (of, stage) == (key, Stage::Doing));
    sworn && is_doing && service.is_at_work(key)
}

/// Whether the application of a service is at work on a key, and was told so.
fn is_asked(world: &World<SagaSpec>, service: &Service<Input>, key: saga::Key, stage: Stage) -> bool {
    let asked = world.history().past(key.saga).is_some_and(|past| past.is_asked(key.step, stage));
    asked && service.is_at_work(key)
}

impl SagaSpec {
    fn parameters_of(&self) -> Parameters {
        Parameters {
            plans: self.plans().to_vec(),
            max_sagas: self.config().map_or(1, |config| config.max_sagas),
            max_log_entries: self.config().map_or(2, |config| config.max_log_entries),
            max_keys: self.guard().map_or(1, |config| config.max_keys),
        }
    }

    /// A service that is at work says what became of something.
    fn worked(&self, world: &World<Self>, dice: &mut Dice) -> Option<(NodeId, Asked)> {
        let mut at_work = Vec::new();
        for (id, machine) in world.ids().zip(world.machines()) {
            let Some(service) = machine.right() else { continue };
            let keys = service.keys().filter(|(key, stage)| is_asked(world, service, *key, *stage));
            at_work.extend(keys.map(|(key, stage)| (id, key, stage)));
        }
        let (id, key, stage) = dice.pick(&at_work).copied()?;
        let step = self.definition(key.saga).and_then(|plan| plan.step(key.step));
        let may_refuse = step.is_some_and(|step| step.kind != Kind::Retriable);
        let request = match dice.below(10) {
            0 => service::Request::Failed { key },
            1 if stage == Stage::Doing && may_refuse => service::Request::Refused { key },
            _ if stage == Stage::Undoing => service::Request::Undone { key },
            _ => service::Request::Done { key },
        };
        Some((id, Either::Right(request)))
    }

    fn forgotten(
        &self,
        machine: &saga::Orchestrator<Input>,
        serial: u64,
        dice: &mut Dice,
    ) -> Option<Request<Input>> {
        let ended = machine.sagas().map(|(saga, _)| saga).filter(|saga| machine.end(*saga).is_some());
        let ended: Vec<SagaId> = ended.collect();
        // Those below would be lost names, were a later one forgotten first: each is begun once.
        let saga = dice.pick(&ended).copied()?;
        Some(Request::Forget { id: name(serial, saga, About::Forget), saga })
    }

    fn resolved(
        &self,
        world: &World<Self>,
        machine: &saga::Orchestrator<Input>,
        serial: u64,
        dice: &mut Dice,
    ) -> Option<Request<Input>> {
        let told = |saga, standing: &saga::Standing<Input>| {
            let past = world.history().past(saga).filter(|past| past.back == standing.cause.is_some());
            past.map_or(saga::StepSet::EMPTY, |past| past.stuck.common(standing.stuck))
        };
        let stuck = machine
            .sagas()
            .flat_map(|(saga, standing)| told(saga, standing).iter().map(move |step| (saga, step, standing)));
        let stuck: Vec<_> = stuck.collect();
        let (saga, step, standing) = *dice.pick(&stuck)?;
        let (past, plan) = (world.history().past(saga)?, self.definition(saga)?);
        let words: Vec<_> = words(past, plan, standing, step).collect();
        let (id, resolution) = (name(serial, saga, About::Resolve), *dice.pick(&words)?);
        Some(Request::Resolve { id, saga, step, resolution })
    }
}
