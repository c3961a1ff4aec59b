//! What the application says to a service and is told by it.

use core::fmt;

use crate::id::NodeId;
use crate::saga::{Key, TaskId};

/// What the application says. Each names its key, and is answered once: [`Notice::Accepted`] or [`Notice::Refused`].
///
/// Done, refused and undone may be said without being asked, as an operator does who saw to it by hand; not while the
/// application is at work on the contrary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Request {
    /// The key has its effect, for good.
    Done {
        /// The key.
        key: Key,
    },
    /// The key has no effect and never will have one.
    Refused {
        /// The key.
        key: Key,
    },
    /// The key has no effect any more, for good.
    Undone {
        /// The key.
        key: Key,
    },
    /// It could not be done, or not be undone, this time; or nobody knows whether it was. The orchestrator is told to
    /// try again later.
    Failed {
        /// The key.
        key: Key,
    },
}

impl Request {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> Key {
        match self {
            Self::Done { key } | Self::Refused { key } | Self::Undone { key } | Self::Failed { key } => *key,
        }
    }
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice<D> {
    /// Do this, unless it is done: [`Request::Done`], [`Request::Refused`] or [`Request::Failed`]. Told again after a
    /// crash, if that was not said before.
    Do {
        /// The key under which it is done once.
        key: Key,
        /// What to do.
        task: TaskId,
        /// What the saga was begun with.
        input: D,
    },
    /// Take this back, if it was done, and do not do it any more: [`Request::Undone`] or [`Request::Failed`]. Told
    /// again after a crash, if that was not said before.
    Undo {
        /// The key.
        key: Key,
        /// What to take back.
        task: TaskId,
        /// What the saga was begun with.
        input: D,
    },
    /// What was said of the key is durable.
    Accepted {
        /// The key.
        key: Key,
    },
    /// What was said of the key was refused; nothing was changed.
    Refused {
        /// The key.
        key: Key,
        /// Why.
        reason: Refusal,
    },
    /// A peer said what no correct one says, or said it too late; it was dropped and nothing was changed.
    Rejected {
        /// The peer.
        from: NodeId,
        /// What was wrong.
        reason: Rejection,
    },
}

/// Why what the application said of a key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Refusal {
    /// The application is at work on the key the other way.
    AtWork,
    /// It contradicts what was said of the key before.
    Contradiction,
    /// The application was not asked about the key, so it cannot have failed.
    NotAsked,
    /// The saga is forgotten by its orchestrator.
    Forgotten,
    /// As many keys, or orchestrators, are kept as may be.
    Full,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtWork => {
                "the application is at work on the key the other way: say first what became of that"
            }
            Self::Contradiction => "contradicts what was said of the key before",
            Self::NotAsked => "the application was not asked about the key",
            Self::Forgotten => "the orchestrator has forgotten the saga",
            Self::Full => "too many keys or orchestrators: raise max_keys or max_owners",
        })
    }
}

impl core::error::Error for Refusal {}

/// What a peer said that no correct one says; or what came too late to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Rejection {
    /// Not a call.
    NotACall,
    /// A call for a key of somebody else, or from this node itself.
    NotTheOwner,
    /// A call for a saga below the floor that it names.
    Malformed,
    /// A call for a saga that its orchestrator has forgotten since.
    Forgotten,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotACall => "not a call",
            Self::NotTheOwner => "a call for a key of somebody else",
            Self::Malformed => "a call for a saga below its own floor",
            Self::Forgotten => "a call for a saga that is forgotten",
        })
    }
}
