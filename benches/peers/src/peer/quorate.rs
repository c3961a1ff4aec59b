//! quorate: the machine behind the shipped ledger, with its default configuration but for the size of its cache, and
//! for the number of appends on their way to one follower.

use std::sync::Arc;

use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{Ledger, LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine, RecordOf};
use quorate::raft::{Config, Member, Message, Notice, Payload, Raft, Request, Timer};
use quorate::time::Time;

use crate::pump::{Applied, Network, Peer, Spread};

type Command = Arc<[u8]>;
type Node = Raft<Command>;

/// A node with its ledger, and a disk that is a list of records. No more than `WINDOW` appends are on their way to a
/// follower: proposals that come meanwhile gather, and leave as one append.
pub(crate) struct QuorateNode<const WINDOW: usize> {
    node: Node,
    ledger: LedgerOf<Node>,
    disk: Vec<RecordOf<Node>>,
    proposals: u64,
    applied: Applied,
}

impl<const WINDOW: usize> QuorateNode<WINDOW> {
    #[inline]
    fn step(&mut self, input: InputOf<Node>) {
        self.node.step(input, &mut self.ledger.port(Time::ZERO, || 0));
    }

    fn request(&mut self, commands: impl IntoIterator<Item = Command>) {
        let id = RequestId(self.proposals);
        self.proposals += 1;
        let commands = commands.into_iter().collect();
        self.step(Input::Request(Request::Propose { id, commands }));
    }

    fn notice(&mut self, notice: Notice<Command>) {
        match notice {
            Notice::Committed { payload: Payload::Command(command), .. } => self.applied.apply(&command),
            Notice::Refused { reason, .. } => panic!("a proposal was refused: {reason}"),
            Notice::Rejected { reason, .. } => panic!("a message was rejected: {reason}"),
            _ => {}
        }
    }
}

impl<const WINDOW: usize> Peer for QuorateNode<WINDOW> {
    type Message = Message<Command>;
    type Command = Command;

    const SPREADS_COMMITS: bool = true;

    fn new(me: u64, nodes: u64, spread: Spread) -> Self {
        let mut config = Config::new(ClusterId(1), (1..=nodes).map(NodeId));
        config.eager_commit = spread == Spread::AtOnce;
        // Soon full, as it is in a cluster that has run for a while; the others' logs are cut off the clock.
        config.max_cached_entries = 1024;
        config.max_inflight_messages = WINDOW;
        let me = NodeId(me);
        let node = Raft::new(Member { me, config: Arc::new(config) }).expect("the configuration stands");
        let (ledger, disk) = (Ledger::new(me), Vec::new());
        let mut node = Self { node, ledger, disk, proposals: 0, applied: Applied::new() };
        node.step(Input::Start);
        node
    }

    fn command(bytes: &[u8]) -> Command {
        bytes.into()
    }

    fn campaign(&mut self, _: &mut Network<Self::Message>) {
        self.step(Input::Timer(Timer::Election));
    }

    fn is_leader(&self) -> bool {
        self.node.is_leader()
    }

    fn propose(&mut self, command: Command, _: &mut Network<Self::Message>) {
        self.request([command]);
    }

    fn propose_all(&mut self, commands: impl Iterator<Item = Command>, _: &mut Network<Self::Message>) {
        self.request(commands);
    }

    fn receive(&mut self, from: u64, message: Self::Message, _: &mut Network<Self::Message>) {
        self.step(Input::Message { from: NodeId(from), message });
    }

    fn settle(&mut self, net: &mut Network<Self::Message>) {
        let me = self.node.id();
        loop {
            while let Some(output) = self.ledger.next_output() {
                match output {
                    Output::Send { to, message } => net.send(me.0, to.0, message),
                    Output::Loopback(message) => self.step(Input::Message { from: me, message }),
                    Output::Notify(notice) => self.notice(notice),
                    Output::Load { .. } => panic!("all that is needed is in memory"),
                }
            }
            let Some(batch) = self.ledger.begin_batch(usize::MAX) else { return };
            self.disk.extend(self.ledger.batch().cloned());
            self.ledger.complete(batch);
        }
    }

    fn heartbeat(&mut self, _: &mut Network<Self::Message>) {
        self.step(Input::Timer(Timer::Heartbeat));
    }

    fn compact(&mut self, _: &mut Network<Self::Message>) {
        self.disk.clear();
    }

    fn applied(&mut self) -> &mut Applied {
        &mut self.applied
    }
}
