//! A world of reservations, by bytes.

use arbitrary::{Result as Drawn, Unstructured};

use crate::fuzz::{Outcome, drawn_world};
use crate::tcc::TccSpec;
use crate::world::Limits;

/// A coordinator, services, their applications and operators: the first bytes say how many and what they may do, each two
/// of the others pick what happens next.
///
/// # Errors
/// The property that fell, with a short trace.
pub fn world(bytes: &[u8]) -> Outcome {
    drawn_world(bytes, Limits::faults(24, 6, 6), arbitrary_world)
}

fn arbitrary_world(u: &mut Unstructured<'_>) -> Drawn<TccSpec> {
    let mut spec = TccSpec::new(u.int_in_range(1..=3)?, u.int_in_range(1..=3)?);
    let switches: u8 = u.arbitrary()?;
    let on = |bit: u8| switches >> bit & 1 == 1;
    spec = if on(0) { spec.willing() } else { spec };
    spec = if on(1) { spec.failing() } else { spec };
    spec = if on(2) { spec.operated() } else { spec };
    spec = if on(3) { spec.lapsing() } else { spec };
    Ok(spec.configured(|config| {
        config.max_attempts = if on(4) { 2 } else { 1 };
        config.commit.max_tombstones = if on(5) { 1 } else { 64 };
        config.commit.journal_slack = if on(6) { 1 } else { 64 };
        config.commit.numbers_reserved = if on(7) { 3 } else { 1 };
    }))
}
