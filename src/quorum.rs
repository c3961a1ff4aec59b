//! Majorities over small dense sets of nodes.

/// The most voters a cluster may have: one bit each in a [`SlotSet`].
pub const MAX_NODES: usize = 64;

/// The size of a majority of `voters` nodes: any two majorities share a node.
///
/// Zero voters have a majority of one, so that nothing is ever decided by nobody.
#[must_use]
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// A set of dense node slots (0..64) as a bit mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct SlotSet(u64);

impl SlotSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// The set of one slot; a slot past [`MAX_NODES`] gives the empty set.
    #[must_use]
    pub const fn of(slot: usize) -> Self {
        if slot < MAX_NODES { Self(1 << slot) } else { Self(0) }
    }

    /// Adds `slot`.
    pub const fn insert(&mut self, slot: usize) {
        self.0 |= Self::of(slot).0;
    }

    /// Whether `slot` is in the set.
    #[must_use]
    pub const fn contains(&self, slot: usize) -> bool {
        self.0 & Self::of(slot).0 != 0
    }

    /// How many slots are in the set.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether no slot is in the set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// The slots in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        let set = *self;
        (0..MAX_NODES).filter(move |slot| set.contains(*slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_two_majorities_meet() {
        for voters in 1..=MAX_NODES {
            assert!(2 * majority(voters) > voters);
            assert!(majority(voters) <= voters);
        }
        assert_eq!(majority(0), 1);
    }

    #[test]
    fn a_slot_out_of_range_is_never_a_member() {
        let mut set = SlotSet::EMPTY;
        set.insert(64);
        set.insert(1000);
        assert!(set.is_empty() && !set.contains(64));
        set.insert(63);
        assert_eq!((set.len(), set.iter().next()), (1, Some(63)));
    }
}
