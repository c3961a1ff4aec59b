//! Our targets by name. Each has a file in `fuzz/fuzz_targets/` and a corpus in `fuzz/corpus/`.

use super::{Outcome, frames, image, ledger, ledger_state};
#[cfg(feature = "breaker")]
use crate::breaker;
#[cfg(feature = "choreography")]
use crate::choreography;
#[cfg(feature = "commit")]
use crate::commit;
#[cfg(feature = "paxos-commit")]
use crate::paxos_commit;
#[cfg(feature = "raft")]
use crate::raft;
#[cfg(feature = "saga")]
use crate::saga;
#[cfg(feature = "tcc")]
use crate::tcc;

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
    let all = named.into_iter().chain(of_transactions());
    all.map(|(name, run)| Target { name, run }).collect()
}

/// Those over transactions and sagas.
fn of_transactions() -> Vec<(&'static str, Run)> {
    vec![
        #[cfg(feature = "saga")]
        ("choreography_data", saga::fuzz::choreography::data),
        #[cfg(feature = "saga")]
        ("choreography_recovery", |bytes| saga::fuzz::choreography::recovery(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "saga")]
        ("choreography_state", saga::fuzz::choreography::state),
        #[cfg(feature = "saga")]
        ("choreography_step", |bytes| saga::fuzz::choreography::step(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "choreography")]
        ("choreography_world", choreography::fuzz::world),
        #[cfg(feature = "commit")]
        ("commit_data", commit::fuzz::data),
        #[cfg(feature = "commit")]
        ("commit_recovery", |bytes| commit::fuzz::recovery(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "commit")]
        ("commit_state", commit::fuzz::state),
        #[cfg(feature = "commit")]
        ("commit_step", |bytes| commit::fuzz::step(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "commit")]
        ("commit_world", commit::fuzz::world),
        #[cfg(feature = "commit")]
        ("paxos_data", commit::fuzz::paxos::data),
        #[cfg(feature = "commit")]
        ("paxos_recovery", |bytes| commit::fuzz::paxos::recovery(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "commit")]
        ("paxos_state", commit::fuzz::paxos::state),
        #[cfg(feature = "commit")]
        ("paxos_step", |bytes| commit::fuzz::paxos::step(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "paxos-commit")]
        ("paxos_world", paxos_commit::fuzz::world),
        #[cfg(feature = "saga")]
        ("saga_data", saga::fuzz::data),
        #[cfg(feature = "saga")]
        ("saga_recovery", |bytes| saga::fuzz::recovery(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "saga")]
        ("saga_state", saga::fuzz::state),
        #[cfg(feature = "saga")]
        ("saga_step", |bytes| saga::fuzz::step(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "saga")]
        ("saga_world", saga::fuzz::world),
        #[cfg(feature = "tcc")]
        ("tcc_data", tcc::fuzz::data),
        #[cfg(feature = "tcc")]
        ("tcc_recovery", |bytes| tcc::fuzz::recovery(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "tcc")]
        ("tcc_state", tcc::fuzz::state),
        #[cfg(feature = "tcc")]
        ("tcc_step", |bytes| tcc::fuzz::step(bytes).map(|tally| tally.steps)),
        #[cfg(feature = "tcc")]
        ("tcc_world", tcc::fuzz::world),
    ]
}
