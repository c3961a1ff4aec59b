//! Any participant crashes between any two of its effects, and the saga comes to the same end.

use quorate::saga::{Action, Definition, Doubt, End};

use crate::bench::{Bench, Fate, ME, diamond, n, s, tailed};

/// What is different in one story.
type Story = &'static [(u8, Action, &'static [Fate])];

const STORIES: &[Story] = &[
    &[],
    &[(1, Action::Do, &[Fate::Refused])],
    &[(3, Action::Do, &[Fate::Refused])],
    &[(0, Action::Do, &[Fate::Unanswered]), (2, Action::Do, &[Fate::Later])],
    &[
        (2, Action::Do, &[Fate::Refused]),
        (1, Action::Do, &[Fate::Unanswered]),
        (1, Action::Undo, &[Fate::Later]),
    ],
    &[(3, Action::Do, &[Fate::Refused]), (0, Action::Undo, &[Fate::Unanswered])],
];

/// A bench on which a node crashes after so many of its effects.
fn bench(plan: &Definition, story: Story, cuts: &[(u64, usize)]) -> Bench {
    let mut bench = Bench::at_rest([plan.clone()], |_| {});
    for (node, cut) in cuts {
        bench.node_mut(n(*node)).fuel = Some(*cut);
    }
    for (step, action, fates) in story {
        bench.fate(*step, *action, fates);
    }
    bench
}

/// Runs a story to its end. A begin that was not answered is asked again.
fn finish(mut bench: Bench) -> (Bench, End) {
    for node in 0..4 {
        bench.step(n(node), quorate::machine::Input::Start);
    }
    for _ in 0..4 {
        let begun = bench.begin();
        if !bench.answers(begun).is_empty() {
            break;
        }
    }
    bench.run();
    let end = bench.end().unwrap_or_else(|| panic!("the saga ended: {:?}", bench.told));
    assert_eq!(bench.stuck(), []);
    (bench, end)
}

#[test]
fn one_crash_of_any_participant_between_any_two_effects_leaves_the_same_end() {
    for doubt in [Doubt::Probe, Doubt::Retry] {
        for plan in [diamond(doubt), tailed(doubt)] {
            for story in STORIES {
                let (whole, end) = finish(bench(&plan, story, &[]));
                whole.judge(&plan, end);
                let mut crashes = 0;
                for node in 0..4 {
                    for cut in 0..30 {
                        let (bench, found) = finish(bench(&plan, story, &[(node, cut)]));
                        crashes += bench.crashes;
                        assert_eq!(found == End::Completed, end == End::Completed, "{node} cut at {cut}");
                        bench.judge(&plan, found);
                    }
                }
                assert!(crashes > 20, "crashes came about: {crashes}");
            }
        }
    }
}

#[test]
fn two_crashes_of_any_participants_leave_the_same_end() {
    let plan = diamond(Doubt::Retry);
    for story in STORIES {
        let (_, end) = finish(bench(&plan, story, &[]));
        for (one, other) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
            for first in 0..20 {
                for second in 0..20 {
                    let (bench, found) = finish(bench(&plan, story, &[(one, first), (other, second)]));
                    assert_eq!(
                        found == End::Completed,
                        end == End::Completed,
                        "{one} at {first}, {other} at {second}"
                    );
                    bench.judge(&plan, found);
                }
            }
        }
    }
}

#[test]
fn all_crash_at_once_at_any_time() {
    for plan in [diamond(Doubt::Probe), tailed(Doubt::Retry)] {
        for story in STORIES {
            for moves in 0..60 {
                let mut bench = bench(&plan, story, &[]);
                for node in 0..4 {
                    bench.step(n(node), quorate::machine::Input::Start);
                }
                bench.begin();
                for _ in 0..moves {
                    let _ = bench.deliver_one() || bench.serve_one() || bench.fire_all();
                }
                bench.network.clear();
                (0..4).for_each(|node| bench.stop(n(node)));
                (0..4).for_each(|node| bench.boot(n(node)));
                bench.run();
                let end = bench.end().expect("it ended");
                bench.judge(&plan, end);
            }
        }
    }
}

#[test]
fn an_answer_that_was_lost_in_a_crash_is_asked_for_again() {
    let mut bench = Bench::new(diamond(Doubt::Probe));
    bench.fate(0, Action::Do, &[Fate::Unanswered]);
    bench.begin();
    bench.serve_one();
    bench.crash(ME);
    bench.flow();
    assert_eq!(bench.end(), Some(End::Completed));
    assert_eq!(bench.heard[..2], [(s(0), Action::Do), (s(0), Action::Probe)]);
}

#[test]
fn a_stuck_step_is_told_again_after_a_crash_and_not_tried_again() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(3, Action::Do, &[Fate::Lost; 3]);
    bench.begin();
    bench.run();
    assert_eq!(bench.stuck(), [(n(3), s(3), Action::Do)]);
    bench.crash(n(3));
    bench.run();
    assert_eq!(bench.stuck(), [(n(3), s(3), Action::Do); 2]);
    assert!(!bench.heard.contains(&(s(3), Action::Do)));
}

#[test]
fn attempts_are_counted_over_all_lives_and_a_crash_uses_up_none() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(0, Action::Do, &[Fate::Lost; 9]);
    bench.begin();
    for _ in 0..5 {
        bench.crash(ME);
    }
    let back = |bench: &Bench| bench.machine(ME).sagas().any(|(_, saga)| saga.facts.is_back());
    bench.fire_all(); // the first attempt came to nothing
    bench.fire_all(); // the second is made
    bench.crash(ME);
    bench.fire_all(); // and came to nothing
    bench.fire_all(); // the third is made
    assert!(!back(&bench));
    bench.fire_all(); // and came to nothing
    assert!(back(&bench));
}
