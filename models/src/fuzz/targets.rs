//! Our targets by name. Each has a file in `fuzz/fuzz_targets/` and a corpus in `fuzz/corpus/`.

use super::{Outcome, frames, image, ledger, ledger_state};
#[cfg(feature = "breaker")]
use crate::breaker;
#[cfg(feature = "raft")]
use crate::raft;

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
        #[cfg(feature = "breaker")]
        ("breaker_data", breaker::fuzz::data),
        #[cfg(feature = "breaker")]
        ("breaker_state", breaker::fuzz::state),
        #[cfg(feature = "breaker")]
        ("breaker_step", |bytes| breaker::fuzz::step(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "breaker")]
        ("breaker_world", breaker::fuzz::world),
        ("frames", frames),
        ("image", image),
        ("ledger", ledger),
        ("ledger_state", ledger_state),
        #[cfg(feature = "raft")]
        ("raft_cluster", |bytes| raft::cluster(bytes).map(|walk| walk.steps() as u64)),
        #[cfg(feature = "raft")]
        ("raft_data", raft::fuzz::data),
        #[cfg(feature = "raft")]
        ("raft_hostile", raft::fuzz::hostile),
        #[cfg(feature = "raft")]
        ("raft_message", raft::fuzz::message),
        #[cfg(feature = "raft")]
        ("raft_record", raft::fuzz::record),
        #[cfg(feature = "raft")]
        ("raft_recovery", |bytes| raft::fuzz::recovery(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "raft")]
        ("raft_state", raft::fuzz::state),
        #[cfg(feature = "raft")]
        ("raft_step", |bytes| raft::fuzz::step(bytes).map(|tally| tally.steps)),
    ];
    named.into_iter().map(|(name, run)| Target { name, run }).collect()
}
