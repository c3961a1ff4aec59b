//! What a coordinator or participant is told at birth and recovery. Every table has its limit here.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::ids::find_number;
use crate::id::{ClusterId, NodeId};
use crate::time::Delay;

/// One node and the configuration that it shares with the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "made by the embedder")]
pub struct Member {
    /// This node. A process that coordinates and takes part runs two machines, each with a name of its own.
    pub me: NodeId,
    /// The configuration; its timing and limits may differ from node to node.
    pub config: Arc<Config>,
}

/// Who there is, and the limits of a node. See [`Config::new`] for the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Config {
    /// The cluster. Durable state of another one is refused at recovery.
    pub cluster: ClusterId,
    /// All coordinators and participants, ascending, without repetition.
    pub members: Vec<NodeId>,
    /// A coordinator aborts what has not gathered its votes after one to two of these.
    pub votes: Delay,
    /// A participant aborts what its application has not answered after one to two of these.
    pub readiness: Delay,
    /// What is not answered is said again after one to two of these; a participant in doubt asks as often.
    pub resend: Delay,
    /// The most transactions at once: at a coordinator those not forgotten, beyond which it refuses; at a
    /// participant those whose outcome its application has not carried out, beyond which it votes no.
    pub max_transactions: usize,
    /// The most participants of one transaction.
    pub max_participants: usize,
    /// The most bytes of one participant's work.
    pub max_work_bytes: usize,
    /// The most bytes of work in memory; a single transaction always fits.
    pub max_bytes: usize,
    /// The most ended transactions that a participant remembers one by one, for each coordinator. A prepare
    /// that is overtaken by so many later transactions is dropped. Apart from these, the most of which an operator's
    /// decision is remembered: as long as it may turn out to do damage, or has and was not
    /// [forgotten](super::participant::Request::Forget).
    pub max_tombstones: usize,
    /// How many numbers a coordinator reserves with one record.
    pub numbers_reserved: u64,
    /// The journal is shortened once it has as many entries more than four times those needed.
    pub journal_slack: usize,
}

impl Config {
    /// `members` with the default timing and limits: votes within 5 s, readiness within 2 s, resends each
    /// second; 4,096 transactions, 64 participants, 1 MiB of work each, 64 MiB in all, 1,024 tombstones for each
    /// coordinator, 1,024 numbers reserved at once, a slack of 256 entries.
    #[must_use]
    pub fn new(cluster: ClusterId, members: impl IntoIterator<Item = NodeId>) -> Self {
        let mut members: Vec<NodeId> = members.into_iter().collect();
        members.sort_unstable();
        members.dedup();
        Self {
            cluster,
            members,
            votes: Delay::exactly(Duration::from_secs(5)),
            readiness: Delay::exactly(Duration::from_secs(2)),
            resend: Delay::between(Duration::from_secs(1), Duration::from_millis(1_500)),
            max_transactions: 4096,
            max_participants: 64,
            max_work_bytes: 1 << 20,
            max_bytes: 64 << 20,
            max_tombstones: 1024,
            numbers_reserved: 1024,
            journal_slack: 256,
        }
    }

    /// Whether the configuration stands, for node `me`.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self, me: NodeId) -> Result<(), ConfigError> {
        if !self.members.is_sorted_by(|a, b| a < b) {
            return Err(ConfigError::MembersNotSorted);
        }
        if !self.knows(me) {
            return Err(ConfigError::NotAMember(me));
        }
        let limits = [
            (self.max_transactions, "max_transactions"),
            (self.max_participants, "max_participants"),
            (self.max_bytes, "max_bytes"),
            (self.max_tombstones, "max_tombstones"),
            (self.journal_slack, "journal_slack"),
            (usize::from(self.numbers_reserved > 0), "numbers_reserved"),
        ];
        match limits.iter().find(|(limit, _)| *limit == 0) {
            Some((_, name)) => Err(ConfigError::ZeroLimit(name)),
            None => Ok(()),
        }
    }

    /// Whether `node` is a member.
    #[must_use]
    #[inline]
    pub fn knows(&self, node: NodeId) -> bool {
        find_number(&self.members, node.0, |member| member.0).is_ok()
    }
}

/// Why a configuration does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// The members are not ascending, or one stands twice.
    MembersNotSorted,
    /// The node itself is not a member.
    NotAMember(NodeId),
    /// A limit is 0, so that nothing could ever pass.
    ZeroLimit(&'static str),
}

impl ConfigError {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::MembersNotSorted => "the members are not ascending, or one stands twice",
            Self::NotAMember(_) => "this node is not among the members",
            Self::ZeroLimit(_) => "a limit is 0",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAMember(node) => write!(f, "{node} is not among the members"),
            Self::ZeroLimit(limit) => write!(f, "{limit} is 0: nothing could ever pass"),
            other @ Self::MembersNotSorted => f.write_str(other.as_str()),
        }
    }
}

impl core::error::Error for ConfigError {}
