//! A leader's whole state as data. What is read is checked as a whole: a [`Leader`] that exists is right.

use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Armed, Config, Fixed, Leader, NodeId, Role, Transaction, Work};

/// The same fields as [`Leader`], in the same order, not yet checked.
#[derive(Deserialize)]
#[serde(rename = "Leader")]
struct Unchecked<W> {
    me: NodeId,
    rank: u8,
    config: Fixed<Config>,
    identified: bool,
    next: u64,
    reserved: u64,
    transactions: Vec<Transaction<W>>,
    bytes: usize,
    armed: Armed,
}

impl<'de, W: Work + Deserialize<'de>> Deserialize<'de> for Leader<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { me, rank, config, identified, next, reserved, transactions, bytes, armed } =
            Unchecked::<W>::deserialize(deserializer)?;
        config.validate(me, Role::Leader).map_err(D::Error::custom)?;
        let node = Self { me, rank, config, identified, next, reserved, transactions, bytes, armed };
        node.check().map_err(D::Error::custom)?;
        Ok(node)
    }
}
