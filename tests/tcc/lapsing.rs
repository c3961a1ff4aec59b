//! Reservations that lapse, where a limit is declared, and what then becomes of a confirmation.

use std::time::Duration;

use quorate::commit::Outcome;
use quorate::commit::participant::Phase;
use quorate::commit::tcc::coordinator;
use quorate::commit::tcc::service::{Notice, Request, Timer};
use quorate::commit::tcc::{Config, ConfigError};
use quorate::id::ClusterId;
use quorate::time::Delay;

use crate::application::Held;
use crate::bench::{Bench, C, n, tx};

fn lapsing() -> Bench {
    Bench::with(2, |config| config.lapse = Some(Delay::exactly(Duration::from_secs(60))))
}

/// Both have reserved; the reservation of n3 has lapsed, and the decision is not known there.
fn lapsed() -> Bench {
    let mut bench = lapsing();
    bench.begin();
    bench.deliver_round();
    bench.expire(n(3), Timer::Lapse);
    bench
}

#[test]
fn a_reservation_lapses_after_a_whole_period_and_is_released() {
    let mut bench = lapsing();
    bench.begin();
    bench.deliver_round();
    bench.service(n(3), quorate::machine::Input::Timer(Timer::Lapse));
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Reserved), "it may have been reserved just now");
    bench.service(n(3), quorate::machine::Input::Timer(Timer::Lapse));
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Released));
    assert_eq!(
        bench.services[&n(3)].machine.phase(tx(1)),
        Some(Phase::InDoubt { heuristic: Some(Outcome::Abort) })
    );
}

#[test]
fn a_confirmation_after_the_lapse_is_answered_and_told_as_damage_on_both_sides() {
    let mut bench = lapsed();
    bench.application(n(3)).sees_to_damage = false;
    bench.deliver_all();
    assert_eq!(bench.decided(), [(tx(1), Outcome::Commit)]);
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Released), "it is not reserved anew on the quiet");
    let damage = coordinator::Notice::Damage { tx: tx(1), service: n(3), took: Outcome::Abort };
    assert!(bench.heard(&damage));
    assert!(bench.ended(tx(1)), "the coordinator awaits it no more");
    let told = Notice::Damage { tx: tx(1), took: Outcome::Abort, outcome: Outcome::Commit };
    assert!(bench.said(n(3), &told));
    let before = bench.services[&n(3)].notices.len();
    bench.crash(n(3));
    assert!(bench.services[&n(3)].notices[before..].contains(&told), "until somebody has seen to it");
    bench.ask(n(3), Request::Done { tx: tx(1) });
    assert_eq!(bench.services[&n(3)].machine.live(), 0);
}

#[test]
fn a_cancellation_after_the_lapse_changes_nothing() {
    let mut bench = lapsed();
    bench.network.clear();
    bench.deadline();
    bench.deliver_all();
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Released));
    assert_eq!(bench.told(n(3), tx(1)), 1, "it was released once");
    assert!(bench.ended(tx(1)));
    assert!(!bench.coordinator.notices.iter().any(|it| matches!(it, coordinator::Notice::Damage { .. })));
}

#[test]
fn a_release_that_fails_is_tried_again_whatever_is_decided_meanwhile() {
    let mut bench = lapsing();
    bench.works(n(3), false);
    bench.begin();
    bench.deliver_round();
    bench.expire(n(3), Timer::Lapse);
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Reserved));
    bench.deliver_all();
    assert!(bench.ended(tx(1)), "the damage is told at once");
    bench.works(n(3), true);
    bench.expire(n(3), Timer::Retry);
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Released));
    assert_eq!(bench.services[&n(3)].machine.live(), 0);
}

#[test]
fn what_was_decided_in_time_does_not_lapse() {
    let mut bench = lapsing();
    bench.application(n(3)).answers = false;
    bench.begin();
    bench.deliver_all();
    bench.expire(n(3), Timer::Lapse);
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Confirmed));
    assert_eq!(bench.told(n(3), tx(1)), 1);
}

#[test]
fn a_crash_begins_the_wait_anew_and_does_not_end_it() {
    let mut bench = lapsing();
    bench.begin();
    bench.deliver_round();
    bench.service(n(3), quorate::machine::Input::Timer(Timer::Lapse));
    bench.crash(n(3));
    bench.service(n(3), quorate::machine::Input::Timer(Timer::Lapse));
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Reserved));
    bench.service(n(3), quorate::machine::Input::Timer(Timer::Lapse));
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Released));
}

#[test]
fn an_operator_releases_a_reservation_as_if_it_had_lapsed() {
    let mut bench = Bench::new(2);
    bench.begin();
    bench.deliver_round();
    bench.ask(n(3), Request::Release { tx: tx(1) });
    assert!(bench.services[&n(3)].notices.iter().any(|it| matches!(it, Notice::Cancel { lapsed: true, .. })));
    bench.deliver_all();
    let damage = coordinator::Notice::Damage { tx: tx(1), service: n(3), took: Outcome::Abort };
    assert!(bench.heard(&damage));
}

#[test]
fn what_was_released_at_a_service_that_is_written_off_is_let_go_of_by_an_operator() {
    let mut bench = Bench::new(2);
    bench.begin();
    bench.deliver_round();
    bench.intercept(C);
    bench.deadline();
    bench.intercept(n(3));
    assert!(bench.write_off(tx(1), n(3)));
    bench.deliver_all();
    assert!(bench.ended(tx(1)), "nobody will tell n3");
    bench.ask(n(3), Request::Release { tx: tx(1) });
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Released));
    assert_eq!(bench.services[&n(3)].machine.live(), 1, "it waits for what is decided");
    bench.ask(n(3), Request::Forget { tx: tx(1) });
    assert_eq!(bench.services[&n(3)].machine.live(), 0);
    bench.crash(n(3));
    assert_eq!(bench.services[&n(3)].machine.live(), 0);
}

#[test]
fn a_limit_that_could_pass_while_others_are_tried_is_no_configuration() {
    let mut config = Config::new(ClusterId(7), [C, n(2)]);
    config.lapse = Some(Delay::exactly(config.commit.votes.max * 2));
    assert_eq!(config.validate(C), Err(ConfigError::LapsesWhileTrying));
    config.lapse = Some(Delay::exactly(config.commit.votes.max * 3));
    assert_eq!(config.validate(C), Ok(()));
    config.max_attempts = 0;
    assert_eq!(config.validate(C), Err(ConfigError::NoAttempts));
    config.commit.max_tombstones = 0;
    assert!(matches!(config.validate(C), Err(ConfigError::Commit(_))));
}
