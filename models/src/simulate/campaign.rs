//! Many seeds, on many threads: the same whatever their number.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::digest::TraceHash;
use super::record::Tally;
use super::run::{Explained, Fall, Options, SeedReport, Simulation};
use crate::coverage::Coverage;

/// How many seeds that fell are explained, the first ones: enough to see whether they fell of one cause.
pub const EXPLAINED: usize = 20;

/// How many seeds must have been able to reach something, each of at least [`ENOUGH_EVENTS`], before it counts against
/// a campaign that none did: below, it may be chance.
pub const ENOUGH_SEEDS: u64 = 1_000;
/// How many events each of [`ENOUGH_SEEDS`] must have had.
pub const ENOUGH_EVENTS: u64 = 1_000;

/// Which seeds are run, and how.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "built by callers, with a default for the rest")]
pub struct Campaign {
    /// The seeds.
    pub seeds: Range<u64>,
    /// Of these, only the ones of share `k` of `n`, counted from 0.
    pub shard: (u64, u64),
    /// How each is run.
    pub options: Options,
    /// On how many threads.
    pub threads: usize,
    /// Whether no seed beyond the first that falls is of interest.
    pub fail_fast: bool,
    /// How many of the seeds that fell are explained.
    pub explained: usize,
}

impl Default for Campaign {
    fn default() -> Self {
        Self {
            seeds: 0..1000,
            shard: (0, 1),
            options: Options::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            fail_fast: false,
            explained: EXPLAINED,
        }
    }
}

impl Campaign {
    /// How many seeds that are.
    #[must_use]
    pub fn len(&self) -> u64 {
        let (share, of) = self.shard;
        (self.seeds.end.saturating_sub(self.seeds.start) + of.saturating_sub(share + 1)) / of.max(1)
    }

    /// Whether it has no seeds.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn seed(&self, at: u64) -> u64 {
        let (share, of) = self.shard;
        self.seeds.start.saturating_add(at.saturating_mul(of).saturating_add(share))
    }
}

/// In how many seeds something was reached, and in how many it could have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[allow(clippy::exhaustive_structs, reason = "a plain pair")]
pub struct Reached {
    /// The seeds that reached it.
    pub seeds: u64,
    /// The seeds whose parameters allow for it.
    pub of: u64,
}

/// What a campaign came to.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct Report {
    /// The seeds run to their end.
    pub seeds: u64,
    /// Whether that is all of them.
    pub complete: bool,
    /// How much happened.
    pub tally: Tally,
    /// The longest time that healing took, in virtual nanoseconds.
    pub healing_max_ns: u128,
    /// What is to be seen in some world, by name.
    pub reached: BTreeMap<&'static str, Reached>,
    /// What was met, in words of the protocol.
    pub coverage: Coverage,
    /// What fell, by seed.
    pub falls: Vec<Fall>,
    /// The first of them, made short.
    pub explained: Vec<Explained>,
    /// All that happened, in 128 bits.
    pub hash: TraceHash,
    /// Real time.
    pub elapsed: Duration,
}

impl Report {
    /// What none of the seeds reached, though it is to be seen, in runs of so many `events`: whatever is claimed about
    /// it was not tried. Nothing where there were too few seeds, or too short ones, to say.
    #[must_use]
    pub fn unreached(&self, events: u64) -> Vec<&'static str> {
        let missing = self.reached.iter().filter(|(_, reached)| {
            events >= ENOUGH_EVENTS && reached.of >= ENOUGH_SEEDS && reached.seeds == 0
        });
        missing.map(|(name, _)| *name).collect()
    }

    fn add(&mut self, seed: SeedReport) {
        self.seeds += 1;
        self.healing_max_ns = self.healing_max_ns.max(seed.tally.healing_ns);
        self.tally += seed.tally;
        for (name, reached) in seed.reached {
            let entry = self.reached.entry(name).or_default();
            entry.of += 1;
            entry.seeds += u64::from(reached);
        }
        self.coverage.add(&seed.coverage);
        self.falls.extend(seed.fall);
        self.hash = [self.hash, seed.hash].into_iter().sum();
    }

    fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.healing_max_ns = self.healing_max_ns.max(other.healing_max_ns);
        self.tally += other.tally;
        for (name, reached) in other.reached {
            let entry = self.reached.entry(name).or_default();
            entry.of += reached.of;
            entry.seeds += reached.seeds;
        }
        self.coverage.add(&other.coverage);
        self.falls.extend(other.falls);
        self.hash = [self.hash, other.hash].into_iter().sum();
    }
}

/// Runs a campaign. `done` counts seeds as they end; `stop` ends it early, and the report says so.
///
/// With [`Campaign::fail_fast`] the seeds run beyond the first that falls depend on the threads; which one is the first
/// does not.
pub fn campaign(
    simulation: &dyn Simulation,
    campaign: &Campaign,
    done: &AtomicU64,
    stop: &AtomicBool,
) -> Report {
    let began = Instant::now();
    let (next, first_fall) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let work = || {
        let mut report = Report::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let past = campaign.fail_fast && at > first_fall.load(Ordering::Relaxed);
            if at >= campaign.len() || past || stop.load(Ordering::Relaxed) {
                return report;
            }
            let Some(seed) = simulation.run(campaign.seed(at), &campaign.options, stop) else {
                return report;
            };
            if seed.fall.is_some() {
                first_fall.fetch_min(at, Ordering::Relaxed);
            }
            report.add(seed);
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let mut report = Report::default();
    on_threads(campaign.threads, work).into_iter().for_each(|part| report.merge(part));
    report.falls.sort_unstable_by_key(|fall| fall.seed);
    if campaign.fail_fast {
        report.falls.truncate(1);
    }
    report.complete = report.seeds == campaign.len();
    report.explained = explain(simulation, campaign, &report.falls, stop);
    report.elapsed = began.elapsed();
    report
}

/// The first of the seeds that fell, made short, in order.
fn explain(
    simulation: &dyn Simulation,
    campaign: &Campaign,
    falls: &[Fall],
    stop: &AtomicBool,
) -> Vec<Explained> {
    let falls = falls.get(..campaign.explained.min(falls.len())).unwrap_or(falls);
    let (next, explained) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    on_threads(campaign.threads.min(falls.len()), || {
        while !stop.load(Ordering::Relaxed) {
            let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
            let Some(fall) = falls.get(at) else { return };
            if let Some(one) = simulation.explain(fall.seed, &campaign.options) {
                explained.lock().unwrap_or_else(PoisonError::into_inner).insert(fall.seed, one);
            }
        }
    });
    explained.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// What `work` comes to on each of so many threads.
fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        // A worker that panics takes the campaign with it: what it had done is lost.
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
