//! `cargo verify`: checks the protocols of quorate.

use std::process::ExitCode;

use quorate_models::cli::{self, Registry};

fn main() -> ExitCode {
    cli::main(&Registry::new(
        "cargo verify",
        vec![
            quorate_models::raft::protocol(),
            quorate_models::commit::protocol(),
            quorate_models::commit_on_raft::protocol(),
            quorate_models::tcc::protocol(),
            quorate_models::three_phase::protocol(),
            quorate_models::saga::protocol(),
            quorate_models::breaker::protocol(),
        ],
    ))
}
