//! Real processes and real databases, killed again and again under load: money is conserved and every answer true.
#![allow(missing_docs, unreachable_pub, reason = "a test")]

mod check;
mod load;
mod random;
mod stories;
mod storm;

use std::path::Path;

use quorate_transfer::server::Installation;
use quorate_transfer::town::Town;

/// A new town; nothing, with the reason printed, where PostgreSQL is missing.
fn town() -> Option<Town> {
    match Installation::find() {
        Ok(installation) => {
            let program = Path::new(env!("CARGO_BIN_EXE_transfer"));
            Some(Town::start(&installation, program).unwrap_or_else(|error| panic!("{error}")))
        }
        Err(reason) => {
            println!("skipped: {reason}");
            None
        }
    }
}
