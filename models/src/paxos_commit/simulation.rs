//! Paxos Commit in long runs: its parameters, what it is asked, and what it must come back to.

use std::time::Duration;

use quorate::commit::paxos::{Config, leader};
use quorate::commit::{TxId, Vote, participant};
use quorate::either::{Either, Notice};
use quorate::id::{NodeId, RequestId};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

use super::spec::{accepting, leading, managing};
use super::{PaxosCommitSpec, Told};
use crate::simulate::{Atlas, Dice, Seeds, Simulated, Simulation, size, small};
use crate::spec::{RequestOf, TimerOf};
use crate::world::World;

/// Requests under faults, at most: more than there are events, or nothing would happen any more.
const REQUESTS: u64 = 100_000;
/// How many of the longest periods it may take to heal: what lingers is asked about by a few leaders in turn, each of
/// which may be overtaken a few times.
const HEALING_PERIODS: u32 = 60;

/// Paxos Commit in long runs.
#[must_use]
pub fn simulation() -> Box<dyn Simulation> {
    Box::new(Seeds::<PaxosCommitSpec>::of("paxos-commit"))
}

/// What a world is made from again.
#[derive(Serialize, Deserialize)]
struct Parameters {
    config: Config,
}

type Request = RequestOf<PaxosCommitSpec>;

impl Simulated for PaxosCommitSpec {
    fn sampled(dice: &mut Dice) -> Self {
        let mut of = |all: &[u64]| dice.pick(all).copied().unwrap_or(1);
        let (leaders, acceptors, managers) = (of(&[2, 2, 3, 1]), of(&[3, 3, 3, 5, 1]), of(&[1, 2, 2, 3, 4]));
        let resend = Duration::from_millis(of(&[20, 100, 1000]));
        let (votes, ballot, linger) = (small(of(&[1, 2, 5])), small(of(&[1, 2, 4])), small(of(&[1, 3, 10])));
        let (numbers, slack) = (of(&[1, 2, 64]), size(of(&[1, 4, 256])));
        let (transactions, tombstones) = (size(of(&[1, 4, 64])), size(of(&[256, 1024])));
        let lean = of(&[0, 1]) == 1;
        let range = |from: Duration| Delay::between(from, from + from / 2);
        Self::new(leaders, acceptors, managers).unbounded().configured(|config| {
            config.common.resend = range(resend);
            config.common.votes = range(resend * votes);
            config.common.readiness = range(resend * votes);
            config.ballot = Delay::between(resend * ballot, resend * ballot * 3);
            config.linger = range(resend * linger);
            config.common.numbers_reserved = numbers;
            config.common.journal_slack = slack;
            config.common.max_transactions = transactions;
            config.common.max_tombstones = tombstones;
            if lean {
                config.asked_first = config.quorum();
            }
        })
    }

    fn parameters(&self) -> serde_json::Value {
        serde_json::to_value(Parameters { config: self.config().clone() }).unwrap_or_default()
    }

    fn with_parameters(parameters: serde_json::Value) -> Result<Self, serde_json::Error> {
        let Parameters { config } = serde_json::from_value(parameters)?;
        Ok(Self::new(1, 1, 1).unbounded().configured(|place| *place = config))
    }

    fn pace(&self) -> Duration {
        self.config().common.resend.min
    }

    /// Any number of nodes may be down or cut off: what that takes from it is liveness, which is asked for only once the
    /// faults end. It reads no clock.
    fn atlas(&self) -> Atlas {
        let all = self.nodes_in_all();
        Atlas { down_max: all, paused_max: all, network: true, clock_back: true }
    }

    /// Who leads a transaction that is not decided.
    fn prominent(&self, world: &World<Self>) -> Option<(NodeId, u64)> {
        let leads = |id: &NodeId| {
            let site = world.node(*id).map(|node| &node.machine)?;
            let (tx, _) = leading(site)?.transactions().next()?;
            Some((*id, tx.number))
        };
        self.config().leaders.iter().find_map(leads)
    }

    fn requests_max(&self) -> u64 {
        REQUESTS
    }

    /// Applications answer what they were asked, mostly yes, and carry out what they were told; and now and then somebody
    /// begins something.
    fn request(&self, world: &World<Self>, serial: u64, dice: &mut Dice) -> Option<(NodeId, Request)> {
        let mut owed = owed(world);
        if !owed.is_empty() && dice.per_mille(750) {
            let at = usize::try_from(dice.below(owed.len() as u64)).unwrap_or(0);
            let (id, tx, is_asked) = owed.swap_remove(at);
            let vote = match dice.below(12) {
                0 => Vote::No,
                1 => Vote::ReadOnly,
                _ => Vote::Yes,
            };
            return Some((id, answer(tx, is_asked, vote)));
        }
        let leader = dice.pick(&self.config().leaders).copied()?;
        if dice.per_mille(50)
            && let Some((tx, _)) = leading(&world.node(leader)?.machine)?.transactions().next()
        {
            let id = RequestId(serial);
            return Some((leader, Either::Right(leader::Request::Cancel { id, tx })));
        }
        let managers: Vec<NodeId> = self.managers().collect();
        let mut branches: Vec<(NodeId, u8)> =
            managers.iter().filter(|_| dice.per_mille(700)).map(|id| (*id, 0)).collect();
        if branches.is_empty() {
            branches.extend(managers.first().map(|id| (*id, 0)));
        }
        Some((leader, Either::Right(leader::Request::Begin { id: RequestId(serial), branches })))
    }

    fn asked(&self, request: &Request) -> Option<u64> {
        match request {
            Either::Right(leader::Request::Begin { id, .. } | leader::Request::Cancel { id, .. }) => {
                Some(id.0)
            }
            _ => None,
        }
    }

    fn answered(&self, notice: &Told) -> Option<u64> {
        match notice {
            Notice::Right(
                leader::Notice::Begun { id, .. }
                | leader::Notice::Refused { id, .. }
                | leader::Notice::Cancelled { id },
            ) => Some(id.0),
            _ => None,
        }
    }

    fn delay(&self, timer: TimerOf<Self>) -> Delay {
        let config = self.config();
        match timer {
            Either::Right(leader::Timer::Votes) => config.common.votes,
            Either::Right(leader::Timer::Ballot) => config.ballot,
            Either::Left(Either::Left(participant::Timer::Readiness)) => config.common.readiness,
            Either::Left(Either::Right(_)) => config.linger,
            _ => config.common.resend,
        }
    }

    /// Applications answer; and if nothing was ever begun, something is.
    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, Request)> {
        if let Some((id, tx, is_asked)) = owed(world).first().copied() {
            return Some((id, answer(tx, is_asked, Vote::Yes)));
        }
        let leader = self.config().leaders.first().copied()?;
        let branches = self.managers().map(|id| (id, 0)).collect();
        let begin = leader::Request::Begin { id: RequestId(serial), branches };
        world.history().transactions.is_empty().then_some((leader, Either::Right(begin)))
    }

    /// Nobody waits for anything, and nothing is remembered but that it is over.
    fn settled(&self, world: &World<Self>) -> bool {
        !world.history().transactions.is_empty()
            && world.machines().all(|site| {
                leading(site).is_none_or(|leader| leader.in_flight() == 0)
                    && accepting(site).is_none_or(|acceptor| acceptor.live() == 0)
                    && managing(site).is_none_or(|manager| manager.participant().live() == 0)
            })
    }

    fn heals_within(&self) -> Duration {
        let config = self.config();
        let periods =
            [config.linger.max, config.common.votes.max, config.ballot.max, config.common.resend.max];
        periods.into_iter().sum::<Duration>() * HEALING_PERIODS
    }
}

/// What applications have not answered or carried out: where, what, and whether it is a vote.
fn owed(world: &World<PaxosCommitSpec>) -> Vec<(NodeId, TxId, bool)> {
    let mut owed = Vec::new();
    for (id, site) in world.ids().zip(world.machines()) {
        let Some(manager) = managing(site) else { continue };
        for (tx, phase) in manager.participant().transactions() {
            match phase {
                participant::Phase::Asked => owed.push((id, tx, true)),
                participant::Phase::Decided(_) => owed.push((id, tx, false)),
                _ => {}
            }
        }
    }
    owed
}

fn answer(tx: TxId, is_asked: bool, vote: Vote) -> Request {
    Either::Left(Either::Left(match is_asked {
        true => participant::Request::Ready { tx, vote },
        false => participant::Request::Done { tx },
    }))
}
