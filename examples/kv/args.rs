//! The command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use quorate::id::{ClusterId, NodeId};

pub(crate) const USAGE: &str = "\
A replicated key-value store: Raft between the nodes, the Redis protocol to clients.

  kv cluster --dir DIR [--nodes N] [--port BASE]
      Starts N nodes (3 unless told otherwise) as processes of their own, and ends them when it ends.
      Clients connect to ports BASE+1 to BASE+N (6301 and up), nodes to each other's ports 700 higher.
      DIR remembers the cluster: the same command starts it again, with what it stores.

  kv node --id ID --dir DIR --listen ADDR --client ADDR --peer ID=LISTEN=CLIENT ... [--cluster ID]
      Runs one node, which keeps its data in DIR. It listens for nodes on --listen and for clients on
      --client. Every other node is named by a --peer, with both of its addresses.
      Addresses are IP:PORT, for example 127.0.0.1:7001. --until-stdin-closes makes the node end then.
";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    Help,
    Cluster(ClusterArgs),
    Node(NodeArgs),
}

/// `kv cluster`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClusterArgs {
    pub(crate) dir: PathBuf,
    pub(crate) nodes: Option<u16>,
    pub(crate) port: Option<u16>,
}

/// `kv node`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NodeArgs {
    pub(crate) id: NodeId,
    pub(crate) cluster: ClusterId,
    pub(crate) dir: PathBuf,
    pub(crate) addresses: Addresses,
    pub(crate) peers: BTreeMap<NodeId, Addresses>,
    pub(crate) until_stdin_closes: bool,
}

/// Where a node is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// By other nodes.
    pub(crate) listen: SocketAddr,
    /// By clients.
    pub(crate) client: SocketAddr,
}

/// Reads the arguments, those after the name of the program.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let mut parser = Parser::from_args(args);
    match parser.next().map_err(|error| error.to_string())? {
        None | Some(Arg::Short('h') | Arg::Long("help")) => Ok(Invocation::Help),
        Some(Arg::Value(command)) if command == "help" => Ok(Invocation::Help),
        Some(Arg::Value(command)) if command == "cluster" => cluster(parser),
        Some(Arg::Value(command)) if command == "node" => node(parser),
        Some(other) => Err(format!("{}; there are `cluster` and `node`", other.unexpected())),
    }
}

fn cluster(mut parser: Parser) -> Result<Invocation, String> {
    let (mut dir, mut nodes, mut port) = (None, None, None);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Long("dir") => dir = Some(PathBuf::from(value(&mut parser, "--dir")?)),
            Arg::Long("nodes") => nodes = Some(number(&mut parser, "--nodes")?),
            Arg::Long("port") => port = Some(number(&mut parser, "--port")?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let dir = dir.ok_or("--dir is missing: where should the nodes keep their data?")?;
    Ok(Invocation::Cluster(ClusterArgs { dir, nodes, port }))
}

fn node(mut parser: Parser) -> Result<Invocation, String> {
    let (mut id, mut cluster, mut dir, mut listen, mut client) = (None, 1, None, None, None);
    let mut peers = BTreeMap::new();
    let mut until_stdin_closes = false;
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Long("id") => id = Some(NodeId(number(&mut parser, "--id")?)),
            Arg::Long("cluster") => cluster = number(&mut parser, "--cluster")?,
            Arg::Long("dir") => dir = Some(PathBuf::from(value(&mut parser, "--dir")?)),
            Arg::Long("listen") => listen = Some(address(&text(&mut parser, "--listen")?, "--listen")?),
            Arg::Long("client") => client = Some(address(&text(&mut parser, "--client")?, "--client")?),
            Arg::Long("peer") => {
                let (peer, addresses) = peer(&text(&mut parser, "--peer")?)?;
                if peers.insert(peer, addresses).is_some() {
                    return Err(format!("--peer: node {} is named twice", peer.0));
                }
            }
            Arg::Long("until-stdin-closes") => until_stdin_closes = true,
            other => return Err(other.unexpected().to_string()),
        }
    }
    let id = id.ok_or("--id is missing: the number of this node")?;
    if peers.contains_key(&id) {
        return Err(format!("--peer: {} is this node itself; name only the others", id.0));
    }
    let dir = dir.ok_or("--dir is missing: where should the node keep its data?")?;
    let listen = listen.ok_or("--listen is missing: the address for other nodes")?;
    let client = client.ok_or("--client is missing: the address for clients")?;
    let (cluster, addresses) = (ClusterId(cluster), Addresses { listen, client });
    Ok(Invocation::Node(NodeArgs { id, cluster, dir, addresses, peers, until_stdin_closes }))
}

fn value(parser: &mut Parser, name: &str) -> Result<OsString, String> {
    parser.value().map_err(|_| format!("{name} needs a value"))
}

fn text(parser: &mut Parser, name: &str) -> Result<String, String> {
    value(parser, name)?.string().map_err(|error| format!("{name}: {error}"))
}

fn number<T: std::str::FromStr>(parser: &mut Parser, name: &str) -> Result<T, String> {
    let text = text(parser, name)?;
    text.parse().map_err(|_| format!("{name}: `{text}` is not a number in range"))
}

fn address(text: &str, name: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<SocketAddr>();
    let address = address.map_err(|_| format!("{name}: `{text}` is not IP:PORT, such as 127.0.0.1:7001"))?;
    if address.port() == 0 {
        return Err(format!("{name}: others must know the port of `{text}`; choose one"));
    }
    Ok(address)
}

fn peer(text: &str) -> Result<(NodeId, Addresses), String> {
    let parts: Vec<&str> = text.split('=').collect();
    let &[id, listen, client] = parts.as_slice() else {
        return Err(format!(
            "--peer: `{text}` is not ID=LISTEN=CLIENT, such as 2=127.0.0.1:7002=127.0.0.1:6302"
        ));
    };
    let id = id.parse().map_err(|_| format!("--peer: `{id}` in `{text}` is not the number of a node"))?;
    let (listen, client) = (address(listen, "--peer")?, address(client, "--peer")?);
    Ok((NodeId(id), Addresses { listen, client }))
}
