//! What a Raft node keeps durable, and how it comes back from it.

use super::{Command, Config, Entry, Index, LOG, Member, Raft, Term};
use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::id::{CellId, ClusterId, NodeId};
use crate::machine::Context;

/// The cell that says whose records these are.
pub const IDENTITY: CellId = CellId(0);
/// The cell of term and vote.
pub const HARD_STATE: CellId = CellId(1);

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
    /// The current term and the vote in it (paper, figure 2): always written together.
    HardState {
        /// The current term.
        term: Term,
        /// The vote in it.
        vote: Option<NodeId>,
    },
}

impl<C: Command> Raft<C> {
    /// Whatever is the first record of a node's life comes right behind this one.
    pub(super) fn persist_identity<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.identified {
            self.identified = true;
            let value = Cell::Identity { cluster: self.config.cluster, node: self.me };
            cx.persist(Record::Put { cell: IDENTITY, value });
        }
    }

    /// Takes one entry of the durable log.
    fn restore(&mut self, index: u64, entry: Entry<C>) -> Result<(), Corrupt> {
        let last = self.last();
        let expected = last.index.0.saturating_add(1);
        if index != expected {
            return Err(Corrupt::Gap { log: LOG, expected, found: index });
        }
        if entry.term < last.term || entry.term.0 == 0 {
            return Err(Corrupt::Inconsistent("an entry's term is before that of the entry before it"));
        }
        if entry.term > self.term {
            return Err(Corrupt::Inconsistent("an entry's term is later than the node's own"));
        }
        self.log.push(entry);
        self.log.evict(&self.config, |_, _| {});
        Ok(())
    }
}

/// The term and vote, once the identity has been found to be this node's; `None` for a node as new.
fn identified<C>(
    me: NodeId,
    config: &Config,
    stored: &(impl Stored<Cell, Entry<C>> + ?Sized),
) -> Result<Option<(Term, Option<NodeId>)>, Corrupt> {
    let hard_state = match stored.cell(HARD_STATE)? {
        Some(Cell::HardState { term, vote }) => Some((term, vote)),
        Some(_) => return Err(Corrupt::Inconsistent("the cell of term and vote holds something else")),
        None => None,
    };
    match stored.cell(IDENTITY)? {
        Some(Cell::Identity { cluster, node }) if (cluster, node) == (config.cluster, me) => {
            Ok(Some(hard_state.unwrap_or_default()))
        }
        Some(Cell::Identity { cluster, node }) => Err(Corrupt::Foreign { found: (cluster, node) }),
        Some(_) => Err(Corrupt::Inconsistent("the cell of the identity holds something else")),
        None if hard_state.is_some() => Err(Corrupt::Missing(IDENTITY)),
        None => Ok(None),
    }
}

impl<C: Command> Recover for Raft<C> {
    fn recover(
        member: Member,
        stored: &(impl Stored<Cell, Entry<C>> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt> {
        let mut raft = Self::new(member).map_err(|error| Corrupt::Config(error.as_str()))?;
        let found = identified(raft.me, &raft.config, stored)?;
        raft.identified = found.is_some();
        (raft.term, raft.vote) = found.unwrap_or_default();
        let mut outcome = Ok(());
        stored.entries(LOG, 0, &mut |index, entry| {
            outcome = raft.restore(index, entry);
            outcome.is_ok()
        })?;
        outcome?;
        let last = raft.last().index;
        if last.0 > 0 && !raft.identified {
            return Err(Corrupt::Missing(IDENTITY));
        }
        if applied > last.0 {
            return Err(Corrupt::AppliedBeyondLog { applied, last: last.0 });
        }
        // What is applied was committed; what else is, a leader will tell.
        raft.commit = Index(applied);
        raft.noticed = Index(applied);
        Ok(raft)
    }

    fn agrees_with(&self, image: &Image<Cell, Entry<C>>) -> Result<(), &'static str> {
        let identity = Cell::Identity { cluster: self.config.cluster, node: self.me };
        if image.get(IDENTITY) != self.identified.then_some(&identity) {
            return Err("the durable identity differs");
        }
        let hard_state = Cell::HardState { term: self.term, vote: self.vote };
        match image.get(HARD_STATE) {
            Some(durable) if *durable == hard_state => {}
            None if (self.term, self.vote) == (Term(0), None) => {}
            _ => return Err("the durable term or vote differs"),
        }
        if image.last_index(LOG).unwrap_or(0) != self.last().index.0 {
            return Err("the durable log ends elsewhere");
        }
        for (index, entry) in image.log(LOG) {
            let index = Index(index);
            if self.term_at(index) != Some(entry.term) {
                return Err("a durable entry has another term");
            }
            if self.entry(index).is_some_and(|cached| cached != entry) {
                return Err("a durable entry differs");
            }
        }
        Ok(())
    }
}
