//! What is known of a saga: facts that are never taken back, so that hearing of them late, twice or out of order
//! does no harm.
//!
//! Every fact has one author: of a step the participant that carries it out, of the wish to go back the initiator.
//! Two who know of different facts know, together, of both: [`Facts::join`] is commutative, associative and
//! idempotent.

use crate::saga::{Cause, Definition, End, Kind, StepSet};

/// All that somebody knows of how far a saga has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Facts {
    /// The initiator would have the saga go back, if it still can: cancelled or overdue.
    pub wish: Option<Cause>,
    /// Why the saga goes back, if it does; where there are several causes, the least of them.
    pub cause: Option<Cause>,
    /// The steps that had their effect, whether or not it was taken back since.
    pub done: StepSet,
    /// The steps that their participants gave up before they were done: each turns the saga back.
    pub failed: StepSet,
    /// The steps that have no effect and never will have one: undone, refused, or never begun.
    pub clean: StepSet,
}

impl Facts {
    /// Whether the saga goes back.
    #[must_use]
    pub const fn is_back(&self) -> bool {
        self.cause.is_some()
    }

    /// Takes over what `other` knows.
    pub fn join(&mut self, other: &Self) {
        let least = |one: Option<Cause>, other: Option<Cause>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.wish = least(self.wish, other.wish);
        self.cause = least(self.cause, other.cause);
        self.done = self.done.and(other.done);
        self.failed = self.failed.and(other.failed);
        self.clean = self.clean.and(other.clean);
    }

    /// Whether `other` knows nothing more.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        let mut both = *self;
        both.join(other);
        both == *self
    }

    /// How the saga ended, if all of it is known.
    #[must_use]
    pub fn end(&self, plan: &Definition) -> Option<End> {
        match self.cause {
            None => (self.done == plan.all()).then_some(End::Completed),
            Some(cause) => (self.clean == plan.all()).then_some(End::Compensated { cause }),
        }
    }

    /// Only what is known of these steps.
    pub(super) const fn of_steps(&self, steps: StepSet) -> (StepSet, StepSet, StepSet) {
        (self.done.common(steps), self.failed.common(steps), self.clean.common(steps))
    }

    /// Whether this may be so under `plan`.
    pub(super) fn check(&self, plan: &Definition) -> Result<(), &'static str> {
        let known = self.done.and(self.failed).and(self.clean);
        if !plan.all().includes(known) {
            return Err("there are steps that the definition lacks");
        }
        if !self.done.common(self.failed).is_empty() {
            return Err("a step was both done and given up");
        }
        if self.done.iter().any(|step| !self.done.includes(plan.after(step))) {
            return Err("a step was done before one that it comes after");
        }
        if self.cause.is_none() != self.failed.is_empty() || self.cause.is_none() && !self.clean.is_empty() {
            return Err("a saga goes back without a cause");
        }
        let foreign = match self.cause {
            Some(Cause::Refused(step) | Cause::Exhausted(step)) => !self.failed.contains(step),
            // Cancelled and overdue at once it may be: both are what the initiator wished.
            Some(Cause::Cancelled | Cause::Overdue) => self.wish.is_none(),
            None => false,
        };
        if foreign || matches!(self.wish, Some(Cause::Refused(_) | Cause::Exhausted(_))) {
            return Err("a saga goes back for a cause that is none");
        }
        let kind = |step| plan.step(step).map(|step| step.kind);
        if self.failed.iter().any(|step| kind(step) == Some(Kind::Retriable)) {
            return Err("a step past the pivot was given up");
        }
        let past_pivot = plan.pivot().is_some_and(|pivot| self.done.contains(pivot));
        if past_pivot && self.is_back() {
            return Err("a saga goes back past its pivot");
        }
        let maybe =
            plan.pivot().is_some_and(|pivot| self.failed.contains(pivot) && !self.clean.contains(pivot));
        if maybe {
            return Err("a pivot was given up that may have an effect");
        }
        let mut undone = self.done.common(self.clean).iter();
        if undone.any(|step| !self.clean.includes(plan.before(step))) {
            return Err("a step was undone before one that comes after it");
        }
        Ok(())
    }
}
