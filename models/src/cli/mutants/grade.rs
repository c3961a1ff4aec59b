//! From what a planted check found to what became of the mutant.

use serde::{Deserialize, Serialize};

use crate::check::Kind;

use super::spec::{Claim, Mutant};

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// An expected property fell.
    Killed,
    /// The edited line was reached, or is not marked, and no expected property fell.
    Survived,
    /// No explored transition reached the edited line.
    NotReached,
    /// Nothing fell, as argued.
    Equivalent,
    /// Not planted, as argued.
    Inapplicable,
    /// The edit no longer fits the sources, or names what does not exist.
    Stale,
    /// The edited sources do not compile.
    BuildFailed,
}

impl Outcome {
    /// For people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Survived => "SURVIVED",
            Self::NotReached => "NOT REACHED",
            Self::Equivalent => "equivalent",
            Self::Inapplicable => "inapplicable",
            Self::Stale => "STALE",
            Self::BuildFailed => "BUILD FAILED",
        }
    }
}

/// A mutant's grade, as `mutants --json` writes it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Grade {
    /// The protocol.
    pub(crate) protocol: String,
    /// The mutant.
    pub(crate) name: String,
    /// Where it comes from.
    pub(crate) source: String,
    /// How it breaks the protocol.
    pub(crate) why: String,
    /// The properties of which one had to fall.
    pub(crate) expect: Vec<String>,
    /// What became of it.
    pub(crate) outcome: Outcome,
    /// The property that fell, expected or not.
    pub(crate) property: Option<String>,
    /// The world in which it fell.
    pub(crate) world: Option<String>,
    /// What explored that world.
    pub(crate) explorer: Option<String>,
    /// Seconds that its checks ran, the build not counted; 0 if they did not.
    pub(crate) seconds: f64,
    /// The length of the trace.
    pub(crate) steps: Option<usize>,
    /// Distinct states found in the world in which it fell, or in all worlds if none did.
    pub(crate) unique: Option<u64>,
    /// Whether the marked line was reached; null if none is marked or nothing was run.
    pub(crate) reached: Option<bool>,
    /// The argument, or what went wrong.
    pub(crate) detail: Option<String>,
    /// Whether this is as claimed.
    pub(crate) passed: bool,
}

/// What is read of the document that `check --json` writes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Run {
    /// A check each.
    pub(crate) checks: Vec<RunCheck>,
    /// Whether the planted line was reached.
    #[serde(default)]
    pub(crate) reached: Option<bool>,
}

/// One check of a [`Run`].
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RunCheck {
    name: String,
    explorer: String,
    complete: bool,
    unique: u64,
    seconds: f64,
    properties: Vec<RunProperty>,
    violation: Option<RunViolation>,
}

#[derive(Clone, Debug, Deserialize)]
struct RunProperty {
    name: String,
    kind: Kind,
    holds: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct RunViolation {
    property: String,
    steps: Vec<String>,
}

impl Run {
    /// The names of all properties of the worlds that were run.
    pub(crate) fn properties(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().flat_map(|check| &check.properties).map(|property| property.name.as_str())
    }
}

impl RunCheck {
    /// The properties that fell: those not seen count only where every state was.
    fn fell(&self) -> impl Iterator<Item = &str> {
        let named = self.violation.as_ref().map(|violation| violation.property.as_str());
        let counts = |property: &&RunProperty| property.kind != Kind::Sometimes || self.complete;
        let others = self.properties.iter().filter(|property| !property.holds).filter(counts);
        let others = others.map(|property| property.name.as_str());
        named.into_iter().chain(others.filter(move |name| Some(*name) != named))
    }
}

impl Grade {
    /// The grade of a mutant of which nothing could be observed.
    pub(crate) fn unobserved(mutant: &Mutant, outcome: Outcome, detail: String) -> Self {
        let spec = &mutant.spec;
        Self {
            protocol: mutant.protocol.clone(),
            name: spec.name.clone(),
            source: spec.source.clone(),
            why: spec.why.clone(),
            expect: spec.expect.clone(),
            outcome,
            property: None,
            world: None,
            explorer: None,
            seconds: 0.0,
            steps: None,
            unique: None,
            reached: None,
            detail: Some(detail),
            passed: matches!(outcome, Outcome::Equivalent | Outcome::Inapplicable),
        }
    }

    /// The grade of a mutant that was planted and run; `marked` if its line can tell that it was reached.
    pub(crate) fn of(mutant: &Mutant, run: &Run, marked: bool) -> Self {
        let expected = |name: &str| mutant.spec.expect.iter().any(|expected| expected == name);
        let fallen = || run.checks.iter().flat_map(|check| check.fell().map(move |name| (check, name)));
        let killing = fallen().find(|(_, name)| expected(name));
        let mut grade = Self::unobserved(mutant, Outcome::Survived, String::new());
        grade.reached = run.reached.filter(|_| marked);
        grade.seconds = run.checks.iter().map(|check| check.seconds).sum();
        grade.unique = Some(run.checks.iter().map(|check| check.unique).sum());
        grade.detail = None;
        if let Some((check, name)) = killing.or_else(|| fallen().next()) {
            let violation = check.violation.as_ref().filter(|violation| violation.property == name);
            grade.property = Some(name.to_owned());
            grade.world = Some(check.name.clone());
            grade.explorer = Some(check.explorer.clone());
            grade.steps = violation.map(|violation| violation.steps.len());
            grade.unique = Some(check.unique);
        }
        let unfinished: Vec<&str> =
            run.checks.iter().filter(|check| !check.complete).map(|check| check.name.as_str()).collect();
        grade.conclude(mutant.spec.expected_outcome, mutant, killing.is_some(), &unfinished);
        grade
    }

    /// Sets outcome, detail and whether it passed.
    fn conclude(&mut self, claim: Claim, mutant: &Mutant, killed: bool, unfinished: &[&str]) {
        let expected = mutant.spec.expect.join(" or ");
        let fell = self.property.clone();
        (self.outcome, self.detail) = match (claim, fell) {
            (Claim::Killed, Some(_)) if killed => (Outcome::Killed, None),
            (Claim::Killed, Some(fell)) => {
                (Outcome::Survived, Some(format!("fell: {fell}, expected: {expected}")))
            }
            (Claim::Killed, None) if self.reached == Some(false) => {
                (Outcome::NotReached, Some("the worlds are too small to reach the edited line".to_owned()))
            }
            (Claim::Killed, None) => (Outcome::Survived, Some("no property fell".to_owned())),
            (Claim::Equivalent | Claim::Inapplicable, Some(fell)) => {
                (Outcome::Killed, Some(format!("argued to make no difference, yet this fell: {fell}")))
            }
            (Claim::Equivalent, None) => (Outcome::Equivalent, mutant.spec.argument.clone()),
            (Claim::Inapplicable, None) => (Outcome::Inapplicable, mutant.spec.argument.clone()),
        };
        self.passed = match claim {
            Claim::Killed => self.outcome == Outcome::Killed,
            Claim::Equivalent => self.outcome == Outcome::Equivalent,
            Claim::Inapplicable => self.outcome == Outcome::Inapplicable,
        };
        if self.property.is_none() && !unfinished.is_empty() {
            let detail = self.detail.take().unwrap_or_default();
            self.detail = Some(format!("{detail}; not explored to the end: {}", unfinished.join(", ")));
        }
    }
}
