//! Try, confirm, cancel in long runs: its parameters, what it is asked, and what it must come back to.

use std::time::Duration;

use quorate::commit::Outcome;
use quorate::commit::participant::Phase;
use quorate::commit::tcc::{Config, coordinator, service};
use quorate::either::{Either, Notice};
use quorate::id::{NodeId, RequestId};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

use super::TccSpec;
use super::history::{Activity, Branch, Held, Told};
use super::spec::{NoticeOfSite, RequestOfSite, Site};
use crate::simulate::{Atlas, Dice, Seeds, Simulated, Simulation, size, small};
use crate::spec::{Spec, TimerOf};
use crate::world::World;

/// Requests under faults.
const REQUESTS: u64 = 4_000;
/// Activities under faults: properties look at all of them, so these bound the time of an event.
const ACTIVITIES: usize = 40;
/// How many of the longest periods it may take to heal: applications are asked one after the other, and what fails is
/// tried some times before it is stuck.
const HEALING_PERIODS: u32 = 80;
/// Who coordinates.
const COORDINATOR: NodeId = NodeId(0);

/// Try, confirm, cancel in long runs.
#[must_use]
pub fn simulation() -> Box<dyn Simulation> {
    Box::new(Seeds::<TccSpec>::of("tcc"))
}

/// What a world is made from again.
#[derive(Serialize, Deserialize)]
struct Parameters {
    config: Config,
    refuses: bool,
    fails: bool,
}

impl Simulated for TccSpec {
    fn sampled(dice: &mut Dice) -> Self {
        let mut of = |all: &[u64]| dice.pick(all).copied().unwrap_or(1);
        let services = of(&[1, 2, 2, 3, 3, 5]);
        let resend = Duration::from_millis(of(&[10, 100, 1_000]));
        let (votes, readiness) = (resend * small(of(&[16, 30, 60])), resend * small(of(&[16, 30, 60])));
        let retry = resend * small(of(&[1, 2, 5]));
        let lapse = of(&[0, 0, 0, 3, 6]);
        let (transactions, tombstones) = (of(&[1, 2, 8, 64]), of(&[1, 2, 8, 64]));
        let (reserved, slack) = (of(&[1, 3, 1_024]), of(&[1, 4, 16]));
        let (attempts, switches) = (of(&[1, 2, 16]), of(&[0, 1, 2, 3]));
        let spec = Self::new(services, ACTIVITIES).configured(|config| {
            config.commit.votes = Delay::exactly(votes);
            config.commit.readiness = Delay::exactly(readiness);
            config.commit.resend = Delay::between(resend, resend * 3 / 2);
            config.commit.max_transactions = size(transactions);
            config.commit.max_tombstones = size(tombstones);
            config.commit.numbers_reserved = reserved;
            config.commit.journal_slack = size(slack);
            config.retry = Delay::between(retry, retry * 3 / 2);
            config.max_attempts = small(attempts);
            config.lapse = (lapse > 0).then(|| Delay::exactly(votes * small(lapse)));
        });
        let spec = if switches & 1 == 0 { spec } else { spec.willing() };
        if switches & 2 == 0 { spec } else { spec.failing().operated() }
    }

    fn parameters(&self) -> serde_json::Value {
        let parameters =
            Parameters { config: self.config().clone(), refuses: self.refuses(), fails: self.fails() };
        serde_json::to_value(parameters).unwrap_or_default()
    }

    fn with_parameters(parameters: serde_json::Value) -> Result<Self, serde_json::Error> {
        let Parameters { config, refuses, fails } = serde_json::from_value(parameters)?;
        let services = config.commit.members.len().saturating_sub(1) as u64;
        let spec = Self::new(services, ACTIVITIES).configured(|place| *place = config);
        let spec = if refuses { spec } else { spec.willing() };
        Ok(if fails { spec.failing().operated() } else { spec })
    }

    fn pace(&self) -> Duration {
        self.config().commit.resend.min
    }

    /// What faults take from it is liveness alone, which is asked for once they end. It reads no clock.
    fn atlas(&self) -> Atlas {
        let all = self.config().commit.members.len();
        Atlas { down_max: all, paused_max: all, network: true, clock_back: true }
    }

    /// The coordinator, for as long as the same activity is its oldest.
    fn prominent(&self, world: &World<Self>) -> Option<(NodeId, u64)> {
        let coordinator = world.node(COORDINATOR)?.machine.left()?;
        coordinator.activities().next().map(|(tx, _)| (COORDINATOR, tx.number))
    }

    fn requests_max(&self) -> u64 {
        REQUESTS
    }

    /// Mostly an application says what it owes; now and then one begins or cancels, and an operator acts.
    fn request(&self, world: &World<Self>, serial: u64, dice: &mut Dice) -> Option<(NodeId, RequestOfSite)> {
        if dice.per_mille(40)
            && let Some((tx, _)) = world.node(COORDINATOR)?.machine.left()?.activities().last()
        {
            let cancel = coordinator::Request::Cancel { id: RequestId(serial), tx };
            return Some((COORDINATOR, Either::Left(cancel)));
        }
        let (mut owed, mut acts) = (Vec::new(), Vec::new());
        for (node, request) in self.wanted(world) {
            match &request {
                Either::Left(coordinator::Request::Begin { .. }) => {}
                request if is_operators(request) => acts.push((node, numbered(request, serial))),
                _ => owed.push((node, request)),
            }
        }
        if dice.per_mille(50)
            && let Some(act) = dice.pick(&acts)
        {
            return Some(act.clone());
        }
        if !owed.is_empty() && dice.per_mille(800) {
            let (node, request) = dice.pick(&owed)?;
            return Some((*node, mostly_in_favour(request, dice)));
        }
        (world.history().activities.len() < ACTIVITIES).then(|| self.begin(serial))
    }

    /// An application says nothing that it has said, or that it need not say any more.
    fn stands(&self, world: &World<Self>, node: NodeId, request: &RequestOfSite) -> bool {
        match request {
            Either::Left(_) => true,
            Either::Right(_) => self.wanted_of(world, node).contains(request),
        }
    }

    fn asked(&self, request: &RequestOfSite) -> Option<u64> {
        match request {
            Either::Left(
                coordinator::Request::Begin { id, .. }
                | coordinator::Request::Cancel { id, .. }
                | coordinator::Request::WriteOff { id, .. },
            ) => Some(id.0),
            _ => None,
        }
    }

    fn answered(&self, notice: &NoticeOfSite) -> Option<u64> {
        match notice {
            Notice::Left(
                coordinator::Notice::Begun { id, .. }
                | coordinator::Notice::Refused { id, .. }
                | coordinator::Notice::Cancelled { id }
                | coordinator::Notice::WrittenOff { id },
            ) => Some(id.0),
            _ => None,
        }
    }

    fn delay(&self, timer: TimerOf<Self>) -> Delay {
        let config = self.config();
        match timer {
            Either::Left(coordinator::Timer::Votes) => config.commit.votes,
            Either::Right(service::Timer::Trying) => config.commit.readiness,
            Either::Right(service::Timer::Retry) => config.retry,
            Either::Right(service::Timer::Lapse) => config.lapse.unwrap_or(config.commit.votes),
            _ => config.commit.resend,
        }
    }

    /// Applications say what they owe, in favour; then somebody begins once more.
    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, RequestOfSite)> {
        let mut owed = self.wanted(world);
        owed.retain(|(_, request)| is_in_favour(request));
        if !owed.is_empty() {
            return Some(owed.swap_remove(size(serial) % owed.len()));
        }
        (is_quiet(world) && !is_confirmed(world)).then(|| self.begin(serial))
    }

    /// Nothing is open or stuck anywhere, nothing is reserved, and what was begun last is confirmed.
    fn settled(&self, world: &World<Self>) -> bool {
        is_quiet(world) && is_confirmed(world)
    }

    fn heals_within(&self) -> Duration {
        let config = self.config();
        let periods = [config.commit.votes.max, config.commit.readiness.max, config.commit.resend.max];
        (periods.into_iter().sum::<Duration>() + config.retry.max * config.max_attempts) * HEALING_PERIODS
    }
}

impl TccSpec {
    /// What applications and operators may ask.
    fn wanted(&self, world: &World<Self>) -> Vec<(NodeId, RequestOfSite)> {
        let of = |node| self.wanted_of(world, node).into_iter().map(move |request| (node, request));
        world.ids().flat_map(of).collect()
    }

    /// The same of one node, with what an operator there does once the service is written off: nobody will tell it the
    /// outcome any more.
    fn wanted_of(&self, world: &World<Self>, node: NodeId) -> Vec<RequestOfSite> {
        let mut wanted = Vec::new();
        self.requests(world, node, &mut wanted);
        let site = |node| world.node(node).map(|node| &node.machine);
        let coordinator = site(COORDINATOR).and_then(Either::left);
        let (Some(coordinator), Some(Either::Right(service))) = (coordinator, site(node)) else {
            return wanted;
        };
        let over = world
            .history()
            .branches(node)
            .filter(|(tx, _, branch)| branch.excepted && coordinator.phase(*tx).is_none());
        let (mut releases, mut forgets) = (Vec::new(), Vec::new());
        for (tx, _, branch) in over {
            let is_owed = matches!(branch.told, Told::ToDo(_) | Told::Failed(_));
            match service.phase(tx) {
                Some(Phase::InDoubt { heuristic: None }) => releases.push(service::Request::Release { tx }),
                Some(Phase::InDoubt { .. }) if !is_owed => {
                    wanted.push(Either::Right(service::Request::Forget { tx }));
                }
                Some(Phase::Ended(_)) => forgets.push(service::Request::Forget { tx }),
                _ => {}
            }
        }
        // So many decisions are remembered, and no more.
        let makes_room = forgets.into_iter().filter(|_| !releases.is_empty());
        wanted.extend(makes_room.chain(releases.iter().copied()).map(Either::Right));
        wanted
    }

    fn begin(&self, serial: u64) -> (NodeId, RequestOfSite) {
        let services = self.config().commit.members.iter().filter(|member| **member != COORDINATOR);
        let branches = services.map(|service| (*service, ())).collect();
        (COORDINATOR, Either::Left(coordinator::Request::Begin { id: RequestId(serial), branches }))
    }
}

const fn is_operators(request: &RequestOfSite) -> bool {
    matches!(
        request,
        Either::Left(coordinator::Request::WriteOff { .. })
            | Either::Right(
                service::Request::Retry { .. }
                    | service::Request::GiveUp { .. }
                    | service::Request::Release { .. }
                    | service::Request::Forget { .. }
            )
    )
}

const fn is_in_favour(request: &RequestOfSite) -> bool {
    use service::Request::{Done, Forget, Found, Release, Reserved};
    matches!(
        request,
        Either::Right(Reserved { .. } | Done { .. } | Found { .. } | Release { .. } | Forget { .. })
    )
}

/// The same, answered under a number of its own.
fn numbered(request: &RequestOfSite, serial: u64) -> RequestOfSite {
    match request {
        Either::Left(coordinator::Request::WriteOff { tx, service, .. }) => {
            let (id, tx, service) = (RequestId(serial), *tx, *service);
            Either::Left(coordinator::Request::WriteOff { id, tx, service })
        }
        other => other.clone(),
    }
}

/// An application that might refuse or fail mostly does not.
fn mostly_in_favour(request: &RequestOfSite, dice: &mut Dice) -> RequestOfSite {
    let in_favour = match request {
        Either::Right(service::Request::NotReserved { tx }) => service::Request::Reserved { tx: *tx },
        Either::Right(service::Request::Failed { tx }) => service::Request::Done { tx: *tx },
        other => return other.clone(),
    };
    if dice.per_mille(700) { Either::Right(in_favour) } else { request.clone() }
}

/// Nothing is open anywhere, and nothing is reserved but what an operator has given up.
fn is_quiet(world: &World<TccSpec>) -> bool {
    let holds = |activity: &Activity| {
        let held = |branch: &Branch| matches!(branch.held, Held::Reserved | Held::Perhaps);
        activity.branches.iter().any(|branch| held(branch) && !branch.excepted)
    };
    let live = |site: &Site| match site {
        Either::Left(coordinator) => coordinator.in_flight() > 0,
        Either::Right(service) => service.live() > 0,
    };
    !world.machines().any(live) && !world.history().activities.iter().any(holds)
}

/// What was begun last is confirmed.
fn is_confirmed(world: &World<TccSpec>) -> bool {
    world.history().activities.last().is_some_and(|activity| activity.decided == Some(Outcome::Commit))
}
