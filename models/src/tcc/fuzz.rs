//! Try, confirm, cancel told anything: the subjects of [`crate::fuzz`], a world by bytes, and the decoders of what is sent
//! and traced. What is stored is two-phase commit's.
//!
//! | file | concern |
//! |---|---|
//! | `coordinator.rs` | one coordinator among services that may say anything |
//! | `service.rs` | one service among coordinators that may say anything |
//! | `world.rs` | all of them, by bytes |

mod coordinator;
mod service;
mod world;

use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::TxId;
use quorate::commit::tcc::{Config, Member, Message};
use quorate::id::ClusterId;
use quorate::machine::{EffectOf, InputOf};
use quorate::time::Delay;

use crate::commit::fuzz::{Bytes, arbitrary_config as common};
use crate::fuzz::{Outcome, Tally, near, one_of, pick, recovery as recovered, state as read, steps, text};

pub use coordinator::OneCoordinator;
pub use service::OneService;
pub use world::world;

type Coordinator = quorate::commit::tcc::Coordinator<Bytes>;
type Service = quorate::commit::tcc::Service<Bytes>;

/// A coordinator or a service told anything, as the first byte says: see [`crate::fuzz::steps`].
///
/// # Errors
/// The promise that was broken.
pub fn step(bytes: &[u8]) -> Result<Tally, String> {
    one_of(bytes, &[steps::<OneCoordinator>, steps::<OneService>])
}

/// A coordinator or a service that is to come back from any disk, as the first byte says: see
/// [`crate::fuzz::recovery`].
///
/// # Errors
/// The promise that was broken.
pub fn recovery(bytes: &[u8]) -> Result<Tally, String> {
    one_of(bytes, &[recovered::<OneCoordinator>, recovered::<OneService>])
}

/// What is sent and traced. The first byte says which.
///
/// # Errors
/// The promise that was broken.
pub fn data(bytes: &[u8]) -> Outcome {
    let Some((which, rest)) = bytes.split_first() else { return Ok(0) };
    let decoded = match which % 6 {
        0 | 1 => near::<Message<Bytes>>(rest)?.is_some(),
        2 => text::<InputOf<Coordinator>>(rest)?.is_some(),
        3 => text::<EffectOf<Coordinator>>(rest)?.is_some(),
        4 => text::<InputOf<Service>>(rest)?.is_some(),
        _ => text::<EffectOf<Service>>(rest)?.is_some(),
    };
    Ok(u64::from(decoded))
}

/// A whole coordinator or service as data, as the first byte says: see [`crate::fuzz::state`].
///
/// # Errors
/// The promise that was broken.
pub fn state(bytes: &[u8]) -> Outcome {
    one_of(bytes, &[read::<OneCoordinator>, read::<OneService>])
}

/// A few members with limits that are soon reached, and one of them.
fn arbitrary_member(u: &mut Unstructured<'_>) -> Drawn<Member> {
    let common = common(u)?;
    let mut config = Config::new(ClusterId(0), []);
    config.max_attempts = u.int_in_range(1..=3)?;
    config.lapse = u.arbitrary::<bool>()?.then(|| Delay::exactly(Duration::from_secs(60)));
    let me = *u.choose(&common.members)?;
    config.commit = common;
    Ok(Member { me, config: Arc::new(config) })
}

/// A message of one of these kinds.
fn any_message(
    u: &mut Unstructured<'_>,
    tx: TxId,
    kinds: std::ops::RangeInclusive<u8>,
) -> Drawn<Message<Bytes>> {
    Ok(match u.int_in_range(kinds)? {
        0 | 1 => Message::Tried { tx, reserved: u.arbitrary()? },
        2 => Message::Done { tx, took: u.arbitrary()? },
        3 => Message::Stuck { tx },
        4 | 5 => Message::Try { tx, work: pick::payload(u)? },
        6 => Message::Confirm { tx },
        _ => Message::Cancel { tx },
    })
}

/// Kinds of messages that a coordinator is sent, and that a service is sent.
const TO_COORDINATOR: std::ops::RangeInclusive<u8> = 0..=3;
const TO_SERVICE: std::ops::RangeInclusive<u8> = 4..=7;
const TO_ANYBODY: std::ops::RangeInclusive<u8> = 0..=7;
