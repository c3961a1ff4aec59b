//! What a coordinator keeps durable, and how it comes back from it.

use smallvec::SmallVec;

use super::{Branch, Coordinator, Phase, Transaction};
use crate::commit::Work;
use crate::commit::config::Member;
use crate::commit::ids::{Mode, Nodes, Outcome, TxId, permute_nodes};
use crate::commit::journal::{COPIES_PER_APPEND, JOURNAL};
use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::id::{CellId, ClusterId, NodeId, Permutation, Permute};
use crate::machine::Context;

/// The cell that says whose records these are.
pub const IDENTITY: CellId = CellId(0);
/// The cell of the numbers that are reserved.
pub const RESERVED: CellId = CellId(1);

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
    /// The numbers that may have been given out. After a crash none of them is again.
    Reserved {
        /// The last one.
        upto: u64,
    },
}

/// An entry of the journal: all that there is to tell of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Entry {
    /// The participants are about to be asked, and not by presumed abort: a crash aborts.
    Collecting {
        /// The transaction.
        tx: TxId,
        /// Its mode.
        mode: Mode,
        /// Its participants.
        participants: Nodes,
    },
    /// It is decided, and may not be forgotten before these have acknowledged it.
    Decided {
        /// The transaction.
        tx: TxId,
        /// Its mode.
        mode: Mode,
        /// Its outcome.
        outcome: Outcome,
        /// Who may still ask.
        awaited: Nodes,
    },
    /// It is decided and forgotten. The commit record of a presumed commit.
    Ended {
        /// The transaction.
        tx: TxId,
        /// Its outcome.
        outcome: Outcome,
    },
}

impl Entry {
    /// The transaction it tells of.
    #[must_use]
    pub const fn tx(&self) -> TxId {
        match self {
            Self::Collecting { tx, .. } | Self::Decided { tx, .. } | Self::Ended { tx, .. } => *tx,
        }
    }
}

impl<W: Work> Coordinator<W> {
    /// Whatever is the first record of a node's life comes right behind this one.
    pub(super) fn persist_identity<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.identified {
            self.identified = true;
            let value = Cell::Identity { cluster: self.config.cluster, node: self.me };
            cx.persist(Record::Put { cell: IDENTITY, value });
        }
    }

    /// Writes down how far a transaction has come.
    pub(super) fn record<Cx: Context<Self> + ?Sized>(&mut self, at: usize, cx: &mut Cx) {
        let Some(transaction) = self.transactions.get_mut(at) else { return };
        let tx = TxId { coordinator: self.me, number: transaction.number };
        let Some(entry) = entry(tx, transaction) else { return };
        let index = self.journal.append(tx);
        if transaction.at.replace(index).is_none() {
            self.journal.needed = self.journal.needed.saturating_add(1);
        }
        cx.persist(Record::Append { log: JOURNAL, index, entry });
    }

    /// Writes down that a transaction is decided and forgotten.
    pub(super) fn record_end<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, outcome: Outcome, cx: &mut Cx) {
        self.journal.needed = self.journal.needed.saturating_sub(1);
        let index = self.journal.append(tx);
        cx.persist(Record::Append { log: JOURNAL, index, entry: Entry::Ended { tx, outcome } });
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
            let Some(at) = self.position(tx.number) else { break };
            self.record(at, cx);
            self.drop_needless();
        }
        let first = self.journal.first();
        if first > before {
            cx.persist(Record::Discard { log: JOURNAL, upto: first.saturating_sub(1) });
        }
    }

    /// Drops what nobody needs at the head of the journal.
    fn drop_needless(&mut self) {
        let needed = |index, tx: TxId| {
            let at = self.position(tx.number);
            at.and_then(|at| self.transactions.get(at)).is_some_and(|found| found.at == Some(index))
        };
        let needless = self.journal.count_needless(needed);
        self.journal.drop_head(needless);
    }

    /// Takes one entry back from the disk.
    fn restore(&mut self, index: u64, entry: Entry) -> Result<(), Corrupt> {
        let tx = entry.tx();
        if tx.coordinator != self.me || tx.number == 0 || tx.number > self.reserved {
            return Err(Corrupt::Inconsistent("an entry tells of a number that was never given out"));
        }
        self.journal.restore(index, tx)?;
        let (mode, phase, nodes) = match entry {
            Entry::Ended { .. } => {
                if let Some(at) = self.position(tx.number) {
                    self.transactions.remove(at);
                }
                return Ok(());
            }
            Entry::Collecting { mode, participants, .. } => (mode, Phase::Collecting, participants),
            Entry::Decided { mode, outcome, awaited, .. } => (mode, Phase::Decided(outcome), awaited),
        };
        if let Phase::Decided(outcome) = phase
            && (!mode.wants_acknowledgement(outcome) || nodes.is_empty())
        {
            return Err(Corrupt::Inconsistent("an outcome is kept that nobody needs to hear of"));
        }
        if phase == Phase::Collecting && !mode.records_participants() {
            return Err(Corrupt::Inconsistent("participants are kept of a presumed abort"));
        }
        if nodes.contains(&self.me) || !nodes.is_sorted_by(|a, b| a < b) {
            return Err(Corrupt::Inconsistent("participants are out of order, or this node is one"));
        }
        let branches: SmallVec<_> =
            nodes.into_iter().map(|node| Branch { node, work: None, vote: None }).collect();
        let number = tx.number;
        let restored =
            Transaction { number, mode, phase, branches, waited: false, unanswered: false, at: Some(index) };
        match self.transactions.binary_search_by_key(&number, |transaction| transaction.number) {
            Ok(at) => {
                if let Some(transaction) = self.transactions.get_mut(at) {
                    *transaction = restored;
                }
            }
            Err(at) => self.transactions.insert(at, restored),
        }
        Ok(())
    }
}

/// What the journal tells of a transaction: nothing where a crash is to forget it.
#[inline]
fn entry<W>(tx: TxId, transaction: &Transaction<W>) -> Option<Entry> {
    let nodes: Nodes = transaction.branches.iter().map(|branch| branch.node).collect();
    match (transaction.phase, transaction.mode) {
        (Phase::Decided(outcome), mode) => Some(Entry::Decided { tx, mode, outcome, awaited: nodes }),
        (Phase::Collecting, mode) if mode.records_participants() => {
            Some(Entry::Collecting { tx, mode, participants: nodes })
        }
        (Phase::Collecting | Phase::OnePhase, _) => None,
    }
}

/// The last number that may have been given out, once the identity has been found to be this node's; `None` for a
/// node as new.
pub(in crate::commit) fn identified<E>(
    cluster: ClusterId,
    me: NodeId,
    stored: &(impl Stored<Cell, E> + ?Sized),
) -> Result<Option<u64>, Corrupt> {
    let reserved = match stored.cell(RESERVED)? {
        Some(Cell::Reserved { upto }) => Some(upto),
        Some(_) => return Err(Corrupt::Inconsistent("the cell of reserved numbers holds something else")),
        None => None,
    };
    match stored.cell(IDENTITY)? {
        Some(Cell::Identity { cluster: of, node }) if (of, node) == (cluster, me) => {
            Ok(Some(reserved.unwrap_or(0)))
        }
        Some(Cell::Identity { cluster, node }) => Err(Corrupt::Foreign { found: (cluster, node) }),
        Some(_) => Err(Corrupt::Inconsistent("the cell of the identity holds something else")),
        None if reserved.is_some() => Err(Corrupt::Missing(IDENTITY)),
        None => Ok(None),
    }
}

impl<W: Work> Recover for Coordinator<W> {
    /// `_applied` is of no account: a coordinator tells again what it has not forgotten.
    fn recover(
        member: Member,
        stored: &(impl Stored<Cell, Entry> + ?Sized),
        _applied: u64,
    ) -> Result<Self, Corrupt> {
        let mut node = Self::new(member.clone()).map_err(|error| Corrupt::Config(error.as_str()))?;
        let found = identified(member.config.cluster, member.me, stored)?;
        node.identified = found.is_some();
        node.reserved = found.unwrap_or(0);
        node.next = node.reserved.saturating_add(1);
        let mut outcome = Ok(());
        stored.entries(JOURNAL, 0, &mut |index, entry| {
            outcome =
                if node.identified { node.restore(index, entry) } else { Err(Corrupt::Missing(IDENTITY)) };
            outcome.is_ok()
        })?;
        outcome?;
        node.journal.needed = node.transactions.len();
        Ok(node)
    }

    fn agrees_with(&self, image: &Image<Cell, Entry>) -> Result<(), &'static str> {
        let member = Member { me: self.me, config: self.config.0.clone() };
        let durable = Self::recover(member, image, 0).map_err(|_| "what is durable does not recover")?;
        if durable.identified != self.identified {
            return Err("the durable identity differs");
        }
        if durable.reserved != self.reserved {
            return Err("the durable reservation differs");
        }
        if durable.journal != self.journal {
            return Err("the durable journal begins, ends or goes on elsewhere");
        }
        let mut held = self.transactions.iter().filter(|transaction| transaction.at.is_some());
        for found in &durable.transactions {
            let Some(held) = held.next() else { return Err("a transaction is durable that is forgotten") };
            // Who has acknowledged since is asked once more after a crash.
            let among = |node| found.branches.iter().any(|branch| branch.node == node);
            if (held.number, held.mode, held.phase, held.at)
                != (found.number, found.mode, found.phase, found.at)
                || !held.branches.iter().all(|branch| among(branch.node))
            {
                return Err("a durable transaction differs");
            }
        }
        if held.next().is_some() { Err("a transaction is not durable") } else { Ok(()) }
    }
}

impl Permute for Cell {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Identity { node, .. } => node.permute(by),
            Self::Reserved { .. } => {}
        }
    }
}

impl Permute for Entry {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Collecting { tx, participants: nodes, .. } | Self::Decided { tx, awaited: nodes, .. } => {
                tx.permute(by);
                permute_nodes(nodes, by);
            }
            Self::Ended { tx, .. } => tx.permute(by),
        }
    }
}
