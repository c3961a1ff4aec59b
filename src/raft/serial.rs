//! A node's whole state as data. What is read is checked as a whole: a `Raft` that exists is right.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Command, Config, Fixed, Index, Log, NodeId, Raft, Role, Term};

/// The same fields as [`Raft`], in the same order, not yet checked.
#[derive(Deserialize)]
#[serde(rename = "Raft")]
struct Unchecked<C> {
    me: NodeId,
    config: Fixed<Config>,
    identified: bool,
    term: Term,
    vote: Option<NodeId>,
    role: Role,
    log: Log<C>,
    commit: Index,
    noticed: Index,
    reading: Option<Index>,
}

impl<'de, C: Command + Deserialize<'de>> Deserialize<'de> for Raft<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Unchecked::<C>::deserialize(deserializer)?;
        let Unchecked { me, config, identified, term, vote, role, log, commit, noticed, reading } = read;
        config.validate(me).map_err(D::Error::custom)?;
        let raft = Self { me, config, identified, term, vote, role, log, commit, noticed, reading };
        raft.check().map_err(D::Error::custom)?;
        Ok(raft)
    }
}

/// What is shared in memory, written out as if it were not.
pub(super) mod shared {
    use alloc::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<T: Serialize, S: Serializer>(
        shared: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(shared, serializer)
    }

    pub(in super::super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}
