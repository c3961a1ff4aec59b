//! What the application asks of a leader and is told by it, and the names of its timers.

use alloc::vec::Vec;
use core::fmt;

use crate::commit::{Outcome, Rejection, TxId};
use crate::id::{NodeId, Permutation, Permute, RequestId, no_nodes_inside};

/// The timers of a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Timer {
    /// What has not gathered its votes since the last time gets a ballot.
    Votes,
    /// A leader that was overtaken begins another ballot; one that took over and got nowhere gives up.
    Ballot,
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
        /// The resource managers and the part of each, in any order.
        branches: Vec<(NodeId, W)>,
    },
    /// Wait no longer for its votes: what has not been voted for is aborted, by a ballot. What all have voted for may
    /// commit nevertheless. Answered by [`Notice::Cancelled`] or [`Notice::Refused`].
    Cancel {
        /// Correlates the answer.
        id: RequestId,
        /// The transaction.
        tx: TxId,
    },
}

/// What the application is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// The request `id` began a ballot. [`Notice::Outcome`] follows.
    Cancelled {
        /// The request.
        id: RequestId,
    },
    /// The transaction is decided, for good. Every leader that learns it tells it, and may tell it again where it was
    /// asked once more to see to its end.
    Outcome {
        /// The transaction.
        tx: TxId,
        /// Its outcome.
        outcome: Outcome,
    },
    /// Another leader has ended a transaction that was begun here, and it is forgotten how. Those that voted for it
    /// know.
    Unknown {
        /// The transaction.
        tx: TxId,
    },
    /// Nobody needs this node to remember the transaction any more.
    Forgotten {
        /// The transaction.
        tx: TxId,
    },
    /// A transaction of which nothing was known here is to be ended by this node.
    TookOver {
        /// The transaction.
        tx: TxId,
    },
    /// Nothing came of taking a transaction over: whoever waits for its end will ask again.
    GaveUp {
        /// The transaction.
        tx: TxId,
    },
    /// A commit has not been acknowledged for a while: told with each resend.
    Overdue {
        /// The transaction.
        tx: TxId,
        /// How many resource managers are awaited.
        awaited: usize,
    },
    /// Heuristic damage: an operator decided otherwise at a resource manager. Told as often as it is reported.
    Damage {
        /// The transaction.
        tx: TxId,
        /// The resource manager.
        manager: NodeId,
        /// What was done there, contrary to the outcome.
        took: Outcome,
    },
    /// Too many transactions are not forgotten: this one was not taken over, and will be asked about again.
    Overloaded {
        /// The transaction.
        tx: TxId,
    },
    /// No number is left for another ballot: another leader must end this.
    Exhausted {
        /// The transaction.
        tx: TxId,
    },
    /// A peer said what no correct peer says; it was dropped and nothing was changed.
    Rejected {
        /// The peer; this node, for what its own driver fed it.
        from: NodeId,
        /// What was wrong.
        reason: Rejection,
    },
}

/// Why a leader refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Refusal {
    /// There is no resource manager.
    Empty,
    /// There are more than [`Config::max_participants`](crate::commit::Config::max_participants).
    TooManyManagers {
        /// The limit.
        limit: usize,
    },
    /// It is not a member, or leads, or accepts.
    NotAManager(NodeId),
    /// A resource manager stands twice.
    Twice(NodeId),
    /// The work of one resource manager is larger than may be sent.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Too many transactions, or bytes of them, are not forgotten yet: ask again later.
    Full,
    /// The last number has been given out.
    Exhausted,
    /// No such transaction waits for its votes here.
    NotVoting,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the transaction has no resource manager"),
            Self::TooManyManagers { limit } => write!(f, "too many resource managers: the limit is {limit}"),
            Self::NotAManager(node) => {
                write!(f, "{node} cannot take part: not a member, or it leads or accepts")
            }
            Self::Twice(node) => write!(f, "{node} stands twice among the resource managers"),
            Self::TooLarge { limit } => write!(f, "the work is too large: the limit is {limit} bytes"),
            Self::Full => f.write_str("too many transactions are under way: ask again later"),
            Self::Exhausted => f.write_str("no number is left for another transaction"),
            Self::NotVoting => f.write_str("no such transaction waits for its votes here"),
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
            | Self::TookOver { tx }
            | Self::GaveUp { tx }
            | Self::Overloaded { tx }
            | Self::Exhausted { tx }
            | Self::Overdue { tx, .. } => tx.permute(by),
            Self::Refused { reason, .. } => reason.permute(by),
            Self::Damage { tx, manager, .. } => {
                tx.permute(by);
                manager.permute(by);
            }
            Self::Rejected { from, .. } => from.permute(by),
            Self::Cancelled { .. } => {}
        }
    }
}

impl Permute for Refusal {
    fn permute(&mut self, by: &Permutation<'_>) {
        if let Self::NotAManager(node) | Self::Twice(node) = self {
            node.permute(by);
        }
    }
}
