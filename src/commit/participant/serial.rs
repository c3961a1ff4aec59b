//! A participant's whole state as data. What is read is checked as a whole: a [`Participant`] that exists is right.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Config, Fixed, Journal, NodeId, Participant, Table, Work};

/// The same fields as [`Participant`], in the same order, not yet checked.
#[derive(Deserialize)]
#[serde(rename = "Participant")]
struct Unchecked<W> {
    me: NodeId,
    config: Fixed<Config>,
    identified: bool,
    applied: u64,
    table: Table<W>,
    journal: Journal,
    awaits_readiness: bool,
    awaits_outcome: bool,
}

impl<'de, W: Work + Deserialize<'de>> Deserialize<'de> for Participant<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Unchecked::<W>::deserialize(deserializer)?;
        let Unchecked { me, config, identified, applied, table, journal, awaits_readiness, awaits_outcome } =
            read;
        config.validate(me).map_err(D::Error::custom)?;
        let node = Self { me, config, identified, applied, table, journal, awaits_readiness, awaits_outcome };
        node.check().map_err(D::Error::custom)?;
        Ok(node)
    }
}
