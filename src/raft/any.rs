//! Nodes and inputs out of arbitrary bytes: every state is one that a node came to, step by step.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{
    Cell, Command, Config, Entries, Entry, HARD_STATE, IDENTITY, Index, LOG, Member, Message, Outcome,
    Payload, Position, Raft, Request, Role, Term, Timer,
};
use crate::durable::{Image, Record, Recover};
use crate::id::{ClusterId, NodeId, RequestId};
use crate::machine::{Context, EffectOf, Input, InputOf, Machine};
use crate::time::{Delay, Time};

/// The most inputs that an arbitrary node has behind it.
const MOST_STEPS: usize = 32;
/// The most entries on an arbitrary disk.
const MOST_ENTRIES: usize = 6;

/// The durable state of a Raft node.
type ImageOf<C> = Image<Cell, Entry<C>>;

impl Member {
    /// A small cluster with limits that are soon reached, and one node of it.
    ///
    /// # Errors
    /// None that more bytes would not mend.
    pub fn arbitrary_small(u: &mut Unstructured<'_>) -> Result<Self> {
        let voters = u.int_in_range(1..=5)?;
        let mut config = Config::new(ClusterId(u.int_in_range(0..=1)?), (1..=voters).map(NodeId));
        config.election = Delay::exactly(Duration::from_millis(u.arbitrary::<u8>()?.into()));
        (config.pre_vote, config.check_quorum, config.eager_commit) = u.arbitrary()?;
        let limits = [
            &mut config.max_command_bytes,
            &mut config.max_append_bytes,
            &mut config.max_append_entries,
            &mut config.max_inflight_messages,
            &mut config.max_inflight_bytes,
            &mut config.max_uncommitted_entries,
            &mut config.max_uncommitted_bytes,
            &mut config.max_cached_entries,
            &mut config.max_cached_bytes,
        ];
        for limit in limits {
            let small = u.int_in_range(0..=12)?;
            // Most of them bite soon, some never.
            *limit = if small == 0 { *limit } else { small };
        }
        Ok(Self { me: NodeId(u.int_in_range(1..=voters)?), config: Arc::new(config) })
    }

    /// A disk that this member may have written, and how much of its log was applied.
    ///
    /// # Errors
    /// None that more bytes would not mend.
    pub fn arbitrary_disk<'a, C: Command + Arbitrary<'a>>(
        &self,
        u: &mut Unstructured<'a>,
    ) -> Result<(ImageOf<C>, u64)> {
        let mut disk = Image::default();
        if u.ratio(1, 4)? {
            return Ok((disk, 0));
        }
        let mut terms: Vec<u64> = Vec::new();
        for _ in 0..u.int_in_range(0..=MOST_ENTRIES)? {
            let before = terms.last().copied().unwrap_or(1);
            terms.push(before.saturating_add(u.int_in_range(0..=2)?));
        }
        let last = terms.last().copied().unwrap_or(0);
        let beyond = if u.ratio(1, 16)? { u64::MAX } else { u.int_in_range(0..=2)? };
        let vote = u.arbitrary::<bool>()?.then(|| self.any_voter(u)).transpose()?;
        let identity = Cell::Identity { cluster: self.config.cluster, node: self.me };
        let hard_state = Cell::HardState { term: Term(last.saturating_add(beyond)), vote };
        let applied = u.int_in_range(0..=terms.len() as u64)?;
        let mut records = Vec::from([
            Record::Put { cell: IDENTITY, value: identity },
            Record::Put { cell: HARD_STATE, value: hard_state },
        ]);
        for (index, term) in (1..).zip(terms) {
            let entry = Entry { term: Term(term), payload: u.arbitrary()? };
            records.push(Record::Append { log: LOG, index, entry });
        }
        // They all fit: they follow each other.
        let _ = records.into_iter().try_for_each(|record| disk.apply(record));
        Ok((disk, applied))
    }

    fn any_voter(&self, u: &mut Unstructured<'_>) -> Result<NodeId> {
        u.choose(&self.config.voters).copied()
    }
}

impl<'a, C: Command + Arbitrary<'a>> Arbitrary<'a> for Raft<C> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let member = Member::arbitrary_small(u)?;
        let (disk, applied) = member.arbitrary_disk(u)?;
        let Ok(mut raft) = Self::recover(member, &disk, applied) else {
            return Err(arbitrary::Error::IncorrectFormat);
        };
        raft.step(Input::Start, &mut Nowhere);
        for _ in 0..u.int_in_range(0..=MOST_STEPS)? {
            let input = raft.arbitrary_input(u)?;
            raft.step(input, &mut Nowhere);
        }
        Ok(raft)
    }
}

/// Where the effects of the past went.
struct Nowhere;

impl<C: Command> Context<Raft<C>> for Nowhere {
    fn now(&self) -> Time {
        Time::ZERO
    }

    fn choose(&mut self, _upto: u32) -> u32 {
        0
    }

    fn emit(&mut self, _effect: EffectOf<Raft<C>>) {}
}

impl<C: Command> Raft<C> {
    /// An input that means something to this node more often than chance would have it: its peers, its terms and
    /// indices, their neighbours and the ends of their ranges. Anything else can come too.
    ///
    /// # Errors
    /// None that more bytes would not mend.
    pub fn arbitrary_input<'a>(&self, u: &mut Unstructured<'a>) -> Result<InputOf<Self>>
    where
        C: Arbitrary<'a>,
    {
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 => Input::Timer(Timer::Election),
            3 => Input::Timer(Timer::Heartbeat),
            4 | 5 => {
                Input::Request(Request::Propose { id: RequestId(u.arbitrary()?), commands: u.arbitrary()? })
            }
            6 | 7 => {
                let log = if u.ratio(1, 8)? { u.arbitrary()? } else { LOG };
                Input::Loaded { log, from: self.any_index(u)?.0, entries: self.any_entries(u)?.into_vec() }
            }
            _ => Input::Message { from: self.any_node(u)?, message: self.any_message(u)? },
        })
    }

    fn any_message<'a>(&self, u: &mut Unstructured<'a>) -> Result<Message<C>>
    where
        C: Arbitrary<'a>,
    {
        let term = self.any_term(u)?;
        Ok(match u.int_in_range(0..=9)? {
            0 => Message::PreVote { term, last: self.any_position(u)? },
            1 => Message::PreVoteReply { term, granted: u.arbitrary()? },
            2 => Message::Vote { term, last: self.any_position(u)? },
            3 => Message::VoteReply { term, granted: u.arbitrary()? },
            4 | 5 => {
                let outcome = match u.int_in_range(0..=3)? {
                    0 => Outcome::Stale,
                    1 => Outcome::Conflict { at: self.any_index(u)?, hint: self.any_position(u)? },
                    _ => Outcome::Matched(self.any_index(u)?),
                };
                Message::AppendReply { term, outcome }
            }
            _ => Message::Append {
                term,
                prev: self.any_position(u)?,
                entries: self.any_entries(u)?,
                commit: self.any_index(u)?,
            },
        })
    }

    /// A voter, mostly; or the node that it follows, or a stranger.
    fn any_node(&self, u: &mut Unstructured<'_>) -> Result<NodeId> {
        match (u.int_in_range(0..=15)?, &self.role) {
            (0, _) => u.arbitrary(),
            (1..=6, Role::Follower { leader: Some(leader) }) => Ok(*leader),
            _ => u.choose(&self.config.voters).copied(),
        }
    }

    fn any_term(&self, u: &mut Unstructured<'_>) -> Result<Term> {
        Ok(Term(any_near(u, self.term.0)?))
    }

    fn any_index(&self, u: &mut Unstructured<'_>) -> Result<Index> {
        let next = self.noticed.0.saturating_add(1);
        let near = [self.last().index.0, self.commit.0, self.reading.map_or(next, |at| at.0), 0];
        let near = *u.choose(&near)?;
        Ok(Index(any_near(u, near)?))
    }

    /// Mostly a place in this node's log.
    fn any_position(&self, u: &mut Unstructured<'_>) -> Result<Position> {
        let index = self.any_index(u)?;
        match self.term_at(index) {
            Some(term) if !u.ratio(1, 8)? => Ok(Position { term, index }),
            _ => Ok(Position { term: self.any_term(u)?, index }),
        }
    }

    /// A few entries, mostly of terms that do not go back.
    fn any_entries<'a>(&self, u: &mut Unstructured<'a>) -> Result<Entries<C>>
    where
        C: Arbitrary<'a>,
    {
        let mut entries = Entries::new();
        let mut term = self.last().term.0;
        for _ in 0..u.int_in_range(0..=4)? {
            term = match u.int_in_range(0..=7)? {
                0 => any_near(u, self.term.0)?,
                1 => term.saturating_add(1),
                _ => term,
            };
            let payload = if u.ratio(1, 4)? { Payload::Noop } else { Payload::Command(u.arbitrary()?) };
            entries.push(Entry { term: Term(term), payload });
        }
        Ok(entries)
    }
}

/// `at`, mostly, or what is next to it, or an end of the range, or anything.
fn any_near(u: &mut Unstructured<'_>, at: u64) -> Result<u64> {
    Ok(match u.int_in_range(0..=31)? {
        0 => 0,
        1 => u64::MAX,
        2 => u64::MAX - 1,
        3 => u.arbitrary()?,
        4..=8 => at.saturating_add(1),
        9..=12 => at.saturating_sub(1),
        _ => at,
    })
}
