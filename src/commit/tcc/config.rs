//! What a coordinator or service is told at birth and recovery.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::commit::config as inner;
use crate::id::{ClusterId, NodeId};
use crate::time::Delay;

/// One node and the configuration that it shares with the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "made by the embedder")]
pub struct Member {
    /// This node. A process that coordinates and serves runs two machines, each with a name of its own.
    pub me: NodeId,
    /// The configuration; its timing and limits may differ from node to node.
    pub config: Arc<Config>,
}

impl Member {
    /// As the machine of two-phase commit inside is told.
    pub(super) fn inner(&self) -> inner::Member {
        inner::Member { me: self.me, config: Arc::new(self.config.commit.clone()) }
    }
}

/// Who there is, and the limits of a node. See [`Config::new`] for the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Config {
    /// Who there is, and every table's limit. `votes` is how long a coordinator waits for all to have tried,
    /// `readiness` how long a service's application may take to reserve.
    pub commit: inner::Config,
    /// A service tries again what its application failed to confirm or cancel after one to two of these.
    pub retry: Delay,
    /// How often confirming or cancelling may fail, in one life of the service, before it is stuck.
    pub max_attempts: u32,
    /// A service cancels by itself what is neither confirmed nor cancelled after one to two of these. Whoever
    /// declares such a limit declares that a confirmation may come too late, with
    /// [damage](super::coordinator::Notice::Damage) done. By default reservations last.
    pub lapse: Option<Delay>,
}

impl Config {
    /// `members` with the default timing and limits: those of [`commit::Config`](crate::commit::Config), retries
    /// each second, stuck after 16 attempts, reservations that do not lapse.
    #[must_use]
    pub fn new(cluster: ClusterId, members: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            commit: inner::Config::new(cluster, members),
            retry: Delay::between(Duration::from_secs(1), Duration::from_millis(1_500)),
            max_attempts: 16,
            lapse: None,
        }
    }

    /// Whether the configuration stands, for node `me`.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self, me: NodeId) -> Result<(), ConfigError> {
        self.commit.validate(me).map_err(ConfigError::Commit)?;
        if self.max_attempts == 0 {
            return Err(ConfigError::NoAttempts);
        }
        let trying = self.commit.votes.max.max(self.commit.votes.min).saturating_mul(2);
        if self.lapse.is_some_and(|lapse| lapse.min <= trying) {
            return Err(ConfigError::LapsesWhileTrying);
        }
        Ok(())
    }
}

/// Why a configuration does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// What it shares with two-phase commit does not stand.
    Commit(inner::ConfigError),
    /// `max_attempts` is 0: nothing could ever be confirmed.
    NoAttempts,
    /// Reservations could lapse while others of their activity are still tried: `lapse` is not longer than two of
    /// `votes`.
    LapsesWhileTrying,
}

impl ConfigError {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Commit(error) => error.as_str(),
            Self::NoAttempts => "max_attempts is 0",
            Self::LapsesWhileTrying => "lapse is not longer than two of votes",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(error) => error.fmt(f),
            Self::NoAttempts => f.write_str("max_attempts is 0: nothing could ever be confirmed"),
            Self::LapsesWhileTrying => f.write_str(
                "lapse is not longer than two of votes: reservations would lapse while others are tried",
            ),
        }
    }
}

impl core::error::Error for ConfigError {}
