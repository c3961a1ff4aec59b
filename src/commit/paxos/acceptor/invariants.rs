//! What must hold of one acceptor at any time, as far as it can see itself.

use super::Acceptor;
use super::over::Over;
use super::table::{Ballots, Origin};
use crate::commit::Work;
use crate::commit::ids::{TxId, Vote};
use crate::commit::paxos::ballot::Ballot;

impl<W: Work> Acceptor<W> {
    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        self.journal.check()?;
        if !self.identified && (!self.origins.is_empty() || !self.journal.is_empty()) {
            return Err("something is known, and not under a name");
        }
        if self.folded > self.journal.next() {
            return Err("more is said to be over than was written down");
        }
        if !self.origins.is_sorted_by(|a, b| a.coordinator < b.coordinator) {
            return Err("the coordinators are out of order");
        }
        if self.ballots().count() != self.live {
            return Err("live transactions are miscounted");
        }
        if self.ballots().filter(|(_, ballots)| ballots.at.is_some()).count() != self.journal.needed {
            return Err("needed entries are miscounted");
        }
        self.origins.iter().try_for_each(|origin| self.check_origin(origin))
    }

    fn check_origin(&self, origin: &Origin) -> Result<(), &'static str> {
        let over = &origin.over;
        if Over::from_parts(over.floor, &over.spans).as_ref() != Some(over) {
            return Err("what is over is out of order");
        }
        if !origin.live.iter().is_sorted_by(|a, b| a.number < b.number) {
            return Err("the transactions are out of order");
        }
        origin.live.iter().try_for_each(|ballots| {
            if ballots.number == 0 || over.contains(ballots.number) {
                return Err("a transaction takes part that is over, or never was");
            }
            let tx = TxId { coordinator: origin.coordinator, number: ballots.number };
            if ballots.at.is_some_and(|at| !self.journal.holds(at, tx)) {
                return Err("a transaction's entry is not in the journal");
            }
            check_ballots(ballots)
        })
    }
}

fn check_ballots(ballots: &Ballots) -> Result<(), &'static str> {
    let Ballots { promised, instances, at, quiet, asked, .. } = ballots;
    if instances.is_empty() || !instances.is_sorted_by(|a, b| a.0 < b.0) {
        return Err("resource managers are out of order, or there are none");
    }
    if *asked && !quiet {
        return Err("a leader is asked about what is not quiet");
    }
    let mut accepted = instances.iter().filter_map(|(_, accepted)| *accepted);
    if accepted.any(|accepted| accepted.ballot > *promised) {
        return Err("something is accepted beyond what is promised");
    }
    if at.is_some() {
        return Ok(());
    }
    if *promised > Ballot::ZERO {
        return Err("a promise is in no journal");
    }
    let missing = instances.iter().any(|(_, accepted)| accepted.is_none());
    let refused =
        instances.iter().any(|(_, accepted)| accepted.is_some_and(|accepted| accepted.vote == Vote::No));
    if missing && !refused { Ok(()) } else { Err("every vote is in, or a no, and nothing is written down") }
}
