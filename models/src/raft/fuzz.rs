//! Raft told anything: the subject of [`crate::fuzz`], hostile peers, and the decoders of what it sends and stores.

use arbitrary::{Result as Drawn, Unstructured};
use quorate::durable::{Corrupt, Record, Recover};
use quorate::id::{NodeId, RequestId};
use quorate::ledger::{Output, OutputOf};
use quorate::machine::{EffectOf, Input, InputOf, Machine, Recorder};
use quorate::raft::{
    Cell, Entries, Entry, Index, Member, Message, Notice, Outcome as Appended, Payload, Position, Raft,
    Request, Role, Term, Timer,
};
use quorate::time::Time;
use quorate::wire;

use crate::fuzz::subject::DiskOf;
use crate::fuzz::{Outcome, Subject, Tally, near, sealed};

/// Commands of any size.
pub type Bytes = Vec<u8>;
type Node = Raft<Bytes>;

/// How many messages a hostile run delivers.
pub const HOSTILE_MESSAGES: u64 = 32;

/// Bytes of a node's encoding beside what its limits are about.
const FIXED_BYTES: usize = 512;
/// Bytes that the encoding of one number pair takes at most, as of an index and a size.
const PAIR_BYTES: usize = 20;

/// One node of a small cluster with limits that are soon reached.
#[derive(Clone, Debug)]
pub struct OneNode {
    member: Member,
}

impl Subject for OneNode {
    type Machine = Node;
    type Ticket = RequestId;

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(Self { member: Member::arbitrary_small(u)? })
    }

    fn me(&self) -> NodeId {
        self.member.me
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        self.member.arbitrary_disk(u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Node, Corrupt> {
        Node::recover(self.member.clone(), disk, applied)
    }

    fn agrees(&self, node: &Node, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        node.agrees_with(disk)
    }

    fn arbitrary_input(&self, node: &Node, u: &mut Unstructured<'_>) -> Drawn<InputOf<Node>> {
        node.arbitrary_input(u)
    }

    fn asks(&self, request: &Request<Bytes>) -> Option<RequestId> {
        match request {
            Request::Propose { id, .. } => Some(*id),
            _ => None,
        }
    }

    fn answers(&self, notice: &Notice<Bytes>) -> Option<RequestId> {
        match notice {
            Notice::Accepted { id, .. } | Notice::Refused { id, .. } => Some(*id),
            _ => None,
        }
    }

    fn told(&self, notice: &Notice<Bytes>, applied: u64) -> Result<u64, String> {
        match notice {
            Notice::Committed { index, .. } if Some(index.0) == applied.checked_add(1) => Ok(index.0),
            Notice::Committed { index, .. } => Err(format!("told of {index} after {applied}")),
            _ => Ok(applied),
        }
    }

    fn leaves(&self, output: &OutputOf<Node>) -> Result<(), String> {
        let most = self.member.config.max_append_entries;
        match output {
            Output::Send { message: Message::Append { entries, .. }, .. } if entries.len() > most => {
                Err(format!("{} entries in an append, of {most}", entries.len()))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        node.check()?;
        fits(node)
    }

    fn kind(&self, notice: &Notice<Bytes>) -> &'static str {
        match notice {
            Notice::Accepted { .. } => "accepted",
            Notice::Refused { .. } => "refused",
            Notice::Committed { .. } => "committed",
            Notice::Leader { .. } => "leader",
            Notice::Rejected { .. } => "rejected",
            _ => "other",
        }
    }

    fn role(&self, node: &Node) -> &'static str {
        match node.role() {
            Role::Follower { .. } => "follower",
            Role::PreCandidate { .. } => "pre-candidate",
            Role::Candidate { .. } => "candidate",
            Role::Leader(_) => "leader",
            _ => "other",
        }
    }
}

/// Whether a node takes no more memory than its limits let it: what is cached, in flight to its peers and uncommitted,
/// where each term begins, and nothing else.
fn fits(node: &Node) -> Result<(), String> {
    let config = node.config();
    let cached: usize = node.cached().map(|(_, entry)| PAIR_BYTES + payload_bytes(entry)).sum();
    let last = node.last();
    let mut terms: Vec<Option<Term>> = (1..=last.index.0).map(|at| node.term_at(Index(at))).collect();
    terms.dedup();
    let windows = config.voters.len().saturating_mul(config.max_inflight_messages.saturating_add(4));
    let uncommitted = usize::try_from(last.index.0 - node.commit().0).unwrap_or(usize::MAX);
    let pairs = terms.len().saturating_add(windows).saturating_add(uncommitted);
    let most = pairs.saturating_mul(PAIR_BYTES).saturating_add(cached).saturating_add(FIXED_BYTES);
    wire::encode(node, most, &mut Vec::new()).map_err(|error| format!("{error}: {node:?}"))
}

fn payload_bytes(entry: &Entry<Bytes>) -> usize {
    match &entry.payload {
        Payload::Command(command) => command.len(),
        _ => 0,
    }
}

/// One node told anything: see [`crate::fuzz::steps`].
///
/// # Errors
/// The promise that was broken.
pub fn step(bytes: &[u8]) -> Result<Tally, String> {
    crate::fuzz::steps::<OneNode>(bytes)
}

/// One node that is to come back from any disk: see [`crate::fuzz::recovery`].
///
/// # Errors
/// The promise that was broken.
pub fn recovery(bytes: &[u8]) -> Result<Tally, String> {
    crate::fuzz::recovery::<OneNode>(bytes)
}

/// A node, perhaps one that campaigned, gets [32](HOSTILE_MESSAGES) well-formed messages from its peers and from
/// strangers: some drawn blindly from small numbers, some with the numbers of its own state and their neighbours. It
/// does not panic, and its invariants and the bound of its memory hold after each.
///
/// # Errors
/// The promise that was broken.
///
/// # Panics
/// If the node does.
pub fn hostile(bytes: &[u8]) -> Outcome {
    let mut u = Unstructured::new(bytes);
    let Ok(mut node) = begun(&mut u) else { return Ok(0) };
    let mut heard = 0;
    for _ in 0..HOSTILE_MESSAGES {
        let Ok((from, message)) = any_message(&node, &mut u) else { break };
        let told = Input::Message { from, message };
        feed(&mut node, told);
        node.check()?;
        heard += 1;
    }
    fits(&node)?;
    Ok(heard)
}

/// A node that has started, and whose election timer has expired some times.
fn begun(u: &mut Unstructured<'_>) -> Drawn<Node> {
    let member = Member::arbitrary_small(u)?;
    let mut node = Node::new(member).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    feed(&mut node, Input::Start);
    for _ in 0..u.int_in_range(0..=2)? {
        feed(&mut node, Input::Timer(Timer::Election));
    }
    Ok(node)
}

fn feed(node: &mut Node, input: InputOf<Node>) {
    node.step(input, &mut Recorder::new(Time::ZERO, &[]));
}

fn any_message(node: &Node, u: &mut Unstructured<'_>) -> Drawn<(NodeId, Message<Bytes>)> {
    if u.arbitrary()?
        && let Input::Message { from, message } = node.arbitrary_input(u)?
    {
        return Ok((from, message));
    }
    let number = |u: &mut Unstructured<'_>| u.int_in_range(0..=7_u64);
    let position =
        |u: &mut Unstructured<'_>| Ok(Position { term: Term(number(u)?), index: Index(number(u)?) });
    let term = Term(number(u)?);
    let message = match u.int_in_range(0..=7)? {
        0 => Message::PreVote { term, last: position(u)? },
        1 => Message::PreVoteReply { term, granted: u.arbitrary()? },
        2 => Message::Vote { term, last: position(u)? },
        3 => Message::VoteReply { term, granted: u.arbitrary()? },
        4 | 5 => {
            let outcome = match u.int_in_range(0..=2)? {
                0 => Appended::Stale,
                1 => Appended::Conflict { at: Index(number(u)?), hint: position(u)? },
                _ => Appended::Matched(Index(number(u)?)),
            };
            Message::AppendReply { term, outcome }
        }
        _ => {
            let mut entries = Entries::new();
            for _ in 0..u.int_in_range(0..=3)? {
                entries.push(Entry {
                    term: Term(number(u)?),
                    payload: Payload::Command(vec![0; u.int_in_range(0..=9)?]),
                });
            }
            Message::Append { term, prev: position(u)?, entries, commit: Index(number(u)?) }
        }
    };
    Ok((NodeId(u.int_in_range(0..=5)?), message))
}

/// What peers send: see [`near`].
///
/// # Errors
/// The promise that was broken.
pub fn message(bytes: &[u8]) -> Outcome {
    Ok(u64::from(near::<Message<Bytes>>(bytes)?.is_some()))
}

/// What is stored, plain and sealed: cells, entries, records. The first byte says which.
///
/// # Errors
/// The promise that was broken.
pub fn record(bytes: &[u8]) -> Outcome {
    let Some((which, rest)) = bytes.split_first() else { return Ok(0) };
    let decoded = match which % 5 {
        0 => near::<Record<Cell, Entry<Bytes>>>(rest)?.is_some(),
        1 => near::<Cell>(rest)?.is_some(),
        2 => near::<Entry<Bytes>>(rest)?.is_some(),
        3 => sealed::<Cell>(rest)?.is_some(),
        _ => sealed::<Entry<Bytes>>(rest)?.is_some(),
    };
    Ok(u64::from(decoded))
}

/// What traces hold: inputs and effects. The first byte says which.
///
/// # Errors
/// The promise that was broken.
pub fn data(bytes: &[u8]) -> Outcome {
    let Some((which, rest)) = bytes.split_first() else { return Ok(0) };
    let decoded = match which % 2 {
        0 => near::<InputOf<Node>>(rest)?.is_some(),
        _ => near::<EffectOf<Node>>(rest)?.is_some(),
    };
    Ok(u64::from(decoded))
}

/// A whole node: one that is read is right, so it goes on as any other does, whatever it is told.
///
/// # Errors
/// The promise that was broken.
pub fn state(bytes: &[u8]) -> Outcome {
    let Some(mut node) = near::<Node>(bytes)? else { return Ok(0) };
    node.check()?;
    let mut u = Unstructured::new(bytes.get(bytes.len() / 2..).unwrap_or_default());
    let mut steps = 1;
    while !u.is_empty() {
        let Ok(input) = node.arbitrary_input(&mut u) else { break };
        feed(&mut node, input.clone());
        node.check().map_err(|what| format!("{what}, after {input:?}: {node:?}"))?;
        steps += 1;
    }
    Ok(steps)
}
