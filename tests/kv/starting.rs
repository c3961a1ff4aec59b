//! Starting: what is refused, in which words; and a cluster that one process starts and ends.

use std::ffi::OsString;
use std::fs;
use std::process::{Child, Command, Stdio};

use crate::args::{self, Invocation};
use crate::client::{self, Connection};
use crate::processes::{Cluster, free_ports, program, wait};
use redis_protocol::resp2::types::OwnedFrame;

fn refused(args: &[&str]) -> String {
    let output = Command::new(program()).args(args).stdin(Stdio::null()).output().expect("the program runs");
    assert!(!output.status.success(), "{args:?} was taken");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn parsed(line: &str) -> Result<Invocation, String> {
    args::parse(line.split(' ').map(OsString::from))
}

#[test]
fn errors_on_the_command_line_name_what_was_wrong() {
    let node = "node --id 1 --dir d --listen 127.0.0.1:1 --client 127.0.0.1:2";
    assert!(matches!(parsed(node), Ok(Invocation::Node(_))));
    assert!(matches!(parsed(&format!("{node} --peer 2=127.0.0.1:3=127.0.0.1:4")), Ok(Invocation::Node(_))));
    for (line, says) in [
        ("serve".to_owned(), "serve"),
        ("cluster --dir d --nodes many".to_owned(), "`many` is not a number in range"),
        ("cluster --dir d --port 70000".to_owned(), "`70000` is not a number in range"),
        ("cluster --nodes 3".to_owned(), "--dir is missing"),
        ("cluster --dir".to_owned(), "--dir needs a value"),
        ("node --id 1".to_owned(), "--dir is missing"),
        ("node --id 1 --dir d --listen here".to_owned(), "`here` is not IP:PORT"),
        ("node --id 1 --dir d --listen 127.0.0.1:0".to_owned(), "must know the port"),
        (format!("{node} --peer 2=127.0.0.1:3"), "is not ID=LISTEN=CLIENT"),
        (format!("{node} --peer 1=127.0.0.1:3=127.0.0.1:4"), "this node itself"),
        (format!("{node} --faster"), "--faster"),
    ] {
        let error = parsed(&line).expect_err(&line);
        assert!(error.contains(says), "{line}: {error}");
    }
}

#[test]
fn a_directory_in_use_or_of_another_node_is_refused() {
    let mut cluster = Cluster::start(1);
    let args = cluster.args(0);
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let error = refused(&args);
    assert!(error.contains("another process uses"), "{error}");
    cluster.kill(0);
    args[2] = "2";
    let error = refused(&args);
    assert!(error.contains("belongs to node 1 of cluster 1, not to node 2"), "{error}");
    fs::write(cluster.directory(0).join("quorate.redb"), "something else").expect("it can be written");
    let error = refused(&args);
    assert!(error.contains("is something else, or damaged"), "{error}");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_command_starts_a_cluster_and_its_end_ends_the_nodes() {
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().join("cluster");
    let dir = dir.to_str().expect("a plain path");
    let base = free_ports(4);
    let port = base.to_string();
    let first = ([127, 0, 0, 1], base + 1).into();
    let start = |args: &[&str]| {
        let mut command = Command::new(program());
        command.args(["cluster", "--dir", dir]).args(args).stdin(Stdio::null()).stdout(Stdio::null());
        Killed(command.spawn().expect("the program runs"))
    };

    let running = start(&["--nodes", "1", "--port", &port]);
    wait("the cluster to lead itself", || client::info(first)?.leader);
    let mut connection = Connection::open(first).expect("it takes clients");
    let set = connection.call(&[b"SET", b"a", b"1"]).expect("it replies");
    assert_eq!(set, OwnedFrame::SimpleString(b"OK".into()));
    drop(running);
    wait("the node to end", || client::info(first).is_none().then_some(()));

    let error = refused(&["cluster", "--dir", dir, "--nodes", "5"]);
    assert!(error.contains("has 1 nodes"), "{error}");
    let _running = start(&[]);
    wait("the cluster to lead itself", || client::info(first)?.leader);
    let mut connection = Connection::open(first).expect("it takes clients");
    assert_eq!(connection.call(&[b"GET", b"a"]).expect("it replies"), OwnedFrame::BulkString(b"1".into()));
}
