//! What a replica is told at birth and recovery.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::id::NodeId;
use crate::raft;

/// How many proposals Raft must have room for beyond [`Member::max_waiting`]: timers are never turned away.
const SPARE: usize = 16;

/// One replica: its Raft node, and the configuration of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Member<F> {
    /// The Raft node.
    pub raft: raft::Member,
    /// The name of the machine on the group: no replica's.
    pub name: NodeId,
    /// What the machine is told at birth and recovery: the same at every replica.
    pub machine: F,
    /// The most steps of the machine that wait for their commits. Beyond, requests are refused as
    /// [`Busy`](super::Notice::Busy) and messages dropped.
    pub max_waiting: usize,
}

impl<F> Member<F> {
    /// A replica on `raft` of a machine called `name`; up to 1,024 steps wait for their commits.
    #[must_use]
    pub const fn new(raft: raft::Member, name: NodeId, machine: F) -> Self {
        Self { raft, name, machine, max_waiting: 1024 }
    }

    /// Whether the configuration stands.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.raft.config.validate(self.raft.me).map_err(ConfigError::Raft)?;
        if self.raft.config.slot_of(self.name).is_some() {
            return Err(ConfigError::NameOfAReplica(self.name));
        }
        if self.max_waiting == 0 {
            return Err(ConfigError::ZeroLimit("max_waiting"));
        }
        if self.raft.config.max_uncommitted_entries < self.max_waiting.saturating_add(SPARE) {
            return Err(ConfigError::NoRoom { spare: SPARE });
        }
        Ok(())
    }
}

/// What a replica keeps of its configuration beside Raft's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting<F> {
    pub(super) name: NodeId,
    pub(super) machine: F,
    pub(super) max_waiting: usize,
}

/// A group as the nodes outside know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "made by the embedder")]
pub struct Group {
    /// The name of the machine on it.
    pub name: NodeId,
    /// The replicas.
    pub replicas: Arc<Vec<NodeId>>,
}

/// Why a configuration does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// That of Raft.
    Raft(raft::ConfigError),
    /// The name of the machine is a replica's: nobody could tell what is said to whom.
    NameOfAReplica(NodeId),
    /// A limit is 0, so that nothing could ever pass.
    ZeroLimit(&'static str),
    /// Raft's `max_uncommitted_entries` must exceed `max_waiting` by so many.
    NoRoom {
        /// How many.
        spare: usize,
    },
}

impl ConfigError {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Raft(_) => "Raft's configuration",
            Self::NameOfAReplica(_) => "the machine's name is a replica's",
            Self::ZeroLimit(_) => "a limit is 0",
            Self::NoRoom { .. } => "max_uncommitted_entries is too small for max_waiting",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raft(error) => error.fmt(f),
            Self::NameOfAReplica(name) => write!(f, "{name} is the machine's name and a replica's"),
            Self::ZeroLimit(limit) => write!(f, "{limit} is 0: nothing could ever pass"),
            Self::NoRoom { spare } => {
                write!(f, "Raft's max_uncommitted_entries must exceed max_waiting by {spare} or more")
            }
        }
    }
}

impl core::error::Error for ConfigError {}
