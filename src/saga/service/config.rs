//! What a service is told at birth and recovery. Every bound is here.

use core::fmt;

use crate::id::{ClusterId, NodeId};

/// The configuration of a service. See [`Config::new`] for the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Config {
    /// The cluster. Durable state of another one is refused at recovery.
    pub cluster: ClusterId,
    /// The service's own name.
    pub me: NodeId,
    /// The most orchestrators. A call of one more is answered [`Later`](crate::saga::Outcome::Later).
    pub max_owners: usize,
    /// The most keys at once, those that are over and not forgotten included. A call for one more is answered
    /// [`Later`](crate::saga::Outcome::Later).
    pub max_keys: usize,
    /// The largest input, in bytes. What is larger is refused for good.
    pub max_input_bytes: usize,
    /// The most entries in the log; at least twice [`Self::max_keys`].
    pub max_log_entries: u64,
}

impl Config {
    /// A service of up to 64 orchestrators and 65,536 keys, with inputs up to 64 KiB, in a log of up to 262,144
    /// entries.
    #[must_use]
    pub const fn new(cluster: ClusterId, me: NodeId) -> Self {
        Self {
            cluster,
            me,
            max_owners: 64,
            max_keys: 1 << 16,
            max_input_bytes: 1 << 16,
            max_log_entries: 1 << 18,
        }
    }

    /// Whether the configuration stands.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.max_owners == 0 {
            return Err(ConfigError::ZeroLimit("max_owners"));
        }
        if self.max_keys == 0 {
            return Err(ConfigError::ZeroLimit("max_keys"));
        }
        let keys = u64::try_from(self.max_keys).unwrap_or(u64::MAX);
        if self.max_log_entries < keys.saturating_mul(2) {
            return Err(ConfigError::LogTooSmall);
        }
        Ok(())
    }
}

/// Why a configuration does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// A limit is 0, so that nothing could ever pass.
    ZeroLimit(&'static str),
    /// The log must hold two entries for each key.
    LogTooSmall,
}

impl ConfigError {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ZeroLimit(_) => "a limit is 0",
            Self::LogTooSmall => "max_log_entries is less than twice max_keys",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroLimit(limit) => write!(f, "{limit} is 0: nothing could ever pass"),
            other @ Self::LogTooSmall => f.write_str(other.as_str()),
        }
    }
}

impl core::error::Error for ConfigError {}
