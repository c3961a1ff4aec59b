//! A disk of one of two kinds, as a machine of one kind reads it.

use crate::durable::{Corrupt, Stored};
use crate::id::{CellId, LogId};

const OTHER: Corrupt = Corrupt::Inconsistent("a record of another kind of machine");

/// One side of what is stored for either.
pub(super) struct Side<'a, S: ?Sized, V, W, E, D> {
    stored: &'a S,
    cell: fn(V) -> Option<W>,
    entry: fn(E) -> Option<D>,
}

impl<'a, S: ?Sized, V, W, E, D> Side<'a, S, V, W, E, D> {
    /// `cell` and `entry` pick what is of this side.
    pub(super) const fn new(stored: &'a S, cell: fn(V) -> Option<W>, entry: fn(E) -> Option<D>) -> Self {
        Self { stored, cell, entry }
    }
}

impl<S: Stored<V, E> + ?Sized, V, W, E, D> Stored<W, D> for Side<'_, S, V, W, E, D> {
    fn cell(&self, cell: CellId) -> Result<Option<W>, Corrupt> {
        self.stored.cell(cell)?.map(|value| (self.cell)(value).ok_or(OTHER)).transpose()
    }

    fn entries(&self, log: LogId, from: u64, visit: &mut dyn FnMut(u64, D) -> bool) -> Result<(), Corrupt> {
        let mut foreign = false;
        self.stored.entries(log, from, &mut |index, entry| match (self.entry)(entry) {
            Some(entry) => visit(index, entry),
            None => {
                foreign = true;
                false
            }
        })?;
        if foreign { Err(OTHER) } else { Ok(()) }
    }
}
