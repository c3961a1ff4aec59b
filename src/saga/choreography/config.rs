//! What a participant is told at birth and recovery. Every bound is here.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::id::{ClusterId, NodeId};
use crate::saga::{Definition, DefinitionId, Version};
use crate::time::Delay;

/// The configuration of a participant. See [`Config::new`] for the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Config {
    /// The cluster. Durable state of another one is refused at recovery.
    pub cluster: ClusterId,
    /// The participant's own name.
    pub me: NodeId,
    /// All participants, ascending, this one included: who may begin sagas, and who may have steps of them.
    pub nodes: Vec<NodeId>,
    /// What can run: ascending by name and version, each once.
    pub definitions: Vec<Definition>,
    /// How long to wait before an event that was not acknowledged is published again.
    pub republish: Delay,
    /// The most sagas **of one initiator** that are kept at once, counted from its oldest that is not over. The same
    /// at all participants: then what one may begin, all others can take.
    pub max_sagas: usize,
    /// The largest input, in bytes. The same at all participants.
    pub max_input_bytes: usize,
    /// The most entries in the log; at least twice [`Self::max_sagas`] for each of [`Self::nodes`].
    pub max_log_entries: u64,
}

impl Config {
    /// A participant of `definitions` among `nodes`, which keeps up to 256 sagas of each of them, with inputs up to
    /// 64 KiB, in a log of up to 65,536 entries, and publishes again after 0.5 to 1 s.
    #[must_use]
    pub fn new(
        cluster: ClusterId,
        me: NodeId,
        nodes: impl IntoIterator<Item = NodeId>,
        definitions: impl IntoIterator<Item = Definition>,
    ) -> Self {
        let mut definitions: Vec<Definition> = definitions.into_iter().collect();
        definitions.sort_by_key(name);
        let mut nodes: Vec<NodeId> = nodes.into_iter().collect();
        nodes.sort_unstable();
        Self {
            cluster,
            me,
            nodes,
            definitions,
            republish: Delay::between(Duration::from_millis(500), Duration::from_secs(1)),
            max_sagas: 256,
            max_input_bytes: 1 << 16,
            max_log_entries: 1 << 16,
        }
    }

    /// Whether the configuration stands.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !self.definitions.is_sorted_by(|a, b| name(a) < name(b)) {
            return Err(ConfigError::DefinitionsNotSorted);
        }
        if !self.nodes.is_sorted_by(|a, b| a < b) {
            return Err(ConfigError::NodesNotSorted);
        }
        let mut services = self.definitions.iter().flat_map(Definition::steps).map(|step| step.service);
        if let Some(missing) = services.find(|service| !self.knows(*service)) {
            return Err(ConfigError::NotAParticipant(missing));
        }
        if !self.knows(self.me) {
            return Err(ConfigError::NotAParticipant(self.me));
        }
        if self.max_sagas == 0 {
            return Err(ConfigError::ZeroLimit("max_sagas"));
        }
        let sagas = u64::try_from(self.max_sagas.saturating_mul(self.nodes.len())).unwrap_or(u64::MAX);
        if self.max_log_entries < sagas.saturating_mul(2) {
            return Err(ConfigError::LogTooSmall);
        }
        Ok(())
    }

    /// Whether `node` is a participant.
    pub(super) fn knows(&self, node: NodeId) -> bool {
        self.nodes.binary_search(&node).is_ok()
    }

    /// The place of a definition among [`Self::definitions`].
    pub(super) fn find(&self, id: DefinitionId, version: Version) -> Option<usize> {
        self.definitions.binary_search_by_key(&(id, version), name).ok()
    }

    /// The same, if the definition has that shape.
    pub(super) fn find_in_shape(&self, id: DefinitionId, version: Version, shape: u64) -> Option<usize> {
        let place = self.find(id, version)?;
        self.definitions.get(place).filter(|plan| plan.shape() == shape).map(|_| place)
    }
}

const fn name(definition: &Definition) -> (DefinitionId, Version) {
    (definition.id(), definition.version())
}

/// Why a configuration does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// The definitions are not ascending, or one stands twice under its name and version.
    DefinitionsNotSorted,
    /// The participants are not ascending, or one stands twice.
    NodesNotSorted,
    /// This node, or one that has a step, is not among the participants.
    NotAParticipant(NodeId),
    /// A limit is 0, so that nothing could ever pass.
    ZeroLimit(&'static str),
    /// The log must hold two entries for each saga.
    LogTooSmall,
}

impl ConfigError {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::DefinitionsNotSorted => "the definitions are not ascending, or one stands twice",
            Self::NodesNotSorted => "the participants are not ascending, or one stands twice",
            Self::NotAParticipant(_) => "this node, or one that has a step, is not among the participants",
            Self::ZeroLimit(_) => "a limit is 0",
            Self::LogTooSmall => "max_log_entries is less than twice max_sagas for each participant",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAParticipant(node) => {
                write!(f, "{node} is not among the participants: add it to `nodes`")
            }
            Self::ZeroLimit(limit) => write!(f, "{limit} is 0: nothing could ever pass"),
            other => f.write_str(other.as_str()),
        }
    }
}

impl core::error::Error for ConfigError {}
