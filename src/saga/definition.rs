//! What a saga is made of: steps in a directed acyclic graph. A [`Definition`] that exists is right.

#[cfg(feature = "serde")]
mod serial;

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::{DefinitionId, StepId, TaskId, Version};
use crate::id::NodeId;
use crate::time::Delay;

/// The most steps a saga may have, those of its subsagas included: one bit each in a [`StepSet`].
pub const MAX_STEPS: usize = 64;

/// A set of steps of one saga, as a bit mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct StepSet(u64);

impl StepSet {
    /// No step.
    pub const EMPTY: Self = Self(0);

    /// One step; one past [`MAX_STEPS`] gives the empty set.
    #[must_use]
    pub const fn of(step: StepId) -> Self {
        if (step.0 as usize) < MAX_STEPS { Self(1 << step.0) } else { Self(0) }
    }

    /// The first `steps` steps.
    #[must_use]
    pub const fn first(steps: usize) -> Self {
        if steps >= MAX_STEPS { Self(u64::MAX) } else { Self((1 << steps) - 1) }
    }

    /// Whether `step` is in the set.
    #[must_use]
    pub const fn contains(self, step: StepId) -> bool {
        self.0 & Self::of(step).0 != 0
    }

    /// Whether every step of `other` is in the set.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The steps in either.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The steps in both.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The steps that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no step is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many steps are in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The steps in the set, ascending.
    pub fn iter(self) -> impl Iterator<Item = StepId> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let step = u8::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
            rest &= rest - 1;
            Some(StepId(step))
        })
    }
}

/// What may become of a step once it has begun (Garcia-Molina and Salem 1987; the three kinds are Richardson's,
/// *Microservices Patterns*, 2018, 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the three kinds of the literature")]
pub enum Kind {
    /// Can be undone: its service knows a compensation. Comes before the pivot, where there is one.
    Compensatable,
    /// Decides: done, the saga goes forward to its end; refused, it goes back. Never undone.
    Pivot,
    /// Comes after the pivot and succeeds at last. Never undone.
    Retriable,
}

/// What to do about a step whose outcome is unknown. Either way it is never guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "ask or say it again; there is no third")]
pub enum Doubt {
    /// Ask the service what became of the key, and tell it to do the step only if it has not seen it.
    Probe,
    /// Tell the service again, under the same key.
    Retry,
}

/// How patient a saga is with one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "made by the embedder")]
pub struct Policy {
    /// How long an attempt may take before its outcome counts as unknown.
    pub timeout: Delay,
    /// The longest wait before the second attempt. Each later one may be twice as long, up to
    /// [`Self::backoff_max`]; the driver draws from the upper half, so that many sagas do not come back at once.
    pub backoff: Duration,
    /// The longest wait between two attempts.
    pub backoff_max: Duration,
    /// The most attempts to do the step, the first included. Used up, a compensatable step is undone with all
    /// others; any other is stuck.
    pub attempts: u16,
    /// The most attempts to undo it. Used up, the step is stuck.
    pub undo_attempts: u16,
    /// What to do when the outcome is unknown.
    pub doubt: Doubt,
}

impl Default for Policy {
    /// Timeouts after 10 s, 5 attempts to do and 10 to undo, 100 ms to 30 s apart, and retries when in doubt.
    fn default() -> Self {
        Self {
            timeout: Delay::exactly(Duration::from_secs(10)),
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            attempts: 5,
            undo_attempts: 10,
            doubt: Doubt::Retry,
        }
    }
}

impl Policy {
    /// The wait after `tries` attempts that came to nothing, at least one.
    #[must_use]
    pub fn backoff_after(&self, tries: u16) -> Delay {
        let doublings = u32::from(tries.saturating_sub(1)).min(31);
        let longest = self.backoff.saturating_mul(1 << doublings).min(self.backoff_max);
        Delay::between(longest / 2, longest)
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_structs, reason = "made by the embedder")]
pub struct Step {
    /// What is to be done, in words that the service understands.
    pub task: TaskId,
    /// Who does it. The orchestrator's own node stands for the application around it.
    pub service: NodeId,
    /// What may become of it.
    pub kind: Kind,
    /// The steps that must be done before it.
    pub after: Vec<StepId>,
    /// How patient to be.
    pub policy: Policy,
}

/// The steps of a saga while they are put together; not yet checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Outline {
    steps: Vec<Step>,
}

impl Outline {
    /// No steps yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { steps: Vec::new() }
    }

    /// Adds a step, and names it.
    pub fn step(&mut self, step: Step) -> StepId {
        let id = step_id(self.steps.len());
        self.steps.push(step);
        id
    }

    /// Adds the steps of another saga, the first of them after `after`, and names the last of them: those that
    /// none of its other steps comes after.
    ///
    /// A subsaga is no saga of its own: its steps are steps of this one, so that whatever is true of a saga is
    /// true of one with subsagas.
    pub fn subsaga(&mut self, sub: &Self, after: &[StepId]) -> Vec<StepId> {
        if sub.steps.is_empty() {
            return after.to_vec();
        }
        let offset = self.steps.len();
        let moved = |step: &StepId| step_id(offset.saturating_add(usize::from(step.0)));
        for step in &sub.steps {
            let inner = step.after.iter().map(moved);
            let after = if step.after.is_empty() { after.to_vec() } else { inner.collect() };
            self.steps.push(Step { after, ..step.clone() });
        }
        let steps = (0..sub.steps.len()).map(step_id);
        let last = steps.filter(|id| !sub.steps.iter().any(|step| step.after.contains(id)));
        last.map(|id| moved(&id)).collect()
    }
}

/// A name for the step at `at`; past the range it names nothing, and validation says that there are too many.
fn step_id(at: usize) -> StepId {
    StepId(u8::try_from(at).unwrap_or(u8::MAX))
}

/// A saga as it is to run, checked. Change it under a new [`Version`], and keep the old one in the
/// [configuration](super::Config) until no saga runs under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Definition {
    id: DefinitionId,
    version: Version,
    deadline: Option<Duration>,
    steps: Vec<Step>,
    /// For each step, those that must be done before it.
    after: Vec<StepSet>,
    /// For each step, those that come right after it.
    before: Vec<StepSet>,
    pivot: Option<StepId>,
    shape: u64,
}

impl Definition {
    /// Checks the steps of `outline`: a graph without cycles, at most one pivot, compensatable steps before it and
    /// retriable ones after it, so that whether to go on or back is never in doubt.
    ///
    /// # Errors
    /// The first thing that does not stand.
    pub fn new(id: DefinitionId, version: Version, outline: Outline) -> Result<Self, DefinitionError> {
        let steps = outline.steps;
        if steps.is_empty() {
            return Err(DefinitionError::Empty);
        }
        if steps.len() > MAX_STEPS {
            return Err(DefinitionError::TooManySteps);
        }
        let mut after = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            after.push(dependencies(step_id(at), step, steps.len())?);
        }
        let ancestors = ancestors(&after)?;
        let pivot = pivot(&steps, &ancestors)?;
        let before = (0..steps.len()).map(|at| dependents(&after, step_id(at))).collect();
        let shape = shape(&steps);
        Ok(Self { id, version, deadline: None, steps, after, before, pivot, shape })
    }

    /// The same with a deadline: a saga that has not begun its pivot (or, without one, is not completed) by then
    /// goes back. The time begins anew when the orchestrator restarts, for clocks of two lives are not comparable;
    /// an application with a clock on the wall cancels.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> DefinitionId {
        self.id
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How long a saga may take to come to its pivot.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// The steps, in the order of their ids.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step called `id`.
    #[must_use]
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get(usize::from(id.0))
    }

    /// The steps that must be done before `id`.
    #[must_use]
    pub fn after(&self, id: StepId) -> StepSet {
        self.after.get(usize::from(id.0)).copied().unwrap_or_default()
    }

    /// The steps that wait for `id` itself.
    #[must_use]
    pub fn before(&self, id: StepId) -> StepSet {
        self.before.get(usize::from(id.0)).copied().unwrap_or_default()
    }

    /// Every step.
    #[must_use]
    pub const fn all(&self) -> StepSet {
        StepSet::first(self.steps.len())
    }

    /// The step that decides, if there is one.
    #[must_use]
    pub const fn pivot(&self) -> Option<StepId> {
        self.pivot
    }

    /// A fingerprint of tasks, kinds and dependencies, the same on every platform: a running saga goes on only
    /// under the shape that it began with. Policies may change, and so may services, if they take along what they
    /// know of keys.
    #[must_use]
    pub const fn shape(&self) -> u64 {
        self.shape
    }
}

fn dependencies(id: StepId, step: &Step, steps: usize) -> Result<StepSet, DefinitionError> {
    if step.policy.attempts == 0 || step.policy.undo_attempts == 0 {
        return Err(DefinitionError::NoAttempts(id));
    }
    if let Some(on) = step.after.iter().copied().find(|on| usize::from(on.0) >= steps) {
        return Err(DefinitionError::UnknownDependency { step: id, on });
    }
    Ok(step.after.iter().fold(StepSet::EMPTY, |set, on| set.and(StepSet::of(*on))))
}

fn dependents(after: &[StepSet], id: StepId) -> StepSet {
    let waiting = after.iter().enumerate().filter(|(_, after)| after.contains(id));
    waiting.fold(StepSet::EMPTY, |set, (at, _)| set.and(StepSet::of(step_id(at))))
}

/// For each step, all that must be done before it (Kahn 1962, with sets for queues).
fn ancestors(after: &[StepSet]) -> Result<Vec<StepSet>, DefinitionError> {
    let mut ancestors: Vec<StepSet> = after.to_vec();
    let mut sorted = StepSet::EMPTY;
    while sorted.len() < after.len() {
        let before = sorted;
        for (at, direct) in after.iter().enumerate() {
            if sorted.contains(step_id(at)) || !before.includes(*direct) {
                continue;
            }
            let all = direct.iter().filter_map(|on| ancestors.get(usize::from(on.0)));
            let all = all.fold(*direct, |all, more| all.and(*more));
            if let Some(place) = ancestors.get_mut(at) {
                *place = all;
            }
            sorted = sorted.and(StepSet::of(step_id(at)));
        }
        if sorted == before {
            let first = StepSet::first(after.len()).without(sorted).iter().next();
            return Err(DefinitionError::Cycle(first.unwrap_or_default()));
        }
    }
    Ok(ancestors)
}

/// The one pivot, and whether every other step is on its side of it.
fn pivot(steps: &[Step], ancestors: &[StepSet]) -> Result<Option<StepId>, DefinitionError> {
    let named = || steps.iter().enumerate().map(|(at, step)| (step_id(at), step.kind));
    let mut pivots = named().filter(|(_, kind)| *kind == Kind::Pivot).map(|(id, _)| id);
    let pivot = pivots.next();
    if let (Some(first), Some(second)) = (pivot, pivots.next()) {
        return Err(DefinitionError::TwoPivots(first, second));
    }
    let of = |id: StepId| ancestors.get(usize::from(id.0)).copied().unwrap_or_default();
    for (id, kind) in named() {
        match kind {
            Kind::Compensatable if pivot.is_some_and(|pivot| !of(pivot).contains(id)) => {
                return Err(DefinitionError::NotBeforePivot(id));
            }
            Kind::Retriable if !pivot.is_some_and(|pivot| of(id).contains(pivot)) => {
                return Err(DefinitionError::NotAfterPivot(id));
            }
            _ => {}
        }
    }
    Ok(pivot)
}

/// FNV-1a: not to keep anybody out, only to notice what changed by mistake.
fn shape(steps: &[Step]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for (at, step) in steps.iter().enumerate() {
        let kind = match step.kind {
            Kind::Compensatable => 0,
            Kind::Pivot => 1,
            Kind::Retriable => 2,
        };
        let after = step.after.iter().fold(StepSet::EMPTY, |set, on| set.and(StepSet::of(*on)));
        take(&[step_id(at).0, kind]);
        take(&step.task.0.to_le_bytes());
        take(&after.0.to_le_bytes());
    }
    hash
}

/// Why a definition does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DefinitionError {
    /// There is no step.
    Empty,
    /// There are more than [`MAX_STEPS`] steps.
    TooManySteps,
    /// A step comes after one that does not exist.
    UnknownDependency {
        /// The step.
        step: StepId,
        /// What it comes after.
        on: StepId,
    },
    /// A step comes after itself, through others or directly.
    Cycle(StepId),
    /// Two steps would decide.
    TwoPivots(StepId, StepId),
    /// A compensatable step may still run when the pivot is done, and could then neither fail nor be undone.
    NotBeforePivot(StepId),
    /// A retriable step may run before the pivot is done, and could not be undone if that is refused.
    NotAfterPivot(StepId),
    /// A step may never be attempted, or never be undone.
    NoAttempts(StepId),
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the saga has no step"),
            Self::TooManySteps => write!(f, "the saga has more than {MAX_STEPS} steps"),
            Self::UnknownDependency { step, on } => {
                write!(f, "{step} comes after {on}, which does not exist")
            }
            Self::Cycle(step) => write!(f, "{step} comes after itself"),
            Self::TwoPivots(first, second) => write!(f, "{first} and {second} are both pivots"),
            Self::NotBeforePivot(step) => {
                write!(f, "{step} is compensatable and must come before the pivot")
            }
            Self::NotAfterPivot(step) => write!(f, "{step} is retriable and must come after the pivot"),
            Self::NoAttempts(step) => {
                write!(f, "{step} may never be attempted: give it one attempt each way")
            }
        }
    }
}

impl core::error::Error for DefinitionError {}
