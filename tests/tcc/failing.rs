//! Confirming or cancelling fails: tried again, then stuck, and resolved by an operator.

use quorate::commit::Outcome;
use quorate::commit::participant::{Phase, Refusal};
use quorate::commit::tcc::coordinator;
use quorate::commit::tcc::service::{Notice, Request, Timer};

use crate::application::Held;
use crate::bench::{Bench, n, tx};

/// Two services, of which one cannot confirm.
fn failing_to_confirm() -> Bench {
    let mut bench = Bench::new(2);
    bench.works(n(3), false);
    bench.begin();
    bench.deliver_all();
    bench
}

/// It has failed as often as it may.
fn stuck() -> Bench {
    let mut bench = failing_to_confirm();
    bench.expire(n(3), Timer::Retry);
    bench.deliver_all();
    bench
}

#[test]
fn what_fails_is_told_again_until_it_works() {
    let mut bench = failing_to_confirm();
    assert_eq!(bench.told(n(3), tx(1)), 1);
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Reserved));
    assert!(!bench.ended(tx(1)));
    bench.works(n(3), true);
    bench.service(n(3), quorate::machine::Input::Timer(Timer::Retry));
    assert_eq!(bench.told(n(3), tx(1)), 1, "not before a whole period");
    bench.service(n(3), quorate::machine::Input::Timer(Timer::Retry));
    bench.deliver_all();
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Confirmed));
    assert!(bench.ended(tx(1)));
}

#[test]
fn a_cancellation_that_fails_is_told_again_too() {
    let mut bench = Bench::new(2);
    bench.works(n(3), false);
    bench.begin();
    bench.deliver_round();
    bench.network.clear();
    bench.deadline();
    bench.deliver_all();
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Reserved));
    bench.works(n(3), true);
    bench.expire(n(3), Timer::Retry);
    bench.deliver_all();
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Released));
    assert!(bench.ended(tx(1)));
}

#[test]
fn what_fails_too_often_is_stuck_and_both_operators_are_told() {
    let mut bench = stuck();
    assert!(bench.said(n(3), &Notice::Stuck { tx: tx(1), attempts: 2 }));
    assert!(bench.heard(&coordinator::Notice::Stuck { tx: tx(1), service: n(3) }));
    bench.expire(n(3), Timer::Retry);
    assert_eq!(bench.told(n(3), tx(1)), 2, "it waits for an operator");
    let told = |bench: &Bench| {
        let stuck = |notice: &&coordinator::Notice| matches!(notice, coordinator::Notice::Stuck { .. });
        bench.coordinator.notices.iter().filter(stuck).count()
    };
    let before = told(&bench);
    bench.resend();
    bench.deliver_all();
    assert_eq!(told(&bench), before + 1, "and the coordinator hears so as often as it asks");
}

#[test]
fn an_operator_has_it_tried_again() {
    let mut bench = stuck();
    bench.works(n(3), true);
    bench.ask(n(3), Request::Retry { tx: tx(1) });
    bench.deliver_all();
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Confirmed));
    assert!(bench.ended(tx(1)));
}

#[test]
fn an_operator_does_it_by_hand() {
    let mut bench = stuck();
    bench.ask(n(3), Request::Done { tx: tx(1) });
    bench.deliver_all();
    assert!(bench.ended(tx(1)));
    assert!(!bench.coordinator.notices.iter().any(|it| matches!(it, coordinator::Notice::Damage { .. })));
}

#[test]
fn an_operator_gives_up_and_the_coordinator_is_told_of_the_damage() {
    let mut bench = stuck();
    bench.ask(n(3), Request::GiveUp { tx: tx(1) });
    let answers = bench.network.clone();
    bench.network.clear();
    bench.crash(n(3));
    bench.resend();
    bench.deliver_all();
    let damage = coordinator::Notice::Damage { tx: tx(1), service: n(3), took: Outcome::Abort };
    assert!(bench.heard(&damage), "although its first answer was lost: {answers:?}");
    assert!(bench.ended(tx(1)));
    assert_eq!(bench.services[&n(3)].machine.live(), 0);
}

#[test]
fn only_what_is_stuck_is_retried_or_given_up_and_only_what_was_told_fails() {
    let mut bench = failing_to_confirm();
    let refused = Notice::Refused { tx: tx(1), reason: Refusal::NotDecided };
    for request in
        [Request::Retry { tx: tx(1) }, Request::GiveUp { tx: tx(1) }, Request::Failed { tx: tx(1) }]
    {
        let before = bench.services[&n(3)].notices.len();
        bench.ask(n(3), request);
        assert_eq!(
            bench.services[&n(3)].notices[before..].iter().collect::<Vec<_>>(),
            [&refused],
            "{request:?}"
        );
    }
    for request in [Request::Done { tx: tx(1) }, Request::Failed { tx: tx(1) }] {
        bench.ask(n(2), request);
        assert_eq!(bench.services[&n(2)].notices.last(), Some(&refused), "it is over there");
    }
}

#[test]
fn a_restart_tries_again_what_was_stuck() {
    let mut bench = stuck();
    bench.works(n(3), true);
    bench.crash(n(3));
    bench.resend();
    bench.deliver_all();
    assert_eq!(bench.held(n(3), tx(1)), Some(Held::Confirmed));
    assert!(bench.ended(tx(1)));
}

#[test]
fn an_operator_writes_off_a_service_that_never_comes_back_and_a_crash_does_not_undo_that() {
    let mut bench = Bench::new(3);
    bench.begin();
    bench.deliver_round();
    bench.deliver_round();
    bench.cut_off = vec![n(3), n(4)];
    bench.deliver_all();
    assert!(!bench.write_off(tx(1), n(2)), "it is done");
    assert!(bench.write_off(tx(1), n(4)));
    bench.crash_coordinator();
    assert_eq!(bench.coordinator.machine.awaited(tx(1)).collect::<Vec<_>>(), [n(3)]);
    bench.deliver_all();
    assert!(bench.write_off(tx(1), n(3)));
    assert!(bench.ended(tx(1)));
    assert!(!bench.write_off(tx(1), n(3)), "nothing is awaited any more");
    assert_eq!(
        bench.services[&n(3)].machine.phase(tx(1)),
        Some(Phase::InDoubt { heuristic: None }),
        "which is what the operator answers for"
    );
}
