//! The one durable log of a node: many transactions, each of which ends in its own time.
//!
//! Each entry tells all there is to tell of one transaction, so only the last entry of each is needed. The head
//! is dropped while nothing there is needed; what is needed and stands in the way is written once more at the end.
//! So the journal stays within a constant factor of what it must hold, however long one transaction lasts.

use alloc::collections::VecDeque;

use super::ids::TxId;
use crate::durable::Corrupt;
use crate::id::{LogId, Permutation, Permute};

/// The one durable log of a coordinator or participant.
pub const JOURNAL: LogId = LogId(0);

/// How many entries are written once more with each new one, at most: more than one, so that it catches up.
pub(super) const COPIES_PER_APPEND: usize = 2;

/// The journal is long once it has so many entries for each that is needed: more than a transaction has, so that where
/// transactions end in about the order in which they began, what is at the head is needed no more.
const ENTRIES_PER_NEEDED: usize = 4;

/// Past this index nothing is accepted from a disk: a node could wear out what is left.
const LAST_INDEX: u64 = u64::MAX / 2;

/// Where the durable journal begins and ends, and whose each entry is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Journal {
    /// The index of the first entry.
    first: u64,
    owners: VecDeque<TxId>,
    /// How many transactions have an entry that is needed.
    pub(super) needed: usize,
}

impl Journal {
    pub(super) const fn new() -> Self {
        Self { first: 1, owners: VecDeque::new(), needed: 0 }
    }

    /// The index of the next entry.
    #[inline]
    pub(super) fn next(&self) -> u64 {
        self.first.saturating_add(self.owners.len() as u64)
    }

    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// Takes one entry more, and says where it is.
    #[inline]
    pub(super) fn append(&mut self, owner: TxId) -> u64 {
        let index = self.next();
        self.owners.push_back(owner);
        index
    }

    #[inline]
    pub(super) fn is_long(&self, slack: usize) -> bool {
        self.owners.len().saturating_sub(slack).div_ceil(ENTRIES_PER_NEEDED) > self.needed
    }

    /// How many entries at the head are not `needed`. The last entry is kept: it says where the journal goes on.
    pub(super) fn count_needless(&self, needed: impl Fn(u64, TxId) -> bool) -> usize {
        let last = self.owners.len().saturating_sub(1);
        let mut index = self.first;
        for (at, owner) in self.owners.iter().enumerate().take(last) {
            if needed(index, *owner) {
                return at;
            }
            index = index.saturating_add(1);
        }
        last
    }

    /// The first entry, unless it is the only one.
    pub(super) fn head(&self) -> Option<(u64, TxId)> {
        let owner = self.owners.front().filter(|_| self.owners.len() > 1)?;
        Some((self.first, *owner))
    }

    /// Drops so many entries at the head.
    pub(super) fn drop_head(&mut self, entries: usize) {
        let dropped = self.owners.drain(..entries.min(self.owners.len())).len();
        self.first = self.first.saturating_add(dropped as u64);
    }

    /// Takes an entry read back at recovery.
    pub(super) fn restore(&mut self, index: u64, owner: TxId) -> Result<(), Corrupt> {
        if self.owners.is_empty() {
            self.first = index;
        }
        let expected = self.next();
        if index != expected {
            return Err(Corrupt::Gap { log: JOURNAL, expected, found: index });
        }
        if index == 0 || index > LAST_INDEX {
            return Err(Corrupt::Inconsistent("the journal's indices are out of range"));
        }
        self.owners.push_back(owner);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Whether its indices are such as a node comes to.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let in_range = self.first > 0 && self.next().saturating_sub(1) <= LAST_INDEX;
        if in_range { Ok(()) } else { Err("the journal's indices are out of range") }
    }

    /// Whether the entry at `index` is there and `owner`'s.
    pub(super) fn holds(&self, index: u64, owner: TxId) -> bool {
        let offset = index.checked_sub(self.first).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.owners.get(offset)) == Some(&owner)
    }
}

impl Permute for Journal {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.owners.iter_mut().for_each(|owner| owner.permute(by));
    }
}
