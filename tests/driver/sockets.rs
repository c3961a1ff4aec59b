//! Peers over loopback sockets: exchange, reconnects, and frames that do not belong.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use quorate::driver::{Handle, MemoryStore, Metrics, Options, RedbStore};
use quorate::id::{ClusterId, NodeId};
use quorate::wire::frame::{self, Address};

use crate::tally::{CLUSTER, Had, Message, Node, Notice, Request, Tally, cluster, eventually};

#[test]
fn three_nodes_with_disks_give_each_other_everything_and_recover_it() {
    let directory = tempfile::tempdir().unwrap();
    let open = |id: NodeId| RedbStore::open(&directory.path().join(id.to_string()), CLUSTER, id).unwrap();
    let nodes: Vec<_> = cluster(3)
        .into_iter()
        .map(|options| {
            let store = open(options.me);
            Node::start(options, store)
        })
        .collect();
    for node in &nodes {
        (1..=100).for_each(|amount| node.request(Request::Add(amount)));
    }
    nodes.iter().for_each(|node| node.wait_done(100));
    for node in &nodes {
        let Metrics { frames_sent, frames_received, writes, batches, records, .. } = node.handle.metrics();
        assert!(frames_received > 200 && frames_sent > 0 && writes <= frames_sent);
        assert!(records >= 300 && batches <= records);
    }
    nodes.into_iter().for_each(Node::stop);

    let all = Had { seq: 100, total: 5050 };
    for options in cluster(3) {
        let store = open(options.me);
        let had = options.peers.keys().map(|&peer| (peer, all)).collect::<BTreeMap<_, _>>();
        let node = Node::start(options, store);
        assert_eq!(node.next(), Notice::Started { seq: 100, had });
        node.stop();
    }
}

#[test]
fn a_peer_that_comes_back_gets_what_it_missed() {
    let mut options = cluster(2);
    let (second, first) = (options.pop().unwrap(), options.pop().unwrap());
    let address = second.listener.as_ref().unwrap().local_addr().unwrap();
    let (peers, store) = (second.peers.clone(), MemoryStore::new());
    let one = Node::start(first, MemoryStore::new());
    let two = Node::start(second, store.clone());
    one.request(Request::Add(1));
    one.wait_done(1);

    two.stop();
    (2..=10).for_each(|amount| one.request(Request::Add(amount)));
    eventually("the peer is missed", || one.handle.metrics().connects_failed > 0);

    let mut options = Options::new(NodeId(2), CLUSTER);
    options.listener = Some(TcpListener::bind(address).unwrap());
    options.peers = peers;
    let two = Node::start(options, store.reopen());
    assert!(matches!(two.next(), Notice::Started { seq: 0, had } if had[&NodeId(1)].seq == 1));
    one.wait_done(10);
    assert!(one.handle.metrics().reconnects > 0);
    one.stop();
    two.stop();
}

#[test]
fn a_peer_is_known_from_when_it_is_set_until_it_is_removed() {
    let mut options = cluster(2);
    let (mut second, mut first) = (options.pop().unwrap(), options.pop().unwrap());
    let address = second.listener.as_ref().unwrap().local_addr().unwrap();
    first.peers.clear();
    second
        .peers
        .values_mut()
        .for_each(|socket| *socket = first.listener.as_ref().unwrap().local_addr().unwrap());
    let one = Node::start(first, MemoryStore::new());
    let two = Node::start(second, MemoryStore::new());
    let pad = |to| Request::Pad { to: NodeId(to), bytes: 9 };
    one.request(pad(2));
    eventually("the message is dropped", || one.handle.metrics().messages_dropped == 1);

    one.handle.set_peer(NodeId(2), address).unwrap();
    eventually("the message arrives", || {
        one.request(pad(2));
        matches!(two.notices.recv_timeout(Duration::from_millis(10)), Ok(Some(Notice::Padded(9))))
    });
    assert_eq!(one.handle.metrics().rejected_identity, 0);
    one.handle.remove_peer(NodeId(2));
    two.request(pad(1));
    eventually("the sender is refused", || one.handle.metrics().rejected_identity > 0);
    one.stop();
    two.stop();
}

#[test]
fn a_message_over_the_limit_is_dropped_and_the_next_arrives() {
    let mut nodes = cluster(2).into_iter().map(|mut options| {
        options.limits.message_bytes = 64;
        Node::start(options, MemoryStore::new())
    });
    let (one, two) = (nodes.next().unwrap(), nodes.next().unwrap());
    assert!(matches!(two.next(), Notice::Started { .. }));
    eventually("connected", || one.handle.metrics().connects > 0);
    one.request(Request::Pad { to: NodeId(2), bytes: 100 });
    one.request(Request::Pad { to: NodeId(2), bytes: 3 });
    assert_eq!(two.next(), Notice::Padded(3));
    assert_eq!(one.handle.metrics().messages_too_long, 1);
    one.stop();
    two.stop();
}

/// A node whose peer 2 is played by the test; the address to connect to.
fn victim(change: impl FnOnce(&mut Options)) -> (Node, std::net::SocketAddr) {
    let mut options = cluster(2).remove(0);
    change(&mut options);
    let address = options.listener.as_ref().unwrap().local_addr().unwrap();
    let node = Node::start(options, MemoryStore::new());
    assert!(matches!(node.next(), Notice::Started { .. }));
    (node, address)
}

fn frame_bytes(cluster: u64, sender: u64, receiver: u64) -> Vec<u8> {
    let (cluster, sender, receiver) = (ClusterId(cluster), NodeId(sender), NodeId(receiver));
    let mut bytes = Vec::new();
    let message = Message::Padding(vec![1, 2, 3]);
    frame::encode(Address { cluster, sender, receiver }, &message, 1000, &mut bytes).unwrap();
    bytes
}

/// Sends `bytes`, waits until the node closes the connection, and returns what it then counts.
fn refused(handle: &Handle<Tally>, address: std::net::SocketAddr, bytes: &[u8]) -> [u64; 3] {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    // Closed with or without a reset: both are an end.
    let _ = stream.read(&mut [0]);
    let counts =
        |metrics: Metrics| [metrics.rejected_identity, metrics.rejected_too_long, metrics.rejected_damaged];
    eventually("the frame is counted", || counts(handle.metrics()).iter().sum::<u64>() > 0);
    counts(handle.metrics())
}

#[test]
fn frames_that_do_not_belong_close_their_connection_and_are_counted() {
    let mut oversized = frame_bytes(7, 2, 1);
    oversized[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut damaged = frame_bytes(7, 2, 1);
    *damaged.last_mut().unwrap() ^= 1;
    let mut foreign_body = Vec::new();
    let address = Address { cluster: CLUSTER, sender: NodeId(2), receiver: NodeId(1) };
    frame::encode(address, &(200u8, 1u8), 1000, &mut foreign_body).unwrap();
    let two_senders = [frame_bytes(7, 2, 1), frame_bytes(7, 3, 1)].concat();

    let cases: [(&str, Vec<u8>, [u64; 3]); 10] = [
        ("wrong cluster", frame_bytes(8, 2, 1), [1, 0, 0]),
        ("wrong receiver", frame_bytes(7, 2, 3), [1, 0, 0]),
        ("unknown sender", frame_bytes(7, 9, 1), [1, 0, 0]),
        ("the node's own name", frame_bytes(7, 1, 1), [1, 0, 0]),
        ("a second sender", two_senders, [1, 0, 0]),
        ("oversized", oversized[..frame::HEADER_LEN].to_vec(), [0, 1, 0]),
        ("damaged", damaged, [0, 0, 1]),
        ("foreign body", foreign_body, [0, 0, 1]),
        ("another protocol", b"GET / HTTP/1.1\r\n\r\n".to_vec(), [0, 0, 1]),
        ("one wrong byte", b"X".to_vec(), [0, 0, 1]),
    ];
    for (name, bytes, expected) in cases {
        let (node, address) = victim(|options| {
            options.peers.insert(NodeId(3), address_of_nobody());
        });
        assert_eq!(refused(&node.handle, address, &bytes), expected, "{name}");
        // The node goes on: a right frame still arrives.
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&frame_bytes(7, 2, 1)).unwrap();
        while node.next() != Notice::Padded(3) {}
        node.stop();
    }
}

/// An address where nothing listens.
fn address_of_nobody() -> std::net::SocketAddr {
    crate::tally::listener().local_addr().unwrap()
}

#[test]
fn a_connection_that_delivers_nothing_or_half_a_frame_is_closed() {
    let (node, address) = victim(|options| options.limits.frame_timeout = Duration::from_millis(20));
    let silent = TcpStream::connect(address).unwrap();
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(&frame_bytes(7, 2, 1)[..frame::HEADER_LEN + 2]).unwrap();
    eventually("both are closed", || node.handle.metrics().connections_idle == 2);
    drop((silent, half));
    node.stop();
}

#[test]
fn connections_over_the_limit_are_closed_at_once() {
    let (node, address) = victim(|options| options.limits.connections = 1);
    let first = TcpStream::connect(address).unwrap();
    eventually("the first is accepted", || node.handle.metrics().connections_accepted == 1);
    let mut second = TcpStream::connect(address).unwrap();
    let _ = second.read(&mut [0]);
    assert_eq!(node.handle.metrics().connections_refused, 1);
    drop(first);
    node.stop();
}
