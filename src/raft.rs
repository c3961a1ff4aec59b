//! Raft: a replicated log under one elected leader.
//!
//! After *In Search of an Understandable Consensus Algorithm (Extended Version)* (Ongaro and Ousterhout,
//! 2014; "the paper") and Ongaro's dissertation *Consensus: Bridging Theory and Practice* (2014; "the
//! thesis"). What each file holds:
//!
//! | file | concern | source |
//! |---|---|---|
//! | `config.rs` | what a node is told, and every bound | |
//! | `message.rs` | what nodes send each other | paper, figure 2 |
//! | `api.rs` | what the application asks and is told | |
//! | `log.rs` | the log: a cached suffix over what is durable | paper, 5.3 |
//! | `election.rs` | timeouts, pre-vote, votes | paper, 5.2 and 5.4.1; thesis, 9.6 |
//! | `append.rs` | a follower takes entries | paper, 5.3 |
//! | `lead.rs` | a leader sends entries and takes answers | paper, 5.3 |
//! | `progress.rs` | what a leader knows of a peer; flow control | thesis, 10.2 |
//! | `commit.rs` | the commit rule, committed notices in order | paper, 5.4.2 |
//! | `propose.rs` | proposals accepted or refused | |
//! | `recovery.rs` | what is durable, and coming back from it | |
//! | `invariants.rs` | what holds of one node at any time | |
//! | `permute.rs`, `serial.rs`, `any.rs` | a node renamed, as data, and out of arbitrary bytes: for checks | |
//!
//! # What is held and what is free
//! A leader's appends and heartbeats are free: its disk and its followers' work side by side (thesis,
//! 10.2.1). So it counts its own entries only when the acknowledgement that it sends *to itself*, held behind
//! them, comes back. Votes, acknowledgements and committed notices are held. Refusals are free.

#[cfg(feature = "arbitrary")]
mod any;
mod api;
mod append;
mod commit;
mod config;
mod election;
mod invariants;
mod lead;
mod log;
mod message;
mod permute;
mod progress;
mod propose;
mod recovery;
#[cfg(feature = "serde")]
mod serial;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::durable::Record;
use crate::fixed::Fixed;
use crate::id::{LogId, NodeId, id};
use crate::machine::{Context, Input, InputOf, Machine};

pub use api::{Commands, Notice, Refusal, Rejection, Request, Timer};
pub use config::{Config, ConfigError, Member};
pub use election::Role;
pub use log::{Entries, Entry, Payload, Position};
pub use message::{Message, Outcome};
pub use progress::{Mode, Progress};
pub use recovery::{Cell, HARD_STATE, IDENTITY};

use log::Log;

id!(
    /// A term: at most one leader each. 0 is before the first election.
    Term(u64), "t"
);
id!(
    /// A place in the log. The first entry is at 1; 0 is before it.
    Index(u64), "i"
);

/// The one durable log of a Raft node.
pub const LOG: LogId = LogId(0);

/// A command that a cluster replicates: opaque but for its size.
///
/// A command is cloned, once per peer and once for the application: give it a cheap `Clone`
/// (`Arc<[u8]>`, `bytes::Bytes`).
pub trait Command: Clone + PartialEq {
    /// Its size in bytes, as counted against the limits of [`Config`].
    fn size_bytes(&self) -> usize;
}

macro_rules! command {
    ($($t:ty => |$c:ident| $size:expr),* $(,)?) => {
        $(impl Command for $t { fn size_bytes(&self) -> usize { let $c = self; $size } })*
    };
}
command!(
    () => |_c| 0,
    u8 => |_c| 1,
    u16 => |_c| 2,
    u32 => |_c| 4,
    u64 => |_c| 8,
    Vec<u8> => |c| c.len(),
    Box<[u8]> => |c| c.len(),
    Arc<[u8]> => |c| c.len(),
    String => |c| c.len(),
);

/// One node of a Raft cluster.
///
/// With the `serde` feature its whole state is data, for traces and inspection; what is deserialised is checked as a
/// whole, and stands or is refused. What survives a crash is another matter: see [`crate::durable`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Raft<C> {
    me: NodeId,
    config: Fixed<Config>,
    /// Whether this node's identity has been emitted to disk.
    identified: bool,
    term: Term,
    vote: Option<NodeId>,
    role: Role,
    log: Log<C>,
    commit: Index,
    /// The last index told to the application.
    noticed: Index,
    /// The first index of the read-back under way for the application, if there is one.
    reading: Option<Index>,
}

impl<C: Command> Raft<C> {
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
            term: Term(0),
            vote: None,
            role: Role::Follower { leader: None },
            log: Log::new(),
            commit: Index(0),
            noticed: Index(0),
            reading: None,
        })
    }

    fn message<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message<C>, cx: &mut Cx) {
        let Some(slot) = self.config.slot_of(from) else {
            return reject(from, Rejection::NotAMember, cx);
        };
        match message {
            Message::PreVote { term, last } => self.on_pre_vote(from, term, last, cx),
            Message::PreVoteReply { term, granted } => self.on_pre_vote_reply(slot, term, granted, cx),
            Message::Vote { term, last } => self.on_vote(from, term, last, cx),
            Message::VoteReply { term, granted } => self.on_vote_reply(slot, term, granted, cx),
            Message::Append { term, prev, entries, commit } => {
                self.on_append(from, term, prev, entries, commit, cx);
            }
            Message::AppendReply { term, outcome } => self.on_append_reply(slot, from, term, outcome, cx),
        }
    }
}

impl<C: Command> Machine for Raft<C> {
    type Config = Member;
    type Message = Message<C>;
    type Timer = Timer;
    type Request = Request<C>;
    type Cell = Cell;
    type Entry = Entry<C>;
    type Notice = Notice<C>;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        // First, whatever comes first: records without an owner do not recover.
        self.persist_identity(cx);
        match input {
            Input::Start => self.start(cx),
            Input::Message { from, message } => self.message(from, message, cx),
            Input::Timer(Timer::Election) => self.on_election_timeout(cx),
            Input::Timer(Timer::Heartbeat) => self.on_heartbeat_timeout(cx),
            Input::Request(Request::Propose { id, commands }) => self.propose(id, commands, cx),
            Input::Loaded { log, from, entries } if log == LOG => self.on_loaded(Index(from), &entries, cx),
            Input::Loaded { .. } => reject(self.me, Rejection::UnknownLog, cx),
        }
    }
}

/// What one node looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer a client from these; only effects are truth.
impl<C: Command> Raft<C> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.me
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The current term.
    #[must_use]
    pub const fn term(&self) -> Term {
        self.term
    }

    /// Whom this node voted for in the current term.
    #[must_use]
    pub const fn vote(&self) -> Option<NodeId> {
        self.vote
    }

    /// The role.
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// Whether this node leads its term.
    #[must_use]
    pub const fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The last index known to be committed.
    #[must_use]
    pub const fn commit(&self) -> Index {
        self.commit
    }

    /// The last index told to the application.
    #[must_use]
    pub const fn noticed(&self) -> Index {
        self.noticed
    }

    /// The last entry's place and term; both 0 in an empty log.
    #[must_use]
    pub fn last(&self) -> Position {
        self.log.last()
    }

    /// The term of the entry at `index`: 0 at index 0, `None` past the end.
    #[must_use]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        self.log.term_at(index)
    }

    /// The entry at `index`, if it is in memory.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry<C>> {
        self.log.get(index)
    }

    /// Where each term begins among the entries that are no longer in memory, ascending.
    #[must_use]
    pub fn evicted_runs(&self) -> &[Position] {
        self.log.runs()
    }

    /// The entries that are cached in memory, with their indices.
    #[must_use]
    pub fn cached(&self) -> impl DoubleEndedIterator<Item = (Index, &Entry<C>)> {
        self.log.cached()
    }
}

/// Tells that a peer (or the disk) said what it must not, and that it was dropped.
fn reject<C: Command, Cx: Context<Raft<C>> + ?Sized>(from: NodeId, reason: Rejection, cx: &mut Cx) {
    cx.notify_free(Notice::Rejected { from, reason });
}

/// Emits the records that append `entries` from `first` on.
fn persist_entries<C: Command, Cx: Context<Raft<C>> + ?Sized>(
    first: Index,
    entries: &[Entry<C>],
    cx: &mut Cx,
) {
    for (entry, index) in entries.iter().zip(first.0..) {
        cx.persist(Record::Append { log: LOG, index, entry: entry.clone() });
    }
}
