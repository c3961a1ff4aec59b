//! The log: a suffix cached in memory, and for what is evicted the terms alone.
//!
//! Entries leave memory oldest first once the cache is full; whoever needs one then reads it back from disk.
//! Terms never decrease along the log, so the terms of the evicted part are a few runs.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use smallvec::SmallVec;

use super::{Command, Config, Index, Term};
use crate::id::{Permutation, Permute};

/// No log gets longer: at 10^9 entries a second it takes 292 years.
const LONGEST: u64 = u64::MAX / 2;

/// A place in a log and the term of the entry there; 0 and 0 before the first entry.
///
/// The order is the paper's "at least as up-to-date" (5.4.1): by term first, then by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "a pair by nature")]
pub struct Position {
    /// The entry's term.
    pub term: Term,
    /// The entry's index.
    pub index: Index,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "its bytes are versioned on disk and on the wire")]
pub struct Entry<C> {
    /// The term of the leader that made it.
    pub term: Term,
    /// What it holds.
    pub payload: Payload<C>,
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Payload<C> {
    /// Nothing: the entry with which a leader begins its term (thesis, 6.4).
    Noop,
    /// A command of the application.
    Command(C),
}

/// A few entries; a single one is held without allocating.
pub type Entries<C> = SmallVec<[Entry<C>; 1]>;

impl<C: Command> Entry<C> {
    /// Its size in bytes, as counted against the limits.
    pub(super) fn size_bytes(&self) -> usize {
        match &self.payload {
            Payload::Noop => 0,
            Payload::Command(command) => command.size_bytes(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Log<C> {
    /// The entries from `evicted + 1` on.
    cache: VecDeque<Entry<C>>,
    /// The bytes of commands in `cache`.
    cached_bytes: usize,
    /// The last index that is no longer in memory.
    evicted: Index,
    /// Where each term begins among the evicted entries: ascending in both.
    runs: Vec<Position>,
}

impl<C: Permute> Permute for Log<C> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.cache.iter_mut().for_each(|entry| entry.permute(by));
    }
}

impl<C: Command> Log<C> {
    pub(super) const fn new() -> Self {
        Self { cache: VecDeque::new(), cached_bytes: 0, evicted: Index(0), runs: Vec::new() }
    }

    /// The place of the last entry.
    pub(super) fn last(&self) -> Position {
        let index = self.last_index();
        Position { term: self.term_at(index).unwrap_or_default(), index }
    }

    fn last_index(&self) -> Index {
        Index(self.evicted.0.saturating_add(self.cache.len() as u64))
    }

    /// The term at `index`; 0 at 0; `None` past the end.
    pub(super) fn term_at(&self, index: Index) -> Option<Term> {
        if index > self.evicted {
            return self.get(index).map(|entry| entry.term);
        }
        let later = self.runs.partition_point(|run| run.index <= index);
        Some(later.checked_sub(1).and_then(|at| self.runs.get(at)).map_or(Term(0), |run| run.term))
    }

    /// The last index at or before `index` whose term is at most `term`, with its term.
    pub(super) fn last_at_most(&self, index: Index, term: Term) -> Position {
        let index = index.min(self.last().index);
        if index > self.evicted {
            let within = usize::try_from(index.0 - self.evicted.0).unwrap_or(usize::MAX);
            let fits = self.cache.partition_point(|entry| entry.term <= term).min(within);
            if let Some(entry) = fits.checked_sub(1).and_then(|at| self.cache.get(at)) {
                return Position { term: entry.term, index: Index(self.evicted.0 + fits as u64) };
            }
        }
        let index = index.min(self.evicted);
        let later = self.runs.partition_point(|run| run.term <= term);
        let end = self.runs.get(later).map_or(index.0, |run| run.index.0.saturating_sub(1));
        let index = index.min(Index(end));
        Position { term: self.term_at(index).unwrap_or_default(), index }
    }

    /// The entry at `index`, if it is in memory.
    pub(super) fn get(&self, index: Index) -> Option<&Entry<C>> {
        let offset = index.0.checked_sub(self.evicted.0)?.checked_sub(1)?;
        self.cache.get(usize::try_from(offset).ok()?)
    }

    /// Whether there is an entry at `index` that is not in memory.
    pub(super) fn is_evicted(&self, index: Index) -> bool {
        index.0 > 0 && index <= self.evicted
    }

    /// The bytes of the entries in memory that are after `from`, up to `upto`.
    pub(super) fn cached_bytes(&self, from: Index, upto: Index) -> usize {
        let first = from.max(self.evicted).0.saturating_add(1);
        let entries = (first..=upto.0).map_while(|index| self.get(Index(index)));
        entries.map(Entry::size_bytes).sum()
    }

    /// Where each term begins among the evicted entries.
    pub(super) fn runs(&self) -> &[Position] {
        &self.runs
    }

    /// The entries in memory.
    pub(super) fn cached(&self) -> impl DoubleEndedIterator<Item = (Index, &Entry<C>)> {
        let first = self.evicted.0.saturating_add(1);
        self.cache.iter().enumerate().map(move |(offset, entry)| (Index(first + offset as u64), entry))
    }

    /// The entries in memory from `from` on, as many as one append message takes, and their bytes.
    pub(super) fn batch(&self, from: Index, config: &Config) -> (Entries<C>, usize) {
        batch((from.0..).map_while(|at| self.get(Index(at))), config)
    }

    /// Appends an entry; `None`, and no change, if the range of indices is exhausted.
    pub(super) fn push(&mut self, entry: Entry<C>) -> Option<Index> {
        let index = Index(self.last_index().0.checked_add(1)?);
        self.cached_bytes = self.cached_bytes.saturating_add(entry.size_bytes());
        self.cache.push_back(entry);
        Some(index)
    }

    /// Drops every entry from `from` on. `from` is past what is committed.
    pub(super) fn truncate(&mut self, from: Index) {
        let last = Index(from.0.saturating_sub(1));
        while self.evicted < self.last_index() && self.last_index() > last {
            if let Some(dropped) = self.cache.pop_back() {
                self.cached_bytes = self.cached_bytes.saturating_sub(dropped.size_bytes());
            }
        }
        if last < self.evicted {
            self.evicted = last;
            let kept = self.runs.partition_point(|run| run.index <= last);
            self.runs.truncate(kept);
        }
    }

    /// Whether the cache is within its limits.
    pub(super) fn fits(&self, config: &Config) -> bool {
        self.cache.len() <= config.max_cached_entries && self.cached_bytes <= config.max_cached_bytes
    }

    /// Evicts the oldest entries until the cache is within its limits. `evicted` sees each, with its size.
    pub(super) fn evict(&mut self, config: &Config, mut evicted: impl FnMut(Index, usize)) {
        while !self.fits(config) {
            let Some(entry) = self.cache.pop_front() else { return };
            let bytes = entry.size_bytes();
            self.cached_bytes = self.cached_bytes.saturating_sub(bytes);
            self.evicted = Index(self.evicted.0.saturating_add(1));
            evicted(self.evicted, bytes);
            if self.runs.last().is_none_or(|run| run.term != entry.term) {
                self.runs.push(Position { term: entry.term, index: self.evicted });
            }
        }
    }

    /// Whether the terms never go back, the runs cover what is evicted and the counts agree.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let cached = self.cache.iter().map(|entry| entry.term);
        let before_first = core::iter::once(Term(1));
        if !before_first.chain(self.runs.iter().map(|run| run.term)).chain(cached).is_sorted() {
            return Err("the terms along the log go back");
        }
        if !self.runs.is_sorted_by(|a, b| a.term < b.term && a.index < b.index) {
            return Err("the runs of terms are out of order");
        }
        let first = self.runs.first().map_or(Index(0), |run| run.index);
        let last = self.runs.last().map_or(Index(0), |run| run.index);
        if first != self.evicted.min(Index(1)) || last > self.evicted {
            return Err("the runs of terms do not cover what is evicted");
        }
        if self.evicted.0.checked_add(self.cache.len() as u64).is_none_or(|end| end > LONGEST) {
            return Err("the log is longer than any can be");
        }
        let bytes: usize = self.cache.iter().map(Entry::size_bytes).sum();
        if bytes != self.cached_bytes {
            return Err("the bytes of the cache are miscounted");
        }
        Ok(())
    }
}

/// The first of `entries`, as many as one append message takes, and their bytes.
pub(super) fn batch<'a, C: Command + 'a>(
    entries: impl IntoIterator<Item = &'a Entry<C>>,
    config: &Config,
) -> (Entries<C>, usize) {
    let mut batch = Entries::new();
    let mut bytes = 0_usize;
    for entry in entries {
        let grown = bytes.saturating_add(entry.size_bytes());
        let full = batch.len() >= config.max_append_entries || grown > config.max_append_bytes;
        if full && !batch.is_empty() {
            break;
        }
        bytes = grown;
        batch.push(entry.clone());
    }
    (batch, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ClusterId, NodeId};

    fn config(cached: usize) -> Config {
        let mut config = Config::new(ClusterId(1), [NodeId(0)]);
        config.max_cached_entries = cached;
        config
    }

    fn log(terms: &[u64], cached: usize) -> Log<u8> {
        let mut log = Log::new();
        for term in terms {
            log.push(Entry { term: Term(*term), payload: Payload::Noop });
            log.evict(&config(cached), |_, _| {});
        }
        log
    }

    #[test]
    fn terms_are_the_same_whatever_was_evicted() {
        let terms = [1, 1, 2, 2, 2, 5, 5, 7];
        for cached in 1..=8 {
            let log = log(&terms, cached);
            log.check().unwrap();
            for (at, term) in terms.iter().enumerate() {
                assert_eq!(log.term_at(Index(at as u64 + 1)), Some(Term(*term)), "cached {cached}");
            }
            assert_eq!(log.term_at(Index(9)), None);
            assert_eq!(log.last(), Position { term: Term(7), index: Index(8) });
            for index in 0..=9_usize {
                for term in 0..=8 {
                    let expected = (1..=index.min(8)).rev().find(|i| terms[*i - 1] <= term).unwrap_or(0);
                    let found = log.last_at_most(Index(index as u64), Term(term));
                    assert_eq!(
                        found.index,
                        Index(expected as u64),
                        "cached {cached}, at {index}, term {term}"
                    );
                    assert_eq!(Some(found.term), log.term_at(found.index));
                }
            }
        }
    }

    #[test]
    fn a_truncation_below_the_cache_forgets_the_runs_it_cuts() {
        let mut log = log(&[1, 1, 2, 2, 3], 1);
        log.truncate(Index(3));
        assert_eq!(log.last(), Position { term: Term(1), index: Index(2) });
        log.push(Entry { term: Term(9), payload: Payload::Noop });
        assert_eq!(log.term_at(Index(3)), Some(Term(9)));
        log.check().unwrap();
    }
}
