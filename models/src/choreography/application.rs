//! What applications do: whoever begins, cancels and forgets sagas, the steps' own, and operators.

use quorate::id::{NodeId, RequestId};
use quorate::ledger::{Held, Output};
use quorate::saga::choreography::{Answer, Name, Notice, Participant, Request};
use quorate::saga::{Action, Definition, Flight, Key, Kind, Outcome, Resolution, SagaId, StepId, StepSet};

use super::history::{History, Past};
use super::spec::ChoreographySpec;
use super::steps_of;
use crate::node::Node;
use crate::world::World;

/// What may be asked in a world, beyond that sagas begin and that applications do as they are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written out by worlds, with a default for the rest")]
pub struct Menu {
    /// How many sagas each initiator begins.
    pub sagas: u64,
    /// How many participants begin any: the first ones.
    pub initiators: u64,
    /// Whether steps up to the pivot are refused.
    pub refusals: bool,
    /// Whether applications say that it did not work this time; a timeout says as much.
    pub failures: bool,
    /// Whether applications outlive the crashes of their participant, and repeat what they said.
    pub late: bool,
    /// Whether an attempt may take too long.
    pub timeouts: bool,
    /// Whether sagas are cancelled.
    pub cancels: bool,
    /// How often operators see to stuck steps; `u64::MAX` is any number of times.
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

/// The name of a request: its number in a simulation, the saga's own, and what it is about.
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

/// The name of a request that is answered.
pub(super) const fn id_of(request: &Request<()>) -> Option<RequestId> {
    match request {
        Request::Begin { id, .. }
        | Request::Cancel { id, .. }
        | Request::Resolve { id, .. }
        | Request::Forget { id, .. } => Some(*id),
        _ => None,
    }
}

/// Begins a saga.
pub(super) fn begin(spec: &ChoreographySpec, serial: u64, saga: SagaId) -> Option<Request<()>> {
    let plan = spec.definition(saga)?;
    let (version, definition) = (plan.version(), plan.id());
    Some(Request::Begin { id: name(serial, saga, About::Begin), saga, definition, version, input: () })
}

/// What may be asked of a node next.
pub(super) fn requests(
    spec: &ChoreographySpec,
    world: &World<ChoreographySpec>,
    id: NodeId,
    requests: &mut Vec<Request<()>>,
) {
    let Some(node) = world.node(id) else { return };
    let mut asked = Vec::new();
    initiates(spec, id, &node.machine, &mut asked);
    operates(spec, world.history(), id, &node.machine, &mut asked);
    requests.extend(asked.into_iter().filter(|request| !is_being_answered(node, request)));
    for past in &world.history().sagas {
        let Some(plan) = spec.definition(past.saga.saga) else { continue };
        for step in steps_of(plan, id).iter() {
            let key = past.saga.key(step);
            requests.extend(answers(spec.menu(), past, plan, &node.machine, key).map(Request::Answer));
        }
    }
}

/// Whether a node has answered a request, and does not say so yet: then it is not made again.
fn is_being_answered(node: &Node<ChoreographySpec>, request: &Request<()>) -> bool {
    let of = id_of(request);
    node.ledger.held().any(|held| match held {
        Held::Output(Output::Notify(Notice::Accepted { id } | Notice::Refused { id, .. })) => of == Some(*id),
        _ => false,
    })
}

/// What an initiator may ask.
fn initiates(
    spec: &ChoreographySpec,
    me: NodeId,
    machine: &Participant<()>,
    requests: &mut Vec<Request<()>>,
) {
    let menu = spec.menu();
    if me.0 >= menu.initiators {
        return;
    }
    let next = next_saga(machine, me);
    if next.0 <= menu.sagas {
        requests.extend(begin(spec, 0, next));
    }
    for (kept, standing) in machine.sagas().filter(|(kept, _)| kept.initiator == me) {
        let saga = kept.saga;
        let facts = &standing.facts;
        if menu.cancels && facts.wish.is_none() && !facts.is_back() {
            requests.push(Request::Cancel { id: name(0, saga, About::Cancel), saga });
        }
        if menu.forgets && !standing.noted && machine.end(kept).is_some() {
            requests.push(Request::Forget { id: name(0, saga, About::Forget), saga });
        }
    }
}

/// The next name that an initiator may give.
pub(super) fn next_saga(machine: &Participant<()>, me: NodeId) -> SagaId {
    let kept = machine.sagas().filter(|(kept, _)| kept.initiator == me).map(|(kept, _)| kept.saga.0 + 1);
    SagaId(kept.max().unwrap_or(1).max(machine.over_below(me).0))
}

/// What operators may say of what they were told to be stuck here.
fn operates(
    spec: &ChoreographySpec,
    history: &History,
    me: NodeId,
    machine: &Participant<()>,
    requests: &mut Vec<Request<()>>,
) {
    if history.resolved >= spec.menu().resolutions {
        return;
    }
    for (saga, step) in stuck(history, machine) {
        let Some((past, plan)) = history.past(saga).zip(spec.definition(saga.saga)) else { continue };
        let id = name(me.0, saga.saga, About::Resolve);
        let words = words(past, plan, is_back(machine, saga), step);
        requests.extend(words.map(|resolution| Request::Resolve { id, saga, step, resolution }));
    }
}

pub(super) fn is_back(machine: &Participant<()>, saga: Name) -> bool {
    machine.sagas().any(|(name, standing)| name == saga && standing.facts.is_back())
}

/// The steps that are stuck at a participant, and of which its operator was told so.
pub(super) fn stuck(history: &History, machine: &Participant<()>) -> Vec<(Name, StepId)> {
    let of = |(saga, standing): (Name, &quorate::saga::choreography::Standing<()>)| {
        let told = history.past(saga).map_or(StepSet::EMPTY, |past| past.stuck(standing.facts.is_back()));
        standing.stuck.common(told).iter().map(move |step| (saga, step)).collect::<Vec<_>>()
    };
    machine.sagas().flat_map(of).collect()
}

/// What a truthful operator may say of a stuck step. Settled by hand is settled for good.
pub(super) fn words(
    past: &Past,
    plan: &Definition,
    back: bool,
    step: StepId,
) -> impl Iterator<Item = Resolution> + use<> {
    let never = past.never.contains(step);
    let refused = !back && plan.pivot() == Some(step) && !past.done.contains(step);
    [(true, Resolution::Retry), (back || !never, Resolution::Happened), (refused, Resolution::Never)]
        .into_iter()
        .filter_map(|(may, resolution)| may.then_some(resolution))
}

/// What the application may answer for a key.
pub(super) fn answers(
    menu: &Menu,
    past: &Past,
    plan: &Definition,
    machine: &Participant<()>,
    key: Key,
) -> impl Iterator<Item = Answer> + use<> {
    let step = key.step;
    let kind = plan.step(step).map(|step| step.kind);
    let (done, never) = (past.done.contains(step), past.never.contains(step));
    let standing = machine.sagas().find(|(name, _)| *name == past.saga).map(|(_, standing)| standing);
    let of_now = standing.and_then(|standing| standing.tries.get(usize::from(step.0))).copied().unwrap_or(0);
    let flight = machine.flight(past.saga, step);
    let mut answers = Vec::new();
    let mut answer = |action, outcome, attempt| answers.push(Answer { key, attempt, action, outcome });
    let may_refuse = never || menu.refusals && !done && kind != Some(Kind::Retriable);
    if past.is_called(Action::Do, step) {
        // What was said before it was undone may be late.
        if !never || menu.late && done {
            answer(Action::Do, Outcome::Done, 0);
        }
        if may_refuse {
            answer(Action::Do, Outcome::Refused, 0);
        }
    }
    if past.is_called(Action::Probe, step) {
        match (done, never) {
            (_, true) => answer(Action::Probe, Outcome::Refused, 0),
            (true, false) => answer(Action::Probe, Outcome::Done, 0),
            (false, false) => {}
        }
        if menu.late || !done && !never {
            answer(Action::Probe, Outcome::Unseen, of_now);
        }
    }
    if past.is_called(Action::Undo, step) {
        answer(Action::Undo, Outcome::Undone, 0);
    }
    if menu.failures
        && let Flight::Called(action) = flight
        && past.is_called(action, step)
    {
        answer(action, if action == Action::Undo { Outcome::Refused } else { Outcome::Later }, of_now);
    }
    answers.into_iter()
}
