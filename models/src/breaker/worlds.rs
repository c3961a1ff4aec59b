//! The portfolio: each configuration explored to the end, with no budget on calls nor on the clock.

use quorate::resilience::breaker::{Config, Ratio};
use quorate::time::Delay;

use super::spec::nanos;
use super::{BreakerSpec, liveness};
use crate::check::{Check, Level, Protocol, at};
use crate::explore::WorldCheck;
use crate::liveness::LivenessCheck;
use crate::world::Limits;

/// The breaker with all of its worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "breaker",
        source: "Nygard, Release It!, 2007, \"Circuit Breaker\"; windows and half-open rounds as in resilience4j",
        checks: checks(),
        simulation: Some(super::simulation()),
    }
}

fn checks() -> Vec<Box<dyn Check>> {
    vec![
        world("one-probe", "one probe at a time, any failure reopens", one_probe),
        world("two-probes", "two probes at once, of which both must fail to reopen", two_probes),
        world("round", "rounds of more probes than may be in flight", round),
        world("long-lease", "leases that outlast the open time", long_lease),
        world("long-wait", "an open time that outlasts leases, drawn from a range", long_wait),
        settling("settles", "a breaker that nobody reports to, while time passes", settles),
        world("window", "a larger window with another threshold, and few callers", window),
    ]
}

fn world(name: &'static str, varies: &'static str, setup: fn(Level) -> BreakerSpec) -> Box<dyn Check> {
    // Nothing is durable: a breaker that comes back is one that begins.
    let limits = Limits { crashes: Some(0), ..Limits::default() };
    Box::new(WorldCheck::new("breaker", name, varies, move |level| (setup(level), limits)))
}

fn settling(name: &'static str, varies: &'static str, setup: fn(Level) -> BreakerSpec) -> Box<dyn Check> {
    let limits = Limits { crashes: Some(0), ..Limits::default() };
    Box::new(LivenessCheck::new("breaker", name, varies, move |level| (setup(level), limits)))
}

/// A ratio that stands; one half if it does not.
fn ratio(numerator: u32, denominator: u32) -> Ratio {
    Ratio::new(numerator, denominator).unwrap_or(Ratio::HALF)
}

/// For how long the breaker stays open, at least and at most, and the lease, in nanoseconds.
fn times(config: &mut Config, min: u64, max: u64, lease: u64) {
    config.open_for = Delay::between(nanos(min), nanos(max));
    config.lease = nanos(lease);
}

fn one_probe(level: Level) -> BreakerSpec {
    BreakerSpec::new()
        .configured(|config| times(config, 1, at(level, 1, 2, 2), at(level, 2, 2, 3)))
        .called_by(at(level, 4, 4, 5))
}

fn two_probes(level: Level) -> BreakerSpec {
    BreakerSpec::new()
        .configured(|config| {
            config.window = at(level, 2, 3, 4);
            config.probes_in_flight = 2;
            config.probe_threshold = ratio(1, 1);
            times(config, 1, 2, at(level, 2, 2, 3));
        })
        .called_by(at(level, 4, 4, 5))
}

fn round(level: Level) -> BreakerSpec {
    BreakerSpec::new().configured(|config| {
        (config.window, config.min_calls) = (1, 1);
        (config.probes, config.probes_in_flight) = (at(level, 4, 5, 6), at(level, 2, 3, 3));
        config.probe_threshold = ratio(1, 2);
        times(config, 1, 1, at(level, 2, 2, 3));
    })
}

fn long_lease(level: Level) -> BreakerSpec {
    BreakerSpec::new()
        .configured(|config| {
            config.max_in_flight = at(level, 2, 2, 3);
            times(config, 1, 1, at(level, 4, 5, 5));
        })
        .called_by(at(level, 3, 4, 4))
}

fn long_wait(level: Level) -> BreakerSpec {
    BreakerSpec::new()
        .configured(|config| {
            config.max_in_flight = 2;
            times(config, 2, at(level, 4, 5, 6), 1);
        })
        .called_by(at(level, 3, 4, 4))
}

fn window(level: Level) -> BreakerSpec {
    BreakerSpec::new()
        .configured(|config| {
            (config.window, config.min_calls) = (at(level, 6, 8, 10), at(level, 4, 5, 6));
            config.threshold = ratio(2, 3);
            config.max_in_flight = 2;
            (config.probes, config.probes_in_flight) = (1, 1);
            times(config, 1, 1, 1);
        })
        .called_by(at(level, 2, 2, 3))
}

fn settles(level: Level) -> BreakerSpec {
    BreakerSpec::new()
        .configured(|config| {
            (config.window, config.max_in_flight) = (2, 2);
            times(config, 1, 1, at(level, 1, 2, 2));
        })
        .called_by(liveness::CALLERS)
}
