//! What the application asks of a Raft node and is told by it, and the names of its timers.

use core::fmt;

use smallvec::SmallVec;

use super::{Index, Payload, Term};
use crate::id::{NodeId, RequestId};

/// The commands of one proposal; a single one is held without allocating.
pub type Commands<C> = SmallVec<[C; 1]>;

/// The timers of a Raft node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Timer {
    /// No leader was heard of for this long; at a leader: no quorum was.
    Election,
    /// A leader's next heartbeat.
    Heartbeat,
}

/// What the application asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Request<C> {
    /// Append these commands, all or none, consecutively.
    ///
    /// Answered once under `id`: [`Notice::Accepted`] or [`Notice::Refused`].
    Propose {
        /// Correlates the answer.
        id: RequestId,
        /// The commands, in order.
        commands: Commands<C>,
    },
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice<C> {
    /// The proposal `id` is in the log, not yet committed: it is once [`Notice::Committed`] names the same
    /// index and term. If another term is committed at that index, the proposal is lost.
    Accepted {
        /// The request.
        id: RequestId,
        /// Where its first command is.
        index: Index,
        /// The term of all of its commands.
        term: Term,
    },
    /// The proposal `id` was refused; nothing was changed.
    Refused {
        /// The request.
        id: RequestId,
        /// Why, and what to do about it.
        reason: Refusal,
    },
    /// The entry at `index` is committed. Told in order of the index, without gaps, once each in a node's
    /// life; after a restart from the index after the one handed to recovery as applied.
    Committed {
        /// Its place.
        index: Index,
        /// Its term.
        term: Term,
        /// What it holds.
        payload: Payload<C>,
    },
    /// Who leads, as far as this node knows, has changed.
    Leader {
        /// The current term.
        term: Term,
        /// Its leader, if known.
        leader: Option<NodeId>,
    },
    /// A peer said what no correct peer says; it was dropped and nothing was changed.
    Rejected {
        /// The peer; this node, for what its own driver fed it.
        from: NodeId,
        /// What was wrong.
        reason: Rejection,
    },
}

/// Why a proposal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Refusal {
    /// This node does not lead: ask `leader` if it is named, or again later.
    NotLeader {
        /// The leader, as far as this node knows.
        leader: Option<NodeId>,
    },
    /// A command, or all of them together, is larger than can be replicated.
    TooLarge {
        /// The limit that was passed, in bytes.
        limit: usize,
    },
    /// Too much is uncommitted: ask again once something has committed.
    Full,
    /// There is no command in the proposal.
    Empty,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader { leader: Some(leader) } => write!(f, "not the leader: ask {leader}"),
            Self::NotLeader { leader: None } => {
                f.write_str("not the leader, and none is known: ask again later")
            }
            Self::TooLarge { limit } => write!(f, "too large: the limit is {limit} bytes"),
            Self::Full => f.write_str("too much is uncommitted: ask again later"),
            Self::Empty => f.write_str("the proposal holds no command"),
        }
    }
}

impl core::error::Error for Refusal {}

/// What a peer said that no correct peer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Rejection {
    /// It is not a member of the cluster.
    NotAMember,
    /// It claims to lead the term that this node leads.
    TwoLeaders,
    /// Its entries' terms go back, or are later than the message's own, or its indices overflow.
    MalformedEntries,
    /// It contradicts an entry that is committed here.
    ContradictsCommitted,
    /// It acknowledges what was never sent.
    AcknowledgesTooMuch,
    /// A message that a node sends only to others came from the node itself.
    FromMyself,
    /// The driver read back a log that does not exist, or nothing where entries are.
    UnknownLog,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAMember => "not a member of the cluster",
            Self::TwoLeaders => "claims to lead the term that this node leads",
            Self::MalformedEntries => "terms or indices of its entries do not stand",
            Self::ContradictsCommitted => "contradicts a committed entry",
            Self::AcknowledgesTooMuch => "acknowledges what was never sent",
            Self::FromMyself => "a message for others came from this node itself",
            Self::UnknownLog => "read back from a log, or a part of it, that does not exist",
        })
    }
}
