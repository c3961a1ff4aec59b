//! What coordinators and participants send each other.

use super::ids::{Mode, Nodes, Outcome, TxId, Vote, permute_nodes};
use crate::id::{Permutation, Permute};

/// A message between two nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Message<W> {
    /// Coordinator to participant: can you commit? Answered by [`Message::Vote`].
    Prepare {
        /// The transaction.
        tx: TxId,
        /// What forgetting it means: an inquiry says it back.
        mode: Mode,
        /// All participants, ascending, the receiver among them: whom it may ask when the coordinator is gone.
        peers: Nodes,
        /// The receiver's part of the work.
        work: W,
    },
    /// Coordinator to its only participant: commit if you can. Who decides is the participant; answered by
    /// [`Message::Answer`].
    OnePhase {
        /// The transaction.
        tx: TxId,
        /// The work.
        work: W,
    },
    /// Participant to coordinator. Durable before it is said.
    Vote {
        /// The transaction.
        tx: TxId,
        /// The vote.
        vote: Vote,
    },
    /// Coordinator to participant. Durable before it is said, or what forgetting means.
    Decision {
        /// The transaction.
        tx: TxId,
        /// Its mode: with the outcome, it says whether an acknowledgement is wanted.
        mode: Mode,
        /// The outcome.
        outcome: Outcome,
    },
    /// Participant to coordinator: the outcome is durable here, and will not be asked for again.
    Acknowledge {
        /// The transaction.
        tx: TxId,
        /// What an operator had decided here instead, where it contradicts the outcome. Said unasked, too.
        took: Option<Outcome>,
    },
    /// Participant in doubt to coordinator: what became of it? Answered by [`Message::Answer`].
    Inquire {
        /// The transaction.
        tx: TxId,
        /// What it means if the coordinator knows nothing.
        mode: Mode,
    },
    /// Participant in doubt to another one (cooperative termination). Answered by [`Message::Answer`].
    InquirePeer {
        /// The transaction.
        tx: TxId,
    },
    /// The answer to [`Message::Inquire`], [`Message::InquirePeer`] and [`Message::OnePhase`].
    Answer {
        /// The transaction.
        tx: TxId,
        /// Its outcome; `None` if the sender does not know, either.
        outcome: Option<Outcome>,
    },
}

impl<W> Message<W> {
    /// The transaction it is about.
    #[must_use]
    pub const fn tx(&self) -> TxId {
        match self {
            Self::Prepare { tx, .. }
            | Self::OnePhase { tx, .. }
            | Self::Vote { tx, .. }
            | Self::Decision { tx, .. }
            | Self::Acknowledge { tx, .. }
            | Self::Inquire { tx, .. }
            | Self::InquirePeer { tx }
            | Self::Answer { tx, .. } => *tx,
        }
    }
}

impl<W> Permute for Message<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Prepare { tx, peers, .. } => {
                tx.permute(by);
                permute_nodes(peers, by);
            }
            Self::OnePhase { tx, .. }
            | Self::Vote { tx, .. }
            | Self::Decision { tx, .. }
            | Self::Acknowledge { tx, .. }
            | Self::Inquire { tx, .. }
            | Self::InquirePeer { tx }
            | Self::Answer { tx, .. } => tx.permute(by),
        }
    }
}
