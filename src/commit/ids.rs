//! The names of transactions, and the few words of the protocol that every file speaks.

use core::fmt;

use smallvec::SmallVec;

use crate::id::{NodeId, Permutation, Permute, no_nodes_inside};

/// A transaction: never reused, since its coordinator reserves numbers durably before it says one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "a coordinator and its number, for ever")]
pub struct TxId {
    /// The coordinator that began it.
    pub coordinator: NodeId,
    /// Its number there: ascending, from 1, with gaps where the coordinator came back from a crash.
    pub number: u64,
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.coordinator, self.number)
    }
}

impl Permute for TxId {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.coordinator.permute(by);
    }
}

/// Several nodes; up to four are held without allocating.
pub type Nodes = SmallVec<[NodeId; 4]>;

/// Renames nodes that stand in ascending order.
pub(super) fn permute_nodes(nodes: &mut Nodes, by: &Permutation<'_>) {
    nodes.iter_mut().for_each(|node| node.permute(by));
    nodes.sort_unstable();
}

/// Where `number` is among what ascends by number, or would be.
///
/// Numbers have few gaps: it is first looked for where it is without any, counted from the last.
#[inline]
pub(super) fn find_number<T>(
    among: &[T],
    number: u64,
    number_of: impl Fn(&T) -> u64,
) -> Result<usize, usize> {
    let Some(last) = among.last() else { return Err(0) };
    let Some(back) = number_of(last).checked_sub(number) else { return Err(among.len()) };
    // Of more than there are the index wraps around, and nothing is there.
    let back = usize::try_from(back).unwrap_or(usize::MAX);
    let at = among.len().wrapping_sub(1).wrapping_sub(back);
    match among.get(at) {
        Some(found) if number_of(found) == number => Ok(at),
        _ if among.first().is_none_or(|first| number < number_of(first)) => Err(0),
        _ => search(among, number, number_of),
    }
}

#[cold]
#[inline(never)]
fn search<T>(among: &[T], number: u64, number_of: impl Fn(&T) -> u64) -> Result<usize, usize> {
    among.binary_search_by_key(&number, number_of)
}

/// What a transaction comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "all or nothing")]
pub enum Outcome {
    /// Everybody applies it.
    Commit,
    /// Nobody does.
    Abort,
}

impl Outcome {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Commit => Self::Abort,
            Self::Abort => Self::Commit,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "commit",
            Self::Abort => "abort",
        })
    }
}

/// What a participant says to a prepare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the three votes of the literature")]
pub enum Vote {
    /// It can commit and can abort, whatever happens to it from here on.
    Yes,
    /// It has aborted.
    No,
    /// It changed nothing, and wants no part in the second phase (Mohan, Lindsay and Obermarck 1986, section 3).
    ReadOnly,
}

/// What having forgotten a transaction means: the answer to an inquiry about one of which nothing is known
/// (Mohan, Lindsay and Obermarck 1986, sections 3 and 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the presumptions of the literature, and none")]
pub enum Mode {
    /// No information means abort. Commits are recorded and acknowledged; aborts cost the coordinator nothing.
    #[default]
    PresumedAbort,
    /// No information means commit. The participants are recorded before they are asked, so that a crash
    /// aborts; aborts are acknowledged, commits are not.
    PresumedCommit,
    /// Nothing is left to presume: the participants are recorded before they are asked, and both outcomes are
    /// acknowledged. So the coordinator drives every transaction to its end, and nobody need ask it (Samaras,
    /// Britton, Citron and Mohan, *Two-Phase Commit Optimizations and Tradeoffs in the Commercial Environment*,
    /// 1993). A single participant is asked in two phases as well. What `commit::tcc` stands on.
    PresumedNothing,
}

impl Mode {
    /// What is answered where nothing is known.
    #[must_use]
    pub const fn presumption(self) -> Outcome {
        match self {
            Self::PresumedAbort | Self::PresumedNothing => Outcome::Abort,
            Self::PresumedCommit => Outcome::Commit,
        }
    }

    /// Whether `outcome` must be acknowledged before it may be forgotten: whether it contradicts the presumption,
    /// or nothing is to be presumed.
    #[must_use]
    pub fn wants_acknowledgement(self, outcome: Outcome) -> bool {
        self == Self::PresumedNothing || outcome != self.presumption()
    }

    /// Whether the participants are recorded before they are asked.
    pub(super) fn records_participants(self) -> bool {
        self != Self::PresumedAbort
    }
}

no_nodes_inside!(Outcome, Vote, Mode);

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_number_is_found_where_a_search_finds_it_whatever_gaps_there_are() {
        for set in 0_u32..1 << 8 {
            let among: Vec<u64> = (1..=8).filter(|number| set & (1 << (number - 1)) != 0).collect();
            for number in 0..=9 {
                let found = find_number(&among, number, |number| *number);
                assert_eq!(found, among.binary_search(&number), "{number} in {among:?}");
            }
        }
    }
}
