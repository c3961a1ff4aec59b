//! A store on disk: one [redb](https://docs.rs/redb) file in a directory of its own.

use core::marker::PhantomData;
use core::ops::RangeInclusive;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition, TableHandle};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::store::{Store, StoreError};
use crate::durable::{Corrupt, Misfit, Record, Stored};
use crate::id::{CellId, ClusterId, LogId, NodeId};
use crate::wire;

/// The version of the tables below.
const FORMAT: u64 = 1;
/// The file in the directory.
const FILE: &str = "quorate.redb";
/// Bytes of one encoded cell or entry at most; what the database takes is not much more.
const VALUE_BYTES_MAX: usize = 1 << 30;
/// Memory for pages unless configured otherwise.
const CACHE_BYTES: usize = 64 << 20;

/// `format`, `cluster` and `node`.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Cell to sealed value.
const CELLS: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("cells");
/// Log and index to sealed entry.
const ENTRIES: TableDefinition<'_, (u8, u64), &[u8]> = TableDefinition::new("entries");
/// Log to the index of its first entry, and how many there are. An emptied log still knows where it goes on.
const LOGS: TableDefinition<'_, u8, (u64, u64)> = TableDefinition::new("logs");

/// A store on disk. Each [`write`](Store::write) is one transaction with one sync.
///
/// Values are sealed with a checksum over their place, so damage and misplacement are errors on reading.
/// The database locks its file: a second process, or a second handle in this one, is refused. After a crash
/// the database checks all of its pages when it is opened, which takes time in proportion to their number.
#[derive(Debug)]
pub struct RedbStore<V, E> {
    database: Database,
    logs: BTreeMap<LogId, Bounds>,
    failed: bool,
    scratch: Vec<u8>,
    values: PhantomData<fn() -> (V, E)>,
}

/// Where a log is: the index of its first entry and the number of entries.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    first: u64,
    length: u64,
}

impl Bounds {
    /// One past the last index.
    const fn end(self) -> Option<u64> {
        self.first.checked_add(self.length)
    }
}

impl<V, E> RedbStore<V, E> {
    /// Opens the store of `node` in `directory`, which is created if it is not there.
    ///
    /// # Errors
    /// [`StoreError`]: it is open already, belongs to another node or cluster, has a format that is not
    /// known, is something else, or the disk failed. What is there is unchanged.
    pub fn open(directory: &Path, cluster: ClusterId, node: NodeId) -> Result<Self, StoreError> {
        Self::open_with_cache(directory, cluster, node, CACHE_BYTES)
    }

    /// As [`open`](Self::open), with so many bytes of memory for pages.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_cache(
        directory: &Path,
        cluster: ClusterId,
        node: NodeId,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let fresh = !path.exists();
        fs::create_dir_all(directory).map_err(|error| io("creating the directory", error))?;
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        let database = builder.create(&path).map_err(|error| refused_open(error, &path))?;
        if fresh {
            sync_directories(directory)?;
        }
        Self::adopt(database, cluster, node, &path)
    }

    /// Takes a database that was just opened: marks a new one, checks the marks of an old one.
    fn adopt(database: Database, cluster: ClusterId, node: NodeId, path: &Path) -> Result<Self, StoreError> {
        let read = database.begin_read().map_err(|error| io("reading", error))?;
        let names: Vec<String> = read
            .list_tables()
            .map_err(|error| io("reading", error))?
            .map(|table| table.name().to_owned())
            .collect();
        drop(read);
        if names.is_empty() {
            mark(&database, cluster, node)?;
        } else if names.iter().any(|name| name == META.name()) {
            check_marks(&database, cluster, node, path)?;
        } else {
            return Err(StoreError::NotAStore { path: path.to_owned() });
        }
        let logs = read_bounds(&database)?;
        Ok(Self { database, logs, failed: false, scratch: Vec::new(), values: PhantomData })
    }
}

impl<V: Serialize, E: Serialize> RedbStore<V, E> {
    /// Writes `records` in one transaction; returns where the logs are afterwards.
    fn transact(&mut self, records: &[Record<V, E>]) -> Result<BTreeMap<LogId, Bounds>, StoreError> {
        let mut logs = self.logs.clone();
        let mut write = self.database.begin_write().map_err(|error| io("beginning to write", error))?;
        write.set_durability(Durability::Immediate).map_err(|error| io("beginning to write", error))?;
        {
            let mut cells = write.open_table(CELLS).map_err(|error| io("writing", error))?;
            let mut entries = write.open_table(ENTRIES).map_err(|error| io("writing", error))?;
            for record in records {
                match record {
                    Record::Put { cell, value } => {
                        self.scratch.clear();
                        wire::seal(value, &cell_place(*cell), VALUE_BYTES_MAX, &mut self.scratch)?;
                        let put = cells.insert(cell.0, self.scratch.as_slice());
                        put.map_err(|error| io("writing a cell", error))?;
                    }
                    Record::Remove { cell } => {
                        cells.remove(cell.0).map_err(|error| io("removing a cell", error))?;
                    }
                    Record::Append { log, index, entry } => {
                        extend(&mut logs, *log, *index)?;
                        self.scratch.clear();
                        let place = entry_place(*log, *index);
                        wire::seal(entry, &place, VALUE_BYTES_MAX, &mut self.scratch)?;
                        let put = entries.insert((log.0, *index), self.scratch.as_slice());
                        put.map_err(|error| io("appending", error))?;
                    }
                    Record::Truncate { log, from } => truncate(&mut logs, &mut entries, *log, *from)?,
                    Record::Discard { log, upto } => discard(&mut logs, &mut entries, *log, *upto)?,
                }
            }
            let mut table = write.open_table(LOGS).map_err(|error| io("writing", error))?;
            for (log, bounds) in &logs {
                let put = table.insert(log.0, (bounds.first, bounds.length));
                put.map_err(|error| io("writing", error))?;
            }
        }
        write.commit().map_err(|error| io("committing", error))?;
        Ok(logs)
    }
}

impl<V, E: Serialize + DeserializeOwned> RedbStore<V, E> {
    /// Visits the entries of a log from `from` on with the length of their encoding, until `visit` is false.
    fn visit(
        &self,
        log: LogId,
        from: u64,
        mut visit: impl FnMut(u64, usize, E) -> bool,
    ) -> Result<(), StoreError> {
        let Some(bounds) = self.logs.get(&log).copied() else { return Ok(()) };
        let Some(end) = bounds.end() else { return Err(misfit(log, Misfit::Exhausted)) };
        let read = self.database.begin_read().map_err(|error| io("reading", error))?;
        let table = match read.open_table(ENTRIES) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(io("reading", error)),
        };
        let mut expected = from.max(bounds.first);
        let range =
            table.range((log.0, expected)..=(log.0, u64::MAX)).map_err(|error| io("reading", error))?;
        for item in range {
            let (key, value) = item.map_err(|error| io("reading", error))?;
            let (_, index) = key.value();
            if index != expected {
                return Err(StoreError::Gap { log, expected, found: Some(index) });
            }
            let entry = wire::unseal(value.value(), &entry_place(log, index))?;
            if !visit(index, value.value().len(), entry) {
                return Ok(());
            }
            expected = expected.saturating_add(1);
        }
        if expected < end {
            return Err(StoreError::Gap { log, expected, found: None });
        }
        Ok(())
    }
}

impl<V, E> Stored<V, E> for RedbStore<V, E>
where
    V: Serialize + DeserializeOwned,
    E: Serialize + DeserializeOwned,
{
    fn cell(&self, cell: CellId) -> Result<Option<V>, Corrupt> {
        let read = self.database.begin_read().map_err(|_| Corrupt::Unreadable)?;
        let table = match read.open_table(CELLS) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(_) => return Err(Corrupt::Unreadable),
        };
        let Some(value) = table.get(cell.0).map_err(|_| Corrupt::Unreadable)? else { return Ok(None) };
        Ok(Some(wire::unseal(value.value(), &cell_place(cell)).map_err(StoreError::from)?))
    }

    fn entries(&self, log: LogId, from: u64, visit: &mut dyn FnMut(u64, E) -> bool) -> Result<(), Corrupt> {
        Ok(self.visit(log, from, |index, _, entry| visit(index, entry))?)
    }
}

impl<V, E> Store<V, E> for RedbStore<V, E>
where
    V: Serialize + DeserializeOwned,
    E: Serialize + DeserializeOwned,
{
    fn write(&mut self, records: &[Record<V, E>]) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Stopped);
        }
        // Whatever ends this call early, a panic included, ends the handle.
        self.failed = true;
        self.logs = self.transact(records)?;
        self.failed = false;
        Ok(())
    }

    fn load(
        &self,
        log: LogId,
        range: RangeInclusive<u64>,
        max_bytes: usize,
        entries: &mut Vec<E>,
    ) -> Result<(), StoreError> {
        let (from, upto) = range.into_inner();
        if self.logs.get(&log).is_none_or(|bounds| from < bounds.first) {
            return Ok(());
        }
        let mut left = max_bytes;
        self.visit(log, from, |index, bytes, entry| {
            let fits = left.checked_sub(bytes);
            if index > upto || (fits.is_none() && index > from) {
                return false;
            }
            entries.push(entry);
            left = fits.unwrap_or(0);
            true
        })
    }
}

type Entries<'a> = Table<'a, (u8, u64), &'static [u8]>;

/// Moves the end of a log over an append.
fn extend(logs: &mut BTreeMap<LogId, Bounds>, log: LogId, index: u64) -> Result<(), StoreError> {
    let bounds = logs.entry(log).or_insert(Bounds { first: index, length: 0 });
    let expected = bounds.end().ok_or(misfit(log, Misfit::Exhausted))?;
    if index != expected {
        return Err(misfit(log, Misfit::Gap { expected, found: index }));
    }
    bounds.length = bounds.length.saturating_add(1);
    Ok(())
}

fn truncate(
    logs: &mut BTreeMap<LogId, Bounds>,
    entries: &mut Entries<'_>,
    log: LogId,
    from: u64,
) -> Result<(), StoreError> {
    let Some(bounds) = logs.get_mut(&log) else { return Ok(()) };
    let keep = from.saturating_sub(bounds.first);
    if keep < bounds.length {
        let removed = entries.retain_in((log.0, from)..=(log.0, u64::MAX), |_, _| false);
        removed.map_err(|error| io("truncating", error))?;
        bounds.length = keep;
    }
    Ok(())
}

fn discard(
    logs: &mut BTreeMap<LogId, Bounds>,
    entries: &mut Entries<'_>,
    log: LogId,
    upto: u64,
) -> Result<(), StoreError> {
    let Some(bounds) = logs.get_mut(&log) else { return Ok(()) };
    let next = upto.checked_add(1).ok_or(misfit(log, Misfit::Exhausted))?;
    let Some(dropped) = next.checked_sub(bounds.first).filter(|dropped| *dropped > 0) else { return Ok(()) };
    let removed = entries.retain_in((log.0, 0)..=(log.0, upto), |_, _| false);
    removed.map_err(|error| io("discarding", error))?;
    *bounds = Bounds { first: next, length: bounds.length.saturating_sub(dropped) };
    Ok(())
}

/// Writes format and identity into a new database.
fn mark(database: &Database, cluster: ClusterId, node: NodeId) -> Result<(), StoreError> {
    const DOING: &str = "writing the identity";
    let mut write = database.begin_write().map_err(|error| io(DOING, error))?;
    write.set_durability(Durability::Immediate).map_err(|error| io(DOING, error))?;
    {
        let mut meta = write.open_table(META).map_err(|error| io(DOING, error))?;
        for (name, value) in [("format", FORMAT), ("cluster", cluster.0), ("node", node.0)] {
            meta.insert(name, value).map_err(|error| io(DOING, error))?;
        }
    }
    write.commit().map_err(|error| io(DOING, error))
}

/// Compares format and identity with those expected.
fn check_marks(database: &Database, cluster: ClusterId, node: NodeId, path: &Path) -> Result<(), StoreError> {
    let foreign = || StoreError::NotAStore { path: path.to_owned() };
    let read = database.begin_read().map_err(|error| io("reading the identity", error))?;
    let meta = read.open_table(META).map_err(|error| match error {
        redb::TableError::Storage(error) => io("reading the identity", error),
        _ => foreign(),
    })?;
    let value = |name: &str| {
        let value = meta.get(name).map_err(|error| io("reading the identity", error))?;
        value.map(|value| value.value()).ok_or_else(foreign)
    };
    match value("format")? {
        FORMAT => {}
        found => return Err(StoreError::UnknownFormat { found }),
    }
    let found = (ClusterId(value("cluster")?), NodeId(value("node")?));
    if found != (cluster, node) {
        return Err(StoreError::Foreign { cluster: found.0, node: found.1 });
    }
    Ok(())
}

fn read_bounds(database: &Database) -> Result<BTreeMap<LogId, Bounds>, StoreError> {
    let read = database.begin_read().map_err(|error| io("reading", error))?;
    let table = match read.open_table(LOGS) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(BTreeMap::new()),
        Err(error) => return Err(io("reading", error)),
    };
    let mut logs = BTreeMap::new();
    for item in table.iter().map_err(|error| io("reading", error))? {
        let (log, bounds) = item.map_err(|error| io("reading", error))?;
        let (first, length) = bounds.value();
        logs.insert(LogId(log.value()), Bounds { first, length });
    }
    Ok(logs)
}

/// Makes a new file's name durable, and those of the directories above it that may be new as well.
fn sync_directories(directory: &Path) -> Result<(), StoreError> {
    if cfg!(unix) {
        let directory: PathBuf =
            fs::canonicalize(directory).map_err(|error| io("syncing the directory", error))?;
        for directory in directory.ancestors() {
            let synced = fs::File::open(directory).and_then(|file| file.sync_all());
            // Directories further up may be out of reach; they were there before.
            if let Err(error) = synced
                && directory.join(FILE).exists()
            {
                return Err(io("syncing the directory", error));
            }
        }
    }
    Ok(())
}

fn refused_open(error: redb::DatabaseError, path: &Path) -> StoreError {
    match error {
        redb::DatabaseError::DatabaseAlreadyOpen => StoreError::Locked { path: path.to_owned() },
        redb::DatabaseError::UpgradeRequired(found) => StoreError::UnknownFormat { found: found.into() },
        redb::DatabaseError::Storage(redb::StorageError::Corrupted(_)) => {
            StoreError::NotAStore { path: path.to_owned() }
        }
        redb::DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            StoreError::NotAStore { path: path.to_owned() }
        }
        error => io("opening the store", error),
    }
}

fn cell_place(cell: CellId) -> [u8; 2] {
    [b'c', cell.0]
}

fn entry_place(log: LogId, index: u64) -> [u8; 10] {
    let mut place = [b'e', log.0, 0, 0, 0, 0, 0, 0, 0, 0];
    place[2..].copy_from_slice(&index.to_le_bytes());
    place
}

fn misfit(log: LogId, misfit: Misfit) -> StoreError {
    StoreError::Misfit { log, misfit }
}

fn io(doing: &'static str, cause: impl core::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Io { doing, cause: Arc::new(cause) }
}

#[cfg(test)]
mod tests;
