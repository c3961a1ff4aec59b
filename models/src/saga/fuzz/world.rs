//! A world of sagas, by bytes.

use arbitrary::{Result as Drawn, Unstructured};

use super::arbitrary_plan;
use crate::fuzz::{Outcome, drawn_world};
use crate::saga::{Menu, SagaSpec};
use crate::world::Limits;

/// An orchestrator, services and their applications: the first bytes say which sagas there are and what may become of
/// them, each two of the others pick what happens next.
///
/// # Errors
/// The property that fell, with a short trace.
pub fn world(bytes: &[u8]) -> Outcome {
    drawn_world(bytes, Limits::faults(16, 6, 6), arbitrary_world)
}

fn arbitrary_world(u: &mut Unstructured<'_>) -> Drawn<SagaSpec> {
    let plans = (0..u.int_in_range(1..=2)?).map(|_| arbitrary_plan(u)).collect::<Drawn<_>>()?;
    let switches: u8 = u.arbitrary()?;
    let on = |bit: u8| switches >> bit & 1 == 1;
    let menu = Menu {
        sagas: u.int_in_range(1..=3)?,
        refusals: on(0),
        bad_refusals: on(1),
        failures: on(2),
        stale: on(3),
        cancels: on(4),
        resolutions: u.int_in_range(0..=3)?,
        forgets: on(5),
    };
    let spec = SagaSpec::new(plans).asked(menu);
    let spec = if on(6) { spec.with_late_answers() } else { spec };
    let short = on(7);
    Ok(spec
        .configured(|config| {
            if short {
                (config.max_sagas, config.max_log_entries) = (2, 6);
            }
        })
        .guarded(|config| {
            if short {
                (config.max_keys, config.max_log_entries) = (8, 16);
            }
        }))
}
