//! The leader: begins transactions, learns from the acceptors what came of them, tells it; and takes over where another
//! leader is gone.

mod api;
mod ballots;
mod begin;
mod decide;
mod invariants;
mod recovery;
#[cfg(feature = "serde")]
mod serial;

use alloc::vec::Vec;

use smallvec::SmallVec;

use super::ballot::{Accepted, Ballot, LAST_ROUND};
use super::config::{Config, ConfigError, Member, Role};
use super::message::Message;
use crate::commit::coordinator::Cell;
use crate::commit::ids::{Nodes, Outcome, TxId, Vote};
use crate::commit::{Rejection, Work};
use crate::fixed::Fixed;
use crate::id::{NodeId, Permutation, Permute};
use crate::machine::{Context, Input, InputOf, Machine, Never};
use crate::quorum::SlotSet;

pub use api::{Notice, Refusal, Request, Timer};

/// A leader of any number of transactions, its own and those of leaders that are gone. See
/// [the module](crate::commit::paxos).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Leader<W> {
    me: NodeId,
    /// Its place among the leaders: what tells its ballots from theirs.
    rank: u8,
    config: Fixed<Config>,
    /// Whether this node's identity has been emitted to disk.
    identified: bool,
    /// The next number, of a transaction or of a round.
    next: u64,
    /// Numbers up to here will never be given out after a crash.
    reserved: u64,
    /// Those that are not forgotten here, ascending.
    transactions: Vec<Transaction<W>>,
    /// Bytes of work held.
    bytes: usize,
    armed: Armed,
}

/// A transaction that is not forgotten here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Transaction<W> {
    tx: TxId,
    /// Whether it was begun here, in this life: so its outcome is owed to the application.
    own: bool,
    phase: Phase,
    /// The resource managers, ascending; once it is decided only those whose acknowledgement is awaited.
    branches: SmallVec<[Branch<W>; 4]>,
    /// Whether the timer of its phase has expired since that began.
    waited: bool,
    /// Whether the timer of resends has expired since it was last said.
    unanswered: bool,
}

/// One resource manager, and what is known of its instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Branch<W> {
    node: NodeId,
    /// What it is asked to do; none where another leader asked, or nobody will be asked again.
    work: Option<W>,
    /// In ballot 0 and in phase 1 the vote of the highest ballot that was reported; in phase 2 what is proposed.
    vote: Option<Accepted>,
    /// In ballot 0, the slots of the acceptors that have reported the vote.
    by: SlotSet,
}

/// How far a transaction has come at a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the phases of the paper, and being overtaken")]
pub enum Phase {
    /// In ballot 0: the acceptors gather the votes.
    Voting,
    /// Phase 1 of a ballot of this node.
    Promising {
        /// The ballot.
        ballot: Ballot,
        /// The slots of the acceptors that have promised it.
        by: SlotSet,
    },
    /// Phase 2 of a ballot of this node.
    Proposing {
        /// The ballot.
        ballot: Ballot,
        /// The slots of the acceptors that have accepted what was proposed.
        by: SlotSet,
    },
    /// Overtaken by a higher ballot of another leader: this one waits, and then begins one above.
    Overtaken {
        /// The higher ballot.
        by: Ballot,
    },
    /// It is decided, and acknowledgements are awaited.
    Decided(Outcome),
}

/// Which timers are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Armed {
    votes: bool,
    ballot: bool,
    resend: bool,
}

impl<W: Work> Leader<W> {
    /// A node as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(member: Member) -> Result<Self, ConfigError> {
        member.config.validate(member.me, Role::Leader)?;
        Ok(Self {
            me: member.me,
            rank: member.config.rank(member.me).ok_or(ConfigError::WrongRole(member.me))?,
            config: Fixed(member.config),
            identified: false,
            next: 1,
            reserved: 0,
            transactions: Vec::new(),
            bytes: 0,
            armed: Armed::default(),
        })
    }

    fn message<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message<W>, cx: &mut Cx) {
        let tx = message.tx();
        if let Err(reason) = self.admit(from, tx, &message) {
            return reject(from, reason, cx);
        }
        let slot = self.config.slot(from).unwrap_or(usize::MAX);
        match message {
            Message::Phase1b { ballot, accepted, .. } => {
                self.on_phase1b(from, slot, tx, ballot, &accepted, cx);
            }
            Message::Phase2b { ballot, votes, .. } => self.on_phase2b(from, slot, tx, ballot, &votes, cx),
            Message::Preempted { ballot, promised, .. } => self.on_preempted(tx, ballot, promised, cx),
            Message::Over { .. } => self.on_over(tx, cx),
            Message::Decision { outcome, .. } => self.on_decision(from, tx, outcome, cx),
            Message::Acknowledge { took, .. } => self.on_acknowledge(from, tx, took, cx),
            Message::Inquire { managers, .. } => self.on_inquire(from, tx, &managers, cx),
            Message::Prepare { .. }
            | Message::Vote { .. }
            | Message::Phase1a { .. }
            | Message::Phase2a { .. }
            | Message::Presumed { .. }
            | Message::Forget { .. } => reject(from, Rejection::Misdirected, cx),
        }
    }

    /// Whether a correct peer may say this at all.
    fn admit(&self, from: NodeId, tx: TxId, message: &Message<W>) -> Result<(), Rejection> {
        if from == self.me {
            return Err(Rejection::Misdirected);
        }
        if !self.config.common.knows(from) {
            return Err(Rejection::NotAMember);
        }
        self.config.check_name(tx)?;
        if tx.coordinator == self.me && tx.number >= self.next {
            return Err(Rejection::NeverBegun);
        }
        let role = self.config.role(from);
        let is_its_part = match message {
            Message::Phase1b { .. }
            | Message::Phase2b { .. }
            | Message::Preempted { .. }
            | Message::Over { .. } => role == Role::Acceptor,
            Message::Decision { .. } => role == Role::Leader,
            Message::Acknowledge { .. } => role == Role::ResourceManager,
            Message::Inquire { managers, .. } => {
                self.config.check_managers(managers.iter().copied())?;
                role == Role::Acceptor || managers.contains(&from)
            }
            _ => true,
        };
        if !is_its_part {
            return Err(Rejection::WrongRole);
        }
        match message {
            Message::Preempted { promised, .. } if promised.round > LAST_ROUND => Err(Rejection::Malformed),
            _ => Ok(()),
        }
    }

    fn position(&self, tx: TxId) -> Option<usize> {
        self.transactions.binary_search_by_key(&tx, |transaction| transaction.tx).ok()
    }

    fn transaction_mut(&mut self, tx: TxId) -> Option<&mut Transaction<W>> {
        let at = self.position(tx)?;
        self.transactions.get_mut(at)
    }

    /// Takes a transaction into the table; there is none of its name.
    fn insert(&mut self, transaction: Transaction<W>) {
        let at = self.transactions.partition_point(|other| other.tx < transaction.tx);
        self.transactions.insert(at, transaction);
    }

    /// Whether one more of its own may begin, or one more be taken over. The two are counted apart: acceptors may be full of
    /// what was left over, and refuse what is begun until a leader has taken that over.
    fn has_room(&self, own: bool) -> bool {
        let most = self.config.common.max_transactions;
        let alike = || self.transactions.iter().filter(|transaction| transaction.own == own).count();
        self.transactions.len() < most || alike() < most
    }
}

impl<W> Transaction<W> {
    fn managers(&self) -> Nodes {
        self.branches.iter().map(|branch| branch.node).collect()
    }

    /// Enters a phase.
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        (self.waited, self.unanswered) = (false, false);
    }
}

impl<W> Branch<W> {
    fn is(&self, vote: Vote) -> bool {
        self.vote.is_some_and(|accepted| accepted.vote == vote)
    }
}

impl<W: Work> Machine for Leader<W> {
    type Config = Member;
    type Message = Message<W>;
    type Timer = Timer;
    type Request = Request<W>;
    type Cell = Cell;
    type Entry = Never;
    type Notice = Notice;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        // First, whatever comes first: records without an owner do not recover.
        self.persist_identity(cx);
        match input {
            // What was under way is ended by who asks about it: nothing of it is kept here.
            Input::Start => {}
            Input::Message { from, message } => self.message(from, message, cx),
            Input::Timer(Timer::Votes) => self.on_votes_timeout(cx),
            Input::Timer(Timer::Ballot) => self.on_ballot_timeout(cx),
            Input::Timer(Timer::Resend) => self.on_resend_timeout(cx),
            Input::Request(Request::Begin { id, branches }) => self.begin(id, branches, cx),
            Input::Request(Request::Cancel { id, tx }) => self.cancel(id, tx, cx),
            Input::Loaded { .. } => reject(self.me, Rejection::NotAsked, cx),
        }
    }
}

/// What a leader looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<W: Work> Leader<W> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.me
    }

    /// The next number, of a transaction or of a round.
    #[must_use]
    pub const fn next_number(&self) -> u64 {
        self.next
    }

    /// How many transactions are not forgotten here.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.transactions.len()
    }

    /// How many of them have waited for an answer since the timer of resends last expired.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.transactions.iter().filter(|transaction| transaction.unanswered).count()
    }

    /// Bytes of work held.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.bytes
    }

    /// How far a transaction has come here; `None` if nothing is known of it.
    #[must_use]
    pub fn phase(&self, tx: TxId) -> Option<Phase> {
        self.position(tx).and_then(|at| self.transactions.get(at)).map(|transaction| transaction.phase)
    }

    /// The transactions that are not forgotten here.
    pub fn transactions(&self) -> impl Iterator<Item = (TxId, Phase)> {
        self.transactions.iter().map(|transaction| (transaction.tx, transaction.phase))
    }
}

/// Acceptors and resource managers must be closed under the renaming, and leaders keep their names, since they have ranks.
impl<W> Permute for Leader<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        let config = self.config.clone();
        let renamed = |slot: usize| {
            let node = config.acceptors.get(slot).map(|node| by.apply(*node));
            node.and_then(|node| config.slot(node)).unwrap_or(slot)
        };
        let rename_all = |set: &mut SlotSet| {
            let mut to = SlotSet::EMPTY;
            set.iter().for_each(|slot| to.insert(renamed(slot)));
            *set = to;
        };
        self.me.permute(by);
        for transaction in &mut self.transactions {
            transaction.tx.permute(by);
            if let Phase::Promising { by, .. } | Phase::Proposing { by, .. } = &mut transaction.phase {
                rename_all(by);
            }
            for branch in &mut transaction.branches {
                branch.node.permute(by);
                rename_all(&mut branch.by);
            }
            transaction.branches.sort_unstable_by_key(|branch| branch.node);
        }
        self.transactions.sort_unstable_by_key(|transaction| transaction.tx);
    }
}

/// Tells that a peer (or the driver) said what it must not, and that it was dropped.
fn reject<W: Work, Cx: Context<Leader<W>> + ?Sized>(from: NodeId, reason: Rejection, cx: &mut Cx) {
    cx.notify_free(Notice::Rejected { from, reason });
}
