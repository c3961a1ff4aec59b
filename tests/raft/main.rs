//! Raft as a specification in scenarios: each test is a story of a small cluster.
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod cluster;
mod election;
mod hostile;
mod large_log;
mod proposals;
mod recovery;
mod replication;
#[cfg(all(feature = "serde", feature = "arbitrary"))]
mod serial;
