//! Two-phase commit in long runs: its parameters, what it is asked, and what it must come back to.

use std::time::Duration;

use quorate::commit::{Config, Mode, Outcome, TxId, Vote, coordinator, participant};
use quorate::either::{Either, Notice};
use quorate::id::{NodeId, RequestId};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

use super::application::{of_participant, resolutions};
use super::spec::Expect;
use super::{App, CommitSpec, Node, Participant};
use crate::simulate::{Atlas, Dice, Seeds, Simulated, Simulation, size, small};
use crate::spec::{NoticeOf, RequestOf, TimerOf};
use crate::world::World;

/// Requests under faults.
const REQUESTS: u64 = 4_000;
/// Transactions under faults: properties look at all of them, so these bound the time of an event.
const TRANSACTIONS: u64 = 40;
/// What runs are to come to.
const EXPECT: Expect =
    Expect { commits: true, aborts: true, cooperates: true, damages: false, forgets: false };
/// How many of the longest periods it may take to heal: who is in doubt asks each period, and an application is asked
/// and answers one transaction after the other.
const HEALING_PERIODS: u32 = 60;

/// Two-phase commit in long runs.
#[must_use]
pub fn simulation() -> Box<dyn Simulation> {
    Box::new(Seeds::<CommitSpec>::of("commit"))
}

/// What a cluster is made from again.
#[derive(Serialize, Deserialize)]
pub(super) struct Parameters {
    pub(super) config: Config,
    pub(super) coordinators: u64,
    pub(super) votes: Vec<Vote>,
    pub(super) resolutions: usize,
    pub(super) positions: bool,
}

impl Simulated for CommitSpec {
    fn sampled(dice: &mut Dice) -> Self {
        let coordinators = dice.pick(&[1, 1, 2]).copied().unwrap_or(1);
        let participants = dice.pick(&[1, 2, 2, 3, 3, 3, 5]).copied().unwrap_or(2);
        let mut of = |all: &[u64]| dice.pick(all).copied().unwrap_or(1);
        let resend = Duration::from_millis(of(&[10, 100, 1_000]));
        // Not sooner than applications, asked one after the other at about that pace, can all have answered.
        let (votes, readiness) = (resend * small(of(&[16, 30, 60])), resend * small(of(&[16, 30, 60])));
        let (transactions, tombstones) = (of(&[1, 2, 8, 64]), of(&[1, 2, 8, 64]));
        let (reserved, slack) = (of(&[1, 3, 1_024]), of(&[1, 4, 16]));
        let switches = of(&[0, 1, 2, 3]);
        let votes_given = if of(&[0, 1]) == 0 {
            vec![Vote::Yes, Vote::No]
        } else {
            vec![Vote::Yes, Vote::No, Vote::ReadOnly]
        };
        let spec = Self::coordinated_by(coordinators, participants).configured(|config| {
            config.votes = Delay::exactly(votes);
            config.readiness = Delay::exactly(readiness);
            config.resend = Delay::between(resend, resend * 3 / 2);
            config.max_transactions = size(transactions);
            config.max_tombstones = size(tombstones);
            config.numbers_reserved = reserved;
            config.journal_slack = size(slack);
        });
        let spec = spec.voting(&votes_given).expecting(EXPECT);
        let spec = if switches & 1 == 0 { spec } else { spec.by_position() };
        if switches & 2 == 0 { spec } else { spec.resolved_at(usize::MAX) }
    }

    fn parameters(&self) -> serde_json::Value {
        serde_json::to_value(self.to_parameters()).unwrap_or_default()
    }

    fn with_parameters(parameters: serde_json::Value) -> Result<Self, serde_json::Error> {
        let parameters: Parameters = serde_json::from_value(parameters)?;
        Ok(Self::of_parameters(parameters).expecting(EXPECT))
    }

    fn pace(&self) -> Duration {
        self.config().resend.min
    }

    /// What faults take from it is liveness alone, which is asked for once they end. It reads no clock.
    fn atlas(&self) -> Atlas {
        let all = self.config().members.len();
        Atlas { down_max: all, paused_max: all, network: true, clock_back: true }
    }

    /// A coordinator with something open, for as long as that is the same.
    fn prominent(&self, world: &World<Self>) -> Option<(NodeId, u64)> {
        let open = |node: &Node| {
            let coordinator = node.left()?;
            coordinator.transactions().next().map(|(tx, _)| (coordinator.id(), tx.number))
        };
        world.machines().find_map(open)
    }

    fn requests_max(&self) -> u64 {
        REQUESTS
    }

    /// Mostly an application says what it owes; now and then somebody begins, cancels, or decides as an operator.
    fn request(
        &self,
        world: &World<Self>,
        serial: u64,
        dice: &mut Dice,
    ) -> Option<(NodeId, RequestOf<Self>)> {
        if dice.per_mille(30) {
            let resolved = self.each(world, |node, wants| {
                node.right().into_iter().for_each(|participant| {
                    resolutions(self, world, participant, wants);
                    forgettable(world, participant, wants);
                });
            });
            if let Some(resolved) = dice.pick(&resolved) {
                return Some(resolved.clone());
            }
        }
        let open: Vec<_> = world.machines().filter_map(Either::left).collect();
        let coordinator = *dice.pick(&open)?;
        if dice.per_mille(40) {
            let collecting: Vec<_> = coordinator.transactions().map(|(tx, _)| tx).collect();
            if let Some(tx) = dice.pick(&collecting) {
                let cancel = coordinator::Request::Cancel { id: RequestId(serial), tx: *tx };
                return Some((coordinator.id(), Either::Left(cancel)));
            }
        }
        let owed = self.owed(world);
        if !owed.is_empty() && dice.per_mille(800) {
            return owed_or_voted(dice.pick(&owed)?, self.votes(), dice);
        }
        (world.history().asked < TRANSACTIONS).then(|| {
            let mode = if dice.per_mille(500) { Mode::PresumedAbort } else { Mode::PresumedCommit };
            let all = self.participants();
            let mut some: Vec<NodeId> = all.iter().copied().filter(|_| dice.per_mille(700)).collect();
            if some.is_empty() {
                some = all;
            }
            (coordinator.id(), begin(serial, mode, some))
        })
    }

    /// An application says nothing that it has said, or that it need not say any more.
    fn stands(&self, world: &World<Self>, node: NodeId, request: &RequestOf<Self>) -> bool {
        let is = |tx: TxId, app: App| {
            world.history().deal(tx).and_then(|deal| deal.part(node)).is_some_and(|part| part.app == app)
        };
        match request {
            Either::Right(participant::Request::Ready { tx, .. }) => is(*tx, App::Asked),
            Either::Right(participant::Request::Done { tx }) => is(*tx, App::Told) || is(*tx, App::Harmed),
            Either::Right(participant::Request::Found { tx }) => is(*tx, App::Back),
            _ => true,
        }
    }

    fn asked(&self, request: &RequestOf<Self>) -> Option<u64> {
        match request {
            Either::Left(
                coordinator::Request::Begin { id, .. } | coordinator::Request::Cancel { id, .. },
            ) => Some(id.0),
            _ => None,
        }
    }

    fn answered(&self, notice: &NoticeOf<Self>) -> Option<u64> {
        match notice {
            Notice::Left(
                coordinator::Notice::Begun { id, .. }
                | coordinator::Notice::Refused { id, .. }
                | coordinator::Notice::Cancelled { id },
            ) => Some(id.0),
            _ => None,
        }
    }

    fn delay(&self, timer: TimerOf<Self>) -> Delay {
        match timer {
            Either::Left(coordinator::Timer::Votes) => self.config().votes,
            Either::Right(participant::Timer::Readiness) => self.config().readiness,
            _ => self.config().resend,
        }
    }

    /// Applications say what they owe, in favour; then somebody begins once more.
    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, RequestOf<Self>)> {
        if let Some(owed) = self.owed(world).into_iter().next() {
            return Some(owed);
        }
        let quiet = world.machines().all(is_quiet) && world.history().pending.is_empty();
        let next = (quiet && !is_probed(world)).then(|| world.machines().find_map(Either::left)).flatten();
        let coordinator = next?.id();
        Some((coordinator, begin(serial, Mode::PresumedAbort, self.participants())))
    }

    /// Nothing is open anywhere, applications hold nothing, and a new transaction has committed.
    fn settled(&self, world: &World<Self>) -> bool {
        let free = |app| matches!(app, App::Idle | App::Declined | App::Done | App::Over);
        let mut parts = world.history().deals.iter().flat_map(|deal| &deal.parts);
        world.machines().all(is_quiet) && parts.all(|part| free(part.app)) && is_probed(world)
    }

    fn heals_within(&self) -> Duration {
        let config = self.config();
        (config.votes.max + config.readiness.max + config.resend.max) * HEALING_PERIODS
    }
}

impl CommitSpec {
    /// What `wants` adds for each node.
    fn each(
        &self,
        world: &World<Self>,
        wants: impl Fn(&Node, &mut Vec<RequestOf<Self>>),
    ) -> Vec<(NodeId, RequestOf<Self>)> {
        let mut all = Vec::new();
        for (id, node) in world.ids().zip(world.machines()) {
            let mut requests = Vec::new();
            wants(node, &mut requests);
            all.extend(requests.into_iter().map(|request| (id, request)));
        }
        all
    }

    /// What applications owe: an answer, or word that they carried something out.
    fn owed(&self, world: &World<Self>) -> Vec<(NodeId, RequestOf<Self>)> {
        self.each(world, |node, wants| {
            node.right().into_iter().for_each(|participant| of_participant(self, world, participant, wants));
        })
    }
}

/// A vote is mostly in favour.
fn owed_or_voted(
    owed: &(NodeId, RequestOf<CommitSpec>),
    votes: &[Vote],
    dice: &mut Dice,
) -> Option<(NodeId, RequestOf<CommitSpec>)> {
    let (node, request) = owed;
    let Either::Right(participant::Request::Ready { tx, .. }) = request else { return Some(owed.clone()) };
    let vote = if dice.per_mille(750) { Vote::Yes } else { *dice.pick(votes)? };
    Some((*node, Either::Right(participant::Request::Ready { tx: *tx, vote })))
}

/// The damage of which the coordinator's application has heard: an operator may let go of it.
fn forgettable(world: &World<CommitSpec>, participant: &Participant, wants: &mut Vec<RequestOf<CommitSpec>>) {
    let heard = world.history().parts_of(participant.id()).filter(|(_, part)| part.damage_there);
    let forget = |(tx, _)| Either::Right(participant::Request::Forget { tx });
    wants.extend(heard.map(forget));
}

fn begin(serial: u64, mode: Mode, participants: Vec<NodeId>) -> RequestOf<CommitSpec> {
    let branches = participants.into_iter().map(|node| (node, ())).collect();
    Either::Left(coordinator::Request::Begin { id: RequestId(serial), mode, branches })
}

fn is_quiet(node: &Node) -> bool {
    match node {
        Either::Left(coordinator) => coordinator.in_flight() == 0,
        Either::Right(participant) => participant.live() == 0,
    }
}

fn is_probed(world: &World<CommitSpec>) -> bool {
    let probe = |deal: &super::Deal| deal.id.0 >= REQUESTS && deal.outcome == Some(Outcome::Commit);
    world.history().deals.iter().any(probe)
}
