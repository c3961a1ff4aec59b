//! The command line: checks, mutants, traces, lists and explores whatever protocols a [`Registry`] holds.
//!
//! Ours is `cargo verify`, three lines over [`main`]. A crate with machines of its own gets the same command:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use quorate_models::check::Protocol;
//! use quorate_models::cli::{self, Registry};
//!
//! fn main() -> ExitCode {
//!     let mine = Protocol { name: "mine", source: "our design document, 3.2", checks: vec![/* worlds */], simulation: None };
//!     cli::main(&Registry::new("cargo run -p mine-models --", vec![mine]))
//! }
//! ```
//!
//! # Exit status
//! - 0: everything held, and every state within the bounds was expanded;
//! - 1: a property was violated, a `sometimes` was never reached, a mutant survived, or a history breaks a guarantee;
//! - 2: the command was not understood or could not be carried out, a check ended early and found nothing, or many seeds
//!   never saw what is to be seen in some.
//!
//! `replay` ends with 0 if no property falls, 1 if one does, 2 if the file is not understood or its actions cannot
//! happen.

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::check::{Level, Protocol};
use crate::world;

mod coverage;
mod history;
mod interrupt;
mod json;
mod junit;
mod keep;
mod list;
mod mutants;
mod pin;
mod progress;
mod reductions;
mod report;
mod run;
mod screen;
mod select;
mod simulate;
mod summary;
mod table;
mod trace;
mod verdict;

pub use screen::Screen;

/// Exit status: everything held, to the end.
pub const HOLDS: u8 = 0;
/// Exit status: something was violated, never reached, or survived.
pub const VIOLATED: u8 = 1;
/// Exit status: not understood, not possible, or not explored to the end.
pub const UNDECIDED: u8 = 2;

/// What the command line knows.
#[allow(missing_debug_implementations, reason = "checks are closures at heart")]
#[allow(clippy::exhaustive_structs, reason = "written out by those who register protocols")]
pub struct Registry {
    /// How the command is called, for its help and its hints: `cargo verify`.
    pub command: &'static str,
    /// The protocols, in the order in which they are checked.
    pub protocols: Vec<Protocol>,
    /// Where the mutants are and how they are planted.
    pub mutants: Mutants,
    /// How a test gets at a protocol, `{}` being its name: `quorate_models::{}::protocol()`.
    pub test_path: &'static str,
}

impl Registry {
    /// A registry of `protocols`, laid out as this workspace is.
    #[must_use]
    pub fn new(command: &'static str, protocols: Vec<Protocol>) -> Self {
        Self { command, protocols, mutants: Mutants::default(), test_path: "quorate_models::{}::protocol()" }
    }
}

impl Registry {
    /// Simulates a protocol up to the first of `seeds` in which something falls, on one thread: in the report, what
    /// fell ([`falls`](crate::simulate::Report::falls)) and a short trace
    /// ([`explained`](crate::simulate::Report::explained)). Nothing if there is no such protocol, or it cannot be
    /// simulated.
    #[must_use]
    pub fn simulate(
        &self,
        protocol: &str,
        seeds: Range<u64>,
        events: u64,
    ) -> Option<crate::simulate::Report> {
        let simulation = self.protocols.iter().find(|known| known.name == protocol)?.simulation.as_ref()?;
        let options = crate::simulate::Options { events, ..Default::default() };
        let plan = crate::simulate::Campaign {
            seeds,
            options,
            threads: 1,
            fail_fast: true,
            explained: 1,
            ..Default::default()
        };
        let stop = std::sync::atomic::AtomicBool::new(false);
        Some(crate::simulate::campaign(&**simulation, &plan, &std::sync::atomic::AtomicU64::new(0), &stop))
    }
}

/// Where the mutants of a workspace are and how they are planted. The default is this workspace's own layout.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "built by callers, with a default for the rest")]
pub struct Mutants {
    /// The workspace's root; found through cargo if `None`.
    pub root: Option<PathBuf>,
    /// The folder of mutants, `PROTOCOL/NAME.toml`, below the root.
    pub folder: PathBuf,
    /// The package whose one binary is this command line.
    pub package: String,
    /// Whether that package has a feature for each protocol, of the protocol's name, and builds with any of them alone:
    /// then what a build leaves out is what no mutant at hand is in.
    pub by_features: bool,
    /// The `lib.rs`, below the root, of the crate that holds the mark of a reached line.
    pub mark: PathBuf,
    /// That crate's name, as other crates of the workspace write it.
    pub mark_crate: String,
    /// The file, below the root, that defines [`reached`](crate::planted::reached); overwritten in the copy.
    pub reader: PathBuf,
    /// The function that file defines.
    pub reached: fn() -> Option<bool>,
}

impl Default for Mutants {
    fn default() -> Self {
        Self {
            root: None,
            folder: "models/mutants".into(),
            package: "quorate-models".to_owned(),
            by_features: true,
            mark: "src/lib.rs".into(),
            mark_crate: "quorate".to_owned(),
            reader: "models/src/planted.rs".into(),
            reached: crate::planted::reached,
        }
    }
}

/// Checks protocols exhaustively within stated bounds. Without a command: everything at quick bounds.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit status: 0 all holds, to the end; 1 violated; 2 usage, or not to the end."
)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Explore worlds and report what held.
    Check(Box<CheckArgs>),
    /// Plant the classic bugs, one at a time, and see whether the checks notice.
    Mutants(MutantsArgs),
    /// Explore worlds with and without what explorations leave out, and compare.
    Reductions(ReductionsArgs),
    /// Run protocols by seeds under faults of every kind, far past any bound, and see that they heal. What is to be seen
    /// in some world, and was in none of 1,000 seeds or more of 1,000 events or more, ends it with exit status 2.
    Simulate(SimulateArgs),
    /// List protocols, worlds, bounds and mutants.
    List(ListArgs),
    /// Carry out what a trace file says, and tell what falls.
    Replay(ReplayArgs),
    /// Leave out of a trace file all that it does not take.
    Minimise(MinimiseArgs),
    /// Draw a trace file as a sequence diagram.
    Draw(DrawArgs),
    /// Check what clients saw, from a file of JSON lines.
    History(history::HistoryArgs),
    /// Serve a web page on which to walk through a world by hand.
    Explore(ExploreArgs),
}

#[derive(Debug, Default, clap::Args)]
struct CheckArgs {
    /// The protocols to check; all if none is named.
    #[arg(value_name = "PROTOCOL")]
    protocols: Vec<String>,
    /// Check only this world; may be repeated, and is then the order.
    #[arg(long = "world", value_name = "NAME")]
    worlds: Vec<String>,
    /// How far to go.
    #[arg(long, value_enum, default_value_t = Bounds::Quick)]
    bounds: Bounds,
    /// Replace a limit of the world: in_flight, duplicates, requests, crashes, ticks, drift (ns). May be repeated.
    #[arg(long = "limit", value_name = "NAME=N", value_parser = limit)]
    replaced: Vec<(String, u64)>,
    #[command(flatten)]
    limits: Limits,
    /// Stop after the first check in which a property fell; with a value, in which that one fell.
    #[arg(long, value_name = "PROPERTY", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    fail_fast: Vec<String>,
    /// Write the results as JSON; `-` is standard output, and the tables then go to standard error.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the results as JUnit XML: a suite a protocol, a case a world.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a page: verdicts, growth, coverage, counterexamples drawn. It needs no network.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a short summary as Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Tell on the page, and in the summary, what `mutants --json` wrote to this file.
    #[arg(long, value_name = "JSON")]
    mutants: Option<PathBuf>,
    /// Tell there, too, what `simulate --json` wrote to this file.
    #[arg(long, value_name = "JSON")]
    simulation: Option<PathBuf>,
    /// Write the trace of each violation into this folder, `PROTOCOL-WORLD-PROPERTY.jsonl`: `replay` carries it out.
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// Minimise and draw violations: the first into a file, which ends the command (`.svg`, `.html`, `.mmd`), or each
    /// into a folder.
    #[arg(long, value_name = "FILE|DIR")]
    draw: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ReplayArgs {
    /// The trace file, as `check --trace` writes them.
    #[arg(value_name = "TRACE")]
    file: PathBuf,
    /// Print a Rust test that replays it, instead of replaying it.
    #[arg(long)]
    rust: bool,
}

#[derive(Debug, clap::Args)]
struct MinimiseArgs {
    /// The trace file, as `check --trace` writes them.
    #[arg(value_name = "TRACE")]
    file: PathBuf,
    /// Where to write what is left; standard output if not given.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct DrawArgs {
    /// The trace file, as `check --trace` writes them.
    #[arg(value_name = "TRACE")]
    file: PathBuf,
    /// Where to draw it: `.svg` is a picture, `.html` a page with the picture, `.mmd` a Mermaid diagram.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

#[derive(Debug, clap::Args)]
struct ReductionsArgs {
    /// The protocols; all if none is named.
    #[arg(value_name = "PROTOCOL")]
    protocols: Vec<String>,
    /// Only this world; may be repeated, and is then the order.
    #[arg(long = "world", value_name = "NAME")]
    worlds: Vec<String>,
    /// How far to go.
    #[arg(long, value_enum, default_value_t = Bounds::Quick)]
    bounds: Bounds,
    /// Replace a limit of the world: in_flight, duplicates, requests, crashes, ticks, drift (ns). May be repeated.
    #[arg(long = "limit", value_name = "NAME=N", value_parser = limit)]
    replaced: Vec<(String, u64)>,
    #[command(flatten)]
    limits: Limits,
}

#[derive(Clone, Copy, Debug, Default, clap::Args)]
struct Limits {
    /// Worker threads; as many as there are processors if not given, but one to grade a mutant.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// End a check, incomplete, after this many seconds; mutants: 300 if not given.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// End a check, incomplete, at this many distinct states; mutants: 50 million if not given.
    #[arg(long, value_name = "N")]
    max_states: Option<u64>,
    /// End a check, incomplete, once the process holds this much memory.
    #[arg(long, value_name = "GIB")]
    max_memory: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct MutantsArgs {
    /// The protocols whose mutants to plant; all if none is named.
    #[arg(value_name = "PROTOCOL")]
    protocols: Vec<String>,
    /// Plant only this mutant; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// What looks for them.
    #[arg(long, value_enum, default_value_t = Explorers::Both)]
    explorers: Explorers,
    /// How far the exhaustive checks go.
    #[arg(long, value_enum, default_value_t = Bounds::Quick)]
    bounds: Bounds,
    /// The seeds of the simulator, up to the first that falls; the last one is not included.
    #[arg(long, value_name = "A..B", default_value = mutants::SEEDS, value_parser = simulate::seeds)]
    seeds: Range<u64>,
    /// Events under faults, for each seed of the simulator.
    #[arg(long, value_name = "N", default_value_t = mutants::EVENTS, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    #[command(flatten)]
    limits: Limits,
    /// Do not first check the sources as they are.
    #[arg(long)]
    no_baseline: bool,
    /// Write the results as JSON; `-` is standard output, and the tables then go to standard error.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the results as a page in Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What looks for a planted bug.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Explorers {
    /// Exhaustive checks of small worlds.
    Exhaustive,
    /// Long runs by seeds.
    Simulate,
    /// One and then the other.
    #[default]
    Both,
}

impl Explorers {
    /// Whether small worlds are explored exhaustively.
    const fn search(self) -> bool {
        matches!(self, Self::Exhaustive | Self::Both)
    }

    /// Whether seeds are simulated.
    const fn simulate(self) -> bool {
        matches!(self, Self::Simulate | Self::Both)
    }
}

#[derive(Debug, clap::Args)]
struct SimulateArgs {
    /// The protocols to simulate; all that can be if none is named.
    #[arg(value_name = "PROTOCOL")]
    protocols: Vec<String>,
    /// The seeds, the last one not included; or one seed.
    #[arg(long, value_name = "A..B", default_value = "0..1000", value_parser = simulate::seeds)]
    seeds: Range<u64>,
    /// Events under faults, for each seed; healing comes on top.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// Run only share K of N of the seeds. The hashes of all shares add up to the hash of all seeds.
    #[arg(long, value_name = "K/N", default_value = "1/1", value_parser = simulate::shard)]
    shard: (u64, u64),
    /// Worker threads; as many as there are processors if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Write the results as JSON; `-` is standard output, and the tables then go to standard error.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the short trace of each seed that falls into this folder, `PROTOCOL-seed-N.jsonl`.
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
    /// End at the first seed in which something falls.
    #[arg(long)]
    fail_fast: bool,
    /// Claim something that is false in one seed of a hundred, to see that it is noticed.
    #[arg(long)]
    canary: bool,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// The bounds to show.
    #[arg(long, value_enum, default_value_t = Bounds::Quick)]
    bounds: Bounds,
}

#[derive(Debug, clap::Args)]
struct ExploreArgs {
    /// The protocol.
    #[arg(value_name = "PROTOCOL")]
    protocol: String,
    /// The world; the protocol's first if not given.
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    /// How far the world goes.
    #[arg(long, value_enum, default_value_t = Bounds::Quick)]
    bounds: Bounds,
    /// The port on the loopback interface.
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

/// `NAME=N`, of a limit that there is.
fn limit(text: &str) -> Result<(String, u64), String> {
    let (name, most) = text.split_once('=').ok_or("say NAME=N, as in crashes=2")?;
    let most = most.parse().map_err(|error| format!("`{most}` is no number: {error}"))?;
    if world::Limits::default().set(name, most) {
        return Ok((name.to_owned(), most));
    }
    let known: Vec<&str> = world::Limits::default().named().into_keys().collect();
    Err(format!("there is no limit `{name}`; there are: {}", known.join(", ")))
}

/// [`Level`] as an option.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Bounds {
    /// All checks together within minutes.
    #[default]
    Quick,
    /// All checks together within twenty minutes.
    Standard,
    /// As far as the memory of a workstation carries.
    Deep,
}

impl From<Bounds> for Level {
    fn from(bounds: Bounds) -> Self {
        match bounds {
            Bounds::Quick => Self::Quick,
            Bounds::Standard => Self::Standard,
            Bounds::Deep => Self::Deep,
        }
    }
}

impl Bounds {
    /// As it is written on the command line.
    const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Deep => "deep",
        }
    }
}

/// Runs the command line of this process over `registry`.
#[must_use]
pub fn main(registry: &Registry) -> ExitCode {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    ExitCode::from(run(registry, std::env::args_os(), &mut Screen::terminal(&mut out, &mut err)))
}

/// Runs a command line, `args` with the program's name first, on `screen`, and gives the exit status.
pub fn run(registry: &Registry, args: impl IntoIterator<Item = OsString>, screen: &mut Screen<'_>) -> u8 {
    let clap = Args::command().name("quorate-models").bin_name(registry.command);
    let args = match clap.try_get_matches_from(args).and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) if error.use_stderr() => {
            screen.complain(error.render());
            return UNDECIDED;
        }
        Err(help_or_version) => {
            screen.say(help_or_version.render());
            return HOLDS;
        }
    };
    let done = match args.command.unwrap_or_else(|| Command::Check(Box::default())) {
        Command::Check(args) => run::check(registry, &args, screen),
        Command::Mutants(args) => mutants::mutants(registry, &args, screen),
        Command::Reductions(args) => reductions::reductions(registry, &args, screen),
        Command::Simulate(args) => simulate::simulate(registry, &args, screen),
        Command::List(args) => list::list(registry, &args, screen),
        Command::Replay(args) => trace::replay(registry, &args, screen),
        Command::Minimise(args) => trace::minimise(registry, &args, screen),
        Command::Draw(args) => trace::draw(registry, &args, screen),
        Command::History(args) => history::history(&args, screen),
        Command::Explore(args) => run::explore(registry, &args, screen),
    };
    done.unwrap_or_else(|error| {
        screen.complain(format_args!("error: {error}"));
        UNDECIDED
    })
}
