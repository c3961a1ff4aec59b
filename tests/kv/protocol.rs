//! What clients can say, and what they are told.

use std::io::Write;

use redis_protocol::redis_keyslot;
use redis_protocol::resp2::types::OwnedFrame;

use crate::client::{Connection, request};
use crate::processes::{Cluster, wait};
use crate::resp::{ARGUMENT_BYTES_MAX, ARGUMENTS_MAX, INLINE_BYTES_MAX};

fn error(frame: OwnedFrame) -> String {
    match frame {
        OwnedFrame::Error(text) => text,
        other => panic!("no error but {other:?}"),
    }
}

fn bulk(text: &str) -> OwnedFrame {
    OwnedFrame::BulkString(text.into())
}

fn simple(text: &str) -> OwnedFrame {
    OwnedFrame::SimpleString(text.into())
}

fn calls(connection: &mut Connection, line: &str) -> OwnedFrame {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    connection.call(&words).expect("a reply")
}

#[test]
fn a_follower_names_the_leader_and_the_slot() {
    let cluster = Cluster::start(3);
    let leader = cluster.leader();
    let clients = cluster.clients();
    let mut follower = Connection::open(clients[(leader + 1) % 3]).expect("it takes clients");
    for (line, key) in [("SET foo 1", "foo"), ("GET {user}.x", "user"), ("INCR b", "b"), ("DEL c d", "c")] {
        let slot = redis_keyslot(key.as_bytes());
        let moved = format!("MOVED {slot} {}", clients[leader]);
        assert_eq!(calls(&mut follower, line), OwnedFrame::Error(moved), "{line}");
    }
    assert_eq!(redis_keyslot(b"foo"), 12_182);
    assert_eq!(calls(&mut follower, "PING"), simple("PONG"));
    let OwnedFrame::Array(slots) = calls(&mut follower, "CLUSTER SLOTS") else { panic!("no slots") };
    let Some(OwnedFrame::Array(range)) = slots.first() else { panic!("no range") };
    let Some(OwnedFrame::Array(first)) = range.get(2) else { panic!("no nodes") };
    assert_eq!(first.get(1), Some(&OwnedFrame::Integer(clients[leader].port().into())));
    let OwnedFrame::BulkString(nodes) = calls(&mut follower, "CLUSTER NODES") else { panic!("no nodes") };
    assert_eq!(String::from_utf8_lossy(&nodes).lines().count(), 3);
}

#[test]
fn a_minority_does_nothing_and_says_so() {
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    let follower = (leader + 1) % 3;
    cluster.kill(leader);
    cluster.kill((leader + 2) % 3);
    let mut connection = Connection::open(cluster.clients()[follower]).expect("it takes clients");
    wait("the follower to miss its leader", || {
        let error = error(calls(&mut connection, "SET a 1"));
        assert!(error.starts_with("MOVED ") || error.starts_with("CLUSTERDOWN "), "{error}");
        error.starts_with("CLUSTERDOWN ").then_some(())
    });
}

#[test]
fn commands_do_what_redis_does() {
    let cluster = Cluster::start(1);
    cluster.leader();
    let mut connection = Connection::open(cluster.clients()[0]).expect("it takes clients");
    for (line, reply) in [
        ("GET a", OwnedFrame::Null),
        ("SET a 41", simple("OK")),
        ("incr a", OwnedFrame::Integer(42)),
        ("GET a", bulk("42")),
        ("SET b x", simple("OK")),
        ("DEL a b c a", OwnedFrame::Integer(2)),
        ("INCR a", OwnedFrame::Integer(1)),
        ("SET a -9223372036854775808", simple("OK")),
        ("INCR a", OwnedFrame::Integer(i64::MIN + 1)),
        ("ECHO hello", bulk("hello")),
        ("PING hello", bulk("hello")),
        ("COMMAND", OwnedFrame::Array(Vec::new())),
        ("CLUSTER KEYSLOT foo", OwnedFrame::Integer(12_182)),
        ("SELECT 0", simple("OK")),
    ] {
        assert_eq!(calls(&mut connection, line), reply, "{line}");
    }
    calls(&mut connection, "SET text x");
    calls(&mut connection, "SET most 9223372036854775807");
    for (line, says) in [
        ("GET", "ERR wrong number of arguments for 'get' command"),
        ("GET a b", "ERR wrong number of arguments for 'get' command"),
        ("DEL", "ERR wrong number of arguments for 'del' command"),
        ("SET a 1 EX 5", "ERR syntax error: SET takes a key and a value, options are not supported"),
        ("FLUSHALL", "ERR unknown command 'FLUSHALL'"),
        ("a\r\n+b", "ERR unknown command 'a  +b'"),
        ("HELLO 3", "NOPROTO unsupported protocol version: this server speaks RESP2"),
        ("INCR text", "ERR value is not an integer or out of range"),
        ("INCR most", "ERR increment or decrement would overflow"),
    ] {
        assert_eq!(error(calls(&mut connection, line)), says, "{line}");
    }
    assert_eq!(calls(&mut connection, "QUIT"), simple("OK"));
    assert!(connection.is_closed());
}

#[test]
fn replies_come_in_the_order_of_requests_however_many_are_sent_at_once() {
    let cluster = Cluster::start(1);
    cluster.leader();
    let mut connection = Connection::open(cluster.clients()[0]).expect("it takes clients");
    let mut bytes = Vec::new();
    for n in 0..3000 {
        bytes.extend(request(&[b"INCR", b"n"]));
        bytes.extend(request(&[b"ECHO", n.to_string().as_bytes()]));
    }
    bytes.extend_from_slice(b"\r\nPING\r\n  get   n \r\n");
    let mut writing = connection.stream.try_clone().expect("a second handle");
    let writer = std::thread::spawn(move || writing.write_all(&bytes));
    for n in 0..3000 {
        assert_eq!(connection.reply().expect("a reply"), OwnedFrame::Integer(n + 1));
        assert_eq!(connection.reply().expect("a reply"), bulk(&n.to_string()));
    }
    assert_eq!(connection.reply().expect("a reply"), simple("PONG"));
    assert_eq!(connection.reply().expect("a reply"), bulk("3000"));
    writer.join().expect("no panic").expect("all was sent");
}

#[test]
fn what_is_no_request_is_told_so_and_ends_the_connection_only() {
    let cluster = Cluster::start(1);
    cluster.leader();
    let address = cluster.clients()[0];
    let largest = vec![b'x'; ARGUMENT_BYTES_MAX];
    let mut good = Connection::open(address).expect("it takes clients");
    assert_eq!(good.call(&[b"SET", b"large", &largest]).expect("a reply"), simple("OK"));
    assert_eq!(good.call(&[b"GET", b"large"]).expect("a reply"), OwnedFrame::BulkString(largest.clone()));

    let too_large = [largest.as_slice(), b"x"].concat();
    let many = vec![b"x".as_slice(); ARGUMENTS_MAX + 1];
    for (bytes, says) in [
        (request(&[b"SET", b"a", &too_large]), "invalid bulk length"),
        (request(&[b"DEL", &largest, &largest]), "too big request"),
        (request(&many), "invalid multibulk length"),
        (b"*-1\r\n".to_vec(), "invalid multibulk length"),
        (b"*99999999999999999999999\r\n".to_vec(), "invalid multibulk length"),
        (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$4\r\nPINGxx".to_vec(), "invalid bulk length"),
        (b"*1\r\n:4\r\n".to_vec(), "an argument must be a bulk string"),
        (b"*1\r\n".repeat(100_000), "an argument must be a bulk string"),
        (vec![b'x'; INLINE_BYTES_MAX + 1], "too big inline request"),
    ] {
        let mut bad = Connection::open(address).expect("it takes clients");
        // It may be cut off before it has said all it wanted to.
        let _ = bad.stream.write_all(&bytes);
        let error = error(bad.reply().expect("a word before the end"));
        assert!(error.starts_with("ERR Protocol error: ") && error.contains(says), "{says}: {error}");
        assert!(bad.is_closed(), "{says}");
    }
    assert_eq!(calls(&mut good, "PING"), simple("PONG"));
}

#[test]
fn too_many_clients_are_turned_away() {
    let cluster = Cluster::start(1);
    let address = cluster.clients()[0];
    let mut clients = Vec::new();
    let refused = wait("a client to be turned away", || {
        let mut client = Connection::open(address).expect("it connects");
        match client.call(&[b"PING"]) {
            Ok(OwnedFrame::SimpleString(_)) => {
                clients.push(client);
                None
            }
            Ok(reply) => Some(Some(error(reply))),
            Err(_) => Some(None),
        }
    });
    assert!(refused.is_none_or(|error| error.starts_with("ERR max number of clients")));
    assert!(clients.len() >= 200, "only {} were let in", clients.len());
    clients.clear();
    wait("room for a client", || {
        let mut client = Connection::open(address).ok()?;
        client.call(&[b"PING"]).ok().filter(|reply| *reply == simple("PONG"))
    });
}
