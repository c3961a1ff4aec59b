//! What leaders, acceptors and resource managers send each other.

use super::ballot::{Ballot, Instances, Votes};
use crate::commit::ids::{Nodes, Outcome, TxId, Vote};
use crate::id::{Permutation, Permute};

/// A message between two nodes. The names of the phases are the paper's (Gray and Lamport 2006, section 4).
///
/// Wherever resource managers are listed, they are all of the transaction, ascending.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Message<W> {
    /// Leader to resource manager: can you commit? Answered by [`Message::Vote`], to the acceptors.
    Prepare {
        /// The transaction.
        tx: TxId,
        /// Its resource managers, the receiver among them.
        managers: Nodes,
        /// The receiver's part of the work.
        work: W,
    },
    /// Resource manager to acceptors: phase 2a of ballot 0 in its own instance. Durable before it is said.
    Vote {
        /// The transaction.
        tx: TxId,
        /// Its resource managers, the sender among them.
        managers: Nodes,
        /// The vote.
        vote: Vote,
    },
    /// Leader to acceptors: take no part in lower ballots, in any instance. Answered by [`Message::Phase1b`].
    Phase1a {
        /// The transaction.
        tx: TxId,
        /// The ballot.
        ballot: Ballot,
        /// Its resource managers.
        managers: Nodes,
    },
    /// Acceptor to leader: promised, and this is what was accepted before. Durable before it is said.
    Phase1b {
        /// The transaction.
        tx: TxId,
        /// The ballot that is promised.
        ballot: Ballot,
        /// What was last accepted in each instance.
        accepted: Instances,
    },
    /// Leader to acceptors: accept these votes, one for each instance. Answered by [`Message::Phase2b`].
    Phase2a {
        /// The transaction.
        tx: TxId,
        /// The ballot.
        ballot: Ballot,
        /// The votes.
        votes: Votes,
    },
    /// Acceptor to leader: accepted. Durable before it is said. Ballot 0 is told to the coordinator in one message,
    /// when all votes are in or one of them is a no.
    Phase2b {
        /// The transaction.
        tx: TxId,
        /// The ballot.
        ballot: Ballot,
        /// The votes that were accepted in it.
        votes: Votes,
    },
    /// Acceptor to leader: not in this ballot, a higher one is promised.
    Preempted {
        /// The transaction.
        tx: TxId,
        /// The ballot that was asked for.
        ballot: Ballot,
        /// The one that is promised.
        promised: Ballot,
    },
    /// Acceptor to leader: it was to be forgotten. So it is aborted, or all who voted yes know that it is committed.
    Over {
        /// The transaction.
        tx: TxId,
    },
    /// Leader to resource manager: the outcome. A commit is answered by [`Message::Acknowledge`]. A leader that took
    /// over tells the coordinator, too.
    Decision {
        /// The transaction.
        tx: TxId,
        /// The outcome.
        outcome: Outcome,
    },
    /// Leader to resource manager: it was to be forgotten. Who is in doubt about it knows by this that it is aborted.
    Presumed {
        /// The transaction.
        tx: TxId,
    },
    /// Resource manager to leader: the outcome is durable here, and will not be asked for again.
    Acknowledge {
        /// The transaction.
        tx: TxId,
        /// What an operator had decided here instead, where it contradicts the outcome. Said unasked, too.
        took: Option<Outcome>,
    },
    /// A resource manager in doubt, or an acceptor that waits to forget, to a leader: see to it that this ends.
    Inquire {
        /// The transaction.
        tx: TxId,
        /// Its resource managers.
        managers: Nodes,
    },
    /// Leader to acceptors: aborted, or committed and acknowledged by all: forget it.
    Forget {
        /// The transaction.
        tx: TxId,
    },
}

impl<W> Message<W> {
    /// The transaction it is about.
    #[must_use]
    pub const fn tx(&self) -> TxId {
        match self {
            Self::Prepare { tx, .. }
            | Self::Vote { tx, .. }
            | Self::Phase1a { tx, .. }
            | Self::Phase1b { tx, .. }
            | Self::Phase2a { tx, .. }
            | Self::Phase2b { tx, .. }
            | Self::Preempted { tx, .. }
            | Self::Over { tx }
            | Self::Decision { tx, .. }
            | Self::Presumed { tx }
            | Self::Acknowledge { tx, .. }
            | Self::Inquire { tx, .. }
            | Self::Forget { tx } => *tx,
        }
    }

    fn tx_mut(&mut self) -> &mut TxId {
        match self {
            Self::Prepare { tx, .. }
            | Self::Vote { tx, .. }
            | Self::Phase1a { tx, .. }
            | Self::Phase1b { tx, .. }
            | Self::Phase2a { tx, .. }
            | Self::Phase2b { tx, .. }
            | Self::Preempted { tx, .. }
            | Self::Over { tx }
            | Self::Decision { tx, .. }
            | Self::Presumed { tx }
            | Self::Acknowledge { tx, .. }
            | Self::Inquire { tx, .. }
            | Self::Forget { tx } => tx,
        }
    }
}

impl<W> Permute for Message<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.tx_mut().permute(by);
        match self {
            Self::Prepare { managers, .. }
            | Self::Vote { managers, .. }
            | Self::Phase1a { managers, .. }
            | Self::Inquire { managers, .. } => {
                managers.iter_mut().for_each(|node| node.permute(by));
                managers.sort_unstable();
            }
            Self::Phase1b { accepted, .. } => permute_by_node(accepted, by),
            Self::Phase2a { votes, .. } | Self::Phase2b { votes, .. } => permute_by_node(votes, by),
            Self::Preempted { .. }
            | Self::Over { .. }
            | Self::Decision { .. }
            | Self::Presumed { .. }
            | Self::Acknowledge { .. }
            | Self::Forget { .. } => {}
        }
    }
}

/// Renames the nodes of a list that is ascending by node.
pub(super) fn permute_by_node<T>(list: &mut [(crate::id::NodeId, T)], by: &Permutation<'_>) {
    list.iter_mut().for_each(|(node, _)| node.permute(by));
    list.sort_unstable_by_key(|(node, _)| *node);
}
