//! `cargo verify`: checks the protocols of quorate.

use std::process::ExitCode;

use quorate_models::cli::{self, Registry};

fn main() -> ExitCode {
    cli::main(&Registry::new(
        "cargo verify",
        Vec::from([
            #[cfg(feature = "raft")]
            quorate_models::raft::protocol(),
            #[cfg(feature = "commit")]
            quorate_models::commit::protocol(),
            #[cfg(feature = "commit-on-raft")]
            quorate_models::commit_on_raft::protocol(),
            #[cfg(feature = "paxos-commit")]
            quorate_models::paxos_commit::protocol(),
            #[cfg(feature = "tcc")]
            quorate_models::tcc::protocol(),
            #[cfg(feature = "three-phase")]
            quorate_models::three_phase::protocol(),
            #[cfg(feature = "saga")]
            quorate_models::saga::protocol(),
            #[cfg(feature = "choreography")]
            quorate_models::choreography::protocol(),
            #[cfg(feature = "breaker")]
            quorate_models::breaker::protocol(),
        ]),
    ))
}
