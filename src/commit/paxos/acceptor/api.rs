//! What an acceptor tells its application, and the name of its timer. Nobody asks it anything.

use crate::commit::{Rejection, TxId};
use crate::id::{NodeId, Permutation, Permute, no_nodes_inside};

/// The timers of an acceptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Timer {
    /// A leader is asked to end what nothing was heard of since the last time.
    Linger,
}

/// What the application is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice {
    /// Too many transactions are not forgotten: a message about one more was dropped, and will be said again.
    Overloaded {
        /// The transaction.
        tx: TxId,
    },
    /// A transaction has not ended for long: told each time a leader is asked to end it.
    Lingers {
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

no_nodes_inside!(Timer);

impl Permute for Notice {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Overloaded { tx } | Self::Lingers { tx } => tx.permute(by),
            Self::Rejected { from, .. } => from.permute(by),
        }
    }
}
