//! Two-phase commit of three participants, all in one process, each behind the shipped ledger with its records in an
//! image in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use quorate::commit::{
    Config, Coordinator, Member, Message, Mode, Participant, Vote, coordinator, participant,
};
use quorate::durable::{Image, Recover};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, InputOf};
use quorate::time::Time;

const COORDINATOR: NodeId = NodeId(1);

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) decided: u64,
    pub(crate) messages: u64,
    pub(crate) records: u64,
}

struct Node<M: Recover> {
    machine: M,
    ledger: LedgerOf<M>,
    disk: Image<M::Cell, M::Entry>,
    me: NodeId,
}

impl<M: Recover<Cell: Clone, Entry: Clone, Message = Message<u64>>> Node<M> {
    fn new(me: NodeId, machine: M) -> Self {
        Self { machine, ledger: LedgerOf::<M>::new(me), disk: Image::default(), me }
    }

    /// One step, its records written, its messages on the network; what the application is told goes to `told`.
    fn step(
        &mut self,
        input: InputOf<M>,
        network: &mut VecDeque<(NodeId, NodeId, Message<u64>)>,
        counts: &mut Counts,
        told: &mut VecDeque<M::Notice>,
    ) {
        self.machine.step(input, &mut self.ledger.port(Time::ZERO, || 0));
        while let Some(batch) = self.ledger.begin_batch(usize::MAX) {
            for record in self.ledger.batch() {
                counts.records += 1;
                self.disk.apply(record.clone()).expect("records fit the disk");
            }
            self.ledger.complete(batch);
        }
        while let Some(output) = self.ledger.next_output() {
            match output {
                Output::Send { to, message } => {
                    counts.messages += 1;
                    network.push_back((self.me, to, message));
                }
                Output::Notify(notice) => told.push_back(notice),
                Output::Loopback(_) | Output::Load { .. } => {}
            }
        }
    }
}

pub(crate) struct Commit {
    coordinator: Node<Coordinator<u64>>,
    participants: Vec<Node<Participant<u64>>>,
    network: VecDeque<(NodeId, NodeId, Message<u64>)>,
    to_coordinator: VecDeque<coordinator::Notice>,
    to_participant: VecDeque<participant::Notice<u64>>,
    mode: Mode,
    begun: u64,
    pub(crate) counts: Counts,
}

impl Commit {
    pub(crate) fn new(participants: u64, mode: Mode) -> Result<Self, Box<dyn std::error::Error>> {
        let config = Arc::new(Config::new(ClusterId(1), (1..=participants + 1).map(NodeId)));
        let member = |me| Member { me, config: Arc::clone(&config) };
        let of = |id| Ok(Node::new(NodeId(id), Participant::new(member(NodeId(id)))?));
        let others = (2..=participants + 1).map(of);
        Ok(Self {
            coordinator: Node::new(COORDINATOR, Coordinator::new(member(COORDINATOR))?),
            participants: others.collect::<Result<_, quorate::commit::ConfigError>>()?,
            network: VecDeque::new(),
            to_coordinator: VecDeque::new(),
            to_participant: VecDeque::new(),
            mode,
            begun: 0,
            counts: Counts::default(),
        })
    }

    /// Runs so many transactions until nothing of them moves, `at_once` at a time.
    pub(crate) fn run(&mut self, transactions: u64, at_once: u64) {
        let upto = self.begun + transactions;
        while self.begun < upto {
            for _ in 0..at_once.min(upto - self.begun) {
                self.begin();
            }
            while let Some((from, to, message)) = self.network.pop_front() {
                self.deliver(from, to, message);
            }
        }
    }

    fn begin(&mut self) {
        self.begun += 1;
        let branches = self.participants.iter().map(|node| (node.me, 7)).collect();
        let id = RequestId(self.begun);
        let begin = Input::Request(coordinator::Request::Begin { id, mode: self.mode, branches });
        self.coordinator.step(begin, &mut self.network, &mut self.counts, &mut self.to_coordinator);
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, message: Message<u64>) {
        let Self { coordinator, participants, network, to_coordinator, to_participant, counts, .. } = self;
        if to == COORDINATOR {
            coordinator.step(Input::Message { from, message }, network, counts, to_coordinator);
            while let Some(notice) = to_coordinator.pop_front() {
                counts.decided += u64::from(matches!(notice, coordinator::Notice::Outcome { .. }));
            }
            return;
        }
        let at = usize::try_from(to.0 - 2).unwrap_or(usize::MAX);
        let Some(node) = participants.get_mut(at) else { return };
        node.step(Input::Message { from, message }, network, counts, to_participant);
        while let Some(notice) = to_participant.pop_front() {
            let request = match notice {
                participant::Notice::Prepare { tx, .. } => {
                    participant::Request::Ready { tx, vote: Vote::Yes }
                }
                participant::Notice::Apply { tx, .. } | participant::Notice::Undo { tx, .. } => {
                    participant::Request::Done { tx }
                }
                _ => continue,
            };
            node.step(Input::Request(request), network, counts, to_participant);
        }
    }
}
