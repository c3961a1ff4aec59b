//! Exhaustive runs of a world under stateright.

mod counts;
mod model;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use crate::check::{Bounds, Check, Kind, Level, Progress, PropertyReport, Report, RunOptions, Violation};
use crate::spec::Spec;
use crate::trace::{Header, Recorded, Replays, TraceOf, Where};
use crate::usage::Usage;
use crate::world::{Limits, Move, Rules};

pub use model::{Explored, Placed};

/// What explores, as reports and traces name it.
const EXPLORER: &str = "dfs";
/// A shortest counterexample is looked for among so many states; beyond, the one found is minimised.
const SHORTEST_STATES: u64 = 20_000_000;
/// And for so long.
const SHORTEST_TIME: Duration = Duration::from_secs(120);

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

/// A path as stateright tells it: worlds, each with the move that follows.
type Path<S> = Vec<(Placed<S>, Option<Move<S>>)>;

/// How a run of stateright ended.
struct Ended<S: Spec> {
    states: u64,
    unique: u64,
    depth: u64,
    /// CPU seconds, and growth of resident memory while the visited states were still there.
    usage: (f64, u64),
    /// Whether it was asked to stop, or broke off.
    stopped: bool,
    /// The way to a violation.
    path: Option<Path<S>>,
}

/// Explores everything within the rules, depth first; the report's names are left empty, and so are those in the
/// header of a trace.
pub fn run<S: Spec>(rules: Rules<S>, options: &RunOptions, progress: &Progress) -> Report {
    let header = Header::new("", Where::check("", Level::default(), options.limits));
    explored(rules, &header, options, progress)
}

/// Explores everything within the rules, depth first. A trace gets this header.
fn explored<S: Spec>(rules: Rules<S>, header: &Header, options: &RunOptions, progress: &Progress) -> Report {
    let began = Instant::now();
    let bounds = bounds(rules.spec(), rules.limits());
    let model = Explored::new(rules);
    let shared = model.clone();
    let builder = model.checker().threads(options.threads.max(1)).finish_when(HasDiscoveries::AnyFailures);
    let ended = watch(builder.spawn_dfs(), &shared, options, Some(progress));
    let counts = shared.counts().total();
    // Before a shortest trace is looked for, which would be counted too.
    let (coverage, met) = (shared.rules().coverage(), met(shared.rules()));
    let (cpu_seconds, memory_bytes) = ended.usage;
    let violation = ended.path.and_then(|path| violation(&shared, path, header, progress));
    let complete = !ended.stopped && violation.is_none() && counts.expanded == ended.unique;
    let properties = properties(&shared, &met, violation.as_ref().map(|violation| violation.property));
    progress.expanded.store(counts.expanded, Ordering::Relaxed);
    Report {
        protocol: "",
        name: "",
        explorer: EXPLORER,
        bounds,
        withheld: counts.withheld,
        complete,
        states: ended.states,
        unique: ended.unique,
        depth: ended.depth,
        by_depth: counts.by_depth,
        seconds: began.elapsed().as_secs_f64(),
        cpu_seconds,
        memory_bytes,
        properties,
        coverage,
        violation,
    }
}

/// Whether the premise of each property was met, in their order.
pub(crate) fn met<S: Spec>(rules: &Rules<S>) -> Vec<Option<bool>> {
    (0..rules.properties().len()).map(|place| rules.met(place)).collect()
}

/// Whether each property held, and whether its premise was `met`. `fallen` fell.
fn properties<S: Spec>(
    model: &Explored<S>,
    met: &[Option<bool>],
    fallen: Option<&'static str>,
) -> Vec<PropertyReport> {
    let rules = model.rules();
    let report = |(at, property): (usize, &crate::spec::Property<S>)| PropertyReport {
        name: property.name,
        kind: property.kind,
        holds: match property.kind {
            Kind::Always | Kind::Eventually => fallen != Some(property.name),
            Kind::Sometimes => model.seen(at),
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

/// Waits for a run to end, stops it where it must, and keeps `progress` up to date.
fn watch<S: Spec>(
    mut checker: impl Checker<Explored<S>>,
    model: &Explored<S>,
    options: &RunOptions,
    progress: Option<&Progress>,
) -> Ended<S> {
    let (began, usage) = (Instant::now(), Usage::now());
    let workers = checker.handles();
    let mut pause = Duration::from_micros(200);
    while workers.iter().any(|worker| !worker.is_finished()) {
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
        let unique = checker.unique_state_count() as u64;
        let late = options.timeout.is_some_and(|timeout| began.elapsed() >= timeout);
        let full = options.max_states.is_some_and(|most| unique >= most);
        let heavy = options.max_memory_bytes.is_some_and(|most| Usage::now().resident_bytes() >= most);
        if late || full || heavy || progress.is_some_and(Progress::stopped) {
            model.stop();
        }
        if let Some(progress) = progress {
            report(progress, &checker, model);
        }
    }
    // A worker that panicked did not finish its work: never report that as complete.
    let panicked = workers.into_iter().map(|worker| worker.join()).filter(Result::is_err).count();
    if let Some(progress) = progress {
        report(progress, &checker, model);
    }
    let (states, unique) = (checker.state_count() as u64, checker.unique_state_count() as u64);
    let depth = checker.max_depth() as u64;
    let usage = usage.since();
    let stopped = model.stopped() || panicked > 0;
    // stateright finds the way again by counting actions, so they must be offered again.
    let path = model.resumed(|| checker.discovery(model::SAFE).map(stateright::Path::into_vec));
    Ended { states, unique, depth, usage, stopped, path }
}

fn report<S: Spec>(progress: &Progress, checker: &impl Checker<Explored<S>>, model: &Explored<S>) {
    progress.states.store(checker.state_count() as u64, Ordering::Relaxed);
    progress.unique.store(checker.unique_state_count() as u64, Ordering::Relaxed);
    progress.depth.store(checker.max_depth() as u64, Ordering::Relaxed);
    progress.expanded.store(model.counts().expanded(), Ordering::Relaxed);
}

/// The shortest trace to where the property falls that fell at the end of `path`, or else a short one.
fn violation<S: Spec>(
    model: &Explored<S>,
    path: Path<S>,
    header: &Header,
    progress: &Progress,
) -> Option<Violation> {
    let rules = model.rules();
    let property = rules.violated(&path.last()?.0.world)?;
    let found = unwound(rules, path);
    let target = model.targeting(property);
    let shared = target.clone();
    let options = RunOptions {
        threads: 1,
        timeout: Some(SHORTEST_TIME),
        max_states: Some(SHORTEST_STATES),
        ..RunOptions::default()
    };
    let builder = target.checker().finish_when(HasDiscoveries::AnyFailures);
    let ended =
        if progress.stopped() { None } else { Some(watch(builder.spawn_bfs(), &shared, &options, None)) };
    let shortest = ended.filter(|ended| !ended.stopped).and_then(|ended| ended.path);
    let is_shortest = shortest.is_some();
    let trace = match shortest {
        Some(path) => unwound(rules, path),
        None => found.map(|trace| rules.minimise(&trace, property)),
    };
    let Some(trace) = trace else {
        // The way there could not be found again; the property fell all the same.
        let (steps, state) = (Vec::new(), String::new());
        return Some(Violation { property, steps, shortest: false, state, file: None });
    };
    let state = rules.replay(&trace, |_, _, _| ()).map(|world| rules.picture(&world)).unwrap_or_default();
    let steps = rules.render(&trace);
    let header = Header { property: Some(property.to_owned()), ..header.clone() };
    let file = rules.write(&Recorded::new(header, trace)).ok();
    Some(Violation { property, steps, shortest: is_shortest, state, file })
}

/// A path of representatives as a trace.
fn unwound<S: Spec>(rules: &Rules<S>, path: Path<S>) -> Option<TraceOf<S>> {
    let origin = rules
        .initial()
        .iter()
        .position(|world| path.first().is_some_and(|(first, _)| first.world == *world))?;
    let moves: Vec<_> = path.into_iter().filter_map(|(_, next)| next).collect();
    rules.unwind(origin, &moves).ok()
}
