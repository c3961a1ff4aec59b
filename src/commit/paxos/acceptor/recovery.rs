//! What an acceptor keeps durable, and how it comes back from it.

use alloc::vec::Vec;

use super::over::Over;
use super::table::{Ballots, Known, Origin};
use super::{Acceptor, Member};
use crate::commit::Work;
use crate::commit::ids::TxId;
use crate::commit::journal::{COPIES_PER_APPEND, JOURNAL};
use crate::commit::paxos::ballot::{Ballot, Instances};
use crate::commit::paxos::message::permute_by_node;
use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::id::{CellId, ClusterId, NodeId, Permutation, Permute};
use crate::machine::Context;

/// The cell that says whose records these are.
pub const IDENTITY: CellId = CellId(0);
/// The cell of what is over.
pub const ENDED: CellId = CellId(1);

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
    /// What is over, ascending by coordinator, but for what the journal tells.
    Ended(Vec<Ended>),
}

/// What is over of one coordinator's transactions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "part of a durable record")]
pub struct Ended {
    /// The coordinator.
    pub coordinator: NodeId,
    /// Up to here, what is not in the journal is over or not known: this node takes no part in it.
    pub floor: u64,
    /// Spans of numbers, first and last: ascending, above the floor, and a gap between any two.
    pub spans: Vec<(u64, u64)>,
}

/// An entry of the journal: all that there is to tell of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Entry {
    /// What was promised and accepted, in all instances.
    Ballots {
        /// The transaction.
        tx: TxId,
        /// No part is taken in a ballot below.
        promised: Ballot,
        /// What was last accepted in each instance.
        accepted: Instances,
    },
    /// It was to be forgotten.
    Over {
        /// The transaction.
        tx: TxId,
    },
}

impl Entry {
    /// The transaction it tells of.
    #[must_use]
    pub const fn tx(&self) -> TxId {
        match self {
            Self::Ballots { tx, .. } | Self::Over { tx } => *tx,
        }
    }
}

impl<W: Work> Acceptor<W> {
    /// Whatever is the first record of a node's life comes right behind this one.
    pub(super) fn persist_identity<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.identified {
            self.identified = true;
            let value = Cell::Identity { cluster: self.config.common.cluster, node: self.me };
            cx.persist(Record::Put { cell: IDENTITY, value });
        }
    }

    /// Writes down all instances of a transaction.
    pub(super) fn record<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        let next = self.journal.next();
        let Some(ballots) = self.ballots_mut(tx) else { return };
        let entry = entry(tx, ballots);
        if ballots.at.replace(next).is_none() {
            self.journal.needed = self.journal.needed.saturating_add(1);
        }
        self.append(tx, entry, cx);
    }

    /// Writes down that a transaction is over.
    pub(super) fn record_end<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        self.append(tx, Entry::Over { tx }, cx);
    }

    fn append<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, entry: Entry, cx: &mut Cx) {
        let index = self.journal.append(tx);
        cx.persist(Record::Append { log: JOURNAL, index, entry });
    }

    /// Drops the head of a long journal, writes what is needed of it once more, and what is over into its cell.
    pub(super) fn shorten<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.journal.is_long(self.config.common.journal_slack) {
            return;
        }
        let before = self.journal.first();
        if self.folded <= before {
            self.folded = self.journal.next();
            cx.persist(Record::Put { cell: ENDED, value: Cell::Ended(self.ended()) });
        }
        let mut copies = COPIES_PER_APPEND;
        while let Some((index, tx)) = self.journal.head() {
            if index >= self.folded {
                break;
            }
            if self.ballots_mut(tx).is_some_and(|ballots| ballots.at == Some(index)) {
                if copies == 0 {
                    break;
                }
                copies -= 1;
                self.record(tx, cx);
            }
            self.journal.drop_head(1);
        }
        let first = self.journal.first();
        if first > before {
            cx.persist(Record::Discard { log: JOURNAL, upto: first.saturating_sub(1) });
        }
    }

    fn ended(&self) -> Vec<Ended> {
        let ended = |origin: &Origin| Ended {
            coordinator: origin.coordinator,
            floor: origin.over.floor,
            spans: origin.over.spans.to_vec(),
        };
        self.origins.iter().map(ended).collect()
    }

    /// Takes what is over back from its cell.
    fn restore_ended(&mut self, ended: Vec<Ended>) -> Result<(), Corrupt> {
        if !ended.is_sorted_by(|a, b| a.coordinator < b.coordinator) {
            return Err(Corrupt::Inconsistent("the coordinators of what is over are out of order"));
        }
        for Ended { coordinator, floor, spans } in ended {
            let Some(over) = Over::from_parts(floor, &spans) else {
                return Err(Corrupt::Inconsistent("what is over is out of order"));
            };
            self.origins.push(Origin { coordinator, over, live: alloc::collections::VecDeque::new() });
        }
        Ok(())
    }

    /// Takes one entry back from the disk.
    fn restore(&mut self, index: u64, entry: Entry) -> Result<(), Corrupt> {
        let tx = entry.tx();
        if tx.number == 0 {
            return Err(Corrupt::Inconsistent("an entry tells of a transaction that cannot be"));
        }
        self.journal.restore(index, tx)?;
        match entry {
            Entry::Over { tx } => self.end(tx),
            // The cell may know already what a later entry tells.
            Entry::Ballots { .. } if matches!(self.known(tx), Known::Over) => {}
            Entry::Ballots { tx, promised, accepted } => {
                if !accepted.is_sorted_by(|a, b| a.0 < b.0) || accepted.is_empty() {
                    return Err(Corrupt::Inconsistent("resource managers are out of order"));
                }
                let beyond = accepted.iter().filter_map(|(_, accepted)| *accepted);
                if beyond.into_iter().any(|accepted| accepted.ballot > promised) {
                    return Err(Corrupt::Inconsistent("something was accepted beyond what was promised"));
                }
                let recorded = self.ballots_mut(tx).is_some_and(|ballots| ballots.at.is_some());
                if !recorded {
                    self.journal.needed = self.journal.needed.saturating_add(1);
                }
                let (instances, at) = (accepted, Some(index));
                let number = tx.number;
                self.place(tx, Ballots { number, promised, instances, at, quiet: false, asked: false });
            }
        }
        Ok(())
    }
}

/// What the journal tells of a transaction.
fn entry(tx: TxId, ballots: &Ballots) -> Entry {
    Entry::Ballots { tx, promised: ballots.promised, accepted: ballots.instances.clone() }
}

/// What is over, once the identity has been found to be this node's; `None` for a node as new.
fn identified(
    member: &Member,
    stored: &(impl Stored<Cell, Entry> + ?Sized),
) -> Result<Option<Vec<Ended>>, Corrupt> {
    let ended = match stored.cell(ENDED)? {
        Some(Cell::Ended(ended)) => Some(ended),
        Some(_) => return Err(Corrupt::Inconsistent("the cell of what is over holds something else")),
        None => None,
    };
    match stored.cell(IDENTITY)? {
        Some(Cell::Identity { cluster, node })
            if (cluster, node) == (member.config.common.cluster, member.me) =>
        {
            Ok(Some(ended.unwrap_or_default()))
        }
        Some(Cell::Identity { cluster, node }) => Err(Corrupt::Foreign { found: (cluster, node) }),
        Some(_) => Err(Corrupt::Inconsistent("the cell of the identity holds something else")),
        None if ended.is_some() => Err(Corrupt::Missing(IDENTITY)),
        None => Ok(None),
    }
}

impl<W: Work> Recover for Acceptor<W> {
    /// `_applied` is of no account: an acceptor's application applies nothing.
    fn recover(
        member: Member,
        stored: &(impl Stored<Cell, Entry> + ?Sized),
        _applied: u64,
    ) -> Result<Self, Corrupt> {
        let mut node = Self::new(member.clone()).map_err(|error| Corrupt::Config(error.as_str()))?;
        let found = identified(&member, stored)?;
        node.identified = found.is_some();
        node.restore_ended(found.unwrap_or_default())?;
        let mut outcome = Ok(());
        stored.entries(JOURNAL, 0, &mut |index, entry| {
            outcome =
                if node.identified { node.restore(index, entry) } else { Err(Corrupt::Missing(IDENTITY)) };
            outcome.is_ok()
        })?;
        outcome?;
        Ok(node)
    }

    fn agrees_with(&self, image: &Image<Cell, Entry>) -> Result<(), &'static str> {
        let member = Member { me: self.me, config: self.config.0.clone() };
        let durable = Self::recover(member, image, 0).map_err(|_| "what is durable does not recover")?;
        if durable.identified != self.identified {
            return Err("the durable identity differs");
        }
        if durable.journal != self.journal {
            return Err("the durable journal begins, ends or goes on elsewhere");
        }
        let over = |node: &Self| -> Vec<Ended> {
            let any = |ended: &Ended| ended.floor > 0 || !ended.spans.is_empty();
            node.ended().into_iter().filter(any).collect()
        };
        if over(&durable) != over(self) {
            return Err("what is durably over differs");
        }
        let held = self.ballots().filter(|(_, ballots)| ballots.at.is_some());
        let told = |(tx, ballots): (TxId, &Ballots)| (ballots.at, entry(tx, ballots));
        if durable.ballots().map(told).eq(held.map(told)) {
            Ok(())
        } else {
            Err("a durable transaction differs, or one is durable that is not held")
        }
    }
}

impl Permute for Cell {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Identity { node, .. } => node.permute(by),
            Self::Ended(ended) => {
                ended.iter_mut().for_each(|ended| ended.coordinator.permute(by));
                ended.sort_unstable_by_key(|ended| ended.coordinator);
            }
        }
    }
}

impl Permute for Entry {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Ballots { tx, accepted, .. } => {
                tx.permute(by);
                permute_by_node(accepted, by);
            }
            Self::Over { tx } => tx.permute(by),
        }
    }
}
