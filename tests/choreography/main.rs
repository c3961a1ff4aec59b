//! Sagas by choreography as a specification in scenarios: each test is a story of participants and their applications.
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod bench;
mod bounds;
mod crashes;
mod hostile;
mod network;
mod over;
mod random;
mod recovery;
mod stories;
mod wishes;
