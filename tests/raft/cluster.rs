//! A cluster on a bench: every message, disk and timer moves only when the test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate::durable::{Image, Recover};
use quorate::id::{ClusterId, LogId, NodeId, RequestId};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, Machine};
use quorate::raft::{
    Cell, Config, Entry, Index, Member, Message, Notice, Payload, Raft, Request, Term, Timer,
};
use quorate::time::Time;

pub type Command = u32;
pub type Disk = Image<Cell, Entry<Command>>;

pub struct Node {
    pub raft: Raft<Command>,
    pub ledger: LedgerOf<Raft<Command>>,
    pub disk: Disk,
    /// Whether records become durable by themselves.
    pub disk_works: bool,
    pub notices: Vec<Notice<Command>>,
    pub loads: Vec<(LogId, u64, u64)>,
}

pub struct Cluster {
    pub config: Arc<Config>,
    pub nodes: BTreeMap<NodeId, Node>,
    /// Messages on their way, in the order in which they were sent.
    pub network: VecDeque<(NodeId, NodeId, Message<Command>)>,
    /// Nodes that nothing reaches and that reach nobody.
    pub cut_off: Vec<NodeId>,
    requests: u64,
}

pub fn n(id: u64) -> NodeId {
    NodeId(id)
}

impl Cluster {
    pub fn new(size: u64) -> Self {
        Self::with(size, |_| {})
    }

    pub fn with(size: u64, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(ClusterId(7), (1..=size).map(NodeId));
        configure(&mut config);
        let mut cluster = Self {
            config: Arc::new(config),
            nodes: BTreeMap::new(),
            network: VecDeque::new(),
            cut_off: Vec::new(),
            requests: 0,
        };
        for id in 1..=size {
            cluster.boot(n(id), Disk::default(), 0);
        }
        cluster
    }

    /// Starts a node from what is on `disk`.
    pub fn boot(&mut self, id: NodeId, disk: Disk, applied: u64) {
        let member = Member { me: id, config: self.config.clone() };
        let raft = Raft::recover(member, &disk, applied).expect("a disk that this cluster wrote recovers");
        let ledger = LedgerOf::<Raft<Command>>::new(id);
        let node = Node { raft, ledger, disk, disk_works: true, notices: Vec::new(), loads: Vec::new() };
        self.nodes.insert(id, node);
        self.step(id, Input::Start);
    }

    /// Loses all that is not durable, and comes back.
    pub fn crash(&mut self, id: NodeId, applied: u64) {
        let disk = self.nodes.remove(&id).expect("the node is there").disk;
        self.boot(id, disk, applied);
    }

    pub fn node(&self, id: u64) -> &Node {
        &self.nodes[&n(id)]
    }

    pub fn node_mut(&mut self, id: u64) -> &mut Node {
        self.nodes.get_mut(&n(id)).expect("the node is there")
    }

    pub fn step(
        &mut self,
        id: NodeId,
        input: Input<Message<Command>, Timer, Request<Command>, Entry<Command>>,
    ) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.raft.step(input, &mut node.ledger.port(Time::ZERO, || 0));
        node.raft.check().expect("a node's own invariants hold after each step");
        self.settle(id);
    }

    /// Carries out what a node's ledger lets go; a working disk makes all records durable.
    pub fn settle(&mut self, id: NodeId) {
        loop {
            let Some(node) = self.nodes.get_mut(&id) else { return };
            while let Some(output) = node.ledger.next_output() {
                match output {
                    Output::Send { to, message } => self.network.push_back((id, to, message)),
                    Output::Notify(notice) => node.notices.push(notice),
                    Output::Load { log, from, upto } => node.loads.push((log, from, upto)),
                    Output::Loopback(message) => {
                        node.raft.step(
                            Input::Message { from: id, message },
                            &mut node.ledger.port(Time::ZERO, || 0),
                        );
                    }
                }
            }
            if !node.disk_works || !self.sync(id) {
                return;
            }
        }
    }

    /// Makes all held records durable: whether there was any.
    pub fn sync(&mut self, id: NodeId) -> bool {
        let Some(node) = self.nodes.get_mut(&id) else { return false };
        let Some(batch) = node.ledger.begin_batch(usize::MAX) else { return false };
        for record in node.ledger.batch() {
            node.disk.apply(record.clone()).expect("records fit the disk");
        }
        node.ledger.complete(batch);
        if !node.ledger.is_waiting() {
            node.raft.agrees_with(&node.disk).expect("what is durable is what the node holds to be");
        }
        true
    }

    /// Delivers the oldest message that is not cut off: whether there was one.
    pub fn deliver_one(&mut self) -> bool {
        while let Some((from, to, message)) = self.network.pop_front() {
            if self.cut_off.contains(&from) || self.cut_off.contains(&to) {
                continue;
            }
            self.step(to, Input::Message { from, message });
            return true;
        }
        false
    }

    /// Delivers until nothing moves.
    pub fn deliver_all(&mut self) {
        let mut moved = 0;
        while self.deliver_one() {
            moved += 1;
            assert!(moved < 100_000, "the cluster does not come to rest");
        }
    }

    pub fn deliver_to(&mut self, id: NodeId, from: NodeId, message: Message<Command>) {
        self.step(id, Input::Message { from, message });
    }

    pub fn election_timeout(&mut self, id: u64) {
        self.step(n(id), Input::Timer(Timer::Election));
    }

    pub fn heartbeat(&mut self, id: u64) {
        self.step(n(id), Input::Timer(Timer::Heartbeat));
    }

    /// Makes a node the leader, with everyone's consent.
    pub fn elect(&mut self, id: u64) {
        for other in self.nodes.keys().copied().collect::<Vec<_>>() {
            if other != n(id) && !self.cut_off.contains(&other) && !self.nodes[&other].raft.is_leader() {
                self.election_timeout(other.0);
                self.network.retain(|(from, ..)| *from != other);
            }
        }
        self.election_timeout(id);
        self.deliver_all();
        assert!(self.node(id).raft.is_leader(), "n{id} is elected");
    }

    pub fn propose(&mut self, id: u64, commands: &[Command]) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        let propose = Request::Propose { id: request, commands: commands.iter().copied().collect() };
        self.step(n(id), Input::Request(propose));
        request
    }

    /// The commands that a node has told its application, in order.
    pub fn applied(&self, id: u64) -> Vec<Command> {
        let command = |notice: &Notice<Command>| match notice {
            Notice::Committed { payload: Payload::Command(command), .. } => Some(*command),
            _ => None,
        };
        self.node(id).notices.iter().filter_map(command).collect()
    }

    /// Answers the node's outstanding read-backs from its disk, at most `most` entries each.
    pub fn answer_loads(&mut self, id: u64, most: usize) -> usize {
        let loads = std::mem::take(&mut self.node_mut(id).loads);
        for (log, from, upto) in &loads {
            let disk = &self.node(id).disk;
            let wanted = disk.log(*log).filter(|(index, _)| (*from..=*upto).contains(index));
            let entries = wanted.map(|(_, entry)| entry.clone()).take(most).collect();
            self.step(n(id), Input::Loaded { log: *log, from: *from, entries });
        }
        loads.len()
    }

    /// A disk with these terms in its log, and nothing else to tell.
    pub fn disk(id: u64, term: u64, terms: &[u64]) -> Disk {
        use quorate::durable::Record;
        use quorate::raft::{HARD_STATE, IDENTITY, LOG};
        let mut disk = Disk::default();
        let identity = Cell::Identity { cluster: ClusterId(7), node: n(id) };
        let hard_state = Cell::HardState { term: Term(term), vote: None };
        disk.apply(Record::Put { cell: IDENTITY, value: identity }).expect("a cell fits");
        disk.apply(Record::Put { cell: HARD_STATE, value: hard_state }).expect("a cell fits");
        for (index, term) in (1..).zip(terms) {
            let entry =
                Entry { term: Term(*term), payload: Payload::Command(Command::try_from(index).unwrap_or(0)) };
            disk.apply(Record::Append { log: LOG, index, entry }).expect("entries follow each other");
        }
        disk
    }

    pub fn terms(&self, id: u64) -> Vec<u64> {
        let raft = &self.node(id).raft;
        (1..=raft.last().index.0).filter_map(|index| raft.term_at(Index(index))).map(|term| term.0).collect()
    }
}
