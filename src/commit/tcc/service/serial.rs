//! A service's whole state as data. What is read is checked as a whole: a [`Service`] that exists is right.

use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Config, Failing, Fixed, Service, TxId, Work, inner};

/// The same fields as [`Service`], in the same order. The machine inside has checked itself.
#[derive(Deserialize)]
#[serde(rename = "Service", bound(deserialize = "W: Work + Deserialize<'de>"))]
struct Unchecked<W> {
    inner: inner::Participant<W>,
    config: Fixed<Config>,
    failing: Vec<Failing>,
    lapsing: Vec<TxId>,
    awaits_lapse: bool,
}

impl<'de, W: Work + Deserialize<'de>> Deserialize<'de> for Service<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { inner, config, failing, lapsing, awaits_lapse } =
            Unchecked::<W>::deserialize(deserializer)?;
        config.validate(inner.id()).map_err(D::Error::custom)?;
        let node = Self { inner, config, failing, lapsing, awaits_lapse };
        node.check().map_err(D::Error::custom)?;
        Ok(node)
    }
}
