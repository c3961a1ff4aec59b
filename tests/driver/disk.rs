//! Group commit, failing disks, recovery and loads.

use std::collections::BTreeMap;

use quorate::driver::{self, MemoryStore, NodeError, Options, RedbStore, RequestError, Store, StoreError};
use quorate::durable::{Corrupt, Record, Stored};
use quorate::id::{CellId, ClusterId, NodeId};

use crate::tally::{CLUSTER, Config, Had, LOG, Node, Notice, Request, Tally, eventually};

type Memory = MemoryStore<Had, u64>;
type Disk = RedbStore<Had, u64>;

#[test]
fn many_steps_share_one_write_and_nothing_leaves_before_it() {
    let store = Memory::new();
    let node = Node::alone(store.clone());
    store.hold();
    node.request(Request::Add(1));
    eventually("the first write begins", || store.writes() == 1);
    for amount in 2..=50 {
        node.request(Request::Add(amount));
    }
    eventually("all requests are stepped", || node.handle.metrics().requests == 50);
    // A free notice overtakes everything that waits, and nothing else does.
    node.request(Request::Echo);
    assert_eq!(node.next(), Notice::Echo);
    assert_eq!(node.notices.try_recv(), Ok(None));
    assert!(store.image().is_empty());

    store.release();
    for seq in 1..=50 {
        assert_eq!(node.next(), Notice::Done(seq));
    }
    assert_eq!(store.writes(), 2);
    let metrics = node.handle.metrics();
    assert_eq!((metrics.batches, metrics.records), (2, 50));
    node.stop();
}

#[test]
fn a_failed_write_stops_the_node_for_good_and_nothing_that_waited_leaves() {
    for survive in [0, 1] {
        let store = Memory::new();
        let node = Node::alone(store.clone());
        node.request(Request::Add(10));
        node.wait_done(1);
        store.fail_write(2, survive);
        node.request(Request::Add(20));
        assert_eq!(node.notices.recv(), None);
        assert!(matches!(node.handle.join(), Err(NodeError::Store(StoreError::Injected))));
        assert_eq!(store.writes(), 2);
        assert_eq!(node.handle.request(Request::Echo), Err(RequestError::Stopped(Request::Echo)));

        let store = store.reopen();
        let recovered = Node::start(Options::new(NodeId(1), CLUSTER), store);
        let seq = 1 + survive as u64;
        assert_eq!(recovered.next(), Notice::Started { seq, had: BTreeMap::new() });
        recovered.stop();
    }
}

#[test]
fn an_append_that_leaves_a_gap_is_refused_and_ends_the_store() {
    let gap = Record::Append { log: LOG, index: 3, entry: 0 };
    let first = Record::Append { log: LOG, index: 1, entry: 0 };
    let directory = tempfile::tempdir().unwrap();
    let stores: [Box<dyn Store<Had, u64>>; 2] =
        [Box::new(Memory::new()), Box::new(Disk::open(directory.path(), CLUSTER, NodeId(1)).unwrap())];
    for mut store in stores {
        store.write(std::slice::from_ref(&first)).unwrap();
        assert!(matches!(store.write(std::slice::from_ref(&gap)), Err(StoreError::Misfit { log: LOG, .. })));
        assert!(matches!(store.write(&[]), Err(StoreError::Stopped)));
    }
}

#[test]
fn a_node_recovers_from_its_directory_which_nobody_else_can_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/node-1");
    let open = |cluster, node| Disk::open(&path, cluster, NodeId(node));
    let node = Node::alone(open(CLUSTER, 1).unwrap());
    (1..=20).for_each(|amount| node.request(Request::Add(amount)));
    node.wait_done(20);
    assert!(matches!(open(CLUSTER, 1), Err(StoreError::Locked { .. })));
    node.stop();

    assert!(matches!(open(CLUSTER, 2), Err(StoreError::Foreign { cluster: CLUSTER, node: NodeId(1) })));
    assert!(matches!(open(ClusterId(8), 1), Err(StoreError::Foreign { .. })));
    let store = open(CLUSTER, 1).unwrap();
    let mut sum = 0;
    store
        .entries(LOG, 0, &mut |_, amount| {
            sum += amount;
            true
        })
        .unwrap();
    assert_eq!(sum, 210);
    let node = Node::start(Options::new(NodeId(1), CLUSTER), store);
    assert_eq!(node.next(), Notice::Started { seq: 20, had: BTreeMap::new() });
    node.request(Request::Add(21));
    node.wait_done(21);
    node.stop();
}

#[test]
fn a_load_sees_the_records_before_it_and_stays_within_its_bytes() {
    let store = Memory::new();
    let mut options = Options::new(NodeId(1), CLUSTER);
    // An encoded amount takes a version byte and one byte.
    options.limits.load_bytes = 5;
    let node = Node::start(options, store.clone());
    assert!(matches!(node.next(), Notice::Started { .. }));
    store.hold();
    (1..=4).for_each(|amount| node.request(Request::Add(amount)));
    node.request(Request::Read { from: 2, upto: 9 });
    node.request(Request::Read { from: 4, upto: 4 });
    node.request(Request::Read { from: 5, upto: 9 });
    store.release();
    let mut reads = Vec::new();
    while reads.len() < 3 {
        if let Notice::Entries { from, entries } = node.next() {
            reads.push((from, entries));
        }
    }
    assert_eq!(reads, [(2, vec![2, 3]), (4, vec![4]), (5, vec![])]);
    assert_eq!(node.handle.metrics().loads, 3);
    node.stop();
}

/// A store that cannot be read.
struct Unreadable;

impl Stored<Had, u64> for Unreadable {
    fn cell(&self, _cell: CellId) -> Result<Option<Had>, Corrupt> {
        Err(Corrupt::Unreadable)
    }

    fn entries(
        &self,
        _log: quorate::id::LogId,
        _from: u64,
        _visit: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<(), Corrupt> {
        Err(Corrupt::Unreadable)
    }
}

impl Store<Had, u64> for Unreadable {
    fn write(&mut self, _records: &[Record<Had, u64>]) -> Result<(), StoreError> {
        panic!("as the test asked")
    }

    fn load(
        &self,
        _log: quorate::id::LogId,
        _range: std::ops::RangeInclusive<u64>,
        _max_bytes: usize,
        _entries: &mut Vec<u64>,
    ) -> Result<(), StoreError> {
        Err(StoreError::Injected)
    }
}

#[test]
fn a_store_that_cannot_be_read_starts_no_node() {
    let config = Config { me: NodeId(1), others: Vec::new() };
    let started = driver::start::<Tally, _>(Options::new(NodeId(1), CLUSTER), config, 0, Unreadable);
    assert!(matches!(started, Err(driver::StartError::Recover(Corrupt::Unreadable))));
}

#[test]
fn a_panic_in_the_machine_or_the_store_and_a_failed_load_end_the_node_with_the_reason() {
    let cases = [
        (Request::Panic, "the machine thread panicked"),
        (Request::Add(1), "the disk thread panicked"),
        (Request::Read { from: 1, upto: 1 }, "the store failed: a failure that a test asked for"),
    ];
    for (request, expected) in cases {
        let machine = Tally::new(NodeId(1));
        let options = Options::new(NodeId(1), CLUSTER);
        let (handle, notices) = driver::start_recovered(options, machine, Unreadable).unwrap();
        handle.request(request).unwrap();
        assert_eq!(notices.iter().count(), 1);
        assert_eq!(handle.join().unwrap_err().to_string(), expected);
    }
}
