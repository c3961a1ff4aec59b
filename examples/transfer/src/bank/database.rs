//! A connection to PostgreSQL that outlives the server: lost, it is made again, and nothing is taken for granted.

use std::thread;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, Config, Error, NoTls};

/// How long to wait after the first attempt to connect that failed; doubled each time.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
/// How long to wait after an attempt to connect at most.
const BACKOFF_MAX: Duration = Duration::from_millis(400);
/// How often to look whether an older connection is gone.
const FENCE_PAUSE: Duration = Duration::from_millis(5);

/// One lane to the database: a connection of its own, under a name of its own.
pub(super) struct Database {
    config: Config,
    name: String,
    client: Option<Client>,
}

impl Database {
    /// A lane of `bank` to the database that `config` names. Its statements wait so long for a lock at most.
    pub(super) fn new(config: &Config, bank: &str, lane: &str, lock_timeout: Duration) -> Self {
        let name = format!("{}{lane}.", prefix(bank));
        let mut config = config.clone();
        config.application_name(&name);
        config.options(&format!("-c lock_timeout={}", lock_timeout.as_millis()));
        Self { config, name, client: None }
    }

    /// Connects, if it is not connected, and sees to it that every connection whose name begins with `prefix`
    /// is gone: what a process that was killed asked last may still be running in the server, and would finish
    /// behind the back of whoever looks now.
    fn connected(&mut self, prefix: &str) -> Result<&mut Client, Error> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => {
                let mut client = self.config.connect(NoTls)?;
                fence(&mut client, prefix)?;
                client
            }
        };
        Ok(self.client.insert(client))
    }

    /// The first connection of a process: waits for the server, and ends the connections of the process before.
    ///
    /// # Errors
    /// The server is there and refuses: a wrong database or user, most likely.
    pub(super) fn open(&mut self, bank: &str) -> Result<&mut Client, Error> {
        let prefix = prefix(bank);
        let mut pause = BACKOFF_MIN;
        loop {
            match self.connected(&prefix).map(drop) {
                Ok(()) => break,
                Err(error) if is_refusal(&error) => return Err(error),
                Err(_) => back_off(&mut pause),
            }
        }
        self.connected(&prefix)
    }

    /// Does `work`, again and again until the connection held from its beginning to its end. What the server
    /// refuses is handed back; what became of a statement without an answer is unknown, so `work` begins by looking.
    ///
    /// # Errors
    /// What the server refused.
    pub(super) fn attempt<T>(
        &mut self,
        mut work: impl FnMut(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let name = self.name.clone();
        let mut pause = BACKOFF_MIN;
        loop {
            let outcome = self.connected(&name).and_then(&mut work);
            match outcome {
                Err(error) if is_lost(&error) => {
                    self.client = None;
                    back_off(&mut pause);
                }
                outcome => return outcome,
            }
        }
    }

    /// As [`attempt`](Self::attempt), but once.
    ///
    /// # Errors
    /// What the server refused, or the connection was lost.
    pub(super) fn attempt_once<T>(
        &mut self,
        work: impl FnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let name = self.name.clone();
        let outcome = self.connected(&name).and_then(work);
        if outcome.as_ref().is_err_and(is_lost) {
            self.client = None;
        }
        outcome
    }
}

/// What the names of all lanes of a bank begin with.
fn prefix(bank: &str) -> String {
    // The server cuts names at 63 bytes.
    format!("quorate {bank:.32}, ")
}

/// Ends all other connections whose name begins with `prefix`, and waits until they are gone.
fn fence(client: &mut Client, prefix: &str) -> Result<(), Error> {
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE starts_with(application_name, $1) AND pid <> pg_backend_pid()";
    while !client.query(others, &[&prefix])?.is_empty() {
        thread::sleep(FENCE_PAUSE);
    }
    Ok(())
}

fn back_off(pause: &mut Duration) {
    thread::sleep(*pause);
    *pause = pause.saturating_mul(2).min(BACKOFF_MAX);
}

/// Whether the connection is lost, or the server is about to end it, rather than that it refused a statement.
pub(super) fn is_lost(error: &Error) -> bool {
    error.code().is_none_or(|code| {
        // Class 57P: the server shuts down, crashed or starts. Class 08: the connection failed.
        code.code().starts_with("57P")
            || code.code().starts_with("08")
            || *code == SqlState::TOO_MANY_CONNECTIONS
    })
}

/// Whether the server is there, and will refuse the next time as well.
fn is_refusal(error: &Error) -> bool {
    error.code().is_some() && !is_lost(error)
}
