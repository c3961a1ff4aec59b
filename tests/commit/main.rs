//! Two-phase commit as a specification in scenarios: each test is a story of a few nodes.
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod bench;
mod bounds;
mod deciding;
mod duplicates;
mod hostile;
mod in_doubt;
mod operator;
mod presumed_commit;
mod random;
mod recovery;
