//! A replicated key-value store: [`quorate::raft`] on [`quorate::driver`], with the Redis protocol to clients.
//!
//! ```sh
//! cargo run --release --example kv -- cluster --nodes 3 --dir /tmp/kv
//! redis-cli -c -p 6301 set greeting hello
//! ```
//!
//! | file | concern |
//! |---|---|
//! | `args.rs` | the command line |
//! | `cluster.rs` | a cluster on one machine: a process for each node, and the file that remembers it |
//! | `node.rs` | one node: store, Raft, application and clients put together |
//! | `client.rs` | one client's connection: requests in, replies out, in order |
//! | `requests.rs` | what each command means |
//! | `resp.rs` | the bytes of requests and replies |
//! | `app.rs` | from a request to its place in the log to its answer |
//! | `command.rs` | what is replicated |
//! | `state.rs` | keys and values |
//!
//! # What it promises
//! - What was acknowledged is never lost, whichever processes are killed whenever, as long as a majority of
//!   the disks survive.
//! - Every request, reads included, goes through the log: together they are linearizable.
//! - An error tells what is known. `MOVED`, `TRYAGAIN` and `CLUSTERDOWN`: nothing was done. `outcome unknown`, and
//!   a connection that breaks: it may have been done, or may yet be. A client that repeats an `INCR` then may
//!   add twice.
//!
//! # What it leaves out
//! The state is in memory, and a node that starts again replays its log from the first entry: there is one
//! durable truth, not two that must agree. So the log grows without end, and so does the time to start.
//! Connections are neither authenticated nor encrypted.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an application around the machines: clocks, threads, locks and sockets live here"
)]

mod app;
mod args;
mod client;
mod cluster;
mod command;
mod node;
mod requests;
mod resp;
mod state;

use std::io::Write;
use std::process::ExitCode;

use args::Invocation;

fn main() -> ExitCode {
    let outcome = match args::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Help) => {
            say(args::USAGE.trim_end());
            Ok(())
        }
        Ok(Invocation::Cluster(args)) => cluster::run(&args),
        Ok(Invocation::Node(args)) => node::run(args),
        Err(error) => Err(format!("{error}\n`kv --help` tells more")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line, whether or not anyone reads it.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
