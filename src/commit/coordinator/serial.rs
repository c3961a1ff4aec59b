//! A coordinator's whole state as data. What is read is checked as a whole: a [`Coordinator`] that exists is right.

use alloc::collections::VecDeque;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Config, Coordinator, Fixed, Journal, NodeId, Transaction, Work};

/// The same fields as [`Coordinator`], in the same order, not yet checked.
#[derive(Deserialize)]
#[serde(rename = "Coordinator")]
struct Unchecked<W> {
    me: NodeId,
    config: Fixed<Config>,
    identified: bool,
    next: u64,
    reserved: u64,
    transactions: VecDeque<Transaction<W>>,
    bytes: usize,
    journal: Journal,
}

impl<'de, W: Work + Deserialize<'de>> Deserialize<'de> for Coordinator<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Unchecked::<W>::deserialize(deserializer)?;
        let Unchecked { me, config, identified, next, reserved, transactions, bytes, journal } = read;
        config.validate(me).map_err(D::Error::custom)?;
        let node = Self { me, config, identified, next, reserved, transactions, bytes, journal };
        node.check().map_err(D::Error::custom)?;
        Ok(node)
    }
}
