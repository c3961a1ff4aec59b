//! The std driver, with a small durable machine, over loopback sockets and real files.
#![cfg(feature = "std")]

mod disk;
mod flow;
mod sockets;
mod tally;
