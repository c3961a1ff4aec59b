//! Half-open rounds: who is admitted, what counts, and that they end.

use super::*;

#[test]
fn of_four_callers_at_once_exactly_the_cap_is_admitted() {
    let mut s = Scenario::due();
    let admissions: Vec<_> = (0..4).map(|_| s.acquire()).collect();
    assert_eq!(admissions.iter().filter(|admission| admission.is_ok()).count(), 2);
    for rejected in &admissions[2..] {
        assert_eq!(*rejected, Err(Rejected::Probing { retry_after: nanos(50) }));
    }
    assert_eq!((s.breaker.state(), s.breaker.in_flight()), (State::HalfOpen, 2));
}

#[test]
fn the_caller_that_finds_the_open_time_over_is_the_first_probe() {
    let mut s = Scenario::new(Config { min_calls: 1, probes_in_flight: 1, ..config() });
    s.call(Outcome::Failed);
    s.now += 100;
    let first = s.acquire();
    assert!(first.is_ok());
    assert_eq!(s.acquire(), Err(Rejected::Probing { retry_after: nanos(50) }));
}

#[test]
fn an_ended_probe_makes_room_for_one_more() {
    let mut s = Scenario::due();
    let (first, _second) = (s.acquire().unwrap(), s.acquire().unwrap());
    s.finish(first, Outcome::Succeeded).unwrap();
    assert!(s.acquire().is_ok());
    assert!(s.acquire().is_err());
}

#[test]
fn no_more_probes_are_made_than_outcomes_are_missing() {
    let mut s = Scenario::due();
    s.call(Outcome::Succeeded);
    s.call(Outcome::Succeeded);
    let last = s.acquire().unwrap();
    assert!(matches!(s.acquire(), Err(Rejected::Probing { .. })), "2 of 3 are in, the third is in flight");
    assert_eq!(s.finish(last, Outcome::Succeeded), Ok(Some(Change::Closed)));
}

#[test]
fn cancelled_and_ignored_probes_give_their_places_to_others() {
    let mut s = Scenario::due();
    for outcome in [Outcome::Cancelled, Outcome::Ignored, Outcome::Cancelled] {
        let (first, second) = (s.acquire().unwrap(), s.acquire().unwrap());
        assert_eq!(s.finish(first, outcome), Ok(None));
        assert_eq!(s.finish(second, outcome), Ok(None));
    }
    assert_eq!((s.breaker.state(), s.breaker.calls(), s.breaker.in_flight()), (State::HalfOpen, 0, 0));
}

#[test]
fn a_round_of_successes_closes_with_an_empty_window() {
    let mut s = Scenario::due();
    (0..3).for_each(|_| s.call(Outcome::Succeeded));
    assert_eq!((s.breaker.state(), s.breaker.calls(), s.breaker.failures()), (State::Closed, 0, 0));
    (0..3).for_each(|_| s.call(Outcome::Failed));
    assert_eq!(s.breaker.state(), State::Closed, "min_calls holds anew");
}

#[test]
fn a_round_reopens_as_soon_as_its_verdict_is_certain() {
    let half = Config { probes: 4, probes_in_flight: 4, probe_threshold: Ratio::HALF, ..config() };
    let mut s = Scenario::new(half);
    (0..4).for_each(|_| s.call(Outcome::Failed));
    s.now += 100;
    let probes: Vec<Token> = (0..4).map(|_| s.acquire().unwrap()).collect();
    assert_eq!(s.finish(probes[0].clone(), Outcome::Failed), Ok(None));
    s.now += 10;
    assert_eq!(s.finish(probes[1].clone(), Outcome::Failed), Ok(Some(OPENED)));
    assert_eq!(s.finish(probes[2].clone(), Outcome::Succeeded), Err(Unmatched::Late));
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(100) }));
}

#[test]
fn a_round_that_may_fail_in_part_closes_when_all_its_outcomes_are_in() {
    let half = Config { probes: 3, probe_threshold: Ratio::HALF, ..config() };
    let mut s = Scenario::new(half);
    (0..4).for_each(|_| s.call(Outcome::Failed));
    s.now += 100;
    s.call(Outcome::Succeeded);
    s.call(Outcome::Succeeded);
    assert_eq!(s.breaker.state(), State::HalfOpen);
    let last = s.acquire().unwrap();
    assert_eq!(s.finish(last, Outcome::Failed), Ok(Some(Change::Closed)), "1 of 3 is below one half");
}

#[test]
fn results_of_an_older_generation_change_nothing() {
    let mut s = Scenario::new(config());
    let from_closed = s.acquire().unwrap();
    (0..4).for_each(|_| s.call(Outcome::Failed));
    assert_eq!(s.finish(from_closed.clone(), Outcome::Succeeded), Err(Unmatched::Late), "while open");
    s.now += 100;
    let probe = s.acquire().unwrap();
    let before = s.breaker.clone();
    for outcome in [Outcome::Failed, Outcome::Succeeded, Outcome::Cancelled] {
        assert_eq!(s.finish(from_closed.clone(), outcome), Err(Unmatched::Late), "while half-open");
    }
    assert_eq!(s.breaker, before);
    s.call(Outcome::Succeeded);
    s.call(Outcome::Succeeded);
    assert_eq!(s.finish(probe.clone(), Outcome::Succeeded), Ok(Some(Change::Closed)));
    assert_eq!(s.finish(probe, Outcome::Failed), Err(Unmatched::Late), "closed again");
    assert_eq!(s.breaker.calls(), 0);
}

#[test]
fn a_probe_that_never_ends_does_not_keep_the_breaker_half_open() {
    let mut s = Scenario::due();
    let hung = s.acquire().unwrap();
    s.now += 50;
    assert_eq!(
        s.acquire(),
        Err(Rejected::Open { retry_after: nanos(100) }),
        "the lapsed probe failed, which reopens"
    );
    s.now += 100;
    assert!(s.acquire().is_ok());
    assert_eq!(s.finish(hung, Outcome::Succeeded), Err(Unmatched::Late));
}

#[test]
fn a_lapsed_probe_leaves_its_place_and_the_round_goes_on() {
    let patient = Config { probe_threshold: Ratio::new(1, 1).unwrap(), ..config() };
    let mut s = Scenario::new(patient);
    (0..4).for_each(|_| s.call(Outcome::Failed));
    s.now += 100;
    let hung = s.acquire().unwrap();
    s.now += 30;
    let probe = s.acquire().unwrap();
    s.now += 20;
    let third = s.acquire().unwrap();
    assert_eq!((s.breaker.in_flight(), s.breaker.calls(), s.breaker.failures()), (2, 1, 1));
    assert_eq!(s.finish(hung, Outcome::Succeeded), Err(Unmatched::Ended));
    assert_eq!(s.finish(probe, Outcome::Succeeded), Ok(None));
    assert_eq!(s.finish(third, Outcome::Succeeded), Ok(Some(Change::Closed)));
}

#[test]
fn time_that_nobody_watched_passes_all_the_same() {
    let mut s = Scenario::due();
    let hung = s.acquire().unwrap();
    // The lease runs out after 50, the open time 100 later.
    s.now += 149;
    assert_eq!(s.acquire(), Err(Rejected::Open { retry_after: nanos(1) }));
    s.now += 1;
    assert!(s.acquire().is_ok());
    assert_eq!(s.breaker.state(), State::HalfOpen);
    assert_eq!(s.finish(hung, Outcome::Failed), Err(Unmatched::Late));
}
