//! What a participant knows of each transaction, and how much it remembers of those that are over.
//!
//! A message that was delayed long enough arrives after all is over. So what is over leaves a tombstone, durable
//! before anything is said that a delayed prepare could contradict. A coordinator numbers its transactions upwards:
//! the lowest tombstones give way to a *floor*, below which an unknown transaction is not voted for any more. One that
//! tells of damage does not: its coordinator may not have heard of it yet. An operator lets go of that.

use alloc::vec::Vec;

use super::recovery::record;
use super::{Cell, FLOORS, Participant, Timer};
use crate::commit::Work;
use crate::commit::ids::{Mode, Nodes, Outcome, TxId, find_number};
use crate::durable::Record;
use crate::id::NodeId;
use crate::machine::Context;

/// All that is known of transactions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Table<W> {
    /// What is known of each coordinator's transactions, ascending by coordinator.
    pub(super) origins: Vec<Origin<W>>,
    pub(super) counts: Counts,
}

/// How many transactions are how far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Counts {
    /// How many transactions have not ended.
    pub(super) live: usize,
    /// How many of these the application has not answered.
    pub(super) asked: usize,
    /// How many of them are in doubt.
    pub(super) in_doubt: usize,
    /// Of how many transactions an operator's decision is remembered.
    pub(super) resolved: usize,
    /// Bytes of work held.
    pub(super) bytes: usize,
}

/// What is known of one coordinator's transactions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Origin<W> {
    pub(super) coordinator: NodeId,
    /// At this number and below, what is not among `branches` is over or will never be voted for.
    pub(super) floor: u64,
    /// How many of `branches` have ended, without damage. Their numbers are above the floor.
    pub(super) tombstones: usize,
    /// Ascending by number. Put at the end, dropped many at a time.
    pub(super) branches: Vec<Branch<W>>,
}

impl<W> Origin<W> {
    pub(super) const fn at(coordinator: NodeId, floor: u64) -> Self {
        Self { coordinator, floor, tombstones: 0, branches: Vec::new() }
    }

    /// Where the branch of that number is among the branches, or would be.
    fn find(&self, number: u64) -> Result<usize, usize> {
        find_number(&self.branches, number, |branch| branch.number)
    }
}

/// This participant's part in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Branch<W> {
    pub(super) number: u64,
    /// Where the journal tells of it.
    pub(super) at: Option<u64>,
    pub(super) state: State<W>,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum State<W> {
    /// The application is asked. Nothing is durable, so this node may abort alone.
    Asked { ask: Ask<W>, waited: bool },
    /// It has voted yes: only the outcome ends this.
    Prepared { ask: Ask<W>, heuristic: Option<Heuristic>, doubt: Doubt },
    /// The outcome is known, and the application has not carried it out.
    Decided {
        outcome: Outcome,
        /// What an operator had decided, if that was something else.
        took: Option<Outcome>,
        /// Whether the application has carried that out already, so that only the damage is left to be seen to.
        done: bool,
        position: u64,
        /// To be applied; none where it is to be undone.
        work: Option<W>,
    },
    /// A tombstone. The outcome is not known where the application had only read.
    Ended { outcome: Option<Outcome>, took: Option<Outcome> },
}

/// What the coordinator asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Ask<W> {
    /// This node decides, since it is alone.
    pub(super) one_phase: bool,
    pub(super) mode: Mode,
    pub(super) peers: Nodes,
    pub(super) work: W,
}

impl<W> Ask<W> {
    pub(super) fn one_phase(work: W) -> Self {
        Self { one_phase: true, mode: Mode::PresumedAbort, peers: Nodes::new(), work }
    }
}

/// An operator's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "part of a durable record")]
pub struct Heuristic {
    /// What was decided.
    pub outcome: Outcome,
    /// The position under which the application was told.
    pub position: u64,
    /// Whether it has carried it out.
    pub done: bool,
}

/// How long a transaction has been in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Doubt {
    /// Since less than one period.
    Fresh,
    /// The coordinator is asked at the next expiry.
    Waited,
    /// The coordinator was asked, and the peers are at the next expiry.
    Inquired,
}

/// Where a transaction is in the table, until another one is put there or dropped.
#[derive(Clone, Copy)]
pub(super) struct Place {
    origin: usize,
    branch: usize,
}

/// What is known of a transaction.
pub(super) enum Known<'a, W> {
    Is(&'a State<W>),
    /// At or below the floor.
    Forgotten,
    /// Never heard of, or asked about before a crash and not answered.
    New,
}

impl<W> State<W> {
    pub(super) const fn is_tombstone(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }

    /// Whether it is over, and nobody need ever be told more than that.
    pub(super) const fn may_be_buried(&self) -> bool {
        matches!(self, Self::Ended { took: None, .. })
    }

    /// Whether an operator has decided it, other than it was decided as far as that is known.
    pub(super) const fn is_resolved(&self) -> bool {
        matches!(
            self,
            Self::Prepared { heuristic: Some(_), .. }
                | Self::Decided { took: Some(_), .. }
                | Self::Ended { took: Some(_), .. }
        )
    }

    pub(super) const fn work(&self) -> Option<&W> {
        match self {
            Self::Asked { ask, .. } | Self::Prepared { ask, .. } => Some(&ask.work),
            Self::Decided { work, .. } => work.as_ref(),
            Self::Ended { .. } => None,
        }
    }
}

impl<W: Work> Table<W> {
    pub(super) const fn new() -> Self {
        let counts = Counts { live: 0, asked: 0, in_doubt: 0, resolved: 0, bytes: 0 };
        Self { origins: Vec::new(), counts }
    }

    #[inline]
    pub(super) fn find(&self, tx: TxId) -> Option<Place> {
        let origin = self.origin(tx.coordinator).ok()?;
        let branch = self.origins.get(origin)?.find(tx.number).ok()?;
        Some(Place { origin, branch })
    }

    /// The branch at that place.
    #[inline]
    pub(super) fn at(&self, place: Place) -> Option<&Branch<W>> {
        self.origins.get(place.origin)?.branches.get(place.branch)
    }

    /// The branch at that place, to be changed.
    #[inline]
    pub(super) fn at_mut(&mut self, place: Place) -> Option<&mut Branch<W>> {
        self.origins.get_mut(place.origin)?.branches.get_mut(place.branch)
    }

    /// What is known of a transaction that was found there, or was not.
    #[inline]
    pub(super) fn known(&self, tx: TxId, found: Option<Place>) -> Known<'_, W> {
        if let Some(branch) = found.and_then(|place| self.at(place)) {
            return Known::Is(&branch.state);
        }
        let origin = self.origin(tx.coordinator).ok().and_then(|at| self.origins.get(at));
        match origin {
            Some(origin) if tx.number <= origin.floor => Known::Forgotten,
            _ => Known::New,
        }
    }

    #[inline]
    pub(super) fn branch(&self, tx: TxId) -> Option<&Branch<W>> {
        self.at(self.find(tx)?)
    }

    pub(super) fn branch_mut(&mut self, tx: TxId) -> Option<&mut Branch<W>> {
        let place = self.find(tx)?;
        self.at_mut(place)
    }

    /// All branches, in the order of their transactions.
    pub(super) fn branches(&self) -> impl Iterator<Item = (TxId, &Branch<W>)> {
        self.origins.iter().flat_map(|origin| {
            let coordinator = origin.coordinator;
            let tx = move |number| TxId { coordinator, number };
            origin.branches.iter().map(move |branch| (tx(branch.number), branch))
        })
    }

    /// The first transaction after `last`, or the first of all, whose state is as `wanted`.
    pub(super) fn next_where(&self, last: Option<TxId>, wanted: impl Fn(&State<W>) -> bool) -> Option<TxId> {
        let from = last.map_or(0, |last| self.origin(last.coordinator).unwrap_or_else(|at| at));
        for origin in self.origins.iter().skip(from) {
            let after = last.filter(|last| last.coordinator == origin.coordinator);
            let begin = after
                .map_or(0, |last| origin.branches.partition_point(|branch| branch.number <= last.number));
            let found = origin.branches.iter().skip(begin).find(|branch| wanted(&branch.state));
            if let Some(branch) = found {
                return Some(TxId { coordinator: origin.coordinator, number: branch.number });
            }
        }
        None
    }

    /// Takes a transaction to its next state.
    #[inline(always)]
    pub(super) fn place(&mut self, tx: TxId, state: State<W>) -> Option<&mut Branch<W>> {
        let origin = self.origin(tx.coordinator).unwrap_or_else(|at| {
            self.origins.insert(at, Origin::at(tx.coordinator, 0));
            at
        });
        match self.origins.get(origin)?.find(tx.number) {
            Ok(branch) => self.place_at(Place { origin, branch }, state),
            Err(branch) => self.add(Place { origin, branch }, tx.number, state),
        }
    }

    /// Takes the transaction that is there to its next state. Inlined, as what calls it and what it calls: where the state
    /// is known, so is what it counts for.
    #[inline(always)]
    pub(super) fn place_at(&mut self, place: Place, state: State<W>) -> Option<&mut Branch<W>> {
        let origin = self.origins.get_mut(place.origin)?;
        let branch = origin.branches.get_mut(place.branch)?;
        let before = &branch.state;
        self.counts.change(&state, usize::saturating_add);
        self.counts.change(before, usize::saturating_sub);
        origin.tombstones = origin.tombstones.saturating_add(usize::from(state.may_be_buried()));
        origin.tombstones = origin.tombstones.saturating_sub(usize::from(before.may_be_buried()));
        branch.state = state;
        Some(branch)
    }

    /// Takes in a transaction that is to be there, and is not.
    #[inline]
    fn add(&mut self, place: Place, number: u64, state: State<W>) -> Option<&mut Branch<W>> {
        let origin = self.origins.get_mut(place.origin)?;
        self.counts.change(&state, usize::saturating_add);
        origin.tombstones = origin.tombstones.saturating_add(usize::from(state.may_be_buried()));
        origin.branches.insert(place.branch, Branch { number, at: None, state });
        origin.branches.get_mut(place.branch)
    }

    /// Has what the application was asked for be in doubt.
    #[inline]
    fn promise(&mut self, place: Place) -> Option<&mut Branch<W>> {
        let branch = self.origins.get_mut(place.origin)?.branches.get_mut(place.branch)?;
        let over = State::Ended { outcome: None, took: None };
        match core::mem::replace(&mut branch.state, over) {
            State::Asked { ask, .. } => {
                self.counts.asked = self.counts.asked.saturating_sub(1);
                self.counts.in_doubt = self.counts.in_doubt.saturating_add(1);
                branch.state = State::Prepared { ask, heuristic: None, doubt: Doubt::Fresh };
            }
            other => branch.state = other,
        }
        Some(branch)
    }

    /// The floors that there are, ascending by coordinator.
    pub(super) fn floors(&self) -> impl Iterator<Item = (NodeId, u64)> {
        let floors = self.origins.iter().filter(|origin| origin.floor > 0);
        floors.map(|origin| (origin.coordinator, origin.floor))
    }

    /// Where `coordinator` is among the origins, or would be.
    #[inline]
    pub(super) fn origin(&self, coordinator: NodeId) -> Result<usize, usize> {
        find_number(&self.origins, coordinator.0, |origin| origin.coordinator.0)
    }
}

impl Counts {
    /// Counts a transaction in that is so far, or out.
    #[inline(always)]
    fn change<W: Work>(&mut self, state: &State<W>, by: impl Fn(usize, usize) -> usize) {
        match state {
            State::Asked { .. } => self.asked = by(self.asked, 1),
            State::Prepared { .. } => self.in_doubt = by(self.in_doubt, 1),
            State::Decided { .. } | State::Ended { .. } => {}
        }
        self.live = by(self.live, usize::from(!state.is_tombstone()));
        self.resolved = by(self.resolved, usize::from(state.is_resolved()));
        self.bytes = by(self.bytes, state.work().map_or(0, W::size_bytes));
    }
}

impl<W: Work> Participant<W> {
    pub(super) fn known(&self, tx: TxId) -> Known<'_, W> {
        self.table.known(tx, self.table.find(tx))
    }

    /// Takes a transaction to its next state, and writes down what of it must survive.
    pub(super) fn put<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, state: State<W>, cx: &mut Cx) {
        let over = state.may_be_buried();
        if let Some(branch) = self.table.place(tx, state) {
            record(tx, branch, &mut self.journal, cx);
        }
        if over && let Ok(origin) = self.table.origin(tx.coordinator) {
            self.bury(origin, tx, cx);
        }
        self.rest(cx);
        self.shorten(cx);
    }

    /// Does so with the transaction that is there.
    #[inline(always)]
    pub(super) fn put_at<Cx: Context<Self> + ?Sized>(
        &mut self,
        place: Place,
        tx: TxId,
        state: State<W>,
        cx: &mut Cx,
    ) {
        let over = state.may_be_buried();
        if let Some(branch) = self.table.place_at(place, state) {
            record(tx, branch, &mut self.journal, cx);
        }
        if over {
            self.bury(place.origin, tx, cx);
        }
        self.rest(cx);
        self.shorten(cx);
    }

    /// Takes in what the application is asked, of which nothing is written down.
    pub(super) fn take_in<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, ask: Ask<W>, cx: &mut Cx) {
        self.table.place(tx, State::Asked { ask, waited: false });
        self.rest(cx);
        self.shorten(cx);
    }

    /// Writes down that this node will do what it was asked for, whatever happens.
    #[inline]
    pub(super) fn promise<Cx: Context<Self> + ?Sized>(
        &mut self,
        found: Option<Place>,
        tx: TxId,
        cx: &mut Cx,
    ) {
        if let Some(branch) = found.and_then(|place| self.table.promise(place)) {
            record(tx, branch, &mut self.journal, cx);
        }
        self.rest(cx);
        self.shorten(cx);
    }

    /// Lets go of timers that nothing waits for.
    #[inline]
    fn rest<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.table.counts.asked == 0 && core::mem::take(&mut self.awaits_readiness) {
            cx.cancel_timer(Timer::Readiness);
        }
        if self.table.counts.in_doubt == 0 && core::mem::take(&mut self.awaits_outcome) {
            cx.cancel_timer(Timer::Doubt);
        }
    }

    /// Sees to it that tombstones do not grow without bound.
    #[inline]
    fn bury<Cx: Context<Self> + ?Sized>(&mut self, origin: usize, tx: TxId, cx: &mut Cx) {
        let most = self.config.max_tombstones;
        let Some(origin) = self.table.origins.get(origin) else { return };
        let (below_floor, excess) = (tx.number <= origin.floor, origin.tombstones > most);
        if below_floor {
            self.bury_below_floor(tx);
        }
        if excess {
            self.bury_excess(tx.coordinator, cx);
        }
    }

    /// Has the lowest tombstones give way to a floor, where there are too many of a coordinator's.
    pub(super) fn bury_excess<Cx: Context<Self> + ?Sized>(&mut self, coordinator: NodeId, cx: &mut Cx) {
        let Ok(at) = self.table.origin(coordinator) else { return };
        let most = self.config.max_tombstones;
        let Some(origin) = self.table.origins.get_mut(at) else { return };
        if origin.tombstones <= most {
            return;
        }
        let mut excess = origin.tombstones.saturating_sub(most.div_ceil(2));
        let mut dropped = 0_usize;
        let floor = &mut origin.floor;
        origin.branches.retain(|branch| {
            let drop = excess > 0 && branch.state.may_be_buried();
            if drop {
                excess -= 1;
                dropped += 1;
                *floor = branch.number;
            }
            !drop
        });
        origin.tombstones = origin.tombstones.saturating_sub(dropped);
        self.journal.needed = self.journal.needed.saturating_sub(dropped);
        // Before the head of the journal is dropped, where the tombstones are.
        cx.persist(Record::Put { cell: FLOORS, value: Cell::Floors(self.table.floors().collect()) });
    }

    /// Drops the tombstone of a transaction that is below the floor: that says as much.
    pub(super) fn bury_below_floor(&mut self, tx: TxId) {
        let Ok(at) = self.table.origin(tx.coordinator) else { return };
        let Some(origin) = self.table.origins.get_mut(at).filter(|origin| tx.number <= origin.floor) else {
            return;
        };
        let Ok(at) = origin.find(tx.number) else { return };
        if origin.branches.get(at).is_some_and(|branch| branch.state.may_be_buried()) {
            let branch = origin.branches.remove(at);
            origin.tombstones = origin.tombstones.saturating_sub(1);
            if branch.at.is_some() {
                self.journal.needed = self.journal.needed.saturating_sub(1);
            }
        }
    }
}
