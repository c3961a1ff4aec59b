//! What survives a crash: keyed cells and logs, the records that change them, and how recovery reads them.

mod logs;

use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use core::fmt;

use crate::id::{CellId, LogId, NodeId, Permutation, Permute};
use crate::machine::Machine;

use logs::Logs;

/// One change of durable state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "a store that skipped a record would lose state")]
pub enum Record<V, E> {
    /// Write a cell; the last write wins.
    Put {
        /// The cell.
        cell: CellId,
        /// Its new value.
        value: V,
    },
    /// Remove a cell; one that is not there is no error.
    Remove {
        /// The cell.
        cell: CellId,
    },
    /// Append an entry right behind the last one.
    Append {
        /// The log.
        log: LogId,
        /// The index of the new entry: the last one plus 1, or any on a log never written.
        index: u64,
        /// The entry.
        entry: E,
    },
    /// Cut the tail: drop every entry at `from` or above.
    Truncate {
        /// The log.
        log: LogId,
        /// The first index dropped.
        from: u64,
    },
    /// Drop the head: every entry at `upto` or below.
    Discard {
        /// The log.
        log: LogId,
        /// The last index dropped.
        upto: u64,
    },
}

/// The log that a record does not fit, or the reason why recovery refuses what is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Corrupt {
    /// Entries are missing between two that are there.
    Gap {
        /// The log.
        log: LogId,
        /// The index that should be there.
        expected: u64,
        /// The index that was found.
        found: u64,
    },
    /// A cell is missing without which the others make no sense.
    Missing(CellId),
    /// The records belong to another node or another cluster.
    Foreign {
        /// The node and cluster that the records name, as `(cluster, node)`.
        found: (crate::id::ClusterId, NodeId),
    },
    /// A record contradicts another one.
    Inconsistent(&'static str),
    /// The application claims to have applied more than the log holds.
    AppliedBeyondLog {
        /// The index that the application claims.
        applied: u64,
        /// The last index of the log.
        last: u64,
    },
    /// The configuration handed to recovery does not stand.
    Config(&'static str),
    /// The store could not be read.
    Unreadable,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { log, expected, found } => {
                write!(f, "{log} has a gap: index {expected} should follow, {found} was found")
            }
            Self::Missing(cell) => write!(f, "{cell} is missing although other records are there"),
            Self::Foreign { found: (cluster, node) } => {
                write!(f, "the records belong to {node} of {cluster}: is this the right directory?")
            }
            Self::Inconsistent(what) => write!(f, "the records contradict each other: {what}"),
            Self::AppliedBeyondLog { applied, last } => {
                write!(f, "the application has applied up to {applied}, the log ends at {last}")
            }
            Self::Config(what) => write!(f, "the configuration does not stand: {what}"),
            Self::Unreadable => f.write_str("the store could not be read"),
        }
    }
}

impl core::error::Error for Corrupt {}

/// Durable state as recovery reads it: an [`Image`] in memory, or a store on disk of any size.
pub trait Stored<V, E> {
    /// The value of a cell.
    ///
    /// # Errors
    /// [`Corrupt::Unreadable`], or what else the store found wrong.
    fn cell(&self, cell: CellId) -> Result<Option<V>, Corrupt>;

    /// Visits the entries of a log from `from` on, in order, until `visit` returns false.
    ///
    /// # Errors
    /// [`Corrupt::Unreadable`], or what else the store found wrong.
    fn entries(&self, log: LogId, from: u64, visit: &mut dyn FnMut(u64, E) -> bool) -> Result<(), Corrupt>;
}

/// A machine that comes back after a crash.
pub trait Recover: Machine {
    /// The node as it was at the last durable record, or as new where nothing is stored.
    ///
    /// `applied` is the last index (or its like) that the application has applied for good, so that
    /// committed work reaches it once. Any prefix of what was emitted to disk recovers.
    ///
    /// # Errors
    /// [`Corrupt`], for a gap, a foreign record or a contradiction. Nothing is changed by it.
    fn recover(
        config: Self::Config,
        stored: &(impl Stored<Self::Cell, Self::Entry> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt>;

    /// Whether recovery from `image` would yield what this machine holds to be durable, once every record
    /// that it emitted is.
    ///
    /// # Errors
    /// What differs, in a few words.
    fn agrees_with(&self, image: &Image<Self::Cell, Self::Entry>) -> Result<(), &'static str>;
}

/// Why a record does not fit the state it is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Misfit {
    /// An append that does not follow the last entry.
    Gap {
        /// The index that would have fitted.
        expected: u64,
        /// The record's index.
        found: u64,
    },
    /// An index at the end of the number range.
    Exhausted,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { expected, found } => write!(f, "append at {found}, but {expected} follows"),
            Self::Exhausted => f.write_str("the index range is exhausted"),
        }
    }
}

impl core::error::Error for Misfit {}

/// Durable state in memory: the reference of what records mean, and the disk of simulations and tests.
///
/// A log once written knows for ever where it goes on, even while it holds no entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Image<V, E> {
    cells: BTreeMap<CellId, V>,
    logs: Logs<E>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
struct ImageLog<E> {
    first: u64,
    entries: VecDeque<E>,
}

impl<V, E> Default for Image<V, E> {
    fn default() -> Self {
        Self { cells: BTreeMap::new(), logs: Logs::new() }
    }
}

impl<V, E> Image<V, E> {
    /// Applies one record.
    ///
    /// # Errors
    /// [`Misfit`], and the image is unchanged.
    // Inlined, with an append: an entry that a caller makes is made in the log, and not moved there.
    #[inline(always)]
    pub fn apply(&mut self, record: Record<V, E>) -> Result<(), Misfit> {
        match record {
            // Most records are this, and a caller that knows so calls no more than that.
            Record::Append { log, index, entry } => self.append(log, index, entry),
            other => self.change(other),
        }
    }

    /// Applies what is not an append.
    fn change(&mut self, record: Record<V, E>) -> Result<(), Misfit> {
        match record {
            Record::Put { cell, value } => {
                self.cells.insert(cell, value);
            }
            Record::Remove { cell } => {
                self.cells.remove(&cell);
            }
            Record::Append { log, index, entry } => return self.append(log, index, entry),
            Record::Truncate { log, from } => {
                if let Some(log) = self.logs.get_mut(log) {
                    log.truncate(from);
                }
            }
            Record::Discard { log, upto } => {
                if let Some(log) = self.logs.get_mut(log) {
                    log.discard(upto)?;
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn append(&mut self, log: LogId, index: u64, entry: E) -> Result<(), Misfit> {
        let Some(log) = self.logs.get_mut(log) else {
            self.logs.insert(log, ImageLog { first: index, entries: VecDeque::from([entry]) });
            return Ok(());
        };
        let expected = log.end().ok_or(Misfit::Exhausted)?;
        if index != expected {
            return Err(Misfit::Gap { expected, found: index });
        }
        log.entries.push_back(entry);
        Ok(())
    }

    /// The value of a cell.
    #[must_use]
    pub fn get(&self, cell: CellId) -> Option<&V> {
        self.cells.get(&cell)
    }

    /// The entry of a log at `index`.
    #[must_use]
    pub fn entry(&self, log: LogId, index: u64) -> Option<&E> {
        let log = self.logs.get(log)?;
        log.entries.get(usize::try_from(index.checked_sub(log.first)?).ok()?)
    }

    /// The entries of a log with their indices, in order.
    #[must_use]
    pub fn log(&self, log: LogId) -> impl DoubleEndedIterator<Item = (u64, &E)> {
        self.logs.get(log).into_iter().flat_map(|log| {
            // Saturating: an image read from outside may claim to go past the end of the number range.
            let index = |offset: usize| log.first.saturating_add(offset as u64);
            log.entries.iter().enumerate().map(move |(offset, entry)| (index(offset), entry))
        })
    }

    /// The last index of a log; `None` if it holds no entry.
    #[must_use]
    pub fn last_index(&self, log: LogId) -> Option<u64> {
        let log = self.logs.get(log)?;
        log.first.checked_add((log.entries.len() as u64).checked_sub(1)?)
    }

    /// The same with what `cell` and `entry` make of each value; `None` where they make nothing of one.
    #[must_use]
    pub fn filter_map<W, D>(
        &self,
        mut cell: impl FnMut(&V) -> Option<W>,
        mut entry: impl FnMut(&E) -> Option<D>,
    ) -> Option<Image<W, D>> {
        let cells = self.cells.iter().map(|(&id, value)| Some((id, cell(value)?))).collect::<Option<_>>()?;
        let logs = self.logs.filter_map(|log| {
            let entries = log.entries.iter().map(&mut entry).collect::<Option<_>>()?;
            Some(ImageLog { first: log.first, entries })
        })?;
        Some(Image { cells, logs })
    }

    /// Whether there is no cell, and no log was ever written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.logs.is_empty()
    }
}

impl<E> ImageLog<E> {
    /// One past the last index: where the log goes on, if the number range does.
    fn end(&self) -> Option<u64> {
        self.first.checked_add(self.entries.len() as u64)
    }

    fn truncate(&mut self, from: u64) {
        let keep = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.truncate(keep);
    }

    fn discard(&mut self, upto: u64) -> Result<(), Misfit> {
        let next = upto.checked_add(1).ok_or(Misfit::Exhausted)?;
        let Some(drop) = next.checked_sub(self.first) else { return Ok(()) };
        let drop = usize::try_from(drop).unwrap_or(usize::MAX).min(self.entries.len());
        self.entries.drain(..drop);
        self.first = self.first.max(next);
        Ok(())
    }
}

impl<V: Clone, E: Clone> Stored<V, E> for Image<V, E> {
    fn cell(&self, cell: CellId) -> Result<Option<V>, Corrupt> {
        Ok(self.cells.get(&cell).cloned())
    }

    fn entries(&self, log: LogId, from: u64, visit: &mut dyn FnMut(u64, E) -> bool) -> Result<(), Corrupt> {
        for (index, entry) in self.log(log) {
            if index >= from && !visit(index, entry.clone()) {
                break;
            }
        }
        Ok(())
    }
}

impl<V: Permute, E: Permute> Permute for Image<V, E> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.cells.values_mut().for_each(|value| value.permute(by));
        for log in self.logs.values_mut() {
            log.entries.iter_mut().for_each(|entry| entry.permute(by));
        }
    }
}

impl<V: Permute, E: Permute> Permute for Record<V, E> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Put { value, .. } => value.permute(by),
            Self::Append { entry, .. } => entry.permute(by),
            Self::Remove { .. } | Self::Truncate { .. } | Self::Discard { .. } => {}
        }
    }
}
