//! What must hold of one leader at any time, as far as it can see itself.

use super::{Branch, Leader, Phase, Transaction};
use crate::commit::Work;
use crate::commit::ids::{Outcome, Vote};
use crate::commit::paxos::ballot::Ballot;
use crate::quorum::SlotSet;

impl<W: Work> Leader<W> {
    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.config.rank(self.me) != Some(self.rank) {
            return Err("the leader has another's rank");
        }
        if !self.identified && (self.reserved > 0 || !self.transactions.is_empty()) {
            return Err("something is known, and not under a name");
        }
        if self.next == 0 || self.next > self.reserved.saturating_add(1) {
            return Err("a number was given out that is not reserved");
        }
        if !self.transactions.iter().is_sorted_by(|a, b| a.tx < b.tx) {
            return Err("the transactions are out of order");
        }
        let works = self.transactions.iter().flat_map(|transaction| &transaction.branches);
        let sizes = works.filter_map(|branch| branch.work.as_ref()).map(W::size_bytes);
        if sizes.fold(0, usize::saturating_add) != self.bytes {
            return Err("bytes of work are miscounted");
        }
        self.transactions.iter().try_for_each(|transaction| {
            self.check_name(transaction)?;
            self.check_phase(transaction)?;
            self.check_branches(transaction)?;
            let armed = match transaction.phase {
                Phase::Voting => self.armed.votes && self.armed.resend,
                Phase::Promising { .. } | Phase::Proposing { .. } => self.armed.ballot && self.armed.resend,
                Phase::Overtaken { .. } => self.armed.ballot,
                Phase::Decided(_) => self.armed.resend,
            };
            if armed { Ok(()) } else { Err("something is awaited, and no timer is set") }
        })
    }

    /// Whether it may be of that name, and among those resource managers.
    fn check_name(&self, transaction: &Transaction<W>) -> Result<(), &'static str> {
        let Transaction { tx, own, branches, .. } = transaction;
        let mine = tx.coordinator == self.me;
        if self.config.check_name(*tx).is_err() || *own && !mine || mine && tx.number >= self.next {
            return Err("a transaction was never begun");
        }
        match self.config.check_managers(branches.iter().map(|branch| branch.node)) {
            Ok(()) => Ok(()),
            Err(_) => Err("resource managers are none, too many, or out of order"),
        }
    }

    fn check_phase(&self, transaction: &Transaction<W>) -> Result<(), &'static str> {
        let Transaction { own, phase, branches, .. } = transaction;
        let mine = |ballot: &Ballot| ballot.rank == self.rank && (1..self.next).contains(&ballot.round);
        let quorum = self.config.quorum();
        let chosen = |branch: &Branch<W>| branch.by.len() >= quorum;
        match phase {
            Phase::Voting if !own => Err("a leader that took over waits for ballot 0"),
            Phase::Voting if branches.iter().any(|it| it.is(Vote::No) && chosen(it)) => {
                Err("a no is chosen, and nothing is decided")
            }
            Phase::Voting if branches.iter().all(chosen) => {
                Err("every vote is chosen, and nothing is decided")
            }
            Phase::Promising { ballot, by } | Phase::Proposing { ballot, by }
                if !mine(ballot) || by.len() >= quorum || !self.are_acceptors(*by) =>
            {
                Err("a ballot is not this node's, or enough have answered")
            }
            Phase::Decided(Outcome::Abort) => Err("an abort is kept that nobody needs to hear of"),
            _ => Ok(()),
        }
    }

    fn check_branches(&self, transaction: &Transaction<W>) -> Result<(), &'static str> {
        transaction.branches.iter().try_for_each(|branch| {
            let (asked, counted) = (branch.work.is_some(), !branch.by.is_empty());
            if asked != (transaction.phase == Phase::Voting) {
                return Err("work is kept that nobody is asked for, or is lacking");
            }
            if !self.are_acceptors(branch.by) {
                return Err("somebody reported a vote that accepts none");
            }
            let stands = match transaction.phase {
                Phase::Voting => branch.vote.map(|vote| vote.ballot) == counted.then_some(Ballot::ZERO),
                Phase::Promising { .. } | Phase::Overtaken { .. } => !counted,
                Phase::Proposing { ballot, .. } => {
                    !counted && branch.vote.is_some_and(|vote| vote.ballot == ballot)
                }
                Phase::Decided(_) => branch.is(Vote::Yes),
            };
            if stands { Ok(()) } else { Err("an instance stands otherwise than its transaction") }
        })
    }

    fn are_acceptors(&self, slots: SlotSet) -> bool {
        slots.iter().all(|slot| slot < self.config.acceptors.len())
    }
}
