//! What all processes have in common: a store, a node on sockets, and an end.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use quorate::driver::{self, Driven, Handle, Notices, Options, RedbStore, StoreError};
use quorate::durable::Recover;
use redb::Database;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::NodeArgs;
use crate::disk::SlowStore;
use crate::shop::{CLUSTER, Role};

/// Where a process listens for the others, the ports counted from `base`.
pub(crate) const fn peer_port(base: u16, role: Role) -> u16 {
    base + 1 + role as u16
}

/// Where it listens for clients and operators.
pub(crate) const fn client_port(base: u16, role: Role) -> u16 {
    base + 11 + role as u16
}

/// The last port that is used.
pub(crate) const PORTS: u16 = 14;

/// Recovers a machine from its store and runs it; also where clients will connect.
pub(crate) fn start<Mc>(
    args: &NodeArgs,
    config: Mc::Config,
) -> Result<(Handle<Mc>, Notices<Mc>, TcpListener), String>
where
    Mc: Driven + Recover,
    Mc::Cell: Serialize + DeserializeOwned,
    Mc::Entry: Serialize + DeserializeOwned,
{
    let store = open::<Mc>(args)?;
    let peers = listen(peer_port(args.port, args.role), "the other processes")?;
    let clients = listen(client_port(args.port, args.role), "clients")?;
    let mut options = Options::new(args.role.node(), CLUSTER);
    options.listener = Some(peers);
    let through = args.through.unwrap_or(args.port);
    let others = Role::ALL.into_iter().filter(|role| (*role == Role::Orders) != (args.role == Role::Orders));
    options.peers = others.map(|role| (role.node(), at(peer_port(through, role)))).collect();
    let (handle, notices) = driver::start(options, config, 0, store).map_err(|error| {
        format!("{} does not start from {}: {error}", args.role.name(), args.dir.display())
    })?;
    Ok((handle, notices, clients))
}

type Stored<Mc> =
    SlowStore<RedbStore<<Mc as quorate::machine::Machine>::Cell, <Mc as quorate::machine::Machine>::Entry>>;

fn open<Mc: Driven>(args: &NodeArgs) -> Result<Stored<Mc>, String> {
    let (dir, name) = (args.dir.display(), args.role.name());
    let store = RedbStore::open(&args.dir, CLUSTER, args.role.node()).map_err(|error| match error {
        StoreError::Locked { .. } => {
            format!("another process uses {dir}: end it first, or give this one a --dir of its own")
        }
        StoreError::Foreign { node, .. } => {
            format!("{dir} belongs to process {} of the shop, not to {name}: is --dir right?", node.0)
        }
        StoreError::NotAStore { path } => {
            format!("{} is something else, or damaged: name another --dir", path.display())
        }
        error => format!("{dir} cannot be used: {error}"),
    })?;
    Ok(SlowStore { store, pause: args.disk_pause })
}

fn listen(port: u16, whom: &str) -> Result<TcpListener, String> {
    TcpListener::bind(at(port)).map_err(|error| {
        format!(
            "cannot listen for {whom} on port {port}: {error}; end what uses it, or choose another --port"
        )
    })
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Opens a database of the process's own, which is there as a whole or not at all: a file that a crash left half made is
/// made anew. The store of the node, opened before, keeps other processes out of the directory.
pub(crate) fn database(dir: &Path, name: &str) -> Result<Database, redb::Error> {
    let path = dir.join(name);
    if !path.exists() {
        let unfinished = path.with_extension("new");
        let _ = fs::remove_file(&unfinished);
        drop(Database::create(&unfinished)?);
        fs::rename(&unfinished, &path)?;
        if cfg!(unix) {
            fs::File::open(dir)?.sync_all()?;
        }
    }
    Ok(Database::create(&path)?)
}

/// Why the books in `dir` cannot be used.
pub(crate) fn explain_books(error: &redb::Error, dir: &Path) -> String {
    format!("the books in {} cannot be used: {error}; name another --dir", dir.display())
}

pub(crate) fn announce(args: &NodeArgs) {
    let (name, port) = (args.role.name(), client_port(args.port, args.role));
    crate::say(&format!("{name}: process {}, clients at port {port}", std::process::id()));
}

pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| format!("the operating system refused a thread: {error}"))
}

/// A parent that ends, in whatever way, closes the pipe to its children: so they end as well, if they were told to.
pub(crate) fn until_told<Mc: Driven>(args: &NodeArgs, handle: &Handle<Mc>) -> Result<(), String> {
    if !args.until_stdin_closes {
        return Ok(());
    }
    let handle = handle.clone();
    spawn("stdin", move || {
        let mut ignored = [0; 64];
        while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
        handle.shutdown();
    })
}
