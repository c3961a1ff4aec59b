//! The stack in long runs: leaders that fall, transactions that go on, and nobody who waits in the end.

use std::time::Duration;

use quorate::commit::{self, Mode, Vote, coordinator, participant};
use quorate::either::Either;
use quorate::id::NodeId;
use quorate::on_raft::Timer;
use quorate::raft;
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

use super::spec::answers;
use super::{CommitOnRaftSpec, properties};
use crate::simulate::{Atlas, Dice, Seeds, Simulated, Simulation, size};
use crate::spec::{RequestOf, TimerOf};
use crate::world::World;

/// Transactions under faults: histories keep them all, so these bound the time of an event.
const REQUESTS: u64 = 400;
/// How many of the longest election timeouts it may take to heal.
const HEALING_TIMEOUTS: u32 = 200;

/// The stack in long runs.
#[must_use]
pub fn simulation() -> Box<dyn Simulation> {
    Box::new(Seeds::<CommitOnRaftSpec>::of("commit-on-raft"))
}

/// What the stack is made from again.
#[derive(Serialize, Deserialize)]
struct Parameters {
    replicas: u64,
    raft: raft::Config,
    commit: commit::Config,
}

impl CommitOnRaftSpec {
    fn simulated(replicas: u64) -> Self {
        Self::new(replicas, 2, (u64::MAX, u64::MAX), Mode::PresumedAbort).beginning_new()
    }
}

impl Simulated for CommitOnRaftSpec {
    fn sampled(dice: &mut Dice) -> Self {
        let mut of = |all: &[u64]| dice.pick(all).copied().unwrap_or(1);
        let replicas = of(&[3, 3, 3, 5, 1]);
        let heartbeat = Duration::from_millis(of(&[10, 50, 250]));
        let times = |by: u64| heartbeat * u32::try_from(by).unwrap_or(u32::MAX);
        let (least, patience) = (times(of(&[3, 5, 10])), times(of(&[10, 40, 160])));
        let (switches, window, reserved) = (of(&[0, 1, 2, 3]), of(&[1, 2, 64]), of(&[1, 2, 1024]));
        let (tombstones, slack) = (of(&[1, 4, 1024]), of(&[1, 4, 256]));
        Self::simulated(replicas).configured(|raft, commit| {
            raft.heartbeat = heartbeat;
            raft.election = Delay::between(least, least * 2);
            (raft.pre_vote, raft.check_quorum) = (switches & 1 != 0, switches & 2 != 0);
            raft.eager_commit = true;
            raft.max_inflight_messages = size(window);
            raft.max_append_entries = 1024;
            (commit.votes, commit.readiness) = (Delay::exactly(patience), Delay::exactly(patience / 2));
            commit.resend = Delay::between(patience / 4, patience / 2);
            commit.numbers_reserved = reserved;
            (commit.max_tombstones, commit.journal_slack) = (size(tombstones), size(slack));
        })
    }

    fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        if self.replicas().len() > 3 {
            let (raft, commit) = (self.raft().clone(), self.commit().clone());
            let fewer = Self::simulated(3).configured(|below, above| {
                let (voters, members) = (below.voters.clone(), above.members.clone());
                (*below, *above) = (raft, commit);
                (below.voters, above.members) = (voters, members);
            });
            simpler.push(fewer);
        }
        simpler
    }

    fn parameters(&self) -> serde_json::Value {
        let parameters = Parameters {
            replicas: self.replicas().len() as u64,
            raft: self.raft().clone(),
            commit: self.commit().clone(),
        };
        serde_json::to_value(parameters).unwrap_or_default()
    }

    fn with_parameters(parameters: serde_json::Value) -> Result<Self, serde_json::Error> {
        let Parameters { replicas, raft, commit } = serde_json::from_value(parameters)?;
        Ok(Self::simulated(replicas).configured(|below, above| (*below, *above) = (raft, commit)))
    }

    fn pace(&self) -> Duration {
        self.raft().election.min
    }

    /// Any number of nodes may be down or cut off: what faults take is liveness, which is asked for once they end.
    fn atlas(&self) -> Atlas {
        let all = self.replicas().len() + self.participants().len();
        Atlas { down_max: all, paused_max: all, network: true, clock_back: true }
    }

    fn prominent(&self, world: &World<Self>) -> Option<(NodeId, u64)> {
        properties::replicas(world)
            .filter(|replica| replica.machine().is_some())
            .max_by_key(|replica| replica.raft().term())
            .map(|replica| (replica.raft().id(), replica.raft().term().0))
    }

    fn requests_max(&self) -> u64 {
        REQUESTS
    }

    /// Participants vote and carry out before anything new is begun; mostly of who leads, now and then of anybody.
    fn request(
        &self,
        world: &World<Self>,
        serial: u64,
        dice: &mut Dice,
    ) -> Option<(NodeId, RequestOf<Self>)> {
        let vote = dice_votes(dice);
        if dice.per_mille(800)
            && let Some(answer) = answer(world, |open| dice.pick(open).copied(), vote)
        {
            return Some(answer);
        }
        let leads = self.prominent(world).map(|(node, _)| node).filter(|_| dice.per_mille(900));
        let node = leads.or_else(|| dice.pick(self.replicas()).copied())?;
        let mode = if dice.per_mille(500) { Mode::PresumedAbort } else { Mode::PresumedCommit };
        Some((node, self.begin(serial, mode)))
    }

    fn delay(&self, timer: TimerOf<Self>) -> Delay {
        let (raft, commit) = (self.raft(), self.commit());
        match timer {
            Either::Left(Timer::Raft(raft::Timer::Heartbeat)) => Delay::exactly(raft.heartbeat),
            Either::Left(Timer::Raft(_)) => raft.election,
            Either::Left(Timer::Inner(coordinator::Timer::Votes)) => commit.votes,
            Either::Right(participant::Timer::Readiness) => commit.readiness,
            _ => commit.resend,
        }
    }

    /// Whoever was asked answers yes; then one more transaction.
    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, RequestOf<Self>)> {
        if let Some(answer) = answer(world, |open| open.first().copied(), Vote::Yes) {
            return Some(answer);
        }
        let (leader, _) = self.prominent(world)?;
        Some((leader, self.begin(serial, Mode::PresumedAbort)))
    }

    /// Somebody leads, nothing is undecided there, nobody is in doubt, and all have heard of all.
    fn settled(&self, world: &World<Self>) -> bool {
        let leader = properties::replicas(world)
            .filter(|replica| replica.machine().is_some())
            .max_by_key(|replica| replica.raft().term());
        let Some(leader) = leader else { return false };
        let over = |machine: &super::Node| {
            machine.right().is_none_or(|outside| {
                outside.machine().transactions().all(|(_, phase)| {
                    matches!(phase, participant::Phase::Ended(_) | participant::Phase::Forgotten)
                })
            })
        };
        let committed = world.history().fates.iter().any(|fate| fate.outcome.is_some());
        committed
            && leader.waiting() == 0
            && leader.machine().is_some_and(|machine| machine.in_flight() == 0)
            && world.machines().all(over)
    }

    fn heals_within(&self) -> Duration {
        self.raft().election.max * HEALING_TIMEOUTS + self.commit().votes.max * 20
    }
}

/// What a participant's application has to say, if any has.
fn answer(
    world: &World<CommitOnRaftSpec>,
    pick: impl FnOnce(
        &[(NodeId, commit::TxId, participant::Phase)],
    ) -> Option<(NodeId, commit::TxId, participant::Phase)>,
    vote: Vote,
) -> Option<(NodeId, RequestOf<CommitOnRaftSpec>)> {
    let open: Vec<_> = world
        .ids()
        .zip(world.machines())
        .flat_map(|(id, machine)| answers(machine).map(move |(tx, phase)| (id, tx, phase)))
        .collect();
    let (node, tx, phase) = pick(&open)?;
    let request = match phase {
        participant::Phase::Asked => participant::Request::Ready { tx, vote },
        _ => participant::Request::Done { tx },
    };
    Some((node, Either::Right(request)))
}

fn dice_votes(dice: &mut Dice) -> Vote {
    match dice.below(10) {
        0 => Vote::No,
        1 => Vote::ReadOnly,
        _ => Vote::Yes,
    }
}
