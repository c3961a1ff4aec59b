//! What the properties of sagas remember: what is durable of each saga, in the plainest words, and what its services have
//! said.

use quorate::id::{NodeId, Permutation, Permute};
use quorate::saga::{Action, Definition, Epoch, Event, SagaId, Stage, StepId, StepSet};
use smallvec::SmallVec;

use crate::plan::later;

/// What happened so far, as far as properties care.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// The sagas that were ever begun durably, in that order.
    pub sagas: SmallVec<[Past; 1]>,
    /// The latest epoch in which each node has answered a call, by node.
    pub heard: SmallVec<[Epoch; 3]>,
    /// How often an operator was asked to resolve anything.
    pub resolved: u64,
}

/// What became of a saga.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Past {
    /// Its name.
    pub saga: SagaId,
    /// The steps of which it is durable that they were done, undone since or not.
    pub done: StepSet,
    /// The steps of which it is durable that they were refused.
    pub refused: StepSet,
    /// The steps of which it is durable that they were undone.
    pub undone: StepSet,
    /// Whether it is durable that it goes back.
    pub back: bool,
    /// The attempts of each step that are durable to have come to nothing, the way it goes.
    pub tries: SmallVec<[u16; 4]>,
    /// Whether it is durable that it is forgotten.
    pub forgotten: bool,
    /// The steps of which their services have said that they have their effect.
    pub has: StepSet,
    /// Those that have none and never had one.
    pub never: StepSet,
    /// Those that have none any more.
    pub gone: StepSet,
    /// Those that the application of a service was asked to do, and has not said to be without effect since.
    pub may: StepSet,
    /// Those of which the application of a service has said for good that they have no effect: it keeps to that,
    /// whatever it is still told.
    pub sworn: StepSet,
    /// Those that the application of a service was asked to take back.
    pub asked_back: StepSet,
    /// Those that were ever called to be undone.
    pub taken_back: StepSet,
    /// What the services of the orchestrator's own node were called to do in its present life: to do, probe and undo.
    pub called: [StepSet; 3],
    /// Those of which an operator was told that they are stuck, the way it goes.
    pub stuck: StepSet,
    /// Whether a cancellation was accepted.
    pub cancelled: bool,
    /// Whether it was told to be completed; none before its end was told.
    pub completed: Option<bool>,
}

impl Past {
    pub(super) fn new(saga: SagaId, steps: usize) -> Self {
        let none = StepSet::EMPTY;
        Self {
            saga,
            done: none,
            refused: none,
            undone: none,
            back: false,
            tries: SmallVec::from_elem(0, steps),
            forgotten: false,
            has: none,
            never: none,
            gone: none,
            may: none,
            sworn: none,
            asked_back: none,
            taken_back: none,
            called: [none; 3],
            stuck: none,
            cancelled: false,
            completed: None,
        }
    }

    /// The steps that were ever due: all before them were done.
    #[must_use]
    pub fn due(&self, plan: &Definition) -> StepSet {
        let due = plan.all().iter().filter(|step| self.done.includes(plan.after(*step)));
        due.fold(StepSet::EMPTY, |set, step| set.and(StepSet::of(step)))
    }

    /// Whether the pivot was ever due, and not refused.
    #[must_use]
    pub fn decided(&self, plan: &Definition) -> bool {
        plan.pivot().is_some_and(|pivot| self.due(plan).contains(pivot) && !self.refused.contains(pivot))
    }

    /// The steps whose effect is ruled out by what their services said.
    #[must_use]
    pub fn without_effect(&self) -> StepSet {
        self.never.and(self.gone)
    }

    /// The steps that were due, come after `step`, and may have an effect as far as is durable.
    #[must_use]
    pub fn exposed_after(&self, plan: &Definition, step: StepId) -> StepSet {
        later(plan, step).common(self.due(plan)).without(self.refused).without(self.undone)
    }

    /// How many attempts of `step` came to nothing.
    pub(super) fn tries(&self, step: StepId) -> u16 {
        self.tries.get(usize::from(step.0)).copied().unwrap_or(0)
    }

    fn set_tries(&mut self, step: StepId, tries: u16) {
        if let Some(place) = self.tries.get_mut(usize::from(step.0)) {
            *place = tries;
        }
    }

    /// An event is durable.
    pub(super) fn take(&mut self, event: Event) {
        let with = |set: &mut StepSet, step| *set = set.and(StepSet::of(step));
        let was_back = self.back;
        match event {
            Event::Done(step) => with(&mut self.done, step),
            Event::Refused(step) => {
                with(&mut self.refused, step);
                self.back = true;
            }
            Event::TurnedBack(_) => self.back = true,
            Event::Undone(step) => with(&mut self.undone, step),
            Event::Tried(step, tries) => self.set_tries(step, tries),
            Event::Unstuck(step) => {
                self.set_tries(step, 0);
                self.stuck = self.stuck.without(StepSet::of(step));
            }
            _ => {}
        }
        if self.back && !was_back {
            self.tries.iter_mut().for_each(|tries| *tries = 0);
            self.stuck = StepSet::EMPTY;
        }
    }

    /// Whether the application of a service knows what it was asked of `step`, and may say what became of it.
    #[must_use]
    pub fn is_asked(&self, step: StepId, stage: Stage) -> bool {
        match stage {
            Stage::Doing => self.may.contains(step),
            Stage::Undoing => self.asked_back.contains(step),
            _ => false,
        }
    }

    /// The service of `step` says that it has its effect.
    pub(super) fn says_done(&mut self, step: StepId) {
        self.has = self.has.and(StepSet::of(step));
    }

    /// The service of `step` says, when called to do it, that it has no effect and never will.
    pub(super) fn says_refused(&mut self, step: StepId) {
        let of = StepSet::of(step);
        if self.taken_back.contains(step) {
            self.gone = self.gone.and(of);
        } else {
            self.never = self.never.and(of);
        }
    }

    /// The service of `step` says that it is undone.
    pub(super) fn says_undone(&mut self, step: StepId) {
        if !self.never.contains(step) {
            self.gone = self.gone.and(StepSet::of(step));
        }
    }

    /// The service of the orchestrator's own node is called.
    pub(super) fn is_called(&mut self, action: Action, step: StepId) {
        let place = match action {
            Action::Do => 0,
            Action::Probe => 1,
            Action::Undo => 2,
        };
        if let Some(set) = self.called.get_mut(place) {
            *set = set.and(StepSet::of(step));
        }
    }
}

impl History {
    /// What became of a saga, if it was ever begun.
    #[must_use]
    pub fn past(&self, saga: SagaId) -> Option<&Past> {
        self.sagas.iter().find(|past| past.saga == saga)
    }

    pub(super) fn past_mut(&mut self, saga: SagaId) -> Option<&mut Past> {
        self.sagas.iter_mut().find(|past| past.saga == saga)
    }

    /// The latest epoch in which `node` has answered a call.
    #[must_use]
    pub fn heard(&self, node: NodeId) -> Epoch {
        usize::try_from(node.0).ok().and_then(|at| self.heard.get(at)).copied().unwrap_or_default()
    }

    pub(super) fn hears(&mut self, node: NodeId, epoch: Epoch) {
        let Ok(at) = usize::try_from(node.0) else { return };
        if self.heard.len() <= at {
            self.heard.resize(at + 1, Epoch(0));
        }
        if let Some(place) = self.heard.get_mut(at) {
            *place = epoch.max(*place);
        }
    }
}

/// Nodes keep their names: a definition names its services.
impl Permute for History {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}
