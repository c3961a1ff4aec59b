//! What the application asks of a service and is told by it, and the names of its timers.

use super::Refusal;
use crate::commit::participant as inner;
use crate::commit::{Outcome, Rejection, TxId};
use crate::id::{NodeId, Permutation, Permute, no_nodes_inside};

/// The timers of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Timer {
    /// What the application has not tried since the last time is cancelled.
    Trying,
    /// What failed to be confirmed or cancelled is told again.
    Retry,
    /// What has been reserved since the last time is cancelled; never set but where a limit is declared.
    Lapse,
}

/// What the application asks. Each names its activity, and so does the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Request {
    /// The answer to [`Notice::Try`]: it is reserved, and can be confirmed and cancelled whatever happens from here
    /// on. [`Notice::Refused`] if that is not wanted any more: release it.
    Reserved {
        /// The activity.
        tx: TxId,
    },
    /// The answer to [`Notice::Try`]: nothing is reserved, nor will be.
    NotReserved {
        /// The activity.
        tx: TxId,
    },
    /// What [`Notice::Confirm`] or [`Notice::Cancel`] told is carried out, for good, be it by hand, and if
    /// [`Notice::Damage`] was told, that is seen to as well. [`Notice::Refused`] if nothing was to be carried out.
    Done {
        /// The activity.
        tx: TxId,
    },
    /// What [`Notice::Confirm`] or [`Notice::Cancel`] told could not be carried out. It is told again later, so
    /// often, and then [`Notice::Stuck`]. [`Notice::Refused`] if nothing was told that is not answered.
    Failed {
        /// The activity.
        tx: TxId,
    },
    /// An operator has removed what was in the way of what is stuck: it is told again. [`Notice::Refused`] if it
    /// is not stuck.
    Retry {
        /// The activity.
        tx: TxId,
    },
    /// An operator says that what is stuck will never be carried out. The coordinator is told of the damage.
    /// [`Notice::Refused`] if it is not stuck, or not decided.
    GiveUp {
        /// The activity.
        tx: TxId,
    },
    /// An operator releases a reservation that is neither confirmed nor cancelled, as if it had lapsed. Answered by
    /// [`Notice::Cancel`] or [`Notice::Refused`].
    Release {
        /// The activity.
        tx: TxId,
    },
    /// The application came back from a crash and found that it had reserved this: is it wanted?
    ///
    /// Answered by [`Notice::Confirm`], [`Notice::Cancel`], [`Notice::Undecided`] or [`Notice::Refused`]: release
    /// it.
    Found {
        /// The activity.
        tx: TxId,
    },
    /// An operator says that nobody need be told any more of damage that is seen to, which is remembered until then after
    /// [`Done`](Self::Done) and [`GiveUp`](Self::GiveUp); or of what lapsed or was [released](Self::Release) and is
    /// [`Done`](Self::Done), where the coordinator has
    /// [written this service off](crate::commit::tcc::coordinator::Request::WriteOff) and will say nothing. [`Notice::Refused`] if
    /// nothing of the kind is remembered.
    Forget {
        /// The activity.
        tx: TxId,
    },
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice<W> {
    /// Reserve this: answered by [`Request::Reserved`] or [`Request::NotReserved`]. Told again after a crash, if it
    /// was not answered before.
    Try {
        /// The activity.
        tx: TxId,
        /// What to reserve.
        work: W,
    },
    /// Make the reservation final. Answered by [`Request::Done`] or [`Request::Failed`]; told again after a
    /// failure, and after a restart, unless it was done, or at or before the position handed to recovery.
    Confirm {
        /// The activity.
        tx: TxId,
        /// Ascends from one activity told of to the next, in a node's life and past it.
        position: u64,
        /// What was reserved.
        work: W,
    },
    /// Release what was reserved or is being tried. Answered and told again as [`Notice::Confirm`] is.
    Cancel {
        /// The activity.
        tx: TxId,
        /// Ascends from one activity told of to the next, in a node's life and past it.
        position: u64,
        /// Whether it has lapsed, or an operator releases it, and nothing is decided that this node knows of.
        lapsed: bool,
    },
    /// It is neither confirmed nor cancelled: keep it.
    Undecided {
        /// The activity.
        tx: TxId,
    },
    /// Carrying it out has failed so often that it is left to an operator: [`Request::Retry`],
    /// [`Request::GiveUp`], or [`Request::Done`] once it is done by hand. A restart tries again.
    Stuck {
        /// The activity.
        tx: TxId,
        /// How often it has failed.
        attempts: u32,
    },
    /// It was confirmed elsewhere after it had lapsed or was released here. Told until it is
    /// [`Done`](Request::Done), that is seen to.
    Damage {
        /// The activity.
        tx: TxId,
        /// What was done here.
        took: Outcome,
        /// What was decided.
        outcome: Outcome,
    },
    /// A request was refused; nothing was changed.
    Refused {
        /// The activity that it named.
        tx: TxId,
        /// Why, and what to do about it.
        reason: Refusal,
    },
    /// A peer said what no correct peer says; it was dropped and nothing was changed.
    Rejected {
        /// The peer; this node, for what its own driver fed it.
        from: NodeId,
        /// What was wrong.
        reason: Rejection,
    },
}

impl<W> Notice<W> {
    /// What the machine inside tells; none for what only one that asks around tells.
    pub(super) fn from_inner(notice: inner::Notice<W>) -> Option<Self> {
        Some(match notice {
            inner::Notice::Prepare { tx, work } => Self::Try { tx, work },
            inner::Notice::Apply { tx, position, work, .. } => Self::Confirm { tx, position, work },
            inner::Notice::Undo { tx, position, heuristic } => {
                Self::Cancel { tx, position, lapsed: heuristic }
            }
            inner::Notice::Undecided { tx } => Self::Undecided { tx },
            inner::Notice::Damage { tx, took, outcome } => Self::Damage { tx, took, outcome },
            inner::Notice::Refused { tx, reason } => Self::Refused { tx, reason },
            inner::Notice::Rejected { from, reason } => Self::Rejected { from, reason },
            inner::Notice::InDoubt { .. } => return None,
        })
    }
}

no_nodes_inside!(Timer);

impl Permute for Request {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Reserved { tx }
            | Self::NotReserved { tx }
            | Self::Done { tx }
            | Self::Failed { tx }
            | Self::Retry { tx }
            | Self::GiveUp { tx }
            | Self::Release { tx }
            | Self::Found { tx }
            | Self::Forget { tx } => tx.permute(by),
        }
    }
}

impl<W> Permute for Notice<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Try { tx, .. }
            | Self::Confirm { tx, .. }
            | Self::Cancel { tx, .. }
            | Self::Undecided { tx }
            | Self::Stuck { tx, .. }
            | Self::Damage { tx, .. }
            | Self::Refused { tx, .. } => tx.permute(by),
            Self::Rejected { from, .. } => from.permute(by),
        }
    }
}
