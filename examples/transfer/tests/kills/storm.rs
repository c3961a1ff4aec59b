//! Kills at random moments under load.
//!
//! `QUORATE_TRANSFER_KILLS` says how many, `QUORATE_TRANSFER_SEED` from which seed: the same seed aims the same blows and
//! sends the same transfers, though when they meet is up to the machine.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, SystemTime};

use quorate_transfer::town::{Bank, Seat, Town};

use crate::check::{self, Tally};
use crate::load::{ACCOUNTS, Load, OPENING_BALANCE};
use crate::random::Random;

const CLIENTS: usize = 8;
const KILLS: u64 = 300;
/// From so many kills on, everything that is counted must have happened.
const KILLS_THAT_TELL: u64 = 100;

#[test]
fn money_is_conserved_and_every_answer_true_whoever_is_killed() {
    let Some(town) = crate::town() else { return };
    let seed = setting("QUORATE_TRANSFER_SEED").unwrap_or_else(seed_of_the_moment);
    let kills = setting("QUORATE_TRANSFER_KILLS").unwrap_or(KILLS);
    println!("QUORATE_TRANSFER_SEED={seed} QUORATE_TRANSFER_KILLS={kills}");
    let mut random = Random::new(seed);
    let mut storm = Storm { town, random: random.clone(), kills: BTreeMap::new() };
    for bank in Bank::BOTH {
        let accounts = ACCOUNTS.map(|account| (account, OPENING_BALANCE));
        storm.town.open_accounts(bank, accounts).expect("a new database takes accounts");
    }
    random.next();
    let load = Load::start(storm.town.client(Seat::Coordinator), CLIENTS, &mut random);
    for bank in Bank::BOTH.into_iter().filter(|_| kills >= KILLS_THAT_TELL) {
        storm.kill_server(bank, &load);
    }
    while storm.kills.values().sum::<u64>() < kills {
        storm.blow(&load);
    }
    load.await_progress(CLIENTS as u64, || storm.town.check_nodes());
    let mut sent = load.finish();

    check::await_settled(&mut storm.town);
    let told = check::check(&storm.town, &sent);
    let settled = check::settle_unknown(&storm.town, &mut sent);
    check::check(&storm.town, &sent);
    storm.summarise(&told, settled, sent.len());
    storm.restart_all();
    check::await_settled(&mut storm.town);
    let again = check::check(&storm.town, &sent);
    assert_eq!(again.unknown, 0, "what was settled is known");
    if kills >= KILLS_THAT_TELL {
        storm.assert_it_was_one(&told);
    }
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is no number")))
}

fn seed_of_the_moment() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ now.as_secs() << 32
}

struct Storm {
    town: Town,
    random: Random,
    /// How often whom.
    kills: BTreeMap<&'static str, u64>,
}

impl Storm {
    /// Kills somebody at a moment under load, and starts it again.
    fn blow(&mut self, load: &Load) {
        load.await_progress(2, || self.town.check_nodes());
        self.wait_up_to_ms(40);
        let bank = self.random.pick(&Bank::BOTH);
        match self.random.below(100) {
            ..30 => self.kill(&[Seat::Coordinator]),
            30..58 => self.kill(&[Seat::Bank(bank)]),
            // A decision that one bank has heard and the other has not, lost with who decided.
            58..80 => self.kill(&[Seat::Bank(bank), Seat::Coordinator]),
            80..90 => self.kill(&[Seat::Coordinator, Seat::Bank(bank)]),
            90..98 => self.leave_down(bank),
            _ => self.kill_server(bank, load),
        }
    }

    /// Kills each of `seats` within a few milliseconds, and starts them in any order.
    fn kill(&mut self, seats: &[Seat]) {
        for seat in seats {
            self.kill_one(*seat);
            self.wait_up_to_ms(6);
        }
        let mut again = seats.to_vec();
        if self.random.percent(50) {
            again.reverse();
        }
        for seat in again {
            self.start(seat);
        }
    }

    /// Leaves somebody down for so long that the others notice: votes time out, and doubt is asked about.
    fn leave_down(&mut self, bank: Bank) {
        let seat = self.random.pick(&[Seat::Coordinator, Seat::Bank(bank)]);
        self.kill_one(seat);
        self.wait_up_to_ms(800);
        self.start(seat);
    }

    /// Kills a PostgreSQL server, and with luck its bank before it is back.
    fn kill_server(&mut self, bank: Bank, load: &Load) {
        *self.kills.entry("postgres").or_default() += 1;
        self.town.server_mut(bank).kill();
        if self.random.percent(30) {
            self.kill_one(Seat::Bank(bank));
            self.start(Seat::Bank(bank));
        }
        self.wait_up_to_ms(200);
        self.town.server_mut(bank).start().unwrap_or_else(|error| panic!("{error}"));
        load.await_progress(1, || self.town.check_nodes());
    }

    fn kill_one(&mut self, seat: Seat) {
        *self.kills.entry(seat.name()).or_default() += 1;
        // One that has ended by itself was not killed.
        self.town.check_nodes().unwrap_or_else(|error| panic!("{error}"));
        self.town.kill_node(seat);
    }

    /// Starts a node. What is forgotten may mean either from one life of the coordinator to the next.
    fn start(&mut self, seat: Seat) {
        let presume: &[&str] = match seat {
            Seat::Coordinator if self.random.percent(50) => &["--presume", "commit"],
            _ => &[],
        };
        self.town.start_node(seat, presume).unwrap_or_else(|error| panic!("{error}"));
    }

    fn wait_up_to_ms(&mut self, most: u64) {
        let micros = self.random.below(most * 1000);
        thread::sleep(Duration::from_micros(micros));
    }

    /// Ends everything at once, and starts it again.
    fn restart_all(&mut self) {
        Seat::ALL.into_iter().for_each(|seat| self.town.kill_node(seat));
        for bank in Bank::BOTH {
            self.town.server_mut(bank).kill();
            self.town.server_mut(bank).start().unwrap_or_else(|error| panic!("{error}"));
        }
        Seat::ALL.into_iter().for_each(|seat| self.start(seat));
        for seat in Seat::ALL {
            self.town.await_node(seat).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// How many prepared transactions banks found when they came back, and in how many of their lives.
    fn found(&self) -> (u64, usize) {
        let logs: Vec<_> = Bank::BOTH.into_iter().map(|bank| self.town.log(Seat::Bank(bank))).collect();
        let lines = logs.iter().flat_map(|log| log.lines());
        let counts = lines.filter_map(|line| {
            let (_, rest) = line.split_once(": ")?;
            rest.strip_suffix(" prepared transactions found")?.parse::<u64>().ok()
        });
        let counts: Vec<_> = counts.filter(|count| *count > 0).collect();
        (counts.iter().sum(), counts.len())
    }

    fn summarise(&self, told: &Tally, settled: usize, sent: usize) {
        let (found, lives) = self.found();
        println!("kills: {} in all, {:?}", self.kills.values().sum::<u64>(), self.kills);
        println!("prepared transactions found after a restart: {found}, in {lives} restarts");
        println!(
            "transfers: {sent} sent, {} committed, {} aborted {:?}, {} unknown of which {settled} were settled later",
            told.committed,
            told.aborted.values().sum::<usize>(),
            told.aborted,
            told.unknown,
        );
    }

    /// Whether what was to be tried was: else the checks above hold of nothing.
    fn assert_it_was_one(&self, told: &Tally) {
        assert!(told.committed > 100, "few transfers were committed: {told:?}");
        assert!(told.aborted.contains_key("insufficient funds"), "nobody was short of money: {told:?}");
        assert!(self.found().0 > 0, "no bank came back with something prepared");
        for whom in ["coordinator", "bank-a", "bank-b", "postgres"] {
            assert!(self.kills.contains_key(whom), "{whom} was never killed: {:?}", self.kills);
        }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("kills so far: {:?}", self.kills);
            for seat in Seat::ALL {
                let log = self.town.log(seat);
                let tail: Vec<_> = log.lines().rev().take(15).collect();
                println!("{}, its last words first:\n  {}", seat.name(), tail.join("\n  "));
            }
        }
    }
}
