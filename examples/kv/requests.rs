//! What each command of a client means.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use quorate::driver::Metrics;
use quorate::id::NodeId;
use quorate::raft::Refusal;
use redis_protocol::redis_keyslot;
use redis_protocol::resp2::types::OwnedFrame;

use crate::app::{Answer, App};
use crate::command::Op;
use crate::resp::Reply;
use crate::state::Outcome;

/// The last of Redis' hash slots. All belong to one leader here; clients learn it from any of them.
const SLOT_MAX: u16 = 16_383;

/// What is to be done about a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Todo {
    /// Ask the cluster; the request is of this slot.
    Ask(Op, u16),
    /// Tell about this node.
    Info,
    /// Tell who is in the cluster, in slots.
    Slots,
    /// Tell who is in the cluster, in lines.
    Nodes,
    /// Answer at once.
    Reply(Reply),
    /// Answer at once, and close the connection.
    Quit,
    /// Do nothing: there is nothing in it.
    Nothing,
}

/// Reads a request.
pub(crate) fn read(mut words: Vec<Vec<u8>>) -> Todo {
    if words.is_empty() {
        return Todo::Nothing;
    }
    let name = words.remove(0);
    let arguments = words;
    match (name.to_ascii_uppercase().as_slice(), arguments.len()) {
        (b"GET", 1) => ask(arguments, |[key]| Op::Get { key }),
        (b"SET", 2) => ask(arguments, |[key, value]| Op::Set { key, value }),
        (b"SET", 3..) => Todo::Reply(Reply::error(
            "ERR syntax error: SET takes a key and a value, options are not supported",
        )),
        (b"INCR", 1) => ask(arguments, |[key]| Op::Incr { key }),
        (b"DEL", 1..) => {
            let op = Op::Del { keys: arguments };
            let slot = redis_keyslot(op.key());
            Todo::Ask(op, slot)
        }
        (b"PING", 0) => Todo::Reply(Reply::simple("PONG")),
        (b"PING" | b"ECHO", 1) => Todo::Reply(arguments.into_iter().next().map_or(Reply::NULL, Reply::bulk)),
        (b"INFO", _) => Todo::Info,
        (b"COMMAND", _) => Todo::Reply(Reply::array(Vec::new())),
        (b"CLUSTER", 1..) => cluster(&arguments),
        (b"SELECT", 1) if arguments.first().is_some_and(|database| database == b"0") => {
            Todo::Reply(Reply::simple("OK"))
        }
        (b"HELLO", 1..) if arguments.first().is_some_and(|version| version != b"2") => {
            Todo::Reply(Reply::error("NOPROTO unsupported protocol version: this server speaks RESP2"))
        }
        (b"QUIT", 0) => Todo::Quit,
        (b"GET" | b"SET" | b"INCR" | b"DEL" | b"PING" | b"ECHO" | b"CLUSTER" | b"SELECT" | b"QUIT", _) => {
            let name = String::from_utf8_lossy(&name).to_lowercase();
            Todo::Reply(Reply::error(format!("ERR wrong number of arguments for '{name}' command")))
        }
        _ => {
            let name = String::from_utf8_lossy(&name).chars().take(64).collect::<String>();
            Todo::Reply(Reply::error(format!("ERR unknown command '{name}'")))
        }
    }
}

fn ask<const N: usize>(arguments: Vec<Vec<u8>>, op: impl FnOnce([Vec<u8>; N]) -> Op) -> Todo {
    match <[Vec<u8>; N]>::try_from(arguments) {
        Ok(arguments) => {
            let op = op(arguments);
            let slot = redis_keyslot(op.key());
            Todo::Ask(op, slot)
        }
        Err(_) => Todo::Reply(Reply::error("ERR wrong number of arguments")),
    }
}

fn cluster(arguments: &[Vec<u8>]) -> Todo {
    match arguments {
        [what] if what.eq_ignore_ascii_case(b"slots") => Todo::Slots,
        [what] if what.eq_ignore_ascii_case(b"nodes") => Todo::Nodes,
        [what, key] if what.eq_ignore_ascii_case(b"keyslot") => {
            Todo::Reply(Reply::integer(redis_keyslot(key)))
        }
        _ => Todo::Reply(Reply::error("ERR unknown subcommand: there are SLOTS, NODES and KEYSLOT")),
    }
}

/// Who is in the cluster, and where clients find them.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) me: NodeId,
    pub(crate) clients: BTreeMap<NodeId, SocketAddr>,
}

impl Directory {
    /// The reply to a request of `slot`.
    pub(crate) fn reply(&self, answer: Answer, slot: u16) -> Reply {
        match answer {
            Answer::Done(Outcome::Ok) => Reply::simple("OK"),
            Answer::Done(Outcome::Value(Some(value))) => Reply::Value(value),
            Answer::Done(Outcome::Value(None)) => Reply::NULL,
            Answer::Done(Outcome::Integer(number)) => Reply::integer(number),
            Answer::Done(Outcome::Refused(reason)) => Reply::error(reason),
            Answer::Refused(Refusal::NotLeader { leader }) => {
                match leader.and_then(|leader| self.clients.get(&leader)) {
                    Some(address) => Reply::error(format!("MOVED {slot} {address}")),
                    None => Reply::error("CLUSTERDOWN no leader is known; not applied, try again"),
                }
            }
            Answer::Refused(refusal @ Refusal::TooLarge { .. }) => Reply::error(format!("ERR {refusal}")),
            Answer::Refused(refusal) => Reply::error(format!("TRYAGAIN {refusal}; not applied")),
            Answer::Lost => Reply::error("TRYAGAIN lost leadership; not applied"),
            Answer::Busy => Reply::error("TRYAGAIN too many requests wait; not applied"),
            Answer::Stopping => Reply::error("CLUSTERDOWN this node stops; not applied"),
        }
    }

    /// `CLUSTER SLOTS`: all slots, the leader first.
    pub(crate) fn slots(&self, leader: Option<NodeId>) -> Reply {
        let Some(leader) = leader else { return Reply::array(Vec::new()) };
        let mut range = vec![OwnedFrame::Integer(0), OwnedFrame::Integer(SLOT_MAX.into())];
        let replicas = self.clients.iter().filter(|(node, _)| **node != leader);
        for (node, address) in self.clients.get_key_value(&leader).into_iter().chain(replicas) {
            range.push(OwnedFrame::Array(vec![
                OwnedFrame::BulkString(address.ip().to_string().into()),
                OwnedFrame::Integer(address.port().into()),
                OwnedFrame::BulkString(name(*node).into()),
            ]));
        }
        Reply::array(vec![OwnedFrame::Array(range)])
    }

    /// `CLUSTER NODES`: a line for each node.
    pub(crate) fn nodes(&self, leader: Option<NodeId>, term: u64) -> Reply {
        let mut lines = String::new();
        for (&node, address) in &self.clients {
            let leads = leader == Some(node);
            let myself = if node == self.me { "myself," } else { "" };
            let role = if leads { "master" } else { "slave" };
            let of = leader.filter(|_| !leads).map_or_else(|| "-".to_owned(), name);
            let slots = if leads { format!(" 0-{SLOT_MAX}") } else { String::new() };
            let name = name(node);
            let _ = writeln!(lines, "{name} {address}@0 {myself}{role} {of} 0 0 {term} connected{slots}");
        }
        Reply::bulk(lines)
    }
}

/// A node's name in the form that Redis clients know.
fn name(node: NodeId) -> String {
    format!("{:040x}", node.0)
}

/// `INFO`.
pub(crate) fn info(directory: &Directory, app: &App, metrics: &Metrics) -> Reply {
    let (index, term) = app.applied();
    let (queued, proposed) = app.waiting();
    let leader = app.leader();
    let role = if leader == Some(directory.me) { "leader" } else { "follower" };
    let leader_address = leader.and_then(|leader| directory.clients.get(&leader));
    let mut lines = format!(
        "# Server\r\nredis_mode:cluster\r\n\r\n# Raft\r\nnode:{}\r\nrole:{role}\r\nterm:{}\r\n",
        directory.me.0,
        app.term().0,
    );
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(lines, "{name}:{value}\r\n");
    };
    line("leader", &leader.map_or_else(String::new, |leader| leader.0.to_string()));
    line("leader_address", &leader_address.map_or_else(String::new, ToString::to_string));
    // A node is told of what is committed in order, and applies it at once.
    line("committed_index", &index.0);
    line("applied_index", &index.0);
    line("applied_term", &term.0);
    line("requests_queued", &queued);
    line("requests_proposed", &proposed);
    line("\r\n# Keyspace\r\nkeys", &app.state().len());
    line("state_digest", &format_args!("{:016x}", app.state().digest()));
    let driver = [
        ("\r\n# Driver\r\nsteps", metrics.steps),
        ("requests", metrics.requests),
        ("requests_busy", metrics.requests_busy),
        ("notices", metrics.notices),
        ("batches", metrics.batches),
        ("records", metrics.records),
        ("loads", metrics.loads),
        ("frames_sent", metrics.frames_sent),
        ("bytes_sent", metrics.bytes_sent),
        ("writes", metrics.writes),
        ("messages_dropped", metrics.messages_dropped),
        ("messages_too_long", metrics.messages_too_long),
        ("frames_received", metrics.frames_received),
        ("rejected_identity", metrics.rejected_identity),
        ("rejected_too_long", metrics.rejected_too_long),
        ("rejected_damaged", metrics.rejected_damaged),
        ("connects", metrics.connects),
        ("reconnects", metrics.reconnects),
        ("connects_failed", metrics.connects_failed),
    ];
    for (name, value) in driver {
        line(name, &value);
    }
    Reply::bulk(lines)
}
