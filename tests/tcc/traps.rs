//! The classic traps of the pattern.

use quorate::commit::Outcome;
use quorate::commit::participant::Phase;
use quorate::commit::tcc::Message;
use quorate::commit::tcc::service::Timer;

use crate::application::{Held, Tries};
use crate::bench::{Bench, C, n, tx};

#[test]
fn a_cancel_for_a_try_never_seen_succeeds_is_remembered_and_ends() {
    let mut bench = Bench::new(2);
    let begun = bench.begin();
    bench.network.clear();
    bench.deadline();
    bench.deliver_all();
    assert!(bench.ended(begun), "nothing is said again for ever");
    assert_eq!(bench.services[&n(2)].machine.phase(begun), Some(Phase::Ended(Some(Outcome::Abort))));
    assert_eq!(bench.told(n(2), begun), 0, "there was nothing to release");
    bench.resend();
    assert!(bench.network.is_empty());
}

#[test]
fn a_try_after_its_cancel_reserves_nothing_not_even_after_a_crash() {
    for crashes in [false, true] {
        let mut bench = Bench::new(2);
        let begun = bench.begin();
        let tries = bench.intercept(n(2));
        bench.deadline();
        bench.deliver_all();
        if crashes {
            bench.crash(n(2));
        }
        for message in tries {
            bench.deliver_to(n(2), C, message);
        }
        assert_eq!(bench.asked(n(2), begun), 0);
        assert_eq!(bench.intercept(C), [Message::Tried { tx: begun, reserved: false }]);
        assert_eq!(bench.services[&n(2)].machine.live(), 0);
    }
}

#[test]
fn a_try_from_before_the_floor_reserves_nothing() {
    let mut bench = Bench::with(1, |config| config.commit.max_tombstones = 2);
    let first = bench.begin();
    let tries = bench.intercept(n(2));
    bench.deadline();
    bench.deliver_all();
    for _ in 0..3 {
        bench.begin();
        bench.deliver_all();
    }
    assert_eq!(bench.services[&n(2)].machine.phase(first), Some(Phase::Forgotten));
    for message in tries {
        bench.deliver_to(n(2), C, message);
    }
    assert_eq!(bench.asked(n(2), first), 0);
    bench.deliver_to(n(2), C, Message::Cancel { tx: first });
    assert_eq!(bench.intercept(C), [Message::Done { tx: first, took: None }], "and a cancel still succeeds");
}

#[test]
fn everything_that_comes_twice_is_done_once() {
    let mut bench = Bench::new(2);
    let begun = bench.begin();
    for _ in 0..12 {
        for (from, to, message) in std::mem::take(&mut bench.network) {
            bench.deliver_to(to, from, message.clone());
            bench.deliver_to(to, from, message);
        }
    }
    for id in [2, 3] {
        assert_eq!(bench.asked(n(id), begun), 1);
        assert_eq!(bench.told(n(id), begun), 1);
        assert_eq!(bench.held(n(id), begun), Some(Held::Confirmed));
    }
    assert!(bench.ended(begun));
    bench.deliver_to(n(2), C, Message::Confirm { tx: begun });
    assert_eq!(bench.intercept(C), [Message::Done { tx: begun, took: None }]);
    bench.deliver_to(n(2), C, Message::Try { tx: begun, work: 9 });
    assert_eq!(bench.asked(n(2), begun), 1, "a try after the confirmation is late");
}

#[test]
fn a_cancel_that_overtakes_the_applications_answer_releases_what_it_reserved() {
    let mut bench = Bench::new(2);
    bench.tries(n(2), Tries::ReservesSilently);
    let begun = bench.begin();
    bench.deliver_all();
    bench.deadline();
    bench.deliver_all();
    assert_eq!(bench.held(n(2), begun), Some(Held::Released));
    bench.ask(n(2), quorate::commit::tcc::service::Request::Reserved { tx: begun });
    assert_eq!(bench.services[&n(2)].machine.live(), 0, "its answer comes too late");
    assert!(bench.ended(begun));
}

#[test]
fn a_try_that_the_application_does_not_answer_is_not_refused_before_it_is_released() {
    let mut bench = Bench::new(2);
    bench.tries(n(2), Tries::ReservesSilently);
    bench.application(n(2)).works = false;
    let begun = bench.begin();
    bench.deliver_all();
    bench.expire(n(2), Timer::Trying);
    bench.deliver_to(n(2), C, Message::Try { tx: begun, work: 9 });
    assert_eq!(bench.held(n(2), begun), Some(Held::Reserved));
    assert_eq!(bench.intercept(C), [], "else the activity would end without it");
    bench.works(n(2), true);
    bench.expire(n(2), Timer::Retry);
    assert_eq!(bench.held(n(2), begun), Some(Held::Released));
    bench.deliver_all();
    assert_eq!(bench.decided(), [(begun, Outcome::Abort)], "and no deadline is awaited");
    assert!(bench.ended(begun));
}

#[test]
fn a_reservation_that_lasts_is_never_given_up_by_any_timer() {
    let mut bench = Bench::new(2);
    let begun = bench.begin();
    bench.deliver_round();
    for timer in [Timer::Trying, Timer::Retry, Timer::Lapse] {
        bench.expire(n(2), timer);
    }
    assert_eq!(bench.held(n(2), begun), Some(Held::Reserved));
    assert_eq!(bench.services[&n(2)].machine.phase(tx(1)), Some(Phase::InDoubt { heuristic: None }));
}
