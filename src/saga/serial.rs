//! An orchestrator's whole state as data. What is read is checked as a whole: an [`Orchestrator`] that exists is right.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::flights::Flights;
use super::progress::Saga;
use super::recovery::INDEX_MAX;
use super::{Config, Data, Epoch, Fixed, Orchestrator, SagaId, Standing};

/// The fields of an [`Orchestrator`] in their order, its table as a list: that has one order, and reads back one length.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Orchestrator")]
struct Fields<D> {
    config: Fixed<Config>,
    identified: bool,
    begun: bool,
    epoch: Epoch,
    superseded: Option<Epoch>,
    forgotten: Option<SagaId>,
    first: u64,
    next: u64,
    sagas: Vec<(SagaId, Kept<D>)>,
}

/// A saga that is kept; the place of its definition follows.
#[derive(Serialize, Deserialize)]
struct Kept<D> {
    standing: Standing<D>,
    flights: Flights,
    since: u64,
}

impl<D: Data + Serialize> Serialize for Orchestrator<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = |saga: &Saga<D>| Kept {
            standing: saga.standing.clone(),
            flights: saga.flights.clone(),
            since: saga.since,
        };
        let fields = Fields {
            config: self.config.clone(),
            identified: self.identified,
            begun: self.begun,
            epoch: self.epoch,
            superseded: self.superseded,
            forgotten: self.forgotten,
            first: self.first,
            next: self.next,
            sagas: self.sagas.iter().map(|(id, saga)| (*id, kept(saga))).collect(),
        };
        fields.serialize(serializer)
    }
}

impl<'de, D: Data + Deserialize<'de>> Deserialize<'de> for Orchestrator<D> {
    fn deserialize<S: Deserializer<'de>>(deserializer: S) -> Result<Self, S::Error> {
        let Fields { config, identified, begun, epoch, superseded, forgotten, first, next, sagas } =
            Fields::<D>::deserialize(deserializer)?;
        let mut machine = Self::new(config.0).map_err(S::Error::custom)?;
        if next > INDEX_MAX.saturating_add(1) || epoch.0 == u64::MAX {
            return Err(S::Error::custom("the log or the epochs are used up"));
        }
        let entries: BTreeSet<u64> = sagas.iter().map(|(_, kept)| kept.since).collect();
        if !sagas.is_sorted_by(|a, b| a.0 < b.0) || entries.len() < sagas.len() {
            return Err(S::Error::custom("sagas are out of order, or two share an entry"));
        }
        (machine.identified, machine.begun, machine.epoch) = (identified, begun, epoch);
        (machine.superseded, machine.forgotten) = (superseded, forgotten);
        (machine.first, machine.next) = (first, next);
        for (id, Kept { standing, flights, since }) in sagas {
            let plan = machine.plan_of(&standing);
            machine.sagas.insert(id, Saga { standing, plan, flights, since });
        }
        machine.check().map_err(S::Error::custom)?;
        Ok(machine)
    }
}
