//! What a participant keeps of a saga, and what follows from it for the steps that it carries out.
//!
//! A step of its own may have an effect once all steps before it are known to be done, for it is called right then;
//! so what was called needs no record.

use alloc::vec::Vec;

use super::{Facts, Name};
use crate::id::NodeId;
use crate::saga::flights::Flights;
use crate::saga::progress::PerStep;
use crate::saga::{Action, Cause, Definition, DefinitionId, Kind, StepId, StepSet, Version};

/// One durable step in what a participant knows of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Event {
    /// Others told it.
    Learned(Facts),
    /// The step has its effect.
    Done(StepId),
    /// The step has no effect and never will have one: this turns the saga back.
    Refused(StepId, Cause),
    /// The step may have an effect, and is given up: this turns the saga back.
    GivenUp(StepId, Cause),
    /// The step has no effect any more, or never began.
    Clean(StepId),
    /// The initiator would have the saga go back.
    Wished(Cause),
    /// So many attempts of the step, one way, came to nothing.
    Tried(StepId, u16),
    /// The step waits for an operator.
    Stuck(StepId),
    /// An operator has it tried again.
    Unstuck(StepId),
    /// The application of the initiator took note of the end.
    Noted,
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
    /// What is known.
    pub facts: Facts,
    /// The steps of this participant that wait for an operator.
    pub stuck: StepSet,
    /// How many attempts of each step of this participant came to nothing, the way the saga goes.
    pub tries: PerStep<u16>,
    /// Whether the application took note of the end; at the initiator only.
    pub noted: bool,
}

impl<D> Standing<D> {
    pub(super) fn new(plan: &Definition, input: D, facts: Facts) -> Self {
        Self {
            definition: plan.id(),
            version: plan.version(),
            shape: plan.shape(),
            input,
            facts,
            stuck: StepSet::EMPTY,
            tries: plan.steps().iter().map(|_| 0).collect(),
            noted: false,
        }
    }

    /// Takes an event, as it happens and again at each recovery. Needs no definition.
    pub(super) fn apply(&mut self, event: Event) {
        let forward = !self.facts.is_back();
        match event {
            Event::Learned(facts) => self.facts.join(&facts),
            Event::Done(step) => {
                self.facts.done = self.facts.done.and(StepSet::of(step));
                self.unstick(step);
            }
            Event::Refused(step, cause) => {
                self.give_up(step, cause);
                self.facts.clean = self.facts.clean.and(StepSet::of(step));
            }
            Event::GivenUp(step, cause) => self.give_up(step, cause),
            Event::Clean(step) => {
                self.facts.clean = self.facts.clean.and(StepSet::of(step));
                self.unstick(step);
            }
            Event::Wished(cause) => self.facts.wish = self.facts.wish.or(Some(cause)),
            Event::Tried(step, tries) => self.set_tries(step, tries),
            Event::Stuck(step) => self.stuck = self.stuck.and(StepSet::of(step)),
            Event::Unstuck(step) => {
                self.unstick(step);
                self.set_tries(step, 0);
            }
            Event::Noted => self.noted = true,
        }
        if forward && self.facts.is_back() {
            self.stuck = StepSet::EMPTY;
            self.tries.iter_mut().for_each(|tries| *tries = 0);
        }
    }

    fn give_up(&mut self, step: StepId, cause: Cause) {
        let failed = StepSet::of(step);
        self.facts.join(&Facts { cause: Some(cause), failed, ..Facts::default() });
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

    /// Whether `step`, carried out here, may have an effect. Also if its predecessors and the way back were heard of
    /// at once: which came first cannot be told after a crash, and undoing what never began does no harm.
    pub(super) fn is_exposed(&self, plan: &Definition, step: StepId) -> bool {
        plan.all().contains(step)
            && !self.facts.clean.contains(step)
            && self.facts.done.includes(plan.after(step))
    }

    /// Whether `step`, carried out here, is called, and its outcome unknown.
    pub(super) fn is_open(&self, plan: &Definition, step: StepId) -> bool {
        self.is_exposed(plan, step) && !self.facts.done.and(self.facts.failed).contains(step)
    }

    /// The steps among `mine` that are to be called now: forward, all that is open; back, all that may have an
    /// effect while nothing after them has. Those that are stuck are not.
    pub(super) fn wanted(&self, plan: &Definition, mine: StepSet) -> StepSet {
        let is_last = |step| !self.facts.done.contains(step) || self.facts.clean.includes(plan.before(step));
        let wanted = mine.without(self.stuck).iter().filter(|step| {
            if self.facts.is_back() {
                self.is_exposed(plan, *step) && is_last(*step)
            } else {
                self.is_open(plan, *step)
            }
        });
        wanted.fold(StepSet::EMPTY, |set, step| set.and(StepSet::of(step)))
    }

    /// What this participant decides by itself, of what it knows: a step that it gives up because the initiator wishes
    /// so, or one that never began and never will.
    pub(super) fn decision(&self, plan: &Definition, mine: StepSet) -> Option<Event> {
        if self.facts.is_back() {
            let open = mine.without(self.facts.clean).iter().find(|step| !self.is_exposed(plan, *step));
            return open.map(Event::Clean);
        }
        let wish = self.facts.wish?;
        let undecided = mine.without(self.facts.done).iter();
        undecided.filter_map(|step| Some((step, plan.step(step)?.kind))).find_map(|(step, kind)| {
            match (kind, self.is_exposed(plan, step)) {
                (Kind::Compensatable, true) => Some(Event::GivenUp(step, wish)),
                (Kind::Compensatable | Kind::Pivot, false) => Some(Event::Refused(step, wish)),
                // It has begun: there is no way back.
                (Kind::Pivot, true) | (Kind::Retriable, _) => None,
            }
        })
    }

    /// What is tried with a step, the way the saga goes.
    pub(super) const fn way(&self) -> Action {
        if self.facts.is_back() { Action::Undo } else { Action::Do }
    }

    /// Whether this may have come about under `plan`, at a participant that carries out `mine`.
    pub(super) fn check(&self, plan: &Definition, mine: StepSet) -> Result<(), &'static str> {
        if self.shape != plan.shape() || self.tries.len() != plan.steps().len() {
            return Err("a saga is not in the shape of its definition");
        }
        self.facts.check(plan)?;
        if self.stuck.iter().any(|step| !mine.contains(step) || !self.is_exposed(plan, step)) {
            return Err("a step is stuck that was never called here");
        }
        if self.noted && self.facts.end(plan).is_none() {
            return Err("an end was taken note of that is none");
        }
        Ok(())
    }
}

/// Another participant of a saga, and what it is known to know. Volatile: after a crash it is asked anew, by telling
/// it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    pub(super) node: NodeId,
    pub(super) known: Option<Facts>,
}

/// A saga that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Saga<D> {
    pub(super) standing: Standing<D>,
    /// The place of its definition in the configuration; none if that is not there, or not in the shape.
    pub(super) plan: Option<usize>,
    /// The steps carried out here.
    pub(super) mine: StepSet,
    pub(super) flights: Flights,
    /// All other participants, ascending.
    pub(super) peers: Vec<Peer>,
    /// The entry of the log from which on it can be told.
    pub(super) since: u64,
}

impl<D> Saga<D> {
    pub(super) fn new(
        (me, name): (NodeId, Name),
        standing: Standing<D>,
        plan: Option<(usize, &Definition)>,
        since: u64,
    ) -> Self {
        let flights = Flights::grounded(standing.tries.len());
        let (plan, definition) = (plan.map(|(place, _)| place), plan.map(|(_, definition)| definition));
        let mine = definition.map(|plan| steps_of(plan, me)).unwrap_or_default();
        let peers = definition.map(|plan| peers(plan, me, name.initiator)).unwrap_or_default();
        Self { standing, plan, mine, flights, peers, since }
    }

    /// Takes note of what `node` knows.
    pub(super) fn hear(&mut self, node: NodeId, facts: &Facts) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.node == node) {
            peer.known.get_or_insert_default().join(facts);
        }
    }
}

/// The steps that `node` carries out.
pub(super) fn steps_of(plan: &Definition, node: NodeId) -> StepSet {
    let named = (0u8..).zip(plan.steps()).filter(|(_, step)| step.service == node);
    named.fold(StepSet::EMPTY, |set, (step, _)| set.and(StepSet::of(StepId(step))))
}

fn peers(plan: &Definition, me: NodeId, initiator: NodeId) -> Vec<Peer> {
    let mut nodes: Vec<NodeId> = plan.steps().iter().map(|step| step.service).collect();
    nodes.push(initiator);
    nodes.sort_unstable();
    nodes.dedup();
    nodes.into_iter().filter(|node| *node != me).map(|node| Peer { node, known: None }).collect()
}
