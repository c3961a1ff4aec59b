//! What participants say to each other and to their applications, and what an application owes.

use super::Facts;
use crate::id::NodeId;
use crate::saga::{Action, DefinitionId, Key, Outcome, SagaId, StepId, TaskId, Version};

/// A saga, by the name that all its participants know it under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "a name has these two parts")]
pub struct Name {
    /// The participant that began it.
    pub initiator: NodeId,
    /// Which of that one's sagas it is.
    pub saga: SagaId,
}

impl Name {
    /// The idempotency key of a step.
    #[must_use]
    pub const fn key(self, step: StepId) -> Key {
        Key { owner: self.initiator, saga: self.saga, step }
    }
}

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} of {}", self.saga, self.initiator)
    }
}

/// A call to the participant's own application, to carry out a step or to take it back.
///
/// # What an application owes
/// - It acts on a key at most once each way, and remembers what it answered, in the same transaction as the effect
///   and until [`Notice::Over`](super::Notice::Over) says that the saga is.
/// - An answer is about the **key**, not the attempt: [`Outcome::Done`] stands until an [`Action::Undo`],
///   [`Outcome::Refused`] and [`Outcome::Undone`] for ever. What it cannot say for ever is [`Outcome::Later`].
/// - A key that was undone is never carried out any more, and neither is one that was undone before it was seen.
/// - It never answers [`Outcome::Superseded`]: a participant has no rival.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "an application must know all of it")]
pub struct Call<D> {
    /// The idempotency key.
    pub key: Key,
    /// Which attempt this is, from 0; to be repeated in the answer.
    pub attempt: u16,
    /// What to do about the key.
    pub action: Action,
    /// What the step is.
    pub task: TaskId,
    /// What the saga was begun with.
    pub input: D,
}

impl<D> Call<D> {
    /// The answer to this call.
    #[must_use]
    pub const fn answer(&self, outcome: Outcome) -> Answer {
        let Self { key, attempt, action, .. } = *self;
        Answer { key, attempt, action, outcome }
    }
}

/// What an application says to a call, as [`Call::answer`] makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "an application must know all of it")]
pub struct Answer {
    /// The call's.
    pub key: Key,
    /// The call's.
    pub attempt: u16,
    /// The call's.
    pub action: Action,
    /// What the application has to say.
    pub outcome: Outcome,
}

/// A message between participants.
///
/// What a message says its sender knows, it knows durably: so an event acknowledges as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "a participant must handle every message")]
pub enum Message<D> {
    /// Something happened that the receiver is to know, and all that happened before it. Published again until the
    /// receiver is known to know.
    Event {
        /// The saga.
        saga: Name,
        /// All sagas of that initiator below this one are over.
        floor: SagaId,
        /// What runs.
        definition: DefinitionId,
        /// Which version of it.
        version: Version,
        /// Its shape, as [`Definition::shape`](crate::saga::Definition::shape) has it.
        shape: u64,
        /// What it was begun with.
        input: D,
        /// All that the sender knows.
        facts: Facts,
    },
    /// The answer to an event: what the sender knows now.
    Ack {
        /// The saga.
        saga: Name,
        /// All that the sender knows.
        facts: Facts,
    },
    /// Sagas have ended, all their participants know it, and they are kept no longer.
    Over {
        /// Whose sagas.
        initiator: NodeId,
        /// All below this one.
        floor: SagaId,
    },
}
