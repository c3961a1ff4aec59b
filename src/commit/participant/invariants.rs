//! What must hold of one participant at any time, as far as it can see itself.

use super::Participant;
use super::table::{Branch, Origin, State};
use crate::commit::Work;
use crate::commit::ids::{Outcome, TxId};

impl<W: Work> Participant<W> {
    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        if !self.origins.iter().is_sorted_by(|a, b| a.coordinator < b.coordinator) {
            return Err("the coordinators are out of order");
        }
        self.origins.iter().try_for_each(|origin| self.check_origin(origin))?;
        let ended = |branch: &Branch<W>| matches!(branch.state, State::Ended { .. });
        if self.branches().filter(|(_, branch)| !ended(branch)).count() != self.live {
            return Err("live transactions are miscounted");
        }
        let sizes = self.branches().filter_map(|(_, branch)| branch.state.work()).map(W::size_bytes);
        if sizes.fold(0, usize::saturating_add) != self.bytes {
            return Err("bytes of work are miscounted");
        }
        if self.branches().filter(|(_, branch)| branch.at.is_some()).count() != self.journal.needed {
            return Err("needed entries are miscounted");
        }
        let count = |wanted: fn(&State<W>) -> bool| {
            self.branches().filter(|(_, branch)| wanted(&branch.state)).count()
        };
        if count(|state| matches!(state, State::Asked { .. })) != self.asked
            || count(|state| matches!(state, State::Prepared { .. })) != self.in_doubt
            || count(State::is_resolved) != self.resolved
        {
            return Err("what is asked for, in doubt or resolved is miscounted");
        }
        if self.asked > 0 && !self.awaits_readiness {
            return Err("an application is awaited, and no timer is set");
        }
        Ok(())
    }

    fn check_origin(&self, origin: &Origin<W>) -> Result<(), &'static str> {
        if !origin.branches.iter().is_sorted_by(|a, b| a.number < b.number) {
            return Err("the transactions are out of order");
        }
        let tombstones = origin.branches.iter().filter(|branch| branch.state.may_be_buried());
        if tombstones.clone().any(|branch| branch.number <= origin.floor) {
            return Err("a tombstone is kept below the floor");
        }
        let count = tombstones.count();
        if count != origin.tombstones {
            return Err("tombstones are miscounted");
        }
        let coordinator = origin.coordinator;
        origin.branches.iter().try_for_each(|branch| {
            let tx = TxId { coordinator, number: branch.number };
            let written = branch.at.is_some_and(|at| self.journal.holds(at, tx));
            match &branch.state {
                State::Asked { .. } if branch.at.is_some() => Err("something is durable before the vote"),
                State::Asked { .. } => Ok(()),
                _ if !written => Err("a transaction's entry is not in the journal"),
                State::Decided { took: None, done: true, .. } => Err("what is over is kept"),
                State::Decided { outcome, took, done, work, .. }
                    if work.is_some() != (took.unwrap_or(*outcome) == Outcome::Commit && !done) =>
                {
                    Err("an outcome lacks what is to be applied, or has too much")
                }
                _ => Ok(()),
            }
        })
    }
}
