//! What the application asks of a coordinator and is told by it, and the names of its timers.

use alloc::vec::Vec;
use core::fmt;

use crate::commit::{Mode, Outcome, Rejection, TxId};
use crate::id::{NodeId, Permutation, Permute, RequestId, no_nodes_inside};

/// The timers of a coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Timer {
    /// What has not gathered its votes since the last time is aborted.
    Votes,
    /// What is not answered is said again.
    Resend,
}

/// What the application asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Request<W> {
    /// Commit this everywhere or nowhere. Answered by [`Notice::Begun`] or [`Notice::Refused`].
    Begin {
        /// Correlates the answer.
        id: RequestId,
        /// What forgetting it shall mean. Of no account for a single participant.
        mode: Mode,
        /// The participants and the part of each.
        branches: Vec<(NodeId, W)>,
    },
    /// Abort it, if it is not decided. Answered by [`Notice::Cancelled`] or [`Notice::Refused`].
    Cancel {
        /// Correlates the answer.
        id: RequestId,
        /// The transaction.
        tx: TxId,
    },
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice {
    /// The request `id` began a transaction. Unless the node crashes, [`Notice::Outcome`] follows, or
    /// [`Notice::Unknown`].
    Begun {
        /// The request.
        id: RequestId,
        /// The transaction's name.
        tx: TxId,
    },
    /// The request `id` was refused; nothing was changed.
    Refused {
        /// The request.
        id: RequestId,
        /// Why, and what to do about it.
        reason: Refusal,
    },
    /// The request `id` aborted the transaction. [`Notice::Outcome`] follows.
    Cancelled {
        /// The request.
        id: RequestId,
    },
    /// The transaction is decided, for good. Told once in a node's life; after a restart once more for what is
    /// not forgotten.
    Outcome {
        /// The transaction.
        tx: TxId,
        /// Its outcome.
        outcome: Outcome,
    },
    /// The only participant of a transaction was asked again for so long that it no longer knows what it decided.
    Unknown {
        /// The transaction.
        tx: TxId,
    },
    /// Nobody needs this node to remember the transaction any more.
    Forgotten {
        /// The transaction.
        tx: TxId,
    },
    /// The outcome has not been acknowledged for a while, or the only participant has not answered: told with
    /// each resend.
    Overdue {
        /// The transaction.
        tx: TxId,
        /// How many participants are awaited.
        awaited: usize,
    },
    /// Heuristic damage: an operator decided otherwise at a participant. Told as often as it is reported.
    Damage {
        /// The transaction.
        tx: TxId,
        /// The participant.
        participant: NodeId,
        /// What was done there, contrary to the outcome.
        took: Outcome,
    },
    /// A peer said what no correct peer says; it was dropped and nothing was changed.
    Rejected {
        /// The peer; this node, for what its own driver fed it.
        from: NodeId,
        /// What was wrong.
        reason: Rejection,
    },
}

/// Why a coordinator refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Refusal {
    /// There is no participant.
    Empty,
    /// There are more participants than [`Config::max_participants`](crate::commit::Config::max_participants).
    TooManyParticipants {
        /// The limit.
        limit: usize,
    },
    /// It is not a member, or this node itself.
    NotAParticipant(NodeId),
    /// A participant stands twice.
    Twice(NodeId),
    /// The work of one participant is larger than may be sent.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Too many transactions, or bytes of them, are not forgotten yet: ask again later.
    Full,
    /// The last number has been given out.
    Exhausted,
    /// No such transaction is undecided here.
    NotUndecided,
    /// No such participant of a decided transaction is awaited.
    NotAwaited,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the transaction has no participant"),
            Self::TooManyParticipants { limit } => write!(f, "too many participants: the limit is {limit}"),
            Self::NotAParticipant(node) => write!(f, "{node} cannot take part: not a member, or this node"),
            Self::Twice(node) => write!(f, "{node} stands twice among the participants"),
            Self::TooLarge { limit } => write!(f, "the work is too large: the limit is {limit} bytes"),
            Self::Full => f.write_str("too many transactions are under way: ask again later"),
            Self::Exhausted => f.write_str("no number is left for another transaction"),
            Self::NotUndecided => f.write_str("no such transaction is undecided here"),
            Self::NotAwaited => f.write_str("no such participant of a decided transaction is awaited"),
        }
    }
}

impl core::error::Error for Refusal {}

no_nodes_inside!(Timer);

impl<W> Permute for Request<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Begin { branches, .. } => branches.iter_mut().for_each(|(node, _)| node.permute(by)),
            Self::Cancel { tx, .. } => tx.permute(by),
        }
    }
}

impl Permute for Notice {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Begun { tx, .. }
            | Self::Outcome { tx, .. }
            | Self::Unknown { tx }
            | Self::Forgotten { tx }
            | Self::Overdue { tx, .. } => tx.permute(by),
            Self::Refused { reason, .. } => reason.permute(by),
            Self::Damage { tx, participant, .. } => {
                tx.permute(by);
                participant.permute(by);
            }
            Self::Rejected { from, .. } => from.permute(by),
            Self::Cancelled { .. } => {}
        }
    }
}

impl Permute for Refusal {
    fn permute(&mut self, by: &Permutation<'_>) {
        if let Self::NotAParticipant(node) | Self::Twice(node) = self {
            node.permute(by);
        }
    }
}
