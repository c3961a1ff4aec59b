//! A bank: a participant on the std driver, and its money in a PostgreSQL database.
//!
//! | file | concern |
//! |---|---|
//! | `bank/till.rs` | what is prepared, committed, rolled back and settled, in SQL |
//! | `bank/database.rs` | connections that are lost and made again |
//!
//! # Lanes
//! Getting ready waits for locks, which those hold whose outcome is still to come. So it has lanes of its own, and
//! another one, which never waits for a lock, carries outcomes out. What gets ready too late finds that nobody
//! wants its vote any more, and is undone.

mod database;
mod till;

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use quorate::commit::participant::{Cell, Entry, Notice, Refusal, Request};
use quorate::commit::{Participant, TxId};
use quorate::driver::{self, Handle, Notices, RequestError};

use crate::lines;
use crate::node::{self, NodeArgs, spawn};
use crate::part::Part;
use crate::say;
use crate::words::{self, Answer, Name};
use database::Database;
use till::Broken;

/// Transactions that get ready at a time.
const PREPARERS: usize = 4;
/// How long getting ready waits for a lock.
const PREPARE_PATIENCE: Duration = Duration::from_millis(400);
/// How long settling waits for what is under way.
const SETTLE_PATIENCE: Duration = Duration::from_millis(50);
/// How long to wait before a node that is busy is asked again.
const BUSY_PAUSE: Duration = Duration::from_millis(2);

/// `transfer bank`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a command line")]
pub struct BankArgs {
    /// The bank's name, as accounts begin with.
    pub name: Name,
    /// The node.
    pub node: NodeArgs,
    /// Where clients ask what became of a transfer.
    pub client: SocketAddr,
    /// The database, as PostgreSQL's own tools take it: `host=/run/postgresql user=bank dbname=bank`.
    pub database: String,
}

type Node = Participant<Part>;

/// Runs a bank until it is killed or cannot go on.
///
/// # Errors
/// What is wrong, and what to do.
pub fn run(args: &BankArgs) -> Result<(), String> {
    let config: postgres::Config = args
        .database
        .parse()
        .map_err(|error| format!("--database: {error}; it is written host=DIR user=NAME dbname=NAME"))?;
    let (options, member) = node::configure(&args.node)?;
    // First the store, which one process at a time holds: the sessions that are ended next are a dead one's.
    let store = node::open::<Cell, Entry<Part>>(&args.node)?;
    let lane = |lane: &str, patience| Database::new(&config, args.name.as_str(), lane, patience);
    let found = lane("open", PREPARE_PATIENCE)
        .open(args.name.as_str())
        .and_then(till::open)
        .map_err(|error| format!("--database: {error}: does it exist, and may its user create tables?"))?;
    let clients = node::listen(args.client, "clients")?;
    // Nothing is said to be applied: what is carried out goes by the transaction's name.
    let (handle, notices) = driver::start(options, member, 0, store)
        .map_err(|error| node::explain_start(&error, &args.node.dir))?;
    say(&format!("bank {}: {} prepared transactions found", args.name, found.len()));
    let settling = Mutex::new(lane("settle", SETTLE_PATIENCE));
    spawn("clients", move || {
        lines::serve(&clients, move |request| match request {
            words::Request::Settle(id) => {
                till::settle(&mut settling.lock().unwrap_or_else(PoisonError::into_inner), &id)
            }
            words::Request::Transfer(_) => Answer::Error("a transfer is asked of the coordinator".to_owned()),
        });
    })?;
    let (preparing, to_prepare) = channel();
    let to_prepare = Arc::new(Mutex::new(to_prepare));
    for number in 0..PREPARERS {
        let (handle, to_prepare) = (handle.clone(), Arc::clone(&to_prepare));
        let mut database = lane(&format!("prepare {number}"), PREPARE_PATIENCE);
        spawn("prepare", move || prepare_all(&handle, &to_prepare, &mut database))?;
    }
    let (finishing, to_finish) = channel();
    let mut database = lane("finish", PREPARE_PATIENCE);
    spawn("finish", {
        let handle = handle.clone();
        move || end_if_broken(finish_all(&handle, &to_finish, &mut database))
    })?;
    // What the machine never voted for it does not know: nobody else would undo it.
    for tx in found {
        tell(&handle, Request::Found { tx });
    }
    follow(&notices, &preparing, &finishing);
    handle.join().map_err(|error| format!("bank {} stopped: {error}", args.name))
}

/// What the machine wants to be carried out.
enum Outcome {
    Commit(TxId),
    Undo(TxId),
    /// It is over without this bank, and may have left something prepared.
    LetGo(TxId),
}

/// Hands what the machine says to those who do it. Never waits: the machine must not wait for the database.
fn follow(notices: &Notices<Node>, preparing: &Sender<(TxId, Part)>, finishing: &Sender<Outcome>) {
    // A lane ends with the process only, so what is handed over is taken.
    while let Some(notice) = notices.recv() {
        match notice {
            Notice::Prepare { tx, work } => drop(preparing.send((tx, work))),
            Notice::Apply { tx, .. } => drop(finishing.send(Outcome::Commit(tx))),
            Notice::Undo { tx, .. } => drop(finishing.send(Outcome::Undo(tx))),
            Notice::Refused { tx, reason: Refusal::NoVoteWanted | Refusal::Over } => {
                drop(finishing.send(Outcome::LetGo(tx)));
            }
            Notice::InDoubt { tx } => say(&format!("{tx}: in doubt, and nobody who knows was reached")),
            Notice::Damage { tx, took, outcome } => {
                say(&format!("{tx}: an operator decided {took}, and the outcome is {outcome}"));
            }
            Notice::Rejected { from, reason } => say(&format!("{from} said what it must not: {reason}")),
            // What is still in doubt is kept; what was refused otherwise had been said before.
            _ => {}
        }
    }
}

fn prepare_all(handle: &Handle<Node>, to_prepare: &Mutex<Receiver<(TxId, Part)>>, database: &mut Database) {
    loop {
        let next = to_prepare.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((tx, part)) = next else { return };
        let vote = till::prepare(database, tx, &part);
        tell(handle, Request::Ready { tx, vote });
    }
}

fn finish_all(
    handle: &Handle<Node>,
    to_finish: &Receiver<Outcome>,
    database: &mut Database,
) -> Result<(), Broken> {
    for outcome in to_finish {
        let tx = match outcome {
            Outcome::Commit(tx) => till::commit(database, tx).map(|()| tx)?,
            Outcome::Undo(tx) => till::undo(database, tx).map(|()| tx)?,
            Outcome::LetGo(tx) => {
                till::let_go(database, tx);
                continue;
            }
        };
        tell(handle, Request::Done { tx });
    }
    Ok(())
}

/// Tells the machine, however busy it is. If it has stopped, the process is about to end.
fn tell(handle: &Handle<Node>, mut request: Request) {
    while let Err(RequestError::Busy(again)) = handle.request(request) {
        request = again;
        thread::sleep(BUSY_PAUSE);
    }
}

/// A bank that cannot keep its word stops at once: what it would say from here on is worth nothing.
fn end_if_broken(outcome: Result<(), Broken>) {
    if let Err(broken) = outcome {
        eprintln!(
            "error: {broken}: the database and the node's directory do not belong together, or this is a bug"
        );
        std::process::exit(1);
    }
}
