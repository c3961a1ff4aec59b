//! The demo: a shop started, disturbed, healed and checked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::args::DemoArgs;
use crate::blows::{self, Pace};
use crate::customers::{self, Diary};
use crate::processes::{Shop, Site};
use crate::random::Random;
use crate::shop::Role;
use crate::{audit, operator, say};

/// How many order at the same time.
const CUSTOMERS: u64 = 4;

/// Runs the demo. A directory of its own is removed, unless something is wrong with what is in it.
pub(crate) fn run(args: &DemoArgs) -> Result<(), String> {
    let seed = args.seed.unwrap_or_else(|| Random::of_now(0).below(1_000_000));
    let dir = directory(args)?;
    let program = std::env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
    let site = Site { program, dir: dir.clone(), port: args.port, through: None, disk_ms: |_| 0 };
    say(&format!("seed {seed}: {} orders, {} processes killed", args.orders, args.kills));
    let shop = Shop::start(site)?;
    let outcome = disturb(&shop, args, seed).and_then(|diaries| conclude(&shop, &diaries));
    drop(shop);
    match outcome {
        Ok(()) if args.dir.is_none() => {
            fs::remove_dir_all(&dir).map_err(|error| format!("{} cannot be removed: {error}", dir.display()))
        }
        Ok(()) => Ok(()),
        Err(error) => Err(format!("{error}\nwhat the processes said and stored is in {}", dir.display())),
    }
}

fn directory(args: &DemoArgs) -> Result<PathBuf, String> {
    let Some(dir) = &args.dir else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("order-saga-{}-{}", std::process::id(), now.subsec_nanos());
        return Ok(std::env::temp_dir().join(name));
    };
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("--dir: {} is not empty: name an empty or a new directory", dir.display()));
    }
    Ok(Path::new(dir).to_owned())
}

/// Places orders, and kills processes meanwhile.
fn disturb(shop: &Shop, args: &DemoArgs, seed: u64) -> Result<Vec<Diary>, String> {
    let pace = Pace::new(args.kills, args.orders);
    let (diaries, struck) = thread::scope(|scope| {
        let customers: Vec<_> = (0..CUSTOMERS)
            .map(|customer| {
                let (pace, random) = (&pace, Random::new(seed ^ ((customer + 1) << 32)));
                scope.spawn(move || customers::order(shop, pace, random))
            })
            .collect();
        let mut told = 0;
        let struck = blows::strike(shop, &pace, &mut Random::new(seed), |roles| {
            told += roles.len();
            let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
            say(&format!("kill -9 {}   ({told} so far)", names.join(", ")));
        });
        let diaries = customers.into_iter().map(|customer| customer.join());
        let diaries: Result<Vec<_>, _> = diaries.collect();
        (diaries, struck)
    });
    struck?;
    let diaries = diaries.map_err(|_| "a customer panicked: a bug of this demo".to_owned())?;
    diaries.into_iter().collect()
}

/// Waits until all have come to rest, resolves what is stuck, and checks the books before and after.
fn conclude(shop: &Shop, diaries: &[Diary]) -> Result<(), String> {
    say("all processes run again: waiting until every order has ended or is stuck");
    shop.await_all()?;
    operator::await_rest(shop)?;
    table(shop)?;
    check(shop, diaries)?;
    for line in shop.ask_until_answered(Role::Orders, "stuck")? {
        say(&line);
    }
    operator::resolve_all(shop, |word| say(&format!("operator: {word}")))?;
    table(shop)?;
    check(shop, diaries)
}

fn table(shop: &Shop) -> Result<(), String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for told in audit::orders(shop)? {
        let end = if told.end == "open" { "stuck".to_owned() } else { told.end };
        *counts.entry(end).or_default() += 1;
    }
    say("");
    for (end, count) in &counts {
        say(&format!("{count:>6}  {end}"));
    }
    say("");
    Ok(())
}

fn check(shop: &Shop, diaries: &[Diary]) -> Result<(), String> {
    let faults = audit::faults(shop, diaries)?;
    if faults.is_empty() {
        say(
            "the books are right: all or nothing, once each, goods and money conserved, customers told the truth",
        );
        return Ok(());
    }
    Err(format!("the books are wrong:\n  {}", faults.join("\n  ")))
}
