//! A town on one machine: two PostgreSQL servers, a bank on each, and a coordinator, all of them processes that can be
//! killed.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use tempfile::TempDir;

use crate::server::{Installation, Server};

/// How long anything may take that is to happen at last. Nothing is judged by its speed.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// The first of the ports that are tried: below those that the system gives to outgoing connections, so that a process
/// that comes back finds its own free.
const PORTS: std::ops::Range<u16> = 12_000..30_000;

/// A process that can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums, reason = "the three nodes of the town")]
pub enum Seat {
    /// The coordinator.
    Coordinator,
    /// A bank.
    Bank(Bank),
}

/// One of the two banks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums, reason = "the two banks of the town")]
pub enum Bank {
    /// Bank `a`.
    A,
    /// Bank `b`.
    B,
}

impl Bank {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// Its name, as accounts begin with.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl Seat {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Coordinator, Self::Bank(Bank::A), Self::Bank(Bank::B)];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Bank(Bank::A) => "bank-a",
            Self::Bank(Bank::B) => "bank-b",
        }
    }

    const fn slot(self) -> usize {
        match self {
            Self::Coordinator => 0,
            Self::Bank(bank) => bank as usize + 1,
        }
    }
}

/// The town. Dropped, all of it is killed and its directory removed.
#[derive(Debug)]
pub struct Town {
    // Fields are dropped in order: processes before what they write to.
    nodes: [Option<Child>; 3],
    servers: [Server; 2],
    program: PathBuf,
    ports: u16,
    directory: TempDir,
}

impl Town {
    /// Starts a new town, whose nodes are run by `program`.
    ///
    /// # Errors
    /// What did not work.
    pub fn start(installation: &Installation, program: &Path) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| format!("no directory: {error}"))?;
        // The servers run as another user, and must pass through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711))
            .map_err(|error| format!("{}: {error}", directory.path().display()))?;
        let server = |bank: Bank| Server::create(installation, &directory.path().join(bank.name()));
        let servers = [server(Bank::A)?, server(Bank::B)?];
        let ports = free_ports(6)?;
        let mut town =
            Self { nodes: [None, None, None], servers, program: program.to_owned(), ports, directory };
        for seat in Seat::ALL {
            town.start_node(seat, &[])?;
        }
        for seat in Seat::ALL {
            town.await_node(seat)?;
        }
        Ok(town)
    }

    /// Where clients reach a node.
    #[must_use]
    pub fn client(&self, seat: Seat) -> SocketAddr {
        self.address(2 * seat.slot())
    }

    fn listen(&self, seat: Seat) -> SocketAddr {
        self.address(2 * seat.slot() + 1)
    }

    fn address(&self, offset: usize) -> SocketAddr {
        let offset = u16::try_from(offset).unwrap_or_default();
        (Ipv4Addr::LOCALHOST, self.ports.saturating_add(offset)).into()
    }

    /// The arguments that run a node.
    #[must_use]
    pub fn args(&self, seat: Seat) -> Vec<String> {
        let id = |seat: Seat| seat.slot() + 1;
        let dir = self.directory.path().join(seat.name());
        let mut args = match seat {
            Seat::Coordinator => vec!["coordinator".to_owned()],
            Seat::Bank(bank) => vec![
                "bank".to_owned(),
                "--name".to_owned(),
                bank.name().to_owned(),
                "--database".to_owned(),
                self.server(bank).database(),
            ],
        };
        let mut option = |name: &str, value: String| args.extend([name.to_owned(), value]);
        option("--id", id(seat).to_string());
        option("--dir", dir.display().to_string());
        option("--listen", self.listen(seat).to_string());
        option("--client", self.client(seat).to_string());
        for other in Seat::ALL.into_iter().filter(|other| *other != seat) {
            match (seat, other) {
                (Seat::Coordinator, Seat::Bank(bank)) => {
                    let (listen, client) = (self.listen(other), self.client(other));
                    option("--bank", format!("{}={}={listen}={client}", bank.name(), id(other)));
                }
                _ => option("--peer", format!("{}={}", id(other), self.listen(other))),
            }
        }
        args
    }

    /// Starts a node that does not run. It may take a moment until it answers.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn start_node(&mut self, seat: Seat, more: &[&str]) -> Result<(), String> {
        let log = File::options().create(true).append(true).open(self.log_path(seat));
        let log = log.and_then(|log| Ok((log.try_clone()?, log)));
        let (out, err) = log.map_err(|error| format!("{}: {error}", seat.name()))?;
        let mut command = Command::new(&self.program);
        command.args(self.args(seat)).args(more).arg("--until-stdin-closes");
        let child = command.stdin(Stdio::piped()).stdout(out).stderr(err).spawn();
        let child = child.map_err(|error| format!("{} does not run: {error}", self.program.display()))?;
        if let Some(place) = self.nodes.get_mut(seat.slot()) {
            *place = Some(child);
        }
        Ok(())
    }

    /// Waits until a node answers clients.
    ///
    /// # Errors
    /// It has ended by itself, or does not come up.
    pub fn await_node(&mut self, seat: Seat) -> Result<(), String> {
        let begun = Instant::now();
        let address = self.client(seat);
        while begun.elapsed() < PATIENCE {
            self.check_nodes()?;
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(format!("{} does not come up: {}", seat.name(), self.log(seat)))
    }

    /// Whether every node that was not killed still runs: one that ends by itself could not go on.
    ///
    /// # Errors
    /// Which one ended, and its last words.
    pub fn check_nodes(&mut self) -> Result<(), String> {
        for seat in Seat::ALL {
            let child = self.nodes.get_mut(seat.slot()).and_then(Option::as_mut);
            if let Some(Ok(Some(status))) = child.map(Child::try_wait) {
                return Err(format!("{} ended by itself ({status}): {}", seat.name(), self.log(seat)));
            }
        }
        Ok(())
    }

    /// Kills a node: it is given no time to do anything.
    pub fn kill_node(&mut self, seat: Seat) {
        if let Some(mut child) = self.nodes.get_mut(seat.slot()).and_then(Option::take) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The server of a bank.
    #[must_use]
    pub const fn server(&self, bank: Bank) -> &Server {
        match bank {
            Bank::A => &self.servers[0],
            Bank::B => &self.servers[1],
        }
    }

    /// The server of a bank, to be killed and started.
    pub const fn server_mut(&mut self, bank: Bank) -> &mut Server {
        match bank {
            Bank::A => &mut self.servers[0],
            Bank::B => &mut self.servers[1],
        }
    }

    /// A connection to a bank's database, once it takes any.
    ///
    /// # Errors
    /// It does not.
    pub fn connect(&self, bank: Bank) -> Result<Client, String> {
        self.server(bank).connect().map_err(|error| format!("the database of bank {}: {error}", bank.name()))
    }

    /// Opens accounts at a bank, with what is in them.
    ///
    /// # Errors
    /// The database refuses.
    pub fn open_accounts<'a>(
        &self,
        bank: Bank,
        accounts: impl IntoIterator<Item = (&'a str, i64)>,
    ) -> Result<(), String> {
        let mut client = self.connect(bank)?;
        for (name, balance) in accounts {
            let opened = client.execute("INSERT INTO account VALUES ($1, $2)", &[&name, &balance]);
            opened.map_err(|error| format!("account {name}: {error}"))?;
        }
        Ok(())
    }

    /// What a node has said so far, in all its lives.
    #[must_use]
    pub fn log(&self, seat: Seat) -> String {
        fs::read_to_string(self.log_path(seat)).unwrap_or_default()
    }

    fn log_path(&self, seat: Seat) -> PathBuf {
        self.directory.path().join(format!("{}.log", seat.name()))
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        Seat::ALL.into_iter().for_each(|seat| self.kill_node(seat));
    }
}

/// So many ports in a row that are free.
fn free_ports(count: u16) -> Result<u16, String> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let all = PORTS.end - PORTS.start - count;
    let start = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(all)).unwrap_or_default();
    for _ in 0..500 {
        let offset = start.wrapping_add(NEXT.fetch_add(count, Ordering::Relaxed)) % all;
        let first = PORTS.start + offset;
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if (first..first + count).all(free) {
            return Ok(first);
        }
    }
    Err("no free ports were found".to_owned())
}
