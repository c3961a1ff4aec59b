//! A resource manager's whole state as data. What is read is checked as a whole: a [`ResourceManager`] that exists is right.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Config, Fixed, Participant, ResourceManager, Role, Work};

/// The same fields as [`ResourceManager`], in the same order. The participant inside has checked itself.
#[derive(Deserialize)]
#[serde(rename = "ResourceManager", bound(deserialize = "W: Work + Deserialize<'de>"))]
struct Unchecked<W> {
    config: Fixed<Config>,
    participant: Participant<W>,
}

impl<'de, W: Work + Deserialize<'de>> Deserialize<'de> for ResourceManager<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { config, participant } = Unchecked::<W>::deserialize(deserializer)?;
        config.validate(participant.id(), Role::ResourceManager).map_err(D::Error::custom)?;
        let node = Self { config, participant };
        node.check().map_err(D::Error::custom)?;
        Ok(node)
    }
}
