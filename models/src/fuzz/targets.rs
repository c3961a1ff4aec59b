//! Our targets by name. Each has a file in `fuzz/fuzz_targets/` and a corpus in `fuzz/corpus/`.

use super::{Outcome, frames, image, ledger, ledger_state};
use crate::{breaker, raft};

/// What a fuzzer runs.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a row of a table")]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(&[u8]) -> Outcome,
}

/// A run of a target.
type Run = fn(&[u8]) -> Outcome;

/// All targets over what this crate knows. (The example's own decoders are under `tests/kv`.)
#[must_use]
pub fn targets() -> Vec<Target> {
    let named: [(&str, Run); _] = [
        ("breaker_data", breaker::fuzz::data),
        ("breaker_state", breaker::fuzz::state),
        ("breaker_step", |bytes| breaker::fuzz::step(bytes).map(|tally| tally.steps)),
        ("breaker_world", breaker::fuzz::world),
        ("frames", frames),
        ("image", image),
        ("ledger", ledger),
        ("ledger_state", ledger_state),
        ("raft_cluster", |bytes| raft::cluster(bytes).map(|walk| walk.steps() as u64)),
        ("raft_data", raft::fuzz::data),
        ("raft_hostile", raft::fuzz::hostile),
        ("raft_message", raft::fuzz::message),
        ("raft_record", raft::fuzz::record),
        ("raft_recovery", |bytes| raft::fuzz::recovery(bytes).map(|tally| tally.steps)),
        ("raft_state", raft::fuzz::state),
        ("raft_step", |bytes| raft::fuzz::step(bytes).map(|tally| tally.steps)),
    ];
    named.into_iter().map(|(name, run)| Target { name, run }).collect()
}
