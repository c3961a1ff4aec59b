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
        if !self.table.origins.iter().is_sorted_by(|a, b| a.coordinator < b.coordinator) {
            return Err("the coordinators are out of order");
        }
        self.journal.check()?;
        if self.applied >= self.journal.next() {
            return Err("more is carried out than was told");
        }
        let floors = self.table.origins.iter().any(|origin| origin.floor > 0);
        if !self.identified && (floors || !self.journal.is_empty()) {
            return Err("something is durable, and not under a name");
        }
        self.table.origins.iter().try_for_each(|origin| self.check_origin(origin))?;
        let ended = |branch: &Branch<W>| matches!(branch.state, State::Ended { .. });
        if self.table.branches().filter(|(_, branch)| !ended(branch)).count() != self.table.counts.live {
            return Err("live transactions are miscounted");
        }
        let sizes = self.table.branches().filter_map(|(_, branch)| branch.state.work()).map(W::size_bytes);
        if sizes.fold(0, usize::saturating_add) != self.table.counts.bytes {
            return Err("bytes of work are miscounted");
        }
        if self.table.branches().filter(|(_, branch)| branch.at.is_some()).count() != self.journal.needed {
            return Err("needed entries are miscounted");
        }
        let count = |wanted: fn(&State<W>) -> bool| {
            self.table.branches().filter(|(_, branch)| wanted(&branch.state)).count()
        };
        if count(|state| matches!(state, State::Asked { .. })) != self.table.counts.asked
            || count(|state| matches!(state, State::Prepared { .. })) != self.table.counts.in_doubt
            || count(State::is_resolved) != self.table.counts.resolved
        {
            return Err("what is asked for, in doubt or resolved is miscounted");
        }
        if self.table.counts.asked > 0 && !self.awaits_readiness {
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
            if tx.number == 0 || coordinator == self.me {
                return Err("a transaction is nobody's");
            }
            let told = match &branch.state {
                State::Prepared { heuristic, .. } => heuristic.map(|heuristic| heuristic.position),
                State::Decided { position, .. } => Some(*position),
                State::Asked { .. } | State::Ended { .. } => None,
            };
            if told.is_some_and(|position| position == 0 || branch.at.is_none_or(|at| position > at)) {
                return Err("an outcome has a position past its entry");
            }
            let written = branch.at.is_some_and(|at| self.journal.holds(at, tx));
            match &branch.state {
                State::Asked { .. } if branch.at.is_some() => Err("something is durable before the vote"),
                State::Asked { .. } => Ok(()),
                _ if !written => Err("a transaction's entry is not in the journal"),
                State::Prepared { ask, .. } if ask.one_phase => Err("who decides alone is in doubt"),
                State::Decided { outcome, took, .. } if *took == Some(*outcome) => {
                    Err("an operator decided otherwise, and the same")
                }
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
