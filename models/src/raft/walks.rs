//! Worlds for random walks: far past the bounds of the exhaustive ones, and with everything switched on and off.

use super::RaftSpec;
use crate::walk::Walk;
use crate::world::{Limits, Rules};

/// The highest term of a walk.
const TERMS: u64 = 20;

/// What a walk's cluster is like. Which bugs a run can meet depends on it, so every run draws another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record of switches")]
pub struct Swarm {
    /// How many nodes.
    pub nodes: u64,
    /// Ask before campaigning.
    pub pre_vote: bool,
    /// Leaders that hear of no quorum step down.
    pub check_quorum: bool,
    /// Followers hear of a commit at once.
    pub eager_commit: bool,
    /// One entry fits the cache, so that the others are read back.
    pub small_cache: bool,
    /// One entry fits an append.
    pub small_appends: bool,
    /// One append is on its way to a peer.
    pub small_window: bool,
}

impl Swarm {
    /// The switches as the bits of one byte, for `nodes` nodes.
    #[must_use]
    pub fn of(nodes: u64, switches: u8) -> Self {
        let on = |bit: u8| switches >> bit & 1 == 1;
        Self {
            nodes,
            pre_vote: on(0),
            check_quorum: on(1),
            eager_commit: on(2),
            small_cache: on(3),
            small_appends: on(4),
            small_window: on(5),
        }
    }

    /// The protocol so switched.
    #[must_use]
    pub fn spec(&self) -> RaftSpec {
        RaftSpec::new(self.nodes, TERMS).configured(|config| {
            config.pre_vote = self.pre_vote;
            config.check_quorum = self.check_quorum;
            config.eager_commit = self.eager_commit;
            config.max_cached_entries = if self.small_cache { 1 } else { 64 };
            config.max_append_entries = if self.small_appends { 1 } else { 3 };
            config.max_inflight_messages = if self.small_window { 1 } else { 4 };
        })
    }

    /// How much may go wrong.
    #[must_use]
    pub const fn limits() -> Limits {
        Limits {
            in_flight: Some(30),
            duplicates: Some(10),
            requests: Some(20),
            crashes: Some(10),
            ticks: Some(0),
            drift: None,
        }
    }

    /// The rules of such a walk.
    #[must_use]
    pub fn rules(&self) -> Rules<RaftSpec> {
        Rules::new(self.spec(), Self::limits()).without_symmetry()
    }
}

/// Walks a cluster of three: the first byte switches, each two of the others pick an action.
///
/// # Errors
/// The property that fell, with a short trace.
pub fn cluster(bytes: &[u8]) -> Result<Walk<RaftSpec>, String> {
    let (switches, bytes) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let rules = Swarm::of(3, switches).rules();
    let walk = crate::walk::walk(&rules, bytes);
    match walk.report(&rules) {
        Some(report) => Err(report),
        None => Ok(walk),
    }
}
