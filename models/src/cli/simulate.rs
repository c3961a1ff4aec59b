//! `simulate`: runs seeds and says what came of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::check::Protocol;
use crate::coverage::Coverage;
use crate::simulate::{
    Campaign, Explained, Fall, Options, Reached, Report, Simulation, Tally, TraceHash, campaign,
};

use super::progress::Line;
use super::table::{Column, Row, count, counted, rate, seconds, short, table, wrapped};
use super::{HOLDS, Registry, Screen, SimulateArgs, UNDECIDED, VIOLATED, coverage, interrupt, json, select};

/// How often the live line is redrawn.
const POLL: Duration = Duration::from_millis(100);
/// How many seeds that fell are named without their traces.
const NAMED: usize = 20;

/// `A..B`: the seeds from `A` up to, and not including, `B`; or one seed.
pub(super) fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number =
        |text: &str| text.trim().parse::<u64>().map_err(|error| format!("`{text}` is no number: {error}"));
    let seeds = match text.split_once("..") {
        Some((first, end)) => number(first)?..number(end)?,
        None => {
            let one = number(text)?;
            one..one.checked_add(1).ok_or("that seed is beyond the last one")?
        }
    };
    if seeds.is_empty() {
        Err("there are no seeds in it: say A..B with A below B".to_owned())
    } else {
        Ok(seeds)
    }
}

/// `K/N`: share `K` of `N`, counted from 1.
pub(super) fn shard(text: &str) -> Result<(u64, u64), String> {
    let (share, of) = text.split_once('/').ok_or("say K/N, as in 1/4")?;
    let number =
        |text: &str| text.trim().parse::<u64>().map_err(|error| format!("`{text}` is no number: {error}"));
    match (number(share)?, number(of)?) {
        (share, of) if (1..=of).contains(&share) => Ok((share - 1, of)),
        _ => Err("the shares of N are 1/N to N/N".to_owned()),
    }
}

/// The protocols named that can be simulated; all that can if none is named.
fn simulated<'a>(
    registry: &'a Registry,
    names: &[String],
) -> Result<Vec<(&'a Protocol, &'a dyn Simulation)>, String> {
    let protocols = select::protocols(registry, names)?;
    let with =
        |protocol: &&'a Protocol| protocol.simulation.as_deref().map(|simulation| (*protocol, simulation));
    let can: Vec<_> = protocols.iter().filter_map(with).collect();
    match protocols.iter().find(|protocol| protocol.simulation.is_none()) {
        Some(cannot) if !names.is_empty() => {
            Err(format!("`{}` has no simulation: give its `Protocol` one, or name others", cannot.name))
        }
        _ if can.is_empty() => Err("no protocol that can be simulated is registered".to_owned()),
        _ => Ok(can),
    }
}

/// Runs `simulate`: the exit status, or why it could not be carried out.
pub(super) fn simulate(
    registry: &Registry,
    args: &SimulateArgs,
    screen: &mut Screen<'_>,
) -> Result<u8, String> {
    let protocols = simulated(registry, &args.protocols)?;
    json::claim_out(args.json.as_deref(), screen);
    let stop = interrupt::asked();
    let mut ran: Vec<Ran> = Vec::new();
    for (protocol, simulation) in protocols {
        let plan = plan(args);
        let report = watched(protocol.name, simulation, &plan, stop, screen.live);
        let command = |seed: u64| {
            let canary = if args.canary { " --canary" } else { "" };
            format!(
                "{} simulate {} --seeds {seed}..{} --events {}{canary}",
                registry.command,
                protocol.name,
                u128::from(seed) + 1,
                args.events
            )
        };
        for explained in &report.explained {
            screen.say(fallen(explained, &command(explained.fall.seed), screen.width));
            if let Some(folder) = &args.traces {
                screen.say(format_args!("  trace: {}", keep(folder, protocol.name, explained)?));
            }
        }
        if let Some(more) = others(&report, command) {
            screen.say(more);
        }
        let unreached = report.unreached(args.events);
        ran.push(Ran { protocol: protocol.name, of: plan.len(), report, unreached });
    }
    screen.say(summary(&ran, screen.width));
    let hash: TraceHash = ran.iter().map(|ran| ran.report.hash).sum();
    if let Some(file) = &args.json {
        let planted = (registry.mutants.reached)();
        json::write(&Document::new(args, &ran, hash, planted), file, screen)?;
    }
    screen.say(format_args!("trace hash: {hash}"));
    Ok(status(&ran))
}

/// What a protocol's seeds came to.
struct Ran {
    protocol: &'static str,
    /// How many seeds there were to run.
    of: u64,
    report: Report,
    /// What none of many seeds reached, though it is to be seen.
    unreached: Vec<&'static str>,
}

fn plan(args: &SimulateArgs) -> Campaign {
    let default = Campaign::default();
    Campaign {
        seeds: args.seeds.clone(),
        shard: args.shard,
        options: Options { events: args.events, canary: args.canary },
        threads: args.threads.map_or(default.threads, usize::from),
        fail_fast: args.fail_fast,
        ..default
    }
}

fn status(ran: &[Ran]) -> u8 {
    match ran {
        _ if ran.iter().any(|ran| !ran.report.falls.is_empty()) => VIOLATED,
        _ if ran.iter().any(|ran| !ran.report.complete || !ran.unreached.is_empty()) => UNDECIDED,
        _ => HOLDS,
    }
}

/// Runs a campaign on threads of its own, watching it from this one.
fn watched(
    name: &str,
    simulation: &dyn Simulation,
    plan: &Campaign,
    stop: &AtomicBool,
    live: bool,
) -> Report {
    let (line, done, started) =
        (Line::new(format!("simulate {name}"), live), AtomicU64::new(0), Instant::now());
    std::thread::scope(|scope| {
        let work = scope.spawn(|| campaign(simulation, plan, &done, stop));
        while !work.is_finished() {
            std::thread::sleep(POLL);
            line.tell(&progress(done.load(Ordering::Relaxed), plan.len(), started.elapsed()));
        }
        work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// How far it is, and how much longer it takes.
fn progress(done: u64, of: u64, spent: Duration) -> String {
    let left = match (u32::try_from(of - done.min(of)), u32::try_from(done)) {
        _ if done >= of => ", making short what fell".to_owned(),
        (Ok(left), Ok(done)) if done > 0 => {
            format!(", {} left", seconds((spent * left / done).as_secs_f64()))
        }
        _ => String::new(),
    };
    format!("{} of {} seeds, {}{left}", short(done), short(of), seconds(spent.as_secs_f64()))
}

/// A seed that fell: of what, how to see it again, and a short trace.
fn fallen(explained: &Explained, command: &str, width: u16) -> String {
    let Explained { fall, steps, events, state, .. } = explained;
    let when = if fall.healing { "after the faults had ended" } else { "under faults" };
    let mut text = format!(
        "\nseed {}: {} is violated {when}, at event {}\n  again: {command}\n  a short trace, of {}, {}:",
        fall.seed,
        fall.property,
        count(fall.event),
        counted(steps.len(), "step"),
        counted(*events, "event"),
    );
    let digits = steps.len().to_string().len();
    for (number, step) in (1..).zip(steps) {
        let (indent, width) = (4 + digits + 2, usize::from(width));
        let _ =
            write!(text, "\n    {number:>digits$}. {}", wrapped(step, width.saturating_sub(indent), indent));
    }
    let then = if fall.healing { "without faults it comes to" } else { "the state then" };
    let _ = write!(text, "\n  {then}:");
    state.lines().for_each(|line| _ = write!(text, "\n    {line}"));
    text
}

/// The seeds that fell and are not explained.
fn others(report: &Report, command: impl Fn(u64) -> String) -> Option<String> {
    let explained = |fall: &&Fall| report.explained.iter().any(|one| one.fall.seed == fall.seed);
    let others: Vec<&Fall> = report.falls.iter().filter(|fall| !explained(fall)).collect();
    let mut text = format!("\n{} fell besides:", counted(others.len(), "seed"));
    for fall in others.iter().take(NAMED) {
        let _ = write!(text, "\n  {} ({})", command(fall.seed), fall.property);
    }
    if others.len() > NAMED {
        let _ = write!(text, "\n  and {} more", count((others.len() - NAMED) as u64));
    }
    (!others.is_empty()).then_some(text)
}

/// Writes a trace into `folder`: its name.
fn keep(folder: &Path, protocol: &str, explained: &Explained) -> Result<String, String> {
    let Some(text) = &explained.file else {
        return Err(format!("a message of {protocol} has no form in JSON, so no trace can be written"));
    };
    let file = folder.join(format!("{protocol}-seed-{}.jsonl", explained.fall.seed));
    json::write_file(&file, text.as_bytes())
        .map_err(|error| format!("the trace to {} failed: {error}", file.display()))?;
    Ok(file.display().to_string())
}

/// The table of protocols, and what was seen in how many seeds.
fn summary(ran: &[Ran], width: u16) -> String {
    let columns = [
        Column::Text("protocol"),
        Column::Number("seeds"),
        Column::Number("events"),
        Column::Number("events/s"),
        Column::Number("simulated"),
        Column::Number("per second"),
        Column::Number("crashes"),
        Column::Number("lost"),
        Column::Number("partitions"),
        Column::Number("answered"),
        Column::Number("violations"),
    ];
    let rows: Vec<Row> = ran.iter().map(row).collect();
    format!("\n{}\n", table(width, &columns, &rows))
}

#[allow(clippy::cast_precision_loss, reason = "rates and times for people")]
fn row(ran: &Ran) -> Row {
    let (report, tally) = (&ran.report, &ran.report.tally);
    let (spent, simulated) = (report.elapsed.as_secs_f64().max(0.001), tally.simulated_ns as f64 / 1e9);
    let cells = vec![
        ran.protocol.to_owned(),
        count(report.seeds),
        count(tally.events),
        rate(tally.events as f64 / spent),
        seconds(simulated),
        seconds(simulated / spent),
        count(tally.crashes),
        count(tally.lost),
        count(tally.partitions),
        format!("{} of {}", count(tally.answered), count(tally.requests)),
        count(report.falls.len() as u64),
    ];
    let mut notes = Vec::new();
    if tally.reigns > 0 {
        let each = tally.reigns as f64 / report.seeds.max(1) as f64;
        notes.push(format!(
            "{} elections or the like ({each:.1} a seed), {} ambushes of who had won",
            count(tally.reigns),
            count(tally.ambushes)
        ));
    }
    notes.push(format!(
        "{} durable records, {} crashes lost what was held, {} pauses, {} duplicates, {} clocks set; healed within {}",
        count(tally.flushed),
        count(tally.torn),
        count(tally.pauses),
        count(tally.duplicated),
        count(tally.clock_steps),
        seconds(report.healing_max_ns as f64 / 1e9),
    ));
    let seen = |(name, reached): (&&str, &Reached)| format!("{name}: {} of {}", reached.seeds, reached.of);
    let reached: Vec<String> = report.reached.iter().map(seen).collect();
    notes.push(format!("seen in seeds: {}", reached.join("; ")));
    if report.coverage.is_told() {
        notes.push(format!("met: {}", coverage::sums(&report.coverage)));
        notes.extend(coverage::unmet(&report.coverage));
    }
    if !ran.unreached.is_empty() {
        let missing = ran.unreached.join("; ");
        notes.push(format!("NEVER SEEN, so nothing was shown about it: {missing}"));
    }
    if !report.complete {
        notes.push(format!("INCOMPLETE: {} of {} seeds were run", count(report.seeds), count(ran.of)));
    }
    Row { cells, notes }
}

/// The document that `simulate --json` writes.
#[derive(Serialize)]
struct Document<'a> {
    seeds: (u64, u64),
    /// Share and number of shares, counted from 1.
    shard: (u64, u64),
    events: u64,
    simulations: Vec<Entry<'a>>,
    trace_hash: String,
    /// Whether the line of a planted mutant was reached; null where none is planted.
    reached: Option<bool>,
}

#[derive(Serialize)]
struct Entry<'a> {
    protocol: &'a str,
    seeds: u64,
    complete: bool,
    seconds: f64,
    tally: &'a Tally,
    reached: &'a BTreeMap<&'static str, Reached>,
    #[serde(skip_serializing_if = "Coverage::is_untold")]
    coverage: &'a Coverage,
    unreached: &'a [&'static str],
    violations: &'a [Fall],
    explained: &'a [Explained],
    trace_hash: String,
}

impl<'a> Document<'a> {
    fn new(args: &SimulateArgs, ran: &'a [Ran], hash: TraceHash, planted: Option<bool>) -> Self {
        let entry = |ran: &'a Ran| Entry {
            protocol: ran.protocol,
            seeds: ran.report.seeds,
            complete: ran.report.complete,
            seconds: ran.report.elapsed.as_secs_f64(),
            tally: &ran.report.tally,
            reached: &ran.report.reached,
            coverage: &ran.report.coverage,
            unreached: &ran.unreached,
            violations: &ran.report.falls,
            explained: &ran.report.explained,
            trace_hash: ran.report.hash.to_string(),
        };
        Self {
            seeds: (args.seeds.start, args.seeds.end),
            shard: (args.shard.0 + 1, args.shard.1),
            events: args.events,
            simulations: ran.iter().map(entry).collect(),
            trace_hash: hash.to_string(),
            reached: planted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_shards_are_read_or_refused_with_a_reason() {
        assert_eq!(seeds("3..9"), Ok(3..9));
        assert_eq!(seeds("17"), Ok(17..18));
        for bad in ["9..3", "4..4", "a..b", "1..", "-1..2", "18446744073709551615", ""] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
        assert_eq!(shard("1/4"), Ok((0, 4)));
        assert_eq!(shard("4/4"), Ok((3, 4)));
        for bad in ["0/4", "5/4", "1", "x/2", "1/0"] {
            assert!(shard(bad).is_err(), "{bad}");
        }
    }
}
