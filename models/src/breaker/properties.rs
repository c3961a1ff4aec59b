//! What is claimed of the breaker: what its documentation promises, and what others of its kind got wrong.

use std::mem::discriminant;
use std::time::Duration;

use quorate::ledger::Output;
use quorate::resilience::breaker::{
    Breaker, Change, Config, Generation, Notice, Outcome, Rejected, Request, State, Token, Unmatched,
};
use quorate::time::Time;

use super::coverage::{
    asked, asked_while_half_open, clock_is_back, ends_again, holds_some, ignores, opens, refuses, round_ends,
    wait_ends,
};
use super::history::{History, Phase, Verdict};
use super::{BreakerSpec, Call};
use crate::spec::{Event, Property, Seen};
use crate::world::World;

/// While half-open, no more tokens are outstanding than probes may be in flight.
pub const PROBE_CAP: &str = "never more probes in flight than the cap";
/// It opens when the rate of failures in the window reaches the threshold over the minimum, and only then.
pub const OPENS: &str = "opens exactly when the window's rate reaches the threshold";
/// A half-open round ends as its outcomes say, and when they say it.
pub const VERDICT: &str = "a half-open round ends exactly as its outcomes say";
/// The end of a token that is not outstanding, or a refused call, changes nothing.
pub const REFUSED: &str = "a token not outstanding changes nothing";
/// No token is told to have ended twice.
pub const ENDS_ONCE: &str = "every token ends once";
/// What is outstanding is what callers hold, neither more nor less.
pub const PERMITS: &str = "no permit is missing";
/// A call is refused for the reason that the state gives.
pub const CAUSE: &str = "a call is refused for cause only";
/// However the callers behave, after a lease and the longest wait a call is admitted.
pub const NEVER_STUCK: &str = "some later acquire is admitted";
/// A reading below the last one neither opens, half-opens nor closes, and ends no lease.
pub const CLOCK_BACK: &str = "a clock that goes back changes nothing";
/// Open times and leases end at the first reading that is their length past the lowest since they began, and
/// whoever is refused is told when that is.
pub const WAITS: &str = "waits end when they are due";
/// Each request is answered once, after what time brought about.
pub const ANSWERED: &str = "every request is answered once";
/// What the breaker can see of itself holds.
pub const INVARIANTS: &str = "the breaker's own invariants";

/// All properties of a world.
pub(super) fn all(spec: &BreakerSpec, callers: usize) -> Vec<Property<BreakerSpec>> {
    let mut all = vec![
        Property::always(PROBE_CAP, probes_are_capped).given(asked_while_half_open),
        Property::observed(OPENS).given(opens),
        Property::observed(VERDICT).given(round_ends),
        Property::observed(REFUSED).given(ignores),
        Property::observed(ENDS_ONCE).given(ends_again),
        Property::always(PERMITS, no_permit_is_missing).given(holds_some),
        Property::observed(CAUSE).given(refuses),
        Property::always(NEVER_STUCK, is_not_stuck).given(refuses),
        Property::observed(CLOCK_BACK).given(clock_is_back),
        Property::observed(WAITS).given(wait_ends),
        Property::observed(ANSWERED).given(asked),
        Property::always(INVARIANTS, agrees_with_itself).given(|_, _| true),
        Property::sometimes("it opens", |world| is(world, State::Open)),
        Property::sometimes("it half-opens", |world| is(world, State::HalfOpen)),
        Property::sometimes("a probe reopens it", |world| {
            is(world, State::HalfOpen)
                && ends(world, Outcome::Failed, |change| matches!(change, Change::Opened { .. }))
        }),
        Property::sometimes("a probe closes it", |world| {
            ends(world, Outcome::Succeeded, |change| change == Change::Closed)
        }),
        Property::sometimes("the probes in flight are as many as may be", |world| {
            let cap = |breaker: &Breaker| breaker.config().probes_in_flight as usize;
            is(world, State::HalfOpen) && world.machines().any(|breaker| breaker.in_flight() == cap(breaker))
        }),
        Property::sometimes("a caller comes late", |world| {
            world.machines().any(|breaker| {
                world.history().calls.iter().any(|call| call.token.generation() != breaker.generation())
            })
        }),
        Property::sometimes("the clock goes back below the last reading", |world| {
            world.nodes().iter().any(|node| node.now < world.history().read)
        }),
    ];
    let config = spec.config();
    if (config.max_in_flight as usize) < callers {
        all.push(Property::sometimes("it is full", |world| {
            world.machines().any(|breaker| breaker.in_flight() == breaker.config().max_in_flight as usize)
        }));
    }
    // A lapsed probe that leaves the round as it is, rather than reopening.
    if config.probes > 1 && !config.probe_threshold.is_reached_by(1, config.probes) {
        all.push(Property::sometimes("a lapsed probe leaves the round going on", |world| {
            is(world, State::HalfOpen) && holds_lapsed(world)
        }));
    } else {
        all.push(Property::sometimes("a probe lapses", |world| {
            is(world, State::HalfOpen)
                && world.history().live().any(|(_, since)| {
                    world.nodes().iter().any(|node| node.now >= since.after(node.machine.config().lease))
                })
        }));
    }
    all
}

fn is(world: &World<BreakerSpec>, state: State) -> bool {
    world.machines().any(|breaker| breaker.state() == state)
}

/// Whether a caller holds a token that lapsed in the present generation.
fn holds_lapsed(world: &World<BreakerSpec>) -> bool {
    world.machines().any(|breaker| {
        let present = |token: &Token| token.generation() == breaker.generation();
        world.history().calls.iter().any(|call| call.since.is_none() && present(&call.token))
    })
}

/// Whether some call that ends this way leads to such a change.
fn ends(world: &World<BreakerSpec>, outcome: Outcome, leads: fn(Change) -> bool) -> bool {
    let now = world.history().read;
    world.machines().any(|breaker| {
        world.history().live().any(|(token, _)| {
            let change = breaker.clone().finish(token.clone(), outcome, now, |_| 0);
            change.is_ok_and(|change| change.is_some_and(leads))
        })
    })
}

fn agrees_with_itself(world: &World<BreakerSpec>) -> bool {
    world.machines().all(|breaker| breaker.check().is_ok())
}

fn probes_are_capped(world: &World<BreakerSpec>) -> bool {
    world.machines().all(|breaker| {
        breaker.state() != State::HalfOpen
            || world.history().live().count() <= breaker.config().probes_in_flight as usize
    })
}

fn no_permit_is_missing(world: &World<BreakerSpec>) -> bool {
    let mut held: Vec<&Token> = world.history().live().map(|(token, _)| token).collect();
    held.sort_unstable();
    world.machines().all(|breaker| {
        let mut outstanding: Vec<Token> = breaker.outstanding().collect();
        outstanding.sort_unstable();
        outstanding.iter().eq(held.iter().copied())
    })
}

/// Nobody who holds a token comes back, whoever calls now does not either, the wait drawn is the longest: after a
/// lease and a wait a call is admitted.
fn is_not_stuck(world: &World<BreakerSpec>) -> bool {
    world.nodes().iter().all(|node| {
        let (mut breaker, config) = (node.machine.clone(), *node.machine.config());
        let longest = |upto: u32| upto.saturating_sub(1);
        let _never_back = breaker.acquire(node.now, longest);
        let later = node.now.after(config.lease).after(BreakerSpec::longest_wait(&config));
        breaker.acquire(later, longest).is_ok()
    })
}

/// Sees one event: follows what the breaker tells, and names the property that it violates.
pub(super) fn observe(
    spec: &BreakerSpec,
    seen: &Seen<'_, BreakerSpec>,
    history: &mut History,
) -> Result<(), &'static str> {
    let Event::Asked(request) = seen.event else { return Ok(()) };
    let now = seen.frozen.now;
    let back = now < history.read;
    history.called(now);
    let mut told = Told {
        config: spec.config(),
        now,
        back,
        history,
        verdict: None,
        wait: None,
        answered: false,
        generation: seen.before.generation(),
    };
    for output in seen.outputs {
        if let Output::Notify(notice) = output {
            told.hear(notice, request)?;
        }
    }
    told.ended()?;
    let Told { wait, history, .. } = told;
    if seen.outputs.iter().any(is_refusal) {
        hold(*seen.after == polled(seen.before, now, wait), REFUSED)?;
    }
    agrees(history, seen.after)?;
    hold(!history.is_overdue(spec.config()), WAITS)?;
    answered_for_cause(seen, history)
}

pub(super) fn hold(holds: bool, property: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(property) }
}

/// What the breaker told in one step, so far.
struct Told<'a> {
    config: &'a Config,
    now: Time,
    /// Whether the clock went back.
    back: bool,
    history: &'a mut History,
    /// What must come next.
    verdict: Option<Verdict>,
    /// The wait that was drawn.
    wait: Option<Duration>,
    answered: bool,
    /// The present one.
    generation: Generation,
}

impl Told<'_> {
    fn hear(&mut self, notice: &Notice, request: &Request) -> Result<(), &'static str> {
        if let Notice::Changed { change, generation } = notice {
            self.generation = *generation;
            return self.changes(*change);
        }
        hold(self.verdict.is_none(), self.decides())?;
        hold(!self.answered, ANSWERED)?;
        match (notice, request) {
            (Notice::Lapsed { token }, _) => return self.lapses(token),
            (Notice::Admitted { id, token }, Request::Acquire { id: asked }) if id == asked => {
                hold(!self.history.knows(token), ENDS_ONCE)?;
                let since = Some(self.now);
                self.history.calls.push(Call { token: token.clone(), since });
            }
            (Notice::Rejected { id, .. }, Request::Acquire { id: asked }) if id == asked => {}
            (Notice::Finished { token, outcome }, Request::Finish { token: asked, outcome: end })
                if token == asked && outcome == end =>
            {
                // One of the present generation has ended before; one of another never ended, it came late.
                let present = token.generation() == self.generation;
                hold(self.history.ended(token), if present { ENDS_ONCE } else { REFUSED })?;
                self.verdict = self.history.count(self.config, *outcome, self.now);
            }
            // Whether it was outstanding, and for what reason it was not, is looked at in the end.
            (Notice::Ignored { token, .. }, Request::Finish { token: asked, .. }) if token == asked => {}
            _ => return Err(ANSWERED),
        }
        self.answered = true;
        Ok(())
    }

    fn lapses(&mut self, token: &Token) -> Result<(), &'static str> {
        hold(!self.back, CLOCK_BACK)?;
        let oldest = self.history.live().map(|(_, since)| since).min();
        let since = self.history.lapsed(token).ok_or(ENDS_ONCE)?;
        let due = since.after(self.config.lease);
        hold(due <= self.now && oldest == Some(since), WAITS)?;
        self.verdict = self.history.count(self.config, Outcome::Failed, due);
        Ok(())
    }

    fn changes(&mut self, change: Change) -> Result<(), &'static str> {
        match (change, self.verdict.take()) {
            (Change::Opened { wait }, Some(Verdict::Opens(since))) => {
                let range = self.config.open_for;
                hold((range.min..=range.max.max(range.min)).contains(&wait), WAITS)?;
                self.wait = Some(wait);
                self.history.enter(Phase::Open { since, wait });
            }
            (Change::Closed, Some(Verdict::Closes)) => {
                self.history.enter(Phase::Closed(Default::default()));
            }
            (Change::HalfOpened, None) => {
                hold(!self.back, CLOCK_BACK)?;
                hold(!self.answered, ANSWERED)?;
                let Phase::Open { since, wait } = self.history.phase else { return Err(self.decides()) };
                hold(self.now >= since.after(wait), WAITS)?;
                self.history.enter(Phase::HalfOpen { successes: 0, failures: 0 });
            }
            // Nothing but an outcome opens or closes; before the answer, there was nothing but a reading.
            (_, None) if self.back && !self.answered => return Err(CLOCK_BACK),
            _ => return Err(self.decides()),
        }
        Ok(())
    }

    /// The property that says when this state ends.
    const fn decides(&self) -> &'static str {
        match self.history.phase {
            Phase::HalfOpen { .. } => VERDICT,
            Phase::Closed(_) => OPENS,
            Phase::Open { .. } => WAITS,
        }
    }

    fn ended(&self) -> Result<(), &'static str> {
        hold(self.verdict.is_none(), self.decides())?;
        hold(self.answered, ANSWERED)
    }
}

fn is_refusal(output: &Output<quorate::machine::Never, Notice>) -> bool {
    matches!(output, Output::Notify(Notice::Ignored { .. } | Notice::Rejected { .. }))
}

/// The breaker when nothing happens but that the clock is read; if it opens, for `wait`.
fn polled(before: &Breaker, now: Time, wait: Option<Duration>) -> Breaker {
    let mut breaker = before.clone();
    let range = breaker.config().open_for;
    let drawn = wait.unwrap_or(range.min).saturating_sub(range.min).as_nanos();
    let span = range.max.saturating_sub(range.min).as_nanos().max(1);
    // The step of the range at which the wait is what was drawn.
    let step = |steps: u32| (drawn * u128::from(steps.saturating_sub(1))).div_ceil(span);
    while breaker.poll(now, |steps| u32::try_from(step(steps)).unwrap_or(u32::MAX)).is_some() {}
    breaker
}

/// Whether the breaker is in the state that the outcomes led to, and counts them as they were.
fn agrees(history: &History, after: &Breaker) -> Result<(), &'static str> {
    let (state, calls, failures) = history.expected();
    let decides = if state == State::HalfOpen { VERDICT } else { OPENS };
    hold(after.state() == state, decides)?;
    hold((after.calls(), after.failures()) == (calls, failures), decides)
}

/// Whether what was refused, or ignored, was refused for the right reason.
fn answered_for_cause(seen: &Seen<'_, BreakerSpec>, history: &mut History) -> Result<(), &'static str> {
    for output in seen.outputs {
        match output {
            Output::Notify(Notice::Rejected { reason, .. }) => {
                let expected = cause(history, seen.after.config()).ok_or(CAUSE)?;
                hold(discriminant(reason) == discriminant(&expected), CAUSE)?;
                hold(*reason == expected, WAITS)?;
            }
            Output::Notify(Notice::Ignored { token, reason }) => {
                let known = history.knows(token);
                let live = history.live().any(|(held, _)| held == token);
                hold(!live, PERMITS)?;
                let expected = match token.generation() == seen.after.generation() {
                    _ if !known => Unmatched::Unknown,
                    true => Unmatched::Ended,
                    false => Unmatched::Late,
                };
                hold(*reason == expected, REFUSED)?;
                // Whoever came late is idle now.
                history.ended(token);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Why a call is to be refused now, if it is.
fn cause(history: &History, config: &Config) -> Option<Rejected> {
    let oldest = history.live().map(|(_, since)| since).min();
    let age = oldest.map_or(Duration::ZERO, |oldest| history.read.since(oldest));
    let retry_after = config.lease.saturating_sub(age);
    let in_flight = history.live().count();
    match history.phase {
        Phase::Open { since, wait } => {
            Some(Rejected::Open { retry_after: wait.saturating_sub(history.read.since(since)) })
        }
        Phase::HalfOpen { successes, failures } => {
            let missing = config.probes.saturating_sub(successes + failures);
            let places = config.probes_in_flight.min(missing) as usize;
            (in_flight >= places).then_some(Rejected::Probing { retry_after })
        }
        Phase::Closed(_) => {
            (in_flight >= config.max_in_flight as usize).then_some(Rejected::Full { retry_after })
        }
    }
}
