//! The breaker's specification by example; `laws` has it by property.

mod clock;
mod half_open;
mod laws;
mod outside;

use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::id::{LogId, RequestId};
use crate::machine::{Effect, EffectOf, Input, Machine, Release};

/// Opens at half of 4 or more outcomes in a window of 10, for 100 ns; rounds of 3 probes, 2 at once, that any
/// failure ends; leases of 50 ns; 8 calls at once.
fn config() -> Config {
    Config {
        window: 10,
        min_calls: 4,
        threshold: Ratio::HALF,
        open_for: Delay::exactly(Duration::from_nanos(100)),
        probes: 3,
        probes_in_flight: 2,
        probe_threshold: Ratio::new(1, 3).unwrap(),
        lease: Duration::from_nanos(50),
        max_in_flight: 8,
    }
}

/// A breaker, the time, and no jitter.
struct Scenario {
    breaker: Breaker,
    now: u64,
}

impl Scenario {
    fn new(config: Config) -> Self {
        Self { breaker: Breaker::new(config).unwrap(), now: 1000 }
    }

    /// A breaker of [`config`] that has just opened.
    fn opened() -> Self {
        let mut scenario = Self::new(config());
        (0..4).for_each(|_| scenario.call(Outcome::Failed));
        assert_eq!(scenario.breaker.state(), State::Open);
        scenario
    }

    /// A breaker of [`config`] whose open time has just passed, before anyone has noticed.
    fn due() -> Self {
        let mut scenario = Self::opened();
        scenario.now += 100;
        scenario
    }

    fn acquire(&mut self) -> Result<Token, Rejected> {
        let admission = self.breaker.acquire(Time(self.now), |_| 0);
        assert_eq!(self.breaker.check(), Ok(()));
        admission
    }

    fn finish(&mut self, token: Token, outcome: Outcome) -> Result<Option<Change>, Unmatched> {
        let change = self.breaker.finish(token, outcome, Time(self.now), |_| 0);
        assert_eq!(self.breaker.check(), Ok(()));
        change
    }

    /// A call that begins and ends now.
    fn call(&mut self, outcome: Outcome) {
        let token = self.acquire().expect("admitted");
        self.finish(token, outcome).expect("outstanding");
    }
}

const OPENED: Change = Change::Opened { wait: Duration::from_nanos(100) };

const fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

#[test]
fn after_ten_thousand_successes_five_failures_open_a_window_of_ten() {
    let mut s = Scenario::new(config());
    (0..10_000).for_each(|_| s.call(Outcome::Succeeded));
    (0..4).for_each(|_| s.call(Outcome::Failed));
    assert_eq!((s.breaker.calls(), s.breaker.failures()), (10, 4));
    assert_eq!(s.breaker.state(), State::Closed);
    let fifth = s.acquire().unwrap();
    assert_eq!(s.finish(fifth, Outcome::Failed), Ok(Some(OPENED)));
}

#[test]
fn failures_slide_out_as_they_slid_in() {
    let mut s = Scenario::new(config());
    (0..10).for_each(|_| s.call(Outcome::Succeeded));
    (0..4).for_each(|_| s.call(Outcome::Failed));
    (0..6).for_each(|_| s.call(Outcome::Succeeded));
    assert_eq!(s.breaker.failures(), 4);
    s.call(Outcome::Succeeded);
    assert_eq!(s.breaker.failures(), 3);
    assert!(s.breaker.outcomes().take(3).all(|failed| failed));
}

#[test]
fn below_the_minimum_of_calls_no_rate_opens() {
    let mut s = Scenario::new(config());
    (0..3).for_each(|_| s.call(Outcome::Failed));
    assert_eq!(s.breaker.state(), State::Closed);
    s.call(Outcome::Ignored);
    assert_eq!(s.breaker.state(), State::Closed, "what is ignored is no call");
    let fourth = s.acquire().unwrap();
    assert_eq!(s.finish(fourth, Outcome::Succeeded), Ok(Some(OPENED)), "3 of 4, once there are 4");
}

#[test]
fn the_rate_that_equals_the_threshold_opens_and_the_one_below_does_not() {
    let third = Config { window: 300, min_calls: 300, threshold: Ratio::new(1, 3).unwrap(), ..config() };
    for (failures, state) in [(99, State::Closed), (100, State::Open)] {
        let mut s = Scenario::new(third);
        (0..failures).for_each(|_| s.call(Outcome::Failed));
        (failures..300).for_each(|_| s.call(Outcome::Succeeded));
        assert_eq!(s.breaker.state(), state, "{failures} of 300");
    }
}

#[test]
fn an_open_breaker_rejects_and_says_for_how_long() {
    let mut s = Scenario::opened();
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(100) }));
    s.now += 99;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(1) }));
    s.now += 1;
    assert!(s.acquire().is_ok());
}

#[test]
fn a_second_end_is_found_out_while_closed_too() {
    let mut s = Scenario::new(config());
    let (first, second) = (s.acquire().unwrap(), s.acquire().unwrap());
    assert_eq!(s.finish(first.clone(), Outcome::Failed), Ok(None));
    assert_eq!(s.finish(first, Outcome::Failed), Err(Unmatched::Ended));
    assert_eq!((s.breaker.calls(), s.breaker.in_flight()), (1, 1), "the other call is still in flight");
    assert_eq!(s.finish(second, Outcome::Succeeded), Ok(None));
}

#[test]
fn tokens_end_in_any_order() {
    let mut s = Scenario::new(Config { window: 100, min_calls: 100, ..config() });
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let tokens: Vec<Token> = (0..4).map(|_| s.acquire().unwrap()).collect();
        assert!(s.breaker.outstanding().eq(tokens.iter().cloned()));
        for which in order {
            assert_eq!(s.finish(tokens[which].clone(), Outcome::Failed), Ok(None));
            assert_eq!(s.finish(tokens[which].clone(), Outcome::Failed), Err(Unmatched::Ended));
        }
    }
    assert_eq!((s.breaker.calls(), s.breaker.in_flight()), (12, 0));
}

#[test]
fn a_token_never_given_out_is_unknown() {
    let mut s = Scenario::new(config());
    let _pending = s.acquire().unwrap();
    for (generation, serial) in [(0, 0), (0, 2), (0, u64::MAX), (1, 1), (u64::MAX / 2, 1)] {
        let forged = Token { generation: Generation(generation), serial };
        assert_eq!(s.finish(forged, Outcome::Failed), Err(Unmatched::Unknown), "{generation} {serial}");
    }
    assert_eq!((s.breaker.calls(), s.breaker.in_flight()), (0, 1));
}

#[test]
fn ignored_and_cancelled_calls_give_their_places_back_and_count_nowhere() {
    let mut s = Scenario::new(config());
    for outcome in [Outcome::Ignored, Outcome::Cancelled] {
        (0..100).for_each(|_| s.call(outcome));
    }
    assert_eq!((s.breaker.calls(), s.breaker.in_flight()), (0, 0));
}

#[test]
fn the_limit_on_calls_in_flight_is_exact_and_answered() {
    let mut s = Scenario::new(config());
    let mut tokens: Vec<Token> = (0..8).map(|_| s.acquire().unwrap()).collect();
    s.now += 20;
    assert_eq!(s.acquire(), Err(Rejected::Full { retry_after: nanos(30) }));
    s.finish(tokens.pop().unwrap(), Outcome::Cancelled).unwrap();
    assert!(s.acquire().is_ok());
    assert!(matches!(s.acquire(), Err(Rejected::Full { .. })));
}

#[test]
fn calls_that_hang_open_the_breaker_when_their_leases_run_out() {
    let mut s = Scenario::new(config());
    let hung: Vec<Token> = (0..4).map(|_| s.acquire().unwrap()).collect();
    s.now += 49;
    assert!(s.acquire().is_ok());
    s.now += 1;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(100) }));
    for late in hung {
        assert_eq!(s.finish(late, Outcome::Succeeded), Err(Unmatched::Late));
    }
}

#[test]
fn tokens_that_are_lost_do_not_hold_their_places_for_ever() {
    let never = Ratio::new(1, 1).unwrap();
    let mut s = Scenario::new(Config { threshold: never, ..config() });
    s.call(Outcome::Succeeded);
    let lost: Vec<Token> = (0..8).map(|_| s.acquire().unwrap()).collect();
    assert!(s.acquire().is_err());
    s.now += 50;
    assert!(s.acquire().is_ok());
    assert_eq!((s.breaker.in_flight(), s.breaker.failures()), (1, 8));
    for lost in lost {
        assert_eq!(s.finish(lost, Outcome::Succeeded), Err(Unmatched::Ended));
    }
}

#[test]
fn the_open_time_is_drawn_from_its_range() {
    let range = |min, max| Config { open_for: Delay::between(nanos(min), nanos(max)), ..config() };
    let opened = |config: Config, drawn: u32| {
        let (mut breaker, mut asked) = (Breaker::new(config).unwrap(), Vec::new());
        let mut choose = |upto| {
            asked.push(upto);
            drawn
        };
        let mut changed = None;
        while changed.is_none() {
            let token = breaker.acquire(Time(0), &mut choose).unwrap();
            changed = breaker.finish(token, Outcome::Failed, Time(0), &mut choose).unwrap();
        }
        assert_eq!(breaker.check(), Ok(()));
        let Some(Change::Opened { wait }) = changed else { panic!("{changed:?}") };
        (wait, asked)
    };
    assert_eq!(opened(range(10, 12), 0), (nanos(10), [3].to_vec()), "as few choices as there are waits");
    assert_eq!(opened(range(10, 12), 1), (nanos(11), [3].to_vec()));
    assert_eq!(opened(range(10, 12), 2), (nanos(12), [3].to_vec()));
    assert_eq!(opened(range(10, 12), 9), (nanos(12), [3].to_vec()), "out of range is the last");
    assert_eq!(opened(range(10, 10_000_010), 1023), (nanos(10_000_010), [JITTER_STEPS].to_vec()));
    assert_eq!(opened(range(10, 10), 7), (nanos(10), Vec::new()), "nothing to choose, nothing asked");
    assert_eq!(opened(range(10, 9), 7), (nanos(10), Vec::new()), "a longest below the shortest is none");
    let endless = Config { open_for: Delay::between(nanos(1), Duration::MAX), ..config() };
    assert!(opened(endless, 1023).0 >= nanos(u64::MAX));
}

#[test]
fn what_cannot_work_is_refused_at_birth() {
    let refused = |config| Breaker::new(config).err();
    assert_eq!(refused(Config { window: 0, ..config() }), Some(ConfigError::ZeroWindow));
    assert_eq!(refused(Config { window: MAX_WINDOW + 1, ..config() }), Some(ConfigError::WindowTooLarge));
    assert_eq!(refused(Config { probes_in_flight: 0, ..config() }), Some(ConfigError::ZeroProbesInFlight));
}

fn notices(effects: Vec<EffectOf<Breaker>>) -> Vec<Notice> {
    let notice = |effect| match effect {
        Effect::Notify { notice, release: Release::Free } => notice,
        effect => panic!("{effect:?}"),
    };
    effects.into_iter().map(notice).collect()
}

#[test]
fn the_machine_answers_every_request_once_and_tells_what_happened_before() {
    let mut breaker = Breaker::new(Config { min_calls: 1, ..config() }).unwrap();
    let mut step = |input, now| {
        let (next, effects) = breaker.stepped(Input::Request(input), Time(now), &[]);
        breaker = next;
        notices(effects)
    };
    let id = RequestId(7);
    let token = |generation, serial| Token { generation: Generation(generation), serial };
    let changed = |generation, change| Notice::Changed { generation: Generation(generation), change };
    let (failed, cancelled) = (Outcome::Failed, Outcome::Cancelled);

    assert_eq!(step(Request::Acquire { id }, 0), [Notice::Admitted { id, token: token(0, 1) }]);
    assert_eq!(
        step(Request::Finish { token: token(0, 1), outcome: failed }, 0),
        [Notice::Finished { token: token(0, 1), outcome: failed }, changed(1, OPENED)]
    );
    let reason = Rejected::Open { retry_after: nanos(1) };
    assert_eq!(step(Request::Acquire { id }, 99), [Notice::Rejected { id, reason }]);
    assert_eq!(
        step(Request::Acquire { id }, 100),
        [changed(2, Change::HalfOpened), Notice::Admitted { id, token: token(2, 1) }]
    );
    assert_eq!(
        step(Request::Finish { token: token(0, 1), outcome: failed }, 100),
        [Notice::Ignored { token: token(0, 1), reason: Unmatched::Late }]
    );
    assert_eq!(
        step(Request::Finish { token: token(2, 1), outcome: cancelled }, 300),
        [
            Notice::Lapsed { token: token(2, 1) },
            changed(3, OPENED),
            changed(4, Change::HalfOpened),
            Notice::Ignored { token: token(2, 1), reason: Unmatched::Late }
        ],
        "its lease ran out at 150, and the open time at 250"
    );
}

#[test]
fn the_machine_has_nothing_to_do_at_the_start_nor_with_what_it_never_asked_for() {
    let breaker = Breaker::new(config()).unwrap();
    let loaded = Input::Loaded { log: LogId(0), from: 1, entries: Vec::new() };
    for input in [Input::Start, loaded] {
        let (next, effects) = breaker.stepped(input, Time(5), &[]);
        assert_eq!((next, effects.len()), (breaker.clone(), 0));
    }
}

#[test]
fn what_only_grows_leaves_no_trace_in_the_canonical_form() {
    let mut s = Scenario::new(config());
    let canonical = |s: &Scenario| s.breaker.canonical(Time(s.now));
    (0..9).for_each(|_| s.call(Outcome::Succeeded));
    s.call(Outcome::Failed);
    let pending = s.acquire().unwrap();
    let (at_first, pending_at_first) = (canonical(&s), s.breaker.canonical_token(&pending));

    // Once more through all states, with other times, other serials and the ring elsewhere.
    s.finish(pending, Outcome::Cancelled).unwrap();
    (0..4).for_each(|_| s.call(Outcome::Failed));
    assert_eq!(s.breaker.state(), State::Open);
    s.now += 12_345;
    (0..3).for_each(|_| s.call(Outcome::Succeeded));
    (0..13).for_each(|_| s.call(Outcome::Succeeded));
    s.call(Outcome::Failed);
    let pending = s.acquire().unwrap();
    assert_eq!(canonical(&s), at_first);
    assert_eq!(s.breaker.canonical_token(&pending), pending_at_first);
    s.now += 1;
    assert_ne!(canonical(&s), at_first, "the lease is a little older");
}
