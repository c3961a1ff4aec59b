//! Clients under load, what they were told, and whether it was true.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use redis_protocol::resp2::types::OwnedFrame;

use crate::client::{Client, Connection, Known};
use crate::processes::{Cluster, wait};

const COUNTERS: u64 = 3;
/// Reads sent at once when all is checked.
const PIPELINED: usize = 200;

/// What one client was told.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Keys written once, each with what is known of the write.
    written: Vec<(String, Known)>,
    /// Keys written again and again, with ascending numbers: the last one acknowledged, and the last one sent.
    rising: BTreeMap<String, (u64, u64)>,
    /// Numbers that counters came to, by counter.
    counted: Vec<(u64, i64)>,
    /// Increments of unknown outcome, by counter.
    perhaps_counted: Vec<u64>,
}

/// Clients that write and read until they are told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Journal>>,
}

impl Load {
    pub(crate) fn start(nodes: &[SocketAddr], clients: usize) -> Self {
        let (stop, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let spawn = |name| {
            let client = Client::new(nodes.to_vec());
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            let mut writer = Writer { name, client, stop, acknowledged, journal: Journal::default(), n: 0 };
            thread::spawn(move || {
                writer.run();
                writer.journal
            })
        };
        let clients = (0..clients).map(spawn).collect();
        Self { stop, acknowledged, clients }
    }

    /// Waits until `count` more requests have been carried out.
    pub(crate) fn await_progress(&self, count: u64) {
        let enough = self.acknowledged.load(Ordering::Relaxed) + count;
        wait("progress under load", || {
            let ended = self.clients.iter().any(JoinHandle::is_finished);
            assert!(!ended, "a client has failed");
            (self.acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        });
    }

    pub(crate) fn finish(self) -> Vec<Journal> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().map(|client| client.join().expect("no client fails")).collect()
    }
}

struct Writer {
    name: usize,
    client: Client,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    journal: Journal,
    n: u64,
}

impl Writer {
    fn run(&mut self) {
        let mut key = format!("rising:{}:0", self.name);
        while !self.stop.load(Ordering::Relaxed) {
            self.n += 1;
            self.write_once();
            self.count();
            // A write of unknown outcome may happen at any later time: nobody writes to its key again.
            if !self.rise(&key) || !self.read(&key) {
                key = format!("rising:{}:{}", self.name, self.n);
            }
        }
    }

    /// Asks until the outcome is known, or cannot be.
    fn ask(&mut self, words: &[&[u8]]) -> Known {
        loop {
            let known = self.client.once(words);
            if let Known::Done(_) = known {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            } else if known == Known::NotApplied && !self.stop.load(Ordering::Relaxed) {
                continue;
            }
            return known;
        }
    }

    /// Writes a key of its own; every other one is tried once only, so that what was told to have failed
    /// remains so.
    fn write_once(&mut self) {
        let key = format!("once:{}:{}", self.name, self.n);
        let value = value_of(&key);
        let words: [&[u8]; 3] = [b"SET", key.as_bytes(), &value];
        let known = if self.n.is_multiple_of(2) { self.ask(&words) } else { self.client.once(&words) };
        self.journal.written.push((key, known));
    }

    fn count(&mut self) {
        let counter = self.n % COUNTERS;
        match self.ask(&[b"INCR", format!("counter:{counter}").as_bytes()]) {
            Known::Done(OwnedFrame::Integer(number)) => self.journal.counted.push((counter, number)),
            Known::Done(other) => panic!("INCR said {other:?}"),
            Known::Unknown => self.journal.perhaps_counted.push(counter),
            Known::NotApplied => {}
        }
    }

    /// Writes a higher number to `key`; false if nobody knows whether.
    fn rise(&mut self, key: &str) -> bool {
        let known = self.ask(&[b"SET", key.as_bytes(), self.n.to_string().as_bytes()]);
        let (acknowledged, sent) = self.journal.rising.entry(key.to_owned()).or_default();
        match known {
            Known::Done(_) => (*acknowledged, *sent) = (self.n, self.n),
            Known::Unknown => *sent = self.n,
            Known::NotApplied => {}
        }
        known != Known::Unknown
    }

    /// Reads `key`, which has to hold what was last acknowledged; false if it could not be read.
    fn read(&mut self, key: &str) -> bool {
        let known = self.ask(&[b"GET", key.as_bytes()]);
        let (acknowledged, _) = self.journal.rising[key];
        if let Known::Done(reply) = &known {
            assert_eq!(number(reply), acknowledged, "{key} was read");
        }
        known != Known::Unknown
    }
}

fn value_of(key: &str) -> Vec<u8> {
    key.repeat(8).into_bytes()
}

fn number(reply: &OwnedFrame) -> u64 {
    match reply {
        OwnedFrame::Null => 0,
        OwnedFrame::BulkString(digits) => {
            String::from_utf8_lossy(digits).parse().expect("only numbers were written")
        }
        other => panic!("GET said {other:?}"),
    }
}

/// Reads `keys` where the leader is.
fn read_all(cluster: &Cluster, keys: &[String]) -> Vec<OwnedFrame> {
    keys.chunks(PIPELINED).flat_map(|keys| wait("a leader that reads", || read(cluster, keys))).collect()
}

/// Reads all of `keys` at once, if there is a leader that can: one that has just started may be busy with what
/// it had done before.
fn read(cluster: &Cluster, keys: &[String]) -> Option<Vec<OwnedFrame>> {
    let mut connection = Connection::open(cluster.clients()[cluster.leader()]).ok()?;
    keys.iter().try_for_each(|key| connection.send(&[b"GET", key.as_bytes()])).ok()?;
    let replies = keys.iter().map(|_| connection.reply()).collect::<Result<Vec<_>, _>>().ok()?;
    let refused = |reply: &OwnedFrame| match reply {
        OwnedFrame::Error(error) => {
            assert!(error.starts_with("MOVED") || error.contains("not applied"), "GET said {error}");
            true
        }
        _ => false,
    };
    (!replies.iter().any(refused)).then_some(replies)
}

/// Whether the cluster holds what clients were told.
pub(crate) fn check(cluster: &Cluster, journals: &[Journal]) {
    check_written(cluster, journals);
    check_rising(cluster, journals);
    check_counters(cluster, journals);
}

fn check_written(cluster: &Cluster, journals: &[Journal]) {
    let written: Vec<_> = journals.iter().flat_map(|journal| &journal.written).collect();
    let keys: Vec<String> = written.iter().map(|(key, _)| key.clone()).collect();
    for ((key, known), found) in written.iter().zip(read_all(cluster, &keys)) {
        let there = found == OwnedFrame::BulkString(value_of(key));
        let absent = found == OwnedFrame::Null;
        match known {
            Known::Done(_) => assert!(there, "{key} was acknowledged, and is {found:?}"),
            Known::NotApplied => assert!(absent, "{key} was told not to be applied, and is {found:?}"),
            Known::Unknown => assert!(there || absent, "{key} is {found:?}"),
        }
    }
}

fn check_rising(cluster: &Cluster, journals: &[Journal]) {
    let rising: Vec<_> = journals.iter().flat_map(|journal| &journal.rising).collect();
    let keys: Vec<String> = rising.iter().map(|(key, _)| (*key).clone()).collect();
    for ((key, (acknowledged, sent)), found) in rising.iter().zip(read_all(cluster, &keys)) {
        let found = number(&found);
        assert!(
            found == *acknowledged || found == *sent,
            "{key}: {acknowledged} was acknowledged, {sent} was sent, {found} was found"
        );
    }
}

fn check_counters(cluster: &Cluster, journals: &[Journal]) {
    let keys: Vec<String> = (0..COUNTERS).map(|counter| format!("counter:{counter}")).collect();
    for (counter, found) in (0..COUNTERS).zip(read_all(cluster, &keys)) {
        let counted = journals.iter().flat_map(|journal| &journal.counted);
        let counted: Vec<i64> = counted.filter(|(of, _)| *of == counter).map(|(_, number)| *number).collect();
        let distinct: BTreeSet<i64> = counted.iter().copied().collect();
        assert_eq!(distinct.len(), counted.len(), "two increments came to the same number");
        let perhaps = journals.iter().flat_map(|journal| &journal.perhaps_counted);
        let perhaps = perhaps.filter(|of| **of == counter).count();
        let found = usize::try_from(number(&found)).expect("it is small");
        let range = counted.len()..=counted.len() + perhaps;
        assert!(range.contains(&found), "counter {counter} is {found}, not within {range:?}");
        let highest =
            counted.iter().max().map_or(0, |highest| usize::try_from(*highest).expect("it counts up"));
        assert!(highest <= found, "counter {counter} is {found}, and was {highest}");
    }
}

/// What happened, in a line.
pub(crate) fn summary(journals: &[Journal]) -> String {
    let known = |which: fn(&Known) -> bool| {
        journals.iter().flat_map(|journal| &journal.written).filter(|(_, known)| which(known)).count()
    };
    let counted: usize = journals.iter().map(|journal| journal.counted.len()).sum();
    let perhaps: usize = journals.iter().map(|journal| journal.perhaps_counted.len()).sum();
    format!(
        "writes: {} acknowledged, {} not applied, {} unknown; increments: {counted} acknowledged, {perhaps} unknown",
        known(|known| matches!(known, Known::Done(_))),
        known(|known| *known == Known::NotApplied),
        known(|known| *known == Known::Unknown),
    )
}
