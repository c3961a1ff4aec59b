//! A coordinator's whole state as data. What is read is checked as a whole: a [`Coordinator`] that exists is right.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Coordinator, Work, inner};

/// The same field as [`Coordinator`]. The machine inside has checked itself.
#[derive(Deserialize)]
#[serde(rename = "Coordinator", bound(deserialize = "W: Work + Deserialize<'de>"))]
struct Unchecked<W> {
    inner: inner::Coordinator<W>,
}

impl<'de, W: Work + Deserialize<'de>> Deserialize<'de> for Coordinator<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { inner } = Unchecked::<W>::deserialize(deserializer)?;
        let node = Self { inner };
        node.check().map_err(D::Error::custom)?;
        Ok(node)
    }
}
