//! Machines over a log written anew, for explorers: what only grows is numbered from the beginning again.
//!
//! What a log holds matters by what recovery makes of it, and where its entries are by nothing at all, as long as it
//! is not shortened. So two nodes whose logs came about in another order, or took more attempts, are one.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Cell, Data, Entry, Orchestrator};
use crate::durable::{Recover, Stored};

/// A machine whose log was written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "taken apart by explorers")]
pub struct Renumbered<M, E> {
    /// The machine.
    pub machine: M,
    /// What is durable of its log, from index 1 on.
    pub entries: Vec<E>,
    /// By how much every record that waits to be durable comes earlier in the log.
    pub earlier: u64,
}

impl<D: Data> Orchestrator<D> {
    /// The same over a log in which each saga that is durable stands once; `disk` is what is durable.
    ///
    /// Not where the log is about to be shortened, or could be: nothing is said of when that happens. None where the
    /// disk does not recover.
    #[must_use]
    pub fn renumbered(
        &self,
        disk: &(impl Stored<Cell, Entry<D>> + ?Sized),
    ) -> Option<Renumbered<Self, Entry<D>>> {
        let durable = Self::recover(Arc::clone(&self.config.0), disk, 0).ok()?;
        if durable.first != self.first {
            return None;
        }
        let entry = |(saga, kept): (&_, &super::Saga<D>)| Entry::Saga {
            saga: *saga,
            standing: Box::new(kept.standing.clone()),
        };
        let entries: Vec<Entry<D>> = durable.sagas.iter().map(entry).collect();
        let place = Place::of(durable.next, entries.len());
        let mut machine = self.clone();
        (machine.first, machine.next) = (1, place.of_later(self.next));
        for (saga, kept) in &mut machine.sagas {
            let rank = durable.sagas.range(..*saga).count();
            kept.since =
                if kept.since < durable.next { Place::of_rank(rank) } else { place.of_later(kept.since) };
        }
        Some(Renumbered { machine, entries, earlier: place.earlier })
    }
}

/// Where entries come to be.
pub(super) struct Place {
    pub(super) earlier: u64,
}

impl Place {
    /// Of a log that ended before `next`, and now holds so many entries.
    pub(super) const fn of(next: u64, entries: usize) -> Self {
        Self { earlier: next.saturating_sub(entries as u64 + 1) }
    }

    pub(super) const fn of_later(&self, index: u64) -> u64 {
        index.saturating_sub(self.earlier)
    }

    pub(super) const fn of_rank(rank: usize) -> u64 {
        rank as u64 + 1
    }
}
