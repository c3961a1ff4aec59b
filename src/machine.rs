//! The contract that every protocol keeps: one input in, the next state and an ordered list of effects out.
//!
//! A machine does no I/O, reads no clock, draws no random number. It is driven by a loop that feeds it
//! [`Input`]s and carries out its [`Effect`]s in the order and at the time that the
//! [ledger](crate::ledger) allows.

use alloc::vec::Vec;

use crate::durable::Record;
use crate::id::{LogId, NodeId};
use crate::time::{Delay, Time};

/// A distributed protocol, or one node of it, as a pure state machine.
///
/// # Promises
/// - **Total**: [`step`](Self::step) accepts every input in every state; it never panics, overflows or loops.
/// - **Pure**: same state, same input, same time, same choices give the same state and effects, everywhere.
/// - **Only effects are truth**: state runs ahead of the disk; nothing may be answered from a getter that no
///   effect has said.
pub trait Machine: Sized {
    /// What a node is told once, at birth or recovery.
    type Config;
    /// What peers send each other; [`Never`] where there are no peers.
    type Message;
    /// The names of the machine's timers: a small finite set.
    type Timer: Copy + Ord;
    /// What the embedding application asks, with a correlation id where it awaits an answer.
    type Request;
    /// The values of its durable cells.
    type Cell;
    /// The entries of its durable logs.
    type Entry;
    /// What it tells the embedding application.
    type Notice;

    /// Takes one input and yields the next state, in place, and the effects, through `cx`.
    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C);

    /// The pure form: the next state and its effects, leaving `self` as it was.
    ///
    /// `choices` answers [`Context::choose`] in order; once it is used up every choice is 0.
    #[must_use]
    fn stepped(&self, input: InputOf<Self>, now: Time, choices: &[u32]) -> (Self, Vec<EffectOf<Self>>)
    where
        Self: Clone,
    {
        let mut next = self.clone();
        let mut cx = Recorder::new(now, choices);
        next.step(input, &mut cx);
        (next, cx.effects)
    }
}

/// What there is none of: the messages of a machine without peers, the timers of one without timers. Unlike
/// [`Infallible`](core::convert::Infallible) it can be written as data and read, as far as there is anything to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(clippy::exhaustive_enums, reason = "there is nothing to add to nothing")]
pub enum Never {}

/// Nothing is drawn; whoever asks for it is told that the bytes do not make one.
#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Never {
    fn arbitrary(_: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Err(arbitrary::Error::IncorrectFormat)
    }
}

/// What a machine can be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle every input it can feed")]
pub enum Input<M, T, R, E> {
    /// The node runs, fresh or recovered: the first input of every life. Arms the timers.
    Start,
    /// A peer's message arrived; late, duplicated or reordered as it may be. From the node itself: what it
    /// sent to itself left the ledger, so that every record before it is durable.
    Message {
        /// Who sent it, as authenticated by the driver.
        from: NodeId,
        /// What it says.
        message: M,
    },
    /// A timer expired. Any expiry at any time is safe, even one that was never set.
    Timer(T),
    /// The application asks for something.
    Request(R),
    /// What [`Effect::Load`] asked for, or as much of it as was there and fitted.
    Loaded {
        /// The log that was read.
        log: LogId,
        /// The index of the first entry in `entries`.
        from: u64,
        /// Consecutive entries; empty if there was none at `from`.
        entries: Vec<E>,
    },
}

/// When an effect may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the two sides of durability; there is no third")]
pub enum Release {
    /// Only once every record persisted before it is durable, and after every held effect before it.
    Held,
    /// At once, even if earlier records are not durable yet. Each use is a claim that the checker tests.
    Free,
}

/// What a machine asks its driver to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "a driver that skipped an effect would break the machine")]
pub enum Effect<M, T, V, E, N> {
    /// Make this record durable, after all records before it.
    Persist(Record<V, E>),
    /// Hand a message to the network, which may lose, delay, duplicate or reorder it; or, to the node
    /// itself, hand it back as an input, never through the network.
    Send {
        /// The receiver.
        to: NodeId,
        /// What to say.
        message: M,
        /// When it may leave. To the node itself it is held, whatever this says.
        release: Release,
    },
    /// Set a timer, replacing what was set under its name.
    SetTimer {
        /// Its name.
        timer: T,
        /// How long to wait.
        after: Delay,
    },
    /// Forget a timer; one that is not set is no error.
    CancelTimer(T),
    /// Tell the application.
    Notify {
        /// What to tell.
        notice: N,
        /// When it may leave.
        release: Release,
    },
    /// Read entries `from..=upto` of a log back, as one [`Input::Loaded`]: at least one entry if there is
    /// any, and no more bytes than the driver finds fit. Always held, so it sees the records before it.
    Load {
        /// The log to read.
        log: LogId,
        /// The first index wanted.
        from: u64,
        /// The last index wanted.
        upto: u64,
    },
}

/// The inputs of machine `Mc`.
pub type InputOf<Mc> =
    Input<<Mc as Machine>::Message, <Mc as Machine>::Timer, <Mc as Machine>::Request, <Mc as Machine>::Entry>;

/// The effects of machine `Mc`.
pub type EffectOf<Mc> = Effect<
    <Mc as Machine>::Message,
    <Mc as Machine>::Timer,
    <Mc as Machine>::Cell,
    <Mc as Machine>::Entry,
    <Mc as Machine>::Notice,
>;

/// The durable records of machine `Mc`.
pub type RecordOf<Mc> = Record<<Mc as Machine>::Cell, <Mc as Machine>::Entry>;

/// What a step may use of the world: the time, choices, and a place for its effects.
pub trait Context<Mc: Machine> {
    /// The node's monotonic clock. A step back never breaks safety.
    fn now(&self) -> Time;

    /// A number below `upto` (0 if `upto` is 0 or 1): random under a driver, enumerated by explorers.
    fn choose(&mut self, upto: u32) -> u32;

    /// Takes one effect; the order of calls is the order of effects.
    fn emit(&mut self, effect: EffectOf<Mc>);

    /// Emits [`Effect::Persist`].
    fn persist(&mut self, record: RecordOf<Mc>) {
        self.emit(Effect::Persist(record));
    }

    /// Emits a held [`Effect::Send`].
    fn send(&mut self, to: NodeId, message: Mc::Message) {
        self.emit(Effect::Send { to, message, release: Release::Held });
    }

    /// Emits a free [`Effect::Send`]: the caller claims that it is safe although nothing of this step is durable.
    fn send_free(&mut self, to: NodeId, message: Mc::Message) {
        self.emit(Effect::Send { to, message, release: Release::Free });
    }

    /// Emits [`Effect::SetTimer`].
    fn set_timer(&mut self, timer: Mc::Timer, after: Delay) {
        self.emit(Effect::SetTimer { timer, after });
    }

    /// Emits [`Effect::CancelTimer`].
    fn cancel_timer(&mut self, timer: Mc::Timer) {
        self.emit(Effect::CancelTimer(timer));
    }

    /// Emits a held [`Effect::Notify`].
    fn notify(&mut self, notice: Mc::Notice) {
        self.emit(Effect::Notify { notice, release: Release::Held });
    }

    /// Emits a free [`Effect::Notify`].
    fn notify_free(&mut self, notice: Mc::Notice) {
        self.emit(Effect::Notify { notice, release: Release::Free });
    }

    /// Emits [`Effect::Load`].
    fn load(&mut self, log: LogId, from: u64, upto: u64) {
        self.emit(Effect::Load { log, from, upto });
    }
}

/// A context that records: for tests, for explorers, and for [`Machine::stepped`].
#[allow(missing_debug_implementations, reason = "a machine's component types need not be Debug")]
pub struct Recorder<'a, Mc: Machine> {
    now: Time,
    script: &'a [u32],
    /// What was emitted, in order.
    pub effects: Vec<EffectOf<Mc>>,
    /// The `upto` of every choice made, in order: what an explorer needs to enumerate the other scripts.
    pub asked: Vec<u32>,
}

impl<'a, Mc: Machine> Recorder<'a, Mc> {
    /// A recorder at `now` whose choices follow `script`, then 0; a scripted value is taken modulo `upto`.
    #[must_use]
    pub const fn new(now: Time, script: &'a [u32]) -> Self {
        Self { now, script, effects: Vec::new(), asked: Vec::new() }
    }
}

impl<Mc: Machine> Context<Mc> for Recorder<'_, Mc> {
    fn now(&self) -> Time {
        self.now
    }

    fn choose(&mut self, upto: u32) -> u32 {
        let scripted = self.script.get(self.asked.len()).copied().unwrap_or(0);
        self.asked.push(upto);
        scripted.checked_rem(upto).unwrap_or(0)
    }

    fn emit(&mut self, effect: EffectOf<Mc>) {
        self.effects.push(effect);
    }
}
