//! A world of Paxos Commit, by bytes. What one machine is told is with two-phase commit: [`crate::commit::fuzz::paxos`].

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::Vote;

use super::PaxosCommitSpec;
use crate::fuzz::{Outcome, drawn_world};
use crate::world::Limits;

/// Leaders, acceptors, resource managers and their applications: the first bytes say how many and what they may do, each
/// two of the others pick what happens next.
///
/// # Errors
/// The property that fell, with a short trace.
pub fn world(bytes: &[u8]) -> Outcome {
    drawn_world(bytes, Limits::faults(24, 6, 6), arbitrary_world)
}

fn arbitrary_world(u: &mut Unstructured<'_>) -> Drawn<PaxosCommitSpec> {
    let (leaders, managers) = (u.int_in_range(1..=3)?, u.int_in_range(1..=3)?);
    let acceptors = if u.ratio(1, 4)? { 1 } else { 3 };
    let votes: &[Vote] = match u.int_in_range(0..=3)? {
        0 => &[Vote::Yes],
        1 => &[Vote::Yes, Vote::ReadOnly],
        2 => &[Vote::Yes, Vote::No],
        _ => &[Vote::Yes, Vote::No, Vote::ReadOnly],
    };
    let ballots: Vec<u64> = (0..leaders).map(|_| u.int_in_range(0..=3)).collect::<Drawn<_>>()?;
    let mut spec = PaxosCommitSpec::new(leaders, acceptors, managers).voting(votes);
    let [switches, limits]: [u8; 2] = u.arbitrary()?;
    let on = |bit: u8| switches >> bit & 1 == 1;
    // Where acceptors ask again for ever, leaders begin any number of ballots.
    spec = spec.balloting((!on(0)).then_some(&ballots));
    spec = if on(1) { spec.hurrying() } else { spec };
    spec = if on(2) { spec.doubting() } else { spec };
    spec = if on(3) { spec.forgetting() } else { spec };
    spec = if on(4) { spec.resending() } else { spec };
    spec = if on(5) { spec.lingering() } else { spec };
    spec = if on(6) { spec.carrying_out() } else { spec };
    spec = if on(7) { spec.with_late_reports() } else { spec };
    let on = |bit: u8| limits >> bit & 1 == 1;
    spec = if on(0) { spec.lean() } else { spec };
    Ok(spec.configured(|config| {
        config.common.journal_slack = if on(1) { 1 } else { 64 };
        config.common.numbers_reserved = if on(2) { 3 } else { 1 };
    }))
}
