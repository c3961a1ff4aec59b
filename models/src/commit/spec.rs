//! Two-phase commit in a world: who there is, what is begun, how far it goes.

use std::sync::Arc;

use quorate::commit::{Config, JOURNAL, Member, Mode, Outcome, TxId, Vote, coordinator, participant};
use quorate::durable::{Corrupt, Record, Recover};
use quorate::either::{Either, Notice};
use quorate::id::{ClusterId, NodeId};
use quorate::machine::RecordOf;

use super::simulation::Parameters;
use super::{
    Coordinator, History, Message, Node, Participant, application, coverage, liveness, observe, properties,
    render,
};
use crate::check::Bounds;
use crate::coverage::Vocabulary;
use crate::hash::fingerprint;
use crate::liveness::{Fairness, LeadsTo};
use crate::node::{Frozen, ImageOf};
use crate::spec::{Band, Event, NoticeOf, Property, RequestOf, Seen, Shown, Spec};
use crate::world::{ActionOf, World};

/// The cluster under check.
const CLUSTER: ClusterId = ClusterId(1);

/// A transaction that is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written out by worlds")]
pub struct Planned {
    /// What forgetting it means.
    pub mode: Mode,
    /// Who takes part.
    pub participants: Vec<NodeId>,
}

/// Coordinators, then participants, and what is asked of them.
#[derive(Clone, Debug)]
pub struct CommitSpec {
    config: Arc<Config>,
    coordinators: u64,
    planned: Vec<Planned>,
    votes: Vec<Vote>,
    switches: Switches,
    resolutions: usize,
    expect: Expect,
}

/// What may happen besides, each a world of its own kind.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a plain record of switches")]
struct Switches {
    /// A transaction may be asked for before the one before it is forgotten.
    overlaps: bool,
    /// Transactions may be cancelled.
    cancels: bool,
    /// Applications go by positions.
    positions: bool,
    /// Applications say nothing but their votes.
    terse: bool,
    /// Messages that a correct receiver does nothing with stay in flight.
    late: bool,
}

/// What a world must reach, or its check is vacuous.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a plain record of switches")]
pub(super) struct Expect {
    /// A transaction commits.
    pub(super) commits: bool,
    /// One aborts.
    pub(super) aborts: bool,
    /// Somebody learns the outcome from a peer.
    pub(super) cooperates: bool,
    /// An operator does damage.
    pub(super) damages: bool,
    /// A participant remembers a transaction by its floor alone.
    pub(super) forgets: bool,
}

impl CommitSpec {
    /// One coordinator and `participants` participants of which nothing is asked yet, which vote yes or no.
    #[must_use]
    pub fn new(participants: u64) -> Self {
        Self::coordinated_by(1, participants)
    }

    /// `coordinators` coordinators and `participants` participants, named in this order.
    #[must_use]
    pub fn coordinated_by(coordinators: u64, participants: u64) -> Self {
        let nodes = coordinators.saturating_add(participants);
        let mut config = Config::new(CLUSTER, (0..nodes).map(NodeId));
        config.numbers_reserved = 1;
        Self {
            config: Arc::new(config),
            coordinators,
            planned: Vec::new(),
            votes: vec![Vote::Yes, Vote::No],
            switches: Switches::default(),
            resolutions: 0,
            expect: Expect::default(),
        }
    }

    /// With one more transaction to be asked of the first coordinator, of all participants.
    #[must_use]
    pub fn beginning(mut self, mode: Mode) -> Self {
        let participants = self.participants();
        self.planned.push(Planned { mode, participants });
        self
    }

    /// With another configuration.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// With applications that may vote so.
    #[must_use]
    pub fn voting(mut self, votes: &[Vote]) -> Self {
        self.votes = votes.to_vec();
        self
    }

    /// With an operator who decides what is in doubt, at so many participants.
    #[must_use]
    pub const fn resolved_at(mut self, resolutions: usize) -> Self {
        self.resolutions = resolutions;
        self
    }

    /// With transactions asked for before the ones before them are forgotten.
    #[must_use]
    pub const fn overlapping(mut self) -> Self {
        self.switches.overlaps = true;
        self
    }

    /// With transactions that may be cancelled.
    #[must_use]
    pub const fn cancelled(mut self) -> Self {
        self.switches.cancels = true;
        self
    }

    /// With applications that go by positions, and not by names.
    #[must_use]
    pub const fn by_position(mut self) -> Self {
        self.switches.positions = true;
        self
    }

    /// With applications that say nothing but their votes: neither that they have carried out what they were told, nor
    /// what they found prepared after a crash. There are worlds for that.
    #[must_use]
    pub const fn terse(mut self) -> Self {
        self.switches.terse = true;
        self
    }

    /// With messages left in flight that a correct receiver does nothing with.
    ///
    /// Everywhere else they are taken out, and with them the chance to see a receiver that counts them.
    #[must_use]
    pub const fn with_late_messages(mut self) -> Self {
        self.switches.late = true;
        self
    }

    pub(super) const fn expecting(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The nodes that are no coordinators.
    pub(super) fn participants(&self) -> Vec<NodeId> {
        self.config.members.iter().copied().filter(|node| !self.is_coordinator(*node)).collect()
    }

    /// What it is made from again.
    pub(super) fn to_parameters(&self) -> Parameters {
        Parameters {
            config: (*self.config).clone(),
            coordinators: self.coordinators,
            votes: self.votes.clone(),
            resolutions: self.resolutions,
            positions: self.switches.positions,
        }
    }

    /// A cluster of these, of which nothing is planned.
    pub(super) fn of_parameters(parameters: Parameters) -> Self {
        let Parameters { config, coordinators, votes, resolutions, positions } = parameters;
        let spec = Self::coordinated_by(coordinators, 0).configured(|place| *place = config);
        let spec = spec.voting(&votes).resolved_at(resolutions);
        if positions { spec.by_position() } else { spec }
    }

    pub(super) fn planned(&self) -> &[Planned] {
        &self.planned
    }

    pub(super) fn votes(&self) -> &[Vote] {
        &self.votes
    }

    pub(super) const fn overlaps(&self) -> bool {
        self.switches.overlaps
    }

    pub(super) const fn cancels(&self) -> bool {
        self.switches.cancels
    }

    pub(super) const fn by_positions(&self) -> bool {
        self.switches.positions
    }

    pub(super) const fn are_terse(&self) -> bool {
        self.switches.terse
    }

    pub(super) const fn resolutions(&self) -> usize {
        self.resolutions
    }

    pub(super) const fn expect(&self) -> &Expect {
        &self.expect
    }

    const fn is_coordinator(&self, node: NodeId) -> bool {
        node.0 < self.coordinators
    }
}

impl Spec for CommitSpec {
    type Machine = Node;
    type History = History;

    fn nodes(&self) -> usize {
        self.config.members.len()
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<Node, Corrupt> {
        let member = Member { me: node, config: Arc::clone(&self.config) };
        let member = if self.is_coordinator(node) { Either::Left(member) } else { Either::Right(member) };
        Node::recover(member, disk, applied)
    }

    fn agrees(&self, machine: &Node, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<RequestOf<Self>>) {
        application::requests(self, world, node, requests);
    }

    fn bounds(&self) -> Bounds {
        let (planned, resolved) = (self.planned.len() as u64, self.resolutions as u64);
        Bounds::from([("transactions", Some(planned)), ("resolved", Some(resolved))])
    }

    fn applied(&self, notice: &NoticeOf<Self>) -> Option<u64> {
        match notice {
            Notice::Right(
                participant::Notice::Apply { position, .. } | participant::Notice::Undo { position, .. },
            ) if self.switches.positions => Some(*position),
            _ => None,
        }
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut History) -> Result<(), &'static str> {
        observe::observe(self, seen, history)
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

    /// Participants are, where all take part in everything; a coordinator is not one of them.
    fn symmetric(&self) -> bool {
        let participants = self.nodes().saturating_sub(usize::try_from(self.coordinators).unwrap_or(0));
        self.coordinators == 1
            && self.planned.iter().all(|planned| planned.participants.len() == participants)
    }

    fn kind(&self, node: NodeId) -> u8 {
        u8::from(!self.is_coordinator(node))
    }

    fn signature(&self, machine: &Node) -> u64 {
        match machine {
            Either::Left(coordinator) => fingerprint(&(coordinator.next_number(), coordinator.journal_len())),
            Either::Right(participant) => {
                let phases: Vec<_> =
                    participant.transactions().map(|(tx, phase)| (tx.number, phase)).collect();
                fingerprint(&(phases, participant.journal_len()))
            }
        }
    }

    fn relation(&self, machine: &Node, about: NodeId) -> u64 {
        let Either::Left(coordinator) = machine else { return 0 };
        let votes: Vec<_> = coordinator
            .transactions()
            .map(|(tx, _)| {
                coordinator.participants(tx).find(|(node, _)| *node == about).map(|(_, vote)| vote)
            })
            .collect();
        fingerprint(&votes)
    }

    fn message_signature(&self, message: &Message) -> u64 {
        let number = message.tx().number;
        match message {
            Message::Prepare { mode, peers, .. } => fingerprint(&(0, number, mode, peers.len())),
            Message::OnePhase { .. } => fingerprint(&(1, number)),
            Message::Vote { vote, .. } => fingerprint(&(2, number, vote)),
            Message::Decision { mode, outcome, .. } => fingerprint(&(3, number, mode, outcome)),
            Message::Acknowledge { took, .. } => fingerprint(&(4, number, took)),
            Message::Inquire { mode, .. } => fingerprint(&(5, number, mode)),
            Message::InquirePeer { .. } => fingerprint(&(6, number)),
            Message::Answer { outcome, .. } => fingerprint(&(7, number, outcome)),
            _ => 0,
        }
    }

    /// What no question can be open for any more.
    ///
    /// A coordinator counts votes only while it gathers them, and never again in a later life: it recovers what is
    /// decided, and what was being collected it aborts as it starts. An acknowledgement without damage counts only
    /// for what is decided, in memory or, after a crash, on disk. The only participant's answer counts only while it
    /// is awaited, which no crash survives. A participant takes an outcome only while it is in doubt: never again once
    /// an outcome is on its disk; a decision that nobody wants acknowledged then tells it nothing, and who has committed
    /// answers no prepare. What was never begun is told apart by its number, which is on disk before it is said.
    fn inert(&self, receiver: &Frozen<Self>, _from: NodeId, message: &Message) -> bool {
        if self.switches.late {
            return false;
        }
        let tx = message.tx();
        match (&receiver.machine, message) {
            (Either::Left(coordinator), Message::Vote { .. }) => !matches!(
                coordinator.phase(tx),
                Some(coordinator::Phase::Collecting | coordinator::Phase::OnePhase)
            ),
            (Either::Left(coordinator), Message::Answer { .. }) => coordinator.phase(tx).is_none(),
            (Either::Left(coordinator), Message::Acknowledge { took: None, .. }) => {
                coordinator.phase(tx).is_none() && !remembers(receiver.disk(), tx)
            }
            (Either::Right(_), Message::Answer { .. }) => is_decided(receiver.disk(), tx),
            (Either::Right(_), Message::Decision { mode, outcome, .. }) => {
                !mode.wants_acknowledgement(*outcome) && is_carried(receiver.disk(), tx, *outcome)
            }
            (Either::Right(_), Message::Prepare { .. }) => is_carried(receiver.disk(), tx, Outcome::Commit),
            _ => false,
        }
    }

    /// No property minds what is in flight, but for answers that contradict: more of them can only make it fall.
    fn sees_faults(&self) -> bool {
        false
    }

    /// What is written down only ever helps, but that damage must be told before what it is of is over, and that what
    /// is dropped is missing.
    fn quiet(&self, record: &RecordOf<Node>) -> bool {
        match record {
            Record::Put { .. } => true,
            Record::Append { entry: Either::Right(participant::Entry::Ended { .. }), .. } => {
                self.resolutions == 0
            }
            Record::Append { .. } => true,
            Record::Remove { .. } | Record::Truncate { .. } | Record::Discard { .. } => false,
        }
    }

    fn prompt(&self) -> bool {
        true
    }

    /// Nothing that any of them sends is free.
    fn speaks_early(&self) -> bool {
        false
    }

    fn vocabulary(&self) -> Vocabulary {
        coverage::VOCABULARY
    }

    fn phase(&self, machine: &Node) -> &'static str {
        coverage::phase(machine)
    }

    fn input(&self, before: &Node, event: &Event<'_, Self>) -> &'static str {
        coverage::input(before, event)
    }

    fn outcome(&self, notice: &NoticeOf<Self>) -> Option<&'static str> {
        coverage::outcome(notice)
    }

    fn show(&self, shown: &Shown<'_, Self>) -> String {
        render::shown(shown)
    }

    fn summary(&self, machine: &Node) -> String {
        render::summary(machine)
    }

    fn band(&self, machine: &Node) -> Option<Band> {
        render::band(machine)
    }
}

/// What a coordinator's disk says of a transaction last.
pub(super) fn coordinators_entry(disk: &ImageOf<CommitSpec>, tx: TxId) -> Option<&coordinator::Entry> {
    disk.log(JOURNAL).filter_map(|(_, entry)| entry.left()).rfind(|entry| entry.tx() == tx)
}

/// What a participant's disk says of a transaction last.
pub(super) fn participants_entry(
    disk: &ImageOf<CommitSpec>,
    tx: TxId,
) -> Option<&participant::Entry<super::Work>> {
    disk.log(JOURNAL).filter_map(|(_, entry)| entry.right()).rfind(|entry| entry.tx() == tx)
}

fn remembers(disk: &ImageOf<CommitSpec>, tx: TxId) -> bool {
    matches!(
        coordinators_entry(disk, tx),
        Some(coordinator::Entry::Decided { .. } | coordinator::Entry::Collecting { .. })
    )
}

fn is_decided(disk: &ImageOf<CommitSpec>, tx: TxId) -> bool {
    matches!(
        participants_entry(disk, tx),
        Some(participant::Entry::Decided { .. } | participant::Entry::Ended { .. })
    )
}

/// Whether a participant's disk has this outcome, and no operator decided otherwise.
fn is_carried(disk: &ImageOf<CommitSpec>, tx: TxId, outcome: Outcome) -> bool {
    matches!(
        participants_entry(disk, tx),
        Some(
            participant::Entry::Decided { outcome: known, took: None, .. }
            | participant::Entry::Ended { outcome: Some(known), took: None, .. }
        ) if *known == outcome
    )
}

/// Whether `participant`, or the disk that it would come back with, has voted yes and does not know the outcome.
pub(super) fn is_in_doubt(participant: &Participant, disk: &ImageOf<CommitSpec>, tx: TxId) -> bool {
    let now = matches!(participant.phase(tx), Some(participant::Phase::InDoubt { .. }));
    now || matches!(participants_entry(disk, tx), Some(participant::Entry::Prepared { .. }))
}

/// The coordinator of a transaction, in a world.
pub(super) fn coordinator_of(world: &World<CommitSpec>, tx: TxId) -> Option<&Coordinator> {
    world.node(tx.coordinator).and_then(|node| node.machine.left())
}
