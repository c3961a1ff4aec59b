//! Machines on a Raft group, as a specification in scenarios.
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod bench;
mod lives;
mod random;
mod stories;
