//! Liveness under fairness, on small worlds: what is claimed to happen at last, happens on every fair run.
//!
//! A safety property falls at a state, a claim of liveness only on a run that never ends. In a finite world such a
//! run is a *lasso*: a way to a cycle, and the cycle again and again. So the whole graph of the world is built, and
//! every cycle is considered on which what was to come never comes. Most of these cycles are no fault of the
//! protocol: on them a message is lost for ever, or a disk never writes. Those are ruled out by *fairness*
//! ([`Spec::fairness`]), in the sense of Lamport (The Temporal Logic of Actions, 1994, section 5):
//!
//! - *weak*: what could happen all the time from some moment on, happens again and again (a record that waits is
//!   written at last);
//! - *strong*: what could happen again and again, happens again and again (of a message sent again and again, one
//!   arrives at last, however many are lost).
//!
//! A claim is `from` leads to `to` ([`LeadsTo`]): whenever `from` holds, `to` holds then or later. It may restrict
//! what happens in the end (`tail`): no crash, say; before, anything happens that the world offers.
//!
//! Whether a fair cycle exists is decided exactly, by strongly connected components (Emerson and Lei, Modalities for
//! Model Checking, 1987): a component in which something weakly fair is possible everywhere and never happens has no
//! fair cycle; where something strongly fair is possible and never happens, the states in which it is possible are
//! taken out and the rest is looked at again. Messages that can change nothing are taken out of flight as
//! everywhere; nodes are told apart and every loss is tried, since fairness tells them apart too.
//!
//! A lasso is kept as a trace file whose header says where the cycle begins; a replay verifies it without the graph
//! ([`Rules::circles`]).

mod fair;
mod graph;
mod lasso;
mod verify;

use std::time::{Duration, Instant};

use crate::check::{Bounds, Check, Kind, Level, Progress, PropertyReport, Report, RunOptions, Violation};
use crate::draw::turning;
use crate::explore::{Explored, Setup, bounds, met, serve};
use crate::spec::Spec;
use crate::trace::{Header, Recorded, Replays, Where};
use crate::usage::Usage;
use crate::world::{Action, ActionOf, Limits, Rules, World};

pub use verify::NoLasso;

use graph::Graph;

/// What explores, as reports and traces name it.
const EXPLORER: &str = "lasso";
/// How many claims a world may make.
pub const CLAIMS_MAX: usize = 8;

/// How often an action that is possible must happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the degrees that the field knows")]
pub enum Fairness {
    /// Perhaps never.
    Unfair,
    /// Again and again, if from some moment on it is possible all the time.
    Weak,
    /// Again and again, if it is possible again and again.
    Strong,
}

impl Fairness {
    /// What drivers and networks promise: records are written, what a driver owes is handed over, timers expire,
    /// and of messages that are sent again and again one arrives. Nobody promises requests, crashes, or losses.
    #[must_use]
    pub const fn usual<M, T, R>(action: &Action<M, T, R>) -> Self {
        match action {
            Action::Deliver(..) | Action::Duplicate(..) => Self::Strong,
            Action::Flush(_) | Action::Inbox(..) | Action::Fire(..) | Action::Tick(..) => Self::Weak,
            Action::Drop(_) | Action::Request(..) | Action::Crash(..) => Self::Unfair,
        }
    }
}

/// A claim: whenever `from` holds, `to` holds then or later, if in the end only what `tail` allows happens.
#[allow(clippy::exhaustive_structs, reason = "written out by protocols")]
pub struct LeadsTo<S: Spec> {
    /// Its name.
    pub name: &'static str,
    /// What holds first.
    pub from: fn(&World<S>) -> bool,
    /// What holds then or later.
    pub to: fn(&World<S>) -> bool,
    /// What may go on happening for ever.
    pub tail: fn(&ActionOf<S>) -> bool,
}

/// A small world whose claims of liveness ([`Spec::leads_to`]) are checked.
pub struct LivenessCheck<S: Spec> {
    protocol: &'static str,
    name: &'static str,
    varies: &'static str,
    setup: Box<Setup<S>>,
}

impl<S: Spec> LivenessCheck<S> {
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

    fn rules(&self, level: Level) -> Rules<S> {
        let (spec, limits) = (self.setup)(level);
        Rules::new(spec, limits)
    }
}

impl<S: Spec> Check for LivenessCheck<S> {
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
        let rules = Rules::new(spec, limits.replaced_by(&options.limits));
        let world = Where::check(self.name, level, options.limits);
        let header = Header { explorer: Some(EXPLORER.to_owned()), ..Header::new(self.protocol, world) };
        let report = decided(told_apart(rules), &header, options, progress);
        Report { protocol: self.protocol, name: self.name, ..report }
    }

    fn reduces(&self) -> bool {
        false
    }

    fn explore(&self, level: Level, port: u16) {
        serve(Explored::new(self.rules(level).with_early_losses()), port);
    }

    /// For what falls on the way to a lasso, and for lassos.
    fn replays(&self, level: Level, limits: &Limits) -> Option<Box<dyn Replays>> {
        let (spec, own) = (self.setup)(level);
        Some(Box::new(told_apart(Rules::new(spec, own.replaced_by(limits)))))
    }
}

/// Checks every claim of the rules' protocol; the report's names are left empty.
///
/// One thread does it: the graphs are small. A property of safety that falls on the way ends it as well.
#[must_use]
pub fn run<S: Spec>(rules: Rules<S>, options: &RunOptions, progress: &Progress) -> Report {
    let header = Header::new("", Where::check("", Level::default(), options.limits));
    decided(told_apart(rules), &header, options, progress)
}

/// The same rules, with nodes told apart and every loss tried, as fairness tells them apart.
fn told_apart<S: Spec>(rules: Rules<S>) -> Rules<S> {
    rules.without_symmetry().with_early_losses()
}

/// Checks every claim. The trace to a state that is not safe gets this header.
fn decided<S: Spec>(rules: Rules<S>, header: &Header, options: &RunOptions, progress: &Progress) -> Report {
    let (began, usage) = (Instant::now(), Usage::now());
    let claims = rules.spec().leads_to();
    let until = options.timeout.map(|timeout| began + timeout);
    let graph = Graph::build(&rules, &claims, options.max_states, until, progress);
    let (coverage, met) = (rules.coverage(), met(&rules));
    let mut violation = graph.fallen.and_then(|at| fallen(&rules, &graph, at, header));
    if graph.complete && violation.is_none() {
        violation = claims.iter().enumerate().find_map(|(claim, leads_to)| {
            let lasso = lasso::find(&graph, claim)?;
            Some(told(&rules, &graph, leads_to, &lasso, header))
        });
    }
    let (cpu_seconds, memory_bytes) = usage.since();
    Report {
        protocol: "",
        name: "",
        explorer: EXPLORER,
        bounds: bounds(rules.spec(), rules.limits()),
        withheld: graph.withheld.clone(),
        complete: graph.complete && violation.is_none() && !claims.is_empty(),
        states: graph.generated,
        unique: graph.len() as u64,
        depth: u64::from(graph.depth),
        by_depth: graph.by_depth.clone(),
        seconds: seconds(began.elapsed()),
        cpu_seconds,
        memory_bytes,
        properties: properties(&rules, &met, &graph, &claims, violation.as_ref()),
        coverage,
        violation,
        must_fall: None,
    }
}

fn seconds(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64()
}

/// Each claim, and that its premise was met: a claim about what never happens says nothing.
fn properties<S: Spec>(
    rules: &Rules<S>,
    met: &[Option<bool>],
    graph: &Graph,
    claims: &[LeadsTo<S>],
    violation: Option<&Violation>,
) -> Vec<PropertyReport> {
    let fell = violation.map(|violation| violation.property);
    let claimed = claims.iter().enumerate().map(|(claim, leads_to)| PropertyReport {
        name: leads_to.name,
        kind: Kind::Eventually,
        holds: fell != Some(leads_to.name) && (!graph.complete || graph.is_met(claim)),
        met: Some(graph.is_met(claim)),
    });
    let all = rules.properties().iter().zip(met);
    let safe = all.filter(|(property, _)| property.kind == Kind::Always);
    let safe = safe.map(|(property, met)| PropertyReport {
        name: property.name,
        kind: property.kind,
        holds: fell != Some(property.name),
        met: *met,
    });
    claimed.chain(safe).collect()
}

/// The trace to a state that violates a property of safety.
fn fallen<S: Spec>(rules: &Rules<S>, graph: &Graph, at: u32, header: &Header) -> Option<Violation> {
    let trace = graph.trace(rules, &graph.way_to(at), |_, _| true);
    let world = rules.replay(&trace, |_, _, _| ()).ok()?;
    let property = rules.violated(&world)?;
    let (steps, state) = (rules.render(&trace), rules.picture(&world));
    let header = Header { property: Some(property.to_owned()), ..header.clone() };
    let file = rules.write(&Recorded::new(header, trace)).ok();
    Some(Violation { property, steps, shortest: true, state, file })
}

/// A lasso, readable and as a file: the way to the cycle, and the cycle.
fn told<S: Spec>(
    rules: &Rules<S>,
    graph: &Graph,
    claim: &LeadsTo<S>,
    lasso: &lasso::Lasso,
    header: &Header,
) -> Violation {
    let whole: Vec<u32> = lasso.way.iter().chain(lasso.cycle.iter().skip(1)).copied().collect();
    let turn = lasso.way.len().saturating_sub(1);
    let trace = graph.trace(rules, &whole, |place, action| place < turn || (claim.tail)(action));
    let mut steps = rules.render(&trace);
    let turn = turn.min(steps.len());
    steps.insert(turn, format!("and {}", turning(trace.actions.len() > turn)));
    let state = rules.replay(&trace, |_, _, _| ()).map(|world| rules.picture(&world)).unwrap_or_default();
    let property = claim.name;
    let header = Header { property: Some(property.to_owned()), cycle_from: Some(turn), ..header.clone() };
    let file = rules.write(&Recorded::new(header, trace)).ok();
    Violation { property, steps, shortest: false, state, file }
}
