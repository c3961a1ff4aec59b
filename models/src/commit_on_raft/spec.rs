//! Replicas of a coordinator and participants in a world.

use std::sync::Arc;

use quorate::commit::{self, Mode, TxId, Vote, coordinator, participant};
use quorate::durable::{Corrupt, Record, Recover};
use quorate::either::Either;
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::RecordOf;
use quorate::on_raft::{Group, Member};
use quorate::raft::{self, Cell, HARD_STATE, Term};

use super::{History, Message, Node, properties};
use crate::check::Bounds;
use crate::hash::fingerprint;
use crate::node::{Frozen, ImageOf};
use crate::raft::is_past_answering;
use crate::spec::{Band, Property, RequestOf, Seen, Spec, TimerOf};
use crate::world::{Action, ActionOf, World};

/// The cluster under check, and its Raft group.
const CLUSTER: ClusterId = ClusterId(1);
/// The coordinator on the group.
const NAME: NodeId = NodeId(99);

/// Replicas, participants, and how far they go.
#[derive(Clone, Debug)]
pub struct CommitOnRaftSpec {
    raft: Arc<raft::Config>,
    commit: Arc<commit::Config>,
    replicas: Arc<Vec<NodeId>>,
    participants: Vec<NodeId>,
    mode: Mode,
    /// No term is later.
    terms: u64,
    /// No log is longer.
    entries: u64,
    /// Whether the world begins with a leader that was asked for a transaction.
    led: bool,
    /// How many transactions are asked for.
    transactions: u8,
    /// Whether nothing that the first replica sends reaches the last, which never campaigns.
    parted: bool,
}

impl CommitOnRaftSpec {
    /// `replicas` replicas and `participants` participants; no term is later than `terms`, no log longer than `entries`.
    #[must_use]
    pub fn new(replicas: u64, participants: u64, (terms, entries): (u64, u64), mode: Mode) -> Self {
        let names: Vec<NodeId> = (0..replicas).map(NodeId).collect();
        let participants: Vec<NodeId> =
            (replicas..replicas.saturating_add(participants)).map(NodeId).collect();
        let mut raft = raft::Config::new(CLUSTER, names.iter().copied());
        (raft.pre_vote, raft.check_quorum, raft.eager_commit) = (false, false, false);
        (raft.max_inflight_messages, raft.max_append_entries) = (2, 2);
        let commit = commit::Config::new(CLUSTER, participants.iter().copied().chain([NAME]));
        Self {
            raft: Arc::new(raft),
            commit: Arc::new(commit),
            replicas: Arc::new(names),
            participants,
            mode,
            terms,
            entries,
            led: true,
            transactions: 1,
            parted: false,
        }
    }

    /// With other configurations.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut raft::Config, &mut commit::Config)) -> Self {
        change(Arc::make_mut(&mut self.raft), Arc::make_mut(&mut self.commit));
        self
    }

    /// Beginning with nodes as new.
    #[must_use]
    pub const fn beginning_new(mut self) -> Self {
        self.led = false;
        self
    }

    /// Asked for so many transactions, rather than one.
    #[must_use]
    pub const fn asked(mut self, transactions: u8) -> Self {
        self.transactions = transactions;
        self
    }

    /// In a partition that lasts as long as the world: nothing that the first replica sends reaches the last, which votes and
    /// follows and never campaigns, and of which participants need not know. So another one leads without the first, which
    /// goes on leading and does not know.
    #[must_use]
    pub const fn parted(mut self) -> Self {
        self.parted = true;
        self
    }

    /// Whether it is the replica that never campaigns.
    fn is_witness(&self, node: NodeId) -> bool {
        self.parted && self.replicas.last() == Some(&node)
    }

    pub(super) const fn transactions(&self) -> u8 {
        self.transactions
    }

    pub(super) fn raft(&self) -> &raft::Config {
        &self.raft
    }

    pub(super) fn commit(&self) -> &commit::Config {
        &self.commit
    }

    pub(super) fn replicas(&self) -> &[NodeId] {
        &self.replicas
    }

    pub(super) fn participants(&self) -> &[NodeId] {
        &self.participants
    }

    /// A transaction of all participants.
    pub(super) fn begin(&self, id: u64, mode: Mode) -> RequestOf<Self> {
        let branches = self.participants.iter().map(|node| (*node, ())).collect();
        Either::Left(coordinator::Request::Begin { id: RequestId(id), mode, branches })
    }
}

/// What the application of a participant may say next: a vote where it was asked, and that what was decided is
/// carried out.
pub(super) fn answers(machine: &Node) -> impl Iterator<Item = (TxId, participant::Phase)> {
    let open = |(_, phase): &(TxId, participant::Phase)| {
        matches!(phase, participant::Phase::Asked | participant::Phase::Decided(_))
    };
    machine.right().into_iter().flat_map(|outside| outside.machine().transactions()).filter(open)
}

impl Spec for CommitOnRaftSpec {
    type Machine = Node;
    type History = History;

    fn nodes(&self) -> usize {
        self.replicas.len() + self.participants.len()
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<Node, Corrupt> {
        let member = |me| commit::Member { me, config: Arc::clone(&self.commit) };
        let config = if self.replicas.contains(&node) {
            let raft = raft::Member { me: node, config: Arc::clone(&self.raft) };
            Either::Left(Member::new(raft, NAME, member(NAME)))
        } else {
            let leading = self.replicas.iter().copied().filter(|node| !self.is_witness(*node)).collect();
            Either::Right((member(node), Group { name: NAME, replicas: Arc::new(leading) }))
        };
        Node::recover(config, disk, applied)
    }

    fn agrees(&self, machine: &Node, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    /// The first replica campaigns and is asked for a transaction; nothing is lost or late until then. In a partition the
    /// world begins once the participant is on its way to hear of it.
    fn prologue(&self, world: &World<Self>, offered: &[ActionOf<Self>]) -> Option<ActionOf<Self>> {
        let said = || world.network().iter().any(|envelope| matches!(envelope.message, Message::Inner(_)));
        if !self.led || world.history().asked > 0 && (!self.parted || said()) {
            return None;
        }
        let leads = properties::replicas(world).any(|replica| replica.raft().is_leader());
        let rank = |action: &&ActionOf<Self>| match action {
            Action::Flush(_) | Action::Inbox(..) => 0,
            Action::Deliver(..) => 1,
            Action::Fire(node, Either::Left(quorate::on_raft::Timer::Raft(timer)), _)
                if *node == NodeId(0) =>
            {
                match (leads, timer) {
                    (false, raft::Timer::Election) => 2,
                    // What the first commit leaves the followers to hear of.
                    (true, raft::Timer::Heartbeat) if !lives(world) => 2,
                    _ => 9,
                }
            }
            Action::Request(..) if lives(world) => 3,
            _ => 9,
        };
        offered.iter().min_by_key(rank).filter(|action| rank(action) < 9).cloned()
    }

    /// Transactions are asked of whoever leads; participants vote and carry out.
    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<RequestOf<Self>>) {
        let Some(machine) = world.node(node).map(|node| &node.machine) else { return };
        if let Either::Left(replica) = machine {
            if replica.machine().is_some() && world.history().asked < self.transactions {
                requests.push(self.begin(0, self.mode));
            }
            return;
        }
        for (tx, phase) in answers(machine) {
            let asks = match phase {
                participant::Phase::Asked => {
                    [Vote::Yes, Vote::No].map(|vote| participant::Request::Ready { tx, vote }).to_vec()
                }
                _ => vec![participant::Request::Done { tx }],
            };
            requests.extend(asks.into_iter().map(Either::Right));
        }
    }

    fn expires(&self, id: NodeId, timer: &TimerOf<Self>) -> bool {
        let campaigns = matches!(timer, Either::Left(quorate::on_raft::Timer::Raft(raft::Timer::Election)));
        !campaigns || !self.is_witness(id)
    }

    fn linked(&self, from: NodeId, to: NodeId) -> bool {
        from != NodeId(0) || !self.is_witness(to)
    }

    fn exceeds(&self, machine: &Node) -> Option<&'static str> {
        let raft = machine.left()?.raft();
        if raft.term().0 > self.terms {
            return Some("terms");
        }
        (raft.last().index.0 > self.entries).then_some("entries")
    }

    fn bounds(&self) -> Bounds {
        let transactions = ("transactions", Some(u64::from(self.transactions)));
        Bounds::from([("terms", Some(self.terms)), ("entries", Some(self.entries)), transactions])
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut History) -> Result<(), &'static str> {
        properties::observe(self, seen, history)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }

    /// Replicas are alike, and so are participants; who led first is told by its state.
    fn symmetric(&self) -> bool {
        true
    }

    fn kind(&self, node: NodeId) -> u8 {
        let replica = self.replicas.contains(&node);
        match node {
            // Ascending with the names, as they are given.
            NodeId(0) if self.parted => 0,
            node if self.is_witness(node) => 2,
            _ if replica => 1,
            _ => 3,
        }
    }

    fn signature(&self, machine: &Node) -> u64 {
        match machine {
            Either::Left(replica) => {
                let raft = replica.raft();
                let role = (raft.is_leader(), raft.term(), raft.last(), raft.noticed());
                let life = replica.machine().map(|machine| machine.transactions().collect::<Vec<_>>());
                fingerprint(&(role, raft.vote() == Some(raft.id()), replica.waiting(), life))
            }
            Either::Right(outside) => fingerprint(&outside.machine().transactions().collect::<Vec<_>>()),
        }
    }

    fn sees_faults(&self) -> bool {
        false
    }

    /// As for Raft alone: a term, a vote or an entry on disk only ever helps.
    fn quiet(&self, record: &RecordOf<Node>) -> bool {
        matches!(
            record,
            Record::Put { value: Either::Left(_), .. } | Record::Append { entry: Either::Left(_), .. }
        )
    }

    /// As for Raft alone. Of the rest, what is meant for a coordinator, where there never is one.
    fn inert(&self, receiver: &Frozen<Self>, _from: NodeId, message: &Message) -> bool {
        let Either::Left(replica) = &receiver.machine else { return false };
        let Message::Raft(message) = message else { return self.is_witness(replica.raft().id()) };
        let durable = match receiver.disk().get(HARD_STATE) {
            Some(Either::Left(Cell::HardState { term, .. })) => *term,
            _ => Term(0),
        };
        is_past_answering(replica.raft(), durable, message)
    }

    /// What is asked of a node rests on that node alone, and no property compares what nodes say.
    fn prompt(&self) -> bool {
        true
    }

    fn band(&self, machine: &Node) -> Option<Band> {
        let replica = machine.left()?;
        let term = replica.raft().term();
        let (label, hue) = match (replica.raft().is_leader(), replica.machine().is_some()) {
            (true, true) => (format!("coordinates, {term}"), 145),
            (true, false) => (format!("leads, {term}"), 90),
            _ => (format!("replica, {term}"), 215),
        };
        Some(Band { label, hue })
    }

    fn summary(&self, machine: &Node) -> String {
        match machine {
            Either::Left(replica) => {
                let raft = replica.raft();
                let machine = replica.machine().map(|machine| machine.transactions().collect::<Vec<_>>());
                format!(
                    "{}, last {}, told {}, waiting {}, {machine:?}",
                    raft.term(),
                    raft.last().index,
                    raft.noticed(),
                    replica.waiting()
                )
            }
            Either::Right(outside) => {
                let transactions: Vec<_> = outside.machine().transactions().collect();
                format!("{transactions:?}")
            }
        }
    }
}

fn lives(world: &World<CommitOnRaftSpec>) -> bool {
    properties::replicas(world).any(|replica| replica.machine().is_some() && replica.waiting() == 0)
}
