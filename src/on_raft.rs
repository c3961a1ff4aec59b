//! Any durable machine on a Raft group: its disk is the replicated log, and a crash of any minority is none of its own.
//!
//! A coordinator of transactions that dies with its disk leaves its participants in doubt. On Raft it is a *life* led
//! by whoever leads the group: what it persists is proposed, and what it says waits until that is committed. When the
//! leader dies the next one recovers the machine from what is committed, as after any crash, and goes on under the
//! same name. The machine is the shipped one, unchanged; it needs nothing but [`Recover`] and the sizes of its
//! records ([`Replicated`]).
//!
//! | file | concern |
//! |---|---|
//! | `api.rs` | messages, timers, what the application is told |
//! | `change.rs` | what a step changed, as one command of the log |
//! | `config.rs` | what a replica is told, and every bound |
//! | `replica.rs` | Raft and the machine above it, one step at a time |
//! | `life.rs` | the machine while this replica leads, and what waits for commits |
//! | `outsider.rs` | a machine outside of the group that speaks with the one on it |
//! | `permute.rs` | a replica renamed: for checks |
//!
//! # What is held and what is free
//! Nothing of the machine's own is free here. A free effect is safe before a record *of the same life* is durable; but
//! a leader that was deposed and does not know goes on for a while beside its successor, and says of what the successor
//! did that it knows nothing. So whatever a step says waits for an entry of that step, with the step's records or
//! empty, to be committed: only who still leads says anything. (A read through the log; Ongaro's thesis, 6.4.) Raft's own
//! effects are as free as they are.
//!
//! # What is durable
//! The records of one step become durable together: a step is a command. Every replica keeps what is committed as an
//! [`Image`], in memory, and a new leader recovers from it once an entry of its own term is committed and all before it
//! is taken. The log is Raft's: this layer never shortens it, and a replica that restarts takes it from the beginning.
//!
//! # Names
//! The machine on the group has a name of its own that is no replica's ([`Member::name`]). Nodes outside send to every
//! replica what they send to that name, and take what any replica says as said by it: [`Outsider`] does both. A
//! replica that does not lead drops what comes; messages are lost anyway.
//!
//! ```
//! use std::sync::Arc;
//! use quorate::commit::{self, Coordinator};
//! use quorate::durable::{Image, Recover};
//! use quorate::id::{ClusterId, NodeId};
//! use quorate::ledger::{LedgerOf, Output};
//! use quorate::machine::{Input, Machine};
//! use quorate::on_raft::{Member, Notice, OnRaft, Timer};
//! use quorate::raft;
//! use quorate::time::Time;
//!
//! type Replica = OnRaft<Coordinator<u64>>;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A group of one, for short.
//! let (me, name, account) = (NodeId(1), NodeId(100), NodeId(2));
//! let mut raft = raft::Config::new(ClusterId(1), [me]);
//! raft.pre_vote = false;
//! let raft = raft::Member { me, config: Arc::new(raft) };
//! let members = Arc::new(commit::Config::new(ClusterId(1), [name, account]));
//! let member = Member::new(raft, name, commit::Member { me: name, config: members });
//!
//! let mut disk = Image::default();
//! let mut replica = Replica::recover(member, &disk, 0)?;
//! let mut ledger = LedgerOf::<Replica>::new(me);
//! let mut inputs = vec![Input::Timer(Timer::Raft(raft::Timer::Election)), Input::Start];
//! let mut leads = false;
//! while let Some(input) = inputs.pop() {
//!     replica.step(input, &mut ledger.port(Time::ZERO, || 0));
//!     if let Some(batch) = ledger.begin_batch(usize::MAX) {
//!         for record in ledger.batch() {
//!             disk.apply(record.clone())?;
//!         }
//!         ledger.complete(batch);
//!     }
//!     while let Some(output) = ledger.next_output() {
//!         match output {
//!             Output::Loopback(message) => inputs.push(Input::Message { from: me, message }),
//!             Output::Notify(Notice::Leads { .. }) => leads = true,
//!             _ => {}
//!         }
//!     }
//! }
//! assert!(leads); // and the coordinator takes requests
//! # Ok(())
//! # }
//! ```

mod api;
mod change;
mod config;
mod life;
mod outsider;
mod permute;
mod replica;

use crate::durable::{Image, Recover};
use crate::fixed::Fixed;
use crate::machine::{Machine, RecordOf};
use crate::raft::Raft;

pub use api::{Message, Notice, Timer};
pub use change::Change;
pub use config::{ConfigError, Group, Member};
pub use outsider::Outsider;

use config::Setting;
use life::Life;

/// A machine that can stand on Raft: one that recovers, and whose records have sizes.
pub trait Replicated: Recover<Config: Clone, Cell: Clone + PartialEq, Entry: Clone + PartialEq> {
    /// The size of a record in bytes, as counted against the limits of [`raft::Config`](crate::raft::Config).
    fn size_bytes(record: &RecordOf<Self>) -> usize;
}

/// A replica of machine `M`.
pub type OnRaft<M> = Replica<
    M,
    <M as Machine>::Config,
    <M as Machine>::Cell,
    <M as Machine>::Entry,
    <M as Machine>::Message,
    <M as Machine>::Notice,
>;

/// The command of the log on which machine `M` stands.
pub type ChangeOf<M> = Change<<M as Machine>::Cell, <M as Machine>::Entry>;

/// The messages that replicas of machine `M` and the nodes around them exchange.
pub type MessageOf<M> = Message<ChangeOf<M>, <M as Machine>::Message>;

/// A replica: one Raft node, what is committed and, while it leads, a life of the machine. See [`OnRaft`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replica<M, F, V, E, X, N> {
    raft: Raft<Change<V, E>>,
    setting: Fixed<Setting<F>>,
    /// What is committed, as far as this replica was told.
    image: Image<V, E>,
    /// Whether that makes no sense to the machine.
    corrupt: bool,
    life: Option<Life<M, X, N>>,
}

/// What a replica looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<M: Replicated> OnRaft<M> {
    /// The Raft node below.
    #[must_use]
    pub const fn raft(&self) -> &Raft<ChangeOf<M>> {
        &self.raft
    }

    /// What is committed, as far as this replica was told.
    #[must_use]
    pub const fn committed(&self) -> &Image<M::Cell, M::Entry> {
        &self.image
    }

    /// The machine above, while this replica leads. It runs ahead of what is committed.
    #[must_use]
    pub fn machine(&self) -> Option<&M> {
        self.life.as_ref().map(|life| &life.machine)
    }

    /// How many steps of the machine wait for their commits.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.life.as_ref().map_or(0, |life| life.waiting.len())
    }

    /// Checks the replica's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        self.raft.check()?;
        let Some(life) = &self.life else { return Ok(()) };
        if !self.raft.is_leader() || self.raft.term() != life.term {
            return Err("a life goes on without leading");
        }
        let (told, last) = (self.raft.noticed(), self.raft.last().index);
        let ascends = life.waiting.iter().is_sorted_by(|a, b| a.index < b.index);
        if !ascends || life.waiting.iter().any(|waiting| waiting.index <= told || waiting.index > last) {
            return Err("what waits for a commit is out of order, committed already, or not proposed");
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec;

    use super::*;
    use crate::durable::{Corrupt, Record, Stored};
    use crate::id::{CellId, ClusterId, NodeId};
    use crate::ledger::{LedgerOf, Output};
    use crate::machine::{Context, Input, InputOf, Never};
    use crate::raft;
    use crate::time::Time;

    const COUNT: CellId = CellId(0);

    /// Counts requests, durably.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Counter(u64);

    impl Machine for Counter {
        type Config = ();
        type Message = u8;
        type Timer = Never;
        type Request = ();
        type Cell = u64;
        type Entry = Never;
        type Notice = u64;

        fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
            if let Input::Request(()) = input {
                self.0 = self.0.saturating_add(1);
                cx.persist(Record::Put { cell: COUNT, value: self.0 });
                cx.notify(self.0);
            }
        }
    }

    impl Recover for Counter {
        fn recover(
            (): (),
            stored: &(impl Stored<u64, Never> + ?Sized),
            _applied: u64,
        ) -> Result<Self, Corrupt> {
            Ok(Self(stored.cell(COUNT)?.unwrap_or(0)))
        }

        fn agrees_with(&self, image: &Image<u64, Never>) -> Result<(), &'static str> {
            let durable = image.get(COUNT).copied().unwrap_or(0);
            if durable == self.0 { Ok(()) } else { Err("the count differs") }
        }
    }

    impl Replicated for Counter {
        fn size_bytes(_record: &RecordOf<Self>) -> usize {
            8
        }
    }

    type Node = OnRaft<Counter>;

    /// A replica alone in its group that leads, and one step of whose machine waits for its commit.
    fn leading() -> Node {
        let (me, name) = (NodeId(1), NodeId(100));
        let mut config = raft::Config::new(ClusterId(1), [me]);
        config.pre_vote = false;
        let member = Member::new(raft::Member { me, config: Arc::new(config) }, name, ());
        let mut node = Node::recover(member, &Image::default(), 0).unwrap();
        let mut ledger = LedgerOf::<Node>::new(me);
        let mut inputs = vec![Input::Timer(Timer::Raft(raft::Timer::Election)), Input::Start];
        while let Some(input) = inputs.pop() {
            node.step(input, &mut ledger.port(Time::ZERO, || 0));
            while let Some(batch) = ledger.begin_batch(usize::MAX) {
                ledger.complete(batch);
            }
            while let Some(output) = ledger.next_output() {
                if let Output::Loopback(message) = output {
                    inputs.push(Input::Message { from: me, message });
                }
            }
        }
        node.step(Input::Request(()), &mut ledger.port(Time::ZERO, || 0));
        node
    }

    #[test]
    fn a_life_that_does_not_fit_its_replica_is_found() {
        let replica = leading();
        assert_eq!((replica.check(), replica.waiting()), (Ok(()), 1));
        let finds = |change: fn(&mut Node)| {
            let mut changed = replica.clone();
            change(&mut changed);
            changed.check().is_err()
        };
        assert!(finds(|node| node.life.as_mut().unwrap().term.0 += 1), "it leads another term");
        assert!(
            finds(|node| node.life.as_mut().unwrap().waiting[0].index = node.raft.noticed()),
            "committed"
        );
        assert!(finds(|node| node.life.as_mut().unwrap().waiting[0].index.0 += 1), "not proposed");
        assert!(
            finds(|node| {
                let waiting = &mut node.life.as_mut().unwrap().waiting;
                waiting.push_back(waiting[0].clone());
            }),
            "waits twice"
        );
    }
}
