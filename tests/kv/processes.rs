//! Nodes as processes of their own, which can be killed.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::{client, programs};

pub(crate) use crate::programs::{free_ports, wait};

/// The program.
pub(crate) fn program() -> &'static Path {
    programs::program("kv")
}

/// A cluster, each node a process. Dropped, it is killed; if the test fails, its nodes' words are printed.
pub(crate) struct Cluster {
    directory: TempDir,
    ports: u16,
    nodes: Vec<Option<Child>>,
}

impl Cluster {
    /// Starts `nodes` new nodes.
    pub(crate) fn start(nodes: u16) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let ports = free_ports(2 * nodes);
        let mut cluster = Self { directory, ports, nodes: (0..nodes).map(|_| None).collect() };
        cluster.start_all();
        cluster
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Where clients find the nodes.
    pub(crate) fn clients(&self) -> Vec<SocketAddr> {
        (0..self.len()).map(|node| self.address(2 * node)).collect()
    }

    fn address(&self, port: usize) -> SocketAddr {
        let port = self.ports + u16::try_from(port).expect("few ports");
        (Ipv4Addr::LOCALHOST, port).into()
    }

    pub(crate) fn directory(&self, node: usize) -> PathBuf {
        self.directory.path().join(format!("node-{node}"))
    }

    /// The arguments that run a node. Nodes are numbered from 0 here, and from 1 there.
    pub(crate) fn args(&self, node: usize) -> Vec<String> {
        let at = |option: &str, port| [option.to_owned(), self.address(port).to_string()];
        let mut args = vec!["node".to_owned(), "--id".to_owned(), (node + 1).to_string(), "--dir".to_owned()];
        args.push(self.directory(node).to_str().expect("a plain path").to_owned());
        args.extend(at("--client", 2 * node));
        args.extend(at("--listen", 2 * node + 1));
        for peer in (0..self.len()).filter(|peer| *peer != node) {
            let (client, listen) = (self.address(2 * peer), self.address(2 * peer + 1));
            args.extend(["--peer".to_owned(), format!("{}={listen}={client}", peer + 1)]);
        }
        args.push("--until-stdin-closes".to_owned());
        args
    }

    /// Starts a node that does not run, and waits until it takes clients.
    pub(crate) fn start_node(&mut self, node: usize) {
        self.spawn(node);
        self.await_start(node);
    }

    pub(crate) fn start_all(&mut self) {
        (0..self.len()).for_each(|node| self.spawn(node));
        (0..self.len()).for_each(|node| self.await_start(node));
    }

    fn spawn(&mut self, node: usize) {
        assert!(self.nodes[node].is_none(), "node {node} runs");
        let path = self.directory.path().join(format!("log-{node}"));
        let log = File::options().create(true).append(true).open(path).expect("a file for a node's words");
        let mut command = Command::new(program());
        command.args(self.args(node)).stdin(Stdio::piped());
        command.stdout(log.try_clone().expect("a file")).stderr(log);
        self.nodes[node] = Some(command.spawn().expect("the program runs"));
    }

    fn await_start(&mut self, node: usize) {
        let address = self.clients()[node];
        let child = self.nodes[node].as_mut().expect("it was started");
        wait("a node to take clients", || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("node {node} ended: {status}");
            }
            client::info(address)
        });
    }

    /// Kills a node: it is given no time to do anything.
    pub(crate) fn kill(&mut self, node: usize) {
        let mut child = self.nodes[node].take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// Kills all nodes, each before any of them is known to have ended.
    pub(crate) fn kill_all(&mut self) {
        self.nodes.iter_mut().flatten().for_each(|child| child.kill().expect("it can be killed"));
        for child in &mut self.nodes {
            child.take().map(|mut child| child.wait());
        }
    }

    /// Stops a node in its tracks, where the system can.
    pub(crate) fn pause(&self, node: usize) {
        self.signal(node, "STOP");
    }

    pub(crate) fn resume(&self, node: usize) {
        self.signal(node, "CONT");
    }

    fn signal(&self, node: usize, signal: &str) {
        let pid = self.nodes[node].as_ref().map(Child::id).expect("it runs");
        if cfg!(unix) {
            let status = Command::new("sh").args(["-c", &format!("kill -s {signal} {pid}")]).status();
            assert!(status.is_ok_and(|status| status.success()), "node {node} could not be sent {signal}");
        }
    }

    /// Waits until the others follow another leader than `paused`.
    pub(crate) fn await_other_leader(&self, paused: usize) {
        let clients = self.clients();
        let others: Vec<_> = (0..self.len()).filter(|node| *node != paused).collect();
        if cfg!(unix) {
            wait("another leader", || {
                let mut infos = others.iter().filter_map(|node| client::info(clients[*node]));
                infos.any(|info| info.leader.is_some_and(|leader| leader != paused)).then_some(())
            });
        }
    }

    /// The node that leads, once there is one that all others, if they run, agree on.
    pub(crate) fn leader(&self) -> usize {
        let clients = self.clients();
        wait("a leader", || {
            let infos: Vec<_> = clients.iter().map(|client| client::info(*client)).collect();
            let leader = infos.iter().flatten().next()?.leader?;
            infos.iter().flatten().all(|info| info.leader == Some(leader)).then_some(leader)
        })
    }

    /// Waits until all nodes have applied the same entries, and tells how many and what came of them.
    pub(crate) fn converged(&self) -> (u64, String) {
        let clients = self.clients();
        let (index, digest) = wait("all nodes to have applied the same", || {
            let infos: Vec<_> = clients.iter().map(|client| client::info(*client)).collect::<Option<_>>()?;
            let first = infos.first()?;
            let same = infos.iter().all(|info| info.applied == first.applied && info.leader.is_some());
            same.then(|| {
                let digests: Vec<_> = infos.iter().map(|info| &info.digest).collect();
                assert!(digests.iter().all(|digest| **digest == first.digest), "states differ: {digests:?}");
                (first.applied, first.digest.clone())
            })
        });
        (index, digest)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.nodes.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            for node in 0..self.len() {
                let log = fs::read_to_string(self.directory.path().join(format!("log-{node}")));
                println!("node {node}: {}", log.unwrap_or_default());
            }
        }
    }
}
