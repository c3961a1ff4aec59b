//! A coordinator of transactions on a Raft group: losing any minority of it blocks nobody.
//!
//! Two-phase commit blocks while its coordinator is gone: who voted yes waits. Here the coordinator is a name, and
//! whoever leads the group runs it: what the last leader decided is committed in the log, and what it did not decide
//! its successor aborts (presumed abort), or finds collected (presumed commit). Participants are
//! [`Outsider`]s: the group is one node to them.
//!
//! This is the way in which Spanner and CockroachDB keep coordinators alive, rather than Paxos Commit: one group for the
//! coordinator, and a participant that is replicated itself is another group of its own.

use core::mem::size_of;

use crate::commit::coordinator::{Cell, Coordinator, Entry};
use crate::commit::{Message, Nodes, Participant, TxId, Work};
use crate::durable::Record;
use crate::id::NodeId;
use crate::machine::RecordOf;
use crate::on_raft::{Change, OnRaft, Outsider, Replicated};

/// A replica of a coordinator.
pub type CoordinatorOnRaft<W> = OnRaft<Coordinator<W>>;

/// A participant whose coordinator is on Raft.
pub type ParticipantOutside<W> = Outsider<Participant<W>, Change<Cell, Entry>>;

/// What they send each other.
pub type MessageOnRaft<W> = crate::on_raft::Message<Change<Cell, Entry>, Message<W>>;

/// The size of a record but for the nodes that it names.
const RECORD_BYTES: usize = size_of::<TxId>() + 16;

impl<W: Work> Replicated for Coordinator<W> {
    fn size_bytes(record: &RecordOf<Self>) -> usize {
        let named = |nodes: &Nodes| nodes.len().saturating_mul(size_of::<NodeId>());
        let entry = match record {
            Record::Append { entry: Entry::Collecting { participants, .. }, .. } => named(participants),
            Record::Append { entry: Entry::Decided { awaited, .. }, .. } => named(awaited),
            _ => 0,
        };
        RECORD_BYTES.saturating_add(entry)
    }
}
