//! What replicas and the nodes around them send each other, and what the application is told.

use crate::durable::Corrupt;
use crate::id::NodeId;
use crate::raft::{self, Term};

/// A message to or from a replica.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the two layers there are")]
pub enum Message<C, X> {
    /// Between replicas.
    Raft(raft::Message<C>),
    /// To or from the machine on the group, or between nodes outside.
    Inner(X),
}

/// The timers of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the two layers there are")]
pub enum Timer<T> {
    /// Raft's.
    Raft(raft::Timer),
    /// The machine's. One of an earlier life may expire in a later one, as any timer may at any time.
    Inner(T),
}

/// What the application of a replica is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notice<R, N> {
    /// What the machine tells, committed.
    Inner(N),
    /// This replica does not lead, or does not yet: nothing was changed. Ask `leader` if it is named, or again later.
    NotLeading {
        /// What was asked.
        request: R,
        /// The leader, as far as this replica knows.
        leader: Option<NodeId>,
    },
    /// Too many steps wait for their commits: nothing was changed; ask again once something was told.
    Busy {
        /// What was asked.
        request: R,
    },
    /// A life of the machine begins here: it takes requests.
    Leads {
        /// In this term.
        term: Term,
    },
    /// The life that began in this term is over: what was asked in it and not answered may have happened or not, as
    /// after a crash.
    Lapsed {
        /// The term.
        term: Term,
    },
    /// Who leads, as far as this replica knows, has changed.
    Leader {
        /// The current term.
        term: Term,
        /// Its leader, if known.
        leader: Option<NodeId>,
    },
    /// What is committed does not recover: no life can begin here. A configuration that differs from that of other
    /// replicas, or a bug.
    Corrupt(Corrupt),
    /// A peer said what no correct peer says; it was dropped and nothing was changed.
    Rejected {
        /// The peer; this node, for what its own driver fed it.
        from: NodeId,
        /// What was wrong.
        reason: raft::Rejection,
    },
}
