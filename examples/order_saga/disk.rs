//! A disk that takes its time: what is not durable yet is lost by a crash, and there is more of it.

use std::ops::RangeInclusive;
use std::thread;
use std::time::Duration;

use quorate::driver::{Store, StoreError};
use quorate::durable::{Corrupt, Record, Stored};
use quorate::id::{CellId, LogId};

/// A store in which every write takes longer by `pause`.
#[derive(Debug)]
pub(crate) struct SlowStore<S> {
    pub(crate) store: S,
    pub(crate) pause: Duration,
}

impl<V, E, S: Stored<V, E>> Stored<V, E> for SlowStore<S> {
    fn cell(&self, cell: CellId) -> Result<Option<V>, Corrupt> {
        self.store.cell(cell)
    }

    fn entries(&self, log: LogId, from: u64, visit: &mut dyn FnMut(u64, E) -> bool) -> Result<(), Corrupt> {
        self.store.entries(log, from, visit)
    }
}

impl<V, E, S: Store<V, E>> Store<V, E> for SlowStore<S> {
    fn write(&mut self, records: &[Record<V, E>]) -> Result<(), StoreError> {
        thread::sleep(self.pause);
        self.store.write(records)
    }

    fn load(
        &self,
        log: LogId,
        range: RangeInclusive<u64>,
        max_bytes: usize,
        entries: &mut Vec<E>,
    ) -> Result<(), StoreError> {
        self.store.load(log, range, max_bytes, entries)
    }
}
