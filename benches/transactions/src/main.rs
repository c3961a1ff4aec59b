//! What a transaction and a saga cost. See README.md.

mod commit;
mod measure;
mod peer;
mod saga;

use std::error::Error;
use std::time::Duration;

use commit::Commit;
use measure::{allocations, median, rate};
use peer::Steno;
use quorate::commit::Mode;
use saga::Ours;

const USAGE: &str = "\
what a transaction and a saga cost: quorate's beside steno's, in one process

usage: cargo run --release --manifest-path benches/transactions/Cargo.toml -- [options]

  --rounds N       windows of each, taken in turn; the median counts (default 5)
  --window-ms N    CPU time of a window, in milliseconds (default 200)
  --only WHAT      sagas or transactions alone
  --help";

/// Transactions and sagas counted for figures that are not times.
const COUNTED: u64 = 10_000;
const PARTICIPANTS: u64 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(Options { rounds, window, only }) = options()? else {
        println!("{USAGE}");
        return Ok(());
    };
    if only.as_deref() != Some("transactions") {
        sagas(rounds, window, false)?;
        sagas(rounds, window, true)?;
    }
    if only.as_deref() != Some("sagas") {
        transactions(rounds, window, Mode::PresumedAbort)?;
        transactions(rounds, window, Mode::PresumedCommit)?;
    }
    Ok(())
}

/// What the command line asks for.
struct Options {
    rounds: usize,
    window: Duration,
    only: Option<String>,
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options { rounds: 5, window: Duration::from_millis(200), only: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rounds") => options.rounds = parser.value()?.parse::<usize>()?.max(1),
            Long("window-ms") => options.window = Duration::from_millis(parser.value()?.parse()?),
            Long("only") => match parser.value()?.string()? {
                what if ["sagas", "transactions"].contains(&what.as_str()) => options.only = Some(what),
                other => return Err(format!("`{other}` is neither sagas nor transactions").into()),
            },
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn sagas(rounds: usize, window: Duration, goes_back: bool) -> Result<(), Box<dyn Error>> {
    let (mut ours, steno) = (Ours::new(goes_back)?, Steno::new(goes_back)?);
    let (mut our_rates, mut steno_rates) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        our_rates.push(rate(window, |sagas| ours.run(sagas)));
        steno_rates.push(rate(window, |sagas| steno.run(sagas)));
    }
    let (our_rate, steno_rate) = (median(our_rates), median(steno_rates));
    let before = ours.records;
    let allocated = allocations(COUNTED, |sagas| ours.run(sagas));
    let records = (ours.records - before) as f64 / COUNTED as f64;
    let steno_allocated = allocations(COUNTED / 10, |sagas| steno.run(sagas));
    println!("sagas of {} steps, {}", saga::STEPS, if goes_back { "the last refused" } else { "all done" });
    println!("  quorate    {our_rate:12.0} a CPU second, {allocated:8.2} allocations, {records:.1} records");
    println!("  steno 0.5  {steno_rate:12.0} a CPU second, {steno_allocated:8.2} allocations");
    println!("  ratio      {:12.1}", our_rate / steno_rate);
    Ok(())
}

fn transactions(rounds: usize, window: Duration, mode: Mode) -> Result<(), Box<dyn Error>> {
    println!("transactions of {PARTICIPANTS} participants, {mode:?}, all committed");
    for (at_once, batches) in [(1, false), (64, false), (1, true), (64, true)] {
        let mut commit = Commit::new(PARTICIPANTS, mode, batches)?;
        let rates = (0..rounds).map(|_| rate(window, |transactions| commit.run(transactions, at_once)));
        let rate = median(rates.collect());
        let before = commit.counts;
        let allocated = allocations(COUNTED, |transactions| commit.run(transactions, at_once));
        let each = |now: u64, before: u64| (now - before) as f64 / COUNTED as f64;
        println!(
            "  {at_once:2} at once{} {rate:12.0} a CPU second, {:.2} messages, {:.2} records, {allocated:.2} allocations",
            if batches { ", in batches" } else { "            " },
            each(commit.counts.messages, before.messages),
            each(commit.counts.records, before.records),
        );
        assert_eq!(commit.counts.decided - before.decided, COUNTED, "all are decided");
    }
    let (messages, records) = minimum(mode);
    println!(
        "  R* (forced and unforced): {messages} messages, {records} records; ours adds one a participant: carried out"
    );
    Ok(())
}

/// Messages and records of a committed transaction (Mohan, Lindsay and Obermarck 1986, table 1).
const fn minimum(mode: Mode) -> (u64, u64) {
    match mode {
        // Prepare, vote, commit, acknowledgement; commit and end at the coordinator, prepared and commit at each.
        Mode::PresumedAbort => (4 * PARTICIPANTS, 2 + 2 * PARTICIPANTS),
        // No acknowledgement; collecting and commit at the coordinator.
        Mode::PresumedCommit => (3 * PARTICIPANTS, 2 + 2 * PARTICIPANTS),
        // Not R*'s: as presumed abort, and collecting.
        Mode::PresumedNothing => (4 * PARTICIPANTS, 3 + 2 * PARTICIPANTS),
    }
}
