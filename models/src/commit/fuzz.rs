//! Two-phase commit and Paxos Commit told anything: the subjects of [`crate::fuzz`], a world by bytes, and the decoders of
//! what is sent, stored and traced.
//!
//! | file | concern |
//! |---|---|
//! | `coordinator.rs`, `participant.rs` | one machine of two-phase commit, among peers that may say anything |
//! | `world.rs` | all of them, by bytes |
//! | `paxos.rs` | who there is in Paxos Commit, and its decoders |
//! | `paxos/` | one leader, one acceptor, one resource manager |

mod coordinator;
mod participant;
pub mod paxos;
mod world;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::{
    Config, Message, Mode, Nodes, Rejection, TxId, coordinator as told, participant as asked,
};
use quorate::durable::Record;
use quorate::id::{ClusterId, NodeId};
use quorate::machine::{EffectOf, InputOf};

use crate::fuzz::{
    Outcome, Tally, near, one_of, pick, recovery as recovered, sealed, state as read, steps, text,
};

pub use coordinator::OneCoordinator;
pub use participant::OneParticipant;
pub use world::world;

/// Work of any size.
pub type Bytes = Vec<u8>;
type Coordinator = quorate::commit::Coordinator<Bytes>;
type Participant = quorate::commit::Participant<Bytes>;

/// Entries of a journal beyond the needed ones and its slack, for each that is needed: four, and one while it is copied.
pub(crate) const ENTRIES_PER_NEEDED: usize = 5;
/// Entries that one step may add.
pub(crate) const ENTRIES_PER_STEP: usize = 8;

/// A coordinator or a participant told anything, as the first byte says: see [`crate::fuzz::steps`].
///
/// # Errors
/// The promise that was broken.
pub fn step(bytes: &[u8]) -> Result<Tally, String> {
    one_of(bytes, &[steps::<OneCoordinator>, steps::<OneParticipant>])
}

/// A coordinator or a participant that is to come back from any disk, as the first byte says: see
/// [`crate::fuzz::recovery`].
///
/// # Errors
/// The promise that was broken.
pub fn recovery(bytes: &[u8]) -> Result<Tally, String> {
    one_of(bytes, &[recovered::<OneCoordinator>, recovered::<OneParticipant>])
}

/// What is sent, stored (plain and sealed) and traced. The first byte says which.
///
/// # Errors
/// The promise that was broken.
pub fn data(bytes: &[u8]) -> Outcome {
    let Some((which, rest)) = bytes.split_first() else { return Ok(0) };
    let decoded = match which % 12 {
        0 | 1 => near::<Message<Bytes>>(rest)?.is_some(),
        2 => near::<Record<told::Cell, told::Entry>>(rest)?.is_some(),
        3 => near::<Record<asked::Cell, asked::Entry<Bytes>>>(rest)?.is_some(),
        4 => sealed::<told::Entry>(rest)?.is_some(),
        5 => sealed::<asked::Entry<Bytes>>(rest)?.is_some(),
        6 => sealed::<told::Cell>(rest)?.is_some(),
        7 => sealed::<asked::Cell>(rest)?.is_some(),
        8 => text::<InputOf<Coordinator>>(rest)?.is_some(),
        9 => text::<EffectOf<Coordinator>>(rest)?.is_some(),
        10 => text::<InputOf<Participant>>(rest)?.is_some(),
        _ => text::<EffectOf<Participant>>(rest)?.is_some(),
    };
    Ok(u64::from(decoded))
}

/// A whole coordinator or participant as data, as the first byte says: see [`crate::fuzz::state`].
///
/// # Errors
/// The promise that was broken.
pub fn state(bytes: &[u8]) -> Outcome {
    one_of(bytes, &[read::<OneCoordinator>, read::<OneParticipant>])
}

/// A few members with limits that are soon reached.
pub(crate) fn arbitrary_config(u: &mut Unstructured<'_>) -> Drawn<Config> {
    let members = u.int_in_range(2..=4)?;
    let mut config = Config::new(ClusterId(u.int_in_range(0..=1)?), (1..=members).map(NodeId));
    limit(u, &mut config)?;
    Ok(config)
}

/// Makes the limits such as are soon reached.
pub(crate) fn limit(u: &mut Unstructured<'_>, config: &mut Config) -> Drawn<()> {
    config.numbers_reserved = u.int_in_range(1..=3)?;
    pick::limits(
        u,
        [
            &mut config.max_transactions,
            &mut config.max_participants,
            &mut config.max_work_bytes,
            &mut config.max_bytes,
            &mut config.max_tombstones,
            &mut config.journal_slack,
        ],
    )
}

/// One of these transactions, mostly; or one near the last number of a coordinator.
pub(crate) fn any_tx(
    u: &mut Unstructured<'_>,
    known: &[TxId],
    coordinators: &[NodeId],
    last: u64,
) -> Drawn<TxId> {
    if !known.is_empty() && !u.ratio(1, 4)? {
        return u.choose(known).copied();
    }
    let coordinator = pick::known(u, coordinators)?;
    Ok(TxId { coordinator, number: pick::near(u, last)? })
}

/// A message of any kind about `tx`; its parts mostly such as may be.
pub(crate) fn any_message(
    u: &mut Unstructured<'_>,
    tx: TxId,
    members: &[NodeId],
    kinds: std::ops::RangeInclusive<u8>,
) -> Drawn<Message<Bytes>> {
    let mode: Mode = u.arbitrary()?;
    Ok(match u.int_in_range(kinds)? {
        0 | 1 => Message::Vote { tx, vote: u.arbitrary()? },
        2 => Message::Acknowledge { tx, took: u.arbitrary()? },
        3 => Message::Inquire { tx, mode },
        4 => Message::Answer { tx, outcome: u.arbitrary()? },
        5 | 6 => {
            let peers: Nodes = pick::some(u, members)?.into_iter().collect();
            Message::Prepare { tx, mode, peers, work: pick::payload(u)? }
        }
        7 => Message::OnePhase { tx, work: pick::payload(u)? },
        8 => Message::Decision { tx, mode, outcome: u.arbitrary()? },
        _ => Message::InquirePeer { tx },
    })
}

/// Kinds of [`any_message`] that a coordinator is sent, and that a participant is sent.
pub(crate) const TO_COORDINATOR: std::ops::RangeInclusive<u8> = 0..=4;
pub(crate) const TO_PARTICIPANT: std::ops::RangeInclusive<u8> = 4..=9;
pub(crate) const TO_ANYBODY: std::ops::RangeInclusive<u8> = 0..=9;

/// What kind of a rejection it is.
pub(crate) const fn rejected(reason: Rejection) -> &'static str {
    match reason {
        Rejection::Contradicts => "contradicted",
        Rejection::TooLate => "too late",
        _ => "rejected",
    }
}

/// Whether a journal is as short as one is kept of which so many entries are needed.
pub(crate) fn journal_fits(long: u64, needed: usize, config: &Config) -> Result<(), String> {
    let kept = ENTRIES_PER_NEEDED.saturating_mul(needed);
    let most = kept.saturating_add(config.journal_slack).saturating_add(ENTRIES_PER_STEP);
    if long > most as u64 { Err(format!("{long} entries in the journal, of {most}")) } else { Ok(()) }
}
