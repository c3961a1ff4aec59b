//! What the cluster replicates: commands, as versioned bytes.

use std::fmt;
use std::sync::Arc;

use quorate::raft::Command;
use quorate::wire::{self, DecodeError, EncodeError};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest command in bytes: what a request can hold, and no more than a Raft entry takes.
pub(crate) const COMMAND_BYTES_MAX: usize = 1 << 20;

/// What a client wants done. Every replica does it, in the order of the log.
///
/// Variants are only ever added at the end: their order is in the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Op {
    /// Read a value. It goes through the log like a write, so it sees every write that was acknowledged.
    Get { key: Vec<u8> },
    /// Write a value.
    Set { key: Vec<u8>, value: Vec<u8> },
    /// Remove keys, and count those that were there.
    Del { keys: Vec<Vec<u8>> },
    /// Add one to a decimal number; what is absent counts as 0.
    Incr { key: Vec<u8> },
}

impl Op {
    /// The key that decides where a request belongs: the first one.
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Get { key } | Self::Set { key, .. } | Self::Incr { key } => key,
            Self::Del { keys } => keys.first().map_or(&[], Vec::as_slice),
        }
    }

    /// The bytes that are replicated.
    pub(crate) fn encode(self) -> Result<Bytes, EncodeError> {
        let mut bytes = Vec::new();
        wire::encode(&Versioned::V1(self), COMMAND_BYTES_MAX, &mut bytes)?;
        Ok(Bytes(bytes.into()))
    }

    /// The command whose bytes these are.
    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        let Versioned::V1(op) = wire::decode(&bytes.0)?;
        Ok(op)
    }
}

/// The version of this application's commands; that of the encoding itself is a byte before it.
#[derive(Serialize, Deserialize)]
enum Versioned {
    V1(Op),
}

/// An encoded command: opaque to Raft, and cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Arc<[u8]>);

impl Command for Bytes {
    fn size_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;

        impl Visitor<'_> for Whole {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.into()))
            }
        }

        deserializer.deserialize_bytes(Whole)
    }
}
