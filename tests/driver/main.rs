//! The std driver, with a small durable machine, over loopback sockets and real files.
#![cfg(feature = "std")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a driver under test runs on real time and threads"
)]

mod disk;
mod flow;
mod sockets;
mod tally;
