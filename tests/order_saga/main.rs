//! The example `order_saga`: real processes on loopback, killed again and again; and its words.
#![cfg(feature = "std")]
#![allow(missing_docs, unreachable_pub, reason = "a test")]
#![allow(dead_code, reason = "only some of what the example's parts can do is asked of them directly")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "processes, sockets and clocks are what is tested"
)]

#[path = "../../examples/order_saga/args.rs"]
mod args;
#[path = "../../examples/order_saga/audit.rs"]
mod audit;
#[path = "../../examples/order_saga/blows.rs"]
mod blows;
#[path = "../../examples/order_saga/customers.rs"]
mod customers;
#[path = "../../examples/order_saga/disk.rs"]
mod disk;
#[path = "../../examples/order_saga/lines.rs"]
mod lines;
#[path = "../../examples/order_saga/node.rs"]
mod node;
#[path = "../../examples/order_saga/operator.rs"]
mod operator;
#[path = "../../examples/order_saga/processes.rs"]
mod processes;
#[path = "../../examples/order_saga/random.rs"]
mod random;
#[path = "../../examples/order_saga/shop.rs"]
mod shop;

mod kill;
mod network;
#[path = "../programs/mod.rs"]
mod programs;
mod words;

/// What the program prints.
fn say(line: &str) {
    println!("{line}");
}
