//! What the sagas of a world are made of, as data: a simulation's trace files hold it.

use std::time::Duration;

use quorate::id::NodeId;
use quorate::saga::{
    Definition, DefinitionError, DefinitionId, Doubt, Kind, Outline, Policy, Step, StepId, StepSet, TaskId,
    Version,
};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

/// How long an attempt may take, and the longest wait for the next.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
const BACKOFF: Duration = Duration::from_millis(200);
/// How long a saga may take to come to its pivot, where that is limited.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct PlanStep {
    /// The node that carries it out.
    pub node: u64,
    /// What may become of it.
    pub kind: Kind,
    /// The steps before it.
    pub after: Vec<u8>,
    /// Whether it is probed when in doubt, rather than called again.
    pub probed: bool,
    /// How often it is tried each way.
    pub attempts: (u16, u16),
}

/// A definition as data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct Plan {
    /// Its steps.
    pub steps: Vec<PlanStep>,
    /// Whether it has a deadline.
    pub hurried: bool,
}

impl Plan {
    /// These steps, each at a node, of a kind and after others; one attempt each way.
    #[must_use]
    pub fn of(steps: &[(u64, Kind, &[u8])]) -> Self {
        let step = |(node, kind, after): &(u64, Kind, &[u8])| PlanStep {
            node: *node,
            kind: *kind,
            after: after.to_vec(),
            probed: false,
            attempts: (1, 1),
        };
        Self { steps: steps.iter().map(step).collect(), hurried: false }
    }

    /// The same, probed when in doubt.
    #[must_use]
    pub fn probed(mut self) -> Self {
        self.steps.iter_mut().for_each(|step| step.probed = true);
        self
    }

    /// The same, with so many attempts each way.
    #[must_use]
    pub fn tried(mut self, forward: u16, back: u16) -> Self {
        self.steps.iter_mut().for_each(|step| step.attempts = (forward, back));
        self
    }

    /// The same, with a deadline.
    #[must_use]
    pub fn hurried(self) -> Self {
        Self { hurried: true, ..self }
    }

    /// The definition, under the name that the plan at this place has.
    ///
    /// # Errors
    /// Why it does not stand.
    pub fn define(&self, place: usize) -> Result<Definition, DefinitionError> {
        let mut outline = Outline::new();
        for (at, step) in self.steps.iter().enumerate() {
            outline.step(step.made(at));
        }
        let definition = Definition::new(DefinitionId(place as u64 + 1), Version(1), outline)?;
        Ok(if self.hurried { definition.with_deadline(DEADLINE) } else { definition })
    }
}

impl PlanStep {
    fn made(&self, at: usize) -> Step {
        let policy = Policy {
            timeout: Delay::exactly(TIMEOUT),
            backoff: BACKOFF,
            backoff_max: BACKOFF,
            attempts: self.attempts.0,
            undo_attempts: self.attempts.1,
            doubt: if self.probed { Doubt::Probe } else { Doubt::Retry },
        };
        let after = self.after.iter().map(|step| StepId(*step)).collect();
        let (task, service) = (TaskId(at as u64), NodeId(self.node));
        Step { task, service, kind: self.kind, after, policy }
    }
}

/// All steps that come after `step`, through others or directly.
pub(super) fn later(definition: &Definition, step: StepId) -> StepSet {
    let mut all = definition.before(step);
    loop {
        let more = all.iter().fold(all, |set, step| set.and(definition.before(step)));
        if more == all {
            return all;
        }
        all = more;
    }
}

/// The steps that `node` carries out.
pub(super) fn steps_of(definition: &Definition, node: NodeId) -> StepSet {
    let mine = |step: &StepId| definition.step(*step).is_some_and(|step| step.service == node);
    definition.all().iter().filter(mine).fold(StepSet::EMPTY, |set, step| set.and(StepSet::of(step)))
}
