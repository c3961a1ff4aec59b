//! Paxos Commit in a world: who plays which part, its bounds, what applications ask.

use std::sync::Arc;

use quorate::commit::paxos::{
    Accepted, Acceptor, Ballot, Config, Leader, Member, Message, ResourceManager, Role, acceptor, leader,
};
use quorate::commit::{Outcome, TxId, Vote, participant};
use quorate::durable::{Corrupt, Record, Recover};
use quorate::either::Either;
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::RecordOf;

use super::{History, Site, liveness, properties};
use crate::check::Bounds;
use crate::hash::fingerprint;
use crate::liveness::{Fairness, LeadsTo};
use crate::node::{Frozen, ImageOf};
use crate::spec::{Band, MessageOf, Property, RequestOf, Seen, Spec};
use crate::world::{ActionOf, World};

/// The cluster under check.
const CLUSTER: ClusterId = ClusterId(1);

/// In worlds whose acceptors forget nothing, no transaction has a number above.
const MOST_NUMBERS: u64 = 4;

/// Paxos Commit with a configuration and the bounds of a world.
#[derive(Clone, Debug)]
pub struct PaxosCommitSpec {
    config: Arc<Config>,
    /// What applications vote.
    votes: Vec<Vote>,
    /// How many transactions each leader begins, by rank.
    begins: Vec<u64>,
    /// How many ballots each leader begins, by rank; any number where that is not bounded.
    ballots: Option<Vec<u64>>,
    /// Whether a leader says again what is not answered.
    resends: bool,
    /// Whether acceptors ask leaders to end what lasts too long.
    lingers: bool,
    /// Whether resource managers lose patience with their applications.
    hurries: bool,
    /// Whether resource managers in doubt ask leaders.
    doubts: bool,
    /// Whether acceptors forget.
    forgets: bool,
    /// Whether applications carry out what they are told.
    carries_out: bool,
    /// Whether reports stay in flight that no leader waits for any more, and votes below what is promised.
    late: bool,
    /// An acceptor that is lost for good.
    down: Option<NodeId>,
}

impl PaxosCommitSpec {
    /// Nodes of these numbers: first the leaders, by rank, then the acceptors, then the resource managers. The first leader
    /// begins one transaction; applications vote yes or no; nothing is said again, and no ballot is begun.
    #[must_use]
    pub fn new(leaders: u64, acceptors: u64, managers: u64) -> Self {
        let names = |from: u64, many: u64| (from..from + many).map(NodeId);
        let behind = leaders + acceptors;
        let mut config =
            Config::new(CLUSTER, names(0, leaders), names(leaders, acceptors), names(behind, managers));
        config.common.numbers_reserved = 1;
        let ranks = config.leaders.len();
        let mut begins = vec![0; ranks];
        begins.iter_mut().take(1).for_each(|many| *many = 1);
        Self {
            config: Arc::new(config),
            votes: vec![Vote::Yes, Vote::No],
            begins,
            ballots: Some(vec![0; ranks]),
            resends: false,
            lingers: false,
            hurries: false,
            doubts: false,
            forgets: false,
            carries_out: false,
            late: false,
            down: None,
        }
    }

    /// With another configuration.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// With applications that vote in these ways.
    #[must_use]
    pub fn voting(mut self, votes: &[Vote]) -> Self {
        self.votes = votes.to_vec();
        self
    }

    /// With so many ballots of each leader, by rank, beyond ballot 0; any number for `None`.
    #[must_use]
    pub fn balloting(mut self, ballots: Option<&[u64]>) -> Self {
        self.ballots = ballots.map(<[u64]>::to_vec);
        self
    }

    /// With resource managers that abort what their applications do not answer.
    #[must_use]
    pub const fn hurrying(mut self) -> Self {
        self.hurries = true;
        self
    }

    /// With resource managers that ask leaders when they are in doubt.
    #[must_use]
    pub const fn doubting(mut self) -> Self {
        self.doubts = true;
        self
    }

    /// With acceptors that forget.
    #[must_use]
    pub const fn forgetting(mut self) -> Self {
        self.forgets = true;
        self
    }

    /// With leaders that say again what is not answered.
    #[must_use]
    pub const fn resending(mut self) -> Self {
        self.resends = true;
        self
    }

    /// With acceptors that ask leaders to end what lasts too long.
    #[must_use]
    pub const fn lingering(mut self) -> Self {
        self.lingers = true;
        self
    }

    /// With applications that carry out what they are told.
    #[must_use]
    pub const fn carrying_out(mut self) -> Self {
        self.carries_out = true;
        self
    }

    /// With reports left in flight that a correct leader does nothing with, and votes that an acceptor does nothing with.
    ///
    /// Everywhere else they are taken out, and with them the chance to see one that counts them.
    #[must_use]
    pub const fn with_late_reports(mut self) -> Self {
        self.late = true;
        self
    }

    /// With one acceptor that is lost for good: nothing ever reaches it.
    #[must_use]
    pub fn without_an_acceptor(mut self) -> Self {
        self.down = self.config.acceptors.last().copied();
        self
    }

    /// With resource managers that ask no more of all acceptors at first than decide: these have ranks, then.
    #[must_use]
    pub fn lean(self) -> Self {
        self.configured(|config| config.asked_first = config.quorum())
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The resource managers, ascending.
    pub fn managers(&self) -> impl Iterator<Item = NodeId> + '_ {
        let members = self.config.common.members.iter().copied();
        members.filter(|id| self.config.role(*id) == Role::ResourceManager)
    }

    /// Without bounds, for runs that end by their length.
    pub(super) fn unbounded(self) -> Self {
        self.voting(&[Vote::Yes, Vote::No])
            .balloting(None)
            .resending()
            .lingering()
            .hurrying()
            .doubting()
            .forgetting()
            .carrying_out()
    }

    pub(super) fn nodes_in_all(&self) -> usize {
        self.config.common.members.len()
    }

    /// Whether some application votes no.
    pub(super) fn votes_no(&self) -> bool {
        self.votes.contains(&Vote::No)
    }

    /// How many ballots there are beyond ballot 0, at most.
    pub(super) fn ballots(&self) -> u64 {
        self.ballots.as_ref().map_or(u64::MAX, |ballots| ballots.iter().sum())
    }

    fn member(&self, me: NodeId) -> Member {
        Member { me, config: Arc::clone(&self.config) }
    }
}

/// The machine of a leader.
pub(super) const fn leading(site: &Site) -> Option<&Leader<u8>> {
    site.right()
}

/// The machine of an acceptor.
pub(super) fn accepting(site: &Site) -> Option<&Acceptor<u8>> {
    site.left().and_then(Either::right)
}

/// The machine of a resource manager.
pub(super) fn managing(site: &Site) -> Option<&ResourceManager<u8>> {
    site.left().and_then(Either::left)
}

impl Spec for PaxosCommitSpec {
    type Machine = Site;
    type History = History;

    fn nodes(&self) -> usize {
        self.config.common.members.len()
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<Site, Corrupt> {
        let member = self.member(node);
        let config = match self.config.role(node) {
            Role::ResourceManager => Either::Left(Either::Left(member)),
            Role::Acceptor => Either::Left(Either::Right(member)),
            Role::Leader => Either::Right(member),
        };
        Site::recover(config, disk, applied)
    }

    fn agrees(&self, machine: &Site, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    /// Leaders are asked to begin, resource managers' applications answer and carry out.
    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<RequestOf<Self>>) {
        let Some(machine) = world.node(node).map(|node| &node.machine) else { return };
        let rank = self.config.leaders.iter().position(|leader| *leader == node);
        if let Some(may) = rank.and_then(|rank| self.begins.get(rank)) {
            let begun = world.history().begun_by(node);
            if begun < *may {
                let branches = self.managers().map(|id| (id, 0)).collect();
                let id = RequestId(begun);
                requests.push(Either::Right(leader::Request::Begin { id, branches }));
            }
        }
        let Some(manager) = managing(machine) else { return };
        for (tx, phase) in manager.participant().transactions() {
            match phase {
                participant::Phase::Asked => {
                    let ready = self.votes.iter().map(|vote| participant::Request::Ready { tx, vote: *vote });
                    requests.extend(ready.map(|request| Either::Left(Either::Left(request))));
                }
                participant::Phase::Decided(_) if self.carries_out => {
                    requests.push(Either::Left(Either::Left(participant::Request::Done { tx })));
                }
                _ => {}
            }
        }
    }

    fn exceeds(&self, machine: &Site) -> Option<&'static str> {
        if let Some(leader) = leading(machine) {
            let rank = self.config.leaders.iter().position(|id| *id == leader.id());
            if let (Some(ballots), Some(rank)) = (&self.ballots, rank) {
                let of = |list: &Vec<u64>| list.get(rank).copied().unwrap_or(0);
                if leader.next_number() > 1 + of(&self.begins) + of(ballots) {
                    return Some("ballots");
                }
            }
            if !self.resends && leader.unanswered() > 0 {
                return Some("resends");
            }
        }
        if let Some(acceptor) = accepting(machine) {
            if !self.lingers && acceptor.quiet() > 0 {
                return Some("lingers");
            }
            let over = |leader: &NodeId| {
                let mut names = (1..=MOST_NUMBERS).map(|number| TxId { coordinator: *leader, number });
                names.any(|tx| acceptor.phase(tx) == Some(acceptor::Phase::Over))
            };
            if !self.forgets && self.config.leaders.iter().any(over) {
                return Some("forgets");
            }
        }
        let participant = managing(machine)?.participant();
        match () {
            () if !self.hurries && participant.unanswered() > 0 => Some("hurries"),
            () if !self.doubts && participant.doubted() > 0 => Some("doubts"),
            () => None,
        }
    }

    fn bounds(&self) -> Bounds {
        let of = |switch: bool| if switch { None } else { Some(0) };
        let ballots = self.ballots.as_ref().map(|ballots| ballots.iter().sum());
        Bounds::from([
            ("acceptors", Some(self.config.acceptors.len() as u64)),
            ("ballots", ballots),
            ("resends", of(self.resends)),
            ("lingers", of(self.lingers)),
            ("hurries", of(self.hurries)),
            ("doubts", of(self.doubts)),
            ("forgets", of(self.forgets)),
        ])
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut History) -> Result<(), &'static str> {
        properties::observe(self, seen, history)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }

    fn leads_to(&self) -> Vec<LeadsTo<Self>> {
        liveness::all()
    }

    fn fairness(&self, action: &ActionOf<Self>) -> Fairness {
        liveness::fairness(action)
    }

    /// What a correct receiver does nothing with, now or after any crash: what is of a ballot that is past, or about what
    /// its disk says is decided or over. (That something was heard resets an acceptor's patience, so where acceptors ask
    /// leaders nothing that they receive is taken out.)
    fn inert(&self, receiver: &Frozen<Self>, _from: NodeId, message: &MessageOf<Self>) -> bool {
        let tx = message.tx();
        match &receiver.machine {
            Either::Left(Either::Left(_)) => is_inert_at_manager(receiver, tx, message),
            Either::Left(Either::Right(acceptor)) if self.down == Some(acceptor.id()) => true,
            Either::Left(Either::Right(_)) => {
                !self.late && !self.lingers && is_inert_at_acceptor(receiver, tx, message)
            }
            Either::Right(leader) => !self.late && is_inert_at_leader(leader, tx, message),
        }
    }

    fn sees_faults(&self) -> bool {
        false
    }

    fn prompt(&self) -> bool {
        true
    }

    /// Nothing that any of them sends is free.
    fn speaks_early(&self) -> bool {
        false
    }

    /// Leaders have ranks; acceptors are alike if all of them are asked at once, and so are resource managers.
    fn symmetric(&self) -> bool {
        self.config.asked_first == self.config.acceptors.len() && self.down.is_none()
    }

    fn kind(&self, node: NodeId) -> u8 {
        let rank = self.config.leaders.iter().position(|leader| *leader == node);
        match self.config.role(node) {
            Role::Leader => rank.and_then(|rank| u8::try_from(rank).ok()).unwrap_or(u8::MAX),
            Role::Acceptor => u8::MAX - 1,
            Role::ResourceManager => u8::MAX,
        }
    }

    fn signature(&self, machine: &Site) -> u64 {
        match machine {
            Either::Left(Either::Left(manager)) => {
                let participant = manager.participant();
                let phases: Vec<_> = participant.transactions().collect();
                fingerprint(&(phases, participant.journal_len()))
            }
            Either::Left(Either::Right(acceptor)) => {
                let live = acceptor.transactions().map(|tx| (tx, acceptor.phase(tx).map(promised)));
                fingerprint(&(live.collect::<Vec<_>>(), acceptor.journal_len()))
            }
            // There is one of each rank.
            Either::Right(_) => 0,
        }
    }

    fn relation(&self, machine: &Site, about: NodeId) -> u64 {
        if let Some(acceptor) = accepting(machine) {
            let accepted = acceptor.transactions().map(|tx| accepted(acceptor, tx, about));
            return fingerprint(&accepted.collect::<Vec<_>>());
        }
        let (Some(leader), Ok(slot)) = (leading(machine), self.config.acceptors.binary_search(&about)) else {
            return 0;
        };
        let has_answered = |phase| match phase {
            leader::Phase::Promising { by, .. } | leader::Phase::Proposing { by, .. } => by.contains(slot),
            _ => false,
        };
        let answered: Vec<_> = leader.transactions().map(|(_, phase)| has_answered(phase)).collect();
        fingerprint(&answered)
    }

    fn message_signature(&self, message: &Message<u8>) -> u64 {
        let tx = message.tx();
        match message {
            Message::Vote { vote, .. } => fingerprint(&(1, tx, vote)),
            Message::Phase1a { ballot, .. } => fingerprint(&(2, tx, ballot)),
            Message::Phase1b { ballot, accepted, .. } => {
                let mut accepted: Vec<_> = accepted.iter().map(|(_, accepted)| *accepted).collect();
                accepted.sort_unstable();
                fingerprint(&(3, tx, ballot, accepted))
            }
            Message::Phase2a { ballot, votes, .. } => fingerprint(&(4, tx, ballot, sorted(votes))),
            Message::Phase2b { ballot, votes, .. } => fingerprint(&(5, tx, ballot, sorted(votes))),
            Message::Preempted { ballot, promised, .. } => fingerprint(&(6, tx, ballot, promised)),
            Message::Decision { outcome, .. } => fingerprint(&(7, tx, outcome)),
            Message::Acknowledge { took, .. } => fingerprint(&(8, tx, took)),
            Message::Prepare { .. } => fingerprint(&(9, tx)),
            Message::Over { .. } => fingerprint(&(10, tx)),
            Message::Presumed { .. } => fingerprint(&(11, tx)),
            Message::Inquire { .. } => fingerprint(&(12, tx)),
            Message::Forget { .. } => fingerprint(&(13, tx)),
            _ => 0,
        }
    }

    /// What is on a disk only ever helps: no property asks for its absence.
    fn quiet(&self, record: &RecordOf<Site>) -> bool {
        matches!(record, Record::Put { .. } | Record::Append { .. })
    }

    fn chooses(&self) -> bool {
        self.config.leaders.len() > 2
    }

    fn summary(&self, machine: &Site) -> String {
        match machine {
            Either::Left(Either::Left(manager)) => {
                let phases =
                    manager.participant().transactions().map(|(tx, phase)| format!("{tx} {phase:?}"));
                phases.collect::<Vec<_>>().join(", ")
            }
            Either::Left(Either::Right(acceptor)) => {
                let live = acceptor.transactions().filter_map(|tx| match acceptor.phase(tx)? {
                    acceptor::Phase::Live { promised, accepted } => {
                        let votes = accepted.iter().map(|(id, vote)| match vote {
                            Some(vote) => format!("{id} {:?} in {}", vote.vote, vote.ballot),
                            None => format!("{id} -"),
                        });
                        Some(format!("{tx} promised {promised}: {}", votes.collect::<Vec<_>>().join(", ")))
                    }
                    other => Some(format!("{tx} {other:?}")),
                });
                live.collect::<Vec<_>>().join("; ")
            }
            Either::Right(leader) => {
                let phases = leader.transactions().map(|(tx, phase)| format!("{tx} {phase:?}"));
                phases.collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn band(&self, machine: &Site) -> Option<Band> {
        let (_, phase) = leading(machine)?.transactions().next()?;
        let (label, hue) = match phase {
            leader::Phase::Voting => ("voting".to_owned(), 215),
            leader::Phase::Promising { ballot, .. } => (format!("phase 1 of {ballot}"), 55),
            leader::Phase::Proposing { ballot, .. } => (format!("phase 2 of {ballot}"), 30),
            leader::Phase::Overtaken { by } => (format!("overtaken by {by}"), 5),
            leader::Phase::Decided(outcome) => (outcome.to_string(), 145),
        };
        Some(Band { label, hue })
    }
}

/// What an acceptor has promised, without the names of resource managers.
fn promised(phase: acceptor::Phase) -> Option<Ballot> {
    match phase {
        acceptor::Phase::Live { promised, .. } => Some(promised),
        _ => None,
    }
}

/// What an acceptor has accepted in the instance of `manager`.
fn accepted(acceptor: &Acceptor<u8>, tx: TxId, manager: NodeId) -> Option<Accepted> {
    match acceptor.phase(tx) {
        Some(acceptor::Phase::Live { accepted, .. }) => {
            accepted.iter().find(|(of, _)| *of == manager).and_then(|(_, accepted)| *accepted)
        }
        _ => None,
    }
}

/// Votes without the names of who voted.
fn sorted(votes: &[(NodeId, Vote)]) -> Vec<Vote> {
    let mut votes: Vec<Vote> = votes.iter().map(|(_, vote)| *vote).collect();
    votes.sort_unstable();
    votes
}

/// What a disk last says of a transaction at a resource manager.
pub(super) fn written(node: &Frozen<PaxosCommitSpec>, tx: TxId) -> Option<&participant::Entry<u8>> {
    let entries = node.disk().log(quorate::commit::JOURNAL).rev();
    let mut of_tx = entries.filter_map(|(_, entry)| entry.left()?.left()).filter(|entry| entry.tx() == tx);
    of_tx.next()
}

/// What a disk last says of a transaction at an acceptor.
pub(super) fn remembered(node: &Frozen<PaxosCommitSpec>, tx: TxId) -> Option<&acceptor::Entry> {
    let entries = node.disk().log(quorate::commit::JOURNAL).rev();
    let mut of_tx = entries.filter_map(|(_, entry)| entry.left()?.right()).filter(|entry| entry.tx() == tx);
    of_tx.next()
}

fn is_inert_at_manager(node: &Frozen<PaxosCommitSpec>, tx: TxId, message: &Message<u8>) -> bool {
    use participant::Entry;
    let outcome = match written(node, tx) {
        Some(Entry::Decided { outcome, .. } | Entry::Ended { outcome: Some(outcome), .. }) => *outcome,
        _ => return false,
    };
    match message {
        Message::Presumed { .. } => true,
        Message::Decision { outcome: told, .. } => (outcome, *told) == (Outcome::Abort, Outcome::Abort),
        Message::Prepare { .. } => outcome == Outcome::Commit,
        _ => false,
    }
}

fn is_inert_at_acceptor(node: &Frozen<PaxosCommitSpec>, tx: TxId, message: &Message<u8>) -> bool {
    let (is_over, is_past_votes) = match remembered(node, tx) {
        Some(acceptor::Entry::Over { .. }) => (true, true),
        Some(acceptor::Entry::Ballots { promised, .. }) => (false, promised.round > 0),
        _ => (false, false),
    };
    match message {
        Message::Vote { .. } => is_past_votes,
        Message::Forget { .. } => is_over,
        _ => false,
    }
}

/// A ballot that a leader has left, it never begins again: its numbers are reserved before they are said.
fn is_inert_at_leader(leader: &Leader<u8>, tx: TxId, message: &Message<u8>) -> bool {
    use leader::Phase;
    let phase = leader.phase(tx);
    match message {
        Message::Phase2b { ballot, .. } if ballot.round == 0 => phase != Some(Phase::Voting),
        Message::Phase1b { ballot: of, .. } => {
            !matches!(phase, Some(Phase::Promising { ballot, .. }) if ballot == *of)
        }
        Message::Phase2b { ballot: of, .. } => {
            !matches!(phase, Some(Phase::Proposing { ballot, .. }) if ballot == *of)
        }
        Message::Preempted { ballot: of, .. } => !matches!(
            phase,
            Some(Phase::Promising { ballot, .. } | Phase::Proposing { ballot, .. }) if ballot == *of
        ),
        _ => false,
    }
}
