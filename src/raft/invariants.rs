//! What must hold of one node at any time, as far as the node itself can see.

use super::{Command, Index, Raft, Role};

impl<C: Command> Raft<C> {
    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        self.log.check()?;
        let last = self.last();
        if last.term > self.term {
            return Err("an entry is of a later term than the node");
        }
        if self.noticed > self.commit || self.commit > last.index {
            return Err("told, committed and last index are out of order");
        }
        match &self.role {
            Role::Candidate { .. } if self.vote != Some(self.me) => {
                Err("a candidate did not vote for itself")
            }
            Role::Leader(leader) => {
                if last.term != self.term {
                    return Err("a leader has no entry of its own term");
                }
                let in_order = |matched: Index, next: Index| {
                    matched < next && matched <= last.index && next.0 <= last.index.0.saturating_add(1)
                };
                if !leader.progress.iter().all(|progress| in_order(progress.matched, progress.next)) {
                    return Err("a peer's progress is out of order");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
