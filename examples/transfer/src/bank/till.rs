//! What a bank does with its money: prepared, committed and rolled back by PostgreSQL, under the transaction's name.
//!
//! Every step may be repeated: whoever comes back, from a crash of its own or of the server, looks first. A
//! transaction that is not prepared any more is told from one that never was by the row that it left in `transfer`.

use std::fmt;
use std::thread;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, Error};
use quorate::commit::{TxId, Vote};
use quorate::id::NodeId;

use super::database::Database;
use crate::part::{CHANGES_MAX, Part};
use crate::words::{Answer, GIVEN_UP, Name};

/// What the tables of a bank are, if they are not there yet.
///
/// A row of `transfer` says what became of one: `tx` carried it out, or it was `refused` and never will be.
/// Being unique, it lets a transfer happen once, whatever is asked how often. `entry` is the ledger.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));
    CREATE TABLE IF NOT EXISTS transfer (
        id text PRIMARY KEY,
        tx text UNIQUE,
        refused text,
        CHECK ((tx IS NULL) <> (refused IS NULL)));
    CREATE TABLE IF NOT EXISTS entry (
        transfer text NOT NULL REFERENCES transfer,
        account text NOT NULL REFERENCES account,
        amount bigint NOT NULL,
        PRIMARY KEY (transfer, account));
";

/// What prepared transactions are called, before their coordinator and number.
const PREFIX: &str = "quorate-";
/// How long to wait before what another connection is at is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The database does not hold what this bank has promised, or holds what it must not. To go on would make it worse.
#[derive(Debug)]
pub(super) struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes the tables, and tells what was prepared when the process before this one ended.
pub(super) fn open(client: &mut Client) -> Result<Vec<TxId>, Error> {
    client.batch_execute(SCHEMA)?;
    let rows = client.query(
        "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)",
        &[&PREFIX],
    )?;
    Ok(rows.iter().filter_map(|row| parse_gid(row.get(0))).collect())
}

/// Gets ready to carry out `part`. A yes means that PostgreSQL has prepared it; after a no nothing is left.
pub(super) fn prepare(database: &mut Database, tx: TxId, part: &Part) -> Vote {
    match database.attempt(|client| try_to_prepare(client, tx, part)) {
        Ok(vote) => vote,
        // A lock that is held for long, too many prepared transactions, a statement that fails: not this time.
        Err(error) => {
            let _ = database.attempt_once(|client| client.batch_execute("ROLLBACK"));
            if !is_patience(&error) {
                eprintln!("{tx}: not prepared: {error}");
            }
            Vote::No
        }
    }
}

fn try_to_prepare(client: &mut Client, tx: TxId, part: &Part) -> Result<Vote, Error> {
    // Asked again after a crash, or after the answer of the server was lost.
    let prepared = "SELECT 1 FROM pg_prepared_xacts WHERE database = current_database() AND gid = $1";
    if client.query_opt(prepared, &[&gid(tx)])?.is_some() {
        return Ok(Vote::Yes);
    }
    client.batch_execute("BEGIN")?;
    if let Err(refusal) = change(client, tx, part)? {
        client.batch_execute("ROLLBACK")?;
        if let Some(reason) = refusal {
            refuse(client, &part.transfer, reason)?;
        }
        return Ok(Vote::No);
    }
    client.batch_execute(&format!("PREPARE TRANSACTION '{}'", gid(tx)))?;
    Ok(Vote::Yes)
}

/// Why a part is not carried out; `None` if that was decided before, under this transfer's name.
type Refusal = Option<&'static str>;

/// Carries out `part` in the transaction that has begun.
fn change(client: &mut Client, tx: TxId, part: &Part) -> Result<Result<(), Refusal>, Error> {
    if part.changes.is_empty() || part.changes.len() > CHANGES_MAX {
        return Ok(Err(Some("it changes no account, or too many")));
    }
    let named = "INSERT INTO transfer (id, tx) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
    if client.execute(named, &[&part.transfer, &gid(tx)])? == 0 {
        return Ok(Err(None));
    }
    // In one order, so that two transfers do not wait for each other here.
    let mut changes: Vec<_> = part.changes.iter().collect();
    changes.sort();
    for change in changes {
        let (account, amount) = (&change.account, change.amount);
        let Some(row) =
            client.query_opt("SELECT balance FROM account WHERE name = $1 FOR UPDATE", &[account])?
        else {
            return Ok(Err(Some("there is no such account")));
        };
        let balance = match row.get::<_, i64>(0).checked_add(amount) {
            None => return Ok(Err(Some("the account cannot hold that much"))),
            Some(..0) => return Ok(Err(Some("insufficient funds"))),
            Some(balance) => balance,
        };
        client.execute("UPDATE account SET balance = $2 WHERE name = $1", &[account, &balance])?;
        let entry = "INSERT INTO entry (transfer, account, amount) VALUES ($1, $2, $3)";
        client.execute(entry, &[&part.transfer, account, &amount])?;
    }
    Ok(Ok(()))
}

/// Writes down that a transfer will never be carried out here; false if it is decided already.
fn refuse(client: &mut Client, transfer: &str, reason: &str) -> Result<bool, Error> {
    let refused = "INSERT INTO transfer (id, refused) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
    Ok(client.execute(refused, &[&transfer, &reason])? > 0)
}

/// Commits what was prepared, unless that was done before.
///
/// # Errors
/// It was neither prepared nor committed, although this bank has voted for it.
pub(super) fn commit(database: &mut Database, tx: TxId) -> Result<(), Broken> {
    if finish(database, "COMMIT", tx) || was_carried_out(database, tx) {
        return Ok(());
    }
    Err(Broken(format!("{tx} is to be committed, and is neither prepared nor was it carried out")))
}

/// Rolls back what was prepared, if anything.
///
/// # Errors
/// It was committed.
pub(super) fn undo(database: &mut Database, tx: TxId) -> Result<(), Broken> {
    if finish(database, "ROLLBACK", tx) || !was_carried_out(database, tx) {
        return Ok(());
    }
    Err(Broken(format!("{tx} is to be undone, and was carried out")))
}

/// Rolls back what was prepared and is wanted by nobody, if anything. It may have been carried out in time.
pub(super) fn let_go(database: &mut Database, tx: TxId) {
    finish(database, "ROLLBACK", tx);
}

/// Ends a prepared transaction; false if there is none.
fn finish(database: &mut Database, how: &str, tx: TxId) -> bool {
    until_done(database, tx, |client| match client.batch_execute(&format!("{how} PREPARED '{}'", gid(tx))) {
        Ok(()) => Ok(true),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => Ok(false),
        Err(error) => Err(error),
    })
}

fn was_carried_out(database: &mut Database, tx: TxId) -> bool {
    let carried_out = "SELECT 1 FROM transfer WHERE tx = $1";
    until_done(database, tx, |client| Ok(client.query_opt(carried_out, &[&gid(tx)])?.is_some()))
}

/// Does what must be done. What the server refuses (another connection is at it, its disk is full) is tried again.
fn until_done<T>(
    database: &mut Database,
    tx: TxId,
    mut work: impl FnMut(&mut Client) -> Result<T, Error>,
) -> T {
    loop {
        match database.attempt(&mut work) {
            Ok(done) => return done,
            Err(error) => {
                if error.code() != Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) {
                    eprintln!("{tx}: {error}; trying again");
                }
                thread::sleep(BUSY_PAUSE);
            }
        }
    }
}

/// What became of a transfer. If it has not happened and is not under way, it is seen to that it never will.
pub(super) fn settle(database: &mut Database, transfer: &Name) -> Answer {
    match database.attempt_once(|client| try_to_settle(client, transfer.as_str())) {
        Ok(answer) => answer,
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            Answer::Unknown("it is under way".to_owned())
        }
        Err(error) => Answer::Unknown(format!("the database: {error}")),
    }
}

fn try_to_settle(client: &mut Client, transfer: &str) -> Result<Answer, Error> {
    // Waits for whoever has prepared it, as long as the lane's patience lasts.
    if refuse(client, transfer, GIVEN_UP)? {
        return Ok(Answer::Aborted(GIVEN_UP.to_owned()));
    }
    let row = client.query_one("SELECT refused FROM transfer WHERE id = $1", &[&transfer])?;
    Ok(row.get::<_, Option<String>>(0).map_or(Answer::Committed, Answer::Aborted))
}

/// Whether an error only tells that somebody else was quicker.
fn is_patience(error: &Error) -> bool {
    [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED]
        .iter()
        .any(|code| error.code() == Some(code))
}

/// What PostgreSQL calls a prepared transaction.
fn gid(TxId { coordinator: NodeId(coordinator), number }: TxId) -> String {
    format!("{PREFIX}{coordinator}-{number}")
}

fn parse_gid(gid: &str) -> Option<TxId> {
    let (coordinator, number) = gid.strip_prefix(PREFIX)?.split_once('-')?;
    Some(TxId { coordinator: NodeId(coordinator.parse().ok()?), number: number.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prepared_transaction_is_found_again_by_its_name() {
        let tx = TxId { coordinator: NodeId(u64::MAX), number: u64::MAX };
        assert_eq!(parse_gid(&gid(tx)), Some(tx));
        for foreign in ["quorate-1", "quorate-1-x", "quorate-1-2-3", "other-1-2"] {
            assert_eq!(parse_gid(foreign), None, "{foreign}");
        }
    }
}
