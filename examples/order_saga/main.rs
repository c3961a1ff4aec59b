//! Orders as sagas: [`quorate::saga`] on [`quorate::driver`], over three services in processes of their own.
//!
//! ```sh
//! cargo run --release --example order_saga -- demo
//! ```
//!
//! | file | concern |
//! |---|---|
//! | `args.rs` | the command line |
//! | `shop.rs` | what is sold to whom, and the saga of an order |
//! | `node.rs` | what all processes have in common |
//! | `orders.rs` | the process that takes orders: the orchestrator, and its clients and operators |
//! | `order_book.rs` | orders taken and ended, durably |
//! | `services.rs` | the process of a service: the guard, and the work behind it |
//! | `books.rs` | a service's own data: effects and keys in one transaction |
//! | `lines.rs` | the protocol of clients: a line asks, lines answer |
//! | `disk.rs`, `random.rs` | a disk that takes its time; random numbers by a seed |
//! | `demo.rs` | all of it started, disturbed, healed and checked |
//! | `processes.rs`, `blows.rs`, `customers.rs`, `operator.rs`, `audit.rs` | what the demo, and the test, do it with |
//!
//! The README in this directory tells the story, and what is promised.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an application around the machines: clocks, threads, locks and sockets live here"
)]

mod args;
mod audit;
mod blows;
mod books;
mod customers;
mod demo;
mod disk;
mod lines;
mod node;
mod operator;
mod order_book;
mod orders;
mod processes;
mod random;
mod services;
mod shop;

use std::io::Write;
use std::process::ExitCode;

use args::Invocation;
use lines::Said;
use shop::Role;

fn main() -> ExitCode {
    let outcome = match args::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Help) => {
            say(args::USAGE.trim_end());
            Ok(())
        }
        Ok(Invocation::Demo(args)) => demo::run(&args),
        Ok(Invocation::Node(args)) if args.role == Role::Orders => orders::run(&args),
        Ok(Invocation::Node(args)) => services::run(&args),
        Ok(Invocation::Ask { port, role, line }) => ask(port, role, &line),
        Err(error) => Err(format!("{error}\n`order_saga --help` tells more")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask(port: u16, role: Role, line: &str) -> Result<(), String> {
    let port = node::client_port(port, role);
    let said = lines::ask(port, line).map_err(|error| {
        format!("{} does not answer at port {port}: {error}; does it run, and is --port right?", role.name())
    })?;
    match said {
        Said::Ok(lines, last) => {
            lines.iter().for_each(|line| say(line));
            say(format!("ok {last}").trim_end());
            Ok(())
        }
        Said::Error(error) => Err(error),
    }
}

/// Prints a line, whether or not anyone reads it.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
