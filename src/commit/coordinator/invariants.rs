//! What must hold of one coordinator at any time, as far as it can see itself.

use super::{Coordinator, Phase, Transaction};
use crate::commit::Work;
use crate::commit::ids::Vote;

impl<W: Work> Coordinator<W> {
    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        if !self.transactions.iter().is_sorted_by(|a, b| a.number < b.number) {
            return Err("the transactions are out of order");
        }
        self.journal.check()?;
        if !self.identified && (self.reserved > 0 || !self.journal.is_empty()) {
            return Err("something is durable, and not under a name");
        }
        if self.next == 0 || self.next > self.reserved.saturating_add(1) {
            return Err("a number was given out that is not reserved");
        }
        if self.transactions.back().is_some_and(|last| last.number >= self.next) {
            return Err("a transaction was never begun");
        }
        let works = self.transactions.iter().flat_map(|transaction| &transaction.branches);
        let sizes = works.filter_map(|branch| branch.work.as_ref()).map(W::size_bytes);
        if sizes.fold(0, usize::saturating_add) != self.bytes {
            return Err("bytes of work are miscounted");
        }
        let recorded = self.transactions.iter().filter(|transaction| transaction.at.is_some());
        if recorded.count() != self.journal.needed {
            return Err("needed entries are miscounted");
        }
        self.transactions.iter().try_for_each(|transaction| self.check_one(transaction))
    }

    fn check_one(&self, transaction: &Transaction<W>) -> Result<(), &'static str> {
        let Transaction { number, mode, phase, branches, at, .. } = transaction;
        if *number == 0 {
            return Err("a transaction has no number");
        }
        let can_take_part = branches.iter().all(|branch| branch.node != self.me);
        if !can_take_part || !branches.is_sorted_by(|a, b| a.node < b.node) {
            return Err("the participants are out of order, or this node is one");
        }
        if at.is_some_and(|at| !self.journal.holds(at, self.tx(*number))) {
            return Err("a transaction's entry is not in the journal");
        }
        let recorded = match (phase, mode) {
            (Phase::Decided(outcome), mode) if !mode.wants_acknowledgement(*outcome) => {
                return Err("a transaction is kept that nobody needs to hear of");
            }
            (Phase::Decided(_), _) => true,
            (Phase::Collecting, mode) => mode.records_participants(),
            (Phase::OnePhase, _) => false,
        };
        if at.is_some() != recorded {
            return Err("a transaction is recorded that must not be, or the other way round");
        }
        if branches.iter().any(|branch| branch.vote.is_some() && branch.work.is_some()) {
            return Err("who has voted would be asked again");
        }
        let missing = branches.iter().any(|branch| branch.vote.is_none());
        let refused = branches.iter().any(|branch| branch.vote == Some(Vote::No));
        match phase {
            Phase::Collecting if !missing || refused => Err("every vote is in, and nothing is decided"),
            Phase::OnePhase if branches.len() != 1 => Err("one phase, and more than one participant"),
            Phase::Decided(_) if branches.is_empty() => Err("everybody knows, and nothing is forgotten"),
            _ => Ok(()),
        }
    }
}
