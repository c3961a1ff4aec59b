//! An acceptor's whole state as data. What is read is checked as a whole: an [`Acceptor`] that exists is right.

use alloc::vec::Vec;
use core::marker::PhantomData;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Acceptor, Config, Fixed, Journal, NodeId, Origin, Role, Work};

/// The same fields as [`Acceptor`], in the same order, not yet checked.
#[derive(Deserialize)]
#[serde(rename = "Acceptor")]
struct Unchecked {
    me: NodeId,
    config: Fixed<Config>,
    identified: bool,
    origins: Vec<Origin>,
    live: usize,
    journal: Journal,
    folded: u64,
    lingers: bool,
}

impl<'de, W: Work> Deserialize<'de> for Acceptor<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { me, config, identified, origins, live, journal, folded, lingers } =
            Unchecked::deserialize(deserializer)?;
        config.validate(me, Role::Acceptor).map_err(D::Error::custom)?;
        let work = PhantomData;
        let node = Self { me, config, identified, origins, live, journal, folded, lingers, work };
        node.check().map_err(D::Error::custom)?;
        Ok(node)
    }
}
