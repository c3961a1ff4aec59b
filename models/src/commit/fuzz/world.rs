//! A world of two-phase commit, by bytes.

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::Vote;

use crate::commit::CommitSpec;
use crate::fuzz::{Outcome, drawn_world};
use crate::world::Limits;

/// Coordinators, participants, applications and an operator: the first bytes say who there is and what they may do, each
/// two of the others pick what happens next.
///
/// # Errors
/// The property that fell, with a short trace.
pub fn world(bytes: &[u8]) -> Outcome {
    drawn_world(bytes, Limits::faults(24, 6, 6), arbitrary_world)
}

fn arbitrary_world(u: &mut Unstructured<'_>) -> Drawn<CommitSpec> {
    let mut spec = CommitSpec::new(u.int_in_range(1..=3)?);
    for _ in 0..u.int_in_range(1..=3)? {
        spec = spec.beginning(u.arbitrary()?);
    }
    let votes: &[Vote] = match u.int_in_range(0..=3)? {
        0 => &[Vote::Yes],
        1 => &[Vote::Yes, Vote::ReadOnly],
        2 => &[Vote::Yes, Vote::No, Vote::ReadOnly],
        _ => &[Vote::Yes, Vote::No],
    };
    spec = spec.voting(votes).resolved_at(u.int_in_range(0..=2)?);
    let switches: u8 = u.arbitrary()?;
    let on = |bit: u8| switches >> bit & 1 == 1;
    spec = if on(0) { spec.overlapping() } else { spec };
    spec = if on(1) { spec.cancelled() } else { spec };
    spec = if on(2) { spec.by_position() } else { spec };
    spec = if on(3) { spec.terse() } else { spec };
    spec = if on(4) { spec.with_late_messages() } else { spec };
    Ok(spec.configured(|config| {
        config.max_tombstones = if on(5) { 1 } else { 64 };
        config.journal_slack = if on(6) { 1 } else { 64 };
        config.numbers_reserved = if on(7) { 3 } else { 1 };
    }))
}
