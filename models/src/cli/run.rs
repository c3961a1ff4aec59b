//! `check` and `explore`: runs worlds, one after the other, and says what came of them.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::check::{Check, Kind, Progress, PropertyReport, Report, RunOptions, Violation};
use crate::coverage::Coverage;

use super::keep::Keeper;
use super::progress::Line;
use super::verdict::{self, Verdict};
use super::{
    Bounds, CheckArgs, ExploreArgs, HOLDS, Limits, Registry, Screen, UNDECIDED, VIOLATED, coverage,
    interrupt, json, junit, report, select, summary,
};

/// How often the live line is redrawn, and a timeout looked at.
const POLL: Duration = Duration::from_millis(100);
/// The stack of the thread that runs a check: a search may recurse.
const STACK_BYTES: usize = 256 << 20;
/// Bytes in a gibibyte.
const GIBI: u64 = 1 << 30;
/// The property that falls when a check panics.
pub(super) const NEVER_PANICS: &str = "never panics";

impl Limits {
    /// As checks take them.
    pub(super) fn options(self, replaced: &[(String, u64)]) -> RunOptions {
        let default = RunOptions::default();
        let mut options = RunOptions {
            threads: self.threads.map_or(default.threads, usize::from),
            timeout: self.timeout.map(Duration::from_secs),
            max_states: self.max_states,
            max_memory_bytes: self.max_memory.map(|gib| gib.saturating_mul(GIBI)),
            ..default
        };
        for (name, most) in replaced {
            // The command line refuses names that there are not.
            options.limits.set(name, *most);
        }
        options
    }
}

/// Runs `check`: the exit status, or why it could not be carried out.
pub(super) fn check(registry: &Registry, args: &CheckArgs, screen: &mut Screen<'_>) -> Result<u8, String> {
    let protocols = select::protocols(registry, &args.protocols)?;
    let checks = select::checks(&protocols, &args.worlds)?;
    let mut keeper = Keeper::of(registry.command, args)?;
    json::claim_out(args.json.as_deref(), screen);
    let options = args.limits.options(&args.replaced);
    let mut reports = Vec::new();
    for check in &checks {
        let report = watched(*check, args.bounds, &options, screen.live);
        screen.say(summary::row(&report));
        if let Some(trace) = summary::trace(&report, screen.width) {
            screen.say(trace);
        }
        keeper.keep(*check, &report, screen);
        let enough = Verdict::of(&report)
            .fell()
            .is_some_and(|fell| args.fail_fast.iter().any(|wanted| wanted.is_empty() || wanted == fell));
        reports.push(report);
        if enough || keeper.has_its_one() || interrupt::asked().load(Ordering::Relaxed) {
            break;
        }
    }
    let skipped = checks.len() - reports.len();
    screen.say(summary::all(registry, &checks, &reports, skipped, args.bounds, screen.width));
    let status = verdict::exit(reports.iter().map(Verdict::of));
    let status = if coverage::complains(registry, &reports, screen) { VIOLATED } else { status };
    // What was asked to end before it had begun is not decided either.
    let unbegun = skipped > 0 && interrupt::asked().load(Ordering::Relaxed);
    let status = if unbegun && status == HOLDS { UNDECIDED } else { status };
    if let Some(file) = &args.json {
        let document = json::Checks::new(&reports, args.bounds.name(), (registry.mutants.reached)());
        json::write(&document, file, screen)?;
    }
    report::write(registry, args, &checks, &reports)?;
    if let Some(file) = &args.junit {
        junit::write(&reports, registry.command, file)?;
    }
    keeper.done().map(|()| status)
}

/// Runs one check on a thread of its own, watching it from this one.
pub(super) fn watched(check: &dyn Check, bounds: Bounds, options: &RunOptions, live: bool) -> Report {
    let (level, progress) = (bounds.into(), Progress::default());
    let line = Line::of(check, live);
    let started = Instant::now();
    let outcome = std::thread::scope(|scope| {
        let (done, finished) = mpsc::channel::<()>();
        let progress = &progress;
        let work = move || {
            // Dropped when the check returns and when it panics: either wakes the watcher.
            let _done = done;
            check.run(level, options, progress)
        };
        let worker = std::thread::Builder::new()
            .name(check.name().to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("no thread could be started: {error}"))?;
        let interrupted = interrupt::asked();
        while finished.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
            line.show(progress);
            let late = options.timeout.is_some_and(|timeout| started.elapsed() > timeout);
            if late || interrupted.load(Ordering::Relaxed) {
                progress.stop.store(true, Ordering::Relaxed);
            }
        }
        worker.join().map_err(|panic| said(&*panic))
    });
    drop(line);
    outcome.unwrap_or_else(|message| panicked(check, bounds, &progress, started.elapsed(), message))
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
}

/// The report of a check that panicked: a step must accept every input, so this is a violation too.
fn panicked(
    check: &dyn Check,
    bounds: Bounds,
    progress: &Progress,
    spent: Duration,
    message: String,
) -> Report {
    let property = NEVER_PANICS;
    Report {
        protocol: check.protocol(),
        name: check.name(),
        explorer: "none",
        bounds: check.bounds(bounds.into()),
        withheld: Default::default(),
        complete: false,
        states: progress.states.load(Ordering::Relaxed),
        unique: progress.unique.load(Ordering::Relaxed),
        depth: progress.depth.load(Ordering::Relaxed),
        by_depth: Vec::new(),
        seconds: spent.as_secs_f64(),
        cpu_seconds: 0.0,
        memory_bytes: 0,
        properties: vec![PropertyReport { name: property, kind: Kind::Always, holds: false, met: None }],
        must_fall: None,
        coverage: Coverage::default(),
        violation: Some(Violation {
            property,
            steps: Vec::new(),
            shortest: false,
            state: message,
            file: None,
        }),
    }
}

/// Runs `explore`: serves a world until the process ends.
pub(super) fn explore(
    registry: &Registry,
    args: &ExploreArgs,
    screen: &mut Screen<'_>,
) -> Result<u8, String> {
    let protocols = select::protocols(registry, std::slice::from_ref(&args.protocol))?;
    let worlds: Vec<String> = args.world.iter().cloned().collect();
    let checks = select::checks(&protocols, &worlds)?;
    let port = args.port;
    // The server would panic on a port that is taken; a clear word first.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| format!("port {port} cannot be served: {error}; choose another with --port"))?;
    let check = checks[0];
    screen.say(format_args!(
        "{}/{} ({}) at {} bounds: http://127.0.0.1:{port}/ (end with Ctrl-C)",
        check.protocol(),
        check.name(),
        check.varies(),
        args.bounds.name(),
    ));
    if checks.len() > 1 {
        let others: Vec<&str> = checks[1..].iter().map(|check| check.name()).collect();
        screen.say(format_args!("other worlds, with --world NAME: {}", others.join(", ")));
    }
    check.explore(args.bounds.into(), port);
    Ok(HOLDS)
}
