//! Sagas by choreography in long runs: any graph over a few participants, many sagas at once of every initiator,
//! applications that fail for a while, and sagas that show in the end whether all is well again.

use std::time::Duration;

use quorate::id::NodeId;
use quorate::saga::choreography::{Name, Notice, Participant, Request, Timer};
use quorate::saga::{Action, Kind, Outcome, Resolution, SagaId};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

use super::application::{About, answers, begin, id_of, is_back, name, next_saga, stuck, words};
use super::history::{Past, bit};
use super::observe::parties;
use super::spec::Expect;
use super::{ChoreographySpec, History, Menu, Plan, PlanStep, steps_of};
use crate::plan::{DEADLINE, TIMEOUT};
use crate::simulate::{Atlas, Dice, Seeds, Simulated, Simulation};
use crate::world::World;

/// Sagas of each initiator under faults: properties look at each of them, so these bound the time of an event.
const SAGAS: u64 = 16;
/// The first saga of each initiator that shows whether all is well.
const PROBES: u64 = 1 << 16;
/// Requests under faults.
const REQUESTS: u64 = 4000;

/// Sagas by choreography in long runs.
#[must_use]
pub fn simulation() -> Box<dyn Simulation> {
    Box::new(Seeds::<ChoreographySpec>::of("choreography"))
}

/// What a world is made from again.
#[derive(Serialize, Deserialize)]
struct Parameters {
    nodes: u64,
    initiators: u64,
    plans: Vec<Plan>,
    max_sagas: usize,
    max_log_entries: u64,
    late: bool,
}

impl Parameters {
    fn spec(self) -> ChoreographySpec {
        let Self { nodes, initiators, plans, max_sagas, max_log_entries, late } = self;
        let menu = Menu {
            sagas: SAGAS,
            initiators,
            refusals: true,
            failures: true,
            late,
            timeouts: true,
            cancels: true,
            resolutions: u64::MAX,
            forgets: true,
        };
        ChoreographySpec::new(nodes, plans)
            .configured(|config| (config.max_sagas, config.max_log_entries) = (max_sagas, max_log_entries))
            .asked(menu)
            .expecting(&[
                Expect::Completed,
                Expect::Compensated,
                Expect::InTime,
                Expect::TooLate,
                Expect::Stuck,
                Expect::Over,
            ])
    }
}

/// A graph of up to seven steps: some before the pivot, some after it, each after some of those before it.
fn some_plan(dice: &mut Dice, nodes: u64) -> Plan {
    let (before, pivot, after) = (dice.between(1, 4), dice.per_mille(800), dice.between(0, 2));
    let after = if pivot { after } else { 0 };
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
            service: dice.below(nodes),
            kind,
            after: after.into_iter().filter_map(|on| u8::try_from(on).ok()).collect(),
            probed: dice.per_mille(500),
            attempts: (
                u16::try_from(dice.between(1, 4)).unwrap_or(1),
                u16::try_from(dice.between(1, 6)).unwrap_or(1),
            ),
        }
    };
    let steps = (0..before + u64::from(pivot) + after).map(step).collect();
    Plan { steps, hurried: dice.per_mille(400) }
}

impl Simulated for ChoreographySpec {
    fn sampled(dice: &mut Dice) -> Self {
        let nodes = dice.between(2, 4);
        let initiators = dice.between(1, nodes);
        let plans = (0..dice.between(1, 3)).map(|_| some_plan(dice, nodes)).collect();
        let max_sagas = dice.pick(&[1_usize, 3, 8]).copied().unwrap_or(1);
        let slack = dice.pick(&[2_u64, 4, 32]).copied().unwrap_or(2);
        let max_log_entries = max_sagas as u64 * nodes * slack;
        Parameters { nodes, initiators, plans, max_sagas, max_log_entries, late: dice.per_mille(500) }.spec()
    }

    fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        if self.plans().len() > 1 {
            let of = |plan: &Plan| Parameters { plans: vec![plan.clone()], ..self.parameters_of() }.spec();
            simpler.extend(self.plans().iter().map(of));
        }
        if self.menu().initiators > 1 {
            simpler.push(Parameters { initiators: 1, ..self.parameters_of() }.spec());
        }
        if self.menu().late {
            simpler.push(Parameters { late: false, ..self.parameters_of() }.spec());
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

    /// Whoever began the saga that runs, anew with each: it is where ends meet.
    fn prominent(&self, world: &World<Self>) -> Option<(NodeId, u64)> {
        let running = |(id, machine): (NodeId, &Participant<()>)| {
            let own = machine.sagas().map(|(saga, _)| saga).filter(|saga| saga.initiator == id);
            own.filter(|saga| machine.end(*saga).is_none()).map(|saga| (id, saga.saga.0)).next()
        };
        world.ids().zip(world.machines()).find_map(running)
    }

    fn requests_max(&self) -> u64 {
        REQUESTS
    }

    /// Mostly what an application is called for; else a saga, a cancellation, an operator's word, or one is forgotten.
    fn request(&self, world: &World<Self>, serial: u64, dice: &mut Dice) -> Option<(NodeId, Request<()>)> {
        if dice.per_mille(700)
            && let Some(answer) = self.worked(world, dice)
        {
            return Some(answer);
        }
        let me = NodeId(dice.below(self.menu().initiators));
        let machine = &world.node(me)?.machine;
        let own = || machine.sagas().filter(|(saga, _)| saga.initiator == me);
        let request = match dice.below(10) {
            0 => {
                let kept: Vec<SagaId> = own().map(|(saga, _)| saga.saga).collect();
                let saga = dice.pick(&kept).copied()?;
                Request::Cancel { id: name(serial, saga, About::Cancel), saga }
            }
            1..=3 => {
                let ended = own().filter(|(saga, _)| machine.end(*saga).is_some());
                let ended: Vec<SagaId> = ended.map(|(saga, _)| saga.saga).collect();
                let saga = dice.pick(&ended).copied()?;
                Request::Forget { id: name(serial, saga, About::Forget), saga }
            }
            4..=5 => return self.resolved(world, serial, dice),
            _ => {
                let next = next_saga(machine, me);
                (next.0 <= SAGAS).then(|| begin(self, serial, next))??
            }
        };
        Some((me, request))
    }

    /// An application says nothing of what it is not called for, and an operator nothing of what is not stuck.
    fn stands(&self, world: &World<Self>, node: NodeId, request: &Request<()>) -> bool {
        let Some(machine) = world.node(node).map(|node| &node.machine) else { return true };
        match request {
            Request::Answer(answer) => {
                let key = answer.key;
                let saga = Name { initiator: key.owner, saga: key.saga };
                let past = world.history().past(saga);
                past.zip(self.definition(saga.saga)).is_some_and(|(past, plan)| {
                    answers(self.menu(), past, plan, machine, key)
                        .any(|may| (may.action, may.outcome) == (answer.action, answer.outcome))
                })
            }
            Request::Resolve { saga, step, resolution, .. } => {
                self.may_say(world, machine, *saga).any(|(of, word)| (of, word) == (*step, *resolution))
            }
            _ => true,
        }
    }

    fn asked(&self, request: &Request<()>) -> Option<u64> {
        id_of(request).map(|id| id.0)
    }

    fn answered(&self, notice: &Notice<()>) -> Option<u64> {
        match notice {
            Notice::Accepted { id } | Notice::Refused { id, .. } => Some(id.0),
            _ => None,
        }
    }

    fn delay(&self, timer: Timer) -> Delay {
        match timer {
            Timer::Deadline { .. } => Delay::exactly(DEADLINE),
            _ => Delay::exactly(TIMEOUT),
        }
    }

    /// Applications do what they are called for, operators have what is stuck tried again, what has ended is forgotten,
    /// and new sagas run until everybody has heard that the old ones are over.
    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, Request<()>)> {
        self.obeyed(world)
            .or_else(|| {
                let (me, (saga, step)) = each_stuck(world).next()?;
                let (id, resolution) = (name(serial, saga.saga, About::Resolve), Resolution::Retry);
                Some((me, Request::Resolve { id, saga, step, resolution }))
            })
            .or_else(|| self.followed_up(world, serial))
    }

    /// Everybody was told how each saga ended, and only such are kept as were begun to show it.
    fn settled(&self, world: &World<Self>) -> bool {
        let history = world.history();
        let probed = history.sagas.iter().any(|past| past.saga.saga.0 >= PROBES && self.is_told(past));
        probed
            && history.sagas.iter().all(|past| self.is_told(past))
            && world.machines().all(|m| !keeps_old(m, None))
    }

    fn heals_within(&self) -> Duration {
        TIMEOUT * 600
    }
}

/// Whether a participant keeps a saga (of that initiator, or of any) that was begun under faults.
fn keeps_old(machine: &Participant<()>, initiator: Option<NodeId>) -> bool {
    machine.sagas().any(|(saga, _)| {
        saga.saga.0 < PROBES && initiator.is_none_or(|initiator| initiator == saga.initiator)
    })
}

/// All that is stuck, and that an operator was told so.
fn each_stuck(
    world: &World<ChoreographySpec>,
) -> impl Iterator<Item = (NodeId, (Name, quorate::saga::StepId))> {
    let of = |(id, machine)| stuck(world.history(), machine).into_iter().map(move |stuck| (id, stuck));
    world.ids().zip(world.machines()).flat_map(of)
}

impl ChoreographySpec {
    fn parameters_of(&self) -> Parameters {
        Parameters {
            nodes: crate::spec::Spec::nodes(self) as u64,
            initiators: self.menu().initiators,
            plans: self.plans().to_vec(),
            max_sagas: self.config().map_or(1, |config| config.max_sagas),
            max_log_entries: self.config().map_or(2, |config| config.max_log_entries),
            late: self.menu().late,
        }
    }

    fn is_told(&self, past: &Past) -> bool {
        let all = self.definition(past.saga.saga).map_or(0, |plan| parties(plan, past.saga));
        past.told & all == all
    }

    /// All that applications may answer now, and where.
    fn answerable(&self, world: &World<Self>) -> Vec<(NodeId, quorate::saga::choreography::Answer)> {
        let mut all = Vec::new();
        for past in &world.history().sagas {
            let Some(plan) = self.definition(past.saga.saga) else { continue };
            for (id, machine) in world.ids().zip(world.machines()) {
                if past.over & bit(id) != 0 {
                    continue;
                }
                for step in steps_of(plan, id).iter() {
                    let may = answers(self.menu(), past, plan, machine, past.saga.key(step));
                    all.extend(may.map(|answer| (id, answer)));
                }
            }
        }
        all
    }

    /// An application says something that it may say.
    fn worked(&self, world: &World<Self>, dice: &mut Dice) -> Option<(NodeId, Request<()>)> {
        let all = self.answerable(world);
        // Mostly that all went well.
        let good: Vec<_> = all.iter().copied().filter(|(_, answer)| is_good(answer.outcome)).collect();
        let of = if dice.per_mille(850) && !good.is_empty() { &good } else { &all };
        dice.pick(of).copied().map(|(id, answer)| (id, Request::Answer(answer)))
    }

    /// What an application that is well answers to what is under way.
    fn obeyed(&self, world: &World<Self>) -> Option<(NodeId, Request<()>)> {
        let is_awaited = |(id, answer): &(NodeId, quorate::saga::choreography::Answer)| {
            let saga = Name { initiator: answer.key.owner, saga: answer.key.saga };
            let flight = world.node(*id).map(|node| node.machine.flight(saga, answer.key.step));
            flight == Some(quorate::saga::Flight::Called(answer.action))
        };
        let all: Vec<_> = self.answerable(world).into_iter().filter(is_awaited).collect();
        let good = all.iter().find(|(_, answer)| is_good(answer.outcome));
        // Of what it refused once there is nothing else to be said.
        let known =
            || all.iter().find(|(_, answer)| matches!(answer.outcome, Outcome::Refused | Outcome::Unseen));
        let (id, answer) = good.or_else(known).copied()?;
        (answer.action != Action::Undo || answer.outcome == Outcome::Undone)
            .then_some((id, Request::Answer(answer)))
    }

    /// What has ended is forgotten; and a saga is begun wherever none runs, and somebody keeps an old one.
    fn followed_up(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, Request<()>)> {
        let initiators = || world.ids().zip(world.machines()).filter(|(id, _)| id.0 < self.menu().initiators);
        for (me, machine) in initiators() {
            let mut own = machine.sagas().filter(|(saga, _)| saga.initiator == me);
            let ended = own.find(|(saga, standing)| !standing.noted && machine.end(*saga).is_some());
            if let Some((Name { saga, .. }, _)) = ended {
                return Some((me, Request::Forget { id: name(serial, saga, About::Forget), saga }));
            }
        }
        let probed = world.history().sagas.iter().any(|past| past.saga.saga.0 >= PROBES);
        let (me, machine) = initiators().find(|(me, machine)| {
            let runs = machine.sagas().any(|(saga, _)| saga.initiator == *me);
            !runs && (!probed || world.machines().any(|other| keeps_old(other, Some(*me))))
        })?;
        let next = SagaId(next_saga(machine, me).0.max(PROBES));
        begin(self, serial, next).map(|request| (me, request))
    }

    /// What a truthful operator may say of what is stuck of a saga here.
    fn may_say(
        &self,
        world: &World<Self>,
        machine: &Participant<()>,
        saga: Name,
    ) -> impl Iterator<Item = (quorate::saga::StepId, Resolution)> + use<> {
        let history: &History = world.history();
        let all = stuck(history, machine).into_iter().filter(|(of, _)| *of == saga);
        let back = is_back(machine, saga);
        let known = history.past(saga).zip(self.definition(saga.saga));
        let said = all.flat_map(|(_, step)| {
            let words = known.map(|(past, plan)| words(past, plan, back, step));
            words.into_iter().flatten().map(move |word| (step, word))
        });
        said.collect::<Vec<_>>().into_iter()
    }

    fn resolved(&self, world: &World<Self>, serial: u64, dice: &mut Dice) -> Option<(NodeId, Request<()>)> {
        let all: Vec<_> = each_stuck(world).collect();
        let (me, (saga, _)) = *dice.pick(&all)?;
        let may: Vec<_> = self.may_say(world, &world.node(me)?.machine, saga).collect();
        let (step, resolution) = *dice.pick(&may)?;
        let id = name(serial, saga.saga, About::Resolve);
        Some((me, Request::Resolve { id, saga, step, resolution }))
    }
}

const fn is_good(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Done | Outcome::Undone)
}
