//! What a step of Raft costs, and a commit among three nodes in memory: no disk, no network, no other thread.
//!
//! `cargo bench --bench raft`; a part of it with `cargo bench --bench raft -- commit`.
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{Ledger, LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine, RecordOf};
use quorate::raft::{
    Config, Entry, Index, Member, Message, Notice, Payload, Position, Raft, Request, Term, Timer,
};
use quorate::time::Time;

type Bytes = Arc<[u8]>;
type Node = Raft<Bytes>;

/// Proposals between two measurements of a commit.
const BATCH: u64 = 64;

fn raft(me: u64) -> Node {
    let mut config = Config::new(ClusterId(1), (1..=3).map(NodeId));
    // The cache is soon full, as it is in a cluster that has run for a while.
    config.max_cached_entries = 1024;
    config.max_uncommitted_entries = 1024;
    Raft::new(Member { me: NodeId(me), config: Arc::new(config) }).expect("the configuration stands")
}

fn command(bytes: usize) -> Bytes {
    vec![7; bytes].into()
}

/// A node with its ledger, and a disk that is a list of records, emptied now and then.
struct Driven {
    node: Node,
    ledger: LedgerOf<Node>,
    disk: Vec<RecordOf<Node>>,
    committed: u64,
}

impl Driven {
    fn new(me: u64) -> Self {
        let mut driven =
            Self { node: raft(me), ledger: Ledger::new(NodeId(me)), disk: Vec::new(), committed: 0 };
        driven.step(Input::Start);
        driven
    }

    fn step(&mut self, input: InputOf<Node>) {
        self.node.step(input, &mut self.ledger.port(Time::ZERO, || 0));
    }

    /// Writes what waits, as one batch.
    fn flush(&mut self) -> bool {
        let Some(batch) = self.ledger.begin_batch(usize::MAX) else { return false };
        if self.disk.len() > 4096 {
            self.disk.clear();
        }
        self.disk.extend(self.ledger.batch().cloned());
        self.ledger.complete(batch);
        true
    }

    /// Carries everything out until nothing waits; what it sends goes to `network`.
    fn settle(&mut self, network: &mut VecDeque<(NodeId, NodeId, Message<Bytes>)>) {
        let me = self.node.id();
        loop {
            while let Some(output) = self.ledger.next_output() {
                match output {
                    Output::Send { to, message } => network.push_back((me, to, message)),
                    Output::Loopback(message) => self.step(Input::Message { from: me, message }),
                    Output::Notify(Notice::Committed { index, .. }) => self.committed = index.0,
                    Output::Notify(notice) => drop(black_box(notice)),
                    Output::Load { .. } => {}
                }
            }
            if !self.flush() {
                return;
            }
        }
    }
}

/// Three nodes, of which the first leads.
struct Cluster {
    nodes: [Driven; 3],
    network: VecDeque<(NodeId, NodeId, Message<Bytes>)>,
}

impl Cluster {
    fn elected() -> Self {
        let mut cluster = Self { nodes: [1, 2, 3].map(Driven::new), network: VecDeque::new() };
        cluster.nodes[0].step(Input::Timer(Timer::Election));
        cluster.pump();
        assert!(cluster.nodes[0].node.is_leader());
        cluster
    }

    /// Delivers in the order of sending until nothing moves.
    fn pump(&mut self) {
        for node in &mut self.nodes {
            node.settle(&mut self.network);
        }
        while let Some((from, to, message)) = self.network.pop_front() {
            if let Some(node) = self.nodes.iter_mut().find(|node| node.node.id() == to) {
                node.step(Input::Message { from, message });
                node.settle(&mut self.network);
            }
        }
    }

    fn propose(&mut self, commands: impl IntoIterator<Item = Bytes>) {
        let commands = commands.into_iter().collect();
        self.nodes[0].step(Input::Request(Request::Propose { id: RequestId(0), commands }));
    }

    /// Everything proposed is committed everywhere.
    fn check(&self, committed_before: u64, entries: u64) {
        for node in &self.nodes {
            assert_eq!(node.committed, committed_before + entries);
        }
    }
}

fn append(index: u64, command: &Bytes) -> Message<Bytes> {
    let term = if index == 1 { Term(0) } else { Term(1) };
    let entry = Entry { term: Term(1), payload: Payload::Command(command.clone()) };
    Message::Append {
        term: Term(1),
        prev: Position { term, index: Index(index - 1) },
        entries: [entry].into_iter().collect(),
        commit: Index(index - 1),
    }
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    group.throughput(Throughput::Elements(1));
    let command = command(16);

    group.bench_function("follower appends one entry of 16 B", |bencher| {
        let (mut follower, mut network, mut index) = (Driven::new(2), VecDeque::new(), 0);
        bencher.iter(|| {
            index += 1;
            let message = append(index, &command);
            follower.step(Input::Message { from: NodeId(1), message });
            follower.settle(&mut network);
            network.clear();
        });
        assert_eq!(follower.node.last().index, Index(index));
    });

    group.bench_function("leader takes one proposal of 16 B", |bencher| {
        let mut cluster = Cluster::elected();
        bencher.iter_custom(|rounds| {
            let mut spent = std::time::Duration::ZERO;
            let mut left = rounds;
            while left > 0 {
                let now = left.min(BATCH);
                let begun = std::time::Instant::now();
                for _ in 0..now {
                    cluster.propose([command.clone()]);
                }
                spent += begun.elapsed();
                cluster.pump();
                left -= now;
            }
            spent
        });
    });

    group.bench_function("follower refuses a proposal", |bencher| {
        let (mut follower, mut network) = (Driven::new(2), VecDeque::new());
        bencher.iter(|| {
            let commands = [command.clone()].into_iter().collect();
            follower.step(Input::Request(Request::Propose { id: RequestId(0), commands }));
            follower.settle(&mut network);
        });
    });

    group.bench_function("a stranger is rejected", |bencher| {
        let (mut follower, mut network) = (Driven::new(2), VecDeque::new());
        bencher.iter(|| {
            follower.step(Input::Message { from: NodeId(9), message: append(1, &command) });
            follower.settle(&mut network);
        });
    });
    group.finish();
}

/// From proposal to committed and told on all three.
fn commits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    for bytes in [16, 1024] {
        let command = command(bytes);
        group.throughput(Throughput::Elements(1));
        group.bench_with_input(BenchmarkId::new("one by one", bytes), &command, |bencher, command| {
            let mut cluster = Cluster::elected();
            let (before, mut entries) = (cluster.nodes[0].committed, 0);
            bencher.iter(|| {
                cluster.propose([command.clone()]);
                cluster.pump();
                entries += 1;
            });
            cluster.check(before, entries);
        });
        group.throughput(Throughput::Elements(BATCH));
        group.bench_with_input(BenchmarkId::new("64 proposals", bytes), &command, |bencher, command| {
            let mut cluster = Cluster::elected();
            let (before, mut entries) = (cluster.nodes[0].committed, 0);
            bencher.iter(|| {
                for _ in 0..BATCH {
                    cluster.propose([command.clone()]);
                }
                cluster.pump();
                entries += BATCH;
            });
            cluster.check(before, entries);
        });
        group.bench_with_input(
            BenchmarkId::new("one proposal of 64", bytes),
            &command,
            |bencher, command| {
                let mut cluster = Cluster::elected();
                let (before, mut entries) = (cluster.nodes[0].committed, 0);
                bencher.iter(|| {
                    cluster.propose((0..BATCH).map(|_| command.clone()));
                    cluster.pump();
                    entries += BATCH;
                });
                cluster.check(before, entries);
            },
        );
    }
    group.finish();
}

criterion_group!(benches, steps, commits);
criterion_main!(benches);
