//! Paxos Commit as a specification in scenarios: each test is a story of a few nodes.
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod bench;
mod bounds;
mod costs;
mod deciding;
mod forgetting;
mod hostile;
mod random;
mod recovery;
mod taking_over;
