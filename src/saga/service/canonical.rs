//! A service over a log written anew, for explorers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Cell, Entry, Service};
use crate::durable::{Recover, Stored};
use crate::saga::canonical::Place;
use crate::saga::{Data, Renumbered};

impl<D: Data> Service<D> {
    /// The same over a log in which each key that is durable stands once, as [`Orchestrator::renumbered`](crate::saga::Orchestrator::renumbered) has it.
    #[must_use]
    pub fn renumbered(&self, disk: &(impl Stored<Cell, Entry> + ?Sized)) -> Option<Renumbered<Self, Entry>> {
        let durable = Self::recover(Arc::clone(&self.config.0), disk, 0).ok()?;
        if durable.first != self.first {
            return None;
        }
        let entry = |(key, stage)| Entry { key, stage };
        let entries: Vec<Entry> = durable.keys().map(entry).collect();
        let place = Place::of(durable.next, entries.len());
        let mut machine = self.clone();
        (machine.first, machine.next) = (1, place.of_later(self.next));
        for (key, known) in &mut machine.keys {
            let rank = durable.keys.range(..*key).count();
            known.at = if known.at < durable.next { Place::of_rank(rank) } else { place.of_later(known.at) };
        }
        Some(Renumbered { machine, entries, earlier: place.earlier })
    }
}
