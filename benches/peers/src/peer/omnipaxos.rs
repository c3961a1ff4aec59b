//! OmniPaxos with its own log in memory. Not Raft, but the same service. It gathers what is proposed into one message
//! until its messages are taken, and always spreads decisions at once.

use std::sync::Arc;

use omnipaxos::messages::Message;
use omnipaxos::storage::{Entry, NoSnapshot};
use omnipaxos::util::LogEntry;
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

use crate::pump::{Applied, Network, Peer, Spread};

/// A command, shared like ours.
#[derive(Clone, Debug)]
pub(crate) struct Command(Arc<[u8]>);

impl Entry for Command {
    type Snapshot = NoSnapshot;
}

pub(crate) struct OmniPaxosNode {
    node: OmniPaxos<Command, MemoryStorage<Command>>,
    /// Where the log is applied up to.
    applied_up_to: usize,
    applied: Applied,
    outgoing: Vec<Message<Command>>,
}

impl OmniPaxosNode {
    fn apply(&mut self) {
        if self.node.get_decided_idx() == self.applied_up_to {
            return;
        }
        for entry in self.node.read_decided_suffix(self.applied_up_to).unwrap_or_default() {
            self.applied_up_to += 1;
            if let LogEntry::Decided(command) = entry {
                self.applied.apply(&command.0);
            }
        }
    }
}

impl Peer for OmniPaxosNode {
    type Message = Message<Command>;
    type Command = Command;

    const SPREADS_COMMITS: bool = true;

    fn new(me: u64, nodes: u64, _: Spread) -> Self {
        let cluster_config =
            ClusterConfig { configuration_id: 1, nodes: (1..=nodes).collect(), ..ClusterConfig::default() };
        let server_config =
            ServerConfig { pid: me, leader_priority: u32::from(me == 1), ..ServerConfig::default() };
        let config = OmniPaxosConfig { cluster_config, server_config };
        let node = config.build(MemoryStorage::default()).expect("the configuration stands");
        Self { node, applied_up_to: 0, applied: Applied::new(), outgoing: Vec::new() }
    }

    fn command(bytes: &[u8]) -> Command {
        Command(bytes.into())
    }

    fn campaign(&mut self, _: &mut Network<Self::Message>) {
        self.node.try_become_leader();
    }

    fn is_leader(&self) -> bool {
        self.node.get_current_leader() == Some((self.node.get_pid(), true))
    }

    fn propose(&mut self, command: Command, _: &mut Network<Self::Message>) {
        self.node.append(command).expect("a leader takes proposals");
    }

    fn receive(&mut self, _: u64, message: Self::Message, _: &mut Network<Self::Message>) {
        self.node.handle_incoming(message);
    }

    fn settle(&mut self, net: &mut Network<Self::Message>) {
        self.apply();
        self.node.take_outgoing_messages(&mut self.outgoing);
        for message in self.outgoing.drain(..) {
            net.send(self.node.get_pid(), message.get_receiver(), message);
        }
    }

    fn heartbeat(&mut self, _: &mut Network<Self::Message>) {}

    fn compact(&mut self, _: &mut Network<Self::Message>) {
        if self.is_leader() {
            self.node.trim(Some(self.applied_up_to)).expect("everyone has applied it");
        }
    }

    fn applied(&mut self) -> &mut Applied {
        &mut self.applied
    }
}
