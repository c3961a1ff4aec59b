//! What an object does when it is called by one client at a time.

use std::hash::Hash;

/// A sequential specification: what an object answers, and becomes, when one operation follows another.
/// Objects are deterministic.
///
/// Only the first two methods say what the object is. The others let a check go faster, and each has a default
/// that is correct.
pub trait Sequential {
    /// What the object is between operations.
    type State: Clone + Eq + Hash;
    /// What can be asked of it.
    type Operation: Clone + Eq + Hash;
    /// What it answers.
    type Outcome: Clone + Eq;

    /// The object before the first operation.
    fn initial(&self) -> Self::State;

    /// Carries out `operation`.
    fn apply(&self, state: &mut Self::State, operation: &Self::Operation) -> Self::Outcome;

    /// What becomes of `state` if `operation` is carried out, and whether it can then have had this `outcome`
    /// (`None`: whatever it was).
    fn step(
        &self,
        state: &Self::State,
        operation: &Self::Operation,
        outcome: Option<&Self::Outcome>,
    ) -> Step<Self::State> {
        let mut next = state.clone();
        let answered = self.apply(&mut next, operation);
        match outcome {
            Some(outcome) if *outcome != answered => Step::Impossible,
            _ if next == *state => Step::Unchanged,
            _ => Step::Becomes(next),
        }
    }

    /// Whether `operation`, where it has this `outcome` (`None`: whatever it is), changes no state at all: a read, or
    /// a swap that failed. (That it leaves *one* state as it is is not enough.)
    fn is_read(&self, operation: &Self::Operation, outcome: Option<&Self::Outcome>) -> bool {
        let _ = (operation, outcome);
        false
    }

    /// `operation` as a plain write or read of the whole state, if it is one: objects that are only written and read
    /// have checks of their own, which take no longer when many operations overlap.
    fn access(
        &self,
        operation: &Self::Operation,
        outcome: Option<&Self::Outcome>,
    ) -> Option<Access<Self::State>> {
        let _ = (operation, outcome);
        None
    }

    /// What a history tells in advance, as a whole.
    fn foresight<'a>(
        &'a self,
        history: &mut dyn Iterator<Item = Observed<'a, Self::Operation, Self::Outcome>>,
    ) -> Box<dyn Foresight<'a, Self> + 'a> {
        let _ = history;
        Box::new(Blind)
    }
}

/// An operation of a history, as far as it is known what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a, O, R> {
    /// What was asked for.
    pub operation: &'a O,
    /// What was answered, if that is known.
    pub outcome: Option<&'a R>,
    /// Whether it took effect for certain.
    pub certain: bool,
}

/// What came of carrying out an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// It cannot have had this outcome.
    Impossible,
    /// It had, and left the state as it was.
    Unchanged,
    /// It had, and the state is now another.
    Becomes(T),
}

/// An operation on an object that is only written and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access<T> {
    /// Whatever it was, the state is now this.
    Write(T),
    /// The state was this, and still is.
    Read(T),
    /// Nothing is known of the outcome of a read.
    Nothing,
}

/// What the outcomes of a history tell in advance. Both answers may be `true` where nothing is known.
pub trait Foresight<'a, S: Sequential + ?Sized> {
    /// Whether it can make a difference to a known outcome that an operation of unknown outcome took effect: if some
    /// order with its effect explains the history, does one without it not?
    fn may_matter(&self, operation: &S::Operation) -> bool {
        let _ = operation;
        true
    }

    /// An operation that can stand for this one, where it is not known to have taken effect, in every order without a
    /// difference to any known outcome; such operations are counted together. `None` if only its equals can.
    fn kind(&self, operation: &'a S::Operation) -> Option<&'a S::Operation> {
        let _ = operation;
        None
    }

    /// Whether a history that ends well can still come through `state`.
    fn is_plausible(&self, state: &S::State) -> bool {
        let _ = state;
        true
    }
}

/// Knows nothing in advance.
#[derive(Clone, Copy, Debug)]
pub struct Blind;

impl<S: Sequential + ?Sized> Foresight<'_, S> for Blind {}
