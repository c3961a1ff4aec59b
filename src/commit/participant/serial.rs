//! A participant's whole state as data. What is read is checked as a whole: a [`Participant`] that exists is right.

use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Config, Fixed, Journal, NodeId, Origin, Participant, Work};

/// The same fields as [`Participant`], in the same order, not yet checked.
#[derive(Deserialize)]
#[serde(rename = "Participant")]
struct Unchecked<W> {
    me: NodeId,
    config: Fixed<Config>,
    identified: bool,
    applied: u64,
    origins: Vec<Origin<W>>,
    live: usize,
    asked: usize,
    in_doubt: usize,
    resolved: usize,
    bytes: usize,
    journal: Journal,
    awaits_readiness: bool,
    awaits_outcome: bool,
}

impl<'de, W: Work + Deserialize<'de>> Deserialize<'de> for Participant<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Unchecked::<W>::deserialize(deserializer)?;
        let Unchecked { me, config, identified, applied, origins, live, asked, in_doubt, .. } = read;
        let Unchecked { resolved, bytes, journal, awaits_readiness, awaits_outcome, .. } = read;
        config.validate(me).map_err(D::Error::custom)?;
        let node = Self {
            me,
            config,
            identified,
            applied,
            origins,
            live,
            asked,
            in_doubt,
            resolved,
            bytes,
            journal,
            awaits_readiness,
            awaits_outcome,
        };
        node.check().map_err(D::Error::custom)?;
        Ok(node)
    }
}
