//! What must hold of one node at any time, as far as the node itself can see.

use super::lead::Leader;
use super::{Command, Index, Raft, Role};

impl<C: Command> Raft<C> {
    /// Checks the node's own invariants. A node is only ever deserialised if they hold.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        self.log.check()?;
        if !self.log.fits(&self.config) {
            return Err("the cache is larger than its limits");
        }
        let last = self.last();
        if last.term > self.term {
            return Err("an entry is of a later term than the node");
        }
        if self.noticed > self.commit || self.commit > last.index {
            return Err("told, committed and last index are out of order");
        }
        let reads_on = |at| {
            at == Index(self.noticed.0.saturating_add(1)) && at <= self.commit && self.log.is_evicted(at)
        };
        if !self.reading.is_none_or(reads_on) {
            return Err("what is read back is not what is to be told next");
        }
        let is_voter = |slot| slot < self.config.voters.len();
        match &self.role {
            Role::Follower { leader } => {
                let stands = |leader| leader != self.me && self.config.slot_of(leader).is_some();
                if leader.is_none_or(stands) { Ok(()) } else { Err("a follower's leader is no other voter") }
            }
            Role::Candidate { .. } if self.vote != Some(self.me) || self.term.0 == 0 => {
                Err("a candidate did not vote for itself in a term of its own")
            }
            Role::PreCandidate { votes } | Role::Candidate { votes } => {
                if votes.iter().all(is_voter) {
                    Ok(())
                } else {
                    Err("a vote is nobody's")
                }
            }
            Role::Leader(leader) => self.check_leader(leader, is_voter),
        }
    }

    fn check_leader(&self, leader: &Leader, is_voter: impl Fn(usize) -> bool) -> Result<(), &'static str> {
        let last = self.last();
        if last.term != self.term || self.term.0 == 0 {
            return Err("a leader has no entry of its own term");
        }
        if leader.progress.len() != self.config.voters.len() || !leader.slots().iter().all(is_voter) {
            return Err("a leader's peers are not the voters");
        }
        leader.progress.iter().try_for_each(|progress| progress.check(last.index, &self.config))?;
        let evicted_before = self.log.cached().next().map_or(last.index.0.saturating_add(1), |(at, _)| at.0);
        let mut bytes = self.log.cached_bytes(self.commit, last.index);
        let mut before = self.commit;
        for (at, evicted) in leader.evicted() {
            if at <= before || at.0 >= evicted_before {
                return Err("the entries that left a leader's memory are out of order");
            }
            before = at;
            bytes = bytes.saturating_add(evicted);
        }
        if bytes == leader.uncommitted_bytes { Ok(()) } else { Err("uncommitted bytes are miscounted") }
    }
}
