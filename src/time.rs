//! Time as machines see it: passed in, monotonic per node, never read.

use core::time::Duration;

/// A point on one node's monotonic clock, in nanoseconds since an origin that the driver chose.
///
/// Two nodes' times are not comparable. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Time(pub u64);

impl Time {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// This time, `by` later; saturates at the end of the clock (584 years).
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Whole nanoseconds of `duration`, saturating.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How long a timer waits: anywhere from `min` to `max`, drawn by the driver.
///
/// A machine never draws its own jitter: any expiry at any time is safe, the range only serves liveness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Delay {
    /// The shortest wait.
    pub min: Duration,
    /// The longest wait; one below `min` counts as `min`.
    pub max: Duration,
}

impl Delay {
    /// A wait of exactly `duration`.
    #[must_use]
    pub const fn exactly(duration: Duration) -> Self {
        Self { min: duration, max: duration }
    }

    /// A wait between `min` and `max`.
    #[must_use]
    pub const fn between(min: Duration, max: Duration) -> Self {
        Self { min, max }
    }

    /// The wait at `fraction / 2^32` of the range: 0 is `min`, `u32::MAX` almost `max`.
    #[must_use]
    pub fn at(&self, fraction: u32) -> Duration {
        let (min, max) = (nanos(self.min), nanos(self.max));
        let span = u128::from(max.saturating_sub(min));
        let part = (span * u128::from(fraction)) >> 32;
        Duration::from_nanos(min.saturating_add(u64::try_from(part).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_stays_in_its_range_whatever_is_drawn() {
        let delay = Delay::between(Duration::from_millis(150), Duration::from_millis(300));
        assert_eq!(delay.at(0), delay.min);
        assert!(delay.at(u32::MAX) < delay.max);
        assert!(delay.at(1 << 31) == Duration::from_millis(225));
        let inverted = Delay::between(Duration::from_secs(2), Duration::from_secs(1));
        assert_eq!(inverted.at(u32::MAX), inverted.min);
        let endless = Delay::exactly(Duration::MAX);
        assert_eq!(Time(5).after(endless.at(7)), Time(u64::MAX));
    }

    #[test]
    fn a_clock_that_steps_back_yields_zero() {
        assert_eq!(Time(3).since(Time(9)), Duration::ZERO);
    }
}
