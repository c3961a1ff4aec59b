//! How sagas end: completed, compensated, or stuck and resolved.

use quorate::machine::Input;
use quorate::saga::{Action, Cause, Doubt, End, Kind, Notice, Policy, Resolution, Timer};
use quorate::time::Delay;

use crate::bench::{Bench, Fate, LONG, SAGA, define, diamond, forward_diamond, s, tailed};

const DO: Action = Action::Do;
const UNDO: Action = Action::Undo;

#[test]
fn all_steps_succeed_and_the_saga_is_completed() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    let begun = bench.begin();
    assert_eq!(bench.answers(begun), [Notice::Accepted { id: begun }]);
    bench.deliver_all();
    assert_eq!(bench.end(), Some(End::Completed));
    assert_eq!(bench.services.happened, [(s(0), DO), (s(1), DO), (s(2), DO), (s(3), DO)]);
    bench.judge(&diamond(Doubt::Retry), End::Completed);
    assert!(!bench.fire_one(), "no timer outlives the saga");
}

#[test]
fn parallel_branches_are_called_together() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.deliver_one();
    bench.deliver_one();
    assert_eq!(bench.network.len(), 2, "both branches are called as soon as the step before them is done");
}

#[test]
fn a_refusal_before_the_pivot_undoes_what_was_done_in_reverse_order_once_each() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(3, DO, &[Fate::Refused]);
    bench.begin();
    bench.deliver_all();
    let end = End::Compensated { cause: Cause::Refused(s(3)) };
    assert_eq!(bench.end(), Some(end));
    let undone: Vec<_> = bench.services.happened.iter().filter(|(_, action)| *action == UNDO).collect();
    assert_eq!(undone, [&(s(1), UNDO), &(s(2), UNDO), &(s(0), UNDO)]);
    assert!(!bench.services.heard.contains(&(s(3), UNDO)), "what was refused needs no undoing");
    bench.judge(&diamond(Doubt::Retry), end);
}

#[test]
fn a_branch_that_is_under_way_when_another_is_refused_is_undone_under_its_key() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(1, DO, &[Fate::Refused]);
    bench.begin();
    // Step 0, its answer, steps 1 and 2: the answer of 1 is on its way before that of 2.
    for _ in 0..4 {
        bench.deliver_one();
    }
    assert_eq!(bench.services.happened, [(s(0), DO), (s(2), DO)]);
    bench.deliver_all();
    assert_eq!(bench.services.happened[2..], [(s(2), UNDO), (s(0), UNDO)]);
    bench.judge(&diamond(Doubt::Retry), bench.end().expect("it ended"));
}

#[test]
fn a_failure_after_the_pivot_is_retried_forward() {
    let mut bench = Bench::new(tailed(Doubt::Retry));
    bench.fate(4, DO, &[Fate::Later, Fate::Lost]);
    bench.begin();
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
    bench.judge(&tailed(Doubt::Retry), End::Completed);
}

#[test]
fn after_the_pivot_a_step_out_of_attempts_is_stuck_and_nothing_is_undone() {
    let mut bench = Bench::new(forward_diamond(Doubt::Retry));
    bench.fate(1, DO, &[Fate::Later; 3]);
    bench.begin();
    bench.run();
    assert_eq!((bench.stuck(), bench.end()), (vec![(s(1), DO)], None));
    bench.fate(1, DO, &[Fate::Later; 2]);
    bench.resolve(1, Resolution::Retry);
    bench.run();
    assert_eq!(bench.stuck().len(), 1, "it has as many attempts as at first");
    assert_eq!(bench.end(), Some(End::Completed));
    bench.judge(&forward_diamond(Doubt::Retry), End::Completed);
}

#[test]
fn after_the_pivot_a_refusal_is_an_operators_matter() {
    let mut bench = Bench::new(forward_diamond(Doubt::Retry));
    bench.fate(3, DO, &[Fate::Refused]);
    bench.begin();
    bench.run();
    assert_eq!((bench.stuck(), bench.end()), (vec![(s(3), DO)], None));
    bench.resolve(3, Resolution::Happened);
    assert_eq!(bench.end(), Some(End::Completed), "done by hand is done");
    assert!(!bench.services.heard.iter().any(|(_, action)| *action == UNDO));
}

#[test]
fn a_pivot_out_of_attempts_is_stuck_for_whether_it_was_done_is_not_to_be_guessed() {
    for (word, end) in [
        (Resolution::Happened, End::Completed),
        (Resolution::Never, End::Compensated { cause: Cause::Refused(s(3)) }),
    ] {
        let mut bench = Bench::new(diamond(Doubt::Retry));
        bench.fate(3, DO, &[Fate::Lost; 3]);
        bench.begin();
        bench.run();
        assert_eq!((bench.stuck(), bench.end()), (vec![(s(3), DO)], None));
        bench.resolve(3, word);
        bench.run();
        assert_eq!(bench.end(), Some(end));
    }
}

#[test]
fn a_compensation_that_fails_is_retried_then_stuck_then_resolved() {
    for word in [Resolution::Retry, Resolution::Happened] {
        let mut bench = Bench::new(diamond(Doubt::Retry));
        bench.fate(3, DO, &[Fate::Refused]);
        bench.fate(1, UNDO, &[Fate::Refused, Fate::Later]);
        bench.begin();
        bench.run();
        assert_eq!((bench.stuck(), bench.end()), (vec![(s(1), UNDO)], None));
        assert!(!bench.services.heard.contains(&(s(0), UNDO)), "what came before it waits for it");
        assert!(bench.services.happened.contains(&(s(2), UNDO)), "what came beside it does not");
        bench.resolve(1, word);
        bench.run();
        let end = End::Compensated { cause: Cause::Refused(s(3)) };
        assert_eq!(bench.end(), Some(end));
        assert_eq!(bench.services.heard.last(), Some(&(s(0), UNDO)));
        if word == Resolution::Retry {
            bench.judge(&diamond(Doubt::Retry), end);
        }
    }
}

#[test]
fn a_compensation_that_fails_once_is_tried_again_and_nobody_is_told() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(3, DO, &[Fate::Refused]);
    for step in 0..3 {
        bench.fate(step, UNDO, &[Fate::Unanswered]);
    }
    bench.begin();
    bench.run();
    assert_eq!(bench.stuck(), []);
    bench.judge(&diamond(Doubt::Retry), bench.end().expect("it ended"));
}

#[test]
fn a_step_that_is_stuck_is_settled_by_an_answer_that_comes_late() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    for _ in 0..6 {
        bench.deliver_one();
    }
    assert_eq!(bench.network.len(), 1, "the pivot is called");
    while bench.fire_one() {}
    assert_eq!(bench.stuck(), [(s(3), DO)]);
    bench.deliver_all();
    assert_eq!(bench.end(), Some(End::Completed));
}

#[test]
fn a_cancelled_saga_undoes_what_may_have_an_effect() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.deliver_one();
    bench.deliver_one();
    let cancelled = bench.cancel();
    bench.run();
    assert_eq!(bench.answers(cancelled), [Notice::Accepted { id: cancelled }]);
    let end = End::Compensated { cause: Cause::Cancelled };
    assert_eq!(bench.end(), Some(end));
    assert!(!bench.services.heard.contains(&(s(3), UNDO)), "what was never called is left alone");
    bench.judge(&diamond(Doubt::Retry), end);
}

#[test]
fn a_saga_that_takes_too_long_goes_back_but_not_from_its_pivot() {
    let plan = || diamond(Doubt::Retry).with_deadline(LONG);
    let mut bench = Bench::new(plan());
    bench.begin();
    bench.deliver_one();
    bench.fire(Timer::Deadline { saga: SAGA });
    bench.run();
    let end = End::Compensated { cause: Cause::Overdue };
    assert_eq!(bench.end(), Some(end));
    bench.judge(&plan(), end);

    let mut bench = Bench::new(plan());
    bench.begin();
    for _ in 0..6 {
        bench.deliver_one();
    }
    bench.step(Input::Timer(Timer::Deadline { saga: SAGA }));
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed), "the pivot had begun");
}

#[test]
fn a_saga_without_a_pivot_may_be_cancelled_until_its_last_step_is_done() {
    let plan = || define(&[(Kind::Compensatable, &[]), (Kind::Compensatable, &[0])], Doubt::Retry);
    let mut bench = Bench::new(plan());
    bench.begin();
    for _ in 0..3 {
        bench.deliver_one();
    }
    bench.cancel();
    bench.deliver_all();
    let end = End::Compensated { cause: Cause::Cancelled };
    assert_eq!(bench.end(), Some(end));
    bench.judge(&plan(), end);
}

#[test]
fn waits_between_attempts_double_up_to_a_limit() {
    use std::time::Duration;
    let ms = Duration::from_millis;
    let policy = Policy { backoff: ms(100), backoff_max: ms(350), ..Policy::default() };
    let waits: Vec<_> = [1, 2, 3, u16::MAX].map(|tries| policy.backoff_after(tries)).into();
    assert_eq!(waits[0], Delay::between(ms(50), ms(100)));
    assert_eq!(waits[1], Delay::between(ms(100), ms(200)));
    assert_eq!(waits[2], Delay::between(ms(175), ms(350)));
    assert_eq!(waits[3], waits[2]);
}

#[test]
fn a_step_past_the_pivot_that_is_refused_waits_for_an_operator() {
    let mut bench = Bench::new(tailed(Doubt::Retry));
    bench.fate(4, Action::Do, &[Fate::Refused]);
    bench.begin();
    bench.deliver_all();
    assert_eq!((bench.stuck(), bench.end()), (vec![(s(4), Action::Do)], None), "there is no way back");
    bench.resolve(4, Resolution::Happened);
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
}
