//! What a peer said that no correct peer says.

use core::fmt;

use crate::id::no_nodes_inside;

/// What was wrong with what a peer, or the node's own driver, said. It was dropped and nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Rejection {
    /// The sender, or the transaction's coordinator, is not a member.
    NotAMember,
    /// The sender, or the transaction's coordinator, plays another part.
    WrongRole,
    /// A message for the other side of the protocol, or from a node to itself.
    Misdirected,
    /// It speaks for a transaction that is another coordinator's.
    NotItsCoordinator,
    /// It is no participant of the transaction.
    NotAParticipant,
    /// The transaction's number was never given out.
    NeverBegun,
    /// It is larger than the configuration allows, or names nobody, or not this node.
    Malformed,
    /// It commits what this node has not voted for, or decides otherwise than was decided.
    Contradicts,
    /// A prepare that came after the node forgot its time: the transaction is over, or is to time out.
    TooLate,
    /// The driver read back a log although nothing was asked for.
    NotAsked,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAMember => "not a member",
            Self::WrongRole => "not a part that the sender plays",
            Self::Misdirected => "a message that is not for this node",
            Self::NotItsCoordinator => "the transaction is another coordinator's",
            Self::NotAParticipant => "no participant of the transaction",
            Self::NeverBegun => "no transaction of this number was begun",
            Self::Malformed => "too large, or not addressed to this node",
            Self::Contradicts => "contradicts what was voted or decided",
            Self::TooLate => "a prepare from before what this node remembers",
            Self::NotAsked => "nothing was to be read back",
        })
    }
}

impl core::error::Error for Rejection {}

no_nodes_inside!(Rejection);
