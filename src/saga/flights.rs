//! What is under way with each step of a saga, whoever leads it.

use smallvec::smallvec;

use super::progress::PerStep;
use super::{Action, Flight, MAX_STEPS, StepId, StepSet};

/// One for each step. As data it is the list that it is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub(super) struct Flights(PerStep<Flight>);

impl Flights {
    /// Nothing is under way with so many steps.
    pub(super) fn grounded(steps: usize) -> Self {
        Self(smallvec![Flight::Grounded; steps])
    }

    pub(super) fn of(&self, step: StepId) -> Flight {
        self.0.get(usize::from(step.0)).copied().unwrap_or_default()
    }

    /// Sets what is under way with `step`, and says what was.
    pub(super) fn set(&mut self, step: StepId, flight: Flight) -> Flight {
        match self.0.get_mut(usize::from(step.0)) {
            Some(place) => core::mem::replace(place, flight),
            None => Flight::Grounded,
        }
    }

    /// Whether there are no more than there may be, one for each of so many steps: also where a definition is not there.
    pub(super) fn check_length(&self, steps: usize) -> Result<(), &'static str> {
        if steps > MAX_STEPS || self.0.len() != steps {
            return Err("a saga has more steps than may be, or is not under way with each");
        }
        Ok(())
    }

    /// Whether all that is called is called that way.
    pub(super) fn go(&self, way: Action) -> bool {
        let back = way == Action::Undo;
        let mut flights = self.0.iter();
        flights.all(|flight| !matches!(flight, Flight::Called(action) if (*action == Action::Undo) != back))
    }

    /// The steps with which something is under way.
    pub(super) fn steps(&self) -> StepSet {
        let named = (0u8..).zip(&self.0).filter(|(_, flight)| **flight != Flight::Grounded);
        named.fold(StepSet::EMPTY, |set, (step, _)| set.and(StepSet::of(StepId(step))))
    }
}
