//! What must be true at the end, read from the databases themselves.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use quorate_transfer::lines;
use quorate_transfer::town::{Bank, PATIENCE, Seat, Town};
use quorate_transfer::words::{Answer, Request, Transfer};

use crate::load::{ACCOUNTS, OPENING_BALANCE, Sent};

/// How long a bank may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);

/// An account, and what a transfer changed there.
type Effect = BTreeMap<(String, String), i64>;

/// What both databases hold.
struct Books {
    balances: Effect,
    /// The ledger: each transfer and what it changed.
    effects: BTreeMap<String, Effect>,
}

/// Checks that money is conserved and every answer true. Returns how many were committed, aborted, unknown.
pub(crate) fn check(town: &Town, sent: &[Sent]) -> Tally {
    let books = read(town);
    books.check_balances();
    let mut tally = Tally::default();
    let mut known = BTreeMap::new();
    for Sent { transfer, answers } in sent {
        known.insert(transfer.id.to_string(), ());
        let whole = intended(transfer);
        let found = books.effects.get(transfer.id.as_str()).cloned().unwrap_or_default();
        assert!(
            found.is_empty() || found == whole,
            "{transfer:?} was carried out in part, or otherwise: {found:?}"
        );
        for answer in answers {
            let committed = *answer == Answer::Committed;
            assert_eq!(committed, !found.is_empty(), "{transfer:?} was answered {answer}, and did {found:?}");
        }
        tally.count(answers.last());
    }
    for id in books.effects.keys() {
        assert!(known.contains_key(id), "{id} was carried out, and nobody sent it");
    }
    tally
}

/// Waits until no database holds a prepared transaction any more.
pub(crate) fn await_settled(town: &mut Town) {
    let begun = Instant::now();
    loop {
        let prepared: Vec<String> = Bank::BOTH.into_iter().flat_map(|bank| prepared(town, bank)).collect();
        if prepared.is_empty() {
            return;
        }
        town.check_nodes().unwrap_or_else(|error| panic!("{error}"));
        assert!(begun.elapsed() < PATIENCE, "prepared transactions are left behind: {prepared:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The names of all prepared transactions in a bank's database.
pub(crate) fn prepared(town: &Town, bank: Bank) -> Vec<String> {
    let mut client = town.connect(bank).expect("the database is there");
    let rows = client.query("SELECT gid FROM pg_prepared_xacts", &[]).expect("it answers");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Asks the bank that pays for what was never answered: now, somebody knows.
pub(crate) fn settle_unknown(town: &Town, sent: &mut [Sent]) -> usize {
    let mut asked = 0;
    for Sent { transfer, answers } in sent.iter_mut().filter(|sent| sent.answers.is_empty()) {
        let bank = Bank::BOTH.into_iter().find(|bank| bank.name() == transfer.from.bank.as_str());
        let address = town.client(Seat::Bank(bank.expect("one of the two")));
        let answer = lines::ask(address, &Request::Settle(transfer.id.clone()), ANSWER_PATIENCE);
        let answer = answer.expect("a bank answers");
        assert!(matches!(answer, Answer::Committed | Answer::Aborted(_)), "{transfer:?} stays {answer}");
        answers.push(answer);
        asked += 1;
    }
    asked
}

/// What a transfer does if it happens.
fn intended(transfer: &Transfer) -> Effect {
    let at = |place: &quorate_transfer::words::Place| (place.bank.to_string(), place.account.to_string());
    [(at(&transfer.from), -transfer.amount), (at(&transfer.to), transfer.amount)].into()
}

fn read(town: &Town) -> Books {
    let mut books = Books { balances: Effect::new(), effects: BTreeMap::new() };
    for bank in Bank::BOTH {
        let mut client = town.connect(bank).expect("the database is there");
        let at = |account: String| (bank.name().to_owned(), account);
        for row in client.query("SELECT name, balance FROM account", &[]).expect("it answers") {
            books.balances.insert(at(row.get(0)), row.get(1));
        }
        for row in client.query("SELECT transfer, account, amount FROM entry", &[]).expect("it answers") {
            let effect = books.effects.entry(row.get(0)).or_default();
            let twice = effect.insert(at(row.get(1)), row.get(2));
            assert_eq!(twice, None, "an account changed twice by one transfer");
        }
    }
    books
}

impl Books {
    /// The sum is what it was, nobody owes, and every balance is what the ledger says.
    fn check_balances(&self) {
        let opened = i64::try_from(ACCOUNTS.len() * Bank::BOTH.len()).expect("few") * OPENING_BALANCE;
        let sum: i64 = self.balances.values().sum();
        assert_eq!(sum, opened, "money was made or lost: {:?}", self.balances);
        for (account, balance) in &self.balances {
            let changes = self.effects.values().filter_map(|effect| effect.get(account));
            let due = OPENING_BALANCE + changes.sum::<i64>();
            assert_eq!(*balance, due, "{account:?} does not hold what the ledger says");
            assert!(*balance >= 0, "{account:?} is overdrawn");
        }
    }
}

/// How many transfers came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) committed: usize,
    pub(crate) aborted: BTreeMap<String, usize>,
    pub(crate) unknown: usize,
}

impl Tally {
    fn count(&mut self, answer: Option<&Answer>) {
        match answer {
            Some(Answer::Committed) => self.committed += 1,
            Some(Answer::Aborted(reason)) => *self.aborted.entry(reason.clone()).or_default() += 1,
            _ => self.unknown += 1,
        }
    }
}
