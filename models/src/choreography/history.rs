//! What the properties of sagas by choreography remember: what happened at the applications, what is durable of each
//! step where it is carried out, and what was told.

use quorate::id::{NodeId, Permutation, Permute};
use quorate::saga::choreography::{Answer, Name};
use quorate::saga::{Action, End, Outcome, StepId, StepSet};
use smallvec::SmallVec;

/// What happened so far, as far as properties care.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// The sagas that were ever begun durably, in that order.
    pub sagas: SmallVec<[Past; 1]>,
    /// How often an operator was asked to resolve anything.
    pub resolved: u64,
}

/// What became of a saga.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Past {
    /// Its name.
    pub saga: Name,
    /// The steps that applications were called to do, probe and undo, and may answer for.
    pub called: [StepSet; 3],
    /// The steps that applications were ever called to do.
    pub begun: StepSet,
    /// The steps that had their effect, taken back since or not.
    pub done: StepSet,
    /// Those whose effect was taken back.
    pub undone: StepSet,
    /// Those that an application has said never to carry out: refused, or undone.
    pub never: StepSet,
    /// The steps of which it is durable at their participant that they are done.
    pub kept_done: StepSet,
    /// Those of which it is durable there that they have no effect and never will have one.
    pub kept_clean: StepSet,
    /// Those of which an operator was told that they are stuck, each way: forward, back.
    pub stuck: [StepSet; 2],
    /// How it ended, as anybody was told.
    pub end: Option<End>,
    /// Who was told, a bit each.
    pub told: u64,
    /// Who was told that it is over, a bit each.
    pub over: u64,
}

/// The bit of a node.
#[must_use]
pub(super) fn bit(node: NodeId) -> u64 {
    u32::try_from(node.0).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or(0)
}

const fn place(action: Action) -> usize {
    match action {
        Action::Do => 0,
        Action::Probe => 1,
        Action::Undo => 2,
    }
}

impl Past {
    pub(super) fn new(saga: Name) -> Self {
        let none = StepSet::EMPTY;
        Self {
            saga,
            called: [none; 3],
            begun: none,
            done: none,
            undone: none,
            never: none,
            kept_done: none,
            kept_clean: none,
            stuck: [none; 2],
            end: None,
            told: 0,
            over: 0,
        }
    }

    /// The steps that have an effect now.
    #[must_use]
    pub fn live(&self) -> StepSet {
        self.done.without(self.undone)
    }

    /// The steps that have no effect, and cannot have one any more by what was called so far.
    #[must_use]
    pub fn is_without(&self, steps: StepSet) -> bool {
        steps.common(self.live()).is_empty() && steps.common(self.begun).without(self.never).is_empty()
    }

    /// Whether the application of `step` may answer a call.
    #[must_use]
    pub fn is_called(&self, action: Action, step: StepId) -> bool {
        self.called.get(place(action)).is_some_and(|called| called.contains(step))
    }

    pub(super) fn call(&mut self, action: Action, step: StepId) {
        if let Some(called) = self.called.get_mut(place(action)) {
            *called = called.and(StepSet::of(step));
        }
        if action == Action::Do {
            self.begun = self.begun.and(StepSet::of(step));
        }
    }

    /// The application forgets that it was called for these steps.
    pub(super) fn drop_calls(&mut self, steps: StepSet) {
        self.called.iter_mut().for_each(|called| *called = called.without(steps));
    }

    /// The application answers: what it says has happened by then. What it is not called for any more it does not do.
    pub(super) fn answer(&mut self, answer: &Answer, once: bool) {
        let step = StepSet::of(answer.key.step);
        if once && let Some(called) = self.called.get_mut(place(answer.action)) {
            *called = called.without(step);
        }
        match (answer.action, answer.outcome) {
            (Action::Do, Outcome::Done) => self.does(step),
            (Action::Do, Outcome::Refused) => self.never = self.never.and(step),
            (Action::Undo, Outcome::Undone) => self.undoes(step),
            _ => {}
        }
    }

    /// The effect of `step` comes about, if it has not.
    pub(super) fn does(&mut self, step: StepSet) {
        self.done = self.done.and(step);
    }

    /// The effect of `step` is taken back, if there is any, and never comes about.
    pub(super) fn undoes(&mut self, step: StepSet) {
        self.undone = self.undone.and(self.done.common(step));
        self.never = self.never.and(step);
    }

    /// The steps that an operator was told to be stuck, the way the saga goes.
    pub(super) const fn stuck(&self, back: bool) -> StepSet {
        let [forward, backward] = self.stuck;
        if back { backward } else { forward }
    }
}

impl History {
    /// What became of a saga, if it was ever begun.
    #[must_use]
    pub fn past(&self, saga: Name) -> Option<&Past> {
        self.sagas.iter().find(|past| past.saga == saga)
    }

    pub(super) fn past_mut(&mut self, saga: Name) -> Option<&mut Past> {
        self.sagas.iter_mut().find(|past| past.saga == saga)
    }
}

/// Participants keep their names: a definition names them.
impl Permute for History {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}
