//! How sagas end when nobody directs them: completed, compensated, or stuck and resolved.

use quorate::saga::choreography::Notice;
use quorate::saga::{Action, Cause, Doubt, End, Resolution};

use crate::bench::{Bench, Fate, ME, SAGA, apart, diamond, n, s, tailed};

const DO: Action = Action::Do;
const UNDO: Action = Action::Undo;

#[test]
fn all_steps_succeed_and_every_participant_learns_that_the_saga_is_completed() {
    for plan in [diamond(Doubt::Retry), tailed(Doubt::Probe), apart(Doubt::Retry)] {
        let mut bench = Bench::new(plan.clone());
        let begun = bench.begin();
        assert_eq!(bench.answers(begun), [Notice::Accepted { id: begun }]);
        bench.flow();
        assert_eq!(bench.end(), Some(End::Completed));
        bench.judge(&plan, End::Completed);
        for node in 0..4 {
            assert_eq!(bench.timers(n(node)), [], "no timer outlives the saga");
        }
    }
}

#[test]
fn no_step_begins_before_all_before_it_are_known_to_be_done() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    assert_eq!((bench.calls.len(), bench.network.len()), (1, 0), "only the first step begins");
    bench.serve_one();
    bench.deliver_one();
    bench.deliver_one();
    assert_eq!(bench.calls.len(), 2, "both branches begin");
    bench.serve_one();
    while bench.deliver_one() {}
    assert_eq!(bench.calls.len(), 1, "the step after both waits for the other");
    bench.flow();
    assert_eq!(bench.end(), Some(End::Completed));
}

#[test]
fn a_refusal_in_any_place_before_the_end_undoes_what_was_done_in_reverse_order_once_each() {
    for refused in 0..4 {
        let plan = diamond(Doubt::Retry);
        let mut bench = Bench::new(plan.clone());
        bench.fate(refused, DO, &[Fate::Refused]);
        bench.begin();
        bench.flow();
        let end = End::Compensated { cause: Cause::Refused(s(refused)) };
        assert_eq!(bench.end(), Some(end), "{refused}");
        bench.judge(&plan, end);
        assert!(!bench.heard.contains(&(s(refused), UNDO)), "what was refused needs no undoing");
    }
}

#[test]
fn what_never_began_is_never_called() {
    let mut bench = Bench::new(tailed(Doubt::Retry));
    bench.fate(0, DO, &[Fate::Refused]);
    bench.begin();
    bench.flow();
    assert!(matches!(bench.end(), Some(End::Compensated { .. })));
    assert_eq!(bench.heard, [(s(0), DO)]);
}

#[test]
fn a_branch_that_is_under_way_when_another_is_refused_is_undone_under_its_key() {
    for answered in [true, false] {
        let plan = diamond(Doubt::Retry);
        let mut bench = Bench::new(plan.clone());
        bench.fate(1, DO, &[Fate::Refused]);
        bench.fate(2, DO, if answered { &[] } else { &[Fate::Unanswered] });
        bench.begin();
        bench.flow();
        let end = End::Compensated { cause: Cause::Refused(s(1)) };
        assert_eq!(bench.end(), Some(end));
        assert_eq!(bench.happened, [(s(0), DO), (s(2), DO), (s(2), UNDO), (s(0), UNDO)]);
        bench.judge(&plan, end);
    }
}

#[test]
fn two_branches_that_fail_at_once_agree_on_one_cause_everywhere() {
    let plan = diamond(Doubt::Retry);
    let mut bench = Bench::new(plan.clone());
    bench.fate(1, DO, &[Fate::Refused]);
    bench.fate(2, DO, &[Fate::Lost; 3]);
    bench.begin();
    while bench.calls.len() < 2 {
        assert!(bench.deliver_one() || bench.serve_one());
    }
    // Neither hears of the other before its own attempts are used up.
    let network = std::mem::take(&mut bench.network);
    bench.serve_one();
    bench.serve_one();
    for _ in 0..5 {
        let timers = bench.timers(n(2));
        let step =
            timers.iter().find(|timer| matches!(timer, quorate::saga::choreography::Timer::Step { .. }));
        if let Some(timer) = step {
            bench.fire(n(2), *timer);
        }
        bench.calls.clear();
    }
    assert!(network.is_empty() || bench.machine(n(2)).sagas().all(|(_, saga)| saga.facts.is_back()));
    bench.run();
    let end = End::Compensated { cause: Cause::Refused(s(1)) };
    assert_eq!(bench.end(), Some(end), "the least of the causes");
    bench.judge(&plan, end);
}

#[test]
fn an_unknown_outcome_is_asked_for_again_under_the_same_key_and_never_guessed() {
    for doubt in [Doubt::Probe, Doubt::Retry] {
        let plan = diamond(doubt);
        let mut bench = Bench::new(plan.clone());
        bench.fate(0, DO, &[Fate::Unanswered]);
        bench.fate(3, DO, &[Fate::Lost]);
        bench.begin();
        bench.run();
        assert_eq!(bench.end(), Some(End::Completed));
        bench.judge(&plan, End::Completed);
        let probed = bench.heard.contains(&(s(0), Action::Probe));
        assert_eq!(probed, doubt == Doubt::Probe);
    }
}

#[test]
fn attempts_that_are_used_up_before_the_pivot_turn_the_saga_back_and_are_undone_under_their_key() {
    let plan = diamond(Doubt::Retry);
    let mut bench = Bench::new(plan.clone());
    bench.fate(1, DO, &[Fate::Unanswered, Fate::Lost, Fate::Lost]);
    bench.begin();
    bench.run();
    let end = End::Compensated { cause: Cause::Exhausted(s(1)) };
    assert_eq!(bench.end(), Some(end));
    assert!(bench.happened.contains(&(s(1), UNDO)), "it had its effect, and nobody had said so");
    bench.judge(&plan, end);
}

#[test]
fn a_pivot_that_is_refused_turns_the_saga_back() {
    let plan = tailed(Doubt::Retry);
    let mut bench = Bench::new(plan.clone());
    bench.fate(3, DO, &[Fate::Refused]);
    bench.begin();
    bench.flow();
    let end = End::Compensated { cause: Cause::Refused(s(3)) };
    assert_eq!(bench.end(), Some(end));
    bench.judge(&plan, end);
    assert!(!bench.heard.iter().any(|(step, _)| *step > s(3)));
}

#[test]
fn a_pivot_out_of_attempts_is_stuck_for_whether_it_was_done_is_not_to_be_guessed() {
    for (word, end) in [
        (Resolution::Happened, End::Completed),
        (Resolution::Retry, End::Completed),
        (Resolution::Never, End::Compensated { cause: Cause::Refused(s(3)) }),
    ] {
        let mut bench = Bench::new(diamond(Doubt::Retry));
        bench.fate(3, DO, &[Fate::Lost; 3]);
        bench.begin();
        bench.run();
        assert_eq!((bench.stuck(), bench.end()), (vec![(n(3), s(3), DO)], None));
        bench.resolve(n(3), 3, word);
        bench.run();
        assert_eq!(bench.end(), Some(end), "{word:?}");
    }
}

#[test]
fn past_the_pivot_a_step_only_goes_forward() {
    let plan = tailed(Doubt::Retry);
    let mut bench = Bench::new(plan);
    bench.fate(4, DO, &[Fate::Later, Fate::Refused]);
    bench.fate(5, DO, &[Fate::Lost; 3]);
    bench.begin();
    bench.run();
    assert_eq!(bench.end(), None);
    let mut stuck = bench.stuck();
    stuck.sort_unstable();
    assert_eq!(stuck, [(ME, s(5), DO), (n(2), s(4), DO)], "each is told where the step is");
    bench.resolve(n(2), 4, Resolution::Happened);
    bench.resolve(ME, 5, Resolution::Retry);
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
    assert!(!bench.heard.iter().any(|(_, action)| *action == UNDO));
}

#[test]
fn a_compensation_that_fails_is_retried_then_stuck_then_resolved() {
    for word in [Resolution::Retry, Resolution::Happened] {
        let plan = diamond(Doubt::Retry);
        let mut bench = Bench::new(plan.clone());
        bench.fate(3, DO, &[Fate::Refused]);
        bench.fate(1, UNDO, &[Fate::Refused, Fate::Later]);
        bench.begin();
        bench.run();
        assert_eq!((bench.stuck(), bench.end()), (vec![(n(1), s(1), UNDO)], None));
        assert!(!bench.heard.contains(&(s(0), UNDO)), "what came before it waits for it");
        assert!(bench.happened.contains(&(s(2), UNDO)), "what came beside it does not");
        bench.resolve(n(1), 1, word);
        bench.run();
        let end = End::Compensated { cause: Cause::Refused(s(3)) };
        assert_eq!(bench.end(), Some(end));
        assert_eq!(bench.heard.last(), Some(&(s(0), UNDO)));
        if word == Resolution::Retry {
            bench.judge(&plan, end);
        }
    }
}

#[test]
fn a_step_that_is_stuck_is_settled_by_an_answer_that_comes_late() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    while bench.happened.len() < 3 || bench.calls.is_empty() {
        assert!(bench.deliver_one() || bench.serve_one());
    }
    let late = bench.calls.pop_front().expect("the pivot is called");
    bench.fate(3, DO, &[Fate::Lost; 2]);
    bench.run();
    assert_eq!(bench.stuck(), [(n(3), s(3), DO)]);
    bench.calls.push_back(late);
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
}

#[test]
fn steps_side_by_side_at_one_node_need_no_messages() {
    use quorate::saga::Kind::{Compensatable, Pivot};
    let plan = crate::bench::define(
        &[(0, Compensatable, &[]), (0, Compensatable, &[0]), (0, Pivot, &[1])],
        Doubt::Retry,
    );
    let mut bench = Bench::new(plan);
    bench.begin();
    bench.flow();
    assert_eq!((bench.end(), bench.messages), (Some(End::Completed), 0));
    bench.forget(SAGA);
    assert_eq!(bench.machine(ME).sagas().len(), 0);
}

#[test]
fn a_diamond_takes_this_many_messages() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.flow();
    // 0 to 1 and 2, both to 3, 3 to 0, and 0 to 1 and 2 with the end: seven events, and each is acknowledged.
    assert_eq!(bench.messages, 14);
}
