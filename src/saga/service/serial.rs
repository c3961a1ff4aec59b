//! A service's whole state as data. What is read is checked as a whole: a [`Service`] that exists is right.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::marker::PhantomData;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Config, Fixed, Known, Owner, Service};
use crate::id::NodeId;
use crate::saga::{Data, Key};

/// The fields of a [`Service`] in their order, tables as lists: these have one order, and read back one length.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Service")]
struct Fields {
    config: Fixed<Config>,
    identified: bool,
    owners: Vec<(NodeId, Owner)>,
    first: u64,
    next: u64,
    keys: Vec<(Key, Known)>,
}

impl<D> Serialize for Service<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = Fields {
            config: self.config.clone(),
            identified: self.identified,
            owners: self.owners.iter().map(|(node, owner)| (*node, *owner)).collect(),
            first: self.first,
            next: self.next,
            keys: self.keys.iter().map(|(key, known)| (*key, *known)).collect(),
        };
        fields.serialize(serializer)
    }
}

impl<'de, D: Data> Deserialize<'de> for Service<D> {
    fn deserialize<S: Deserializer<'de>>(deserializer: S) -> Result<Self, S::Error> {
        let Fields { config, identified, owners, first, next, keys } = Fields::deserialize(deserializer)?;
        config.validate().map_err(S::Error::custom)?;
        let ascending =
            owners.is_sorted_by(|a, b| a.0 < b.0) && keys.is_sorted_by(|(one, _), (other, _)| one < other);
        let entries: BTreeSet<u64> = keys.iter().map(|(_, known)| known.at).collect();
        if !ascending || entries.len() < keys.len() {
            return Err(S::Error::custom("orchestrators or keys are out of order, or two share an entry"));
        }
        let (owners, keys) = (owners.into_iter().collect(), keys.into_iter().collect());
        let service = Self { config, identified, owners, first, next, keys, data: PhantomData };
        service.check().map_err(S::Error::custom)?;
        Ok(service)
    }
}
