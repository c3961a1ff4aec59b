//! The acceptor: remembers what it has promised and accepted, until it is told to forget.

mod api;
mod invariants;
mod over;
mod phases;
mod recovery;
#[cfg(feature = "serde")]
mod serial;
mod table;

use alloc::vec::Vec;

use super::ballot::{Ballot, Instances};
use super::config::{Config, ConfigError, Member, Role};
use super::message::{Message, permute_by_node};
use crate::commit::ids::TxId;
use crate::commit::journal::Journal;
use crate::commit::{Rejection, Work};
use crate::fixed::Fixed;
use crate::id::{NodeId, Permutation, Permute};
use crate::machine::{Context, Input, InputOf, Machine, Never};

pub use api::{Notice, Timer};
pub use recovery::{Cell, ENDED, Ended, Entry, IDENTITY};

use table::Origin;

/// An acceptor in the transactions of any number of coordinators. See [the module](crate::commit::paxos).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(bound(serialize = "")))]
pub struct Acceptor<W> {
    me: NodeId,
    config: Fixed<Config>,
    /// Whether this node's identity has been emitted to disk.
    identified: bool,
    /// What is known of each coordinator's transactions, ascending by coordinator.
    origins: Vec<Origin>,
    /// How many transactions are not forgotten.
    live: usize,
    journal: Journal,
    /// Below this index of the journal, what is over is in its cell as well.
    folded: u64,
    /// Whether the timer of lingering is set.
    lingers: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    work: core::marker::PhantomData<fn() -> W>,
}

/// How far a transaction has come at an acceptor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "all that an acceptor can know")]
pub enum Phase {
    /// It takes part.
    Live {
        /// It takes part in no ballot below.
        promised: Ballot,
        /// What it has accepted.
        accepted: Instances,
    },
    /// It was to be forgotten.
    Over,
    /// In a gap that is not remembered: it takes no part.
    Forgotten,
}

impl<W: Work> Acceptor<W> {
    /// A node as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(member: Member) -> Result<Self, ConfigError> {
        member.config.validate(member.me, Role::Acceptor)?;
        Ok(Self {
            me: member.me,
            config: Fixed(member.config),
            identified: false,
            origins: Vec::new(),
            live: 0,
            journal: Journal::new(),
            folded: 0,
            lingers: false,
            work: core::marker::PhantomData,
        })
    }

    fn message<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message<W>, cx: &mut Cx) {
        let tx = message.tx();
        if let Err(reason) = self.admit(from, tx, &message) {
            return reject(from, reason, cx);
        }
        match message {
            Message::Vote { managers, vote, .. } => self.on_vote(from, tx, &managers, vote, cx),
            Message::Phase1a { ballot, managers, .. } => self.on_phase1a(from, tx, ballot, &managers, cx),
            Message::Phase2a { ballot, votes, .. } => self.on_phase2a(from, tx, ballot, &votes, cx),
            Message::Forget { .. } => self.on_forget(tx, cx),
            _ => reject(from, Rejection::Misdirected, cx),
        }
    }

    /// Whether a correct peer may say this at all.
    fn admit(&self, from: NodeId, tx: TxId, message: &Message<W>) -> Result<(), Rejection> {
        if !self.config.common.knows(from) {
            return Err(Rejection::NotAMember);
        }
        self.config.check_name(tx)?;
        let role = match message {
            Message::Vote { managers, .. } => {
                self.config.check_managers(managers.iter().copied())?;
                if !managers.contains(&from) {
                    return Err(Rejection::NotAParticipant);
                }
                Role::ResourceManager
            }
            Message::Phase1a { ballot, managers, .. } => {
                self.config.check_managers(managers.iter().copied())?;
                self.check_ballot(from, *ballot)?;
                Role::Leader
            }
            Message::Phase2a { ballot, votes, .. } => {
                self.config.check_managers(votes.iter().map(|(manager, _)| *manager))?;
                self.check_ballot(from, *ballot)?;
                Role::Leader
            }
            _ => Role::Leader,
        };
        if self.config.role(from) == role { Ok(()) } else { Err(Rejection::WrongRole) }
    }

    /// A leader begins ballots of its own rank alone, and none is ballot 0.
    fn check_ballot(&self, from: NodeId, ballot: Ballot) -> Result<(), Rejection> {
        let is_its_own = self.config.rank(from) == Some(ballot.rank);
        let is_a_round = ballot.round > 0 && ballot.round <= super::ballot::LAST_ROUND;
        if is_its_own && is_a_round { Ok(()) } else { Err(Rejection::Malformed) }
    }
}

impl<W: Work> Machine for Acceptor<W> {
    type Config = Member;
    type Message = Message<W>;
    type Timer = Timer;
    type Request = Never;
    type Cell = Cell;
    type Entry = Entry;
    type Notice = Notice;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        // First, whatever comes first: records without an owner do not recover.
        self.persist_identity(cx);
        match input {
            Input::Start => self.start(cx),
            Input::Message { from, message } => self.message(from, message, cx),
            Input::Timer(Timer::Linger) => self.on_linger_timeout(cx),
            Input::Request(never) => match never {},
            Input::Loaded { .. } => reject(self.me, Rejection::NotAsked, cx),
        }
    }
}

/// What an acceptor looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<W: Work> Acceptor<W> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.me
    }

    /// How many transactions are not forgotten.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.live
    }

    /// Of how many of them nothing was heard since the timer of lingering last expired.
    #[must_use]
    pub fn quiet(&self) -> usize {
        self.ballots().filter(|(_, ballots)| ballots.quiet).count()
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
            table::Known::Live(ballots) => {
                Some(Phase::Live { promised: ballots.promised, accepted: ballots.instances.clone() })
            }
            table::Known::Over => Some(Phase::Over),
            table::Known::Forgotten => Some(Phase::Forgotten),
            table::Known::New => None,
        }
    }

    /// The transactions that are not forgotten.
    pub fn transactions(&self) -> impl Iterator<Item = TxId> {
        self.ballots().map(|(tx, _)| tx)
    }
}

impl<W> Permute for Acceptor<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.me.permute(by);
        self.journal.permute(by);
        for origin in &mut self.origins {
            origin.coordinator.permute(by);
            origin.live.iter_mut().for_each(|ballots| permute_by_node(&mut ballots.instances, by));
        }
        self.origins.sort_unstable_by_key(|origin| origin.coordinator);
    }
}

/// Tells that a peer (or the driver) said what it must not, and that it was dropped.
fn reject<W: Work, Cx: Context<Acceptor<W>> + ?Sized>(from: NodeId, reason: Rejection, cx: &mut Cx) {
    cx.notify_free(Notice::Rejected { from, reason });
}
