//! What one explorer made of one planted mutant, whichever explorer it was.

use serde::Serialize;

use super::spec::Mutant;

/// Whether an explorer found a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// An expected property fell.
    Found,
    /// The edited line was executed, or is not marked, and no expected property fell.
    Missed,
    /// The edited line was never executed.
    NotReached,
    /// It came to no end, or left no results.
    Failed,
}

/// What an explorer made of a mutant: `search` and `simulator` in the JSON of a [`Grade`](super::grade::Grade).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// Whether it found it.
    pub(crate) verdict: Verdict,
    /// What explored: `dfs`, `bfs`, `lasso`, `simulator`; of a search, `search` where none alone can be named.
    pub(crate) explorer: String,
    /// The property that fell, expected or not.
    pub(crate) property: Option<String>,
    /// Search: the world in which it fell.
    pub(crate) world: Option<String>,
    /// Search: distinct states of that world, or of all worlds if nothing fell.
    pub(crate) states: Option<u64>,
    /// Simulator: the seed that fell.
    pub(crate) seed: Option<u64>,
    /// Simulator: how many seeds that took, or how many held.
    pub(crate) seeds: Option<u64>,
    /// Simulator: the event of that seed at which it fell.
    pub(crate) event: Option<u64>,
    /// Seconds that it ran; the build is not counted, making the trace short is.
    pub(crate) seconds: f64,
    /// Actions in the trace: of a search the one it shows, of the simulator the minimised one.
    pub(crate) steps: Option<usize>,
    /// Whether the marked line was executed; null if none is marked.
    pub(crate) reached: Option<bool>,
    /// Why it cannot find this one, as the mutant's file says.
    pub(crate) argument: Option<String>,
    /// Whether that argument speaks of runs as far as this one: one that goes further may find more.
    pub(crate) binding: bool,
    /// What went wrong, or which parts did not come to their end.
    pub(crate) detail: Option<String>,
}

impl Finding {
    /// Of a run that has found nothing so far.
    pub(crate) fn missed(explorer: &str, argument: Option<&String>, binding: bool) -> Self {
        Self {
            verdict: Verdict::Missed,
            explorer: explorer.to_owned(),
            property: None,
            world: None,
            states: None,
            seed: None,
            seeds: None,
            event: None,
            seconds: 0.0,
            steps: None,
            reached: None,
            argument: argument.cloned(),
            binding,
            detail: None,
        }
    }

    /// Sets the verdict of a run that came to results; `expected` are the properties that count.
    pub(crate) fn conclude(&mut self, expected: &[&String]) {
        self.verdict = match &self.property {
            Some(fell) if expected.contains(&fell) => Verdict::Found,
            None if self.reached == Some(false) => Verdict::NotReached,
            Some(_) | None => Verdict::Missed,
        };
    }

    /// The finding of a run that left no results.
    pub(crate) fn failed(mut self, why: String) -> Self {
        (self.verdict, self.detail) = (Verdict::Failed, Some(why));
        self
    }

    /// Whether an expected property fell.
    pub(crate) fn found(&self) -> bool {
        self.verdict == Verdict::Found
    }

    /// What is not as `mutant` claims, if anything.
    pub(crate) fn complaint(&self, mutant: &Mutant, role: Role) -> Option<String> {
        let (who, key) = (role.name(), role.key());
        let detail = self.detail.as_ref().map_or_else(String::new, |detail| format!("; {detail}"));
        match (self.verdict, &self.property, &self.argument) {
            (Verdict::Found, _, Some(_)) if self.binding => {
                Some(format!("{who} finds it, though argued not to: take `{key}` out"))
            }
            (Verdict::Found, ..) => None,
            (Verdict::Failed, ..) => {
                Some(format!("{who} gave no results: {}", self.detail.as_deref().unwrap_or("")))
            }
            (_, Some(fell), _) => {
                let expected = role.expected(&mutant.spec);
                let expected: Vec<&str> = expected.iter().map(|name| name.as_str()).collect();
                Some(format!("{who}: fell: {fell}, expected: {}{detail}", expected.join(" or ")))
            }
            (_, None, Some(_)) => None,
            (Verdict::NotReached, None, None) => {
                Some(format!("{who} does not reach the edited line{detail}"))
            }
            (Verdict::Missed, None, None) => Some(format!("{who} saw no property fall{detail}")),
        }
    }
}

/// Which of the explorers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The exhaustive checks.
    Search,
    /// The simulator.
    Simulator,
}

impl Role {
    /// For people.
    const fn name(self) -> &'static str {
        match self {
            Self::Search => "the search",
            Self::Simulator => "the simulator",
        }
    }

    /// The key of a mutant's file that argues why it finds nothing.
    const fn key(self) -> &'static str {
        match self {
            Self::Search => "search_misses",
            Self::Simulator => "simulator_misses",
        }
    }

    /// The properties of which one must fall.
    pub(crate) fn expected(self, spec: &super::spec::Spec) -> Vec<&String> {
        let further: &[String] = if self == Self::Simulator { &spec.simulator_expect } else { &[] };
        spec.expect.iter().chain(further).collect()
    }
}
