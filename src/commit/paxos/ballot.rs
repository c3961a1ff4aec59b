//! Ballots, and what acceptors accept in them.

use core::fmt;

use smallvec::SmallVec;

use crate::commit::ids::Vote;
use crate::id::{NodeId, no_nodes_inside};

/// No ballot has a round past this one: whoever names one is not believed.
pub(super) const LAST_ROUND: u64 = u64::MAX / 2;

/// A ballot: all instances of a transaction take part in it at once. The higher round wins, then the higher rank.
///
/// A leader takes its rounds from the numbers that it reserves durably, and so begins no ballot twice, whatever
/// crashes; ballots of two leaders differ by their ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "a round and who began it, for ever")]
pub struct Ballot {
    /// The round, from 1.
    pub round: u64,
    /// The rank of the leader that began it: its place in [`Config::leaders`](super::Config::leaders).
    pub rank: u8,
}

impl Ballot {
    /// The ballot that nobody begins: in it each resource manager proposes its own vote, without a phase 1
    /// (Gray and Lamport 2006, section 4.2).
    pub const ZERO: Self = Self { round: 0, rank: 0 };
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round, self.rank)
    }
}

/// A vote that an acceptor has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "part of a durable record")]
pub struct Accepted {
    /// The ballot in which it was accepted.
    pub ballot: Ballot,
    /// The vote.
    pub vote: Vote,
}

/// All instances of a transaction, ascending by resource manager, and what was last accepted in each.
pub type Instances = SmallVec<[(NodeId, Option<Accepted>); 4]>;

/// Votes of resource managers, ascending by resource manager.
pub type Votes = SmallVec<[(NodeId, Vote); 4]>;

no_nodes_inside!(Ballot, Accepted);
