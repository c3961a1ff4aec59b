//! Money moved between two PostgreSQL databases, by [`quorate::commit`] on [`quorate::driver`].
//!
//! ```sh
//! cargo run --manifest-path examples/transfer/Cargo.toml -- demo
//! ```
//!
//! The README of this folder tells what one sees, what is promised, and what an application owes.
//!
//! | file | concern |
//! |---|---|
//! | `args.rs` | the command line |
//! | `coordinator.rs`, `coordinator/` | the coordinator: transfers in, two-phase commits, answers out |
//! | `bank.rs`, `bank/` | a bank: a participant, and its money in PostgreSQL |
//! | `node.rs` | what both have in common: a node on the std driver |
//! | `part.rs` | what the coordinator sends to a bank |
//! | `words.rs`, `lines.rs` | what clients say, and how it is carried |
//! | `server.rs` | a PostgreSQL server of one's own: found, initialised, started, killed |
//! | `town.rs` | two servers, two banks and a coordinator as processes that can be killed |
//! | `demo.rs` | all of it, shown |

pub mod args;
pub mod bank;
pub mod coordinator;
pub mod demo;
pub mod lines;
pub mod node;
pub mod part;
pub mod server;
pub mod town;
pub mod words;

use std::io::Write;

/// Prints a line, whether or not anyone reads it.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
