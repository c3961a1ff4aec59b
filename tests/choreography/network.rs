//! Events that are lost, repeated, late and out of order.

use quorate::saga::{Action, Cause, Doubt, End};

use crate::bench::{Bench, Fate, SAGA, diamond, n, s, tailed};

#[test]
fn each_message_may_be_lost_and_the_saga_ends_the_same() {
    for plan in [diamond(Doubt::Retry), tailed(Doubt::Probe)] {
        for refused in [None, Some(2), Some(3)] {
            for lost in 0..40 {
                let mut bench = Bench::new(plan.clone());
                if let Some(step) = refused {
                    bench.fate(step, Action::Do, &[Fate::Refused]);
                }
                bench.begin();
                let mut sent = 0;
                for _ in 0..500 {
                    if !bench.network.is_empty() {
                        sent += 1;
                        if sent == lost + 1 {
                            bench.network.pop_front();
                            continue;
                        }
                        bench.deliver_one();
                    } else if !bench.serve_one() && !bench.fire_all() {
                        break;
                    }
                }
                let end = bench.end().unwrap_or_else(|| panic!("it ended without {lost}: {:?}", bench.told));
                assert_eq!(end == End::Completed, refused.is_none());
                bench.judge(&plan, end);
            }
        }
    }
}

#[test]
fn every_message_may_come_twice_and_once_more_when_all_is_over() {
    for refused in [None, Some(1), Some(3)] {
        let plan = diamond(Doubt::Retry);
        let mut bench = Bench::new(plan.clone());
        if let Some(step) = refused {
            bench.fate(step, Action::Do, &[Fate::Refused]);
        }
        bench.begin();
        let mut all = Vec::new();
        while !bench.network.is_empty() || !bench.calls.is_empty() {
            if let Some(message) = bench.network.front().cloned() {
                all.push(message.clone());
                bench.network.push_front(message);
                bench.deliver_one();
            }
            let _ = bench.deliver_one() || bench.serve_one();
        }
        let end = bench.end().expect("it ended");
        bench.judge(&plan, end);
        let (heard, told) = (bench.heard.len(), bench.told.len());
        bench.network.extend(all);
        bench.flow();
        assert_eq!(
            (bench.heard.len(), bench.told.len()),
            (heard, told),
            "nothing happens, and nothing is told"
        );
        bench.judge(&plan, end);
    }
}

#[test]
fn the_newest_message_may_always_come_first() {
    for refused in [None, Some(0), Some(2), Some(3)] {
        let plan = tailed(Doubt::Retry);
        let mut bench = Bench::new(plan.clone());
        if let Some(step) = refused {
            bench.fate(step, Action::Do, &[Fate::Refused]);
        }
        bench.begin();
        while !bench.network.is_empty() || !bench.calls.is_empty() {
            if let Some(newest) = bench.network.pop_back() {
                bench.network.push_front(newest);
                bench.deliver_one();
            } else {
                bench.serve_one();
            }
        }
        let end = bench.end().expect("it ended");
        assert_eq!(end == End::Completed, refused.is_none());
        bench.judge(&plan, end);
    }
}

#[test]
fn a_step_whose_event_comes_after_the_saga_turned_back_is_not_begun() {
    let plan = diamond(Doubt::Retry);
    let mut bench = Bench::new(plan);
    bench.fate(1, Action::Do, &[Fate::Refused]);
    bench.begin();
    bench.serve_one();
    // What tells that step 2 is due is late; that step 1 was refused is not.
    let late: Vec<_> = bench.network.iter().filter(|(_, to, _)| *to == n(2)).cloned().collect();
    bench.network.retain(|(_, to, _)| *to != n(2));
    bench.run();
    bench.network.extend(late);
    bench.run();
    let end = End::Compensated { cause: Cause::Refused(s(1)) };
    assert_eq!(bench.end(), Some(end));
    assert!(!bench.happened.iter().any(|(step, _)| *step == s(2)), "{:?}", bench.happened);
    assert!(!bench.heard.contains(&(s(2), Action::Do)));
}

#[test]
fn what_is_not_acknowledged_is_told_again_until_it_is() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.serve_one();
    for _ in 0..5 {
        assert_eq!(bench.network.len(), 2, "both that come after it are told");
        bench.network.clear();
        assert!(bench.fire_all());
    }
    while bench.deliver_one() {}
    assert!(!bench.machine(n(0)).is_publishing(SAGA), "an answer will do");
}

#[test]
fn a_participant_that_is_down_holds_up_its_steps_and_no_others() {
    let plan = diamond(Doubt::Retry);
    let mut bench = Bench::new(plan.clone());
    bench.stop(n(1));
    bench.begin();
    bench.run();
    assert_eq!(bench.happened, [(s(0), Action::Do), (s(2), Action::Do)]);
    bench.boot(n(1));
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
    bench.judge(&plan, End::Completed);
}

#[test]
fn while_the_initiator_is_down_steps_are_carried_out_and_undone() {
    let plan = tailed(Doubt::Retry);
    for refused in [None, Some(3)] {
        let mut bench = Bench::new(plan.clone());
        if let Some(step) = refused {
            bench.fate(step, Action::Do, &[Fate::Refused]);
        }
        bench.begin();
        while bench.happened.is_empty() {
            assert!(bench.deliver_one() || bench.serve_one());
        }
        bench.stop(n(0));
        bench.run();
        assert_eq!(bench.end_at(n(1), SAGA), None, "nobody learns the end");
        let undone = |bench: &Bench| bench.happened.iter().filter(|(_, way)| *way == Action::Undo).count();
        assert_eq!(undone(&bench), if refused.is_some() { 3 } else { 0 });
        bench.boot(n(0));
        bench.run();
        let end = bench.end().expect("now it ended");
        bench.judge(&plan, end);
    }
}
