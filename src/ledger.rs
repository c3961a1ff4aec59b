//! The ledger: what leaves when. Shared by every driver, by the simulator and by the checker.
//!
//! It stands between a machine and its driver, and does no I/O itself:
//! - it holds back *held* effects until every record before them is durable, and lets *free* ones go at once;
//! - it groups records into batches, so that one sync serves many steps (group commit);
//! - it keeps the timers, replaces and cancels them, and says which is due.
//!
//! A driver's loop, whatever its runtime:
//! 1. [`Machine::step`] with a [`Port`] from [`Ledger::port`];
//! 2. drain [`Ledger::next_output`] and carry each [`Output`] out;
//! 3. if none is being written, [`Ledger::begin_batch`], write [`Ledger::batch`] and sync;
//!    then [`Ledger::complete`] and go to 2, or [`Ledger::complete_into`], which does both;
//! 4. wait for a message, a request, the completion, or [`Ledger::next_due`].

#[cfg(feature = "arbitrary")]
mod any;
#[cfg(feature = "serde")]
mod serial;
mod timers;

use alloc::collections::VecDeque;

use crate::durable::Record;
use crate::id::{LogId, NodeId, Permutation, Permute};
use crate::machine::{Context, Effect, EffectOf, Machine, RecordOf, Release};
use crate::time::{Delay, Time};

pub use timers::Timers;

/// What a driver is to do now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "a driver that skipped an output would break the machine")]
pub enum Output<M, N> {
    /// Send a message to another node. It may be lost; it must not be sent to the node itself.
    Send {
        /// The receiver.
        to: NodeId,
        /// What to say.
        message: M,
    },
    /// Feed this back to the machine as a message from itself, after the outputs before it. Always held.
    Loopback(M),
    /// Tell the application.
    Notify(N),
    /// Read a range of a log and feed it back as [`Input::Loaded`](crate::machine::Input::Loaded).
    Load {
        /// The log to read.
        log: LogId,
        /// The first index wanted.
        from: u64,
        /// The last index wanted.
        upto: u64,
    },
}

/// The outputs of machine `Mc`.
pub type OutputOf<Mc> = Output<<Mc as Machine>::Message, <Mc as Machine>::Notice>;

/// The ledger of machine `Mc`.
pub type LedgerOf<Mc> = Ledger<
    <Mc as Machine>::Message,
    <Mc as Machine>::Timer,
    <Mc as Machine>::Cell,
    <Mc as Machine>::Entry,
    <Mc as Machine>::Notice,
>;

/// An effect that waits for durability: a record, or what must not leave before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "explorers handle both sides")]
pub enum Held<M, V, E, N> {
    /// A record, not yet durable.
    Record(Record<V, E>),
    /// What waits for the records before it.
    Output(Output<M, N>),
}

/// Proof that a batch was begun; hand it to [`Ledger::complete`] once the batch is durable.
///
/// Dropping it instead (the write failed) leaves the ledger waiting for ever, which is the right answer to
/// a failed sync: what the disk holds is unknown, and only recovery can tell.
#[derive(Debug)]
#[must_use = "complete the batch once it is durable"]
pub struct Batch {
    records: usize,
}

impl Batch {
    /// How many records are in the batch; never 0.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.records
    }
}

/// Held and free effects, group commit and timers of one node. See the [module](self).
///
/// One that is deserialised while a batch was under way waits for ever, as if the write had failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ledger<M, T, V, E, N> {
    me: NodeId,
    /// In order of emission. Never starts with an output: that would be ready.
    held: VecDeque<Held<M, V, E, N>>,
    /// Records at the front of `held` that are being written.
    writing: usize,
    /// What may leave now, in order.
    ready: VecDeque<Output<M, N>>,
    timers: Timers<T>,
}

impl<M, T: Copy + Ord, V, E, N> Ledger<M, T, V, E, N> {
    /// The ledger of node `me`, with nothing in it: a node's life begins and, after a crash, ends so.
    #[must_use]
    pub fn new(me: NodeId) -> Self {
        Self { me, held: VecDeque::new(), writing: 0, ready: VecDeque::new(), timers: Timers::new() }
    }

    /// A context for one step at `now`. `draw` gives the choices and the jitter: random numbers, uniform
    /// over all of `u32`.
    pub fn port<D: FnMut() -> u32>(&mut self, now: Time, draw: D) -> Port<'_, M, T, V, E, N, D> {
        Port { ledger: self, now, draw }
    }

    /// Takes one effect of a step at `now`; `draw` places a timer within its delay.
    fn admit(&mut self, effect: Effect<M, T, V, E, N>, now: Time, draw: &mut impl FnMut() -> u32) {
        match effect {
            Effect::Persist(record) => self.persist(record),
            Effect::SetTimer { timer, after } => self.set_timer(timer, after, now, draw),
            Effect::CancelTimer(timer) => self.timers.cancel(timer),
            Effect::Send { to, message, release } => self.send(to, message, release),
            Effect::Notify { notice, release } => self.place(Output::Notify(notice), release),
            Effect::Load { log, from, upto } => self.place(Output::Load { log, from, upto }, Release::Held),
        }
    }

    fn set_timer(&mut self, timer: T, after: Delay, now: Time, draw: &mut impl FnMut() -> u32) {
        let jitter = if after.max > after.min { draw() } else { 0 };
        self.timers.set(timer, now.after(after.at(jitter)));
    }

    #[inline]
    fn persist(&mut self, record: Record<V, E>) {
        self.held.push_back(Held::Record(record));
    }

    #[inline]
    fn send(&mut self, to: NodeId, message: M, release: Release) {
        if to == self.me {
            // Always held: a machine counts on what it hears from itself, so that must be durable.
            self.place(Output::Loopback(message), Release::Held);
        } else {
            self.place(Output::Send { to, message }, release);
        }
    }

    #[inline]
    fn place(&mut self, output: Output<M, N>, release: Release) {
        if release == Release::Free || self.held.is_empty() {
            self.ready.push_back(output);
        } else {
            self.held.push_back(Held::Output(output));
        }
    }

    /// The next thing to do, if there is one now.
    #[inline]
    pub fn next_output(&mut self) -> Option<Output<M, N>> {
        self.ready.pop_front()
    }

    /// Begins to write the records held, `at_most` of them: `None` if that is none, or a batch is under way.
    #[inline]
    pub fn begin_batch(&mut self, at_most: usize) -> Option<Batch> {
        if self.writing > 0 || self.held.is_empty() {
            return None;
        }
        let records = self.held.iter().filter(|held| matches!(held, Held::Record(_)));
        self.writing = records.take(at_most).count();
        (self.writing > 0).then_some(Batch { records: self.writing })
    }

    /// The records of the batch under way, in the order in which they must become durable.
    ///
    /// They may become durable together or one by one, but never a later one before an earlier one.
    pub fn batch(&self) -> impl Iterator<Item = &Record<V, E>> {
        let records = self.held.iter().filter_map(|held| match held {
            Held::Record(record) => Some(record),
            Held::Output(_) => None,
        });
        records.take(self.writing)
    }

    /// The batch, begun by this very ledger, is durable: releases what waited for it.
    pub fn complete(&mut self, batch: Batch) {
        let mut durable = batch.records.min(self.writing);
        self.writing = 0;
        while let Some(held) = self.next_released(&mut durable) {
            if let Held::Output(output) = held {
                self.ready.push_back(output);
            }
        }
    }

    /// As [`complete`](Self::complete), and hands over at once what may leave: what [`next_output`](Self::next_output)
    /// would give, in the same order, and each record of the batch in its place among that.
    ///
    /// It saves a driver the queue in between. A store in memory may take the records as they come: each is there before
    /// what waited for it. A [loopback](Output::Loopback) is fed to the machine once this has returned, before anything
    /// that leaves later.
    #[inline]
    pub fn complete_into(&mut self, batch: Batch, mut take: impl FnMut(Held<M, V, E, N>)) {
        let mut durable = batch.records.min(self.writing);
        self.writing = 0;
        while let Some(output) = self.ready.pop_front() {
            take(Held::Output(output));
        }
        while let Some(held) = self.next_released(&mut durable) {
            take(held);
        }
    }

    /// Takes what is held first, if it waits for no more than so many `durable` records.
    #[inline]
    fn next_released(&mut self, durable: &mut usize) -> Option<Held<M, V, E, N>> {
        if let Held::Record(_) = self.held.front()? {
            *durable = durable.checked_sub(1)?;
        }
        self.held.pop_front()
    }

    /// Whether any record waits to become durable.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// Everything that waits, in order: what a crash may cut at any prefix.
    pub fn held(&self) -> impl ExactSizeIterator<Item = &Held<M, V, E, N>> + DoubleEndedIterator {
        self.held.iter()
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.timers.next_due()
    }

    /// Takes a timer that is due at `now`: feed it to the machine. The earliest first.
    pub fn expire(&mut self, now: Time) -> Option<T> {
        self.timers.expire(now)
    }

    /// The timers.
    #[must_use]
    pub const fn timers(&self) -> &Timers<T> {
        &self.timers
    }

    /// The timers, for an explorer that fires them as it likes.
    pub const fn timers_mut(&mut self) -> &mut Timers<T> {
        &mut self.timers
    }
}

impl<M: Ord, T, V, E, N> Ledger<M, T, V, E, N> {
    /// Sorts each run of held sends and drops the duplicates in it, for explorers whose network reorders and
    /// duplicates anyway: no node can tell the difference. Records, notices, loads and loopbacks keep their
    /// places.
    pub fn canonicalise(&mut self) {
        if self.held.len() < 2 {
            return;
        }
        let held = self.held.make_contiguous();
        for run in held.chunk_by_mut(|a, b| a.as_send().is_some() && b.as_send().is_some()) {
            run.sort_by(|a, b| a.as_send().cmp(&b.as_send()));
        }
        let mut index = 1;
        while index < self.held.len() {
            let repeated = match (self.held.get(index - 1), self.held.get(index)) {
                (Some(before), Some(here)) => here.as_send().is_some() && before.as_send() == here.as_send(),
                _ => false,
            };
            if repeated {
                self.held.remove(index);
            } else {
                index += 1;
            }
        }
    }
}

impl<M, V, E, N> Held<M, V, E, N> {
    fn as_send(&self) -> Option<(NodeId, &M)> {
        match self {
            Self::Output(Output::Send { to, message }) => Some((*to, message)),
            _ => None,
        }
    }
}

/// The context that a ledger gives to one step.
#[derive(Debug)]
pub struct Port<'a, M, T, V, E, N, D> {
    ledger: &'a mut Ledger<M, T, V, E, N>,
    now: Time,
    draw: D,
}

impl<Mc, D> Context<Mc> for Port<'_, Mc::Message, Mc::Timer, Mc::Cell, Mc::Entry, Mc::Notice, D>
where
    Mc: Machine,
    D: FnMut() -> u32,
{
    fn now(&self) -> Time {
        self.now
    }

    fn choose(&mut self, upto: u32) -> u32 {
        // Scaling keeps a uniform draw uniform but for a bias below upto / 2^32.
        let scaled = (u64::from((self.draw)()) * u64::from(upto)) >> 32;
        u32::try_from(scaled).unwrap_or(0)
    }

    fn emit(&mut self, effect: EffectOf<Mc>) {
        self.ledger.admit(effect, self.now, &mut self.draw);
    }

    // What follows is what the defaults do, without an `Effect` in between: moving one about cost a third of a step.

    fn persist(&mut self, record: RecordOf<Mc>) {
        self.ledger.persist(record);
    }

    fn send(&mut self, to: NodeId, message: Mc::Message) {
        self.ledger.send(to, message, Release::Held);
    }

    fn send_free(&mut self, to: NodeId, message: Mc::Message) {
        self.ledger.send(to, message, Release::Free);
    }

    fn set_timer(&mut self, timer: Mc::Timer, after: Delay) {
        self.ledger.set_timer(timer, after, self.now, &mut self.draw);
    }

    fn notify(&mut self, notice: Mc::Notice) {
        self.ledger.place(Output::Notify(notice), Release::Held);
    }

    fn notify_free(&mut self, notice: Mc::Notice) {
        self.ledger.place(Output::Notify(notice), Release::Free);
    }
}

impl<M: Permute, T, V: Permute, E: Permute, N: Permute> Permute for Ledger<M, T, V, E, N> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.me.permute(by);
        self.ready.iter_mut().for_each(|output| output.permute(by));
        for held in &mut self.held {
            match held {
                Held::Record(record) => record.permute(by),
                Held::Output(output) => output.permute(by),
            }
        }
    }
}

impl<M: Permute, N: Permute> Permute for Output<M, N> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Send { to, message } => {
                to.permute(by);
                message.permute(by);
            }
            Self::Loopback(message) => message.permute(by),
            Self::Notify(notice) => notice.permute(by),
            Self::Load { .. } => {}
        }
    }
}
