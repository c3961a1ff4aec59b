//! How far a saga has come: what is durable of it, and what follows from that.
//!
//! Little is written down, for much can be told from the graph. A step may have an effect once all steps before it
//! are done, for it is called right then; so what was called needs no record, and neither does the end of a saga.

use smallvec::SmallVec;

use super::flights::Flights;
use super::{Action, Definition, DefinitionId, End, Kind, StepId, StepSet, Version};

/// One entry per step; as many as most sagas have are held without allocating.
pub(super) type PerStep<T> = SmallVec<[T; 16]>;

/// Why a saga goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Cause {
    /// The service of a step refused it.
    Refused(StepId),
    /// A step's attempts are used up; its outcome is unknown, and it is undone under its key.
    Exhausted(StepId),
    /// The application, or an operator, cancelled.
    Cancelled,
    /// The deadline passed.
    Overdue,
}

/// One durable step of a saga's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Event {
    /// The step has its effect.
    Done(StepId),
    /// The step has no effect and never will have one. Going forward, this turns the saga back.
    Refused(StepId),
    /// The saga goes back, for another reason.
    TurnedBack(Cause),
    /// The step has no effect any more.
    Undone(StepId),
    /// So many attempts of the step, one way, came to nothing.
    Tried(StepId, u16),
    /// The step waits for an operator.
    Stuck(StepId),
    /// An operator has it tried again.
    Unstuck(StepId),
}

/// What is durable of a saga.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Standing<D> {
    /// What runs.
    pub definition: DefinitionId,
    /// Which version of it.
    pub version: Version,
    /// Its shape, as [`Definition::shape`] has it.
    pub shape: u64,
    /// What it was begun with.
    pub input: D,
    /// Why it goes back, if it does.
    pub cause: Option<Cause>,
    /// The steps that have their effect.
    pub done: StepSet,
    /// Those that never will have one.
    pub refused: StepSet,
    /// Those that have none any more.
    pub undone: StepSet,
    /// Those that wait for an operator.
    pub stuck: StepSet,
    /// How many attempts of each step came to nothing, the way the saga goes.
    pub tries: PerStep<u16>,
}

impl<D> Standing<D> {
    pub(super) fn new(definition: &Definition, input: D) -> Self {
        Self {
            definition: definition.id(),
            version: definition.version(),
            shape: definition.shape(),
            input,
            cause: None,
            done: StepSet::EMPTY,
            refused: StepSet::EMPTY,
            undone: StepSet::EMPTY,
            stuck: StepSet::EMPTY,
            tries: definition.steps().iter().map(|_| 0).collect(),
        }
    }

    /// Takes an event, as it happens and again at each recovery. Needs no definition.
    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::Done(step) => {
                self.done = self.done.and(StepSet::of(step));
                self.unstick(step);
            }
            Event::Refused(step) => {
                self.refused = self.refused.and(StepSet::of(step));
                self.unstick(step);
                if self.cause.is_none() {
                    self.turn_back(Cause::Refused(step));
                }
            }
            Event::TurnedBack(cause) => self.turn_back(cause),
            Event::Undone(step) => {
                self.done = self.done.without(StepSet::of(step));
                self.undone = self.undone.and(StepSet::of(step));
                self.unstick(step);
            }
            Event::Tried(step, tries) => self.set_tries(step, tries),
            Event::Stuck(step) => self.stuck = self.stuck.and(StepSet::of(step)),
            Event::Unstuck(step) => {
                self.unstick(step);
                self.set_tries(step, 0);
            }
        }
    }

    fn turn_back(&mut self, cause: Cause) {
        self.cause = Some(cause);
        self.stuck = StepSet::EMPTY;
        self.tries.iter_mut().for_each(|tries| *tries = 0);
    }

    fn unstick(&mut self, step: StepId) {
        self.stuck = self.stuck.without(StepSet::of(step));
    }

    fn set_tries(&mut self, step: StepId, tries: u16) {
        if let Some(place) = self.tries.get_mut(usize::from(step.0)) {
            *place = tries;
        }
    }

    /// How many attempts of `step` came to nothing, the way the saga goes.
    pub(super) fn tries(&self, step: StepId) -> u16 {
        self.tries.get(usize::from(step.0)).copied().unwrap_or(0)
    }

    /// Whether `step` is called, and its outcome unknown: all before it is done, and nothing is known of itself.
    pub(super) fn is_open(&self, plan: &Definition, step: StepId) -> bool {
        let settled = self.done.and(self.refused).and(self.undone);
        plan.all().contains(step) && !settled.contains(step) && self.done.includes(plan.after(step))
    }

    /// The steps that may have an effect: those that are done, and those whose outcome is unknown. Going back no
    /// step joins them, for a step is undone only after those that come after it.
    pub(super) fn exposed(&self, plan: &Definition) -> StepSet {
        let open = plan.all().without(self.done).iter().filter(|step| self.is_open(plan, *step));
        open.fold(self.done, |set, step| set.and(StepSet::of(step)))
    }

    /// The steps that are to be called now: forward, all that is open; back, all that may have an effect while
    /// nothing after them has. Those that are stuck are not.
    pub(super) fn wanted(&self, plan: &Definition) -> StepSet {
        let wanted = if self.cause.is_some() {
            let exposed = self.exposed(plan);
            let last = exposed.iter().filter(|step| plan.before(*step).common(exposed).is_empty());
            last.fold(StepSet::EMPTY, |set, step| set.and(StepSet::of(step)))
        } else {
            self.exposed(plan).without(self.done)
        };
        wanted.without(self.stuck)
    }

    /// Whether the saga may still turn back: it has not, and its pivot has not begun; without a pivot, it is not
    /// completed.
    pub(super) fn may_turn_back(&self, plan: &Definition) -> bool {
        let decided = match plan.pivot() {
            Some(pivot) => self.exposed(plan).contains(pivot),
            None => self.done == plan.all(),
        };
        self.cause.is_none() && !decided
    }

    /// How the saga ended, if it has.
    pub(super) fn end(&self, plan: &Definition) -> Option<End> {
        match self.cause {
            None => (self.done == plan.all()).then_some(End::Completed),
            Some(cause) => self.exposed(plan).is_empty().then_some(End::Compensated { cause }),
        }
    }

    /// What is tried with a step, the way the saga goes.
    pub(super) const fn way(&self) -> Action {
        if self.cause.is_some() { Action::Undo } else { Action::Do }
    }

    /// Whether this may have come about under `plan`.
    pub(super) fn check(&self, plan: &Definition) -> Result<(), &'static str> {
        let all = plan.all();
        if self.shape != plan.shape() || self.tries.len() != plan.steps().len() {
            return Err("a saga is not in the shape of its definition");
        }
        if !all.includes(self.done.and(self.refused).and(self.undone).and(self.stuck)) {
            return Err("a saga has steps that its definition lacks");
        }
        let twice = [(self.done, self.refused), (self.done, self.undone), (self.refused, self.undone)];
        if twice.iter().any(|(one, other)| !one.common(*other).is_empty()) {
            return Err("a step stands for two things at once");
        }
        if self.done.iter().any(|step| !self.done.includes(plan.after(step))) {
            return Err("a step is done, or not undone, although one before it is");
        }
        if self.cause.is_none() && !self.refused.and(self.undone).is_empty() {
            return Err("a saga goes forward although a step was refused or undone");
        }
        let past_pivot = plan.pivot().is_some_and(|pivot| self.exposed(plan).contains(pivot));
        if self.cause.is_some() && past_pivot {
            return Err("a saga goes back although its pivot may have an effect");
        }
        if !self.exposed(plan).includes(self.stuck) {
            return Err("a step is stuck that was never called");
        }
        Ok(())
    }
}

/// What is under way with a step: nothing of it survives a crash, after which all is called anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "checks look at each")]
pub enum Flight {
    /// Nothing.
    #[default]
    Grounded,
    /// An attempt, and the timer that bounds it.
    Called(Action),
    /// The timer to the next attempt.
    Waiting,
}

/// A saga that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Saga<D> {
    pub(super) standing: Standing<D>,
    /// The place of its definition in the configuration; none if that is not there, or not in the shape.
    pub(super) plan: Option<usize>,
    pub(super) flights: Flights,
    /// The entry of the log from which on it can be told.
    pub(super) since: u64,
}

impl<D> Saga<D> {
    pub(super) fn new(standing: Standing<D>, plan: Option<usize>, since: u64) -> Self {
        let flights = Flights::grounded(standing.tries.len());
        Self { standing, plan, flights, since }
    }
}

impl Kind {
    /// Whether a saga goes back when such a step cannot be done.
    pub(super) const fn may_fail(self) -> bool {
        matches!(self, Self::Compensatable)
    }
}
