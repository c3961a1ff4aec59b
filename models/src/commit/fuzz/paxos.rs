//! Paxos Commit told anything: who there is, and the decoders of what is sent, stored and traced.

mod acceptor;
mod leader;
mod manager;

use std::sync::Arc;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::paxos::{
    Accepted, Ballot, Config, Instances, Member, Message, Votes, acceptor as remembered,
};
use quorate::commit::{Nodes, TxId};
use quorate::durable::Record;
use quorate::id::{ClusterId, NodeId};
use quorate::machine::{EffectOf, InputOf};

use super::{Bytes, limit};
use crate::fuzz::{
    Outcome, Tally, near, one_of, pick, recovery as recovered, sealed, state as read, steps, text,
};

pub use acceptor::OneAcceptor;
pub use leader::OneLeader;
pub use manager::OneManager;

type Leader = quorate::commit::paxos::Leader<Bytes>;
type Acceptor = quorate::commit::paxos::Acceptor<Bytes>;
type Manager = quorate::commit::paxos::ResourceManager<Bytes>;

/// The first name of acceptors, and of resource managers; leaders begin with 1.
const ACCEPTORS: u64 = 11;
const MANAGERS: u64 = 21;

/// A leader, an acceptor or a resource manager told anything, as the first byte says: see [`crate::fuzz::steps`].
///
/// # Errors
/// The promise that was broken.
pub fn step(bytes: &[u8]) -> Result<Tally, String> {
    one_of(bytes, &[steps::<OneLeader>, steps::<OneAcceptor>, steps::<OneManager>])
}

/// One of them that is to come back from any disk, as the first byte says: see [`crate::fuzz::recovery`].
///
/// # Errors
/// The promise that was broken.
pub fn recovery(bytes: &[u8]) -> Result<Tally, String> {
    one_of(bytes, &[recovered::<OneLeader>, recovered::<OneAcceptor>, recovered::<OneManager>])
}

/// What is sent, stored (plain and sealed) and traced; what is stored by leaders and resource managers, two-phase commit
/// has. The first byte says which.
///
/// # Errors
/// The promise that was broken.
pub fn data(bytes: &[u8]) -> Outcome {
    let Some((which, rest)) = bytes.split_first() else { return Ok(0) };
    let decoded = match which % 10 {
        0 | 1 => near::<Message<Bytes>>(rest)?.is_some(),
        2 => near::<Record<remembered::Cell, remembered::Entry>>(rest)?.is_some(),
        3 => sealed::<remembered::Entry>(rest)?.is_some(),
        4 => sealed::<remembered::Cell>(rest)?.is_some(),
        5 => text::<InputOf<Leader>>(rest)?.is_some(),
        6 => text::<EffectOf<Leader>>(rest)?.is_some(),
        7 => text::<InputOf<Acceptor>>(rest)?.is_some(),
        8 => text::<EffectOf<Acceptor>>(rest)?.is_some(),
        _ => text::<InputOf<Manager>>(rest)?.is_some(),
    };
    Ok(u64::from(decoded))
}

/// One of them as data, as the first byte says: see [`crate::fuzz::state`].
///
/// # Errors
/// The promise that was broken.
pub fn state(bytes: &[u8]) -> Outcome {
    one_of(bytes, &[read::<OneLeader>, read::<OneAcceptor>, read::<OneManager>])
}

/// A few nodes with limits that are soon reached.
fn arbitrary_config(u: &mut Unstructured<'_>) -> Drawn<Config> {
    let (leaders, managers) = (u.int_in_range(1..=2)?, u.int_in_range(1..=3)?);
    let acceptors = if u.arbitrary()? { 3 } else { 1 };
    let named = |first: u64, many: u64| (first..first + many).map(NodeId);
    let cluster = ClusterId(u.int_in_range(0..=1)?);
    let (leaders, acceptors) = (named(1, leaders), named(ACCEPTORS, acceptors));
    let mut config = Config::new(cluster, leaders, acceptors, named(MANAGERS, managers));
    limit(u, &mut config.common)?;
    config.asked_first = u.int_in_range(config.quorum()..=config.acceptors.len())?;
    pick::limits(u, [&mut config.max_gaps])?;
    Ok(config)
}

/// A few nodes, and one of them: of those that `part` names.
fn arbitrary_member(u: &mut Unstructured<'_>, part: impl FnOnce(&Config) -> Vec<NodeId>) -> Drawn<Member> {
    let config = Arc::new(arbitrary_config(u)?);
    let me = *u.choose(&part(&config))?;
    Ok(Member { me, config })
}

fn managers(config: &Config) -> Vec<NodeId> {
    config.common.members.iter().copied().filter(|node| node.0 >= MANAGERS).collect()
}

/// A ballot near this one, mostly of a leader that is.
fn any_ballot(u: &mut Unstructured<'_>, at: Ballot, rank: u8) -> Drawn<Ballot> {
    if u.ratio(1, 2)? {
        return Ok(at);
    }
    let rank = if u.ratio(1, 8)? { u.arbitrary()? } else { rank };
    Ok(Ballot { round: pick::near(u, at.round)?, rank })
}

/// What one message says of a transaction, by the parts that are at hand.
struct Said<'a> {
    tx: TxId,
    /// A ballot that is under way.
    at: Ballot,
    /// The rank of the leader that speaks or is spoken to.
    rank: u8,
    managers: &'a [NodeId],
}

impl Said<'_> {
    fn managers(&self, u: &mut Unstructured<'_>) -> Drawn<Nodes> {
        Ok(pick::some(u, self.managers)?.into_iter().collect())
    }

    fn votes(&self, u: &mut Unstructured<'_>) -> Drawn<Votes> {
        let some = pick::some(u, self.managers)?.into_iter();
        some.map(|manager| Ok((manager, u.arbitrary()?))).collect()
    }

    fn accepted(&self, u: &mut Unstructured<'_>) -> Drawn<Instances> {
        let some = pick::some(u, self.managers)?.into_iter();
        let accepted = |u: &mut Unstructured<'_>| {
            Ok(match u.int_in_range(0..=3)? {
                0 => None,
                1 => Some(Accepted { ballot: any_ballot(u, self.at, self.rank)?, vote: u.arbitrary()? }),
                _ => Some(Accepted { ballot: Ballot::ZERO, vote: u.arbitrary()? }),
            })
        };
        some.map(|manager| Ok((manager, accepted(u)?))).collect()
    }

    /// A message of one of these kinds.
    fn message(
        &self,
        u: &mut Unstructured<'_>,
        kinds: std::ops::RangeInclusive<u8>,
    ) -> Drawn<Message<Bytes>> {
        let tx = self.tx;
        let ballot = any_ballot(u, self.at, self.rank)?;
        Ok(match u.int_in_range(kinds)? {
            0 | 1 => Message::Phase2b { tx, ballot, votes: self.votes(u)? },
            2 => Message::Phase1b { tx, ballot, accepted: self.accepted(u)? },
            3 => Message::Preempted { tx, ballot, promised: any_ballot(u, ballot, self.rank)? },
            4 => Message::Over { tx },
            5 => Message::Acknowledge { tx, took: u.arbitrary()? },
            6 => Message::Inquire { tx, managers: self.managers(u)? },
            7 | 8 => Message::Decision { tx, outcome: u.arbitrary()? },
            9 => Message::Presumed { tx },
            10 | 11 => Message::Prepare { tx, managers: self.managers(u)?, work: pick::payload(u)? },
            12 | 13 => Message::Vote { tx, managers: self.managers(u)?, vote: u.arbitrary()? },
            14 => Message::Phase1a { tx, ballot, managers: self.managers(u)? },
            15 => Message::Phase2a { tx, ballot, votes: self.votes(u)? },
            _ => Message::Forget { tx },
        })
    }
}

/// Kinds of messages that a leader is sent, that a resource manager is sent, and that an acceptor is sent.
const TO_LEADER: std::ops::RangeInclusive<u8> = 0..=7;
const TO_MANAGER: std::ops::RangeInclusive<u8> = 7..=11;
const TO_ACCEPTOR: std::ops::RangeInclusive<u8> = 12..=16;
const TO_ANYBODY: std::ops::RangeInclusive<u8> = 0..=16;
