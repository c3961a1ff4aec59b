//! What an orchestrator is told at birth and recovery. Every bound is here.

use alloc::vec::Vec;
use core::fmt;

use super::{Definition, DefinitionId, Epoch, Version};
use crate::id::{ClusterId, NodeId};

/// The configuration of an orchestrator. See [`Config::new`] for the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Config {
    /// The cluster. Durable state of another one is refused at recovery.
    pub cluster: ClusterId,
    /// The orchestrator's own name. Whoever takes over its sagas takes over its name.
    pub me: NodeId,
    /// What can run: ascending by name and version, each once.
    pub definitions: Vec<Definition>,
    /// The lowest epoch of the next life. An executor with a store of its own, which cannot tell what epochs
    /// others have begun, is given one here by whoever chose it: the fencing token of a lock, say.
    pub epoch_min: Epoch,
    /// The most sagas at once, ended ones that are not forgotten included.
    pub max_sagas: usize,
    /// The largest input, in bytes.
    pub max_input_bytes: usize,
    /// The most entries in the log; at least twice [`Self::max_sagas`].
    pub max_log_entries: u64,
}

impl Config {
    /// An orchestrator of `definitions`, which runs up to 1,024 sagas at once with inputs up to 64 KiB, in a log of
    /// up to 65,536 entries.
    #[must_use]
    pub fn new(cluster: ClusterId, me: NodeId, definitions: impl IntoIterator<Item = Definition>) -> Self {
        let mut definitions: Vec<Definition> = definitions.into_iter().collect();
        definitions.sort_by_key(name);
        Self {
            cluster,
            me,
            definitions,
            epoch_min: Epoch(1),
            max_sagas: 1024,
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
        if self.max_sagas == 0 {
            return Err(ConfigError::ZeroLimit("max_sagas"));
        }
        let sagas = u64::try_from(self.max_sagas).unwrap_or(u64::MAX);
        if self.max_log_entries < sagas.saturating_mul(2) {
            return Err(ConfigError::LogTooSmall);
        }
        Ok(())
    }

    /// The place of a definition among [`Self::definitions`].
    pub(super) fn find(&self, id: DefinitionId, version: Version) -> Option<usize> {
        self.definitions.binary_search_by_key(&(id, version), name).ok()
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
    /// A limit is 0, so that nothing could ever pass.
    ZeroLimit(&'static str),
    /// The log must hold two entries for each saga.
    LogTooSmall,
}

impl ConfigError {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::DefinitionsNotSorted => "the definitions are not ascending, or one stands twice",
            Self::ZeroLimit(_) => "a limit is 0",
            Self::LogTooSmall => "max_log_entries is less than twice max_sagas",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroLimit(limit) => write!(f, "{limit} is 0: nothing could ever pass"),
            other => f.write_str(other.as_str()),
        }
    }
}

impl core::error::Error for ConfigError {}
