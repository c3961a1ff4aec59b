//! Exhaustive runs of a world.
//!
//! | file | concern |
//! |---|---|
//! | `search.rs` | the search, depth first in layers of faults spent |
//! | `visited.rs` | what was visited |
//! | `counts.rs`, `noted.rs` | what is counted, and which `sometimes` were seen |
//! | `shortest.rs` | from the first violation found to a shortest trace, by stateright's breadth-first search |
//! | `model.rs` | a world as stateright sees it: for that, for its web explorer, and to hold the search against |

mod counts;
mod model;
mod noted;
mod search;
mod shortest;
mod visited;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stateright::Model as _;

use crate::check::{Bounds, Check, Kind, Level, Progress, PropertyReport, Report, RunOptions};
use crate::spec::Spec;
use crate::trace::{Header, Replays, Where};
use crate::usage::Usage;
use crate::world::{Limits, Rules};

pub use model::Explored;
use noted::Noted;
use search::Search;
use shortest::violation;

/// What explores, as reports and traces name it.
const EXPLORER: &str = "dfs";

/// How a protocol is set up at a level.
pub type Setup<S> = dyn Fn(Level) -> (S, Limits) + Send + Sync;

/// A world with its bounds, explored exhaustively.
pub struct WorldCheck<S: Spec> {
    protocol: &'static str,
    name: &'static str,
    varies: &'static str,
    setup: Box<Setup<S>>,
}

impl<S: Spec> WorldCheck<S> {
    /// The check `name` of `protocol`, in which `varies` varies; `setup` says how far it goes at a level.
    #[must_use]
    pub fn new(
        protocol: &'static str,
        name: &'static str,
        varies: &'static str,
        setup: impl Fn(Level) -> (S, Limits) + Send + Sync + 'static,
    ) -> Self {
        Self { protocol, name, varies, setup: Box::new(setup) }
    }

    /// The rules at a level.
    #[must_use]
    pub fn rules(&self, level: Level) -> Rules<S> {
        let (spec, limits) = (self.setup)(level);
        Rules::new(spec, limits)
    }
}

impl<S: Spec> Check for WorldCheck<S> {
    fn protocol(&self) -> &'static str {
        self.protocol
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn varies(&self) -> &'static str {
        self.varies
    }

    fn bounds(&self, level: Level) -> Bounds {
        let (spec, limits) = (self.setup)(level);
        bounds(&spec, &limits)
    }

    fn run(&self, level: Level, options: &RunOptions, progress: &Progress) -> Report {
        let (spec, limits) = (self.setup)(level);
        let rules = Rules::new(spec, limits.replaced_by(&options.limits)).reduced_by(options.reductions);
        let world = Where::check(self.name, level, options.limits);
        let header = Header { explorer: Some(EXPLORER.to_owned()), ..Header::new(self.protocol, world) };
        let report = explored(rules, &header, options, progress);
        Report { protocol: self.protocol, name: self.name, ..report }
    }

    fn explore(&self, level: Level, port: u16) {
        serve(Explored::new(self.rules(level).with_early_losses()), port);
    }

    fn replays(&self, level: Level, limits: &Limits) -> Option<Box<dyn Replays>> {
        let (spec, own) = (self.setup)(level);
        Some(Box::new(Rules::new(spec, own.replaced_by(limits))))
    }
}

/// Serves stateright's web explorer on a loopback port until the process ends; every loss can be tried.
pub(crate) fn serve<S: Spec>(explored: Explored<S>, port: u16) {
    let _ = explored.browsed().checker().serve(("127.0.0.1", port));
}

/// The bounds of a world, the protocol's own included.
pub(crate) fn bounds<S: Spec>(spec: &S, limits: &Limits) -> Bounds {
    let mut bounds = limits.named();
    bounds.insert("nodes", Some(spec.nodes() as u64));
    bounds.extend(spec.bounds());
    if spec.ticks().is_empty() {
        bounds.remove("ticks");
        bounds.remove("drift");
    }
    bounds
}

/// Explores everything within the rules, depth first; the report's names are left empty, and so are those in the
/// header of a trace.
pub fn run<S: Spec>(rules: Rules<S>, options: &RunOptions, progress: &Progress) -> Report {
    let header = Header::new("", Where::check("", Level::default(), options.limits));
    explored(rules, &header, options, progress)
}

/// Explores everything within the rules, depth first. A trace gets this header.
fn explored<S: Spec>(rules: Rules<S>, header: &Header, options: &RunOptions, progress: &Progress) -> Report {
    let (began, usage) = (Instant::now(), Usage::now());
    let bounds = bounds(rules.spec(), rules.limits());
    let search = Search::new(&rules);
    let panicked = watch(&search, options, progress);
    let (cpu_seconds, memory_bytes) = usage.since();
    let (counts, stopped) = (search.counts.total(), search.stopped() || panicked);
    // Before the way to a fall is gone again, which would be counted too.
    let (coverage, met) = (rules.coverage(), met(&rules));
    let (fall, depth, noted) = (search.way_to_fall(), counts.depth(), search.into_noted());
    let rules = Arc::new(rules);
    let violation = fall.and_then(|(origin, way)| violation(&rules, origin, &way, header, progress));
    let complete = !stopped && violation.is_none();
    let properties = properties(&rules, &noted, &met, violation.as_ref().map(|violation| violation.property));
    Report {
        protocol: "",
        name: "",
        explorer: EXPLORER,
        bounds,
        withheld: counts.withheld,
        complete,
        states: counts.states,
        unique: counts.expanded,
        depth,
        by_depth: counts.by_depth,
        seconds: began.elapsed().as_secs_f64(),
        cpu_seconds,
        memory_bytes,
        properties,
        coverage,
        violation,
        must_fall: None,
    }
}

/// Lets workers search until they are done, stops them where they must, and keeps `progress` up to date. Whether one of
/// them panicked: it did not finish its work.
fn watch<S: Spec>(search: &Search<'_, S>, options: &RunOptions, progress: &Progress) -> bool {
    let began = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.threads.max(1)).map(|_| scope.spawn(|| search.work())).collect();
        let mut pause = Duration::from_micros(200);
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
            search.tell(progress);
            let unique = progress.unique.load(Ordering::Relaxed);
            let late = options.timeout.is_some_and(|timeout| began.elapsed() >= timeout);
            let full = options.max_states.is_some_and(|most| unique >= most);
            let heavy = options.max_memory_bytes.is_some_and(|most| Usage::now().resident_bytes() >= most);
            if late || full || heavy || progress.stopped() {
                search.stop();
            }
        }
        search.tell(progress);
        workers.into_iter().map(|worker| worker.join()).filter(Result::is_err).count() > 0
    })
}

/// Whether the premise of each property was met, in their order.
pub(crate) fn met<S: Spec>(rules: &Rules<S>) -> Vec<Option<bool>> {
    (0..rules.properties().len()).map(|place| rules.met(place)).collect()
}

/// Whether each property held, and whether its premise was `met`. `fallen` fell.
fn properties<S: Spec>(
    rules: &Rules<S>,
    noted: &Noted<S>,
    met: &[Option<bool>],
    fallen: Option<&'static str>,
) -> Vec<PropertyReport> {
    let report = |(at, property): (usize, &crate::spec::Property<S>)| PropertyReport {
        name: property.name,
        kind: property.kind,
        holds: match property.kind {
            Kind::Always | Kind::Eventually => fallen != Some(property.name),
            Kind::Sometimes => noted.seen(at),
        },
        met: met.get(at).copied().flatten(),
    };
    let mut reports: Vec<_> = rules.properties().iter().enumerate().map(report).collect();
    // An observer may name a property that nobody listed; it fell all the same.
    if let Some(name) = fallen.filter(|name| reports.iter().all(|report| report.name != *name)) {
        reports.push(PropertyReport { name, kind: Kind::Always, holds: false, met: None });
    }
    reports
}
