//! What a bank and a coordinator owe, told one by one.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use quorate_transfer::lines;
use quorate_transfer::town::{Bank, PATIENCE, Seat, Town};
use quorate_transfer::words::Answer;

use crate::check::prepared;

fn ask(town: &Town, seat: Seat, words: &str) -> Answer {
    let request = words.parse().expect("well said");
    lines::ask(town.client(seat), &request, Duration::from_secs(20)).expect("an answer")
}

/// Waits until both banks have carried out what was decided: that is a moment after the answer.
fn await_quiet(town: &Town) {
    wait("nothing to be prepared", || Bank::BOTH.into_iter().all(|bank| prepared(town, bank).is_empty()));
}

fn balance(town: &Town, bank: Bank, account: &str) -> i64 {
    await_quiet(town);
    let mut client = town.connect(bank).expect("the database is there");
    client.query_one("SELECT balance FROM account WHERE name = $1", &[&account]).expect("an account").get(0)
}

fn wait(what: &str, mut happens: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happens() {
        assert!(begun.elapsed() < PATIENCE, "waited too long for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_transfer_happens_once_or_never_and_what_was_prepared_in_vain_is_let_go() {
    let Some(mut town) = crate::town() else { return };
    for bank in Bank::BOTH {
        town.open_accounts(bank, [("x", 100), ("y", 100)]).expect("a new database takes accounts");
    }
    the_same_id_is_the_same_transfer(&town);
    what_cannot_be_is_refused_with_the_reason(&town);
    what_is_settled_before_it_was_sent_never_happens(&town);
    what_is_locked_elsewhere_is_refused_and_not_waited_for(&town);
    what_was_prepared_and_never_voted_for_is_rolled_back(&mut town);
    what_a_killed_bank_was_still_preparing_is_stopped(&mut town);
    who_is_in_doubt_waits_for_somebody_who_knows(&mut town);
    a_server_that_crashes_costs_nothing(&mut town);
}

fn the_same_id_is_the_same_transfer(town: &Town) {
    for _ in 0..3 {
        await_quiet(town);
        assert_eq!(ask(town, Seat::Coordinator, "transfer once a/x b/x 30"), Answer::Committed);
    }
    for _ in 0..2 {
        await_quiet(town);
        assert_eq!(ask(town, Seat::Coordinator, "transfer inside a/y a/x 5"), Answer::Committed);
    }
    let (ax, ay, bx) =
        (balance(town, Bank::A, "x"), balance(town, Bank::A, "y"), balance(town, Bank::B, "x"));
    assert_eq!((ax, ay, bx), (75, 95, 130));
}

fn what_cannot_be_is_refused_with_the_reason(town: &Town) {
    for (words, reason) in [
        ("transfer poor a/x b/x 76", "insufficient funds"),
        ("transfer nobody a/x b/z 1", "there is no such account"),
        ("transfer stranger a/z b/x 1", "there is no such account"),
        ("transfer poor-inside a/x a/y 76", "insufficient funds"),
    ] {
        assert_eq!(ask(town, Seat::Coordinator, words), Answer::Aborted(reason.to_owned()), "{words}");
    }
    // Both banks refuse, each with its own reason.
    let much = ask(town, Seat::Coordinator, "transfer much a/x b/x 9223372036854775807");
    assert!(matches!(much, Answer::Aborted(_)), "{much}");
    let nowhere = ask(town, Seat::Coordinator, "transfer nowhere a/x c/x 1");
    assert_eq!(nowhere, Answer::Error("there is no bank c".to_owned()));
    assert_eq!((balance(town, Bank::A, "x"), balance(town, Bank::B, "x")), (75, 130));
}

fn what_is_settled_before_it_was_sent_never_happens(town: &Town) {
    let given_up = Answer::Aborted("given up".to_owned());
    assert_eq!(ask(town, Seat::Bank(Bank::A), "settle late"), given_up);
    assert_eq!(ask(town, Seat::Coordinator, "transfer late a/x b/x 1"), given_up);
    // Either bank can say so.
    assert_eq!(ask(town, Seat::Bank(Bank::B), "settle later"), given_up);
    assert_eq!(ask(town, Seat::Coordinator, "transfer later a/x b/x 1"), given_up);
    assert_eq!(ask(town, Seat::Bank(Bank::B), "settle once"), Answer::Committed);
    assert_eq!((balance(town, Bank::A, "x"), balance(town, Bank::B, "x")), (75, 130));
}

fn what_is_locked_elsewhere_is_refused_and_not_waited_for(town: &Town) {
    let mut client = town.connect(Bank::B).expect("the database is there");
    let mut holder = client.transaction().expect("it begins");
    holder.execute("SELECT 1 FROM account WHERE name = 'x' FOR UPDATE", &[]).expect("it locks");
    let busy = ask(town, Seat::Coordinator, "transfer busy a/x b/x 1");
    assert_eq!(busy, Answer::Aborted("given up".to_owned()));
    holder.rollback().expect("it ends");
    assert_eq!(balance(town, Bank::A, "x"), 75);
}

/// As if the bank had died between `PREPARE TRANSACTION` and its vote. Somebody else's is none of its business.
fn what_was_prepared_and_never_voted_for_is_rolled_back(town: &mut Town) {
    let bank = Seat::Bank(Bank::A);
    town.kill_node(bank);
    let mut client = town.connect(Bank::A).expect("the database is there");
    for (name, account) in [("quorate-1-500", "x"), ("somebody-elses", "y")] {
        let change = format!("UPDATE account SET balance = 0 WHERE name = '{account}'");
        let prepare = format!("BEGIN; {change}; PREPARE TRANSACTION '{name}'");
        client.batch_execute(&prepare).expect("it prepares");
    }
    start(town, bank);
    wait("the bank to let go", || prepared(town, Bank::A) == ["somebody-elses"]);
    client.batch_execute("ROLLBACK PREPARED 'somebody-elses'").expect("it is still there");
    assert_eq!(ask(town, Seat::Coordinator, "transfer free-again a/x b/x 1"), Answer::Committed);
    assert_eq!((balance(town, Bank::A, "x"), balance(town, Bank::B, "x")), (74, 131));
}

/// The server goes on with what a process asked last, though the process is dead: it would be prepared after the next
/// process has looked.
fn what_a_killed_bank_was_still_preparing_is_stopped(town: &mut Town) {
    prepare_slowly(town, Bank::A, -7);
    let asking = ask_meanwhile(town, "transfer slow a/x b/x 7");
    let mut client = town.connect(Bank::A).expect("the database is there");
    let mut is_preparing = || {
        let query =
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'PREPARE TRANSACTION%'";
        !client.query(query, &[]).expect("it answers").is_empty()
    };
    wait("the bank to prepare", &mut is_preparing);
    town.kill_node(Seat::Bank(Bank::A));
    start(town, Seat::Bank(Bank::A));
    let answer = asking.join().expect("it is asked").expect("it is answered");
    assert_eq!(answer, Answer::Aborted("given up".to_owned()));
    wait("the server to have done with it", || !is_preparing());
    assert_eq!((balance(town, Bank::A, "x"), balance(town, Bank::B, "x")), (74, 131));
}

/// A bank that has voted keeps its word as long as nobody knows better, and is freed by one that has not voted.
fn who_is_in_doubt_waits_for_somebody_who_knows(town: &mut Town) {
    prepare_slowly(town, Bank::B, 9);
    let mut number = 0;
    wait("a bank to be in doubt", || {
        number += 1;
        let asking = ask_meanwhile(town, &format!("transfer doubt-{number} a/x b/x 9"));
        wait("the bank that pays to be ready", || !prepared(town, Bank::A).is_empty());
        town.kill_node(Seat::Coordinator);
        town.kill_node(Seat::Bank(Bank::B));
        assert!(asking.join().expect("it is asked").is_none(), "nobody is there to answer");
        if in_doubt_for_long(town) {
            return true;
        }
        // The coordinator had aborted before it was killed.
        start(town, Seat::Coordinator);
        start(town, Seat::Bank(Bank::B));
        false
    });
    start(town, Seat::Bank(Bank::B));
    wait("the other bank to free it", || prepared(town, Bank::A).is_empty());
    start(town, Seat::Coordinator);
    let words = format!("transfer doubt-{number} a/x b/x 9");
    assert!(matches!(ask(town, Seat::Coordinator, &words), Answer::Aborted(_)));
    assert_eq!((balance(town, Bank::A, "x"), balance(town, Bank::B, "x")), (74, 131));
}

/// Whether bank a has asked in vain several times, and has kept what it prepared.
fn in_doubt_for_long(town: &mut Town) -> bool {
    let times = |town: &Town| town.log(Seat::Bank(Bank::A)).matches("in doubt, and nobody").count();
    let before = times(town);
    wait("bank a to ask in vain, or to have been told", || {
        town.check_nodes().expect("it lives");
        times(town) >= before + 4 || prepared(town, Bank::A).is_empty()
    });
    times(town) >= before + 4 && !prepared(town, Bank::A).is_empty()
}

/// From now on `PREPARE TRANSACTION` takes seconds where an account of `bank` changes by `amount`.
fn prepare_slowly(town: &Town, bank: Bank, amount: i64) {
    let slow = format!(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN IF NEW.amount = {amount} THEN PERFORM pg_sleep(4); END IF; RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION slow();"
    );
    let mut client = town.connect(bank).expect("the database is there");
    client.batch_execute(&slow).expect("a deferred trigger is run by PREPARE TRANSACTION");
}

/// Asks the coordinator while the test goes on; nothing, if no answer came.
fn ask_meanwhile(town: &Town, words: &str) -> JoinHandle<Option<Answer>> {
    let (coordinator, request) = (town.client(Seat::Coordinator), words.parse().expect("well said"));
    thread::spawn(move || lines::ask(coordinator, &request, Duration::from_secs(20)).ok())
}

fn start(town: &mut Town, seat: Seat) {
    town.start_node(seat, &[]).and_then(|()| town.await_node(seat)).expect("it comes back");
}

fn a_server_that_crashes_costs_nothing(town: &mut Town) {
    town.server_mut(Bank::A).kill();
    // Nobody can say anything for certain before the server is back, or the other bank refuses.
    let unknown = ask(town, Seat::Coordinator, "transfer crash a/x b/x 1");
    assert!(matches!(unknown, Answer::Unknown(_) | Answer::Aborted(_)), "{unknown}");
    town.server_mut(Bank::A).start().expect("the server comes back");
    let mut tries = 0;
    wait("the bank to be back", || {
        tries += 1;
        ask(town, Seat::Coordinator, &format!("transfer back-{tries} a/x b/x 1")) == Answer::Committed
    });
    assert_eq!(balance(town, Bank::A, "x") + balance(town, Bank::B, "x"), 205);
}
