//! Clients that move money without rest, and remember what they were told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use quorate_transfer::lines::Caller;
use quorate_transfer::town::{Bank, PATIENCE};
use quorate_transfer::words::{Answer, Place, Request, Transfer};

use crate::random::Random;

/// Accounts at each bank, and what is in each of them at first.
pub(crate) const ACCOUNTS: [&str; 8] = ["acc0", "acc1", "acc2", "acc3", "acc4", "acc5", "acc6", "acc7"];
pub(crate) const OPENING_BALANCE: i64 = 1000;
/// An account that there is not.
const NOBODY: &str = "nobody";
/// The most that is moved at once: often more than there is.
const AMOUNT_MAX: u64 = 900;
/// How long a client waits for an answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);

/// A transfer that was sent, and what its client knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) transfer: Transfer,
    /// Final answers, of which there may be several: it was asked for again.
    pub(crate) answers: Vec<Answer>,
}

/// Clients that go on until they are told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Vec<Sent>>>,
}

impl Load {
    pub(crate) fn start(coordinator: SocketAddr, clients: usize, random: &mut Random) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let spawn = |name| {
            let client = Client {
                name,
                coordinator,
                caller: None,
                random: Random::new(random.next()),
                stop: Arc::clone(&stop),
                answered: Arc::clone(&answered),
            };
            thread::spawn(move || client.run())
        };
        let clients = (0..clients).map(spawn).collect();
        Self { stop, answered, clients }
    }

    /// Waits until `count` more transfers have been answered; `meanwhile` says whether that can still be.
    pub(crate) fn await_progress(&self, count: u64, mut meanwhile: impl FnMut() -> Result<(), String>) {
        let enough = self.answered.load(Ordering::Relaxed) + count;
        let begun = Instant::now();
        while self.answered.load(Ordering::Relaxed) < enough {
            meanwhile().unwrap_or_else(|error| panic!("{error}"));
            assert!(begun.elapsed() < PATIENCE, "no transfer is answered any more");
            assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client has ended");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Stops the clients, and hands over all that was sent.
    pub(crate) fn finish(self) -> Vec<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().flat_map(|client| client.join().expect("a client does not panic")).collect()
    }
}

struct Client {
    name: usize,
    coordinator: SocketAddr,
    caller: Option<Caller>,
    random: Random,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
}

impl Client {
    fn run(mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let transfer = self.transfer(sent.len());
            let mut answers = Vec::new();
            loop {
                answers.extend(self.ask(&transfer));
                // Some give up too early, some ask once too often.
                let enough = if answers.is_empty() { 5 } else { 95 };
                if self.random.percent(enough) {
                    break;
                }
            }
            sent.push(Sent { transfer, answers });
        }
        sent
    }

    /// A transfer between two accounts, most of the time of different banks.
    fn transfer(&mut self, number: usize) -> Transfer {
        let from = self.place();
        let to = loop {
            let to = self.place();
            if to != from && (to.bank != from.bank || self.random.percent(35)) {
                break to;
            }
        };
        let id = format!("t{}-{number}", self.name).parse().expect("a name");
        let amount = i64::try_from(self.random.below(AMOUNT_MAX) + 1).expect("it is small");
        Transfer { id, from, to, amount }
    }

    fn place(&mut self) -> Place {
        let bank = self.random.pick(&Bank::BOTH).name().parse().expect("a name");
        let account = if self.random.percent(1) { NOBODY } else { self.random.pick(&ACCOUNTS) };
        Place { bank, account: account.parse().expect("a name") }
    }

    /// The answer, if one comes and it is final.
    fn ask(&mut self, transfer: &Transfer) -> Option<Answer> {
        let caller = match self.caller.take() {
            Some(caller) => Ok(caller),
            None => Caller::connect(self.coordinator, ANSWER_PATIENCE),
        };
        let asked = caller.and_then(|mut caller| {
            let answer = caller.ask(&Request::Transfer(transfer.clone()))?;
            self.caller = Some(caller);
            Ok(answer)
        });
        match asked {
            Ok(answer @ (Answer::Committed | Answer::Aborted(_))) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                Some(answer)
            }
            Ok(Answer::Unknown(_)) => None,
            Ok(Answer::Error(what)) => panic!("{transfer:?} was not understood: {what}"),
            Err(_) => {
                thread::sleep(Duration::from_millis(20));
                None
            }
        }
    }
}
