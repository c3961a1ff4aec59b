//! What sites say, keep, are asked and tell.

use quorate::commit::Outcome;
use quorate::id::{NodeId, Permutation, Permute};
use serde::{Deserialize, Serialize};

/// A message between two sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_enums, reason = "all that there is to say")]
pub enum Message {
    /// The coordinator asks for a vote.
    VoteRequest,
    /// The answer to [`Message::VoteRequest`].
    Vote {
        /// Whether the site can commit, and no longer aborts alone.
        yes: bool,
    },
    /// Who leads says: everybody has voted yes.
    PreCommit,
    /// The answer to [`Message::PreCommit`].
    Acknowledge,
    /// Who leads has decided; or who is asked by a site that came back knows.
    Decision {
        /// The decision.
        outcome: Outcome,
    },
    /// Who leads now asks how far everybody is: the termination protocol.
    StateRequest,
    /// The answer to [`Message::StateRequest`].
    State {
        /// How far the site is.
        phase: Phase,
    },
    /// A site that came back from a crash asks what was decided.
    Inquire,
}

/// How far a site is, in the words of the literature (Bernstein, Hadzilacos and Goodman 1987, figure 7-7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_enums, reason = "the states of the protocol")]
pub enum Phase {
    /// It has not voted.
    #[default]
    Initial,
    /// It has voted yes: uncertain.
    Wait,
    /// It knows that all have voted yes: committable.
    PreCommitted,
    /// It has decided.
    Decided(Outcome),
}

/// What an application, or a site's failure detector, tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_enums, reason = "all that there is to ask")]
pub enum Request {
    /// Begin: of the coordinator.
    Begin,
    /// The application's answer to [`Notice::Asked`].
    Vote {
        /// Whether it can commit.
        yes: bool,
    },
    /// A timeout: that site has not been heard of for so long that it must have crashed, if there is any bound on how
    /// long messages take.
    Suspect {
        /// The site.
        site: NodeId,
    },
}

/// What an application is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_enums, reason = "all that there is to tell")]
pub enum Notice {
    /// A vote is wanted.
    Asked,
    /// It is decided, here and for good.
    Decided {
        /// The decision.
        outcome: Outcome,
    },
}

/// What is durable: how far the site is, so far as it must not forget it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_enums, reason = "all that is kept")]
pub enum Kept {
    /// It is there, and has not voted.
    Joined,
    /// It has voted yes, or asked others to vote.
    Voted,
    /// It has decided.
    Decided(Outcome),
}

macro_rules! no_nodes_inside {
    ($($t:ty),*) => { $(impl Permute for $t { fn permute(&mut self, _: &Permutation<'_>) {} })* };
}
no_nodes_inside!(Message, Notice, Kept);

impl Permute for Request {
    fn permute(&mut self, by: &Permutation<'_>) {
        if let Self::Suspect { site } = self {
            site.permute(by);
        }
    }
}
