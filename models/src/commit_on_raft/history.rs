//! What the properties of the stack remember of the past.

use quorate::commit::{Nodes, Outcome, TxId, Vote};
use quorate::id::{NodeId, Permutation, Permute};
use smallvec::SmallVec;

/// What was said of each transaction that anything was said of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// In the order in which they were first heard of.
    pub fates: SmallVec<[Fate; 1]>,
    /// How many transactions were asked for, as far as that is bounded.
    pub asked: u8,
}

/// What was said of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Fate {
    /// Its name.
    pub tx: TxId,
    /// Whether its name was given to somebody who asked for a transaction.
    pub given: bool,
    /// Who voted yes.
    pub yes: Nodes,
    /// Whether somebody voted no.
    pub no: bool,
    /// The outcome that was first told.
    pub outcome: Option<Outcome>,
}

impl History {
    /// What was said of `tx`.
    pub(super) fn fate(&mut self, tx: TxId) -> Option<&mut Fate> {
        let known = self.fates.iter().position(|fate| fate.tx == tx);
        let at = known.unwrap_or_else(|| {
            self.fates.push(Fate { tx, given: false, yes: Nodes::new(), no: false, outcome: None });
            self.fates.len() - 1
        });
        self.fates.get_mut(at)
    }

    /// A vote left its node.
    pub(super) fn voted(&mut self, node: NodeId, tx: TxId, vote: Vote) {
        let Some(fate) = self.fate(tx) else { return };
        match vote {
            Vote::No => fate.no = true,
            Vote::Yes | Vote::ReadOnly if !fate.yes.contains(&node) => {
                fate.yes.push(node);
                fate.yes.sort_unstable();
            }
            Vote::Yes | Vote::ReadOnly => {}
        }
    }
}

impl Permute for History {
    fn permute(&mut self, by: &Permutation<'_>) {
        for fate in &mut self.fates {
            fate.tx.permute(by);
            fate.yes.iter_mut().for_each(|node| node.permute(by));
            fate.yes.sort_unstable();
        }
    }
}
