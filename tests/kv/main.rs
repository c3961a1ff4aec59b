//! The example `kv`: real processes on loopback, killed again and again under load; and its parts.
#![cfg(feature = "std")]
#![allow(missing_docs, unreachable_pub, reason = "a test")]
#![allow(dead_code, reason = "only some of what the example's parts can do is asked of them directly")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "processes, sockets and clocks are what is tested"
)]

#[path = "../../examples/kv/app.rs"]
mod app;
#[path = "../../examples/kv/args.rs"]
mod args;
#[path = "../../examples/kv/command.rs"]
mod command;
#[path = "../../examples/kv/requests.rs"]
mod requests;
#[path = "../../examples/kv/resp.rs"]
mod resp;
#[path = "../../examples/kv/state.rs"]
mod state;

mod bytes;
mod client;
mod kill;
mod load;
mod outcomes;
mod parsing;
mod processes;
#[path = "../programs/mod.rs"]
mod programs;
mod protocol;
mod starting;
