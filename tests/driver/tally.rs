//! A small durable machine: every node counts what it is told, and tells the others until they have it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use quorate::driver::{self, Handle, Notices, Options, Store};
use quorate::durable::{Corrupt, Image, Record, Recover, Stored};
use quorate::id::{CellId, ClusterId, LogId, NodeId};
use quorate::machine::{Context, Input, InputOf, Machine};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

pub(crate) const CLUSTER: ClusterId = ClusterId(7);
pub(crate) const LOG: LogId = LogId(0);
const RETRY: Duration = Duration::from_millis(20);

/// The state: what this node was told, and how much of each other node's it has.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    me: NodeId,
    amounts: Vec<u64>,
    had: BTreeMap<NodeId, Had>,
    acked: BTreeMap<NodeId, u64>,
    done: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Had {
    pub(crate) seq: u64,
    pub(crate) total: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) me: NodeId,
    pub(crate) others: Vec<NodeId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Message {
    Copy { seq: u64, amount: u64 },
    Ack { seq: u64 },
    Padding(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Add(u64),
    Read { from: u64, upto: u64 },
    Pad { to: NodeId, bytes: usize },
    Echo,
    Panic,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Notice {
    Started { seq: u64, had: BTreeMap<NodeId, Had> },
    Done(u64),
    Entries { from: u64, entries: Vec<u64> },
    Padded(usize),
    Echo,
}

impl Machine for Tally {
    type Config = Config;
    type Message = Message;
    type Timer = ();
    type Request = Request;
    type Cell = Had;
    type Entry = u64;
    type Notice = Notice;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        match input {
            Input::Start => {
                cx.notify(Notice::Started { seq: self.amounts.len() as u64, had: self.had.clone() });
                cx.set_timer((), Delay::exactly(RETRY));
            }
            Input::Timer(()) => {
                for (&to, &acked) in self.acked.iter().filter(|&(&to, _)| to != self.me) {
                    let missing = (1..).zip(&self.amounts).skip_while(|(seq, _)| *seq <= acked);
                    for (seq, &amount) in missing.take(64) {
                        cx.send(to, Message::Copy { seq, amount });
                    }
                }
                cx.set_timer((), Delay::between(RETRY, RETRY * 2));
            }
            Input::Request(Request::Add(amount)) => {
                self.amounts.push(amount);
                let index = self.amounts.len() as u64;
                cx.persist(Record::Append { log: LOG, index, entry: amount });
                self.acked
                    .keys()
                    .filter(|&&to| to != self.me)
                    .for_each(|&to| cx.send(to, Message::Copy { seq: index, amount }));
                // To itself: comes back once the entry is durable.
                cx.send(self.me, Message::Ack { seq: index });
            }
            Input::Request(Request::Read { from, upto }) => cx.load(LOG, from, upto),
            Input::Request(Request::Pad { to, bytes }) => cx.send_free(to, Message::Padding(vec![7; bytes])),
            Input::Request(Request::Echo) => cx.notify_free(Notice::Echo),
            Input::Request(Request::Panic) => panic!("as the test asked"),
            Input::Message { from, message: Message::Copy { seq, amount } } => {
                let had = self.had.entry(from).or_default();
                if seq == had.seq + 1 {
                    *had = Had { seq, total: had.total + amount };
                    cx.persist(Record::Put { cell: cell(from), value: *had });
                }
                cx.send(from, Message::Ack { seq: had.seq });
            }
            Input::Message { from, message: Message::Ack { seq } } => {
                let acked = self.acked.entry(from).or_default();
                *acked = seq.max(*acked);
                let all = self.acked.values().copied().min().unwrap_or(0);
                (self.done + 1..=all).for_each(|seq| cx.notify(Notice::Done(seq)));
                self.done = self.done.max(all);
            }
            Input::Message { message: Message::Padding(bytes), .. } => {
                cx.notify_free(Notice::Padded(bytes.len()));
            }
            Input::Loaded { from, entries, .. } => cx.notify(Notice::Entries { from, entries }),
        }
    }
}

/// The cell of what this node has of `node`'s.
fn cell(node: NodeId) -> CellId {
    CellId(u8::try_from(node.0).expect("tests number nodes from 1"))
}

impl Tally {
    /// A new node with no peers.
    pub(crate) fn new(me: NodeId) -> Self {
        Self { me, amounts: Vec::new(), had: BTreeMap::new(), acked: BTreeMap::from([(me, 0)]), done: 0 }
    }
}

impl Recover for Tally {
    fn recover(
        config: Config,
        stored: &(impl Stored<Had, u64> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt> {
        let mut amounts = Vec::new();
        stored.entries(LOG, 1, &mut |_, amount| {
            amounts.push(amount);
            true
        })?;
        let mut had = BTreeMap::new();
        for &other in &config.others {
            had.extend(stored.cell(cell(other))?.map(|value| (other, value)));
        }
        let everyone = config.others.iter().chain([&config.me]);
        let acked = everyone.map(|&node| (node, if node == config.me { amounts.len() as u64 } else { 0 }));
        Ok(Self { me: config.me, acked: acked.collect(), amounts, had, done: applied })
    }

    fn agrees_with(&self, _image: &Image<Had, u64>) -> Result<(), &'static str> {
        Ok(())
    }
}

/// A node and what the application has of it.
pub(crate) struct Node {
    pub(crate) handle: Handle<Tally>,
    pub(crate) notices: Notices<Tally>,
}

impl Node {
    pub(crate) fn start(options: Options, store: impl Store<Had, u64> + 'static) -> Self {
        let config = Config { me: options.me, others: options.peers.keys().copied().collect() };
        let (handle, notices) = driver::start(options, config, 0, store).unwrap();
        Self { handle, notices }
    }

    /// A node alone, at its first notice.
    pub(crate) fn alone(store: impl Store<Had, u64> + 'static) -> Self {
        let node = Self::start(Options::new(NodeId(1), CLUSTER), store);
        assert!(matches!(node.next(), Notice::Started { .. }));
        node
    }

    pub(crate) fn request(&self, request: Request) {
        self.handle.request(request).unwrap();
    }

    /// The next notice; the limit only guards against hanging.
    pub(crate) fn next(&self) -> Notice {
        let notice = self.notices.recv_timeout(Duration::from_secs(60));
        notice.expect("the node runs").expect("a notice comes")
    }

    pub(crate) fn wait_done(&self, seq: u64) {
        while self.next() != Notice::Done(seq) {}
    }

    pub(crate) fn stop(self) {
        self.handle.shutdown();
        self.handle.join().unwrap();
    }
}

/// Options of nodes 1 to `count`, each with a listener on a port of its own, each a peer of the others.
pub(crate) fn cluster(count: u64) -> Vec<Options> {
    let bound: Vec<_> = (1..=count).map(|id| (NodeId(id), listener())).collect();
    let addresses: BTreeMap<_, _> =
        bound.iter().map(|(id, listener)| (*id, listener.local_addr().unwrap())).collect();
    let options = bound.into_iter().map(|(id, listener)| {
        let mut options = Options::new(id, CLUSTER);
        options.listener = Some(listener);
        options.peers = addresses.clone();
        options.peers.remove(&id);
        options
    });
    options.collect()
}

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Waits until `condition` holds; the limit only guards against hanging.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "hangs: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
