//! One bank's part of a transfer: what the coordinator sends it, and what it keeps until it is decided.

use quorate::commit::Work;
use serde::{Deserialize, Serialize};

/// The most accounts that one part changes.
pub const CHANGES_MAX: usize = 8;

/// What one bank is to do, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a message: both sides know all of it")]
pub struct Part {
    /// The transfer, as its client named it.
    pub transfer: String,
    /// The accounts that change.
    pub changes: Vec<Change>,
}

/// One account that changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a message: both sides know all of it")]
pub struct Change {
    /// The account.
    pub account: String,
    /// What is added to its balance; below 0 it pays.
    pub amount: i64,
}

impl Work for Part {
    fn size_bytes(&self) -> usize {
        let changes = self.changes.iter().map(|change| change.account.len().saturating_add(8));
        changes.fold(self.transfer.len(), usize::saturating_add)
    }
}
