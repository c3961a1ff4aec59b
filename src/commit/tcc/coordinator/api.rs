//! What the application asks of a coordinator and is told by it.

use alloc::vec::Vec;

use super::Refusal;
use crate::commit::coordinator as inner;
use crate::commit::{Outcome, Rejection, TxId};
use crate::id::{NodeId, Permutation, Permute, RequestId};

/// What the application asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Request<W> {
    /// Try this everywhere; confirm all, or cancel all. Answered by [`Notice::Begun`] or [`Notice::Refused`].
    Begin {
        /// Correlates the answer.
        id: RequestId,
        /// The services and what each is to reserve.
        branches: Vec<(NodeId, W)>,
    },
    /// Cancel it, if it is not decided. Answered by [`Notice::Cancelled`] or [`Notice::Refused`].
    Cancel {
        /// Correlates the answer.
        id: RequestId,
        /// The activity.
        tx: TxId,
    },
    /// An operator says that a service will never be done with what is decided: it is awaited no more. Answered by
    /// [`Notice::WrittenOff`] or [`Notice::Refused`].
    WriteOff {
        /// Correlates the answer.
        id: RequestId,
        /// The activity.
        tx: TxId,
        /// The service.
        service: NodeId,
    },
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice {
    /// The request `id` began an activity. Unless the node crashes before any service was asked,
    /// [`Notice::Decided`] follows, and [`Notice::Ended`].
    Begun {
        /// The request.
        id: RequestId,
        /// The activity's name.
        tx: TxId,
    },
    /// The request `id` was refused; nothing was changed.
    Refused {
        /// The request.
        id: RequestId,
        /// Why, and what to do about it.
        reason: Refusal,
    },
    /// The request `id` cancels the activity. [`Notice::Decided`] follows.
    Cancelled {
        /// The request.
        id: RequestId,
    },
    /// The request `id` wrote a service off. [`Notice::Ended`] follows if it was the last one.
    WrittenOff {
        /// The request.
        id: RequestId,
    },
    /// It is decided, for good, to confirm or to cancel. Told once in a node's life; after a restart once more for
    /// what has not ended.
    Decided {
        /// The activity.
        tx: TxId,
        /// Commit to confirm, abort to cancel.
        outcome: Outcome,
    },
    /// Every service has confirmed or cancelled, or its operator has given up.
    Ended {
        /// The activity.
        tx: TxId,
    },
    /// Some services have not answered for a while: told with each resend.
    Overdue {
        /// The activity.
        tx: TxId,
        /// How many are awaited.
        awaited: usize,
    },
    /// A service has failed to confirm or to cancel so often that it waits for an operator. Told as often as it is
    /// reported.
    Stuck {
        /// The activity.
        tx: TxId,
        /// The service.
        service: NodeId,
    },
    /// A service did not do what was decided: its reservation had lapsed, or its operator gave up. Told as often as
    /// it is reported.
    Damage {
        /// The activity.
        tx: TxId,
        /// The service.
        service: NodeId,
        /// What was done there, contrary to the decision.
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

impl Notice {
    /// What the machine inside tells; none for what cannot be where nobody is left to decide alone.
    pub(super) fn from_inner(notice: inner::Notice) -> Option<Self> {
        Some(match notice {
            inner::Notice::Begun { id, tx } => Self::Begun { id, tx },
            inner::Notice::Refused { id, reason } => Self::Refused { id, reason },
            inner::Notice::Cancelled { id } => Self::Cancelled { id },
            inner::Notice::Outcome { tx, outcome } => Self::Decided { tx, outcome },
            inner::Notice::Forgotten { tx } => Self::Ended { tx },
            inner::Notice::Overdue { tx, awaited } => Self::Overdue { tx, awaited },
            inner::Notice::Damage { tx, participant, took } => {
                Self::Damage { tx, service: participant, took }
            }
            inner::Notice::Rejected { from, reason } => Self::Rejected { from, reason },
            inner::Notice::Unknown { .. } => return None,
        })
    }
}

impl<W> Permute for Request<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Begin { branches, .. } => branches.iter_mut().for_each(|(node, _)| node.permute(by)),
            Self::Cancel { tx, .. } => tx.permute(by),
            Self::WriteOff { tx, service, .. } => {
                tx.permute(by);
                service.permute(by);
            }
        }
    }
}

impl Permute for Notice {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Begun { tx, .. }
            | Self::Decided { tx, .. }
            | Self::Ended { tx }
            | Self::Overdue { tx, .. } => tx.permute(by),
            Self::Stuck { tx, service } | Self::Damage { tx, service, .. } => {
                tx.permute(by);
                service.permute(by);
            }
            Self::Refused { reason, .. } => reason.permute(by),
            Self::Rejected { from, .. } => from.permute(by),
            Self::Cancelled { .. } | Self::WrittenOff { .. } => {}
        }
    }
}
