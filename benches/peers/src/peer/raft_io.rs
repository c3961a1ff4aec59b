//! raft-io with its own log in memory. It has no call for many proposals, and tells followers of commits with the next
//! append or heartbeat only. It persists inside of its step, so there is nothing to group.

use raft_io::{Action, Event, MemoryLog, Message, RaftConfig, RaftNode};

use crate::pump::{Applied, Network, Peer, Spread};

pub(crate) struct RaftIoNode {
    node: RaftNode<MemoryLog>,
    applied: Applied,
}

impl RaftIoNode {
    fn step(&mut self, event: Event, net: &mut Network<Message>) {
        for action in self.node.step(event).expect("a log in memory does not fail") {
            match action {
                Action::Send { to, message } => net.send(self.node.id(), to, message),
                Action::Apply { command, .. } => self.applied.apply(&command),
                _ => {}
            }
        }
    }
}

impl Peer for RaftIoNode {
    type Message = Message;
    type Command = Vec<u8>;

    const SPREADS_COMMITS: bool = false;

    fn new(me: u64, nodes: u64, _: Spread) -> Self {
        // A heartbeat with every tick; an append may take as many entries as one of ours.
        let config = RaftConfig::new(me, 1..=nodes)
            .with_election_timeout(10, 20)
            .with_heartbeat_interval(1)
            .with_max_batch(1024)
            .with_snapshot_threshold(0);
        Self { node: RaftNode::new(config), applied: Applied::new() }
    }

    fn command(bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    fn campaign(&mut self, net: &mut Network<Message>) {
        self.step(Event::Tick, net);
    }

    fn is_leader(&self) -> bool {
        self.node.is_leader()
    }

    fn propose(&mut self, command: Vec<u8>, net: &mut Network<Message>) {
        self.step(Event::Propose(command), net);
    }

    fn receive(&mut self, _: u64, message: Message, net: &mut Network<Message>) {
        self.step(Event::Message(message), net);
    }

    fn settle(&mut self, _: &mut Network<Message>) {}

    fn heartbeat(&mut self, net: &mut Network<Message>) {
        self.step(Event::Tick, net);
    }

    fn compact(&mut self, net: &mut Network<Message>) {
        let index = self.node.last_applied();
        self.step(Event::Snapshot { index, data: Vec::new() }, net);
    }

    fn applied(&mut self) -> &mut Applied {
        &mut self.applied
    }
}
