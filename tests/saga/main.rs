//! Sagas as a specification in scenarios: each test is a story of an orchestrator and its services.
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod bench;
mod bounds;
mod crashes;
mod definition;
mod doubt;
mod executors;
mod guard;
mod hostile;
mod random;
mod recovery;
mod requests;
mod service;
mod stories;
