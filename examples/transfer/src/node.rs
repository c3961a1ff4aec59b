//! What the coordinator and a bank have in common: a node of quorate on the std driver, with its store.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use quorate::commit::{Config, Member};
use quorate::driver::{Options, RedbStore, StartError, StoreError};
use quorate::id::{ClusterId, NodeId};
use quorate::time::Delay;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most transactions at once. PostgreSQL must take as many prepared ones, and a few more: those that are undone.
pub const TRANSACTIONS_MAX: usize = 64;

/// Who a node is and whom it talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a command line")]
pub struct NodeArgs {
    /// The node.
    pub id: NodeId,
    /// The cluster.
    pub cluster: ClusterId,
    /// Where it keeps what must survive.
    pub dir: PathBuf,
    /// Where other nodes reach it.
    pub listen: SocketAddr,
    /// All other nodes: the coordinator and the banks.
    pub peers: BTreeMap<NodeId, SocketAddr>,
}

/// The driver's options, with the socket bound, and the machine's configuration.
///
/// # Errors
/// The address is taken.
pub(crate) fn configure(args: &NodeArgs) -> Result<(Options, Member), String> {
    let mut options = Options::new(args.id, args.cluster);
    options.listener = Some(listen(args.listen, "other nodes")?);
    options.peers = args.peers.clone();
    // Nodes come back soon here.
    options.limits.reconnect_max = Duration::from_millis(100);
    let mut config = Config::new(args.cluster, args.peers.keys().copied().chain([args.id]));
    config.votes = Delay::exactly(Duration::from_millis(1500));
    config.readiness = Delay::exactly(Duration::from_millis(1200));
    config.resend = Delay::between(Duration::from_millis(150), Duration::from_millis(250));
    config.max_transactions = TRANSACTIONS_MAX;
    Ok((options, Member { me: args.id, config: Arc::new(config) }))
}

/// Opens a node's store.
///
/// # Errors
/// What is wrong with the directory, and what to do.
pub(crate) fn open<V, E>(args: &NodeArgs) -> Result<RedbStore<V, E>, String>
where
    V: Serialize + DeserializeOwned,
    E: Serialize + DeserializeOwned,
{
    let dir = args.dir.display();
    RedbStore::open(&args.dir, args.cluster, args.id).map_err(|error| match error {
        StoreError::Locked { .. } => {
            format!("another process uses {dir}: end it first, or give this node a --dir of its own")
        }
        StoreError::Foreign { cluster, node } => {
            format!("{dir} belongs to node {} of cluster {}: is --dir right?", node.0, cluster.0)
        }
        error => format!("{dir} cannot be used: {error}"),
    })
}

/// Listens at `address`.
///
/// # Errors
/// It is taken.
pub(crate) fn listen(address: SocketAddr, whom: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| {
        format!("cannot listen for {whom} on {address}: {error}; end what uses it, or choose another port")
    })
}

/// Why a node does not start.
pub(crate) fn explain_start(error: &StartError, dir: &Path) -> String {
    format!("the node does not start from {}: {error}", dir.display())
}

/// Starts a thread.
///
/// # Errors
/// The operating system refused it.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| format!("the operating system refused a thread: {error}"))
}
