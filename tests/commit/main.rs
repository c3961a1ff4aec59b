//! Two-phase commit as a specification in scenarios: each test is a story of a few nodes.
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod bench;
mod bounds;
mod corrupt;
mod deciding;
mod duplicates;
mod host;
mod hostile;
mod in_doubt;
mod operator;
mod presumed_commit;
mod presumed_nothing;
mod random;
mod recovery;
