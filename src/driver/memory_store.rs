//! A store in memory, with faults on demand: for tests.

use core::ops::RangeInclusive;
use std::sync::{Arc, Condvar, Mutex};

use serde::Serialize;

use super::lock;
use super::store::{Store, StoreError};
use crate::durable::{Corrupt, Image, Record, Stored};
use crate::id::{CellId, LogId};

/// A store that lives as long as the process, and fails when told to.
///
/// Clones share one disk. What was written survives a node, not the process: hand a clone to the node, and
/// [`reopen`](Self::reopen) it for the node's next life.
#[derive(Debug)]
pub struct MemoryStore<V, E> {
    disk: Arc<Disk<V, E>>,
    /// A handle of an earlier life is refused, like a lock that was lost.
    life: u64,
}

#[derive(Debug)]
struct Disk<V, E> {
    state: Mutex<State<V, E>>,
    released: Condvar,
}

#[derive(Debug)]
struct State<V, E> {
    image: Image<V, E>,
    life: u64,
    /// How many writes were asked for in this life.
    writes: u64,
    fault: Option<Fault>,
    failed: bool,
    held: bool,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    write: u64,
    survive: usize,
}

impl<V, E> Default for MemoryStore<V, E> {
    fn default() -> Self {
        let state =
            State { image: Image::default(), life: 0, writes: 0, fault: None, failed: false, held: false };
        Self { disk: Arc::new(Disk { state: Mutex::new(state), released: Condvar::new() }), life: 0 }
    }
}

impl<V, E> Clone for MemoryStore<V, E> {
    fn clone(&self) -> Self {
        Self { disk: Arc::clone(&self.disk), life: self.life }
    }
}

impl<V, E> MemoryStore<V, E> {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails write number `write` of this life (the first is 1), although the first `survive` of its records
    /// become durable. Every later write of this life fails as well.
    pub fn fail_write(&self, write: u64, survive: usize) {
        lock(&self.disk.state).fault = Some(Fault { write, survive });
    }

    /// Holds up every write until [`release`](Self::release): a slow disk.
    pub fn hold(&self) {
        lock(&self.disk.state).held = true;
    }

    /// Lets held writes go on.
    pub fn release(&self) {
        lock(&self.disk.state).held = false;
        self.disk.released.notify_all();
    }

    /// How many writes were asked for in this life, those under way and failed ones included.
    #[must_use]
    pub fn writes(&self) -> u64 {
        lock(&self.disk.state).writes
    }

    /// The disk in its next life, with no faults; handles of earlier lives are refused from now on.
    #[must_use]
    pub fn reopen(&self) -> Self {
        let mut state = lock(&self.disk.state);
        state.life = state.life.wrapping_add(1);
        (state.writes, state.fault, state.failed, state.held) = (0, None, false, false);
        self.disk.released.notify_all();
        Self { disk: Arc::clone(&self.disk), life: state.life }
    }
}

impl<V: Clone, E: Clone> MemoryStore<V, E> {
    /// What is durable now.
    #[must_use]
    pub fn image(&self) -> Image<V, E> {
        lock(&self.disk.state).image.clone()
    }
}

impl<V: Clone, E: Clone> Stored<V, E> for MemoryStore<V, E> {
    fn cell(&self, cell: CellId) -> Result<Option<V>, Corrupt> {
        Ok(lock(&self.disk.state).image.get(cell).cloned())
    }

    fn entries(&self, log: LogId, from: u64, visit: &mut dyn FnMut(u64, E) -> bool) -> Result<(), Corrupt> {
        self.image().entries(log, from, visit)
    }
}

impl<V, E> Store<V, E> for MemoryStore<V, E>
where
    V: Clone + Send,
    E: Clone + Send + Serialize,
{
    fn write(&mut self, records: &[Record<V, E>]) -> Result<(), StoreError> {
        let mut state = lock(&self.disk.state);
        state.writes = state.writes.saturating_add(1);
        let write = state.writes;
        while state.held && state.life == self.life {
            state = self.disk.released.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if state.failed || state.life != self.life {
            return Err(StoreError::Stopped);
        }
        let fault = state.fault.filter(|fault| fault.write == write);
        let survive = fault.map_or(records.len(), |fault| fault.survive);
        let mut image = state.image.clone();
        for record in records.iter().take(survive) {
            let log = match record {
                Record::Append { log, .. } | Record::Truncate { log, .. } | Record::Discard { log, .. } => {
                    *log
                }
                Record::Put { .. } | Record::Remove { .. } => LogId::default(),
            };
            if let Err(misfit) = image.apply(record.clone()) {
                state.failed = true;
                return Err(StoreError::Misfit { log, misfit });
            }
        }
        state.image = image;
        state.failed = fault.is_some();
        if state.failed { Err(StoreError::Injected) } else { Ok(()) }
    }

    fn load(
        &self,
        log: LogId,
        range: RangeInclusive<u64>,
        max_bytes: usize,
        entries: &mut Vec<E>,
    ) -> Result<(), StoreError> {
        let state = lock(&self.disk.state);
        let mut left = max_bytes;
        for index in range {
            let Some(entry) = state.image.entry(log, index) else { break };
            let mut bytes = Vec::new();
            crate::wire::encode(entry, usize::MAX, &mut bytes)?;
            let fits = left.checked_sub(bytes.len());
            if fits.is_none() && left < max_bytes {
                break;
            }
            entries.push(entry.clone());
            left = fits.unwrap_or(0);
        }
        Ok(())
    }
}
