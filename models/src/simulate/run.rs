//! One seed: a phase with faults, then one without.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use quorate::time::Time;
use serde::Serialize;

use super::aim::Aim;
use super::dice::Dice;
use super::digest::TraceHash;
use super::faults::Faults;
use super::phase::Phase;
use super::record::{Awaiting, Record, Tally, Timed};
use super::shrink::{Shrinking, busiest_first};
use super::{CANARY, HEALS, NOTHING_WITHHELD, Simulated, nanos, rules};
use crate::coverage::Coverage;
use crate::trace::{Header, Recorded, Replays, SeenBy, SimulatedFall, Trace, TraceOf, Where};
use crate::world::{Rules, World};

/// How often somebody who wants a run to stop is listened to, in events.
const LISTENS: u64 = 1024;
/// The number of the first probe: what a trace comes to does not depend on how many requests it has.
const PROBES: u64 = 1 << 32;
/// The most events in which a protocol may heal: one that spins at the same moment never gets to the time.
const HEALING_EVENTS: u64 = 1_000_000;

/// After so many things in a row that are no event or a crash, the faults end: all requests have been made, and nothing
/// is left to come of them.
const IDLE_MAX: u64 = 1_000;

/// How seeds are run.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "built by callers, with a default for the rest")]
pub struct Options {
    /// Events under faults; healing comes on top.
    pub events: u64,
    /// Whether a claim falls in one seed of a hundred, to see that it is noticed.
    pub canary: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { events: 5_000, canary: false }
    }
}

/// What fell in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct Fall {
    /// The seed.
    pub seed: u64,
    /// The property.
    pub property: &'static str,
    /// After how many events.
    pub event: u64,
    /// Whether the faults had ended by then.
    pub healing: bool,
}

/// What one seed came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct SeedReport {
    /// How much happened.
    pub tally: Tally,
    /// The properties of which some world is to be seen, and whether it was.
    pub reached: Vec<(&'static str, bool)>,
    /// What was met, in words of the protocol.
    pub coverage: Coverage,
    /// What fell.
    pub fall: Option<Fall>,
    /// All that happened, in 128 bits.
    pub hash: TraceHash,
}

/// Why and how a seed falls.
#[derive(Clone, Debug, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct Explained {
    /// What fell.
    #[serde(flatten)]
    pub fall: Fall,
    /// A short trace, one readable line an action.
    pub steps: Vec<String>,
    /// How many events they are ([`Trace::events`]).
    pub events: usize,
    /// The world at its end, readable, with what is missing where it does not heal.
    #[serde(skip)]
    pub state: String,
    /// The trace as a file; none if a message of the protocol has no form in JSON.
    #[serde(skip)]
    pub file: Option<String>,
}

/// Runs by seeds, whatever the protocol.
pub trait Simulation: Send + Sync {
    /// Runs one seed; nothing if it was stopped before its end.
    fn run(&self, seed: u64, options: &Options, stop: &AtomicBool) -> Option<SeedReport>;

    /// Runs a seed again and makes what fell short and readable; nothing if nothing falls.
    fn explain(&self, seed: u64, options: &Options) -> Option<Explained>;

    /// The rules under which the trace files of a run with these parameters are replayed.
    ///
    /// # Errors
    /// What is wrong with the parameters.
    fn replays(&self, parameters: serde_json::Value) -> Result<Box<dyn Replays>, serde_json::Error>;
}

/// The seeds of a protocol.
#[derive(Debug)]
pub struct Seeds<S> {
    protocol: &'static str,
    spec: PhantomData<fn() -> S>,
}

impl<S: Simulated> Seeds<S> {
    /// The seeds of `protocol`, by its name on the command line.
    #[must_use]
    pub const fn of(protocol: &'static str) -> Self {
        Self { protocol, spec: PhantomData }
    }
}

impl<S: Simulated> Simulation for Seeds<S> {
    fn run(&self, seed: u64, options: &Options, stop: &AtomicBool) -> Option<SeedReport> {
        let rules = rules_of::<S>(seed);
        let run = Run::new(&rules, seed, options);
        let ended = run.go(&rules, false, stop)?;
        let reached = ended.record.reached(&rules);
        let property = ended.fall.as_ref().map(|fall| fall.property);
        let coverage = rules.coverage();
        let Record { tally, digest, .. } = ended.record;
        Some(SeedReport { tally, reached, coverage, fall: ended.fall, hash: digest.finish(seed, property) })
    }

    fn explain(&self, seed: u64, options: &Options) -> Option<Explained> {
        let rules = rules_of::<S>(seed);
        let run = Run::new(&rules, seed, options);
        let ended = run.go(&rules, true, &AtomicBool::new(false))?;
        let (fall, mut actions) = (ended.fall?, ended.record.actions.unwrap_or_default());
        // What happened after the faults had ended comes about anew.
        actions.truncate(usize::try_from(ended.faulty).unwrap_or(usize::MAX));
        let (rules, actions) = shortened(rules, &run, &fall, actions);
        let (times, actions): (Vec<_>, Vec<_>) =
            actions.into_iter().map(|(at, action)| (Some(Time(at)), action)).unzip();
        let trace = Trace { origin: 0, actions };
        let events = trace.events();
        let (steps, state) = (rules.render(&trace), state(&rules, &run, &trace, fall.healing));
        let name = if fall.healing { "healing" } else { "faults" }.to_owned();
        let world = Where::Simulation { name, seed, parameters: rules.spec().parameters() };
        let simulated = simulated(&rules, &fall, options.events);
        let header = Header {
            property: simulated.is_none().then(|| fall.property.to_owned()),
            simulated,
            explorer: Some("simulation".to_owned()),
            ..Header::new(self.protocol, world)
        };
        let file = rules.write(&Recorded { times, ..Recorded::new(header, trace) }).ok();
        Some(Explained { fall, steps, events, state, file })
    }

    fn replays(&self, parameters: serde_json::Value) -> Result<Box<dyn Replays>, serde_json::Error> {
        Ok(Box::new(rules(S::with_parameters(parameters)?)))
    }
}

/// What fell, where only the simulator sees it: a replay knows the properties of worlds, and knows no healing.
fn simulated<S: Simulated>(rules: &Rules<S>, fall: &Fall, events: u64) -> Option<SimulatedFall> {
    let known = || rules.properties().iter().any(|property| property.name == fall.property);
    let seen_by = match fall.property {
        _ if fall.healing => SeenBy::Healing,
        _ if known() => return None,
        NOTHING_WITHHELD => SeenBy::Refusal,
        CANARY => SeenBy::Canary,
        _ => SeenBy::Answers,
    };
    Some(SimulatedFall { property: fall.property.to_owned(), seen_by, events })
}

/// The rules of one seed.
fn rules_of<S: Simulated>(seed: u64) -> Rules<S> {
    rules(S::sampled(&mut Dice::new(seed, "protocol")))
}

/// A short trace that ends as `actions` do, and the rules that it happens under: simpler ones, where those will do.
fn shortened<S: Simulated>(
    mut rules: Rules<S>,
    run: &Run,
    fall: &Fall,
    actions: Vec<Timed<S>>,
) -> (Rules<S>, Vec<Timed<S>>) {
    let short =
        |rules: &Rules<S>, tried: &[Timed<S>]| Shrinking::new(rules, run, fall, tried).shortest(tried);
    let mut best = match short(&rules, &actions) {
        Some(best) => best,
        None => return (rules, actions),
    };
    // What heals, and in which time, is the protocol's with its own parameters.
    if fall.healing {
        return (rules, best);
    }
    loop {
        let simpler = rules.spec().simpler().into_iter().find_map(|spec| {
            let simple = super::rules(spec);
            let renamed = busiest_first::<S>(rules.spec().nodes(), &best);
            let shorter = [&best, &renamed].into_iter().find_map(|tried| short(&simple, tried))?;
            (shorter.len() <= best.len()).then_some((simple, shorter))
        });
        match simpler {
            Some(found) => (rules, best) = found,
            None => return (rules, best),
        }
    }
}

/// The last world of a trace; where that is to heal, the one that it comes to without faults.
fn state<S: Simulated>(rules: &Rules<S>, run: &Run, trace: &TraceOf<S>, healing: bool) -> String {
    let mut awaiting = Awaiting::default();
    let Some(mut world) = rules.initial().into_iter().nth(trace.origin) else { return String::new() };
    for action in &trace.actions {
        match rules.advance(&mut world, action) {
            Ok(passage) => _ = awaiting.note(rules.spec(), action, passage.as_deref()),
            Err(_) => break,
        }
    }
    if !healing {
        return rules.picture(&world);
    }
    let healed = run.heal(rules, world, 0, Record::new(rules).awaiting(awaiting));
    let open: Vec<_> = healed.record.awaiting.open().iter().map(|(id, at)| format!("{at} of {id}")).collect();
    let within = rules.spec().heals_within();
    format!(
        "after {within:?} without faults, unanswered requests: [{}]\n{}",
        open.join(", "),
        rules.picture(&healed.world)
    )
}

/// What is drawn for one seed, the protocol apart.
pub(super) struct Run {
    seed: u64,
    events: u64,
    canary: Option<u64>,
    faults: Faults,
    calm: Faults,
}

/// How a run ended.
pub(super) struct Ended<S: Simulated> {
    pub(super) record: Record<S>,
    pub(super) fall: Option<Fall>,
    pub(super) world: World<S>,
    /// How many events there were before the faults ended; any if they had not.
    faulty: u64,
}

impl Run {
    fn new<S: Simulated>(rules: &Rules<S>, seed: u64, options: &Options) -> Self {
        let (spec, mut dice) = (rules.spec(), Dice::new(seed, "faults"));
        let (nodes, pace) = (spec.nodes(), nanos(spec.pace()).max(1));
        let mut chance = Dice::new(seed, "canary");
        let canary = options.canary && chance.below(100) == 0;
        let atlas = spec.atlas();
        let faults = Faults::sampled(&mut dice, nodes, &atlas, pace);
        Self {
            seed,
            events: options.events,
            canary: canary.then(|| chance.between(1, options.events)),
            faults: Faults { aim: Aim::sampled(seed, nodes, &atlas, pace), ..faults },
            calm: Faults::none(nodes, pace),
        }
    }

    /// From the beginning to the end; nothing if stopped before.
    fn go<S: Simulated>(&self, rules: &Rules<S>, keep: bool, stop: &AtomicBool) -> Option<Ended<S>> {
        let world = rules.initial().into_iter().next()?;
        let mut record = Record::new(rules);
        record.canary = self.canary;
        record.actions = keep.then(Vec::new);
        let mut phase =
            Phase::new(rules, &self.faults, false, world, 0, Dice::new(self.seed, "events"), record);
        let mut idle = 0;
        while phase.record.tally.events < self.events && idle < IDLE_MAX {
            let before = phase.record.tally.events;
            if before.is_multiple_of(LISTENS) && stop.load(Ordering::Relaxed) {
                return None;
            }
            let moved = phase.record.tally.moved();
            match phase.next() {
                Ok(true) => idle = if phase.record.tally.moved() == moved { idle + 1 } else { 0 },
                Ok(false) => break,
                Err(property) => return Some(self.ended(phase, Some(property), None)),
            }
        }
        let Phase { world, now, record, .. } = phase;
        Some(self.heal(rules, world, now, record))
    }

    /// What comes of `world` once the faults have ended.
    pub(super) fn heal<S: Simulated>(
        &self,
        rules: &Rules<S>,
        world: World<S>,
        now: u64,
        mut record: Record<S>,
    ) -> Ended<S> {
        let spec = rules.spec();
        record.wished = record.wished.max(PROBES);
        let (faulty, deadline) = (record.tally.events, now.saturating_add(nanos(spec.heals_within())));
        let mut phase =
            Phase::new(rules, &self.calm, true, world, now, Dice::new(self.seed, "healing"), record);
        let fell = loop {
            if phase.record.awaiting.is_over() && spec.settled(&phase.world) {
                break None;
            }
            if phase.now > deadline || phase.record.tally.events - faulty > HEALING_EVENTS {
                break Some(HEALS);
            }
            match phase.next() {
                Ok(true) => {}
                Ok(false) => break Some(HEALS),
                Err(property) => break Some(property),
            }
        };
        phase.record.tally.healing_ns = u128::from(phase.now.saturating_sub(now));
        self.ended(phase, fell, Some(faulty))
    }

    fn ended<S: Simulated>(
        &self,
        phase: Phase<'_, S>,
        property: Option<&'static str>,
        faulty: Option<u64>,
    ) -> Ended<S> {
        let Phase { world, now, mut record, .. } = phase;
        record.tally.simulated_ns = u128::from(now);
        let event = record.tally.events;
        let fall =
            property.map(|property| Fall { seed: self.seed, property, event, healing: faulty.is_some() });
        Ended { record, fall, world, faulty: faulty.unwrap_or(u64::MAX) }
    }
}
