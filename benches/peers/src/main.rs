//! quorate's Raft side by side with other replicated logs, in one process and under one pump. See README.md.

mod allocations;
mod measure;
mod peer;
mod plan;
mod pump;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use plan::{CONTENDERS, Plan};

const USAGE: &str = "\
quorate's Raft side by side with other replicated logs

usage: cargo run --release --manifest-path benches/peers/Cargo.toml -- [options]

  --rounds N       windows of each library and workload, taken in turn; the median counts (default 5)
  --window-ms N    CPU time of a window, in milliseconds, at least (default 100)
  --nodes N        clusters of so many nodes alone: 3 or 5
  --only TEXT      workloads whose line contains TEXT, such as 'told later' or '64 x 16 B'
  --peer NAME      this library alone, as for a profiler; can be repeated
  --json FILE      writes every round to FILE as well
  --help";

/// What the command line asks for.
struct Options {
    plan: Plan,
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\ntry --help");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options { plan: Plan::default(), json: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rounds") => options.plan.rounds = at_least_one(parser.value()?.parse()?)?,
            Long("window-ms") => {
                options.plan.window = Duration::from_millis(at_least_one(parser.value()?.parse()?)?);
            }
            Long("nodes") => options.plan.nodes = vec![parser.value()?.parse()?],
            Long("only") => options.plan.only = Some(parser.value()?.string()?),
            Long("peer") => options.plan.peers.push(known(parser.value()?.string()?)?),
            Long("json") => options.json = Some(parser.value()?.into()),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if options.plan.nodes.iter().any(|nodes| ![3, 5].contains(nodes)) {
        return Err("clusters have 3 or 5 nodes".into());
    }
    if options.plan.workloads().is_empty() {
        return Err("no workload's line contains that text".into());
    }
    Ok(Some(options))
}

fn at_least_one(number: u64) -> Result<u64, lexopt::Error> {
    if number == 0 { Err("0 would measure nothing".into()) } else { Ok(number) }
}

fn known(name: String) -> Result<String, lexopt::Error> {
    if CONTENDERS.iter().any(|contender| contender.name == name) {
        return Ok(name);
    }
    let names: Vec<_> = CONTENDERS.iter().map(|contender| contender.name).collect();
    Err(format!("no library is called {name}; there are {}", names.join(", ")).into())
}

fn run(options: &Options) -> Result<(), String> {
    let results = options.plan.run(|workload| eprint!("\r{workload:<60}"))?;
    eprintln!("\r{:<60}", "");
    print!("{}", report::table(&results));
    if let Some(file) = &options.json {
        let json = report::json(&options.plan, &results);
        std::fs::write(file, json).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}
