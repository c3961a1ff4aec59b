//! Who holds which token, and the breaker in the plainest words.
//!
//! Where the breaker is right, all of this but the tokens of callers follows from its state, so that it adds no
//! worlds.

use std::time::Duration;

use quorate::id::{Permutation, Permute};
use quorate::resilience::breaker::{Config, Outcome, State, Token};
use quorate::time::Time;
use smallvec::SmallVec;

/// A caller with a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Call {
    /// The token.
    pub token: Token,
    /// While it is outstanding, the lowest reading of the clock since it was given out. Nothing once it has
    /// ended behind the caller's back.
    pub since: Option<Time>,
}

/// The state that the breaker should be in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the three states of the pattern")]
pub enum Phase {
    /// The last outcomes, oldest first; true is a failure.
    Closed(SmallVec<[bool; 8]>),
    /// No call passes.
    Open {
        /// The lowest reading of the clock since it opened.
        since: Time,
        /// For how long.
        wait: Duration,
    },
    /// The outcomes of the round.
    HalfOpen {
        /// How many probes succeeded.
        successes: u32,
        /// How many failed.
        failures: u32,
    },
}

/// What happened so far, as far as properties care.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// The callers that hold a token, by token; all others are idle.
    pub calls: SmallVec<[Call; 4]>,
    /// The last token that a caller ended, to be ended again.
    pub spent: Option<Token>,
    /// The state that the breaker should be in.
    pub phase: Phase,
    /// What the clock read when the breaker was last called.
    pub read: Time,
}

impl Default for History {
    fn default() -> Self {
        Self { calls: SmallVec::new(), spent: None, phase: Phase::Closed(SmallVec::new()), read: Time::ZERO }
    }
}

/// What an outcome should lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The breaker opens, as of this time.
    Opens(Time),
    /// The breaker closes.
    Closes,
}

impl History {
    /// The calls whose tokens are outstanding.
    pub fn live(&self) -> impl Iterator<Item = (&Token, Time)> {
        self.calls.iter().filter_map(|call| call.since.map(|since| (&call.token, since)))
    }

    /// Whether a caller holds or held this token.
    pub(super) fn knows(&self, token: &Token) -> bool {
        self.spent.as_ref() == Some(token) || self.calls.iter().any(|call| call.token == *token)
    }

    /// The breaker is called when the clock reads `now`.
    pub(super) fn called(&mut self, now: Time) {
        self.read = now;
        for since in self.calls.iter_mut().filter_map(|call| call.since.as_mut()) {
            *since = now.min(*since);
        }
        if let Phase::Open { since, .. } = &mut self.phase {
            *since = now.min(*since);
        }
    }

    /// A lease ran out: since when it ran, if the token was outstanding.
    pub(super) fn lapsed(&mut self, token: &Token) -> Option<Time> {
        self.calls.iter_mut().find(|call| call.token == *token)?.since.take()
    }

    /// A caller ended its token, and is idle: whether it was outstanding.
    pub(super) fn ended(&mut self, token: &Token) -> bool {
        let Some(at) = self.calls.iter().position(|call| call.token == *token) else { return false };
        let call = self.calls.remove(at);
        self.spent = Some(call.token);
        call.since.is_some()
    }

    /// A new state begins: no token is outstanding any more.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.calls.iter_mut().for_each(|call| call.since = None);
    }

    /// Whether a time has come by which something should have happened.
    pub(super) fn is_overdue(&self, config: &Config) -> bool {
        let over = match self.phase {
            Phase::Open { since, wait } => self.read >= since.after(wait),
            Phase::Closed(_) | Phase::HalfOpen { .. } => false,
        };
        over || self.live().any(|(_, since)| self.read >= since.after(config.lease))
    }

    /// An outcome counts as of `at`.
    pub(super) fn count(&mut self, config: &Config, outcome: Outcome, at: Time) -> Option<Verdict> {
        let failed = match outcome {
            Outcome::Succeeded => false,
            Outcome::Failed => true,
            Outcome::Ignored | Outcome::Cancelled => return None,
        };
        match &mut self.phase {
            Phase::Closed(window) => {
                window.push(failed);
                if window.len() > config.window as usize {
                    window.remove(0);
                }
                let failures = window.iter().filter(|failed| **failed).count();
                let rate = reached(config.threshold.into(), failures, window.len());
                (rate && window.len() >= config.min_calls as usize).then_some(Verdict::Opens(at))
            }
            Phase::HalfOpen { successes, failures } => {
                *(if failed { &mut *failures } else { &mut *successes }) += 1;
                let (failures, probes) = (*failures as usize, config.probes as usize);
                if reached(config.probe_threshold.into(), failures, probes) {
                    return Some(Verdict::Opens(at));
                }
                (*successes as usize + failures == probes).then_some(Verdict::Closes)
            }
            Phase::Open { .. } => None,
        }
    }

    /// The state that the breaker should be in, and how many outcomes it should count, failures apart.
    pub(super) fn expected(&self) -> (State, u32, u32) {
        let number = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
        match &self.phase {
            Phase::Closed(window) => {
                let failures = window.iter().filter(|failed| **failed).count();
                (State::Closed, number(window.len()), number(failures))
            }
            Phase::Open { .. } => (State::Open, 0, 0),
            Phase::HalfOpen { successes, failures } => (State::HalfOpen, successes + failures, *failures),
        }
    }

    /// Counts time from another origin: what was `from` is `to`.
    pub(super) fn count_time(&mut self, from: Time, to: Time) {
        let moved = |time: Time| Time(time.0.wrapping_sub(from.0).wrapping_add(to.0));
        self.read = moved(self.read);
        for since in self.calls.iter_mut().filter_map(|call| call.since.as_mut()) {
            *since = moved(*since);
        }
        if let Phase::Open { since, .. } = &mut self.phase {
            *since = moved(*since);
        }
    }
}

/// Whether `part` of `whole` is that share or more.
fn reached((numerator, denominator): (u32, u32), part: usize, whole: usize) -> bool {
    whole > 0 && part * denominator as usize >= numerator as usize * whole
}

impl Permute for History {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}
