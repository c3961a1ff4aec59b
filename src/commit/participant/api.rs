//! What the application asks of a participant and is told by it, and the names of its timers.

use core::fmt;

use crate::commit::{Outcome, Rejection, TxId, Vote};
use crate::id::{NodeId, Permutation, Permute, no_nodes_inside};

/// The timers of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Timer {
    /// What the application has not answered since the last time is aborted.
    Readiness,
    /// What is in doubt is asked for.
    Doubt,
}

/// What the application asks. Each names its transaction, and so does the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Request {
    /// The answer to [`Notice::Prepare`]. A yes promises that the application can commit and can abort, whatever
    /// happens to it from here on; after a no or a read-only it has let go of everything.
    ///
    /// [`Notice::Refused`] if the vote is not wanted any more.
    Ready {
        /// The transaction.
        tx: TxId,
        /// The vote.
        vote: Vote,
    },
    /// What [`Notice::Apply`] or [`Notice::Undo`] told is carried out, for good; [`Notice::Damage`] is seen to.
    ///
    /// [`Notice::Refused`] if nothing was to be carried out.
    Done {
        /// The transaction.
        tx: TxId,
    },
    /// An operator's heuristic decision for a transaction in doubt. It frees what is locked, and may do damage.
    ///
    /// Answered by [`Notice::Apply`], [`Notice::Undo`] or [`Notice::Refused`].
    Resolve {
        /// The transaction.
        tx: TxId,
        /// The decision.
        outcome: Outcome,
    },
    /// The application came back from a crash and found that it had prepared this: is it wanted?
    ///
    /// Answered by [`Notice::Apply`], [`Notice::Undo`], [`Notice::Undecided`] or [`Notice::Refused`].
    Found {
        /// The transaction.
        tx: TxId,
    },
    /// An operator says that nobody need be told of what an operator decided any more (X/Open XA, `xa_forget`).
    ///
    /// Until then damage is remembered after [`Done`](Self::Done), so that the coordinator hears of it however often it
    /// asks; and what is [resolved](Self::Resolve) and [`Done`](Self::Done) waits for the outcome, for ever if nobody is
    /// left to tell it. What was decided counts as the outcome from then on: if another one comes after all, it is
    /// [rejected](Notice::Rejected).
    ///
    /// [`Notice::Refused`] if no operator decided, or what was told is not [`Done`](Self::Done).
    Forget {
        /// The transaction.
        tx: TxId,
    },
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice<W> {
    /// Get ready to commit or abort: answered by [`Request::Ready`]. Told again after a crash, if it was not
    /// answered before.
    Prepare {
        /// The transaction.
        tx: TxId,
        /// This participant's part.
        work: W,
    },
    /// It is to be committed. Told once in a node's life; after a restart once more, unless it was
    /// [`Done`](Request::Done), or at or before the position handed to recovery.
    Apply {
        /// The transaction.
        tx: TxId,
        /// Ascends from one telling to the next, in a node's life and past it.
        position: u64,
        /// This participant's part.
        work: W,
        /// Whether it is an operator's decision, and the outcome not known.
        heuristic: bool,
    },
    /// It is to be undone: let go of everything. Told as [`Notice::Apply`] is.
    Undo {
        /// The transaction.
        tx: TxId,
        /// Ascends from one telling to the next, in a node's life and past it.
        position: u64,
        /// Whether it is an operator's decision, and the outcome not known.
        heuristic: bool,
    },
    /// It is neither known to be committed nor aborted: keep it.
    Undecided {
        /// The transaction.
        tx: TxId,
    },
    /// The coordinator has not answered, and its peers are asked: told each time they are.
    InDoubt {
        /// The transaction.
        tx: TxId,
    },
    /// Heuristic damage: the outcome is not what an operator decided. Told until it is [`Done`](Request::Done).
    Damage {
        /// The transaction.
        tx: TxId,
        /// What was done here.
        took: Outcome,
        /// What was done everywhere else.
        outcome: Outcome,
    },
    /// A request was refused; nothing was changed.
    Refused {
        /// The transaction that it named.
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

/// Why a participant refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Refusal {
    /// It is aborted, or was never asked for: undo what was prepared.
    NoVoteWanted,
    /// The vote was given before.
    Voted,
    /// Nothing was to be carried out, or not yet.
    NotDecided,
    /// It is not in doubt, or an operator has decided already.
    NotInDoubt,
    /// It is over here, or aborted by now: undo what is left of it.
    Over,
    /// So many operators' decisions are remembered: first [forget](Request::Forget) damage that is seen to.
    TooManyResolved,
    /// There is no damage and no decision of an operator to forget, or it is not carried out.
    NotDamaged,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoVoteWanted => "no vote is wanted: undo what was prepared",
            Self::Voted => "the vote was given before",
            Self::NotDecided => "nothing is to be carried out",
            Self::NotInDoubt => "not in doubt, or resolved already",
            Self::Over => "the transaction is over: undo what is left of it",
            Self::TooManyResolved => {
                "too many operators' decisions are remembered: forget damage that is seen to"
            }
            Self::NotDamaged => {
                "there is no damage and no decision of an operator to forget, or it is not carried out"
            }
        })
    }
}

impl core::error::Error for Refusal {}

no_nodes_inside!(Timer, Refusal);

impl Permute for Request {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Ready { tx, .. }
            | Self::Done { tx }
            | Self::Resolve { tx, .. }
            | Self::Found { tx }
            | Self::Forget { tx } => {
                tx.permute(by);
            }
        }
    }
}

impl<W> Permute for Notice<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Prepare { tx, .. }
            | Self::Apply { tx, .. }
            | Self::Undo { tx, .. }
            | Self::Undecided { tx }
            | Self::InDoubt { tx }
            | Self::Damage { tx, .. }
            | Self::Refused { tx, .. } => tx.permute(by),
            Self::Rejected { from, .. } => from.permute(by),
        }
    }
}
