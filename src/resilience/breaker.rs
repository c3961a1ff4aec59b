//! A circuit breaker: stops calling what keeps failing, and finds out with few calls when it is back.
//!
//! Source: the pattern is Michael Nygard's (*Release It!*, 2007, "Circuit Breaker"); window, threshold and
//! half-open rounds follow resilience4j, whose names they carry.
//!
//! ```text
//!            failures in the window >= threshold, over min_calls
//!   Closed ------------------------------------------------------> Open
//!      ^                                                          |    ^
//!      | the round's outcomes are in,             open_for passed |    | failures in the round
//!      | failures < probe_threshold                               v    | >= probe_threshold
//!      '------------------------------------------------------- HalfOpen
//! ```
//!
//! # Promises
//! - **The window slides.** It holds the last [`Config::window`] outcomes, exactly: after 10,000 successes
//!   through a window of 10, five failures open a breaker with a threshold of one half.
//! - **The threshold is exact**, a [`Ratio`] compared in integers after every outcome that counts, once
//!   [`Config::min_calls`] are in the window. As in resilience4j, a rate equal to it opens.
//! - **The cap on probes is exact.** No more than [`Config::probes_in_flight`] tokens are outstanding in the
//!   half-open state. The caller that finds the open time over is admitted as the first of them, and counts.
//!   No more are admitted than outcomes are missing in the round, so that no probe is made in vain.
//! - **Every token ends once**: succeeded, failed, ignored or cancelled. A second end, an end in a later
//!   [`Generation`] and a token never given out change nothing, and are [answered as such](Unmatched).
//! - **It never sticks.** Once `open_for` has passed the next caller is admitted. A token that does not come
//!   back within [`Config::lease`] is taken to have failed: its place is free again, and the round goes on or
//!   reopens. (In resilience4j, a probe that never ended kept the breaker half-open for ever: #903.)
//! - **The clock is passed in, and may go back.** A reading below an earlier one neither opens, half-opens nor
//!   closes. The open time ends at the first reading that is its length past the lowest reading since it
//!   began, and a lease likewise: a step back loses at most the part of *one* wait that had passed, however far
//!   it goes, and readings that arrive slightly out of order from many threads do no harm.
//! - **Bounded, and no allocation after birth**: at most [`Config::max_in_flight`] tokens are outstanding.
//!
//! # Decisions
//! *A half-open round* takes [`Config::probes`] outcomes. It closes the breaker when all are in and
//! too few failed; it reopens it as soon as enough have failed, since no later success could change the
//! verdict. `probe_threshold` is [`Config::threshold`]'s twin; at `1/probes` any failure reopens.
//! Ignored and cancelled probes give their place to another one.
//!
//! *A transition ends every outstanding token*, by beginning a new generation: a call made while the breaker
//! was closed says nothing about a service that has been left alone since.
//!
//! *Outstanding tokens are kept in all states, not only counted.* A bare count would take any second end for the
//! end of another call, and in the closed state it would be the window that is lied to. The price is 16
//! bytes a call in flight and a limit, which answers [`Rejected::Full`]; and since a limit makes every lost
//! token a place lost, tokens have leases in every state. The lease's second use is to open the breaker
//! when calls hang rather than fail, without waiting for the callers' own timeouts.
//!
//! *A lapsed lease needs no new generation:* serials within a generation are not reused, so the late end of a
//! lapsed token is recognised while the other probes of the round go on to count.
//!
//! *Time passes between calls.* There is no timer: [`Breaker::poll`] lets leases lapse and open times end in
//! the order, and as of the time, at which they were due, and every call begins with it.
//!
//! *Nothing is durable.* A new process starts with a closed breaker; tokens do not outlive the breaker that gave
//! them out.
//!
//! # Two ways in
//! [`Breaker::acquire`] and [`Breaker::finish`] are for direct use, behind a lock or within one thread:
//! ```
//! # use core::time::Duration;
//! use quorate::resilience::breaker::{Breaker, Config, ConfigError, Outcome, Rejected};
//! use quorate::time::{Delay, Time};
//!
//! let mut config = Config::default();
//! (config.window, config.min_calls) = (4, 4);
//! config.open_for = Delay::exactly(Duration::from_secs(30));
//! let mut breaker = Breaker::new(config)?;
//! let no_jitter = |_| 0; // open_for is no range, so that nothing is drawn
//!
//! for outcome in [Outcome::Succeeded, Outcome::Failed, Outcome::Succeeded, Outcome::Failed] {
//!     let token = breaker.acquire(Time::ZERO, no_jitter).expect("closed");
//!     let changed = breaker.finish(token, outcome, Time::ZERO, no_jitter);
//!     assert!(changed.is_ok(), "it was outstanding");
//! }
//! let rejected = breaker.acquire(Time::ZERO.after(Duration::from_secs(10)), no_jitter);
//! assert_eq!(rejected, Err(Rejected::Open { retry_after: Duration::from_secs(20) }));
//!
//! let probe = breaker.acquire(Time::ZERO.after(Duration::from_secs(30)), no_jitter);
//! assert!(probe.is_ok());
//! # Ok::<(), ConfigError>(())
//! ```
//! As a [`Machine`](crate::machine::Machine) it takes [`Request`]s and answers with [`Notice`]s, by the same
//! two functions:
//! ```
//! use quorate::id::RequestId;
//! use quorate::machine::{Effect, Input, Machine, Release};
//! use quorate::resilience::breaker::{Breaker, Config, ConfigError, Notice, Outcome, Request};
//! use quorate::time::Time;
//!
//! let breaker = Breaker::new(Config::default())?;
//! let acquire = Input::Request(Request::Acquire { id: RequestId(7) });
//! let (breaker, effects) = breaker.stepped(acquire, Time::ZERO, &[]);
//! let [Effect::Notify { notice: Notice::Admitted { id: RequestId(7), token }, release: Release::Free }] =
//!     effects.as_slice()
//! else {
//!     panic!("a closed breaker admits")
//! };
//! let finish = Input::Request(Request::Finish { token: token.clone(), outcome: Outcome::Succeeded });
//! let (breaker, _) = breaker.stepped(finish, Time::ZERO, &[]);
//! assert_eq!((breaker.calls(), breaker.failures(), breaker.in_flight()), (1, 0, 0));
//! # Ok::<(), ConfigError>(())
//! ```

mod canonical;
mod config;
mod machine;
#[cfg(any(feature = "serde", feature = "arbitrary"))]
mod outside;
#[cfg(test)]
mod tests;
mod token;
mod window;

use core::fmt;
use core::time::Duration;

use crate::id::no_nodes_inside;
use crate::time::{Delay, Time};

pub use config::{Config, ConfigError, MAX_IN_FLIGHT, MAX_WINDOW, Ratio, RatioError};
pub use machine::{Notice, Request};
pub use token::{Generation, Outcome, Token, Unmatched};

use token::Outstanding;
use window::Window;

/// The most steps into which the range of the open time is divided for [drawing](Breaker::poll) from it.
pub const JITTER_STEPS: u32 = 1024;

/// A circuit breaker. See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "outside::Parts"))]
pub struct Breaker {
    config: Config,
    generation: Generation,
    phase: Phase,
    /// Empty unless closed.
    window: Window,
    /// Empty while open.
    outstanding: Outstanding,
}

/// What the breaker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Phase {
    Closed,
    Open {
        /// The lowest reading of the clock since it opened.
        since: Time,
        /// How long past it the first probe is admitted.
        wait: Duration,
    },
    HalfOpen {
        successes: u32,
        failures: u32,
    },
}

/// The state of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the three states of the pattern")]
pub enum State {
    /// Calls pass, and their outcomes are counted.
    Closed,
    /// No call passes.
    Open,
    /// A few calls pass, to find out whether more would.
    HalfOpen,
}

/// A transition. The breaker's [generation](Breaker::generation) is a new one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the transitions to the three states of the pattern")]
pub enum Change {
    /// Too many calls failed, or too many probes: no call passes for a while.
    Opened {
        /// How long the breaker stays open, as drawn.
        wait: Duration,
    },
    /// The open time is over: probes pass.
    HalfOpened,
    /// Enough probes succeeded: calls pass.
    Closed,
}

/// What the passing of time brought about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the two things that have a due time")]
pub enum Event {
    /// A token's lease ran out: it has ended, and counts as failed.
    Lapsed {
        /// The token.
        token: Token,
        /// The transition that its failure led to.
        change: Option<Change>,
    },
    /// The open time is over: [`Change::HalfOpened`].
    HalfOpened,
}

/// Why a call was not admitted. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "one for each state")]
pub enum Rejected {
    /// The breaker is open.
    Open {
        /// How much of the open time is left: the first call after it is admitted.
        retry_after: Duration,
    },
    /// The breaker is half-open, and as many probes are in flight as may be.
    Probing {
        /// How much of the oldest probe's lease is left: it may well end sooner.
        retry_after: Duration,
    },
    /// [`Config::max_in_flight`] calls are in flight.
    Full {
        /// How much of the oldest call's lease is left: it may well end sooner.
        retry_after: Duration,
    },
}

impl Rejected {
    /// How long to wait before trying again.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        match *self {
            Self::Open { retry_after } | Self::Probing { retry_after } | Self::Full { retry_after } => {
                retry_after
            }
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { retry_after } => write!(f, "the breaker is open for another {retry_after:?}"),
            Self::Probing { .. } => f.write_str("the breaker is half-open and its probes are in flight"),
            Self::Full { .. } => f.write_str("too many calls are in flight"),
        }
    }
}

impl core::error::Error for Rejected {}

no_nodes_inside!(Breaker, State, Change, Event, Rejected);

impl Breaker {
    /// A closed breaker with an empty window, in generation 0.
    ///
    /// # Errors
    /// [`ConfigError`], if no breaker can work by `config`.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            generation: Generation(0),
            phase: Phase::Closed,
            window: Window::new(config.window),
            outstanding: Outstanding::with_capacity(config.max_in_flight as usize),
        })
    }

    /// Asks to make a call at `now`.
    ///
    /// `choose` is asked as in [`poll`](Self::poll), which this begins with.
    ///
    /// # Errors
    /// [`Rejected`]: the call must not be made.
    pub fn acquire(&mut self, now: Time, mut choose: impl FnMut(u32) -> u32) -> Result<Token, Rejected> {
        while self.poll(now, &mut choose).is_some() {}
        let in_flight = self.outstanding.len();
        match self.phase {
            Phase::Open { since, wait } => {
                return Err(Rejected::Open { retry_after: wait.saturating_sub(now.since(since)) });
            }
            Phase::HalfOpen { .. } if in_flight >= self.places_for_probes() => {
                return Err(Rejected::Probing { retry_after: self.oldest_lapses_in(now) });
            }
            _ if in_flight >= self.config.max_in_flight as usize => {
                return Err(Rejected::Full { retry_after: self.oldest_lapses_in(now) });
            }
            Phase::Closed | Phase::HalfOpen { .. } => {}
        }
        Ok(Token { generation: self.generation, serial: self.outstanding.admit(now) })
    }

    /// Ends `token` at `now`: the call it admitted had this outcome. Returns the transition that it led to.
    ///
    /// `choose` is asked as in [`poll`](Self::poll), which this begins with: a token that ends after its lease
    /// has lapsed.
    ///
    /// # Errors
    /// [`Unmatched`], if the token is not outstanding: it changed nothing.
    pub fn finish(
        &mut self,
        token: Token,
        outcome: Outcome,
        now: Time,
        mut choose: impl FnMut(u32) -> u32,
    ) -> Result<Option<Change>, Unmatched> {
        while self.poll(now, &mut choose).is_some() {}
        if token.generation != self.generation {
            let late = token.generation.is_before(self.generation);
            return Err(if late { Unmatched::Late } else { Unmatched::Unknown });
        }
        self.outstanding.end(token.serial)?;
        Ok(match outcome {
            Outcome::Succeeded => self.count(false, now, choose),
            Outcome::Failed => self.count(true, now, choose),
            Outcome::Ignored | Outcome::Cancelled => None,
        })
    }

    /// Lets one thing happen that was due by `now`: a lease that lapsed, or the end of the open time.
    ///
    /// [`acquire`](Self::acquire) and [`finish`](Self::finish) do this by themselves until nothing is due. Who
    /// wants to be told calls it before them, or from a timer of their own, until it returns `None`; that takes
    /// at most as many calls as tokens are outstanding, and 2.
    ///
    /// `choose(n)` is to return a number below `n`, at random: the jitter, if this opens the breaker and
    /// [`Config::open_for`] is a range. `n` is at most [`JITTER_STEPS`].
    pub fn poll(&mut self, now: Time, choose: impl FnOnce(u32) -> u32) -> Option<Event> {
        self.outstanding.observe(now);
        if let Phase::Open { since, wait } = &mut self.phase {
            *since = now.min(*since);
            if !has_passed(*wait, *since, now) {
                return None;
            }
            self.enter(Phase::HalfOpen { successes: 0, failures: 0 });
            return Some(Event::HalfOpened);
        }
        let oldest = self.outstanding.oldest()?;
        if !has_passed(self.config.lease, oldest.since, now) {
            return None;
        }
        let token = Token { generation: self.generation, serial: oldest.serial };
        self.outstanding.end(oldest.serial).ok()?;
        let due = oldest.since.after(self.config.lease);
        Some(Event::Lapsed { token, change: self.count(true, due, choose) })
    }

    /// Counts an outcome as of `at`, and draws the conclusion.
    fn count(&mut self, failed: bool, at: Time, choose: impl FnOnce(u32) -> u32) -> Option<Change> {
        match &mut self.phase {
            Phase::Closed => {
                self.window.record(failed);
                self.is_over_threshold().then(|| self.open(at, choose))
            }
            Phase::HalfOpen { failures, .. } if failed => {
                *failures = failures.saturating_add(1);
                let reopens = self.config.probe_threshold.is_reached_by(*failures, self.config.probes);
                reopens.then(|| self.open(at, choose)).or_else(|| self.close_if_complete())
            }
            Phase::HalfOpen { successes, .. } => {
                *successes = successes.saturating_add(1);
                self.close_if_complete()
            }
            // No token is outstanding while open.
            Phase::Open { .. } => None,
        }
    }

    fn open(&mut self, at: Time, choose: impl FnOnce(u32) -> u32) -> Change {
        let wait = draw(self.config.open_for, choose);
        self.enter(Phase::Open { since: at, wait });
        Change::Opened { wait }
    }

    /// Ends the round if its outcomes are all in. That it does not reopen was seen before.
    fn close_if_complete(&mut self) -> Option<Change> {
        (self.probes_missing() == 0).then(|| {
            self.enter(Phase::Closed);
            Change::Closed
        })
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation = self.generation.next();
        self.outstanding.clear();
        self.window.clear();
    }

    fn is_over_threshold(&self) -> bool {
        let (calls, failures) = (self.window.len(), self.window.failures());
        calls >= self.config.min_calls && self.config.threshold.is_reached_by(failures, calls)
    }

    /// How many outcomes the half-open round still needs.
    const fn probes_missing(&self) -> u32 {
        self.config.probes.saturating_sub(self.calls())
    }

    /// How many probes may be in flight.
    fn places_for_probes(&self) -> usize {
        self.config.probes_in_flight.min(self.probes_missing()) as usize
    }

    fn oldest_lapses_in(&self, now: Time) -> Duration {
        let age = self.outstanding.oldest().map(|oldest| now.since(oldest.since));
        self.config.lease.saturating_sub(age.unwrap_or_default())
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The state, as of the last call: time that has passed since is not in it.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// The present generation. It changes with every transition, and with nothing else.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// How many tokens of the present generation are outstanding.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.outstanding.len()
    }

    /// The outstanding tokens, oldest first.
    pub fn outstanding(&self) -> impl Iterator<Item = Token> {
        self.outstanding.iter().map(|lease| Token { generation: self.generation, serial: lease.serial })
    }

    /// How many outcomes are counted: in the window, or in the half-open round.
    #[must_use]
    pub const fn calls(&self) -> u32 {
        match self.phase {
            Phase::HalfOpen { successes, failures } => successes.saturating_add(failures),
            Phase::Closed | Phase::Open { .. } => self.window.len(),
        }
    }

    /// How many of the [`calls`](Self::calls) counted are failures.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        match self.phase {
            Phase::HalfOpen { failures, .. } => failures,
            Phase::Closed | Phase::Open { .. } => self.window.failures(),
        }
    }

    /// The outcomes in the window, oldest first; true is a failure. Empty unless closed.
    pub fn outcomes(&self) -> impl Iterator<Item = bool> {
        self.window.iter()
    }

    /// Whether the breaker is as one that came from [`new`](Self::new) can be.
    ///
    /// # Errors
    /// The invariant that is broken, in a few words.
    pub fn check(&self) -> Result<(), &'static str> {
        self.config.check().map_err(|_| "the configuration does not stand")?;
        self.window.check(self.config.window)?;
        self.outstanding.check()?;
        let in_flight = self.outstanding.len();
        if in_flight > self.config.max_in_flight as usize {
            return Err("more calls are in flight than may be");
        }
        if self.phase != Phase::Closed && self.window.len() > 0 {
            return Err("the window counts although the breaker is not closed");
        }
        match self.phase {
            Phase::Closed if self.is_over_threshold() => {
                Err("the breaker is closed although its window is over the threshold")
            }
            Phase::Open { .. } if in_flight > 0 => Err("calls are in flight although the breaker is open"),
            Phase::Open { wait, .. } if wait > longest(self.config.open_for) => {
                Err("the breaker is open for longer than configured")
            }
            Phase::HalfOpen { .. } if in_flight > self.places_for_probes() => {
                Err("more probes are in flight than may be")
            }
            Phase::HalfOpen { .. } if self.probes_missing() == 0 => {
                Err("the breaker is half-open although the round is complete")
            }
            Phase::HalfOpen { failures, .. }
                if self.config.probe_threshold.is_reached_by(failures, self.config.probes) =>
            {
                Err("the breaker is half-open although too many probes failed")
            }
            Phase::Closed | Phase::Open { .. } | Phase::HalfOpen { .. } => Ok(()),
        }
    }
}

/// Whether `now` is `wait` past `since`, or more. Spares the hot path the division in a `Duration` of nanoseconds.
fn has_passed(wait: Duration, since: Time, now: Time) -> bool {
    u128::from(now.0.saturating_sub(since.0)) >= wait.as_nanos()
}

/// The longest wait that `range` stands for.
fn longest(range: Delay) -> Duration {
    range.max.max(range.min)
}

/// A wait from `range`, both ends included. Asks nothing of `choose` where there is nothing to choose.
fn draw(range: Delay, choose: impl FnOnce(u32) -> u32) -> Duration {
    let span = longest(range).saturating_sub(range.min).as_nanos();
    let steps = u32::try_from(span).map_or(JITTER_STEPS, |span| span.saturating_add(1).min(JITTER_STEPS));
    let last = u128::from(steps.saturating_sub(1));
    if last == 0 {
        return range.min;
    }
    let step = u128::from(choose(steps)).min(last);
    let part = u64::try_from(span * step / last).unwrap_or(u64::MAX);
    range.min.saturating_add(Duration::from_nanos(part))
}
