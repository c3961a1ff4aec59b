//! What a Raft node is told at birth and recovery. Every queue, window and cache has its limit here.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::id::{ClusterId, NodeId};
use crate::quorum::{MAX_NODES, majority};
use crate::time::Delay;

/// One node and the configuration that it shares with the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "made by the embedder")]
pub struct Member {
    /// This node.
    pub me: NodeId,
    /// The cluster's configuration; its timing and limits may differ from node to node.
    #[cfg_attr(feature = "serde", serde(with = "super::serial::shared"))]
    pub config: Arc<Config>,
}

/// The configuration of a cluster, and the limits of a node. See [`Config::new`] for the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Config {
    /// The cluster. Durable state of another one is refused at recovery.
    pub cluster: ClusterId,
    /// The voters, ascending, without repetition, 1 to 64 of them.
    pub voters: Vec<NodeId>,
    /// How long a node waits for a leader before it campaigns: well above [`Self::heartbeat`] and a round trip.
    pub election: Delay,
    /// How often a leader is heard of.
    pub heartbeat: Duration,
    /// Ask before campaigning, so that a node that was cut off does not depose a leader (thesis, 9.6).
    pub pre_vote: bool,
    /// A leader that hears of no quorum for an election timeout steps down (thesis, 6.2).
    pub check_quorum: bool,
    /// Tell followers of a new commit index at once, not with the next append or heartbeat.
    pub eager_commit: bool,
    /// The largest command, in bytes.
    pub max_command_bytes: usize,
    /// The largest append message, in bytes of commands; one command is always sent.
    pub max_append_bytes: usize,
    /// The most entries in one append message.
    pub max_append_entries: usize,
    /// The most append messages on their way to one follower.
    pub max_inflight_messages: usize,
    /// The most bytes of commands on their way to one follower; one message is always sent.
    pub max_inflight_bytes: usize,
    /// The most entries that may be uncommitted before a proposal is refused.
    pub max_uncommitted_entries: usize,
    /// The most bytes of commands that may be uncommitted before a proposal is refused; one is always accepted.
    pub max_uncommitted_bytes: usize,
    /// The most entries kept in memory; older ones are read back from disk when needed.
    pub max_cached_entries: usize,
    /// The most bytes of commands kept in memory.
    pub max_cached_bytes: usize,
}

impl Config {
    /// A cluster of `voters` with the default timing and limits: elections after 150 to 300 ms (the paper's),
    /// heartbeats every 50 ms, pre-vote and quorum check on, commands up to 1 MiB, appends up to 1 MiB or 1,024
    /// entries, 256 messages or 16 MiB in flight to each follower, 64 MiB or 65,536 entries uncommitted, as
    /// much cached.
    #[must_use]
    pub fn new(cluster: ClusterId, voters: impl IntoIterator<Item = NodeId>) -> Self {
        let mut voters: Vec<NodeId> = voters.into_iter().collect();
        voters.sort_unstable();
        voters.dedup();
        Self {
            cluster,
            voters,
            election: Delay::between(Duration::from_millis(150), Duration::from_millis(300)),
            heartbeat: Duration::from_millis(50),
            pre_vote: true,
            check_quorum: true,
            eager_commit: true,
            max_command_bytes: 1 << 20,
            max_append_bytes: 1 << 20,
            max_append_entries: 1024,
            max_inflight_messages: 256,
            max_inflight_bytes: 16 << 20,
            max_uncommitted_entries: 1 << 16,
            max_uncommitted_bytes: 64 << 20,
            max_cached_entries: 1 << 16,
            max_cached_bytes: 64 << 20,
        }
    }

    /// Whether the configuration stands, for node `me`.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self, me: NodeId) -> Result<(), ConfigError> {
        if self.voters.is_empty() {
            return Err(ConfigError::NoVoters);
        }
        if self.voters.len() > MAX_NODES {
            return Err(ConfigError::TooManyVoters);
        }
        if !self.voters.is_sorted_by(|a, b| a < b) {
            return Err(ConfigError::VotersNotSorted);
        }
        if self.slot_of(me).is_none() {
            return Err(ConfigError::NotAMember(me));
        }
        let limits = [
            (self.max_command_bytes, "max_command_bytes"),
            (self.max_append_bytes, "max_append_bytes"),
            (self.max_append_entries, "max_append_entries"),
            (self.max_inflight_messages, "max_inflight_messages"),
            (self.max_inflight_bytes, "max_inflight_bytes"),
            (self.max_uncommitted_entries, "max_uncommitted_entries"),
            (self.max_uncommitted_bytes, "max_uncommitted_bytes"),
            (self.max_cached_entries, "max_cached_entries"),
            (self.max_cached_bytes, "max_cached_bytes"),
        ];
        match limits.iter().find(|(limit, _)| *limit == 0) {
            Some((_, name)) => Err(ConfigError::ZeroLimit(name)),
            None => Ok(()),
        }
    }

    /// The dense slot of a voter: its rank among the voters.
    #[must_use]
    pub fn slot_of(&self, node: NodeId) -> Option<usize> {
        self.voters.binary_search(&node).ok()
    }

    /// How many voters make a decision.
    #[must_use]
    pub const fn quorum(&self) -> usize {
        majority(self.voters.len())
    }
}

/// Why a configuration does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no voter.
    NoVoters,
    /// There are more than 64 voters.
    TooManyVoters,
    /// The voters are not ascending, or one stands twice.
    VotersNotSorted,
    /// The node itself is not a voter.
    NotAMember(NodeId),
    /// A limit is 0, so that nothing could ever pass.
    ZeroLimit(&'static str),
}

impl ConfigError {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NoVoters => "there is no voter",
            Self::TooManyVoters => "there are more than 64 voters",
            Self::VotersNotSorted => "the voters are not ascending, or one stands twice",
            Self::NotAMember(_) => "this node is not among the voters",
            Self::ZeroLimit(_) => "a limit is 0",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAMember(node) => write!(f, "{node} is not among the voters"),
            Self::ZeroLimit(limit) => write!(f, "{limit} is 0: nothing could ever pass"),
            other => f.write_str(other.as_str()),
        }
    }
}

impl core::error::Error for ConfigError {}
