//! What applications do: whoever begins, cancels and forgets sagas, the operator, and the services' own.

use quorate::either::{Either, Notice};
use quorate::id::{NodeId, RequestId};
use quorate::ledger::{Held, Output};
use quorate::saga::{
    self, Action, Answer, Definition, Flight, Key, Kind, Orchestrator, Outcome, Request, Resolution, SagaId,
    Service, Stage, Standing, StepId, service,
};

use super::ORCHESTRATOR;
use super::history::Past;
use super::{History, Input, SagaSpec};
use crate::world::World;

/// What may be asked in a world, beyond that sagas begin and that services do as they are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written out by worlds, with a default for the rest")]
pub struct Menu {
    /// How many sagas begin.
    pub sagas: u64,
    /// Whether services refuse.
    pub refusals: bool,
    /// Whether services refuse even what comes after the pivot.
    pub bad_refusals: bool,
    /// Whether services say that it did not work this time; a timeout says as much.
    pub failures: bool,
    /// Whether services answer what they were asked a while ago.
    pub stale: bool,
    /// Whether sagas are cancelled.
    pub cancels: bool,
    /// How often an operator sees to a stuck step; `u64::MAX` is any number of times.
    pub resolutions: u64,
    /// Whether sagas that have ended are forgotten.
    pub forgets: bool,
}

/// What a request is about: its name says so, that its answer can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Begin,
    Cancel,
    Resolve,
    Forget,
}

/// The name of a request: its number in a simulation, its saga, and what it is about.
pub(super) const fn name(serial: u64, saga: SagaId, about: About) -> RequestId {
    RequestId((serial << 24) | ((saga.0 & 0xf_ffff) << 4) | about as u64)
}

/// What a request is about, by its name.
pub(super) const fn about(id: RequestId) -> (SagaId, Option<About>) {
    let about = match id.0 & 0xf {
        0 => Some(About::Begin),
        1 => Some(About::Cancel),
        2 => Some(About::Resolve),
        3 => Some(About::Forget),
        _ => None,
    };
    (SagaId((id.0 >> 4) & 0xf_ffff), about)
}

/// Begins a saga.
pub(super) fn begin(spec: &SagaSpec, serial: u64, saga: SagaId) -> Option<Request<Input>> {
    let definition = spec.definition(saga)?;
    let (version, definition) = (definition.version(), definition.id());
    Some(Request::Begin { id: name(serial, saga, About::Begin), saga, definition, version, input: 7 })
}

/// What the applications of an orchestrator may ask next.
pub(super) fn of_orchestrator(
    spec: &SagaSpec,
    world: &World<SagaSpec>,
    machine: &Orchestrator<Input>,
    requests: &mut Vec<Request<Input>>,
) {
    let menu = spec.menu();
    let known = |saga| machine.sagas().find(|(id, _)| *id == saga).map(|(_, standing)| standing);
    let next =
        machine.sagas().map(|(id, _)| id.0).max().into_iter().chain(machine.forgotten().map(|id| id.0));
    let next = SagaId(next.max().unwrap_or(0) + 1);
    let same = |plan: &&Definition| {
        let shape = |of: &Definition| (of.id(), of.version(), of.shape());
        machine.config().definitions.iter().any(|of| shape(of) == shape(plan))
    };
    if next.0 <= menu.sagas && spec.definition(next).as_ref().is_some_and(same) {
        requests.extend(begin(spec, 0, next));
    }
    for saga in (1..=menu.sagas).map(SagaId) {
        let Some(standing) = known(saga) else { continue };
        if menu.cancels && standing.cause.is_none() {
            requests.push(Request::Cancel { id: name(0, saga, About::Cancel), saga });
        }
        if menu.forgets && machine.end(saga).is_some() {
            requests.push(Request::Forget { id: name(0, saga, About::Forget), saga });
        }
        let (Some(past), Some(plan)) = (world.history().past(saga), spec.definition(saga)) else { continue };
        let told = past.back == standing.cause.is_some();
        if told && world.history().resolved < menu.resolutions {
            for step in standing.stuck.common(past.stuck).iter() {
                requests.extend(words(past, plan, standing, step).map(|resolution| {
                    let id = name(0, saga, About::Resolve);
                    Request::Resolve { id, saga, step, resolution }
                }));
            }
        }
        answers(menu, machine, past, (plan, standing), requests);
    }
}

/// What a truthful operator may say of a stuck step.
pub(super) fn words(
    past: &Past,
    plan: &Definition,
    standing: &Standing<Input>,
    step: StepId,
) -> impl Iterator<Item = Resolution> + use<> {
    let local = plan.step(step).is_some_and(|step| step.service == ORCHESTRATOR);
    let (has, without) = (past.has.contains(step), past.without_effect().contains(step));
    let pivot = plan.pivot() == Some(step);
    let back = standing.cause.is_some();
    // On the orchestrator's own node the operator may settle it by hand, for good; elsewhere the service tells.
    let happened = if back { local || without } else { !without && (local || has) };
    let never = !back && pivot && !has && (local || without);
    [(true, Resolution::Retry), (happened, Resolution::Happened), (never, Resolution::Never)]
        .into_iter()
        .filter_map(|(may, resolution)| may.then_some(resolution))
}

/// What the services of the orchestrator's own node may answer.
fn answers(
    menu: &Menu,
    machine: &Orchestrator<Input>,
    past: &Past,
    (plan, standing): (&Definition, &Standing<Input>),
    requests: &mut Vec<Request<Input>>,
) {
    for step in plan.all().iter() {
        let [doing, probing, undoing] = past.called.map(|set| set.contains(step));
        let mut answer = |action, outcome, attempt| {
            let key = Key { owner: ORCHESTRATOR, saga: past.saga, step };
            let epoch = machine.epoch();
            requests.push(Request::Answer(Answer { key, epoch, attempt, action, outcome }));
        };
        let of_now = standing.tries.get(usize::from(step.0)).copied().unwrap_or(0);
        let flight = machine.flight(past.saga, step);
        let unsettled = !past.has.and(past.without_effect()).contains(step);
        for (action, called) in [(Action::Do, doing), (Action::Probe, probing)] {
            if !called {
                continue;
            }
            if !past.never.contains(step) && (menu.stale || standing.cause.is_none()) {
                answer(action, Outcome::Done, 0);
            }
            if may_refuse(menu, past, plan, step) {
                answer(action, Outcome::Refused, 0);
            }
        }
        if flight == Flight::Called(Action::Probe) && unsettled {
            answer(Action::Probe, Outcome::Unseen, of_now);
        }
        if undoing {
            answer(Action::Undo, Outcome::Undone, 0);
        }
        if menu.failures
            && let Flight::Called(action) = flight
        {
            let outcome = if action == Action::Undo { Outcome::Refused } else { Outcome::Later };
            answer(action, outcome, of_now);
            if menu.stale {
                answer(action, outcome, of_now.wrapping_add(1));
            }
        }
    }
}

/// Whether a service may say that a step has no effect and never will have one.
fn may_refuse(menu: &Menu, past: &Past, plan: &Definition, step: StepId) -> bool {
    if past.without_effect().contains(step) || past.taken_back.contains(step) {
        return true;
    }
    let allowed = match plan.step(step).map(|step| step.kind) {
        Some(Kind::Retriable) => menu.bad_refusals,
        _ => menu.refusals,
    };
    allowed && !past.has.contains(step)
}

/// What the application of a service may say next.
pub(super) fn of_service(
    spec: &SagaSpec,
    history: &History,
    machine: &Service<Input>,
    requests: &mut Vec<service::Request>,
) {
    let menu = spec.menu();
    for (key, stage) in machine.keys() {
        let asked = history.past(key.saga).is_some_and(|past| past.is_asked(key.step, stage));
        if !asked || !machine.is_at_work(key) {
            continue;
        }
        let kind = spec.definition(key.saga).and_then(|plan| plan.step(key.step)).map(|step| step.kind);
        match stage {
            Stage::Doing => {
                requests.push(service::Request::Done { key });
                if menu.bad_refusals || menu.refusals && kind != Some(Kind::Retriable) {
                    requests.push(service::Request::Refused { key });
                }
            }
            Stage::Undoing => requests.push(service::Request::Undone { key }),
            _ => continue,
        }
        if menu.failures {
            requests.push(service::Request::Failed { key });
        }
    }
}

/// A request of whichever node.
pub(super) type Asked = Either<Request<Input>, service::Request>;

/// What may be asked of a node next.
pub(super) fn requests(spec: &SagaSpec, world: &World<SagaSpec>, id: NodeId, requests: &mut Vec<Asked>) {
    let Some(node) = world.node(id) else { return };
    match &node.machine {
        Either::Left(machine) => {
            let mut of = Vec::new();
            of_orchestrator(spec, world, machine, &mut of);
            // One that was refused and does not know it yet does not ask again.
            let refused = |id| {
                node.ledger.held().any(|held| match held {
                    Held::Output(Output::Notify(Notice::Left(saga::Notice::Refused { id: of, .. }))) => {
                        id == Some(*of)
                    }
                    _ => false,
                })
            };
            requests.extend(of.into_iter().filter(|request| !refused(request.id())).map(Either::Left));
        }
        Either::Right(machine) => {
            let mut of = Vec::new();
            of_service(spec, world.history(), machine, &mut of);
            requests.extend(of.into_iter().map(Either::Right));
        }
    }
}
