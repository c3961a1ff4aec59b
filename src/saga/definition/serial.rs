//! A definition as data. What is read is checked as a whole: a [`Definition`] that exists is right.

use alloc::vec::Vec;
use core::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Definition, DefinitionId, Outline, Step, Version};

/// What a [`Definition`] is made of; the rest follows from it.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Definition")]
struct Parts<S> {
    id: DefinitionId,
    version: Version,
    deadline: Option<Duration>,
    steps: S,
}

impl Serialize for Definition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, version, deadline, steps, .. } = self;
        Parts { id: *id, version: *version, deadline: *deadline, steps }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Definition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts { id, version, deadline, steps } = Parts::<Vec<Step>>::deserialize(deserializer)?;
        let read = Self::new(id, version, Outline { steps }).map_err(D::Error::custom)?;
        Ok(Self { deadline, ..read })
    }
}
