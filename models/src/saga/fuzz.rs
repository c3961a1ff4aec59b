//! Sagas told anything, orchestrated and by choreography: the subjects of [`crate::fuzz`], a world by bytes, and the decoders
//! of what is sent, stored and traced.
//!
//! | file | concern |
//! |---|---|
//! | `orchestrator.rs` | one orchestrator among services that may say anything |
//! | `service.rs` | one service among orchestrators that may say anything |
//! | `world.rs` | all of them, by bytes |
//! | `choreography.rs` | one participant among others that may say anything, and the decoders of choreography |

pub mod choreography;
mod orchestrator;
mod service;
mod world;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::durable::Record;
use quorate::machine::{EffectOf, InputOf};
use quorate::saga::Kind::{self, Compensatable, Pivot, Retriable};
use quorate::saga::{Cell, Entry, Message, Outcome as Answered, service as guard};

use super::Plan;
use crate::fuzz::{
    Outcome, Tally, near, one_of, pick, recovery as recovered, sealed, state as read, steps, text,
};

pub use orchestrator::OneOrchestrator;
pub use service::OneService;
pub use world::world;

/// Inputs of any size.
pub type Bytes = Vec<u8>;
type Orchestrator = quorate::saga::Orchestrator<Bytes>;
type Service = quorate::saga::Service<Bytes>;

/// What sagas are made of.
const SHAPES: [&[(Kind, &[u8])]; 6] = [
    &[(Compensatable, &[]), (Compensatable, &[0]), (Compensatable, &[0]), (Pivot, &[1, 2])],
    &[(Compensatable, &[]), (Pivot, &[0]), (Retriable, &[1])],
    &[(Compensatable, &[]), (Compensatable, &[])],
    &[(Compensatable, &[]), (Compensatable, &[0]), (Compensatable, &[1])],
    &[(Pivot, &[]), (Retriable, &[0]), (Retriable, &[0])],
    &[(Compensatable, &[])],
];

/// An orchestrator or a service told anything, as the first byte says: see [`crate::fuzz::steps`].
///
/// # Errors
/// The promise that was broken.
pub fn step(bytes: &[u8]) -> Result<Tally, String> {
    one_of(bytes, &[steps::<OneOrchestrator>, steps::<OneService>])
}

/// An orchestrator or a service that is to come back from any disk, as the first byte says: see
/// [`crate::fuzz::recovery`].
///
/// # Errors
/// The promise that was broken.
pub fn recovery(bytes: &[u8]) -> Result<Tally, String> {
    one_of(bytes, &[recovered::<OneOrchestrator>, recovered::<OneService>])
}

/// What is sent, stored (plain and sealed) and traced. The first byte says which.
///
/// # Errors
/// The promise that was broken.
pub fn data(bytes: &[u8]) -> Outcome {
    let Some((which, rest)) = bytes.split_first() else { return Ok(0) };
    let decoded = match which % 12 {
        0 | 1 => near::<Message<Bytes>>(rest)?.is_some(),
        2 => near::<Record<Cell, Entry<Bytes>>>(rest)?.is_some(),
        3 => near::<Record<guard::Cell, guard::Entry>>(rest)?.is_some(),
        4 => sealed::<Entry<Bytes>>(rest)?.is_some(),
        5 => sealed::<guard::Entry>(rest)?.is_some(),
        6 => sealed::<Cell>(rest)?.is_some(),
        7 => sealed::<guard::Cell>(rest)?.is_some(),
        8 => text::<InputOf<Orchestrator>>(rest)?.is_some(),
        9 => text::<EffectOf<Orchestrator>>(rest)?.is_some(),
        10 => text::<InputOf<Service>>(rest)?.is_some(),
        _ => text::<EffectOf<Service>>(rest)?.is_some(),
    };
    Ok(u64::from(decoded))
}

/// A whole orchestrator or service as data, as the first byte says: see [`crate::fuzz::state`].
///
/// # Errors
/// The promise that was broken.
pub fn state(bytes: &[u8]) -> Outcome {
    one_of(bytes, &[read::<OneOrchestrator>, read::<OneService>])
}

/// A saga of a few steps, at the orchestrator's own application or at two services.
fn arbitrary_plan(u: &mut Unstructured<'_>) -> Drawn<Plan> {
    let mut plan = Plan::of(u.choose(&SHAPES)?);
    let switches: u8 = u.arbitrary()?;
    let services = u64::from(switches >> 1 & 3);
    plan = if switches & 1 == 1 { plan.probed() } else { plan };
    plan = if services > 0 { plan.at_services(services.min(2)) } else { plan };
    plan = if switches >> 3 & 1 == 1 { plan.hurried() } else { plan };
    Ok(plan.tried(u.int_in_range(1..=2)?, u.int_in_range(1..=2)?))
}

/// What a service may answer.
fn any_outcome(u: &mut Unstructured<'_>, epoch: u64) -> Drawn<Answered> {
    Ok(match u.int_in_range(0..=15)? {
        0 => Answered::Superseded { epoch: quorate::saga::Epoch(pick::near(u, epoch)?) },
        1 => Answered::Unseen,
        2..=4 => Answered::Later,
        5..=7 => Answered::Refused,
        8..=10 => Answered::Undone,
        _ => Answered::Done,
    })
}
