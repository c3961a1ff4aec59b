//! What happens when the application is slow, or gone.

use quorate::driver::{MemoryStore, Options, RequestError};
use quorate::id::NodeId;

use crate::tally::{CLUSTER, Node, Notice, Request, eventually};

#[test]
fn a_slow_application_has_its_requests_refused_while_timers_go_on() {
    let mut options = Options::new(NodeId(1), CLUSTER);
    options.limits.notices = 8;
    let node = Node::start(options, MemoryStore::new());
    let mut taken = 0;
    eventually("the node is busy", || match node.handle.request(Request::Echo) {
        Ok(()) => {
            taken += 1;
            false
        }
        Err(error) => error == RequestError::Busy(Request::Echo),
    });
    let steps = node.handle.metrics().steps;
    eventually("timers go on", || node.handle.metrics().steps > steps + 3);
    assert_eq!(node.handle.metrics().requests_busy, 1);

    assert!(matches!(node.next(), Notice::Started { .. }));
    for _ in 0..taken {
        assert_eq!(node.next(), Notice::Echo);
    }
    node.request(Request::Add(5));
    assert_eq!(node.next(), Notice::Done(1));
    node.stop();
}

#[test]
fn a_full_queue_of_requests_refuses_the_next() {
    let mut options = Options::new(NodeId(1), CLUSTER);
    options.limits.requests = 0;
    let node = Node::start(options, MemoryStore::new());
    let mut done = 0;
    for amount in 0..1000 {
        if node.handle.request(Request::Add(amount)).is_ok() {
            done += 1;
        }
    }
    node.wait_done(done);
    assert_eq!(node.handle.metrics().requests_busy, 1000 - done);
    node.stop();
}

#[test]
fn a_node_stops_when_nobody_listens_and_when_asked_from_any_clone() {
    let Node { handle, notices } = Node::alone(MemoryStore::new());
    drop(notices);
    handle.join().unwrap();

    let node = Node::alone(MemoryStore::new());
    let clone = node.handle.clone();
    let waiter = std::thread::spawn(move || clone.join());
    node.handle.shutdown();
    node.handle.shutdown();
    assert_eq!(node.notices.recv(), None);
    assert!(waiter.join().unwrap().is_ok() && node.handle.join().is_ok());
}
