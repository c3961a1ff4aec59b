//! What a check is, what it reports, and how it is watched while it runs.
//!
//! The command line, the tests and the mutant hunt all speak in these types; a [`Check`] is a world with its
//! bounds, whatever the machine inside.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coverage::Coverage;
use crate::simulate::Simulation;
use crate::trace::Replays;
use crate::world::Limits;

/// How far a check goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums, reason = "every check has bounds for each of them")]
pub enum Level {
    /// All checks together within minutes: for every change.
    #[default]
    Quick,
    /// All checks together within twenty minutes.
    Standard,
    /// As far as the memory of a workstation carries.
    Deep,
}

/// A bound at each level.
pub const fn at<T: Copy>(level: Level, quick: T, standard: T, deep: T) -> T {
    match level {
        Level::Quick => quick,
        Level::Standard => standard,
        Level::Deep => deep,
    }
}

/// Bounds by name (`nodes`, `terms`, `requests`, `crashes`, `duplicates`, `in_flight`, ..); `None` is "any".
pub type Bounds = BTreeMap<&'static str, Option<u64>>;

/// What kind of claim a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums, reason = "the three that explorers know")]
pub enum Kind {
    /// Holds in every reachable state.
    Always,
    /// Holds in at least one reachable state: the check is not vacuous.
    Sometimes,
    /// Holds at some state of every path.
    Eventually,
}

/// A property and whether it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PropertyReport {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Whether it held in what was explored. A `sometimes` not seen in an incomplete run does not hold *yet*.
    pub holds: bool,
    /// Whether what it speaks of ever came about, for an `always` that says what that is: one whose premise was never
    /// met holds of nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub met: Option<bool>,
}

/// A violated property with a trace that leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The property that fell.
    pub property: &'static str,
    /// The trace, one readable line an action.
    pub steps: Vec<String>,
    /// Whether no trace with fewer actions exists, losses not counted: they come when their place is needed.
    #[serde(skip)]
    pub shortest: bool,
    /// The state that violates the property, readable.
    #[serde(skip)]
    pub state: String,
    /// The trace as a file that replays it ([`trace`](crate::trace)); none if the way there could not be written.
    #[serde(skip)]
    pub file: Option<String>,
}

/// The outcome of one check. Everything in it was measured in this run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The protocol, as in `cargo verify check PROTOCOL`.
    pub protocol: &'static str,
    /// The world's name within the protocol.
    pub name: &'static str,
    /// What explored it (`dfs`, `bfs`).
    pub explorer: &'static str,
    /// The bounds.
    pub bounds: Bounds,
    /// How many actions each bound withheld.
    pub withheld: BTreeMap<&'static str, u64>,
    /// Whether every state found was expanded: only then is the check exhaustive within its bounds.
    pub complete: bool,
    /// States generated, repetitions included.
    pub states: u64,
    /// Distinct states, up to symmetry.
    pub unique: u64,
    /// The longest path taken.
    pub depth: u64,
    /// How many distinct states were first found by a path of each length, from none on.
    pub by_depth: Vec<u64>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// CPU seconds of the process over this check; 0 where unknown.
    pub cpu_seconds: f64,
    /// Growth of resident memory over this check, in bytes; 0 where unknown.
    pub memory_bytes: u64,
    /// The properties.
    pub properties: Vec<PropertyReport>,
    /// What was met on the way, and what never was.
    #[serde(skip_serializing_if = "Coverage::is_untold")]
    pub coverage: Coverage,
    /// The first violation found.
    pub violation: Option<Violation>,
    /// The property that must fall here, in a [counterexample](crate::counterexample).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub must_fall: Option<&'static str>,
}

impl Report {
    /// Whether nothing was violated, and (in a complete run) every `sometimes` was seen; where a property
    /// [must fall](Self::must_fall), whether it did.
    #[must_use]
    pub fn holds(&self) -> bool {
        if self.must_fall.is_some() {
            return self.violation.as_ref().map(|violation| violation.property) == self.must_fall;
        }
        self.violation.is_none() && self.properties.iter().all(|property| property.holds)
    }

    /// The expected number of pairs of states that share a 64-bit fingerprint: n^2 / 2^65.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn expected_collisions(&self) -> f64 {
        let n = self.unique as f64;
        n * n / 2f64.powi(65)
    }
}

/// Counters that a running check updates and others may watch.
#[derive(Debug, Default)]
pub struct Progress {
    /// States generated so far.
    pub states: AtomicU64,
    /// Distinct states so far.
    pub unique: AtomicU64,
    /// States expanded so far: `unique - expanded` is the frontier.
    pub expanded: AtomicU64,
    /// The longest path so far.
    pub depth: AtomicU64,
    /// Set to ask the check to stop early; its report then says that it is incomplete.
    pub stop: AtomicBool,
}

impl Progress {
    /// Whether the check was asked to stop.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// How a check is run.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "built by callers, with a default for the rest")]
pub struct RunOptions {
    /// Worker threads.
    pub threads: usize,
    /// Stop, incomplete, after this long.
    pub timeout: Option<Duration>,
    /// Stop, incomplete, at this many distinct states.
    pub max_states: Option<u64>,
    /// Stop, incomplete, once the process holds this much memory.
    pub max_memory_bytes: Option<u64>,
    /// Limits that replace those of the level, where there is any.
    pub limits: Limits,
    /// What is left out since it loses nothing.
    pub reductions: Reductions,
}

/// What an exploration leaves out because it loses nothing by it; all of it, unless somebody wants to see what it
/// saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record of switches")]
pub struct Reductions {
    /// Worlds that differ only by the names of their nodes are one ([`symmetry`](crate::symmetry)).
    pub symmetry: bool,
    /// Messages that can change nothing any more are taken out of flight
    /// ([`Spec::inert`](crate::spec::Spec::inert)).
    pub inert: bool,
    /// Messages are lost only when their place is needed, and where none ever is stay in flight when they have arrived
    /// ([`Spec::sees_faults`](crate::spec::Spec::sees_faults)).
    pub late_losses: bool,
    /// Records become durable only where that shows ([`Spec::quiet`](crate::spec::Spec::quiet)), or at once where nobody has
    /// heard of them ([`Spec::prompt`](crate::spec::Spec::prompt)).
    pub late_flushes: bool,
    /// Worlds are visited in the order of faults spent, and none that was visited with less spent
    /// ([`Spec::sees_faults`](crate::spec::Spec::sees_faults)).
    pub layers: bool,
}

impl Reductions {
    /// All of them.
    pub const ALL: Self =
        Self { symmetry: true, inert: true, late_losses: true, late_flushes: true, layers: true };
    /// None of them.
    pub const NONE: Self =
        Self { symmetry: false, inert: false, late_losses: false, late_flushes: false, layers: false };
}

impl Default for RunOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads,
            timeout: None,
            max_states: None,
            max_memory_bytes: None,
            limits: Limits::default(),
            reductions: Reductions::ALL,
        }
    }
}

/// A world with its bounds, ready to be explored.
pub trait Check: Send + Sync {
    /// The protocol it belongs to.
    fn protocol(&self) -> &'static str;

    /// Its name, unique within the protocol.
    fn name(&self) -> &'static str;

    /// What varies in this world, in a few words.
    fn varies(&self) -> &'static str;

    /// Its bounds at a level.
    fn bounds(&self, level: Level) -> Bounds;

    /// Whether [`Reductions`] make any difference to it.
    fn reduces(&self) -> bool {
        true
    }

    /// Explores it to the end, or to the first violation, or until stopped.
    fn run(&self, level: Level, options: &RunOptions, progress: &Progress) -> Report;

    /// Serves stateright's web explorer on a loopback port until the process ends.
    fn explore(&self, level: Level, port: u16);

    /// Its rules, with these limits in the place of their own, for trace files to be replayed under; none where there
    /// is no such thing.
    fn replays(&self, level: Level, limits: &Limits) -> Option<Box<dyn Replays>> {
        let _ = (level, limits);
        None
    }
}

/// A protocol with its checks and its mutants.
#[allow(missing_debug_implementations, reason = "checks are closures at heart")]
#[allow(clippy::exhaustive_structs, reason = "written out by those who register a protocol")]
pub struct Protocol {
    /// Its name on the command line.
    pub name: &'static str,
    /// Where it comes from: paper and section.
    pub source: &'static str,
    /// Its checks.
    pub checks: Vec<Box<dyn Check>>,
    /// Its long runs by seeds, if it can be simulated.
    pub simulation: Option<Box<dyn Simulation>>,
}
