//! Try, confirm, cancel as a specification in scenarios: each test is a story of a few nodes.
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod application;
mod bench;
mod bounds;
mod deciding;
mod failing;
#[path = "../commit/host.rs"]
mod host;
mod hostile;
mod lapsing;
mod random;
mod recovery;
mod traps;
