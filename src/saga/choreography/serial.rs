//! A participant's whole state as data. What is read is checked as a whole: a [`Participant`] that exists is right.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::progress::Saga;
use super::recovery::INDEX_MAX;
use super::{Config, Data, Facts, Fixed, Name, Participant, SagaId, Standing};
use crate::id::NodeId;
use crate::saga::flights::Flights;

/// The fields of a [`Participant`] in their order, tables as lists: these have one order, and read back one length.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Participant")]
struct Fields<D> {
    config: Fixed<Config>,
    identified: bool,
    begun: bool,
    floors: Vec<(NodeId, SagaId)>,
    first: u64,
    next: u64,
    sagas: Vec<(Name, Kept<D>)>,
}

/// A saga that is kept; its definition, who else takes part and what this participant does in it follow.
#[derive(Serialize, Deserialize)]
struct Kept<D> {
    standing: Standing<D>,
    flights: Flights,
    /// What each of the others is known to know, in their order.
    known: Vec<Option<Facts>>,
    since: u64,
}

impl<D: Data + Serialize> Serialize for Participant<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = |saga: &Saga<D>| Kept {
            standing: saga.standing.clone(),
            flights: saga.flights.clone(),
            known: saga.peers.iter().map(|peer| peer.known).collect(),
            since: saga.since,
        };
        let fields = Fields {
            config: self.config.clone(),
            identified: self.identified,
            begun: self.begun,
            floors: self.floors.iter().map(|(node, floor)| (*node, *floor)).collect(),
            first: self.first,
            next: self.next,
            sagas: self.sagas.iter().map(|(name, saga)| (*name, kept(saga))).collect(),
        };
        fields.serialize(serializer)
    }
}

impl<'de, D: Data + Deserialize<'de>> Deserialize<'de> for Participant<D> {
    fn deserialize<S: Deserializer<'de>>(deserializer: S) -> Result<Self, S::Error> {
        let Fields { config, identified, begun, floors, first, next, sagas } =
            Fields::<D>::deserialize(deserializer)?;
        let mut machine = Self::new(config.0).map_err(S::Error::custom)?;
        if next > INDEX_MAX.saturating_add(1) {
            return Err(S::Error::custom("the log is used up"));
        }
        let entries: BTreeSet<u64> = sagas.iter().map(|(_, kept)| kept.since).collect();
        let ascending = floors.is_sorted_by(|a, b| a.0 < b.0) && sagas.is_sorted_by(|a, b| a.0 < b.0);
        if !ascending || entries.len() < sagas.len() {
            return Err(S::Error::custom("floors or sagas are out of order, or two share an entry"));
        }
        (machine.identified, machine.begun, machine.floors) =
            (identified, begun, floors.into_iter().collect());
        (machine.first, machine.next) = (first, next);
        for (name, kept) in sagas {
            let saga = machine.kept_as(name, kept).map_err(S::Error::custom)?;
            machine.sagas.insert(name, saga);
        }
        machine.check().map_err(S::Error::custom)?;
        Ok(machine)
    }
}

impl<D: Data> Participant<D> {
    /// A saga as it was kept, with all that follows from its name and its definition.
    fn kept_as(&self, name: Name, kept: Kept<D>) -> Result<Saga<D>, &'static str> {
        let Kept { standing, flights, known, since } = kept;
        let place = self.config.find_in_shape(standing.definition, standing.version, standing.shape);
        let plan = place.and_then(|place| Some((place, self.config.definitions.get(place)?)));
        let mut saga = Saga::new((self.config.me, name), standing, plan, since);
        if known.len() != saga.peers.len() {
            return Err("more or fewer are known to know of a saga than take part");
        }
        for (peer, known) in saga.peers.iter_mut().zip(known) {
            peer.known = known;
        }
        saga.flights = flights;
        Ok(saga)
    }
}
