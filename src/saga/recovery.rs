//! What an orchestrator keeps durable, and how it comes back from it.
//!
//! One log for all sagas: an [`Entry::Saga`] when one begins, an event for whatever becomes known, and a word when
//! one is forgotten. When the log grows too long, the sagas at its head are written out again at its tail, and the
//! head is dropped; so the log is bounded, however long a saga takes.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::progress::Saga;
use super::{Config, Data, Epoch, Event, Orchestrator, SagaId, Standing};
use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::id::{CellId, ClusterId, LogId, NodeId};
use crate::machine::Context;

/// The cell that says whose records these are.
pub const IDENTITY: CellId = CellId(0);
/// The cell of the epoch.
pub const EPOCH: CellId = CellId(1);
/// The cell of the highest saga that was forgotten.
pub const FORGOTTEN: CellId = CellId(2);
/// The one durable log of an orchestrator.
pub const LOG: LogId = LogId(0);

/// No log comes this far, and one that says so leaves room for a life without end.
pub(super) const INDEX_MAX: u64 = 1 << 63;

/// The value of a durable cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Cell {
    /// Whose records these are; the first record of an orchestrator's first life.
    Identity {
        /// The cluster.
        cluster: ClusterId,
        /// The orchestrator.
        node: NodeId,
    },
    /// The epoch of the last life; the first record of each.
    Epoch(Epoch),
    /// The highest saga that was forgotten. Written before the saga is.
    Forgotten(SagaId),
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Entry<D> {
    /// All that is to be known of a saga up to here: as it begins, or written out again.
    Saga {
        /// The saga.
        saga: SagaId,
        /// How it stands.
        standing: Box<Standing<D>>,
    },
    /// Something became known.
    Event {
        /// Of this saga.
        saga: SagaId,
        /// What.
        event: Event,
    },
    /// The saga is no longer kept.
    Forgotten {
        /// The saga.
        saga: SagaId,
    },
}

impl<D: Data> Orchestrator<D> {
    /// Whatever is the first record of a life comes right behind these.
    pub(super) fn persist_epoch<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.identified {
            self.identified = true;
            let value = Cell::Identity { cluster: self.config.cluster, node: self.config.me };
            cx.persist(Record::Put { cell: IDENTITY, value });
        }
        self.epoch = Epoch(self.epoch.0.saturating_add(1)).max(self.config.epoch_min);
        cx.persist(Record::Put { cell: EPOCH, value: Cell::Epoch(self.epoch) });
    }

    pub(super) fn append<Cx: Context<Self> + ?Sized>(&mut self, entry: Entry<D>, cx: &mut Cx) -> u64 {
        let index = self.next;
        cx.persist(Record::Append { log: LOG, index, entry });
        self.next = self.next.saturating_add(1);
        index
    }

    /// Writes an event down, and takes it.
    pub(super) fn record<Cx: Context<Self> + ?Sized>(&mut self, id: SagaId, event: Event, cx: &mut Cx) {
        let Some(saga) = self.sagas.get_mut(&id) else { return };
        saga.standing.apply(event);
        self.append(Entry::Event { saga: id, event }, cx);
    }

    /// Shortens the log, if it is too long: to half of what it may hold, so that it is seldom done.
    pub(super) fn compact<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.next.saturating_sub(self.first) <= self.config.max_log_entries {
            return;
        }
        let half = self.config.max_log_entries / 2;
        let mut by_age: Vec<(u64, SagaId)> = self.sagas.iter().map(|(id, saga)| (saga.since, *id)).collect();
        by_age.sort_unstable();
        for (since, id) in by_age {
            if self.next.saturating_sub(since) <= half {
                break;
            }
            let Some(standing) = self.sagas.get(&id).map(|saga| saga.standing.clone()) else { continue };
            let since = self.append(Entry::Saga { saga: id, standing: Box::new(standing) }, cx);
            if let Some(saga) = self.sagas.get_mut(&id) {
                saga.since = since;
            }
        }
        // The last entry stays, whatever it is: it says where the log goes on.
        let last = self.next.saturating_sub(1);
        let oldest = self.sagas.values().map(|saga| saga.since).min();
        let first = oldest.unwrap_or(last).min(last);
        if first > self.first {
            self.first = first;
            cx.persist(Record::Discard { log: LOG, upto: first.saturating_sub(1) });
        }
    }

    /// Takes one entry of the durable log. `orphans` are sagas of which only later news are there: their beginning
    /// was dropped, so they are written out again, or forgotten, further on.
    fn restore(
        &mut self,
        index: u64,
        entry: Entry<D>,
        orphans: &mut BTreeSet<SagaId>,
    ) -> Result<(), Corrupt> {
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
        match entry {
            Entry::Saga { saga, standing } => {
                orphans.remove(&saga);
                let plan = self.plan_of(&standing);
                self.sagas.insert(saga, Saga::new(*standing, plan, index));
            }
            Entry::Event { saga, event } => match self.sagas.get_mut(&saga) {
                Some(saga) => saga.standing.apply(event),
                None => {
                    orphans.insert(saga);
                }
            },
            Entry::Forgotten { saga } => {
                orphans.remove(&saga);
                self.sagas.remove(&saga);
                if self.forgotten.is_none_or(|upto| upto < saga) {
                    return Err(Corrupt::Inconsistent("a saga was forgotten, and no cell says so"));
                }
            }
        }
        Ok(())
    }

    /// The place of the definition with which a saga can go on.
    pub(super) fn plan_of(&self, standing: &Standing<D>) -> Option<usize> {
        let plan = self.config.find(standing.definition, standing.version)?;
        let shape = self.config.definitions.get(plan).map(super::Definition::shape);
        (shape == Some(standing.shape)).then_some(plan)
    }

    /// Whether all sagas stand as their definitions allow.
    fn check_restored(&self) -> Result<(), Corrupt> {
        for saga in self.sagas.values() {
            saga.flights.check_length(saga.standing.tries.len()).map_err(Corrupt::Inconsistent)?;
            if let Some(plan) = saga.plan.and_then(|plan| self.config.definitions.get(plan)) {
                saga.standing.check(plan).map_err(Corrupt::Inconsistent)?;
            }
        }
        Ok(())
    }
}

/// The cells, as far as they are there.
struct Cells {
    identity: Option<(ClusterId, NodeId)>,
    epoch: Option<Epoch>,
    forgotten: Option<SagaId>,
}

impl Cells {
    fn read<D>(stored: &(impl Stored<Cell, Entry<D>> + ?Sized)) -> Result<Self, Corrupt> {
        let other = |_| Corrupt::Inconsistent("a cell holds what belongs into another");
        let identity = match stored.cell(IDENTITY)? {
            Some(Cell::Identity { cluster, node }) => Some((cluster, node)),
            found => found.map(|cell| Err(other(cell))).transpose()?,
        };
        let epoch = match stored.cell(EPOCH)? {
            Some(Cell::Epoch(epoch)) => Some(epoch),
            found => found.map(|cell| Err(other(cell))).transpose()?,
        };
        let forgotten = match stored.cell(FORGOTTEN)? {
            Some(Cell::Forgotten(saga)) => Some(saga),
            found => found.map(|cell| Err(other(cell))).transpose()?,
        };
        Ok(Self { identity, epoch, forgotten })
    }
}

impl<D: Data> Recover for Orchestrator<D> {
    /// `applied` is not looked at: the application says what it took note of by
    /// [`Request::Forget`](super::Request::Forget).
    fn recover(
        config: Arc<Config>,
        stored: &(impl Stored<Cell, Entry<D>> + ?Sized),
        _applied: u64,
    ) -> Result<Self, Corrupt> {
        let mut machine = Self::new(config).map_err(|error| Corrupt::Config(error.as_str()))?;
        let cells = Cells::read(stored)?;
        let own = (machine.config.cluster, machine.config.me);
        if let Some(found) = cells.identity.filter(|found| *found != own) {
            return Err(Corrupt::Foreign { found });
        }
        machine.identified = cells.identity.is_some();
        machine.epoch = cells.epoch.unwrap_or_default();
        machine.forgotten = cells.forgotten;
        if machine.epoch.0 == u64::MAX {
            return Err(Corrupt::Inconsistent("the epochs are used up"));
        }
        if cells.epoch.is_some() && !machine.identified {
            return Err(Corrupt::Missing(IDENTITY));
        }
        let (mut outcome, mut orphans) = (Ok(()), BTreeSet::new());
        stored.entries(LOG, 0, &mut |index, entry| {
            outcome = machine.restore(index, entry, &mut orphans);
            outcome.is_ok()
        })?;
        outcome?;
        let said = machine.next > machine.first || machine.forgotten.is_some();
        if said && cells.epoch.is_none() {
            return Err(Corrupt::Missing(EPOCH));
        }
        if !orphans.is_empty() {
            return Err(Corrupt::Inconsistent("there is news of a saga that never began"));
        }
        machine.check_restored()?;
        Ok(machine)
    }

    fn agrees_with(&self, image: &Image<Cell, Entry<D>>) -> Result<(), &'static str> {
        let twin =
            Self::recover(Arc::clone(&self.config.0), image, 0).map_err(|_| "the disk does not recover")?;
        if (twin.identified, twin.epoch, twin.forgotten) != (self.identified, self.epoch, self.forgotten) {
            return Err("the durable identity, epoch or last forgotten saga differs");
        }
        if (twin.first, twin.next) != (self.first, self.next) {
            return Err("the durable log begins or ends elsewhere");
        }
        let standing = |sagas: &BTreeMap<SagaId, Saga<D>>| {
            sagas.iter().map(|(id, saga)| (*id, saga.since, saga.standing.clone())).collect::<Vec<_>>()
        };
        if standing(&twin.sagas) != standing(&self.sagas) {
            return Err("a durable saga stands differently");
        }
        Ok(())
    }
}
