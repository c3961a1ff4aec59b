//! What Raft nodes send each other. The term of every message is checked before anything else in it.

use super::{Entries, Index, Position, Term};

/// A message between two nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Message<C> {
    /// Would you vote for me in `term`? Changes nothing at the receiver (thesis, 9.6).
    PreVote {
        /// The term that the sender would campaign in: one above its own.
        term: Term,
        /// The sender's last entry.
        last: Position,
    },
    /// The answer to [`Message::PreVote`].
    PreVoteReply {
        /// If granted, the term that was asked for; if not, the receiver's own.
        term: Term,
        /// Whether the vote would be given.
        granted: bool,
    },
    /// RequestVote (paper, figure 2).
    Vote {
        /// The candidate's term.
        term: Term,
        /// The candidate's last entry.
        last: Position,
    },
    /// The answer to [`Message::Vote`].
    VoteReply {
        /// The voter's term.
        term: Term,
        /// Whether the vote is given. Durable before it is said.
        granted: bool,
    },
    /// AppendEntries (paper, figure 2): entries, or a heartbeat where there are none.
    Append {
        /// The leader's term.
        term: Term,
        /// The entry right before `entries`.
        prev: Position,
        /// The entries.
        entries: Entries<C>,
        /// The leader's commit index.
        commit: Index,
    },
    /// The answer to [`Message::Append`].
    AppendReply {
        /// The follower's term.
        term: Term,
        /// What became of the append.
        outcome: Outcome,
    },
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Outcome {
    /// The follower's log equals the leader's up to here: the end of the append, not of the follower's log.
    /// Durable before it is said.
    Matched(Index),
    /// The follower has no entry like `prev`.
    Conflict {
        /// The index of the `prev` that did not match.
        at: Index,
        /// The follower's last entry, at or before `at`, whose term is not later than `prev`'s: nothing after it
        /// can match.
        hint: Position,
    },
    /// The append was of an earlier term.
    Stale,
}

impl<C> Message<C> {
    /// The term in the message.
    #[must_use]
    pub const fn term(&self) -> Term {
        match self {
            Self::PreVote { term, .. }
            | Self::PreVoteReply { term, .. }
            | Self::Vote { term, .. }
            | Self::VoteReply { term, .. }
            | Self::Append { term, .. }
            | Self::AppendReply { term, .. } => *term,
        }
    }
}
