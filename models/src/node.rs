//! One node of a world: its machine behind the shipped ledger, its disk, and what its driver owes it.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use quorate::durable::{Image, Misfit};
use quorate::id::{LogId, NodeId, Permutation, Permute};
use quorate::ledger::{Held, LedgerOf, Output};
use quorate::machine::{Context, Effect, EffectOf, InputOf, Machine, RecordOf};
use quorate::time::{Delay, Time};
use smallvec::SmallVec;

use crate::hash::fingerprint;
use crate::spec::{CellOf, EntryOf, MessageOf, Spec, TimerOf};

/// What is on disk.
pub type ImageOf<S> = Image<CellOf<S>, EntryOf<S>>;

/// An input that the node's own driver owes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "what a ledger hands back, no more")]
pub enum Owed<M, E> {
    /// What the node sent to itself.
    Loopback(M),
    /// What it asked to read back.
    Loaded {
        /// The log that was read.
        log: LogId,
        /// The first index.
        from: u64,
        /// What was there.
        entries: Vec<E>,
    },
}

impl<M: Permute, E: Permute> Permute for Owed<M, E> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Loopback(message) => message.permute(by),
            Self::Loaded { entries, .. } => entries.permute(by),
        }
    }
}

/// A disk with its fingerprint, once somebody asked for it: it changes far less often than the machine before it.
#[derive(Clone, Debug)]
pub struct Disk<V, E> {
    fingerprint: OnceLock<u64>,
    image: Image<V, E>,
}

impl<V, E> Disk<V, E> {
    const fn new(image: Image<V, E>) -> Self {
        Self { fingerprint: OnceLock::new(), image }
    }
}

impl<V: Hash, E: Hash> Disk<V, E> {
    fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| fingerprint(&self.image))
    }
}

impl<V: PartialEq, E: PartialEq> PartialEq for Disk<V, E> {
    fn eq(&self, other: &Self) -> bool {
        self.image == other.image
    }
}

impl<V: Eq, E: Eq> Eq for Disk<V, E> {}

/// The state of one node.
pub struct Node<S: Spec> {
    /// The machine.
    pub machine: S::Machine,
    /// What it emitted and what has not left yet; nothing in it is ready between two actions.
    pub ledger: LedgerOf<S::Machine>,
    /// Inputs owed to it, in order.
    pub inbox: VecDeque<Owed<MessageOf<S>, EntryOf<S>>>,
    /// The last index that the application has applied for good.
    pub applied: u64,
    /// Its clock; stands still where the machine reads none.
    pub now: Time,
    disk: Arc<Disk<CellOf<S>, EntryOf<S>>>,
}

impl<S: Spec> Node<S> {
    /// A node whose machine has just begun to run, with what its disk holds.
    #[must_use]
    pub fn new(id: NodeId, machine: S::Machine, image: ImageOf<S>, applied: u64, now: Time) -> Self {
        let disk = Arc::new(Disk::new(image));
        Self { machine, ledger: LedgerOf::<S::Machine>::new(id), inbox: VecDeque::new(), applied, now, disk }
    }

    /// What is on disk.
    #[must_use]
    pub fn disk(&self) -> &ImageOf<S> {
        &self.disk.image
    }

    /// Makes records durable.
    ///
    /// # Errors
    /// [`Misfit`], where a record does not fit what is there.
    pub fn write(&mut self, records: impl IntoIterator<Item = RecordOf<S::Machine>>) -> Result<(), Misfit> {
        let mut image = self.disk.image.clone();
        records.into_iter().try_for_each(|record| image.apply(record))?;
        self.disk = Arc::new(Disk::new(image));
        Ok(())
    }

    /// Whether the disk, once everything held is durable, says what the machine holds to be durable.
    ///
    /// # Errors
    /// The property that falls.
    pub(crate) fn check_durable(&self, spec: &S) -> Result<(), &'static str> {
        let mut records = self.records().peekable();
        if records.peek().is_none() {
            return spec.agrees(&self.machine, &self.disk.image).map_err(|_| UNRECOVERABLE);
        }
        let mut image = self.disk.image.clone();
        for record in records {
            image.apply(record.clone()).map_err(|_| MISFIT)?;
        }
        spec.agrees(&self.machine, &image).map_err(|_| UNRECOVERABLE)
    }

    /// The records that are not durable yet.
    pub fn records(&self) -> impl Iterator<Item = &RecordOf<S::Machine>> {
        self.ledger.held().filter_map(|held| match held {
            Held::Record(record) => Some(record),
            Held::Output(_) => None,
        })
    }

    /// How many sends wait for a record.
    #[must_use]
    pub fn held_sends(&self) -> usize {
        self.ledger.held().filter(|held| matches!(held, Held::Output(Output::Send { .. }))).count()
    }

    /// Lengths of the prefixes of what is held after which a crash makes a difference.
    ///
    /// A cut among sends equals the cut behind them, with those messages lost, and loss is free; what a node
    /// would have been told (loopbacks, loads) is lost with it anyway. So a cut matters only before a record,
    /// before a notice, and at the end.
    pub fn cuts(&self) -> impl Iterator<Item = usize> {
        let before = self.ledger.held().enumerate().filter_map(|(at, held)| match held {
            Held::Record(_) | Held::Output(Output::Notify(_)) => Some(at),
            Held::Output(_) => None,
        });
        before.chain([self.ledger.held().len()])
    }

    /// Steps the machine; its effects go to the ledger.
    pub(crate) fn step(&mut self, input: InputOf<S::Machine>, script: &[u32]) -> Stepped<TimerOf<S>> {
        let stepped = Stepped { asked: Vec::new(), armed: SmallVec::new() };
        let mut port = Scripted::<S> { ledger: &mut self.ledger, now: self.now, script, stepped };
        self.machine.step(input, &mut port);
        port.stepped
    }
}

/// The property that says: after each step, recovery from what was emitted equals what is held durable.
pub const UNRECOVERABLE: &str = "recovery equals the durable state";
/// The property that says: each record fits the durable state it is applied to.
pub const MISFIT: &str = "records fit the disk";

/// The timers that a step set, with the range of each delay, in order.
pub(crate) type Armed<T> = SmallVec<[(T, Delay); 1]>;

/// What a step asked for, beyond its effects.
pub(crate) struct Stepped<T> {
    /// The `upto` of each choice.
    pub(crate) asked: Vec<u32>,
    /// The timers it set.
    pub(crate) armed: Armed<T>,
}

/// The context of a step in a world: choices from a script, no jitter.
struct Scripted<'a, S: Spec> {
    ledger: &'a mut LedgerOf<S::Machine>,
    now: Time,
    script: &'a [u32],
    stepped: Stepped<TimerOf<S>>,
}

impl<S: Spec> Context<S::Machine> for Scripted<'_, S> {
    fn now(&self) -> Time {
        self.now
    }

    fn choose(&mut self, upto: u32) -> u32 {
        if upto < 2 {
            return 0;
        }
        let asked = &mut self.stepped.asked;
        let scripted = self.script.get(asked.len()).copied().unwrap_or(0);
        asked.push(upto);
        scripted.checked_rem(upto).unwrap_or(0)
    }

    fn emit(&mut self, effect: EffectOf<S::Machine>) {
        if let Effect::SetTimer { timer, after } = &effect {
            self.stepped.armed.push((*timer, *after));
        }
        // Any expiry at any time is safe, so explorers fire timers as they like and jitter would only split
        // states that behave alike.
        let mut port = self.ledger.port(self.now, || 0);
        Context::<S::Machine>::emit(&mut port, effect);
    }
}

impl<S: Spec> Clone for Node<S> {
    fn clone(&self) -> Self {
        Self {
            machine: self.machine.clone(),
            ledger: self.ledger.clone(),
            inbox: self.inbox.clone(),
            applied: self.applied,
            now: self.now,
            disk: Arc::clone(&self.disk),
        }
    }
}

impl<S: Spec> PartialEq for Node<S> {
    fn eq(&self, other: &Self) -> bool {
        self.machine == other.machine
            && self.ledger == other.ledger
            && self.inbox == other.inbox
            && self.applied == other.applied
            && self.now == other.now
            && self.disk == other.disk
    }
}

impl<S: Spec> Eq for Node<S> {}

impl<S: Spec> Hash for Node<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.machine.hash(state);
        self.ledger.hash(state);
        self.inbox.hash(state);
        self.applied.hash(state);
        self.now.hash(state);
        state.write_u64(self.disk.fingerprint());
    }
}

impl<S: Spec> fmt::Debug for Node<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("machine", &self.machine)
            .field("held", &self.ledger.held().collect::<Vec<_>>())
            .field("timers", &self.ledger.timers().iter().map(|(timer, _)| timer).collect::<Vec<_>>())
            .field("inbox", &self.inbox)
            .field("disk", &self.disk.image)
            .field("applied", &self.applied)
            .finish()
    }
}

impl<S: Spec> Permute for Node<S> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.machine.permute(by);
        self.ledger.permute(by);
        self.ledger.canonicalise();
        self.inbox.iter_mut().for_each(|owed| owed.permute(by));
        let mut image = self.disk.image.clone();
        image.permute(by);
        self.disk = Arc::new(Disk::new(image));
    }
}

/// A node that no longer changes, with what would be costly to compute again for each world it is part of,
/// once somebody asked for it: a simulation never does.
pub struct Frozen<S: Spec> {
    fingerprint: OnceLock<u64>,
    signature: OnceLock<u64>,
    held_sends: usize,
    node: Node<S>,
}

impl<S: Spec> Frozen<S> {
    /// Freezes a node.
    #[must_use]
    pub fn new(node: Node<S>) -> Self {
        let held_sends = node.held_sends();
        Self { fingerprint: OnceLock::new(), signature: OnceLock::new(), held_sends, node }
    }

    /// The fingerprint of the whole node.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| fingerprint(&self.node))
    }

    /// A summary that renaming nodes leaves as it is.
    #[must_use]
    pub fn signature(&self, spec: &S) -> u64 {
        *self.signature.get_or_init(|| {
            fingerprint(&(
                spec.signature(&self.machine),
                self.ledger.held().len(),
                self.held_sends,
                self.inbox.len(),
                self.applied,
                self.now,
                self.ledger.timers(),
            ))
        })
    }

    /// How many sends wait for a record.
    #[must_use]
    pub const fn held_sends(&self) -> usize {
        self.held_sends
    }

    /// The same node under other names.
    #[must_use]
    pub(crate) fn renamed(&self, by: &Permutation<'_>) -> Self {
        let mut node = self.node.clone();
        node.permute(by);
        Self {
            fingerprint: OnceLock::new(),
            signature: self.signature.clone(),
            held_sends: self.held_sends,
            node,
        }
    }
}

impl<S: Spec> std::ops::Deref for Frozen<S> {
    type Target = Node<S>;

    fn deref(&self) -> &Node<S> {
        &self.node
    }
}

impl<S: Spec> fmt::Debug for Frozen<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl<S: Spec> PartialEq for Frozen<S> {
    fn eq(&self, other: &Self) -> bool {
        let print = |node: &Self| node.fingerprint.get().copied();
        print(self).zip(print(other)).is_none_or(|(one, other)| one == other) && self.node == other.node
    }
}

impl<S: Spec> Eq for Frozen<S> {}
