//! A cluster on one machine: a process for each node, and the file that remembers it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use quorate::id::{ClusterId, NodeId};

use crate::args::{Addresses, ClusterArgs};
use crate::say;

/// The first line of the file.
const HEADER: &str = "kv cluster, format 1";
/// The file in the directory of the cluster.
const FILE: &str = "cluster";
const NODES: u16 = 3;
const NODES_MAX: u16 = 9;
/// Clients' ports come right after this one.
const PORT: u16 = 6300;
/// How much higher the ports of nodes are than those of clients.
const PEER_PORTS: u16 = 700;

/// What a directory remembers of its cluster.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    cluster: ClusterId,
    nodes: BTreeMap<NodeId, Addresses>,
}

/// Starts the nodes, and waits until all of them have ended.
pub(crate) fn run(args: &ClusterArgs) -> Result<(), String> {
    let layout = Layout::find(args)?;
    let program = std::env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
    let mut children = BTreeMap::new();
    for &node in layout.nodes.keys() {
        let mut command = Command::new(&program);
        // Its end of the pipe tells a child that this process has ended, in whatever way.
        command.args(layout.node_args(node, &args.dir)).arg("--until-stdin-closes").stdin(Stdio::piped());
        let child = command.spawn().map_err(|error| format!("node {} does not start: {error}", node.0))?;
        children.insert(node, child);
    }
    for (node, addresses) in &layout.nodes {
        let pid = children.get(node).map_or(0, Child::id);
        say(&format!("node {}: process {pid}, clients at {}", node.0, addresses.client));
    }
    if let Some(first) = layout.nodes.values().next() {
        say(&format!("try:    redis-cli -c -p {} set greeting hello", first.client.port()));
    }
    say("Ctrl-C ends the cluster; the same command starts it again.");
    while !children.is_empty() {
        thread::sleep(Duration::from_millis(100));
        children.retain(|&node, child| match child.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                let again = layout.node_args(node, &args.dir);
                let again: Vec<_> = again.iter().map(|word| word.to_string_lossy()).collect();
                say(&format!(
                    "node {} ended ({status}); to start it again:\n    {} {}",
                    node.0,
                    program.display(),
                    again.join(" ")
                ));
                false
            }
            Err(_) => false,
        });
    }
    Err("no node is left".to_owned())
}

impl Layout {
    /// The cluster of a directory; a new one if there is none yet.
    fn find(args: &ClusterArgs) -> Result<Self, String> {
        let path = args.dir.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let layout = Self::parse(&text).ok_or_else(|| {
                    format!("{} does not describe a cluster: name another --dir", path.display())
                })?;
                layout.agrees_with(args)?;
                Ok(layout)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let layout = Self::new(args)?;
                layout.write(&args.dir)?;
                Ok(layout)
            }
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        }
    }

    fn new(args: &ClusterArgs) -> Result<Self, String> {
        let nodes = args.nodes.unwrap_or(NODES);
        if !(1..=NODES_MAX).contains(&nodes) {
            return Err(format!("--nodes: {nodes} is not from 1 to {NODES_MAX}"));
        }
        let base = args.port.unwrap_or(PORT);
        if base.checked_add(PEER_PORTS + nodes).is_none() {
            let most = u16::MAX - PEER_PORTS - nodes;
            return Err(format!("--port: {base} is too high, the ports after it are needed: {most} at most"));
        }
        if fs::read_dir(&args.dir).is_ok_and(|mut entries| entries.next().is_some()) {
            let dir = args.dir.display();
            return Err(format!(
                "{dir} holds something that is no cluster: name an empty or a new directory"
            ));
        }
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let addresses =
            |node: u16| Addresses { listen: at(base + PEER_PORTS + node), client: at(base + node) };
        let nodes = (1..=nodes).map(|node| (NodeId(node.into()), addresses(node))).collect();
        Ok(Self { cluster: new_cluster_id(), nodes })
    }

    /// Whether what was asked for is what is there.
    fn agrees_with(&self, args: &ClusterArgs) -> Result<(), String> {
        let dir = args.dir.display();
        if let Some(nodes) = args.nodes
            && usize::from(nodes) != self.nodes.len()
        {
            let there = self.nodes.len();
            return Err(format!("--nodes: the cluster in {dir} has {there} nodes; leave the option out"));
        }
        let port = self.nodes.values().next().map_or(0, |first| first.client.port().saturating_sub(1));
        if args.port.is_some_and(|asked| asked != port) {
            return Err(format!("--port: the cluster in {dir} uses {port}; leave the option out"));
        }
        Ok(())
    }

    /// The arguments that run `node` by itself.
    fn node_args(&self, node: NodeId, dir: &Path) -> Vec<OsString> {
        let dir: PathBuf = dir.join(format!("node-{}", node.0));
        let mut args: Vec<OsString> = vec!["node".into()];
        let mut option = |name: &str, value: OsString| args.extend([name.into(), value]);
        option("--cluster", self.cluster.0.to_string().into());
        option("--id", node.0.to_string().into());
        option("--dir", dir.into());
        for (id, Addresses { listen, client }) in &self.nodes {
            if *id == node {
                option("--listen", listen.to_string().into());
                option("--client", client.to_string().into());
            } else {
                option("--peer", format!("{}={listen}={client}", id.0).into());
            }
        }
        args
    }

    fn write(&self, dir: &Path) -> Result<(), String> {
        let mut text = format!("{HEADER}\nid {}\n", self.cluster.0);
        for (node, Addresses { listen, client }) in &self.nodes {
            let _ = writeln!(text, "node {} {listen} {client}", node.0);
        }
        let path = dir.join(FILE);
        // Whole or not at all: a rename after everything is on disk.
        let unfinished = dir.join("cluster.new");
        let written = fs::create_dir_all(dir)
            .and_then(|()| fs::File::create(&unfinished))
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&unfinished, &path));
        written.map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != HEADER {
            return None;
        }
        let cluster = ClusterId(lines.next()?.strip_prefix("id ")?.parse().ok()?);
        let mut nodes = BTreeMap::new();
        for line in lines {
            let mut words = line.strip_prefix("node ")?.split(' ');
            let (id, listen, client) = (words.next()?, words.next()?, words.next()?);
            let addresses = Addresses { listen: listen.parse().ok()?, client: client.parse().ok()? };
            nodes.insert(NodeId(id.parse().ok()?), addresses);
        }
        (!nodes.is_empty()).then_some(Self { cluster, nodes })
    }
}

/// A cluster's id: two clusters do not begin within the same nanosecond.
fn new_cluster_id() -> ClusterId {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    ClusterId(now.as_secs().wrapping_mul(1_000_000_000).wrapping_add(now.subsec_nanos().into()))
}
