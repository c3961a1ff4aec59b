//! What must hold of one service at any time, as far as it can see itself.

use super::recovery::INDEX_MAX;
use super::{Service, Stage};
use crate::saga::{Action, Data};

impl<D: Data> Service<D> {
    /// Checks the service's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.first == 0 || self.first > self.next || self.next > INDEX_MAX.saturating_add(1) {
            return Err("the log's indices are out of range");
        }
        if !self.identified && (!self.owners.is_empty() || self.first < self.next) {
            return Err("something is durable, and not under a name");
        }
        // A disk may hold more than a configuration of today allows; and a crash may come when what is needed at the head
        // was written once more, behind the entry that made the log too long, and the head was not dropped yet.
        let limited = self.keys.len() <= self.config.max_keys;
        let copied = self.keys.len() as u64 + 1;
        if limited && self.log_entries() > self.config.max_log_entries.saturating_add(copied) {
            return Err("the log is longer than its limit");
        }
        self.keys.iter().try_for_each(|(key, known)| {
            if self.owners.get(&key.owner).is_none_or(|owner| key.saga < owner.floor) {
                return Err("a key is kept that its orchestrator has forgotten");
            }
            if !(self.first..self.next).contains(&known.at) {
                return Err("a key cannot be told from the log");
            }
            match (known.awaited.map(|awaited| awaited.action), known.stage) {
                (None, _)
                | (Some(Action::Do | Action::Probe), Stage::Doing)
                | (Some(Action::Undo), Stage::Undoing) => Ok(()),
                _ => Err("the application is at work on what it was not asked"),
            }
        })
    }
}
