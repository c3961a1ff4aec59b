//! A world of sagas by choreography, by bytes. What one participant is told is with sagas: [`crate::saga::fuzz`].

use arbitrary::{Result as Drawn, Unstructured};
use quorate::saga::Kind::{Compensatable, Pivot, Retriable};

use super::{ChoreographySpec, Menu, Plan, PlanStep};
use crate::fuzz::{Outcome, drawn_world};
use crate::world::Limits;

/// Participants, their applications and operators: the first bytes say which sagas there are and what may become of
/// them, each two of the others pick what happens next.
///
/// # Errors
/// The property that fell, with a short trace.
pub fn world(bytes: &[u8]) -> Outcome {
    drawn_world(bytes, Limits::faults(16, 6, 6), arbitrary_world)
}

fn arbitrary_world(u: &mut Unstructured<'_>) -> Drawn<ChoreographySpec> {
    let nodes = u.int_in_range(1..=3)?;
    let plans = (0..u.int_in_range(1..=2)?).map(|_| arbitrary_plan(u, nodes)).collect::<Drawn<_>>()?;
    let switches: u8 = u.arbitrary()?;
    let on = |bit: u8| switches >> bit & 1 == 1;
    let menu = Menu {
        sagas: u.int_in_range(1..=3)?,
        initiators: u.int_in_range(1..=nodes)?,
        refusals: on(0),
        failures: on(1),
        late: on(2),
        timeouts: on(3),
        cancels: on(4),
        resolutions: u.int_in_range(0..=3)?,
        forgets: on(5),
    };
    let (few, short) = (on(6), on(7));
    Ok(ChoreographySpec::new(nodes, plans).asked(menu).configured(|config| {
        config.max_sagas = if few { 1 } else { 3 };
        if short {
            // The least that there may be.
            config.max_log_entries = config.max_sagas as u64 * nodes * 2;
        }
    }))
}

/// Up to five steps at any nodes: some before the pivot, if there is one, some after it, each after some of those before it.
fn arbitrary_plan(u: &mut Unstructured<'_>, nodes: u64) -> Drawn<Plan> {
    let (before, pivot, beyond) = (u.int_in_range(0..=2)?, u.arbitrary::<bool>()?, u.int_in_range(0..=2)?);
    let before = if pivot { before } else { before + 1 };
    let steps = before + usize::from(pivot) * (1 + beyond);
    let attempts = (u.int_in_range(1..=2)?, u.int_in_range(1..=2)?);
    let step = |at: usize| {
        let kind = match at {
            at if at < before => Compensatable,
            at if at == before => Pivot,
            _ => Retriable,
        };
        let (least, drawn): (usize, u8) = (if at > before { before } else { 0 }, u.arbitrary()?);
        // The pivot comes after all before it, and all beyond come after the pivot.
        let must = |on: usize| at == before && pivot || at > before && on == before;
        let after = (least..at).filter(|on| must(*on) || drawn >> (on % 8) & 1 == 1);
        let after = after.filter_map(|on| u8::try_from(on).ok()).collect();
        let service = u.int_in_range(0..=nodes - 1)?;
        Ok(PlanStep { service, kind, after, probed: u.arbitrary()?, attempts })
    };
    let steps = (0..steps).map(step).collect::<Drawn<_>>()?;
    Ok(Plan { steps, hurried: u.arbitrary()? })
}
