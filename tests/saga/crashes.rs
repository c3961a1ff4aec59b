//! The orchestrator crashes between every two of its effects, and the saga comes to the same end.

use quorate::id::ClusterId;
use quorate::saga::{Action, Config, Definition, Doubt, End};

use crate::bench::{Bench, Fate, ME, diamond, forward_diamond, s, tailed};

/// What is different in one story.
type Story = &'static [(u8, Action, &'static [Fate])];

const STORIES: &[Story] = &[
    &[],
    &[(1, Action::Do, &[Fate::Refused])],
    &[(3, Action::Do, &[Fate::Refused])],
    &[(0, Action::Do, &[Fate::Unanswered]), (2, Action::Do, &[Fate::Later])],
    &[(1, Action::Do, &[Fate::Lost]), (3, Action::Do, &[Fate::Unanswered])],
    &[
        (2, Action::Do, &[Fate::Refused]),
        (1, Action::Do, &[Fate::Unanswered]),
        (1, Action::Undo, &[Fate::Later]),
    ],
    &[
        (3, Action::Do, &[Fate::Refused]),
        (0, Action::Undo, &[Fate::Unanswered]),
        (2, Action::Undo, &[Fate::Refused]),
    ],
];

/// A bench whose executor crashes after so many effects, the first of its first life included, and again.
fn bench(plan: &Definition, story: Story, cut: Option<usize>, again: Option<usize>) -> Bench {
    let mut bench = Bench::at_rest(Config::new(ClusterId(7), ME, [plan.clone()]));
    (bench.fuel, bench.more_fuel) = (cut, again.into_iter().collect());
    for (step, action, fates) in story {
        bench.fate(*step, *action, fates);
    }
    bench
}

/// Runs a story to its end, crashing as the bench is set to. A begin that was not answered is asked again.
fn finish(mut bench: Bench) -> (Bench, End) {
    bench.boot();
    for _ in 0..4 {
        let begun = bench.begin();
        if !bench.answers(begun).is_empty() {
            break;
        }
    }
    bench.run();
    let end = bench.end().unwrap_or_else(|| panic!("the saga ended: {:?}", bench.told));
    (bench, end)
}

/// Whether two ends are of one kind: the cause may be another one that was there at the same time.
fn alike(one: End, other: End) -> bool {
    (one == End::Completed) == (other == End::Completed)
}

fn cut_once(plan: &Definition, story: Story, lossy: bool) {
    let (whole, end) = finish(bench(plan, story, None, None));
    plan_is_kept(&whole, plan, end);
    for cut in 0..whole.effects {
        let mut bench = bench(plan, story, Some(cut), None);
        bench.crashes_lose_messages = lossy;
        let (bench, found) = finish(bench);
        assert_eq!(bench.crashes, 1, "cut at {cut}");
        assert!(alike(found, end), "cut at {cut}: {found:?}, not {end:?}");
        plan_is_kept(&bench, plan, found);
    }
}

fn plan_is_kept(bench: &Bench, plan: &Definition, end: End) {
    assert_eq!(bench.stuck(), []);
    bench.judge(plan, end);
}

#[test]
fn one_crash_between_any_two_effects_leaves_the_same_end() {
    for doubt in [Doubt::Probe, Doubt::Retry] {
        for lossy in [false, true] {
            for story in STORIES {
                cut_once(&diamond(doubt), story, lossy);
                cut_once(&tailed(doubt), story, lossy);
            }
            for story in [STORIES[0], STORIES[3], STORIES[4]] {
                cut_once(&forward_diamond(doubt), story, lossy);
            }
        }
    }
}

#[test]
fn two_crashes_between_any_effects_leave_the_same_end() {
    for doubt in [Doubt::Probe, Doubt::Retry] {
        for story in STORIES {
            let (whole, end) = finish(bench(&diamond(doubt), story, None, None));
            for first in 0..whole.effects {
                for second in 0..whole.effects {
                    let (bench, found) = finish(bench(&diamond(doubt), story, Some(first), Some(second)));
                    assert!(alike(found, end), "cut at {first}, {second}: {found:?}, not {end:?}");
                    plan_is_kept(&bench, &diamond(doubt), found);
                }
            }
        }
    }
}

#[test]
fn a_stuck_saga_is_told_again_after_a_crash_and_not_tried_again() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(3, Action::Do, &[Fate::Lost; 3]);
    bench.begin();
    bench.run();
    assert_eq!(bench.stuck(), [(s(3), Action::Do)]);
    bench.crash();
    bench.run();
    assert_eq!(bench.stuck(), [(s(3), Action::Do); 2]);
    assert!(!bench.services.heard.contains(&(s(3), Action::Do)));
}

#[test]
fn attempts_are_counted_over_all_lives_and_a_crash_uses_up_none() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(0, Action::Do, &[Fate::Lost; 9]);
    bench.begin();
    for _ in 0..5 {
        bench.crash();
    }
    assert_eq!(bench.end(), None);
    bench.fire_one(); // the first attempt came to nothing
    bench.fire_one(); // the second is made
    bench.crash();
    bench.fire_one(); // and came to nothing
    bench.fire_one(); // the third is made
    assert_eq!(bench.machine().sagas().next().map(|(_, standing)| standing.cause), Some(None));
    bench.fire_one(); // and came to nothing
    assert!(bench.machine().sagas().any(|(_, standing)| standing.cause.is_some()));
}

#[test]
fn an_end_is_told_again_until_it_is_forgotten() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.run();
    let ends = |bench: &Bench| {
        bench.told.iter().filter(|notice| matches!(notice, quorate::saga::Notice::Ended { .. })).count()
    };
    assert_eq!(ends(&bench), 1);
    bench.crash();
    assert_eq!(ends(&bench), 2);
    bench.forget(crate::bench::SAGA);
    bench.crash();
    assert_eq!(ends(&bench), 2);
}

#[test]
fn a_cancelled_saga_that_crashes_between_any_two_effects_is_completed_or_compensated() {
    let plan = diamond(Doubt::Retry);
    let mut ends = Vec::new();
    for deliveries in 0..8 {
        for cut in 0..40 {
            let mut bench = bench(&plan, &[], Some(cut), None);
            bench.boot();
            bench.begin();
            for _ in 0..deliveries {
                bench.deliver_one();
            }
            bench.cancel();
            bench.run();
            let Some(end) = bench.end() else {
                assert_eq!(
                    bench.services.happened,
                    [],
                    "{deliveries}, {cut}: nothing began that is not known"
                );
                continue;
            };
            plan_is_kept(&bench, &plan, end);
            ends.push(end == End::Completed);
        }
    }
    assert!(ends.contains(&true) && ends.contains(&false), "some cancellations came too late, some did not");
}

#[test]
fn an_accepted_cancellation_stands_whenever_a_crash_comes() {
    let plan = diamond(Doubt::Retry);
    for cut in 0..40 {
        let mut bench = bench(&plan, &[], None, None);
        bench.boot();
        bench.begin();
        bench.deliver_one();
        bench.deliver_one();
        bench.fuel = Some(cut);
        let cancelled = bench.cancel();
        let accepted = !bench.answers(cancelled).is_empty();
        bench.run();
        let end = bench.end().expect("the saga ended");
        assert!(!accepted || end != End::Completed, "cut at {cut}");
        plan_is_kept(&bench, &plan, end);
    }
}
