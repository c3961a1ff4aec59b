//! Why a node does not start, does not go on, or does not take a request.

use core::fmt;
use std::io;
use std::sync::Arc;

use super::store::StoreError;
use crate::durable::Corrupt;

/// Why a node did not start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The machine does not recover from what the store holds.
    Recover(Corrupt),
    /// The options contradict themselves.
    Options(&'static str),
    /// The operating system refused a thread or a socket.
    Io(Arc<io::Error>),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recover(corrupt) => write!(f, "recovery: {corrupt}"),
            Self::Options(what) => write!(f, "the options do not stand: {what}"),
            Self::Io(error) => write!(f, "starting: {error}"),
        }
    }
}

impl core::error::Error for StartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Recover(corrupt) => Some(corrupt),
            Self::Options(_) => None,
            Self::Io(error) => Some(error.as_ref()),
        }
    }
}

impl From<Corrupt> for StartError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Recover(corrupt)
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// Why a node stopped although nobody asked for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeError {
    /// The disk failed, or what it holds makes no sense. What it holds of the last batch is unknown, so the
    /// node takes itself for crashed: open the store anew and recover, or replace the node.
    Store(StoreError),
    /// A thread panicked: a bug in the machine, in a message's `Serialize`, or here.
    Panicked(&'static str),
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "the store failed: {error}"),
            Self::Panicked(thread) => write!(f, "the {thread} thread panicked"),
        }
    }
}

impl core::error::Error for NodeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Panicked(_) => None,
        }
    }
}

/// Why a request was not taken; it is handed back, and the machine has not seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "callers tell what to try again from what to give up")]
pub enum RequestError<R> {
    /// Too much waits for the machine or for the application: try again later.
    Busy(R),
    /// The node has stopped, or is about to.
    Stopped(R),
}

impl<R> fmt::Display for RequestError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(_) => f.write_str("the node is busy"),
            Self::Stopped(_) => f.write_str("the node has stopped"),
        }
    }
}

impl<R: fmt::Debug> core::error::Error for RequestError<R> {}
