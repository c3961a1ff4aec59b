//! What a driver needs of a disk.

use core::fmt;
use core::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use crate::durable::{Corrupt, Misfit, Record, Stored};
use crate::id::{ClusterId, LogId, NodeId};
use crate::wire::{DecodeError, EncodeError};

/// Durable cells and logs: what recovery reads, and where records go.
///
/// One thread owns it. Nobody else may write what it stores meanwhile; an implementation refuses to open
/// what is open already.
pub trait Store<V, E>: Stored<V, E> + Send {
    /// Makes `records` durable, in order, and returns only once all of them are: the driver gathers what
    /// accumulated while the last call ran, so that one sync serves many steps.
    ///
    /// # Errors
    /// [`StoreError`]. What the disk then holds of `records` is unknown: any prefix of them may be durable.
    /// The driver stops and never calls again; an implementation refuses every later call all the same,
    /// since a sync that is repeated after a failure may succeed without having written anything.
    fn write(&mut self, records: &[Record<V, E>]) -> Result<(), StoreError>;

    /// Appends the consecutive entries of `log` from the start of `range` on to `entries`: those that are
    /// there, at least one if there is any, and no more than fit into `max_bytes` of encoded form.
    ///
    /// # Errors
    /// [`StoreError`].
    fn load(
        &self,
        log: LogId,
        range: RangeInclusive<u64>,
        max_bytes: usize,
        entries: &mut Vec<E>,
    ) -> Result<(), StoreError>;
}

/// Why a store could not be opened, read or written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or this one, has it open.
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else, or too damaged to be told from it.
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// Another version of the format wrote it: a newer release, most likely.
    UnknownFormat {
        /// The version found.
        found: u64,
    },
    /// It belongs to another node or cluster: is this the right directory?
    Foreign {
        /// The cluster it belongs to.
        cluster: ClusterId,
        /// The node it belongs to.
        node: NodeId,
    },
    /// A record does not fit what is there. Nothing of its batch was written.
    Misfit {
        /// The log.
        log: LogId,
        /// Why.
        misfit: Misfit,
    },
    /// An entry is missing between the first and the last one of its log.
    Gap {
        /// The log.
        log: LogId,
        /// The index that should be there.
        expected: u64,
        /// The index that was found in its place; `None` if none follows.
        found: Option<u64>,
    },
    /// A cell or entry could not be encoded. Nothing of its batch was written.
    Encode(EncodeError),
    /// A cell or entry is damaged, or of a format that is not known.
    Decode(DecodeError),
    /// The disk, or the database on it, failed.
    Io {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        cause: Arc<dyn core::error::Error + Send + Sync>,
    },
    /// A write failed before: what the disk holds is unknown, and only recovery can tell.
    Stopped,
    /// A test asked for it.
    Injected,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path } => write!(f, "{} is open in another process", path.display()),
            Self::NotAStore { path } => write!(f, "{} is not a store of this crate", path.display()),
            Self::UnknownFormat { found } => {
                write!(f, "the store has format {found}, which this release does not know")
            }
            Self::Foreign { cluster, node } => {
                write!(f, "the store belongs to {node} of {cluster}: is this the right directory?")
            }
            Self::Misfit { log, misfit } => write!(f, "a record does not fit {log}: {misfit}"),
            Self::Gap { log, expected, found: Some(found) } => {
                write!(f, "{log} has a gap: index {expected} should follow, {found} was found")
            }
            Self::Gap { log, expected, found: None } => write!(f, "{log} ends before index {expected}"),
            Self::Encode(error) => write!(f, "a record could not be encoded: {error}"),
            Self::Decode(error) => write!(f, "a stored value could not be read: {error}"),
            Self::Io { doing, cause } => write!(f, "{doing}: {cause}"),
            Self::Stopped => f.write_str("a write failed before; the store must be opened anew"),
            Self::Injected => f.write_str("a failure that a test asked for"),
        }
    }
}

impl core::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Misfit { misfit, .. } => Some(misfit),
            Self::Encode(error) => Some(error),
            Self::Decode(error) => Some(error),
            Self::Io { cause, .. } => Some(cause.as_ref()),
            _ => None,
        }
    }
}

impl From<EncodeError> for StoreError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<DecodeError> for StoreError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<StoreError> for Corrupt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Gap { log, expected, found: Some(found) } => Self::Gap { log, expected, found },
            StoreError::Gap { found: None, .. } => {
                Self::Inconsistent("a log ends before its recorded length")
            }
            StoreError::Foreign { cluster, node } => Self::Foreign { found: (cluster, node) },
            _ => Self::Unreadable,
        }
    }
}
