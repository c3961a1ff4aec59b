//! What orchestrator and services say to each other, and what a service owes.

use super::{Epoch, SagaId, StepId, TaskId};
use crate::id::NodeId;

/// The idempotency key of one step of one saga: the same over all attempts, over restarts, and for the step's
/// compensation. Unique in a cluster, for neither nodes nor sagas give their names to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "a service must know all of it")]
pub struct Key {
    /// The orchestrator.
    pub owner: NodeId,
    /// The saga.
    pub saga: SagaId,
    /// The step.
    pub step: StepId,
}

/// What a service is to do about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "a service must handle every action")]
pub enum Action {
    /// Carry the step out, unless it is; answer [`Outcome::Done`] or [`Outcome::Refused`].
    Do,
    /// Say what became of [`Action::Do`]: `Done`, `Refused`, or [`Outcome::Unseen`]. Changes nothing.
    Probe,
    /// Take the step back if it was carried out, and never carry it out from now on; answer [`Outcome::Undone`].
    /// Of a key never seen too: what is undone may still be on its way.
    Undo,
}

/// A call to a service.
///
/// # What a service owes
/// All of it is kept by [`Service`](super::Service), in front of an application that goes by the key.
///
/// - It acts on a key at most once each way, and remembers what it answered, in the same transaction as the effect
///   and as long as anybody may ask: until a call of its owner has a higher [floor](Self::floor). What comes for a saga
///   below the floor is late, and not answered.
/// - An answer is about the **key**, not the attempt: [`Outcome::Done`] stands until an `Undo`,
///   [`Outcome::Refused`] and [`Outcome::Undone`] for ever. What it cannot say for ever is [`Outcome::Later`].
/// - It remembers the latest epoch that it heard of from each owner, in that transaction too, and answers calls of
///   earlier ones with [`Outcome::Superseded`], doing nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "a service must know all of it")]
pub struct Call<D> {
    /// The idempotency key.
    pub key: Key,
    /// The life of the orchestrator that calls.
    pub epoch: Epoch,
    /// Which attempt this is, from 0; to be repeated in the answer.
    pub attempt: u16,
    /// What to do about the key.
    pub action: Action,
    /// The lowest saga of the owner that may still be called for: those below are forgotten for good, and so may be
    /// what is known of their keys. Never goes back.
    pub floor: SagaId,
    /// What the step is.
    pub task: TaskId,
    /// What the saga was begun with.
    pub input: D,
}

impl<D> Call<D> {
    /// The answer to this call.
    #[must_use]
    pub const fn answer(&self, outcome: Outcome) -> Answer {
        let Self { key, epoch, attempt, action, .. } = *self;
        Answer { key, epoch, attempt, action, outcome }
    }
}

/// What a service says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "a service must know all of it")]
pub enum Outcome {
    /// To `Do` and `Probe`: the key has its effect.
    Done,
    /// To `Do` and `Probe`: the key has no effect and never will have one. To `Undo`: it was not undone this time.
    Refused,
    /// To `Undo`: the key has no effect any more and never will have one.
    Undone,
    /// To `Probe`: the key was never seen here; it may still be on its way.
    Unseen,
    /// Nothing is known for good: ask again later.
    Later,
    /// A later epoch was heard of: the caller's time is over.
    Superseded {
        /// The latest.
        epoch: Epoch,
    },
}

/// An answer, as [`Call::answer`] makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "a service must know all of it")]
pub struct Answer {
    /// The call's.
    pub key: Key,
    /// The call's.
    pub epoch: Epoch,
    /// The call's.
    pub attempt: u16,
    /// The call's.
    pub action: Action,
    /// What the service has to say.
    pub outcome: Outcome,
}

/// A message between an orchestrator and a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "calls and answers; a service must handle both")]
pub enum Message<D> {
    /// From the orchestrator to a service.
    Call(Call<D>),
    /// From a service to the orchestrator.
    Answer(Answer),
}
