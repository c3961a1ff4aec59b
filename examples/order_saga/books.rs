//! What a service keeps of its own: who has how much of what, and what was done under which key.
//!
//! An effect and its key are one transaction of an embedded store, which is all that a service's guard asks for: when
//! a crash comes between the effect and what is said of it, the key says that it is there.

use std::path::Path;

use quorate::saga::Key;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use crate::node;
use crate::shop::{Role, Task};

/// Free, held and taken, by name.
const ACCOUNTS: TableDefinition<'_, &str, (u64, u64, u64)> = TableDefinition::new("accounts");
/// How far a key has come: see the constants below.
const KEYS: TableDefinition<'_, (u64, u64, u8), u8> = TableDefinition::new("keys");
/// Every effect in the order in which they came: saga, step, whether it took one back, amount and account.
const JOURNAL: TableDefinition<'_, u64, (u64, u8, bool, u64, &str)> = TableDefinition::new("journal");
/// Troubles that an operator has mended.
const MENDED: TableDefinition<'_, &str, ()> = TableDefinition::new("mended");

const DONE: u8 = 1;
/// To be taken back, which did not succeed so far.
const HELD_FAST: u8 = 2;
const UNDONE: u8 = 3;

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Done,
    Undone,
    /// It cannot be done, and will not be.
    Refused,
    /// Not this time.
    Failed,
}

/// The books of a service.
#[derive(Debug)]
pub(crate) struct Books {
    database: Database,
}

impl Books {
    /// Opens the books in `dir`; new ones begin with what the service has.
    pub(crate) fn open(dir: &Path, role: Role) -> Result<Self, redb::Error> {
        let database = node::database(dir, "books.redb")?;
        let books = Self { database };
        let write = books.begin()?;
        {
            let (mut accounts, _) = (write.open_table(ACCOUNTS)?, write.open_table(KEYS)?);
            let _ = (write.open_table(JOURNAL)?, write.open_table(MENDED)?);
            for (name, amount) in role.opening() {
                let known = accounts.get(name)?.is_some();
                if !known {
                    accounts.insert(name, (*amount, 0, 0))?;
                }
            }
        }
        write.commit()?;
        Ok(books)
    }

    fn begin(&self) -> Result<WriteTransaction, redb::Error> {
        let mut write = self.database.begin_write()?;
        write.set_durability(Durability::Immediate).map_err(|_| redb::Error::TransactionInProgress)?;
        Ok(write)
    }

    /// Carries a task out, once for its key, or says why not.
    pub(crate) fn carry_out(
        &self,
        key: Key,
        task: Task,
        (account, amount): (&str, u64),
    ) -> Result<Word, redb::Error> {
        let write = self.begin()?;
        let word = {
            let mut keys = write.open_table(KEYS)?;
            let known = keys.get(place(key))?.map(|known| known.value());
            match known {
                Some(DONE | HELD_FAST) => Word::Done,
                Some(_) => Word::Refused,
                None if moved(&write, account, |columns| forward(task, columns, amount))? => {
                    keys.insert(place(key), DONE)?;
                    note(&write, key, false, (account, amount))?;
                    Word::Done
                }
                None => Word::Refused,
            }
        };
        write.commit()?;
        Ok(word)
    }

    /// Takes a task back, if it was carried out, once for its key. `holds`: it cannot be taken back now.
    pub(crate) fn take_back(
        &self,
        key: Key,
        (account, amount): (&str, u64),
        holds: bool,
    ) -> Result<Word, redb::Error> {
        let write = self.begin()?;
        let word = {
            let mut keys = write.open_table(KEYS)?;
            let known = keys.get(place(key))?.map(|known| known.value());
            match known {
                Some(DONE | HELD_FAST) if holds => {
                    keys.insert(place(key), HELD_FAST)?;
                    Word::Failed
                }
                Some(DONE | HELD_FAST) if moved(&write, account, |columns| back(columns, amount))? => {
                    keys.insert(place(key), UNDONE)?;
                    note(&write, key, true, (account, amount))?;
                    Word::Undone
                }
                Some(DONE | HELD_FAST) => Word::Failed,
                _ => Word::Undone,
            }
        };
        write.commit()?;
        Ok(word)
    }

    /// Takes back by hand what was tried to be taken back in vain. Done before is done: it may have been said of no
    /// avail. Anything else may be under way, and is left alone.
    pub(crate) fn void(&self, key: Key) -> Result<Word, redb::Error> {
        let read = self.database.begin_read()?;
        match read.open_table(KEYS)?.get(place(key))?.map(|known| known.value()) {
            Some(HELD_FAST) => {}
            Some(UNDONE) => return Ok(Word::Undone),
            _ => return Ok(Word::Refused),
        }
        let mut done = None;
        for item in read.open_table(JOURNAL)?.iter()? {
            let (_, effect) = item?;
            let (saga, step, _, amount, account) = effect.value();
            if (saga, step) == (key.saga.0, key.step.0) {
                done = Some((account.to_owned(), amount));
            }
        }
        let Some((account, amount)) = done else { return Ok(Word::Refused) };
        self.take_back(key, (&account, amount), false)
    }

    pub(crate) fn mend(&self, name: &str) -> Result<(), redb::Error> {
        let write = self.begin()?;
        write.open_table(MENDED)?.insert(name, ())?;
        Ok(write.commit()?)
    }

    pub(crate) fn is_mended(&self, name: &str) -> Result<bool, redb::Error> {
        Ok(self.database.begin_read()?.open_table(MENDED)?.get(name)?.is_some())
    }

    /// All of it, a line for each account and each effect, as of one moment.
    pub(crate) fn lines(&self) -> Result<Vec<String>, redb::Error> {
        let read = self.database.begin_read()?;
        let mut lines = Vec::new();
        for item in read.open_table(ACCOUNTS)?.iter()? {
            let (name, columns) = item?;
            let (free, held, taken) = columns.value();
            lines.push(format!("account {} {free} {held} {taken}", name.value()));
        }
        for item in read.open_table(JOURNAL)?.iter()? {
            let (_, effect) = item?;
            let (saga, step, back, amount, account) = effect.value();
            let way = if back { "undo" } else { "do" };
            lines.push(format!("effect {saga} {step} {way} {amount} {account}"));
        }
        Ok(lines)
    }
}

const fn place(key: Key) -> (u64, u64, u8) {
    (key.owner.0, key.saga.0, key.step.0)
}

type Columns = (u64, u64, u64);

/// Changes an account, if `change` can.
fn moved(
    write: &WriteTransaction,
    account: &str,
    change: impl FnOnce(Columns) -> Option<Columns>,
) -> Result<bool, redb::Error> {
    let mut accounts = write.open_table(ACCOUNTS)?;
    let columns = accounts.get(account)?.map(|columns| columns.value());
    let changed = columns.and_then(change);
    if let Some(changed) = changed {
        accounts.insert(account, changed)?;
    }
    Ok(changed.is_some())
}

/// Nothing comes from nowhere and nothing is lost: what leaves one column comes into another.
fn forward(task: Task, (free, held, taken): Columns, amount: u64) -> Option<Columns> {
    Some(match task {
        Task::Reserve | Task::Authorise => (free.checked_sub(amount)?, held.checked_add(amount)?, taken),
        Task::Capture | Task::HandOver => (free, held.checked_sub(amount)?, taken.checked_add(amount)?),
        Task::Ship => (free.checked_sub(amount)?, held, taken.checked_add(amount)?),
    })
}

/// Only what is held can be taken back.
fn back((free, held, taken): Columns, amount: u64) -> Option<Columns> {
    Some((free.checked_add(amount)?, held.checked_sub(amount)?, taken))
}

fn note(
    write: &WriteTransaction,
    key: Key,
    back: bool,
    (account, amount): (&str, u64),
) -> Result<(), redb::Error> {
    let mut journal = write.open_table(JOURNAL)?;
    let next = journal.last()?.map_or(0, |(last, _)| last.value().saturating_add(1));
    journal.insert(next, (key.saga.0, key.step.0, back, amount, account))?;
    Ok(())
}
