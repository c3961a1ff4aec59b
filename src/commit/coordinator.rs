//! The coordinator: gathers votes, decides, and remembers what somebody may still ask.

mod api;
mod begin;
mod decide;
mod invariants;
mod recovery;
#[cfg(feature = "serde")]
mod serial;

use alloc::collections::VecDeque;

use smallvec::SmallVec;

use super::config::{Config, ConfigError, Member};
use super::ids::{Mode, Outcome, TxId, Vote};
use super::journal::Journal;
use super::message::Message;
use super::{Rejection, Work};
use crate::fixed::Fixed;
use crate::id::{NodeId, Permutation, Permute};
use crate::machine::{Context, Input, InputOf, Machine};

pub use api::{Notice, Refusal, Request, Timer};
pub(super) use recovery::identified;
pub use recovery::{Cell, Entry, IDENTITY, RESERVED};

/// The coordinator of any number of transactions. See [the module](crate::commit).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Coordinator<W> {
    me: NodeId,
    config: Fixed<Config>,
    /// Whether this node's identity has been emitted to disk.
    identified: bool,
    /// The number of the next transaction.
    next: u64,
    /// Numbers up to here will never be given out after a crash.
    reserved: u64,
    /// Those that are not forgotten, ascending by number.
    transactions: VecDeque<Transaction<W>>,
    /// Bytes of work held.
    bytes: usize,
    journal: Journal,
}

/// A transaction that is not forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Transaction<W> {
    number: u64,
    mode: Mode,
    phase: Phase,
    /// The participants, ascending; once it is decided only those whose acknowledgement is awaited.
    branches: SmallVec<[Branch<W>; 4]>,
    /// Whether the timer of the votes has expired since it began.
    waited: bool,
    /// Whether the timer of resends has expired since it was last said.
    unanswered: bool,
    /// Where the journal tells of it.
    at: Option<u64>,
}

/// One participant of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Branch<W> {
    node: NodeId,
    /// What it is asked to do; none once it has voted.
    work: Option<W>,
    vote: Option<Vote>,
}

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "before, after, and where another decides")]
pub enum Phase {
    /// Its only participant decides.
    OnePhase,
    /// Votes are gathered.
    Collecting,
    /// It is decided, and acknowledgements are awaited.
    Decided(Outcome),
}

impl<W: Work> Coordinator<W> {
    /// A node as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(member: Member) -> Result<Self, ConfigError> {
        member.config.validate(member.me)?;
        Ok(Self {
            me: member.me,
            config: Fixed(member.config),
            identified: false,
            next: 1,
            reserved: 0,
            transactions: VecDeque::new(),
            bytes: 0,
            journal: Journal::new(),
        })
    }

    fn message<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message<W>, cx: &mut Cx) {
        let tx = message.tx();
        if from == self.me {
            return reject(from, Rejection::Misdirected, cx);
        }
        if !self.config.knows(from) {
            return reject(from, Rejection::NotAMember, cx);
        }
        if tx.coordinator != self.me {
            return reject(from, Rejection::NotItsCoordinator, cx);
        }
        if tx.number == 0 || tx.number >= self.next {
            return reject(from, Rejection::NeverBegun, cx);
        }
        match message {
            Message::Vote { vote, .. } => self.on_vote(from, tx, vote, cx),
            Message::Acknowledge { took, .. } => self.on_acknowledge(from, tx, took, cx),
            Message::Inquire { mode, .. } => self.on_inquire(from, tx, mode, cx),
            Message::Answer { outcome, .. } => self.on_answer(from, tx, outcome, cx),
            Message::Prepare { .. }
            | Message::OnePhase { .. }
            | Message::Decision { .. }
            | Message::InquirePeer { .. } => reject(from, Rejection::Misdirected, cx),
        }
    }

    fn position(&self, number: u64) -> Option<usize> {
        // Numbers have few gaps: first it is looked for where it is without any.
        let first = self.transactions.front()?.number;
        let guess = usize::try_from(number.checked_sub(first)?).ok()?;
        match self.transactions.get(guess) {
            Some(found) if found.number == number => Some(guess),
            _ => self.transactions.binary_search_by_key(&number, |found| found.number).ok(),
        }
    }

    const fn tx(&self, number: u64) -> TxId {
        TxId { coordinator: self.me, number }
    }
}

impl<W: Work> Machine for Coordinator<W> {
    type Config = Member;
    type Message = Message<W>;
    type Timer = Timer;
    type Request = Request<W>;
    type Cell = Cell;
    type Entry = Entry;
    type Notice = Notice;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        // First, whatever comes first: records without an owner do not recover.
        self.persist_identity(cx);
        match input {
            Input::Start => self.start(cx),
            Input::Message { from, message } => self.message(from, message, cx),
            Input::Timer(Timer::Votes) => self.on_votes_timeout(cx),
            Input::Timer(Timer::Resend) => self.on_resend_timeout(cx),
            Input::Request(Request::Begin { id, mode, branches }) => self.begin(id, mode, branches, cx),
            Input::Request(Request::Cancel { id, tx }) => self.cancel(id, tx, cx),
            Input::Loaded { .. } => reject(self.me, Rejection::NotAsked, cx),
        }
    }
}

/// What a coordinator looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<W: Work> Coordinator<W> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.me
    }

    /// The number of the next transaction.
    #[must_use]
    pub const fn next_number(&self) -> u64 {
        self.next
    }

    /// How many transactions are not forgotten.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.transactions.len()
    }

    /// How many entries the durable journal has.
    #[must_use]
    pub fn journal_len(&self) -> u64 {
        self.journal.next().saturating_sub(self.journal.first())
    }

    /// How far a transaction has come; `None` if it is forgotten or was never begun.
    #[must_use]
    pub fn phase(&self, tx: TxId) -> Option<Phase> {
        let at = self.position(tx.number).filter(|_| tx.coordinator == self.me)?;
        self.transactions.get(at).map(|transaction| transaction.phase)
    }

    /// The participants whose acknowledgement of a decided transaction is awaited.
    pub fn awaited(&self, tx: TxId) -> impl Iterator<Item = NodeId> {
        let at = self.position(tx.number).filter(|_| tx.coordinator == self.me);
        let transaction = at.and_then(|at| self.transactions.get(at));
        let decided = transaction.filter(|transaction| matches!(transaction.phase, Phase::Decided(_)));
        decided.into_iter().flat_map(|transaction| transaction.branches.iter().map(|branch| branch.node))
    }

    /// The participants of a transaction that is not forgotten, ascending, with the votes that were counted; once it is
    /// decided, those whose acknowledgement is awaited.
    pub fn participants(&self, tx: TxId) -> impl Iterator<Item = (NodeId, Option<Vote>)> {
        let at = self.position(tx.number).filter(|_| tx.coordinator == self.me);
        let branches = at.and_then(|at| self.transactions.get(at)).map(|found| &found.branches);
        branches.into_iter().flatten().map(|branch| (branch.node, branch.vote))
    }

    /// The transactions that are not forgotten.
    pub fn transactions(&self) -> impl Iterator<Item = (TxId, Phase)> {
        self.transactions.iter().map(|transaction| (self.tx(transaction.number), transaction.phase))
    }
}

impl<W> Permute for Coordinator<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.me.permute(by);
        self.journal.permute(by);
        for transaction in &mut self.transactions {
            transaction.branches.iter_mut().for_each(|branch| branch.node.permute(by));
            transaction.branches.sort_unstable_by_key(|branch| branch.node);
        }
    }
}

/// Tells that a peer (or the driver) said what it must not, and that it was dropped.
fn reject<W: Work, Cx: Context<Coordinator<W>> + ?Sized>(from: NodeId, reason: Rejection, cx: &mut Cx) {
    cx.notify_free(Notice::Rejected { from, reason });
}
