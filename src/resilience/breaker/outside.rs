//! Breakers from outside: whatever the bytes say, only a breaker that passes its own checks comes of them.

use super::Breaker;

/// A breaker as it was written down, not yet checked.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
pub(super) struct Parts {
    config: super::Config,
    generation: super::Generation,
    phase: super::Phase,
    window: super::Window,
    outstanding: super::Outstanding,
}

#[cfg(feature = "serde")]
impl TryFrom<Parts> for Breaker {
    type Error = &'static str;

    fn try_from(parts: Parts) -> Result<Self, &'static str> {
        let Parts { config, generation, phase, window, outstanding } = parts;
        let breaker = Self { config, generation, phase, window, outstanding };
        breaker.check().map(|()| breaker)
    }
}

/// A breaker that something has happened to, so that only reachable states come up.
#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Breaker {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        use super::{Config, Outcome, Ratio};
        use crate::time::{Delay, Time};
        use alloc::vec::Vec;
        use core::time::Duration;

        let window = u.int_in_range(1..=200)?;
        let max_in_flight = u.int_in_range(1..=8)?;
        let config = Config {
            window,
            min_calls: u.int_in_range(1..=window)?,
            threshold: Ratio::arbitrary(u)?,
            open_for: Delay::exactly(Duration::from_nanos(u.int_in_range(1..=8)?)),
            probes: u.int_in_range(1..=8)?,
            probes_in_flight: u.int_in_range(1..=max_in_flight)?,
            probe_threshold: Ratio::arbitrary(u)?,
            lease: Duration::from_nanos(u.int_in_range(1..=16)?),
            max_in_flight,
        };
        let mut breaker = Self::new(config).map_err(|_| arbitrary::Error::IncorrectFormat)?;
        let mut now = Time::ZERO;
        let mut tokens = Vec::new();
        for _ in 0..u.int_in_range(0..=400)? {
            if u.is_empty() {
                break;
            }
            match u.arbitrary::<Option<Outcome>>()? {
                None => tokens.extend(breaker.acquire(now, |_| 0)),
                Some(outcome) => {
                    if let Some(token) = tokens.pop() {
                        let _late_or_not = breaker.finish(token, outcome, now, |_| 0);
                    }
                }
            }
            now = now.after(Duration::from_nanos(u.int_in_range(0..=3)?));
        }
        Ok(breaker)
    }
}
