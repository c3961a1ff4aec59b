//! A participant over a log written anew, for explorers: see [`Renumbered`].

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::progress::Saga;
use super::{Cell, Entry, Participant};
use crate::durable::{Recover, Stored};
use crate::saga::canonical::Place;
use crate::saga::{Data, Renumbered};

impl<D: Data> Participant<D> {
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
        let entry = |(name, kept): (&_, &Saga<D>)| Entry::Saga {
            saga: *name,
            standing: Box::new(kept.standing.clone()),
        };
        let entries: Vec<Entry<D>> = durable.sagas.iter().map(entry).collect();
        let place = Place::of(durable.next, entries.len());
        let mut machine = self.clone();
        (machine.first, machine.next) = (1, place.of_later(self.next));
        for (name, kept) in &mut machine.sagas {
            let rank = durable.sagas.range(..*name).count();
            kept.since =
                if kept.since < durable.next { Place::of_rank(rank) } else { place.of_later(kept.since) };
        }
        Some(Renumbered { machine, entries, earlier: place.earlier })
    }
}
