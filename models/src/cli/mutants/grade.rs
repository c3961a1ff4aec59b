//! From what explorers made of a planted mutant to what became of it.

use serde::Serialize;

use super::finding::{Finding, Role, Verdict};
use super::spec::{Claim, Mutant};

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// An expected property fell, in one explorer at least.
    Killed,
    /// The edited line was reached, or is not marked, and no expected property fell.
    Survived,
    /// No explorer reached the edited line.
    NotReached,
    /// No explorer that was asked finds it, as argued; the other one is not argued to miss it.
    Missed,
    /// Nothing fell, as argued.
    Equivalent,
    /// Not planted, as argued.
    Inapplicable,
    /// The edit no longer fits the sources, or names what does not exist.
    Stale,
    /// The edited sources do not compile.
    BuildFailed,
}

/// All outcomes, the best first.
pub(crate) const OUTCOMES: [Outcome; 8] = [
    Outcome::Killed,
    Outcome::Survived,
    Outcome::NotReached,
    Outcome::Missed,
    Outcome::Equivalent,
    Outcome::Inapplicable,
    Outcome::Stale,
    Outcome::BuildFailed,
];

impl Outcome {
    /// For people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Survived => "SURVIVED",
            Self::NotReached => "NOT REACHED",
            Self::Missed => "missed",
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
    /// Further ones that count in the simulator.
    pub(crate) simulator_expect: Vec<String>,
    /// What became of it.
    pub(crate) outcome: Outcome,
    /// Whether this is as claimed, by each explorer that was asked.
    pub(crate) passed: bool,
    /// The explorers in which an expected property fell: `dfs`, `bfs`, `lasso`, `simulator`.
    pub(crate) found_by: Vec<String>,
    /// Whether an explorer reached the marked line; null if none is marked or nothing was run.
    pub(crate) reached: Option<bool>,
    /// Why it is equivalent or inapplicable.
    pub(crate) argument: Option<String>,
    /// What the exhaustive checks made of it; null if they were not run.
    pub(crate) search: Option<Finding>,
    /// What the simulator made of it; null if it was not run, or the protocol has none.
    pub(crate) simulator: Option<Finding>,
    /// What is not as it should be.
    pub(crate) detail: Option<String>,
}

impl Grade {
    /// What the search made of it, or the simulator, where that alone found it or alone was run.
    pub(crate) fn first(&self) -> Option<&Finding> {
        let found = |finding: &&Finding| finding.verdict == Verdict::Found;
        let (search, simulator) = (self.search.as_ref(), self.simulator.as_ref());
        search.filter(found).or_else(|| simulator.filter(found)).or(search).or(simulator)
    }

    /// The grade of a mutant of which nothing could be observed.
    pub(crate) fn unobserved(mutant: &Mutant, outcome: Outcome, detail: Option<String>) -> Self {
        let spec = &mutant.spec;
        Self {
            protocol: mutant.protocol.clone(),
            name: spec.name.clone(),
            source: spec.source.clone(),
            why: spec.why.trim().to_owned(),
            expect: spec.expect.clone(),
            simulator_expect: spec.simulator_expect.clone(),
            outcome,
            passed: matches!(outcome, Outcome::Equivalent | Outcome::Inapplicable),
            found_by: Vec::new(),
            reached: None,
            argument: spec.argument.clone(),
            search: None,
            simulator: None,
            detail,
        }
    }

    /// The grade of a mutant that was planted and run.
    pub(crate) fn of(mutant: &Mutant, search: Option<Finding>, simulator: Option<Finding>) -> Self {
        let mut grade = Self::unobserved(mutant, Outcome::Survived, None);
        let findings: Vec<(Role, &Finding)> = [(Role::Search, &search), (Role::Simulator, &simulator)]
            .into_iter()
            .filter_map(|(role, finding)| Some((role, finding.as_ref()?)))
            .collect();
        let found = findings.iter().filter(|(_, finding)| finding.found());
        grade.found_by = found.map(|(_, finding)| finding.explorer.clone()).collect();
        let reached = findings.iter().filter_map(|(_, finding)| finding.reached);
        grade.reached = reached.reduce(|one, other| one || other);
        let complaints: Vec<String> = match mutant.spec.expected_outcome {
            Claim::Killed => {
                grade.outcome = killed(&findings, !grade.found_by.is_empty());
                findings.iter().filter_map(|(role, finding)| finding.complaint(mutant, *role)).collect()
            }
            Claim::Equivalent => grade.harmless(Outcome::Equivalent, &findings),
            Claim::Inapplicable => grade.harmless(Outcome::Inapplicable, &findings),
        };
        grade.passed = complaints.is_empty() && !findings.is_empty();
        grade.detail = (!complaints.is_empty()).then(|| complaints.join("; "));
        (grade.search, grade.simulator) = (search, simulator);
        grade
    }

    /// Sets the outcome of one that is argued to make no difference: what speaks against that.
    fn harmless(&mut self, argued: Outcome, findings: &[(Role, &Finding)]) -> Vec<String> {
        let failed = findings.iter().filter(|(_, finding)| finding.verdict == Verdict::Failed);
        let failed: Vec<String> =
            failed.map(|(_, finding)| finding.detail.clone().unwrap_or_default()).collect();
        let fallen: Vec<&Finding> = findings
            .iter()
            .map(|(_, finding)| *finding)
            .filter(|finding| finding.property.is_some())
            .collect();
        if fallen.is_empty() {
            self.outcome = if failed.is_empty() { argued } else { Outcome::Survived };
            return failed;
        }
        self.outcome = Outcome::Killed;
        self.found_by = fallen.iter().map(|finding| finding.explorer.clone()).collect();
        let said = |finding: &&Finding| {
            let fell = finding.property.as_deref().unwrap_or_default();
            format!("argued to make no difference, yet this fell ({}): {fell}", finding.explorer)
        };
        fallen.iter().map(said).chain(failed).collect()
    }
}

/// The outcome of a mutant that is to be killed.
fn killed(findings: &[(Role, &Finding)], found: bool) -> Outcome {
    let all = |verdict| findings.iter().all(|(_, finding)| finding.verdict == verdict);
    let argued = |(_, finding): &(Role, &Finding)| {
        finding.argument.is_some() && finding.property.is_none() && finding.verdict != Verdict::Failed
    };
    match found {
        true => Outcome::Killed,
        false if findings.iter().all(argued) => Outcome::Missed,
        false if all(Verdict::NotReached) => Outcome::NotReached,
        false => Outcome::Survived,
    }
}
