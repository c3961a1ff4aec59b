//! A group of replicas and the participants around it on a bench: what moves, moves because the test says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use quorate::commit::{self, Mode, Outcome, TxId, Vote, coordinator, participant};
use quorate::commit_on_raft::{CoordinatorOnRaft, MessageOnRaft, ParticipantOutside};
use quorate::durable::{Image, Recover};
use quorate::either::{self, Either};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine};
use quorate::on_raft::{self, Group, Member, Timer};
use quorate::raft;
use quorate::time::Time;

pub type Node = Either<CoordinatorOnRaft<u8>, ParticipantOutside<u8>>;
pub type Disk = Image<<Node as Machine>::Cell, <Node as Machine>::Entry>;
pub type Told = on_raft::Notice<coordinator::Request<u8>, coordinator::Notice>;

pub const NAME: NodeId = NodeId(100);
pub const ALICE: NodeId = NodeId(11);
pub const BOB: NodeId = NodeId(12);

pub struct Place {
    pub node: Node,
    ledger: LedgerOf<Node>,
    disk: Disk,
    /// What the application of a replica was told, in order.
    pub told: Vec<Told>,
    /// What a participant's application carried out, in order; it survives crashes, as what it prepared does.
    pub outcomes: BTreeMap<TxId, Outcome>,
}

pub struct Bench {
    pub places: BTreeMap<NodeId, Place>,
    pub network: VecDeque<(NodeId, NodeId, MessageOnRaft<u8>)>,
    /// Nodes that nothing reaches and that reach nobody.
    pub cut_off: BTreeSet<NodeId>,
    pub configure: fn(&mut Member<commit::Member>),
    requests: u64,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// Three replicas and two participants, of which none has done anything yet.
    pub fn with(configure: fn(&mut Member<commit::Member>)) -> Self {
        let mut bench = Self {
            places: BTreeMap::new(),
            network: VecDeque::new(),
            cut_off: BTreeSet::new(),
            configure,
            requests: 0,
        };
        for id in [NodeId(1), NodeId(2), NodeId(3), ALICE, BOB] {
            bench.boot(id, Disk::default(), BTreeMap::new());
        }
        bench
    }

    fn boot(&mut self, id: NodeId, disk: Disk, outcomes: BTreeMap<TxId, Outcome>) {
        let members = Arc::new(commit::Config::new(ClusterId(1), [NAME, ALICE, BOB]));
        let replicas = [NodeId(1), NodeId(2), NodeId(3)];
        let config = if id.0 <= 3 {
            let mut raft = raft::Config::new(ClusterId(1), replicas);
            raft.pre_vote = false;
            let raft = raft::Member { me: id, config: Arc::new(raft) };
            let mut member = Member::new(raft, NAME, commit::Member { me: NAME, config: members });
            (self.configure)(&mut member);
            Either::Left(member)
        } else {
            let group = Group { name: NAME, replicas: Arc::new(replicas.to_vec()) };
            Either::Right((commit::Member { me: id, config: members }, group))
        };
        let node = Node::recover(config, &disk, 0).expect("a disk that was written here recovers");
        let place = Place { node, ledger: LedgerOf::<Node>::new(id), disk, told: Vec::new(), outcomes };
        self.places.insert(id, place);
        self.step(id, Input::Start);
    }

    /// Loses all that is not durable, and comes back. (Here everything is durable as soon as it is emitted.)
    pub fn crash(&mut self, id: NodeId) {
        let Place { disk, outcomes, .. } = self.places.remove(&id).expect("the node is there");
        self.boot(id, disk, outcomes);
    }

    /// A node that is gone takes nothing.
    pub fn step(&mut self, id: NodeId, input: InputOf<Node>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(place) = self.places.get_mut(&id) else { return };
            place.node.step(input, &mut place.ledger.port(Time::ZERO, || 0));
            if let Either::Left(replica) = &place.node {
                replica.check().expect("a replica's own invariants hold after each step");
            }
            while let Some(batch) = place.ledger.begin_batch(usize::MAX) {
                for record in place.ledger.batch() {
                    place.disk.apply(record.clone()).expect("records fit the disk");
                }
                place.ledger.complete(batch);
            }
            assert_eq!(place.node.agrees_with(&place.disk), Ok(()), "what is durable is what the node holds");
            while let Some(output) = place.ledger.next_output() {
                match output {
                    Output::Send { to, message } => self.network.push_back((id, to, message)),
                    Output::Loopback(message) => inputs.push_back(Input::Message { from: id, message }),
                    Output::Load { .. } => panic!("nothing is evicted here"),
                    Output::Notify(either::Notice::Left(notice)) => place.told.push(notice),
                    Output::Notify(either::Notice::Right(notice)) => {
                        inputs.extend(
                            carry_out(&mut place.outcomes, notice).map(Either::Right).map(Input::Request),
                        );
                    }
                    Output::Notify(either::Notice::Misdirected) => panic!("nothing is misdirected"),
                }
            }
        }
    }

    /// As long as it takes who is in doubt to ask everybody, and to be answered.
    pub fn wait_long(&mut self) {
        for _ in 0..3 {
            self.ask_again();
            self.deliver_all();
        }
    }

    /// What has not gathered its votes by now is aborted.
    pub fn lose_patience(&mut self) {
        let votes = Input::Timer(Either::Left(Timer::Inner(coordinator::Timer::Votes)));
        [1, 2, 3].into_iter().for_each(|id| self.step(NodeId(id), votes.clone()));
    }

    pub fn expire(&mut self, id: u64, timer: raft::Timer) {
        self.step(NodeId(id), Input::Timer(Either::Left(Timer::Raft(timer))));
    }

    /// Everybody asks again, as timers have them do.
    pub fn ask_again(&mut self) {
        let timers = [
            Either::Left(Timer::Raft(raft::Timer::Heartbeat)),
            Either::Left(Timer::Inner(coordinator::Timer::Resend)),
        ];
        for id in [1, 2, 3].map(NodeId) {
            timers.into_iter().for_each(|timer| self.step(id, Input::Timer(timer)));
        }
        for id in [ALICE, BOB] {
            self.step(id, Input::Timer(Either::Right(participant::Timer::Doubt)));
        }
    }

    /// Delivers the oldest message; whether there was one.
    pub fn deliver(&mut self) -> bool {
        let Some((from, to, message)) = self.network.pop_front() else { return false };
        if !self.cut_off.contains(&from) && !self.cut_off.contains(&to) && self.places.contains_key(&to) {
            self.step(to, Input::Message { from, message });
        }
        true
    }

    pub fn deliver_all(&mut self) {
        while self.deliver() {}
    }

    /// Delivers, oldest first, what `wanted` says; the rest stays.
    pub fn deliver_only(&mut self, wanted: impl Fn(NodeId, NodeId, &MessageOnRaft<u8>) -> bool) {
        while let Some(at) = self.network.iter().position(|(from, to, message)| wanted(*from, *to, message)) {
            let found = self.network.remove(at).expect("it is there");
            self.network.push_front(found);
            self.deliver();
        }
    }

    /// Node `id` becomes leader, with all that is in flight delivered.
    pub fn elect(&mut self, id: u64) {
        self.expire(id, raft::Timer::Election);
        self.deliver_all();
        assert!(self.replica(id).machine().is_some(), "node {id} leads, and the coordinator lives there");
    }

    pub fn replica(&self, id: u64) -> &CoordinatorOnRaft<u8> {
        self.places[&NodeId(id)].node.left().expect("a replica")
    }

    pub fn told(&self, id: u64) -> &[Told] {
        &self.places[&NodeId(id)].told
    }

    /// Asks replica `id` for a transaction of Alice and Bob.
    pub fn begin(&mut self, id: u64, mode: Mode) -> RequestId {
        self.requests += 1;
        let id_of_request = RequestId(self.requests);
        let branches = vec![(ALICE, 1), (BOB, 1)];
        let begin = coordinator::Request::Begin { id: id_of_request, mode, branches };
        self.step(NodeId(id), Input::Request(Either::Left(begin)));
        id_of_request
    }

    /// How Alice's and Bob's applications carried out every transaction.
    pub fn outcomes(&self) -> [Vec<Outcome>; 2] {
        [ALICE, BOB].map(|id| self.places[&id].outcomes.values().copied().collect())
    }
}

/// A participant's application: votes yes, and carries out what it is told.
fn carry_out(
    outcomes: &mut BTreeMap<TxId, Outcome>,
    notice: participant::Notice<u8>,
) -> Option<participant::Request> {
    let (tx, outcome) = match notice {
        participant::Notice::Prepare { tx, .. } => {
            return Some(participant::Request::Ready { tx, vote: Vote::Yes });
        }
        participant::Notice::Apply { tx, .. } => (tx, Outcome::Commit),
        participant::Notice::Undo { tx, .. } => (tx, Outcome::Abort),
        _ => return None,
    };
    let before = outcomes.insert(tx, outcome);
    assert!(before.is_none_or(|before| before == outcome), "{tx} was {before:?} and is to be {outcome:?}");
    Some(participant::Request::Done { tx })
}
