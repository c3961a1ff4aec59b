//! What a participant keeps durable, and how it comes back from it.
//!
//! One log for all sagas: an [`Entry::Saga`] when one is heard of, an event for whatever becomes known. What is below
//! the floor of its initiator is over and not looked at. When the log grows too long, the sagas at its head are
//! written out again at its tail, and the head is dropped.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::progress::{Event, Saga, Standing};
use super::{Config, Name, Participant};
use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::id::{CellId, ClusterId, LogId, NodeId};
use crate::machine::Context;
use crate::saga::{Data, SagaId};

/// The cell that says whose records these are.
pub const IDENTITY: CellId = CellId(0);
/// The cell of the floors: which sagas are over.
pub const FLOORS: CellId = CellId(1);
/// The one durable log of a participant.
pub const LOG: LogId = LogId(0);

/// No log comes this far, and one that says so leaves room for a life without end.
pub(super) const INDEX_MAX: u64 = 1 << 63;

/// The value of a durable cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Cell {
    /// Whose records these are; the first record of a participant's first life.
    Identity {
        /// The cluster.
        cluster: ClusterId,
        /// The participant.
        node: NodeId,
    },
    /// For each initiator, ascending, the saga below which all of its sagas are over. Written before these are
    /// dropped.
    Floors(Vec<(NodeId, SagaId)>),
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Entry<D> {
    /// All that is to be known of a saga up to here: as it is first heard of, or written out again.
    Saga {
        /// The saga.
        saga: Name,
        /// How it stands.
        standing: Box<Standing<D>>,
    },
    /// Something became known.
    Event {
        /// Of this saga.
        saga: Name,
        /// What.
        event: Event,
    },
}

impl<D: Data> Participant<D> {
    /// The first record of all.
    pub(super) fn identify<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.identified {
            self.identified = true;
            let value = Cell::Identity { cluster: self.config.cluster, node: self.config.me };
            cx.persist(Record::Put { cell: IDENTITY, value });
        }
    }

    pub(super) fn append<Cx: Context<Self> + ?Sized>(&mut self, entry: Entry<D>, cx: &mut Cx) -> u64 {
        let index = self.next;
        cx.persist(Record::Append { log: LOG, index, entry });
        self.next = self.next.saturating_add(1);
        index
    }

    /// Writes an event down, and takes it.
    pub(super) fn record<Cx: Context<Self> + ?Sized>(&mut self, name: Name, event: Event, cx: &mut Cx) {
        let Some(saga) = self.sagas.get_mut(&name) else { return };
        saga.standing.apply(event);
        self.append(Entry::Event { saga: name, event }, cx);
    }

    /// Shortens the log, if it is too long: to half of what it may hold, so that it is seldom done.
    pub(super) fn compact<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.next.saturating_sub(self.first) <= self.config.max_log_entries {
            return;
        }
        let half = self.config.max_log_entries / 2;
        let mut by_age: Vec<(u64, Name)> =
            self.sagas.iter().map(|(name, saga)| (saga.since, *name)).collect();
        by_age.sort_unstable();
        for (since, name) in by_age {
            if self.next.saturating_sub(since) <= half {
                break;
            }
            let Some(standing) = self.sagas.get(&name).map(|saga| saga.standing.clone()) else { continue };
            let since = self.append(Entry::Saga { saga: name, standing: Box::new(standing) }, cx);
            if let Some(saga) = self.sagas.get_mut(&name) {
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
    /// was dropped, so they are written out again further on.
    fn restore(&mut self, index: u64, entry: Entry<D>, orphans: &mut BTreeSet<Name>) -> Result<(), Corrupt> {
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
        let (Entry::Saga { saga: name, .. } | Entry::Event { saga: name, .. }) = entry;
        if name.saga < self.floor(name.initiator) {
            return Ok(());
        }
        match entry {
            Entry::Saga { standing, .. } => {
                orphans.remove(&name);
                let place = self.config.find_in_shape(standing.definition, standing.version, standing.shape);
                let plan = place.and_then(|place| Some((place, self.config.definitions.get(place)?)));
                let saga = Saga::new((self.config.me, name), *standing, plan, index);
                self.sagas.insert(name, saga);
            }
            Entry::Event { event, .. } => match self.sagas.get_mut(&name) {
                Some(saga) => saga.standing.apply(event),
                None => {
                    orphans.insert(name);
                }
            },
        }
        Ok(())
    }

    /// Whether all sagas stand as their definitions allow.
    fn check_restored(&self) -> Result<(), Corrupt> {
        for saga in self.sagas.values() {
            saga.flights.check_length(saga.standing.tries.len()).map_err(Corrupt::Inconsistent)?;
            if let Some(plan) = saga.plan.and_then(|plan| self.config.definitions.get(plan)) {
                saga.standing.check(plan, saga.mine).map_err(Corrupt::Inconsistent)?;
            }
        }
        Ok(())
    }

    fn restore_cells(&mut self, stored: &(impl Stored<Cell, Entry<D>> + ?Sized)) -> Result<(), Corrupt> {
        const OTHER: Corrupt = Corrupt::Inconsistent("a cell holds what belongs into another");
        match stored.cell(IDENTITY)? {
            Some(Cell::Identity { cluster, node }) => {
                if (cluster, node) != (self.config.cluster, self.config.me) {
                    return Err(Corrupt::Foreign { found: (cluster, node) });
                }
                self.identified = true;
            }
            Some(Cell::Floors(_)) => return Err(OTHER),
            None => {}
        }
        match stored.cell(FLOORS)? {
            Some(Cell::Floors(floors)) => {
                if !floors.is_sorted_by(|(one, _), (other, _)| one < other) {
                    return Err(Corrupt::Inconsistent("an initiator has two floors"));
                }
                self.floors = floors.into_iter().collect();
            }
            Some(Cell::Identity { .. }) => return Err(OTHER),
            None => {}
        }
        Ok(())
    }
}

impl<D: Data> Recover for Participant<D> {
    /// `applied` is not looked at: the application says what it took note of by
    /// [`Request::Forget`](super::Request::Forget).
    fn recover(
        config: Arc<Config>,
        stored: &(impl Stored<Cell, Entry<D>> + ?Sized),
        _applied: u64,
    ) -> Result<Self, Corrupt> {
        let mut machine = Self::new(config).map_err(|error| Corrupt::Config(error.as_str()))?;
        machine.restore_cells(stored)?;
        let (mut outcome, mut orphans) = (Ok(()), BTreeSet::new());
        stored.entries(LOG, 0, &mut |index, entry| {
            outcome = machine.restore(index, entry, &mut orphans);
            outcome.is_ok()
        })?;
        outcome?;
        let said = machine.next > machine.first || !machine.floors.is_empty();
        if said && !machine.identified {
            return Err(Corrupt::Missing(IDENTITY));
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
        if (twin.identified, &twin.floors) != (self.identified, &self.floors) {
            return Err("the durable identity or a floor differs");
        }
        if (twin.first, twin.next) != (self.first, self.next) {
            return Err("the durable log begins or ends elsewhere");
        }
        let standing = |sagas: &BTreeMap<Name, Saga<D>>| {
            sagas.iter().map(|(name, saga)| (*name, saga.since, saga.standing.clone())).collect::<Vec<_>>()
        };
        if standing(&twin.sagas) != standing(&self.sagas) {
            return Err("a durable saga stands differently");
        }
        Ok(())
    }
}
