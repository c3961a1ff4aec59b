//! What a participant keeps durable, and how it comes back from it.

use alloc::vec::Vec;

use super::table::{Ask, Branch, Doubt, Heuristic, Known, Origin, State};
use super::{Journal, Participant, Timer};
use crate::commit::Work;
use crate::commit::config::Member;
use crate::commit::ids::{Mode, Nodes, Outcome, TxId};
use crate::commit::journal::{COPIES_PER_APPEND, JOURNAL};
use crate::commit::message::Message;
use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::id::{CellId, ClusterId, NodeId};
use crate::machine::Context;

/// The cell that says whose records these are.
pub const IDENTITY: CellId = CellId(0);
/// The cell of the floors.
pub const FLOORS: CellId = CellId(1);

/// The value of a durable cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Cell {
    /// Whose records these are; the first record of a node's life.
    Identity {
        /// The cluster.
        cluster: ClusterId,
        /// The node.
        node: NodeId,
    },
    /// For each coordinator, ascending, the number up to which what the journal does not hold is over, or will
    /// never be voted for.
    Floors(Vec<(NodeId, u64)>),
}

/// An entry of the journal: all that there is to tell of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Entry<W> {
    /// This node has voted yes.
    Prepared {
        /// The transaction.
        tx: TxId,
        /// What it means if the coordinator knows nothing.
        mode: Mode,
        /// All participants.
        peers: Nodes,
        /// This participant's part.
        work: W,
        /// What an operator has decided.
        heuristic: Option<Heuristic>,
    },
    /// The outcome is known, and the application has not carried it out.
    Decided {
        /// The transaction.
        tx: TxId,
        /// Its outcome.
        outcome: Outcome,
        /// What an operator had decided, if that was something else.
        took: Option<Outcome>,
        /// Whether the application had carried that out before the outcome was known.
        done: bool,
        /// The position under which the application is told.
        position: u64,
        /// What it is to apply; none where it is to undo, or is done.
        work: Option<W>,
    },
    /// It is over.
    Ended {
        /// The transaction.
        tx: TxId,
        /// Its outcome; `None` if this node had only read.
        outcome: Option<Outcome>,
        /// What an operator had decided, if that was something else.
        took: Option<Outcome>,
    },
}

impl<W> Entry<W> {
    /// The transaction it tells of.
    #[must_use]
    pub const fn tx(&self) -> TxId {
        match self {
            Self::Prepared { tx, .. } | Self::Decided { tx, .. } | Self::Ended { tx, .. } => *tx,
        }
    }
}

/// Writes down how far a transaction has come. Inlined: where the state is known, the entry is made in place.
#[inline(always)]
pub(super) fn record<W: Work, Cx: Context<Participant<W>> + ?Sized>(
    tx: TxId,
    branch: &mut Branch<W>,
    journal: &mut Journal,
    cx: &mut Cx,
) {
    let Some(entry) = entry(tx, &branch.state) else { return };
    let index = journal.append(tx);
    if branch.at.replace(index).is_none() {
        journal.needed = journal.needed.saturating_add(1);
    }
    cx.persist(Record::Append { log: JOURNAL, index, entry });
}

/// What the journal tells of a transaction: nothing before the vote.
#[inline(always)]
fn entry<W: Clone>(tx: TxId, state: &State<W>) -> Option<Entry<W>> {
    Some(match state {
        State::Asked { .. } => return None,
        State::Prepared { ask, heuristic, .. } => Entry::Prepared {
            tx,
            mode: ask.mode,
            peers: Nodes::from_slice(&ask.peers),
            work: ask.work.clone(),
            heuristic: *heuristic,
        },
        State::Decided { outcome, took, done, position, work } => Entry::Decided {
            tx,
            outcome: *outcome,
            took: *took,
            done: *done,
            position: *position,
            work: work.clone(),
        },
        State::Ended { outcome, took } => Entry::Ended { tx, outcome: *outcome, took: *took },
    })
}

/// The state that an entry tells of.
fn state<W>(entry: Entry<W>) -> State<W> {
    match entry {
        Entry::Prepared { mode, peers, work, heuristic, .. } => State::Prepared {
            ask: Ask { one_phase: false, mode, peers, work },
            heuristic,
            doubt: Doubt::Fresh,
        },
        Entry::Decided { outcome, took, done, position, work, .. } => {
            State::Decided { outcome, took, done, position, work }
        }
        Entry::Ended { outcome, took, .. } => State::Ended { outcome, took },
    }
}

impl<W: Work> Participant<W> {
    /// Whatever is the first record of a node's life comes right behind this one.
    pub(super) fn persist_identity<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.identified {
            self.identified = true;
            let value = Cell::Identity { cluster: self.config.cluster, node: self.me };
            cx.persist(Record::Put { cell: IDENTITY, value });
        }
    }

    /// Comes back: tells again what was not carried out, in the order of the positions, and asks for what is in
    /// doubt.
    pub(super) fn start<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        // A crash may have come between a tombstone and the floor that was to make room for it.
        let coordinators: Vec<NodeId> = self.table.origins.iter().map(|origin| origin.coordinator).collect();
        coordinators.into_iter().for_each(|coordinator| self.bury_excess(coordinator, cx));
        let mut last = None;
        let mut told: Vec<(u64, TxId)> = Vec::new();
        while let Some(tx) = self.table.next_where(last, |state| !matches!(state, State::Ended { .. })) {
            last = Some(tx);
            if let Some(position) = self.position_to_tell(tx) {
                told.push((position, tx));
            }
            self.inquire_at_start(tx, cx);
        }
        told.sort_unstable();
        for (position, tx) in told {
            // Damage is told until somebody has seen to it: a position says nothing of that.
            let damage = matches!(self.known(tx), Known::Is(State::Decided { took: Some(_), .. }));
            if position > self.applied || damage || self.done(tx, cx).is_err() {
                self.tell(tx, cx);
            }
        }
        if self.awaits_outcome {
            cx.set_timer(Timer::Doubt, self.config.resend);
        }
    }

    /// The position of what the application has not confirmed to have carried out.
    pub(super) fn position_to_tell(&self, tx: TxId) -> Option<u64> {
        match self.known(tx) {
            Known::Is(State::Decided { position, .. }) => Some(*position),
            Known::Is(State::Prepared { heuristic: Some(heuristic), .. }) if !heuristic.done => {
                Some(heuristic.position)
            }
            Known::Is(_) | Known::Forgotten | Known::New => None,
        }
    }

    fn inquire_at_start<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        let branch = self.table.branch_mut(tx);
        if let Some(State::Prepared { ask, doubt, .. }) = branch.map(|branch| &mut branch.state) {
            *doubt = Doubt::Inquired;
            cx.send(tx.coordinator, Message::Inquire { tx, mode: ask.mode });
            self.awaits_outcome = true;
        }
    }

    /// Drops the head of a long journal, and writes what is needed of it once more.
    #[inline]
    pub(super) fn shorten<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.journal.is_long(self.config.journal_slack) {
            self.drop_head(cx);
        }
    }

    /// Apart, since most steps find the journal short.
    #[cold]
    fn drop_head<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let before = self.journal.first();
        self.drop_needless();
        for _ in 0..COPIES_PER_APPEND {
            let Some((_, tx)) = self.journal.head() else { break };
            let Some(branch) = self.table.branch_mut(tx) else { break };
            record(tx, branch, &mut self.journal, cx);
            self.drop_needless();
        }
        let first = self.journal.first();
        if first > before {
            cx.persist(Record::Discard { log: JOURNAL, upto: first.saturating_sub(1) });
        }
    }

    /// Drops what nobody needs at the head of the journal.
    fn drop_needless(&mut self) {
        let needed = |index, tx| self.table.branch(tx).is_some_and(|branch| branch.at == Some(index));
        let needless = self.journal.count_needless(needed);
        self.journal.drop_head(needless);
    }

    /// Takes one entry back from the disk.
    fn restore(&mut self, index: u64, entry: Entry<W>) -> Result<(), Corrupt> {
        let tx = entry.tx();
        if tx.number == 0 || tx.coordinator == self.me {
            return Err(Corrupt::Inconsistent("an entry tells of a transaction that cannot be"));
        }
        let position = match &entry {
            Entry::Prepared { heuristic, .. } => heuristic.map(|heuristic| heuristic.position),
            Entry::Decided { position, .. } => Some(*position),
            Entry::Ended { .. } => None,
        };
        if position.is_some_and(|position| position == 0 || position > index) {
            return Err(Corrupt::Inconsistent("an outcome has a position past its entry"));
        }
        if let Entry::Decided { outcome, took, done, work, .. } = &entry
            && (work.is_some() != (took.unwrap_or(*outcome) == Outcome::Commit && !done)
                || *took == Some(*outcome)
                || (*done && took.is_none()))
        {
            return Err(Corrupt::Inconsistent("an outcome lacks what is to be applied, or has too much"));
        }
        self.journal.restore(index, tx)?;
        if let Some(branch) = self.table.place(tx, state(entry)) {
            branch.at = Some(index);
        }
        self.bury_below_floor(tx);
        Ok(())
    }

    /// Takes the floors back from the disk.
    fn restore_floors(&mut self, floors: &[(NodeId, u64)]) -> Result<(), Corrupt> {
        if !floors.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Corrupt::Inconsistent("the floors are out of order"));
        }
        self.table.origins =
            floors.iter().map(|(coordinator, floor)| Origin::at(*coordinator, *floor)).collect();
        Ok(())
    }
}

/// The floors, once the identity has been found to be this node's; `None` for a node as new.
fn identified<W>(
    member: &Member,
    stored: &(impl Stored<Cell, Entry<W>> + ?Sized),
) -> Result<Option<Vec<(NodeId, u64)>>, Corrupt> {
    let floors = match stored.cell(FLOORS)? {
        Some(Cell::Floors(floors)) => Some(floors),
        Some(_) => return Err(Corrupt::Inconsistent("the cell of the floors holds something else")),
        None => None,
    };
    match stored.cell(IDENTITY)? {
        Some(Cell::Identity { cluster, node }) if (cluster, node) == (member.config.cluster, member.me) => {
            Ok(Some(floors.unwrap_or_default()))
        }
        Some(Cell::Identity { cluster, node }) => Err(Corrupt::Foreign { found: (cluster, node) }),
        Some(_) => Err(Corrupt::Inconsistent("the cell of the identity holds something else")),
        None if floors.is_some() => Err(Corrupt::Missing(IDENTITY)),
        None => Ok(None),
    }
}

impl<W: Work> Recover for Participant<W> {
    /// `applied` is the last position that the application has carried out for good, with all before it: what is
    /// there is not told again. An application that goes by [`TxId`] alone passes 0.
    fn recover(
        member: Member,
        stored: &(impl Stored<Cell, Entry<W>> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt> {
        let mut node = Self::new(member.clone()).map_err(|error| Corrupt::Config(error.as_str()))?;
        let found = identified(&member, stored)?;
        node.identified = found.is_some();
        node.restore_floors(&found.unwrap_or_default())?;
        let mut outcome = Ok(());
        stored.entries(JOURNAL, 0, &mut |index, entry| {
            outcome =
                if node.identified { node.restore(index, entry) } else { Err(Corrupt::Missing(IDENTITY)) };
            outcome.is_ok()
        })?;
        outcome?;
        node.journal.needed = node.table.branches().count();
        let last = node.journal.next().saturating_sub(1);
        if applied > last {
            return Err(Corrupt::AppliedBeyondLog { applied, last });
        }
        node.applied = applied;
        Ok(node)
    }

    fn agrees_with(&self, image: &Image<Cell, Entry<W>>) -> Result<(), &'static str> {
        let member = Member { me: self.me, config: self.config.0.clone() };
        let durable = Self::recover(member, image, 0).map_err(|_| "what is durable does not recover")?;
        if durable.identified != self.identified {
            return Err("the durable identity differs");
        }
        if !durable.table.floors().eq(self.table.floors()) {
            return Err("the durable floors differ");
        }
        if durable.journal != self.journal {
            return Err("the durable journal begins, ends or goes on elsewhere");
        }
        let held = self.table.branches().filter(|(_, branch)| branch.at.is_some());
        let told = |(tx, branch): (TxId, &Branch<W>)| (branch.at, entry(tx, &branch.state));
        if durable.table.branches().map(told).eq(held.map(told)) {
            Ok(())
        } else {
            Err("a durable transaction differs, or one is durable that is not held")
        }
    }
}
