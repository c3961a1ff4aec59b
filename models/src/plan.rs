//! What the sagas of a world are made of, as data: a simulation's trace files hold it. One kind of plan serves sagas that an
//! orchestrator leads and those that their participants lead among themselves.

use std::time::Duration;

use quorate::id::NodeId;
use quorate::saga::{
    Definition, DefinitionError, DefinitionId, Doubt, Kind, Outline, Policy, Step, StepId, StepSet, TaskId,
    Version,
};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

/// How long an attempt may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);
/// The longest wait for the next attempt.
const BACKOFF: Duration = Duration::from_millis(200);
/// How long a saga may take to come to its pivot, where that is limited.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct PlanStep {
    /// What may become of it.
    pub kind: Kind,
    /// The steps before it.
    pub after: Vec<u8>,
    /// The node that carries it out.
    pub service: u64,
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
    /// These steps, each of a kind and after others, all of them of the first node; two attempts each way.
    #[must_use]
    pub fn of(steps: &[(Kind, &[u8])]) -> Self {
        let placed: Vec<_> = steps.iter().map(|(kind, after)| (0, *kind, *after)).collect();
        Self::placed(&placed).tried(2, 2)
    }

    /// These steps, each at a node, of a kind and after others; one attempt each way.
    #[must_use]
    pub fn placed(steps: &[(u64, Kind, &[u8])]) -> Self {
        let step = |(service, kind, after): &(u64, Kind, &[u8])| PlanStep {
            kind: *kind,
            after: after.to_vec(),
            service: *service,
            probed: false,
            attempts: (1, 1),
        };
        Self { steps: steps.iter().map(step).collect(), hurried: false }
    }

    /// The first before two others, and both before a pivot.
    #[must_use]
    pub fn diamond() -> Self {
        use Kind::{Compensatable, Pivot};
        Self::of(&[(Compensatable, &[]), (Compensatable, &[0]), (Compensatable, &[0]), (Pivot, &[1, 2])])
    }

    /// One after the other.
    #[must_use]
    pub fn chain(kinds: &[Kind]) -> Self {
        let before: Vec<[u8; 1]> = (0..).zip(kinds).map(|(at, _): (u8, _)| [at.saturating_sub(1)]).collect();
        let steps: Vec<(Kind, &[u8])> = kinds
            .iter()
            .zip(&before)
            .enumerate()
            .map(|(at, (kind, before))| (*kind, if at == 0 { &[][..] } else { &before[..] }))
            .collect();
        Self::of(&steps)
    }

    /// The same, with each step changed.
    #[must_use]
    pub fn each(mut self, change: impl FnMut((usize, &mut PlanStep))) -> Self {
        self.steps.iter_mut().enumerate().for_each(change);
        self
    }

    /// The same, probed when in doubt.
    #[must_use]
    pub fn probed(self) -> Self {
        self.each(|(_, step)| step.probed = true)
    }

    /// The same, at services: step `n` at node `n % services + 1`.
    #[must_use]
    pub fn at_services(self, services: u64) -> Self {
        self.each(|(at, step)| step.service = (at as u64).checked_rem(services).unwrap_or(0) + 1)
    }

    /// The same, with a deadline.
    #[must_use]
    pub fn hurried(self) -> Self {
        Self { hurried: true, ..self }
    }

    /// The same with so many attempts each way.
    #[must_use]
    pub fn tried(self, forward: u16, back: u16) -> Self {
        self.each(|(_, step)| step.attempts = (forward, back))
    }

    /// The definition, under the name that the plan at this place has.
    ///
    /// # Errors
    /// Why it does not stand.
    pub fn define(&self, place: usize, version: u32) -> Result<Definition, DefinitionError> {
        let mut outline = Outline::new();
        for (at, step) in self.steps.iter().enumerate() {
            outline.step(step.made(at));
        }
        self.defined(outline, place, version)
    }

    /// The definition of this plan twice, as subsagas: the second after the first, with the kinds of `second`.
    ///
    /// # Errors
    /// Why it does not stand.
    pub fn joined(&self, second: &Self) -> Result<(Self, Definition), DefinitionError> {
        let outline = |plan: &Self, offset: usize| {
            let mut outline = Outline::new();
            for (at, step) in plan.steps.iter().enumerate() {
                outline.step(step.made(at + offset));
            }
            outline
        };
        let mut whole = Outline::new();
        let last = whole.subsaga(&outline(self, 0), &[]);
        whole.subsaga(&outline(second, self.steps.len()), &last);
        let definition = self.defined(whole, 0, 1)?;
        let after = |step: &Step| step.after.iter().map(|id| id.0).collect();
        let steps = definition.steps().iter().zip(self.steps.iter().chain(&second.steps));
        let steps = steps.map(|(made, step)| PlanStep { after: after(made), ..step.clone() }).collect();
        Ok((Self { steps, hurried: self.hurried }, definition))
    }

    fn defined(&self, outline: Outline, place: usize, version: u32) -> Result<Definition, DefinitionError> {
        let definition = Definition::new(DefinitionId(place as u64 + 1), Version(version), outline)?;
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
        let (task, service) = (TaskId(at as u64), NodeId(self.service));
        Step { task, service, kind: self.kind, after, policy }
    }
}

/// All steps that come after `step`, through others or directly.
pub(crate) fn later(definition: &Definition, step: StepId) -> StepSet {
    let mut all = definition.before(step);
    loop {
        let more = all.iter().fold(all, |set, step| set.and(definition.before(step)));
        if more == all {
            return all;
        }
        all = more;
    }
}
