//! What an exploration met: how often each kind of input met each phase, which transitions it saw, what was refused,
//! and whether what a property speaks of ever came about.
//!
//! A check that holds may hold of nothing: because no node was ever a candidate when an append of its own term came, or
//! because no vote was ever asked for twice. So everything that a protocol lists in its [`Vocabulary`] and that was never
//! met is listed, and a property names its premise ([`Property::given`](crate::spec::Property::given)).
//!
//! Counted is every step that was taken while the world was explored, once for every world in which it was taken, even
//! where a bound then withheld what came of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;
use serde::Serialize;
use smallvec::SmallVec;

use crate::spec::{Event, Spec};
use quorate::ledger::{Output, OutputOf};

/// The machine takes `Start`.
pub const START: &str = "start";
/// The machine takes what it had asked to read back.
pub const LOADED: &str = "entries read back";
/// A record becomes durable. No machine is told so, but what waits for it leaves.
pub const FLUSHED: &str = "a record is durable";
/// The node crashes and comes back.
pub const CRASHED: &str = "a crash";
/// Any phase, or any input, in what is argued to be [impossible](Vocabulary::impossible).
pub const ANY: &str = "*";

/// The words in which a protocol's coverage is told: all that there are, so that what is missing shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "written out by protocols, with a default for the rest")]
pub struct Vocabulary {
    /// The phases of a machine ([`Spec::phase`]).
    pub phases: &'static [&'static str],
    /// The kinds of inputs ([`Spec::input`]), [`START`], [`LOADED`], [`FLUSHED`] and [`CRASHED`] among them.
    pub inputs: &'static [&'static str],
    /// From which phase to which other a machine may go in one event.
    pub transitions: &'static [(&'static str, &'static str)],
    /// What applications are told that is worth counting, above all refusals ([`Spec::outcome`]).
    pub outcomes: &'static [&'static str],
    /// Inputs that cannot meet a phase, and why: phase (or [`ANY`]), input (or [`ANY`]), reason.
    pub impossible: &'static [Impossible],
    /// Outcomes that no world of correct nodes brings about, and why.
    pub impossible_outcomes: &'static [(&'static str, &'static str)],
}

/// What is argued to be [impossible](Vocabulary::impossible): phase, input, reason.
pub type Impossible = (&'static str, &'static str, &'static str);

/// `all`, from index `from` on each of `phases` with each of `inputs`, for one reason: nodes of one kind are never told what
/// those of another are.
#[must_use]
pub const fn crossed<const N: usize>(
    mut all: [Impossible; N],
    from: usize,
    phases: &[&'static str],
    inputs: &[&'static str],
    reason: &'static str,
) -> [Impossible; N] {
    let mut at = 0;
    while at < phases.len() * inputs.len() {
        all[from + at] = (phases[at / inputs.len()], inputs[at % inputs.len()], reason);
        at += 1;
    }
    all
}

/// An input met a phase, and led to a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Meeting {
    /// The phase before.
    pub phase: &'static str,
    /// The kind of input.
    pub input: &'static str,
    /// The phase after.
    pub to: &'static str,
}

impl Meeting {
    /// `input` met `phase` and led to phase `to`.
    #[must_use]
    pub const fn new(phase: &'static str, input: &'static str, to: &'static str) -> Self {
        Self { phase, input, to }
    }
}

/// What was met, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// What there is to be met.
    pub vocabulary: Vocabulary,
    /// How often each input met each phase, by what came of it.
    pub meetings: BTreeMap<Meeting, u64>,
    /// How often applications were told each outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
}

impl Coverage {
    /// Nothing yet.
    #[must_use]
    pub const fn new(vocabulary: Vocabulary) -> Self {
        Self { vocabulary, meetings: BTreeMap::new(), outcomes: BTreeMap::new() }
    }

    /// Whether the protocol says what there is to be met.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        !self.vocabulary.phases.is_empty()
    }

    /// Whether the protocol has no words for it.
    #[must_use]
    pub const fn is_untold(&self) -> bool {
        !self.is_told()
    }

    /// Adds what was met elsewhere.
    pub fn add(&mut self, other: &Self) {
        if !self.is_told() {
            self.vocabulary = other.vocabulary;
        }
        for (meeting, times) in &other.meetings {
            *self.meetings.entry(*meeting).or_default() += times;
        }
        for (outcome, times) in &other.outcomes {
            *self.outcomes.entry(outcome).or_default() += times;
        }
    }

    /// How often `input` met `phase`.
    #[must_use]
    pub fn times(&self, phase: &str, input: &str) -> u64 {
        let same = |meeting: &Meeting| meeting.phase == phase && meeting.input == input;
        self.meetings.iter().filter(|(meeting, _)| same(meeting)).map(|(_, times)| times).sum()
    }

    /// How often a machine went from one phase to another.
    #[must_use]
    pub fn transitions(&self, from: &str, to: &str) -> u64 {
        let same = |meeting: &Meeting| meeting.phase == from && meeting.to == to;
        self.meetings.iter().filter(|(meeting, _)| same(meeting)).map(|(_, times)| times).sum()
    }

    /// Why `input` cannot meet `phase`, if that is argued.
    #[must_use]
    pub fn why_not(&self, phase: &str, input: &str) -> Option<&'static str> {
        let says = |said: &str, word: &str| said == ANY || said == word;
        let impossible = self.vocabulary.impossible.iter();
        let mut reasons = impossible.filter(|(at, what, _)| says(at, phase) && says(what, input));
        reasons.next().map(|(.., why)| *why)
    }

    /// The pairs of a phase and an input that could meet and never did.
    #[must_use]
    pub fn unmet(&self) -> Vec<(&'static str, &'static str)> {
        let Vocabulary { phases, inputs, .. } = self.vocabulary;
        let met: BTreeSet<_> = self.meetings.keys().map(|meeting| (meeting.phase, meeting.input)).collect();
        let pairs = inputs.iter().flat_map(|input| phases.iter().map(move |phase| (*phase, *input)));
        pairs.filter(|pair| !met.contains(pair) && self.why_not(pair.0, pair.1).is_none()).collect()
    }

    /// The transitions that a machine could make and never did.
    #[must_use]
    pub fn untaken(&self) -> Vec<(&'static str, &'static str)> {
        let taken: BTreeSet<_> = self.meetings.keys().map(|meeting| (meeting.phase, meeting.to)).collect();
        self.vocabulary.transitions.iter().filter(|pair| !taken.contains(pair)).copied().collect()
    }

    /// The outcomes that applications could be told and never were.
    #[must_use]
    pub fn untold(&self) -> Vec<&'static str> {
        let Vocabulary { outcomes, impossible_outcomes, .. } = self.vocabulary;
        let argued = |outcome: &&str| impossible_outcomes.iter().any(|(what, _)| what == outcome);
        let told = |outcome: &&str| self.outcomes.contains_key(outcome);
        outcomes.iter().filter(|outcome| !argued(outcome) && !told(outcome)).copied().collect()
    }

    /// What was met though it is not in the vocabulary, or argued there to be impossible: the vocabulary is wrong.
    #[must_use]
    pub fn surprises(&self) -> Vec<String> {
        if !self.is_told() {
            return Vec::new();
        }
        let Vocabulary { phases, inputs, transitions, outcomes, impossible_outcomes, .. } = self.vocabulary;
        let mut all = BTreeSet::new();
        for Meeting { phase, input, to } in self.meetings.keys() {
            if !phases.contains(phase) || !inputs.contains(input) {
                all.insert(format!("{input} at {phase}: not in the vocabulary"));
            } else if let Some(why) = self.why_not(phase, input) {
                all.insert(format!("{input} at {phase}: argued to be impossible ({why})"));
            }
            // A crash takes back what is not durable, to wherever that leads.
            if phase != to && *input != CRASHED && !transitions.contains(&(*phase, *to)) {
                all.insert(format!("from {phase} to {to} by {input}: not in the vocabulary"));
            }
        }
        for outcome in self.outcomes.keys() {
            if !outcomes.contains(outcome) {
                all.insert(format!("{outcome}: not in the vocabulary"));
            } else if let Some((_, why)) = impossible_outcomes.iter().find(|(what, _)| what == outcome) {
                all.insert(format!("{outcome}: argued to be impossible ({why})"));
            }
        }
        all.into_iter().collect()
    }
}

/// As results have it: what there is, what was met, and what never was.
impl Serialize for Coverage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Times {
            #[serde(flatten)]
            meeting: Meeting,
            times: u64,
        }
        #[derive(Serialize)]
        struct Document<'a> {
            vocabulary: Vocabulary,
            meetings: Vec<Times>,
            outcomes: &'a BTreeMap<&'static str, u64>,
            unmet: Vec<(&'static str, &'static str)>,
            untaken: Vec<(&'static str, &'static str)>,
            untold: Vec<&'static str>,
            surprises: Vec<String>,
        }
        let times = |(meeting, times): (&Meeting, &u64)| Times { meeting: *meeting, times: *times };
        let document = Document {
            vocabulary: self.vocabulary,
            meetings: self.meetings.iter().map(times).collect(),
            outcomes: &self.outcomes,
            unmet: self.unmet(),
            untaken: self.untaken(),
            untold: self.untold(),
            surprises: self.surprises(),
        };
        document.serialize(serializer)
    }
}

/// What one thing that befell a node met, by the numbers that a [`Tally`] knows it by.
pub(crate) type Met = SmallVec<[u32; 2]>;

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Countable {
    Meeting(Meeting),
    Outcome(&'static str),
}

/// The counts of one worker.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    numbers: HashMap<Countable, u32, FixedState>,
    counted: Vec<(Countable, u64)>,
    /// The properties whose premises were met, a bit each.
    pub(crate) premises: u64,
}

impl Tally {
    /// What `event` at a machine met, as it is counted; nothing if the protocol has no words for it.
    pub(crate) fn met<S: Spec>(
        &mut self,
        spec: &S,
        event: &Event<'_, S>,
        (before, after): (&S::Machine, &S::Machine),
        outputs: impl Iterator<Item = impl std::borrow::Borrow<OutputOf<S::Machine>>>,
    ) -> Met {
        let input = spec.input(before, event);
        let meeting = Meeting { phase: spec.phase(before), input, to: spec.phase(after) };
        let mut met = Met::new();
        met.push(self.number(Countable::Meeting(meeting)));
        for output in outputs {
            if let Output::Notify(notice) = output.borrow()
                && let Some(outcome) = spec.outcome(notice)
            {
                met.push(self.number(Countable::Outcome(outcome)));
            }
        }
        met
    }

    fn number(&mut self, what: Countable) -> u32 {
        let counted = &mut self.counted;
        *self.numbers.entry(what).or_insert_with(|| {
            counted.push((what, 0));
            u32::try_from(counted.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Counts it.
    pub(crate) fn count(&mut self, met: &Met) {
        for number in met {
            if let Some((_, times)) = self.counted.get_mut(*number as usize) {
                *times += 1;
            }
        }
    }

    /// Adds these counts to `coverage`.
    pub(crate) fn tell(&self, coverage: &mut Coverage) {
        for (what, times) in self.counted.iter().filter(|(_, times)| *times > 0) {
            match what {
                Countable::Meeting(meeting) => *coverage.meetings.entry(*meeting).or_default() += times,
                Countable::Outcome(outcome) => *coverage.outcomes.entry(outcome).or_default() += times,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Vocabulary = Vocabulary {
        phases: &["asleep", "awake"],
        inputs: &["bell", "tea"],
        transitions: &[("asleep", "awake"), ("awake", "asleep")],
        outcomes: &["no tea left", "no cup"],
        impossible: &[("asleep", "tea", "nobody drinks while asleep")],
        impossible_outcomes: &[("no cup", "cups abound")],
    };

    fn coverage(meetings: &[(&'static str, &'static str, &'static str)]) -> Coverage {
        let mut coverage = Coverage::new(WORDS);
        for (phase, input, to) in meetings {
            *coverage.meetings.entry(Meeting { phase, input, to }).or_default() += 1;
        }
        coverage
    }

    #[test]
    fn what_was_never_met_is_listed_but_for_what_is_argued_to_be_impossible() {
        let coverage = coverage(&[("asleep", "bell", "awake"), ("awake", "bell", "awake")]);
        assert_eq!(coverage.unmet(), [("awake", "tea")]);
        assert_eq!(coverage.untaken(), [("awake", "asleep")]);
        assert_eq!(coverage.untold(), ["no tea left"]);
        assert_eq!(coverage.surprises(), Vec::<String>::new());
    }

    #[test]
    fn what_is_met_against_the_argument_is_a_surprise() {
        let mut coverage = coverage(&[("asleep", "tea", "asleep"), ("awake", "bell", "asleep")]);
        coverage.outcomes.insert("no cup", 1);
        coverage.meetings.insert(Meeting { phase: "awake", input: "rain", to: "awake" }, 1);
        let surprises = coverage.surprises();
        assert_eq!(surprises.len(), 3, "{surprises:?}");
        assert!(surprises.iter().any(|surprise| surprise.contains("nobody drinks")));
        assert!(surprises.iter().any(|surprise| surprise.contains("cups abound")));
        assert!(surprises.iter().any(|surprise| surprise.contains("rain")));
    }

    #[test]
    fn counts_of_several_worlds_add_up() {
        let mut sum = Coverage::default();
        sum.add(&coverage(&[("asleep", "bell", "awake")]));
        sum.add(&coverage(&[("asleep", "bell", "awake"), ("asleep", "bell", "asleep")]));
        assert_eq!(sum.times("asleep", "bell"), 3);
        assert_eq!(sum.transitions("asleep", "awake"), 2);
        assert_eq!(sum.vocabulary, WORDS);
    }
}
