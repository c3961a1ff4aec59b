//! What must hold of one acceptor at any time, as far as it can see itself.

use super::Acceptor;
use super::over::Over;
use crate::commit::Work;
use crate::commit::paxos::ballot::Ballot;

impl<W: Work> Acceptor<W> {
    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        if !self.origins.is_sorted_by(|a, b| a.coordinator < b.coordinator) {
            return Err("the coordinators are out of order");
        }
        if self.ballots().count() != self.live {
            return Err("live transactions are miscounted");
        }
        if self.ballots().filter(|(_, ballots)| ballots.at.is_some()).count() != self.journal.needed {
            return Err("needed entries are miscounted");
        }
        for origin in &self.origins {
            let over = &origin.over;
            if Over::from_parts(over.floor, &over.spans).as_ref() != Some(over) {
                return Err("what is over is out of order");
            }
            if !origin.live.iter().is_sorted_by(|a, b| a.number < b.number) {
                return Err("the transactions are out of order");
            }
        }
        for (tx, ballots) in self.ballots() {
            if self.origins.iter().any(|it| it.coordinator == tx.coordinator && it.over.contains(tx.number)) {
                return Err("a transaction takes part that is over");
            }
            if ballots.at.is_some_and(|at| !self.journal.holds(at, tx)) {
                return Err("a transaction's entry is not in the journal");
            }
            if ballots.at.is_none() && ballots.promised > Ballot::ZERO {
                return Err("a promise is in no journal");
            }
            let mut accepted = ballots.instances.iter().filter_map(|(_, accepted)| *accepted);
            if accepted.any(|accepted| accepted.ballot > ballots.promised) {
                return Err("something is accepted beyond what is promised");
            }
        }
        Ok(())
    }
}
