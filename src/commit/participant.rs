//! The participant: asks its application, votes, and once it has said yes waits for the outcome, whatever happens.

mod api;
mod doubt;
mod invariants;
mod outcome;
mod permute;
mod recovery;
#[cfg(feature = "serde")]
mod serial;
mod table;
mod vote;

use super::config::{Config, ConfigError, Member};
use super::ids::{Nodes, Outcome, TxId};
use super::journal::Journal;
use super::message::Message;
use super::{Rejection, Work};
use crate::fixed::Fixed;
use crate::id::NodeId;
use crate::machine::{Context, Input, InputOf, Machine};

pub use api::{Notice, Refusal, Request, Timer};
pub use recovery::{Cell, Entry, FLOORS, IDENTITY};
pub use table::Heuristic;

use table::{Ask, Doubt, Known, State, Table};

/// A participant in the transactions of any number of coordinators. See [the module](crate::commit).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Participant<W> {
    me: NodeId,
    config: Fixed<Config>,
    /// Whether this node's identity has been emitted to disk.
    identified: bool,
    /// The position that the application had carried out when the node came back.
    applied: u64,
    table: Table<W>,
    journal: Journal,
    /// Whether the timer of readiness is set.
    awaits_readiness: bool,
    /// Whether the timer of doubt is set.
    awaits_outcome: bool,
}

/// How far a transaction has come at a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "all that a participant can know")]
pub enum Phase {
    /// The application has not answered. Nothing is durable.
    Asked,
    /// It has voted yes and does not know the outcome.
    InDoubt {
        /// What an operator has decided.
        heuristic: Option<Outcome>,
    },
    /// The outcome is known, and the application has not carried it out.
    Decided(Outcome),
    /// It is over; `None` if it had nothing to do and does not know the outcome.
    Ended(Option<Outcome>),
    /// Of the time before what is remembered one by one: it is over, or will never be voted for.
    Forgotten,
}

impl<W: Work> Participant<W> {
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
            applied: 0,
            table: Table::new(),
            journal: Journal::new(),
            awaits_readiness: false,
            awaits_outcome: false,
        })
    }

    fn message<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message<W>, cx: &mut Cx) {
        let tx = message.tx();
        if from == self.me || tx.coordinator == self.me {
            return reject(from, Rejection::Misdirected, cx);
        }
        if !self.config.knows(tx.coordinator) || (from != tx.coordinator && !self.config.knows(from)) {
            return reject(from, Rejection::NotAMember, cx);
        }
        if tx.number == 0 {
            return reject(from, Rejection::NeverBegun, cx);
        }
        let from_peer = matches!(message, Message::InquirePeer { .. } | Message::Answer { .. });
        if !from_peer && from != tx.coordinator {
            return reject(from, Rejection::NotItsCoordinator, cx);
        }
        match message {
            Message::Prepare { mode, peers, work, .. } => {
                if peers.len() > self.config.max_participants || !peers.contains(&self.me) {
                    return reject(from, Rejection::Malformed, cx);
                }
                self.on_prepare(tx, Ask { one_phase: false, mode, peers, work }, cx);
            }
            Message::OnePhase { work, .. } => self.on_prepare(tx, Ask::one_phase(work), cx),
            Message::Decision { mode, outcome, .. } => self.on_decision(tx, mode, outcome, cx),
            Message::InquirePeer { .. } => self.on_inquire_peer(from, tx, cx),
            Message::Answer { outcome, .. } => self.on_answer(from, tx, outcome, cx),
            Message::Vote { .. } | Message::Acknowledge { .. } | Message::Inquire { .. } => {
                reject(from, Rejection::Misdirected, cx);
            }
        }
    }

    fn request<Cx: Context<Self> + ?Sized>(&mut self, request: Request, cx: &mut Cx) {
        let refusal = match request {
            Request::Ready { tx, vote } => self.ready(tx, vote, cx),
            Request::Done { tx } => self.done(tx, cx),
            Request::Resolve { tx, outcome } => self.resolve(tx, outcome, cx),
            Request::Found { tx } => self.found(tx, cx),
            Request::Forget { tx } => self.forget(tx, cx),
        };
        if let Err((tx, reason)) = refusal {
            // Held: that it is over may be a record of this very step.
            cx.notify(Notice::Refused { tx, reason });
        }
    }
}

impl<W: Work> Machine for Participant<W> {
    type Config = Member;
    type Message = Message<W>;
    type Timer = Timer;
    type Request = Request;
    type Cell = Cell;
    type Entry = Entry<W>;
    type Notice = Notice<W>;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        // First, whatever comes first: records without an owner do not recover.
        self.persist_identity(cx);
        match input {
            Input::Start => self.start(cx),
            Input::Message { from, message } => self.message(from, message, cx),
            Input::Timer(Timer::Readiness) => self.on_readiness_timeout(cx),
            Input::Timer(Timer::Doubt) => self.on_doubt_timeout(cx),
            Input::Request(request) => self.request(request, cx),
            Input::Loaded { .. } => reject(self.me, Rejection::NotAsked, cx),
        }
    }
}

/// What a participant looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<W: Work> Participant<W> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.me
    }

    /// How many transactions have not ended.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.table.counts.live
    }

    /// Of how many the application has not answered since the timer of readiness last expired.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.table.branches().filter(|(_, it)| matches!(it.state, State::Asked { waited: true, .. })).count()
    }

    /// How many have been in doubt since before the timer of doubt last expired.
    #[must_use]
    pub fn doubted(&self) -> usize {
        let fresh = |state: &State<W>| matches!(state, State::Prepared { doubt: Doubt::Fresh, .. });
        let prepared = |state: &State<W>| matches!(state, State::Prepared { .. });
        self.table.branches().filter(|(_, it)| prepared(&it.state) && !fresh(&it.state)).count()
    }

    /// Bytes of work held.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.table.counts.bytes
    }

    /// How many entries the durable journal has.
    #[must_use]
    pub fn journal_len(&self) -> u64 {
        self.journal.next().saturating_sub(self.journal.first())
    }

    /// How far a transaction has come; `None` if it is unknown.
    #[must_use]
    pub fn phase(&self, tx: TxId) -> Option<Phase> {
        match self.known(tx) {
            Known::Is(state) => Some(state.phase()),
            Known::Forgotten => Some(Phase::Forgotten),
            Known::New => None,
        }
    }

    /// All participants of a transaction that is not decided here.
    pub(in crate::commit) fn peers(&self, tx: TxId) -> Option<&Nodes> {
        match self.known(tx) {
            Known::Is(State::Asked { ask, .. } | State::Prepared { ask, .. }) => Some(&ask.peers),
            Known::Is(_) | Known::Forgotten | Known::New => None,
        }
    }

    /// The transactions that are remembered one by one.
    pub fn transactions(&self) -> impl Iterator<Item = (TxId, Phase)> {
        self.table.branches().map(|(tx, branch)| (tx, branch.state.phase()))
    }
}

impl<W> State<W> {
    const fn phase(&self) -> Phase {
        match self {
            Self::Asked { .. } => Phase::Asked,
            Self::Prepared { heuristic: Some(heuristic), .. } => {
                Phase::InDoubt { heuristic: Some(heuristic.outcome) }
            }
            Self::Prepared { heuristic: None, .. } => Phase::InDoubt { heuristic: None },
            Self::Decided { outcome, .. } => Phase::Decided(*outcome),
            Self::Ended { outcome, .. } => Phase::Ended(*outcome),
        }
    }
}

/// Tells that a peer (or the driver) said what it must not, and that it was dropped.
fn reject<W: Work, Cx: Context<Participant<W>> + ?Sized>(from: NodeId, reason: Rejection, cx: &mut Cx) {
    cx.notify_free(Notice::Rejected { from, reason });
}
