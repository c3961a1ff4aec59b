//! What must hold of one leader at any time, as far as it can see itself.

use super::{Leader, Phase, Transaction};
use crate::commit::Work;
use crate::commit::ids::Vote;
use crate::commit::paxos::ballot::Ballot;

impl<W: Work> Leader<W> {
    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        if !self.transactions.iter().is_sorted_by(|a, b| a.tx < b.tx) {
            return Err("the transactions are out of order");
        }
        if self.next > self.reserved.saturating_add(1) {
            return Err("a number was given out that is not reserved");
        }
        let works = self.transactions.iter().flat_map(|transaction| &transaction.branches);
        let sizes = works.filter_map(|branch| branch.work.as_ref()).map(W::size_bytes);
        if sizes.fold(0, usize::saturating_add) != self.bytes {
            return Err("bytes of work are miscounted");
        }
        for transaction in &self.transactions {
            self.check_one(transaction)?;
            let armed = match transaction.phase {
                Phase::Voting => self.armed.votes && self.armed.resend,
                Phase::Promising { .. } | Phase::Proposing { .. } => self.armed.ballot && self.armed.resend,
                Phase::Overtaken { .. } => self.armed.ballot,
                Phase::Decided(_) => self.armed.resend,
            };
            if !armed {
                return Err("something is awaited, and no timer is set");
            }
        }
        Ok(())
    }

    fn check_one(&self, transaction: &Transaction<W>) -> Result<(), &'static str> {
        let Transaction { own, phase, branches, .. } = transaction;
        if branches.is_empty() {
            return Err("nobody is awaited, and nothing is forgotten");
        }
        if !branches.is_sorted_by(|a, b| a.node < b.node) {
            return Err("resource managers are out of order");
        }
        let mine = |ballot: &Ballot| ballot.rank == self.rank && ballot.round < self.next;
        let quorum = self.config.quorum();
        match phase {
            Phase::Voting if !own => Err("a leader that took over waits for ballot 0"),
            Phase::Voting if branches.iter().any(|it| it.is(Vote::No) && it.by.len() >= quorum) => {
                Err("a no is chosen, and nothing is decided")
            }
            Phase::Voting if branches.iter().all(|it| it.by.len() >= quorum) => {
                Err("every vote is chosen, and nothing is decided")
            }
            Phase::Promising { ballot, by } | Phase::Proposing { ballot, by }
                if !mine(ballot) || by.len() >= quorum =>
            {
                Err("a ballot is not this node's, or enough have answered")
            }
            Phase::Proposing { ballot, .. }
                if branches.iter().any(|it| it.vote.is_none_or(|vote| vote.ballot != *ballot)) =>
            {
                Err("an instance is left out of a proposal")
            }
            _ => Ok(()),
        }
    }
}
