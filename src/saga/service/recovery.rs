//! What a service keeps durable, and how it comes back from it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Config, Known, Service, Stage};
use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::id::{CellId, ClusterId, LogId, NodeId};
use crate::machine::Context;
use crate::saga::{Data, Epoch, Key, SagaId};

/// The cell that says whose records these are.
pub const IDENTITY: CellId = CellId(0);
/// The cell of the orchestrators.
pub const OWNERS: CellId = CellId(1);
/// The one durable log of a service.
pub const LOG: LogId = LogId(0);

/// No log comes this far, and one that says so leaves room for a life without end.
pub(super) const INDEX_MAX: u64 = 1 << 63;

/// What is known of an orchestrator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "all that is kept of an orchestrator")]
pub struct Owner {
    /// The latest epoch in which it called.
    pub epoch: Epoch,
    /// Its lowest saga that may still be called for.
    pub floor: SagaId,
}

/// The value of a durable cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Cell {
    /// Whose records these are; the first record of a service's life.
    Identity {
        /// The cluster.
        cluster: ClusterId,
        /// The service.
        node: NodeId,
    },
    /// The orchestrators that have called, ascending by name.
    Owners(Vec<(NodeId, Owner)>),
}

/// An entry of the log: all that there is to tell of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "all that there is to tell of a key")]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// How far it has come.
    pub stage: Stage,
}

impl<D: Data> Service<D> {
    /// Whatever is the first record of a service's life comes right behind this one.
    pub(super) fn persist_identity<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.identified {
            self.identified = true;
            let value = Cell::Identity { cluster: self.config.cluster, node: self.config.me };
            cx.persist(Record::Put { cell: IDENTITY, value });
        }
    }

    pub(super) fn persist_owners<Cx: Context<Self> + ?Sized>(&self, cx: &mut Cx) {
        let owners = self.owners.iter().map(|(node, owner)| (*node, *owner)).collect();
        cx.persist(Record::Put { cell: OWNERS, value: Cell::Owners(owners) });
    }

    /// Takes a key to its next stage, and writes that down. Nobody is at work on it.
    pub(super) fn set<Cx: Context<Self> + ?Sized>(&mut self, key: Key, stage: Stage, cx: &mut Cx) {
        let at = self.append(Entry { key, stage }, cx);
        self.keys.insert(key, Known { stage, at, awaited: None });
    }

    fn append<Cx: Context<Self> + ?Sized>(&mut self, entry: Entry, cx: &mut Cx) -> u64 {
        let index = self.next;
        cx.persist(Record::Append { log: LOG, index, entry });
        self.next = self.next.saturating_add(1);
        index
    }

    /// Shortens the log, if it is too long: to half of what it may hold, so that it is seldom done.
    pub(super) fn compact<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.log_entries() <= self.config.max_log_entries {
            return;
        }
        let half = self.config.max_log_entries / 2;
        let mut by_age: Vec<(u64, Key)> = self.keys.iter().map(|(key, known)| (known.at, *key)).collect();
        by_age.sort_unstable();
        for (at, key) in by_age {
            if self.next.saturating_sub(at) <= half {
                break;
            }
            let Some(stage) = self.stage(key) else { continue };
            let at = self.append(Entry { key, stage }, cx);
            if let Some(known) = self.keys.get_mut(&key) {
                known.at = at;
            }
        }
        // The last entry stays, whatever it is: it says where the log goes on.
        let last = self.next.saturating_sub(1);
        let oldest = self.keys.values().map(|known| known.at).min();
        let first = oldest.unwrap_or(last).min(last);
        if first > self.first {
            self.first = first;
            cx.persist(Record::Discard { log: LOG, upto: first.saturating_sub(1) });
        }
    }

    /// Takes one entry of the durable log.
    fn restore(&mut self, index: u64, entry: Entry) -> Result<(), Corrupt> {
        if self.first == self.next {
            (self.first, self.next) = (index, index);
        }
        if index != self.next {
            return Err(Corrupt::Gap { log: LOG, expected: self.next, found: index });
        }
        if index == 0 || index > INDEX_MAX {
            return Err(Corrupt::Inconsistent("the log's indices are out of range"));
        }
        self.next = index.saturating_add(1);
        let Entry { key, stage } = entry;
        let Some(owner) = self.owners.get(&key.owner) else {
            return Err(Corrupt::Inconsistent("a key belongs to an orchestrator that never called"));
        };
        if key.saga >= owner.floor {
            self.keys.insert(key, Known { stage, at: index, awaited: None });
        }
        Ok(())
    }

    /// Takes the cells back from the disk.
    fn restore_cells(&mut self, stored: &(impl Stored<Cell, Entry> + ?Sized)) -> Result<(), Corrupt> {
        const OTHER: Corrupt = Corrupt::Inconsistent("a cell holds what belongs into another");
        match stored.cell(IDENTITY)? {
            Some(Cell::Identity { cluster, node })
                if (cluster, node) == (self.config.cluster, self.config.me) =>
            {
                self.identified = true;
            }
            Some(Cell::Identity { cluster, node }) => {
                return Err(Corrupt::Foreign { found: (cluster, node) });
            }
            Some(Cell::Owners(_)) => return Err(OTHER),
            None => {}
        }
        match stored.cell(OWNERS)? {
            Some(Cell::Owners(_)) if !self.identified => return Err(Corrupt::Missing(IDENTITY)),
            Some(Cell::Owners(owners)) if owners.is_sorted_by(|one, other| one.0 < other.0) => {
                self.owners = owners.into_iter().collect();
            }
            Some(Cell::Owners(_)) => return Err(Corrupt::Inconsistent("the orchestrators are out of order")),
            Some(Cell::Identity { .. }) => return Err(OTHER),
            None => {}
        }
        Ok(())
    }
}

impl<D: Data> Recover for Service<D> {
    /// `applied` is not looked at: the application goes by the key.
    fn recover(
        config: Arc<Config>,
        stored: &(impl Stored<Cell, Entry> + ?Sized),
        _applied: u64,
    ) -> Result<Self, Corrupt> {
        let mut machine = Self::new(config).map_err(|error| Corrupt::Config(error.as_str()))?;
        machine.restore_cells(stored)?;
        let mut outcome = Ok(());
        stored.entries(LOG, 0, &mut |index, entry| {
            outcome = if machine.identified {
                machine.restore(index, entry)
            } else {
                Err(Corrupt::Missing(IDENTITY))
            };
            outcome.is_ok()
        })?;
        outcome?;
        Ok(machine)
    }

    fn agrees_with(&self, image: &Image<Cell, Entry>) -> Result<(), &'static str> {
        let twin =
            Self::recover(Arc::clone(&self.config.0), image, 0).map_err(|_| "the disk does not recover")?;
        if (twin.identified, &twin.owners) != (self.identified, &self.owners) {
            return Err("the durable identity, or an orchestrator's epoch or floor, differs");
        }
        if (twin.first, twin.next) != (self.first, self.next) {
            return Err("the durable log begins or ends elsewhere");
        }
        let told = |(key, known): (&Key, &Known)| (*key, known.stage, known.at);
        if twin.keys.iter().map(told).eq(self.keys.iter().map(told)) {
            Ok(())
        } else {
            Err("a durable key has come elsewhere, or one is durable that is not held")
        }
    }
}
