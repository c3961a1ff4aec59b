//! What the application asks of an orchestrator and is told by it, and the names of its timers.

use core::fmt;

use super::{Action, Answer, Call, Cause, DefinitionId, Epoch, SagaId, StepId, Version};
use crate::id::{NodeId, RequestId};

/// The timers of an orchestrator: finitely many, for sagas and their steps are bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Timer {
    /// A step's attempt takes too long, or its next attempt is due.
    Step {
        /// The saga.
        saga: SagaId,
        /// The step.
        step: StepId,
    },
    /// A saga takes too long.
    Deadline {
        /// The saga.
        saga: SagaId,
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
        /// Names the saga. Never reused; one at or below a forgotten one is refused, so let them ascend.
        saga: SagaId,
        /// What to run.
        definition: DefinitionId,
        /// Which version of it.
        version: Version,
        /// What every step is given.
        input: D,
    },
    /// Go back, unless the pivot has begun.
    Cancel {
        /// Correlates the answer.
        id: RequestId,
        /// The saga.
        saga: SagaId,
    },
    /// An operator's word on a step that is stuck.
    Resolve {
        /// Correlates the answer.
        id: RequestId,
        /// The saga.
        saga: SagaId,
        /// The step.
        step: StepId,
        /// The word.
        resolution: Resolution,
    },
    /// Let go of a saga that has ended, after its end has been taken note of.
    Forget {
        /// Correlates the answer.
        id: RequestId,
        /// The saga.
        saga: SagaId,
    },
    /// The application, as the service of the orchestrator's own node, answers a [`Notice::Call`]. Not itself
    /// answered.
    Answer(Answer),
}

impl<D> Request<D> {
    /// What correlates the answer, where there is one.
    #[must_use]
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Begin { id, .. }
            | Self::Cancel { id, .. }
            | Self::Resolve { id, .. }
            | Self::Forget { id, .. } => Some(*id),
            Self::Answer(_) => None,
        }
    }
}

/// What an operator found out about a step that is stuck, or did about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Resolution {
    /// The obstacle is gone: try again, with as many attempts as at first.
    Retry,
    /// What was tried has happened, by hand or after all: the step is done or, if it was to be undone, undone.
    Happened,
    /// The step has no effect and never will have: its service must know. Of a pivot only: the saga goes back.
    Never,
}

/// How a saga ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "all or nothing; there is no third")]
pub enum End {
    /// Every step is done.
    Completed,
    /// No step has an effect.
    Compensated {
        /// Why it went back.
        cause: Cause,
    },
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
    /// A step whose service is the orchestrator's own node: to be carried out as any service would, and answered by
    /// [`Request::Answer`].
    Call(Call<D>),
    /// The saga goes back.
    TurnedBack {
        /// The saga.
        saga: SagaId,
        /// Why.
        cause: Cause,
    },
    /// A step needs an operator: [`Request::Resolve`]. Told again after a restart.
    Stuck {
        /// The saga.
        saga: SagaId,
        /// The step.
        step: StepId,
        /// What was tried: to do it or to undo it.
        action: Action,
    },
    /// The saga has ended. Told again after a restart, until the application says [`Request::Forget`].
    Ended {
        /// The saga.
        saga: SagaId,
        /// How.
        end: End,
    },
    /// The saga was begun under a definition that is not configured, or not in the shape that it had: it stands
    /// still, and goes on after a restart that brings the definition back.
    Shelved {
        /// The saga.
        saga: SagaId,
        /// Its definition.
        definition: DefinitionId,
        /// And version.
        version: Version,
    },
    /// Another executor runs these sagas, in a later epoch: this one does nothing any more.
    Superseded {
        /// The later epoch.
        epoch: Epoch,
    },
    /// A service (or the application as one) said what no correct one says; it was dropped and nothing was changed.
    Rejected {
        /// The service.
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
    /// As many sagas are kept as may be: forget what has ended, or ask again later.
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
    /// The name is at or below one that was forgotten: take a higher one.
    Used,
    /// There is no such saga.
    UnknownSaga,
    /// The saga's pivot has begun, or it is completed: there is no way back.
    TooLate,
    /// The step is not stuck.
    NotStuck,
    /// The saga cannot take that word on that step: behind the pivot it only goes forward, before it only what was
    /// done can be undone.
    NoSuchWay,
    /// The saga has not ended.
    Running,
    /// Another executor runs these sagas in a later epoch: ask that one.
    Superseded {
        /// The later epoch.
        epoch: Epoch,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge { limit } => return write!(f, "too large: the limit is {limit} bytes"),
            Self::Superseded { epoch } => {
                return write!(f, "superseded by an executor of {epoch}: ask that one");
            }
            Self::Full => "too many sagas: forget what has ended, or ask again later",
            Self::UnknownDefinition => {
                "the saga's definition is not configured here in that version and shape"
            }
            Self::Exists => "a saga of that name was begun with another definition or input",
            Self::Used => "the name is at or below one that was forgotten: take a higher one",
            Self::UnknownSaga => "there is no such saga",
            Self::TooLate => "the saga's pivot has begun, or it is completed: there is no way back",
            Self::NotStuck => "the step is not stuck",
            Self::NoSuchWay => "the saga cannot go that way from this step",
            Self::Running => "the saga has not ended",
        })
    }
}

impl core::error::Error for Refusal {}

/// What a service said that no correct one says; or what was too old to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Rejection {
    /// A call, or an answer to another orchestrator's.
    NotMine,
    /// It answers a call of an earlier life; that life's calls were made anew.
    OldEpoch,
    /// It answers a call of a life to come.
    FutureEpoch,
    /// It answers for a saga or a step that never was.
    UnknownStep,
    /// It is not the service of the step.
    NotTheService,
    /// It answers what was not asked.
    Unasked,
    /// It contradicts what it said before.
    Contradiction,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotMine => "not an answer to this orchestrator",
            Self::OldEpoch => "answers a call of an earlier epoch",
            Self::FutureEpoch => "answers a call of an epoch to come",
            Self::UnknownStep => "answers for a saga or a step that never was",
            Self::NotTheService => "not the service of the step",
            Self::Unasked => "answers what was not asked",
            Self::Contradiction => "contradicts what was said before",
        })
    }
}
