//! Unknown outcomes: probed, or called again under the same key; never guessed.

use quorate::machine::Input;
use quorate::saga::{Action, Cause, Doubt, End, Flight, Message};

use crate::bench::{Bench, Fate, SAGA, diamond, s};

const DO: Action = Action::Do;

#[test]
fn a_step_that_was_done_and_not_answered_is_probed_and_the_saga_goes_on() {
    let mut bench = Bench::new(diamond(Doubt::Probe));
    bench.fate(1, DO, &[Fate::Unanswered]);
    bench.begin();
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
    assert!(bench.services.heard.contains(&(s(1), Action::Probe)));
    assert_eq!(
        bench.services.heard.iter().filter(|heard| **heard == (s(1), DO)).count(),
        1,
        "and not called again"
    );
    bench.judge(&diamond(Doubt::Probe), End::Completed);
}

#[test]
fn a_step_that_its_service_has_not_seen_is_called_again_under_its_key() {
    let mut bench = Bench::new(diamond(Doubt::Probe));
    bench.fate(1, DO, &[Fate::Lost]);
    bench.begin();
    bench.run();
    let of_1: Vec<_> = bench.services.heard.iter().filter(|(step, _)| *step == s(1)).collect();
    assert_eq!(of_1, [&(s(1), Action::Probe), &(s(1), DO)]);
    bench.judge(&diamond(Doubt::Probe), bench.end().expect("it ended"));
}

#[test]
fn a_step_called_again_has_one_effect() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    for step in 0..4 {
        bench.fate(step, DO, &[Fate::Unanswered, Fate::Unanswered]);
    }
    bench.begin();
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
    bench.judge(&diamond(Doubt::Retry), End::Completed);
}

#[test]
fn a_step_that_stays_unknown_is_undone_under_its_key_with_effect_and_without() {
    for doubt in [Doubt::Probe, Doubt::Retry] {
        for first in [Fate::Unanswered, Fate::Lost] {
            let mut bench = Bench::new(diamond(doubt));
            bench.fate(1, DO, &[first, Fate::Lost, Fate::Lost]);
            bench.fate(1, Action::Probe, &[Fate::Lost; 3]);
            bench.begin();
            bench.run();
            let end = End::Compensated { cause: Cause::Exhausted(s(1)) };
            assert_eq!(bench.end(), Some(end), "{doubt:?} {first:?}");
            assert!(bench.services.heard.contains(&(s(1), Action::Undo)), "{doubt:?} {first:?}");
            bench.judge(&diamond(doubt), end);
        }
    }
}

#[test]
fn a_call_that_arrives_after_its_own_compensation_has_no_effect() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    let late = bench.network.pop_front().expect("step 0 is called");
    while bench.fire_one() {
        if bench.machine().sagas().any(|(_, standing)| standing.cause.is_some()) {
            break;
        }
    }
    bench
        .network
        .retain(|(.., message)| matches!(message, Message::Call(call) if call.action == Action::Undo));
    bench.deliver_all();
    let end = End::Compensated { cause: Cause::Exhausted(s(0)) };
    assert_eq!(bench.end(), Some(end));
    bench.network.push_back(late);
    bench.deliver_all();
    assert_eq!(bench.services.happened, []);
    bench.judge(&diamond(Doubt::Retry), end);
}

#[test]
fn repeated_late_and_reordered_answers_change_nothing_that_is_known() {
    for doubt in [Doubt::Probe, Doubt::Retry] {
        for refused in [None, Some(2), Some(3)] {
            let mut bench = Bench::new(diamond(doubt));
            if let Some(step) = refused {
                bench.fate(step, DO, &[Fate::Refused]);
            }
            bench.fate(1, DO, &[Fate::Later, Fate::Unanswered]);
            bench.begin();
            // Every message is delivered now, again after each other one, and again at the end.
            let mut seen = Vec::new();
            for _ in 0..400 {
                let Some(message) = bench.network.pop_back() else {
                    if bench.fire_one() {
                        continue;
                    }
                    break;
                };
                seen.push(message.clone());
                let rest = std::mem::take(&mut bench.network);
                for again in seen.iter().rev() {
                    bench.network.push_back(again.clone());
                    bench.deliver_one();
                }
                bench.network.truncate(3);
                bench.network.extend(rest);
                if bench.network.len() > 6 {
                    bench.network.drain(3..);
                }
            }
            bench.network.extend(seen);
            bench.run();
            let end = bench.end().unwrap_or_else(|| panic!("it ended: {:?}", bench.told));
            assert_eq!(end == End::Completed, refused.is_none());
            bench.judge(&diamond(doubt), end);
        }
    }
}

#[test]
fn what_is_said_for_now_counts_only_for_the_attempt_under_way() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(0, DO, &[Fate::Later]);
    bench.begin();
    bench.deliver_one();
    let later = bench.network.pop_front().expect("an answer is on its way");
    let repeat = |bench: &mut Bench| {
        for _ in 0..4 {
            bench.step(Input::Message { from: later.0, message: later.2.clone() });
        }
    };
    repeat(&mut bench);
    assert!(bench.fire_one(), "the second attempt is made");
    repeat(&mut bench);
    assert_eq!(bench.machine().flight(SAGA, s(0)), Flight::Called(DO), "and under way");
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed), "one answer uses up one attempt");
}
