//! What a breaker is told at birth, and what it refuses to be told.

use core::fmt;
use core::time::Duration;

use crate::id::no_nodes_inside;
use crate::time::Delay;

/// The largest window: 8 KiB of bits.
pub const MAX_WINDOW: u32 = 1 << 16;

/// The most tokens that may be outstanding at once: 1 MiB of leases.
pub const MAX_IN_FLIGHT: u32 = 1 << 16;

/// A share above 0 and up to 1, exact: `numerator / denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "(u32, u32)"))]
#[cfg_attr(feature = "serde", serde(into = "(u32, u32)"))]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// One half.
    pub const HALF: Self = Self { numerator: 1, denominator: 2 };

    /// `numerator / denominator`.
    ///
    /// # Errors
    /// [`RatioError`], if that is not above 0 and up to 1.
    pub const fn new(numerator: u32, denominator: u32) -> Result<Self, RatioError> {
        if numerator == 0 || numerator > denominator {
            return Err(RatioError { numerator, denominator });
        }
        Ok(Self { numerator, denominator })
    }

    /// Whether `part` of `whole` is this share or more. Never of an empty whole.
    #[must_use]
    pub const fn is_reached_by(self, part: u32, whole: u32) -> bool {
        // Products of two 32-bit numbers fit 64 bits.
        whole > 0 && part as u64 * self.denominator as u64 >= self.numerator as u64 * whole as u64
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

/// A ratio that is not above 0 and up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "it is the refused pair")]
pub struct RatioError {
    /// What was to be the numerator.
    pub numerator: u32,
    /// What was to be the denominator.
    pub denominator: u32,
}

impl fmt::Display for RatioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} is not above 0 and up to 1", self.numerator, self.denominator)
    }
}

impl core::error::Error for RatioError {}

impl TryFrom<(u32, u32)> for Ratio {
    type Error = RatioError;

    fn try_from((numerator, denominator): (u32, u32)) -> Result<Self, RatioError> {
        Self::new(numerator, denominator)
    }
}

impl From<Ratio> for (u32, u32) {
    fn from(ratio: Ratio) -> Self {
        (ratio.numerator, ratio.denominator)
    }
}

/// When a breaker opens, for how long, and how it finds its way back.
///
/// The defaults are those of resilience4j, where it has them: a window of 100 that counts from 100 calls on, a
/// threshold of one half, open for 60 seconds, rounds of 10 probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Config {
    /// How many outcomes the window of the closed state holds: 1 to [`MAX_WINDOW`].
    pub window: u32,
    /// How many outcomes must be in the window before the breaker may open: 1 to `window`.
    pub min_calls: u32,
    /// The breaker opens when this share of the outcomes in the window, or more, are failures.
    pub threshold: Ratio,
    /// How long it stays open; above zero. Where it is a range, the wait is drawn from it at each opening, so
    /// that many breakers in front of one service do not probe it all at once.
    pub open_for: Delay,
    /// How many outcomes a half-open round takes: 1 to [`MAX_WINDOW`].
    pub probes: u32,
    /// How many probes may be in flight at once: 1 to `max_in_flight`. The first one counts.
    pub probes_in_flight: u32,
    /// A round reopens the breaker when this share of its `probes` are failures, as soon as that is certain;
    /// otherwise it closes it, once all outcomes are there. `Ratio::new(1, probes)` reopens at any failure.
    pub probe_threshold: Ratio,
    /// How long a call may take; above zero. A token that has not ended by then is taken to have failed, so
    /// that nothing waits for ever for a caller that never comes back.
    pub lease: Duration,
    /// How many tokens may be outstanding at once, in any state: 1 to [`MAX_IN_FLIGHT`]. Room for them, 16
    /// bytes each, is set aside at birth.
    pub max_in_flight: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: 100,
            min_calls: 100,
            threshold: Ratio::HALF,
            open_for: Delay::exactly(Duration::from_secs(60)),
            probes: 10,
            probes_in_flight: 10,
            probe_threshold: Ratio::HALF,
            lease: Duration::from_secs(60),
            max_in_flight: 1024,
        }
    }
}

impl Config {
    /// Whether a breaker can work by it.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing found wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let at_most = |value: u32, max: u32, zero: ConfigError, over: ConfigError| match value {
            0 => Err(zero),
            _ if value > max => Err(over),
            _ => Ok(()),
        };
        at_most(self.window, MAX_WINDOW, ConfigError::ZeroWindow, ConfigError::WindowTooLarge)?;
        at_most(self.min_calls, self.window, ConfigError::ZeroMinCalls, ConfigError::MinCallsOverWindow)?;
        at_most(self.probes, MAX_WINDOW, ConfigError::ZeroProbes, ConfigError::TooManyProbes)?;
        at_most(self.max_in_flight, MAX_IN_FLIGHT, ConfigError::ZeroInFlight, ConfigError::TooManyInFlight)?;
        let over = ConfigError::ProbesOverInFlight;
        at_most(self.probes_in_flight, self.max_in_flight, ConfigError::ZeroProbesInFlight, over)?;
        if self.open_for.min.is_zero() {
            return Err(ConfigError::ZeroOpenTime);
        }
        if self.lease.is_zero() {
            return Err(ConfigError::ZeroLease);
        }
        Ok(())
    }
}

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// A window over no outcome.
    ZeroWindow,
    /// A window over more than [`MAX_WINDOW`] outcomes.
    WindowTooLarge,
    /// Opening after no call.
    ZeroMinCalls,
    /// More outcomes needed than the window holds: it would never open.
    MinCallsOverWindow,
    /// A half-open round of no probe: it would never end.
    ZeroProbes,
    /// A half-open round of more than [`MAX_WINDOW`] probes.
    TooManyProbes,
    /// No probe may be in flight: it would never close again.
    ZeroProbesInFlight,
    /// More probes in flight than calls.
    ProbesOverInFlight,
    /// No call may be in flight.
    ZeroInFlight,
    /// More calls in flight than [`MAX_IN_FLIGHT`].
    TooManyInFlight,
    /// Open for no time: it would never reject.
    ZeroOpenTime,
    /// A lease of no time: every call would count as failed.
    ZeroLease,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroWindow => f.write_str("window: 0 outcomes"),
            Self::WindowTooLarge => write!(f, "window: more than {MAX_WINDOW} outcomes"),
            Self::ZeroMinCalls => f.write_str("min_calls: 0"),
            Self::MinCallsOverWindow => f.write_str("min_calls: more than the window holds"),
            Self::ZeroProbes => f.write_str("probes: 0"),
            Self::TooManyProbes => write!(f, "probes: more than {MAX_WINDOW}"),
            Self::ZeroProbesInFlight => f.write_str("probes_in_flight: 0"),
            Self::ProbesOverInFlight => f.write_str("probes_in_flight: more than max_in_flight"),
            Self::ZeroInFlight => f.write_str("max_in_flight: 0"),
            Self::TooManyInFlight => write!(f, "max_in_flight: more than {MAX_IN_FLIGHT}"),
            Self::ZeroOpenTime => f.write_str("open_for: no time at all"),
            Self::ZeroLease => f.write_str("lease: no time at all"),
        }
    }
}

impl core::error::Error for ConfigError {}

no_nodes_inside!(Ratio, Config);

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Ratio {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let denominator = u.int_in_range(1..=u32::MAX)?;
        Ok(Self { numerator: u.int_in_range(1..=denominator)?, denominator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default with one thing changed.
    fn refused(change: impl FnOnce(&mut Config)) -> Option<ConfigError> {
        let mut config = Config::default();
        change(&mut config);
        config.check().err()
    }

    #[test]
    fn the_default_stands() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        use ConfigError as E;
        assert_eq!(refused(|c| c.window = 0), Some(E::ZeroWindow));
        assert_eq!(refused(|c| c.window = MAX_WINDOW + 1), Some(E::WindowTooLarge));
        assert_eq!(refused(|c| c.min_calls = 0), Some(E::ZeroMinCalls));
        assert_eq!(refused(|c| c.min_calls = c.window + 1), Some(E::MinCallsOverWindow));
        assert_eq!(refused(|c| c.probes = 0), Some(E::ZeroProbes));
        assert_eq!(refused(|c| c.probes = MAX_WINDOW + 1), Some(E::TooManyProbes));
        assert_eq!(refused(|c| c.probes_in_flight = 0), Some(E::ZeroProbesInFlight));
        assert_eq!(refused(|c| c.probes_in_flight = c.max_in_flight + 1), Some(E::ProbesOverInFlight));
        assert_eq!(refused(|c| c.max_in_flight = 0), Some(E::ZeroInFlight));
        assert_eq!(refused(|c| c.max_in_flight = MAX_IN_FLIGHT + 1), Some(E::TooManyInFlight));
        assert_eq!(refused(|c| c.open_for = Delay::exactly(Duration::ZERO)), Some(E::ZeroOpenTime));
        assert_eq!(refused(|c| c.lease = Duration::ZERO), Some(E::ZeroLease));
    }

    #[test]
    fn the_limits_themselves_stand() {
        assert_eq!(refused(|c| (c.window, c.min_calls) = (MAX_WINDOW, MAX_WINDOW)), None);
        assert_eq!(refused(|c| (c.max_in_flight, c.probes_in_flight) = (MAX_IN_FLIGHT, MAX_IN_FLIGHT)), None);
        assert_eq!(refused(|c| (c.window, c.min_calls, c.probes) = (1, 1, 1)), None);
        assert_eq!(refused(|c| (c.max_in_flight, c.probes_in_flight) = (1, 1)), None);
    }

    #[test]
    fn a_ratio_is_exact_at_its_edge() {
        let third = Ratio::new(1, 3).unwrap();
        assert!(third.is_reached_by(1, 3) && third.is_reached_by(100, 300));
        assert!(!third.is_reached_by(99, 300) && third.is_reached_by(u32::MAX, u32::MAX));
        assert!(!third.is_reached_by(0, 0), "nothing is no share of nothing");
        assert!(Ratio::new(0, 3).is_err() && Ratio::new(4, 3).is_err() && Ratio::new(0, 0).is_err());
        let least = Ratio::new(1, u32::MAX).unwrap();
        assert!(least.is_reached_by(1, u32::MAX) && !least.is_reached_by(0, u32::MAX));
    }
}
