//! Raft in long runs: its parameters, what it is asked, and what it must come back to.

use std::time::Duration;

use quorate::id::{NodeId, RequestId};
use quorate::raft::{Config, Notice, Payload, Request, Timer};
use quorate::time::Delay;

use super::spec::Expect;
use super::{Command, Raft, RaftSpec};
use crate::simulate::{Atlas, Dice, Seeds, Simulated, Simulation, size, small};
use crate::world::World;

/// The command that shows whether all is well again; no other request holds it.
const PROBE: Command = Command::MAX;
/// Requests under faults: properties look at whole logs, so these bound the time of an event.
const REQUESTS: u64 = 60;
/// What runs are to come to.
const EXPECT: Expect = Expect { commits: true, overwrites: true, reelects: true };
/// How many of the longest election timeouts it may take to heal: a split vote costs one, and a cache or an append
/// of one entry a round trip for each entry behind.
const HEALING_TIMEOUTS: u32 = 100;

/// Raft in long runs.
#[must_use]
pub fn simulation() -> Box<dyn Simulation> {
    Box::new(Seeds::<RaftSpec>::of("raft"))
}

impl Simulated for RaftSpec {
    fn sampled(dice: &mut Dice) -> Self {
        let mut of = |all: &[u64]| dice.pick(all).copied().unwrap_or(1);
        let nodes = of(&[3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 4, 4, 2, 1]);
        let heartbeat = Duration::from_millis(of(&[10, 50, 50, 250, 1000]));
        let (least, spread) = (heartbeat * small(of(&[2, 3, 5, 10])), small(of(&[5, 10, 20])));
        let switches = of(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let (cached, appended) = (of(&[1, 2, 8, 1 << 16]), of(&[1, 2, 8, 1024]));
        let (window, uncommitted) = (of(&[1, 2, 4, 64]), of(&[2, 8, 1 << 16, 1 << 16]));
        Self::new(nodes, u64::MAX)
            .configured(|config| {
                config.heartbeat = heartbeat;
                config.election = Delay::between(least, least + least * spread / 10);
                config.pre_vote = switches & 1 != 0;
                config.check_quorum = switches & 2 != 0;
                config.eager_commit = switches & 4 != 0;
                config.max_cached_entries = size(cached);
                config.max_append_entries = size(appended);
                config.max_inflight_messages = size(window);
                config.max_uncommitted_entries = size(uncommitted);
            })
            .expecting(EXPECT)
    }

    /// Fewer voters, then without what elections and commits are made better by.
    fn simpler(&self) -> Vec<Self> {
        let config = self.config();
        let mut simpler = Vec::new();
        let mut change = |is: bool, change: fn(&mut Config)| {
            if is {
                simpler.push(self.clone().configured(change));
            }
        };
        change(config.voters.len() > 3, |config| config.voters.truncate(3));
        change(config.voters.len() > 1, |config| _ = config.voters.pop());
        change(config.pre_vote, |config| config.pre_vote = false);
        change(config.check_quorum, |config| config.check_quorum = false);
        change(config.eager_commit, |config| config.eager_commit = false);
        simpler
    }

    fn parameters(&self) -> serde_json::Value {
        serde_json::to_value(self.config()).unwrap_or_default()
    }

    fn with_parameters(parameters: serde_json::Value) -> Result<Self, serde_json::Error> {
        let config: Config = serde_json::from_value(parameters)?;
        Ok(Self::new(0, u64::MAX).configured(|place| *place = config).expecting(EXPECT))
    }

    fn pace(&self) -> Duration {
        self.config().election.min
    }

    /// Any number of nodes may be down or cut off, since what faults take from Raft is liveness, which is asked for
    /// only once they end. It reads no clock.
    fn atlas(&self) -> Atlas {
        let all = self.config().voters.len();
        Atlas { down_max: all, paused_max: all, network: true, clock_back: true }
    }

    fn prominent(&self, world: &World<Self>) -> Option<(NodeId, u64)> {
        leader(world).map(|raft| (raft.id(), raft.term().0))
    }

    fn requests_max(&self) -> u64 {
        REQUESTS
    }

    /// Mostly a leader is asked, now and then anybody; one command, or a few.
    fn request(
        &self,
        world: &World<Self>,
        serial: u64,
        dice: &mut Dice,
    ) -> Option<(NodeId, Request<Command>)> {
        let leaders: Vec<NodeId> = world
            .ids()
            .zip(world.machines())
            .filter(|(_, raft)| raft.is_leader())
            .map(|(id, _)| id)
            .collect();
        let anybody: Vec<NodeId> = world.ids().collect();
        let leaders = if dice.per_mille(850) { dice.pick(&leaders) } else { None };
        let node = leaders.or_else(|| dice.pick(&anybody)).copied()?;
        let commands = if dice.per_mille(150) { dice.between(0, 3) } else { 1 };
        let command = Command::try_from(serial % u64::from(PROBE)).unwrap_or(0);
        Some((node, propose(serial, (0..commands).map(|_| command))))
    }

    fn asked(&self, request: &Request<Command>) -> Option<u64> {
        match request {
            Request::Propose { id, .. } => Some(id.0),
            _ => None,
        }
    }

    fn answered(&self, notice: &Notice<Command>) -> Option<u64> {
        match notice {
            Notice::Accepted { id, .. } | Notice::Refused { id, .. } => Some(id.0),
            _ => None,
        }
    }

    fn delay(&self, timer: Timer) -> Delay {
        match timer {
            Timer::Heartbeat => Delay::exactly(self.config().heartbeat),
            _ => self.config().election,
        }
    }

    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, Request<Command>)> {
        let leader = leader(world).filter(|_| !is_probed(world))?;
        Some((leader.id(), propose(serial, [PROBE])))
    }

    /// Somebody leads, a new command is committed, and everybody has applied all that is.
    fn settled(&self, world: &World<Self>) -> bool {
        let committed = world.history().committed.len() as u64;
        leader(world).is_some()
            && world
                .nodes()
                .iter()
                .all(|node| node.applied == committed && node.machine.commit().0 == committed)
            && is_probed(world)
    }

    fn heals_within(&self) -> Duration {
        self.config().election.max * HEALING_TIMEOUTS
    }
}

/// Who leads the latest term.
fn leader(world: &World<RaftSpec>) -> Option<&Raft> {
    world.machines().filter(|raft| raft.is_leader()).max_by_key(|raft| raft.term())
}

fn is_probed(world: &World<RaftSpec>) -> bool {
    world.history().committed.iter().rev().any(|chosen| chosen.entry.payload == Payload::Command(PROBE))
}

fn propose(serial: u64, commands: impl IntoIterator<Item = Command>) -> Request<Command> {
    Request::Propose { id: RequestId(serial), commands: commands.into_iter().collect() }
}
