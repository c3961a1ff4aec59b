//! TiKV's raft-rs: appends batched, messages of any size, entries moved to a store without locks.
//!
//! Proposals are stepped in as messages, so that many go with one call and payloads are shared, not copied.

use raft::eraftpb::{ConfState, Entry, EntryType, HardState, Message, MessageType, Snapshot};
use raft::{
    Config, Error, GetEntriesContext, NO_LIMIT, RaftState, RawNode, StateRole, Storage, StorageError,
};

use crate::pump::{Applied, Network, Peer, Spread};

#[cfg(not(feature = "prost"))]
type Payload = bytes::Bytes;
#[cfg(feature = "prost")]
type Payload = Vec<u8>;

pub(crate) struct RaftRsNode {
    node: RawNode<Disk>,
    applied: Applied,
}

/// A log that is a vector, of which the head has been dropped.
struct Disk {
    state: RaftState,
    /// The index and the term of the last entry dropped.
    dropped: (u64, u64),
    entries: Vec<Entry>,
}

impl Disk {
    fn append(&mut self, mut entries: Vec<Entry>) {
        let Some(first) = entries.first() else { return };
        self.entries.truncate((first.index - self.dropped.0 - 1) as usize);
        self.entries.append(&mut entries);
    }

    fn drop_head(&mut self) {
        let Some(last) = self.entries.last() else { return };
        self.dropped = (last.index, last.term);
        self.entries.clear();
    }
}

impl Storage for Disk {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(self.state.clone())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        let place = |index: u64| index.checked_sub(self.dropped.0 + 1).map(|place| place as usize);
        let range = place(low).zip(place(high)).and_then(|(low, high)| self.entries.get(low..high));
        let mut entries = range.ok_or(Error::Store(StorageError::Compacted))?.to_vec();
        raft::util::limit_size(&mut entries, max_size.into());
        Ok(entries)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index == self.dropped.0 {
            return Ok(self.dropped.1);
        }
        let place = index.checked_sub(self.dropped.0 + 1).ok_or(Error::Store(StorageError::Compacted))?;
        let entry = self.entries.get(place as usize).ok_or(Error::Store(StorageError::Unavailable))?;
        Ok(entry.term)
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.dropped.0 + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.dropped.0 + self.entries.len() as u64)
    }

    fn snapshot(&self, _: u64, _: u64) -> raft::Result<Snapshot> {
        Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
    }
}

impl RaftRsNode {
    fn send(&self, messages: Vec<Message>, net: &mut Network<Message>) {
        for message in messages {
            net.send(self.node.raft.id, message.to, message);
        }
    }

    fn apply(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            // An empty one begins a term.
            if entry.get_entry_type() == EntryType::EntryNormal && !entry.data.is_empty() {
                self.applied.apply(&entry.data);
            }
        }
    }
}

impl Peer for RaftRsNode {
    type Message = Message;
    type Command = Payload;

    const SPREADS_COMMITS: bool = true;

    fn new(me: u64, nodes: u64, spread: Spread) -> Self {
        let config = Config {
            id: me,
            election_tick: 10,
            heartbeat_tick: 1,
            max_size_per_msg: NO_LIMIT,
            max_inflight_msgs: 256,
            check_quorum: true,
            pre_vote: true,
            batch_append: true,
            skip_bcast_commit: spread == Spread::Later,
            ..Config::default()
        };
        let voters = ConfState { voters: (1..=nodes).collect(), ..ConfState::default() };
        let state = RaftState { hard_state: HardState::default(), conf_state: voters };
        let disk = Disk { state, dropped: (0, 0), entries: Vec::new() };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&config, disk, &logger).expect("the configuration stands");
        Self { node, applied: Applied::new() }
    }

    fn command(bytes: &[u8]) -> Payload {
        let command = Payload::from(bytes.to_vec());
        // The first clone of `Bytes` makes it shareable, which costs an allocation: not on the clock.
        #[cfg(not(feature = "prost"))]
        drop(command.clone());
        command
    }

    fn campaign(&mut self, _: &mut Network<Message>) {
        self.node.campaign().expect("a node may always campaign");
    }

    fn is_leader(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    fn propose(&mut self, command: Payload, net: &mut Network<Message>) {
        self.propose_all(std::iter::once(command), net);
    }

    fn propose_all(&mut self, commands: impl Iterator<Item = Payload>, _: &mut Network<Message>) {
        let entries: Vec<_> = commands.map(|data| Entry { data, ..Entry::default() }).collect();
        let mut message = Message { from: self.node.raft.id, ..Message::default() };
        message.set_msg_type(MessageType::MsgPropose);
        message.set_entries(entries.into());
        self.node.step(message).expect("a leader takes proposals");
    }

    fn receive(&mut self, _: u64, message: Message, _: &mut Network<Message>) {
        self.node.step(message).expect("peers say what they may");
    }

    fn settle(&mut self, net: &mut Network<Message>) {
        while self.node.has_ready() {
            let mut ready = self.node.ready();
            self.send(ready.take_messages(), net);
            self.apply(ready.take_committed_entries());
            if let Some(state) = ready.hs() {
                self.node.mut_store().state.hard_state = state.clone();
            }
            self.node.mut_store().append(ready.take_entries());
            self.send(ready.take_persisted_messages(), net);
            let mut light = self.node.advance_append(ready);
            if let Some(commit) = light.commit_index() {
                self.node.mut_store().state.hard_state.commit = commit;
            }
            self.send(light.take_messages(), net);
            self.apply(light.take_committed_entries());
            self.node.advance_apply();
        }
    }

    fn heartbeat(&mut self, _: &mut Network<Message>) {
        self.node.ping();
    }

    fn compact(&mut self, _: &mut Network<Message>) {
        self.node.mut_store().drop_head();
    }

    fn applied(&mut self) -> &mut Applied {
        &mut self.applied
    }
}
