//! Cancelling and deadlines: wishes, which come in time or do not.

use quorate::machine::Input;
use quorate::saga::choreography::{Notice, Refusal, Request, Timer};
use quorate::saga::{Action, Cause, Doubt, End, SagaId};

use crate::bench::{Bench, Fate, LONG, ME, SAGA, apart, diamond, n, s, tailed};

#[test]
fn a_cancelled_saga_is_completed_or_compensated_whenever_the_wish_comes() {
    let mut ends = Vec::new();
    for plan in [diamond(Doubt::Retry), tailed(Doubt::Probe), apart(Doubt::Retry)] {
        for moves in 0..40 {
            let mut bench = Bench::new(plan.clone());
            bench.begin();
            for _ in 0..moves {
                let _ = bench.deliver_one() || bench.serve_one();
            }
            let id = bench.cancel();
            bench.run();
            let end = bench.end().expect("it ended");
            bench.judge(&plan, end);
            match bench.answers(id)[..] {
                [Notice::Accepted { .. }] => {}
                [Notice::Refused { reason: Refusal::TooLate, .. }] => assert_eq!(end, End::Completed),
                _ => panic!("a request is answered once: {:?}", bench.told),
            }
            let cancelled = End::Compensated { cause: Cause::Cancelled };
            assert!(end == End::Completed || end == cancelled);
            ends.push(end == End::Completed);
        }
    }
    assert!(ends.contains(&true) && ends.contains(&false), "some wishes came too late, some did not");
}

#[test]
fn a_wish_reaches_steps_whose_participant_never_heard_of_the_saga() {
    let plan = tailed(Doubt::Retry);
    let mut bench = Bench::new(plan);
    bench.begin();
    bench.network.clear();
    bench.cancel();
    bench.run();
    let end = End::Compensated { cause: Cause::Cancelled };
    assert_eq!(bench.end(), Some(end));
    assert!(!bench.heard.iter().any(|(_, action)| *action == Action::Do), "{:?}", bench.heard);
}

#[test]
fn a_pivot_that_has_begun_goes_on_although_the_saga_is_cancelled() {
    let plan = diamond(Doubt::Retry);
    let mut bench = Bench::new(plan);
    bench.fate(3, Action::Do, &[Fate::Lost]);
    bench.begin();
    bench.flow();
    let id = bench.cancel();
    assert!(bench.accepted(id), "whether the pivot began cannot be known there");
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
    let id = bench.cancel();
    assert_eq!(bench.answers(id), [Notice::Refused { id, reason: Refusal::TooLate }]);
}

#[test]
fn a_step_under_way_when_the_wish_comes_is_undone_under_its_key() {
    let plan = diamond(Doubt::Retry);
    let mut bench = Bench::new(plan);
    bench.fate(0, Action::Do, &[Fate::Unanswered]);
    bench.begin();
    bench.flow();
    let first = bench.cancel();
    let second = bench.cancel();
    assert!(bench.accepted(first) && bench.accepted(second), "what is wished once more is wished");
    bench.flow();
    let end = End::Compensated { cause: Cause::Cancelled };
    assert_eq!(bench.end(), Some(end));
    assert_eq!(bench.happened, [(s(0), Action::Do), (s(0), Action::Undo)]);
}

#[test]
fn a_saga_that_takes_too_long_is_wished_back_by_its_initiator_alone() {
    let plan = || diamond(Doubt::Retry).with_deadline(LONG);
    let mut bench = Bench::new(plan());
    bench.begin();
    bench.flow();
    assert_eq!(bench.end(), Some(End::Completed));

    let mut bench = Bench::new(plan());
    bench.fate(1, Action::Do, &[Fate::Lost]);
    bench.begin();
    bench.flow();
    bench.step(n(1), Input::Timer(Timer::Deadline { saga: SAGA }));
    assert!(bench.machine(n(1)).sagas().all(|(_, saga)| saga.facts.wish.is_none()), "it began nothing");
    bench.fire(ME, Timer::Deadline { saga: SAGA });
    bench.run();
    let end = End::Compensated { cause: Cause::Overdue };
    assert_eq!(bench.end(), Some(end));
    bench.judge(&plan(), end);
    let id = bench.cancel();
    assert!(bench.accepted(id), "it went back, which is what was asked");
}

#[test]
fn a_deadline_changes_nothing_once_the_pivot_is_done_or_the_saga_goes_back() {
    let wished = |bench: &Bench| bench.machine(ME).sagas().any(|(_, saga)| saga.facts.wish.is_some());
    let deadline = Timer::Deadline { saga: SAGA };
    let mut bench = Bench::new(tailed(Doubt::Retry).with_deadline(LONG));
    bench.fate(5, Action::Do, &[Fate::Lost]);
    bench.begin();
    bench.flow();
    assert_eq!(bench.end(), None, "a step after the pivot is open");
    bench.step(ME, Input::Timer(deadline));
    assert!(!wished(&bench), "there is only forward");
    let id = bench.cancel();
    assert_eq!(bench.answers(id), [Notice::Refused { id, reason: Refusal::TooLate }]);
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));

    let mut bench = Bench::new(diamond(Doubt::Retry).with_deadline(LONG));
    bench.fate(1, Action::Do, &[Fate::Refused]);
    bench.fate(0, Action::Undo, &[Fate::Lost]);
    bench.begin();
    bench.flow();
    assert_eq!(bench.end(), None, "the first step is not undone yet");
    bench.step(ME, Input::Timer(deadline));
    assert!(!wished(&bench), "it goes back for a better reason");
    bench.run();
    assert_eq!(bench.end(), Some(End::Compensated { cause: Cause::Refused(s(1)) }));
}

#[test]
fn the_time_begins_anew_when_the_initiator_restarts() {
    let mut bench = Bench::new(diamond(Doubt::Retry).with_deadline(LONG));
    bench.fate(0, Action::Do, &[Fate::Lost; 2]);
    bench.begin();
    bench.crash(ME);
    let deadline = Timer::Deadline { saga: SAGA };
    assert!(bench.node(ME).ledger.timers().iter().any(|(timer, _)| timer == deadline));
    bench.fire(ME, deadline);
    bench.run();
    assert_eq!(bench.end(), Some(End::Compensated { cause: Cause::Overdue }));
}

#[test]
fn only_the_initiator_is_asked_to_cancel() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.flow();
    let id = bench.request(n(1), |id| Request::Cancel { id, saga: SagaId(1) });
    assert_eq!(bench.answers(id), [Notice::Refused { id, reason: Refusal::UnknownSaga }]);
}
