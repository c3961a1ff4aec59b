//! The town, shown: money moves, processes die, nothing is lost.

use std::fmt::Write as _;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use crate::args::ASK_PATIENCE;
use crate::server::Installation;
use crate::town::{Bank, PATIENCE, Seat, Town};
use crate::words::{Answer, Request};
use crate::{lines, say};

/// Runs the demonstration.
///
/// # Errors
/// PostgreSQL is not here, or something did not come up.
pub fn run(stay: bool) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
    let installation = Installation::find()?;
    say("Two PostgreSQL servers, a bank on each, a coordinator: starting ...");
    let mut town = Town::start(&installation, &program)?;
    town.open_accounts(Bank::A, [("alice", 100), ("carol", 100)])?;
    town.open_accounts(Bank::B, [("bob", 100)])?;
    balances(&town, "at first")?;

    transfer(&town, "rent", "a/alice", "b/bob", 70);
    transfer(&town, "rent", "a/alice", "b/bob", 70);
    say("    The same id is the same transfer: it happened once.");
    transfer(&town, "too-much", "a/alice", "b/bob", 70);
    transfer(&town, "within", "a/carol", "a/alice", 5);
    say("    One bank alone: one phase.");

    say("kill -9: bank b");
    town.kill_node(Seat::Bank(Bank::B));
    transfer(&town, "nobody-home", "a/alice", "b/bob", 10);
    revive(&mut town, Seat::Bank(Bank::B))?;

    die_halfway(&mut town)?;

    say("kill -9: the PostgreSQL of bank a, and started again");
    town.server_mut(Bank::A).kill();
    town.server_mut(Bank::A).start()?;
    transfer(&town, "after-all", "a/carol", "b/bob", 20);

    await_settled(&town)?;
    balances(&town, "at last, nothing is left prepared")?;
    if stay {
        stay_open(&town);
    }
    Ok(())
}

/// A coordinator that dies while transfers are under way, and what its clients learn when they ask again.
fn die_halfway(town: &mut Town) -> Result<(), String> {
    let coordinator = town.client(Seat::Coordinator);
    say("kill -9: the coordinator, with ten transfers under way");
    let clients: Vec<_> = (0..10)
        .map(|n| {
            let words = format!("transfer under-way-{n} b/bob a/carol 1");
            thread::spawn(move || ask(coordinator, &words))
        })
        .collect();
    thread::sleep(Duration::from_millis(25));
    town.kill_node(Seat::Coordinator);
    let answered = clients.into_iter().filter_map(|client| client.join().ok()?.ok()).count();
    let mut prepared = 0;
    for bank in Bank::BOTH {
        prepared += prepared_at(town, bank)?;
    }
    say(&format!(
        "    {answered} of 10 were answered; {prepared} transactions are prepared in the databases, in doubt"
    ));
    revive(town, Seat::Coordinator)?;
    for n in 0..10 {
        transfer(town, &format!("under-way-{n}"), "b/bob", "a/carol", 1);
    }
    Ok(())
}

fn revive(town: &mut Town, seat: Seat) -> Result<(), String> {
    say(&format!("    {} starts again", seat.name()));
    town.start_node(seat, &[])?;
    town.await_node(seat)
}

/// Asks the coordinator, and tells what it said.
fn transfer(town: &Town, id: &str, from: &str, to: &str, amount: i64) {
    let words = format!("transfer {id} {from} {to} {amount}");
    match ask(town.client(Seat::Coordinator), &words) {
        Ok(answer) => say(&format!("{words}: {answer}")),
        Err(error) => say(&format!("{words}: {error}")),
    }
}

fn ask(address: std::net::SocketAddr, words: &str) -> Result<Answer, String> {
    let request: Request = words.parse().map_err(|malformed| format!("{malformed}"))?;
    lines::ask(address, &request, ASK_PATIENCE).map_err(|error| format!("no answer: {error}"))
}

/// Waits until both databases hold nothing that is prepared.
fn await_settled(town: &Town) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if prepared_at(town, Bank::A)? == 0 && prepared_at(town, Bank::B)? == 0 {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("transactions stay prepared".to_owned())
}

fn prepared_at(town: &Town, bank: Bank) -> Result<i64, String> {
    let row = town.connect(bank)?.query_one("SELECT count(*) FROM pg_prepared_xacts", &[]);
    Ok(row.map_err(|error| error.to_string())?.get(0))
}

fn balances(town: &Town, when: &str) -> Result<(), String> {
    let (mut line, mut sum) = (String::new(), 0);
    for bank in Bank::BOTH {
        let rows = town.connect(bank)?.query("SELECT name, balance FROM account ORDER BY name", &[]);
        for row in rows.map_err(|error| error.to_string())? {
            let (name, balance): (String, i64) = (row.get(0), row.get(1));
            let _ = write!(line, "{}/{name} {balance}, ", bank.name());
            sum += balance;
        }
    }
    say(&format!("{when}: {line}{sum} in all"));
    Ok(())
}

fn stay_open(town: &Town) {
    say("The town stays until standard input ends (Ctrl-D). Meanwhile, elsewhere:");
    say(&format!("    transfer ask {} transfer my-first a/alice b/bob 1", town.client(Seat::Coordinator)));
    say(&format!("    transfer ask {} settle my-first", town.client(Seat::Bank(Bank::A))));
    for bank in Bank::BOTH {
        say(&format!("    psql '{}'", town.server(bank).database()));
    }
    let mut ignored = [0; 64];
    while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
}
