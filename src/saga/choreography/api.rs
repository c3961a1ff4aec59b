//! What the application asks of a participant and is told by it, and the names of its timers.

use core::fmt;

use super::{Answer, Call, Name};
use crate::id::{NodeId, RequestId};
use crate::saga::{Action, Cause, DefinitionId, End, Resolution, SagaId, StepId, Version};

/// The timers of a participant: finitely many, for sagas and their steps are bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Timer {
    /// A step's attempt takes too long, or its next attempt is due.
    Step {
        /// The saga.
        saga: Name,
        /// The step.
        step: StepId,
    },
    /// What somebody is to know of a saga is not acknowledged yet.
    Publish {
        /// The saga.
        saga: Name,
    },
    /// A saga that was begun here takes too long.
    Deadline {
        /// The saga.
        saga: Name,
    },
}

/// What the application asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Request<D> {
    /// Begin a saga. Answered once under `id` by [`Notice::Accepted`] or [`Notice::Refused`], as are all but
    /// [`Request::Answer`]. Asked again with the same words it is accepted again, and nothing happens twice.
    Begin {
        /// Correlates the answer.
        id: RequestId,
        /// Names the saga, above all that this participant has begun before.
        saga: SagaId,
        /// What to run.
        definition: DefinitionId,
        /// Which version of it.
        version: Version,
        /// What every step is given.
        input: D,
    },
    /// Go back, if the saga still can: asked of the participant that began it. Accepted says that the wish is
    /// durable and spreads; whoever has a step that is not done by then gives it up. Only the end says whether one
    /// did so before the pivot had begun.
    Cancel {
        /// Correlates the answer.
        id: RequestId,
        /// The saga.
        saga: SagaId,
    },
    /// An operator's word on a step of this participant that is stuck.
    Resolve {
        /// Correlates the answer.
        id: RequestId,
        /// The saga.
        saga: Name,
        /// The step.
        step: StepId,
        /// The word.
        resolution: Resolution,
    },
    /// Let go of a saga that has ended, after its end has been taken note of: asked of the participant that began
    /// it. All let go of it once all know of its end, and none that was begun before it goes on.
    Forget {
        /// Correlates the answer.
        id: RequestId,
        /// The saga.
        saga: SagaId,
    },
    /// The application answers a [`Notice::Call`]. Not itself answered.
    Answer(Answer),
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice<D> {
    /// What request `id` asked is durable.
    Accepted {
        /// The request.
        id: RequestId,
    },
    /// Request `id` was refused; nothing was changed.
    Refused {
        /// The request.
        id: RequestId,
        /// Why, and what to do about it.
        reason: Refusal,
    },
    /// Carry out a step or take it back, and answer by [`Request::Answer`].
    Call(Call<D>),
    /// The saga goes back, as is known here now. The cause may turn out to be an earlier one by the end.
    TurnedBack {
        /// The saga.
        saga: Name,
        /// Why.
        cause: Cause,
    },
    /// A step of this participant needs an operator: [`Request::Resolve`]. Told again after a restart.
    Stuck {
        /// The saga.
        saga: Name,
        /// The step.
        step: StepId,
        /// What was tried: to do it or to undo it.
        action: Action,
    },
    /// The saga has ended; told the same at every participant, and again after a restart until it is over.
    Ended {
        /// The saga.
        saga: Name,
        /// How.
        end: End,
    },
    /// Sagas are kept no longer: no call will be made any more under their keys, and what the application remembers
    /// of these can go.
    Over {
        /// Whose sagas.
        initiator: NodeId,
        /// All below this one.
        floor: SagaId,
    },
    /// The saga was begun under a definition that is not configured, or not in the shape that it had: it stands
    /// still, and goes on after a restart that brings the definition back.
    Shelved {
        /// The saga.
        saga: Name,
        /// Its definition.
        definition: DefinitionId,
        /// And version.
        version: Version,
    },
    /// A participant (or the application) said what cannot be taken, and it was dropped.
    Rejected {
        /// The participant; this one, of what its application said.
        from: NodeId,
        /// What was wrong.
        reason: Rejection,
    },
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Refusal {
    /// As many sagas are kept as may be, from the oldest that is not over: ask again later.
    Full,
    /// The input is larger than may be.
    TooLarge {
        /// The limit that was passed, in bytes.
        limit: usize,
    },
    /// The definition is not configured in that version, or not in the shape with which the saga began.
    UnknownDefinition,
    /// A saga of that name was begun with other words.
    Exists,
    /// The name is not above all that were begun here: take a higher one.
    Used,
    /// There is no such saga.
    UnknownSaga,
    /// The saga's pivot is done, or it is completed: there is no way back.
    TooLate,
    /// No step of that name is stuck here.
    NotStuck,
    /// The saga cannot take that word on that step: behind the pivot it only goes forward, before it only what was
    /// done can be undone.
    NoSuchWay,
    /// The saga has not ended.
    Running,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge { limit } => return write!(f, "too large: the limit is {limit} bytes"),
            Self::Full => {
                "too many sagas since the oldest that is not over: forget what has ended, or ask later"
            }
            Self::UnknownDefinition => {
                "the saga's definition is not configured here in that version and shape"
            }
            Self::Exists => "a saga of that name was begun with another definition or input",
            Self::Used => "the name is not above all that were begun here: take a higher one",
            Self::UnknownSaga => "there is no such saga",
            Self::TooLate => "the saga's pivot is done, or it is completed: there is no way back",
            Self::NotStuck => "the step is not stuck here",
            Self::NoSuchWay => "the saga cannot go that way from this step",
            Self::Running => "the saga has not ended",
        })
    }
}

impl core::error::Error for Refusal {}

/// What was said that no correct participant or application says, or that cannot be taken as this one is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Rejection {
    /// The sender has no part in the saga, or this node has none.
    NotAParticipant,
    /// It speaks of a saga that was never begun.
    UnknownSaga,
    /// It answers for a step that is not carried out here.
    UnknownStep,
    /// It speaks of a saga whose definition is not configured here in that version and shape. It will be published
    /// again; a restart with the definition lets the saga go on.
    UnknownDefinition,
    /// As many sagas of that initiator are kept as may be, or the input is larger than may be: limits must be the
    /// same at all participants.
    BeyondLimit,
    /// It answers what was not asked.
    Unasked,
    /// It contradicts what is known, or itself.
    Contradiction,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAParticipant => "speaks of a saga in which one of the two has no part",
            Self::UnknownSaga => "speaks of a saga that was never begun",
            Self::UnknownStep => "answers for a step that is not carried out here",
            Self::UnknownDefinition => "speaks of a saga whose definition is not configured here",
            Self::BeyondLimit => "asks for more than the limits here allow",
            Self::Unasked => "answers what was not asked",
            Self::Contradiction => "contradicts what is known",
        })
    }
}
