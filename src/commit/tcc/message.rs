//! What coordinators and services say to each other, in the words of the pattern; and what that is to the machines of
//! two-phase commit inside.

use crate::commit::ids::{Mode, Nodes, Outcome, TxId, Vote};
use crate::commit::message::Message as Inner;
use crate::id::{NodeId, Permutation, Permute};

/// A message between a coordinator and a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Message<W> {
    /// Coordinator to service: reserve this. Answered by [`Message::Tried`].
    Try {
        /// The activity.
        tx: TxId,
        /// What to reserve.
        work: W,
    },
    /// Service to coordinator. Durable before it is said.
    Tried {
        /// The activity.
        tx: TxId,
        /// Whether it is reserved, and stays so until it is confirmed or cancelled; otherwise nothing is, any more.
        reserved: bool,
    },
    /// Coordinator to service: make the reservation final. Durable before it is said; said until answered by
    /// [`Message::Done`].
    Confirm {
        /// The activity.
        tx: TxId,
    },
    /// Coordinator to service: release the reservation, if there is or ever will be one. Durable before it is said;
    /// said until answered by [`Message::Done`].
    Cancel {
        /// The activity.
        tx: TxId,
    },
    /// Service to coordinator: the confirmation or the cancellation is carried out, and durable. Before anything is
    /// decided, that it has cancelled a try alone, which its application did not answer.
    Done {
        /// The activity.
        tx: TxId,
        /// What was carried out instead: the reservation had lapsed, or an operator gave up.
        took: Option<Outcome>,
    },
    /// Service to coordinator: carrying it out has failed too often, and waits for an operator.
    Stuck {
        /// The activity.
        tx: TxId,
    },
}

impl<W> Message<W> {
    /// The activity it is about.
    #[must_use]
    pub const fn tx(&self) -> TxId {
        match self {
            Self::Try { tx, .. }
            | Self::Tried { tx, .. }
            | Self::Confirm { tx }
            | Self::Cancel { tx }
            | Self::Done { tx, .. }
            | Self::Stuck { tx } => *tx,
        }
    }

    /// What it is to the machine inside `receiver`; none for what only this module knows. A service is told of no
    /// other service.
    pub(super) fn into_inner(self, receiver: NodeId) -> Option<Inner<W>> {
        let mode = Mode::PresumedNothing;
        Some(match self {
            Self::Try { tx, work } => Inner::Prepare { tx, mode, peers: Nodes::from_elem(receiver, 1), work },
            Self::Tried { tx, reserved: true } => Inner::Vote { tx, vote: Vote::Yes },
            Self::Tried { tx, reserved: false } => Inner::Vote { tx, vote: Vote::No },
            Self::Confirm { tx } => Inner::Decision { tx, mode, outcome: Outcome::Commit },
            Self::Cancel { tx } => Inner::Decision { tx, mode, outcome: Outcome::Abort },
            Self::Done { tx, took } => Inner::Acknowledge { tx, took },
            Self::Stuck { .. } => return None,
        })
    }

    /// What the machine inside says; none for what nobody says in this pattern: a service asks nobody, since its
    /// coordinator tells until it is answered.
    pub(super) fn from_inner(message: Inner<W>) -> Option<Self> {
        Some(match message {
            Inner::Prepare { tx, work, .. } => Self::Try { tx, work },
            Inner::Vote { tx, vote } => Self::Tried { tx, reserved: vote == Vote::Yes },
            Inner::Decision { tx, outcome: Outcome::Commit, .. } => Self::Confirm { tx },
            Inner::Decision { tx, outcome: Outcome::Abort, .. } => Self::Cancel { tx },
            Inner::Acknowledge { tx, took } => Self::Done { tx, took },
            Inner::OnePhase { .. }
            | Inner::Inquire { .. }
            | Inner::InquirePeer { .. }
            | Inner::Answer { .. } => return None,
        })
    }
}

impl<W> Permute for Message<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Try { tx, .. }
            | Self::Tried { tx, .. }
            | Self::Confirm { tx }
            | Self::Cancel { tx }
            | Self::Done { tx, .. }
            | Self::Stuck { tx } => tx.permute(by),
        }
    }
}
