//! The stack among the protocols: so far in long runs alone.

use crate::check::Protocol;

/// The stack. Its worlds do not end yet, even with one participant, so there is none: runs by a seed check it.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "commit-on-raft",
        source: "Gray and Lamport, Consensus on Transaction Commit, 2006, section 1; Corbett et al., Spanner, 2012, 4.2.1",
        checks: Vec::new(),
        simulation: Some(super::simulation()),
    }
}
