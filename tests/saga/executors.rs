//! Two executors of the same sagas, on one store: the earlier one does no harm.

use quorate::id::{ClusterId, RequestId};
use quorate::machine::{Input, Machine};
use quorate::saga::{Action, Config, Doubt, End, Epoch, Message, Notice, Refusal, Request};
use quorate::time::Time;

use crate::bench::{Bench, Fate, INPUT, ME, SAGA, diamond, s};

/// Runs `bench` until so many effects have happened.
fn run_until(bench: &mut Bench, effects: usize) {
    bench.begin();
    while bench.effects < effects && (bench.deliver_one() || bench.fire_one()) {}
}

/// Fires every timer of the executor at `at`, and delivers what comes of it.
fn insist(bench: &mut Bench, at: usize) {
    for _ in 0..20 {
        let timers: Vec<_> = bench.executors[at].ledger.timers().iter().map(|(timer, _)| timer).collect();
        for timer in timers {
            bench.executors[at].ledger.timers_mut().cancel(timer);
            bench.step_at(at, Input::Timer(timer));
        }
        bench.deliver_all();
    }
}

#[test]
fn an_executor_that_was_taken_over_from_at_any_point_does_no_harm() {
    for refused in [None, Some(1), Some(3)] {
        let story = || {
            let mut bench = Bench::new(diamond(Doubt::Retry));
            bench.fate(0, Action::Do, &[Fate::Unanswered]);
            if let Some(step) = refused {
                bench.fate(step, Action::Do, &[Fate::Refused]);
            }
            bench
        };
        let mut whole = story();
        run_until(&mut whole, usize::MAX);
        for taken_over in 0..whole.effects {
            for early in [false, true] {
                let mut bench = story();
                run_until(&mut bench, taken_over);
                bench.boot();
                if early {
                    insist(&mut bench, 0);
                }
                bench.run();
                insist(&mut bench, 0);
                bench.run();
                let end = bench.end().expect("the saga ended");
                assert_eq!(end == End::Completed, refused.is_none());
                bench.judge(&diamond(Doubt::Retry), end);
            }
        }
    }
}

#[test]
fn an_executor_that_hears_of_a_later_one_stops_and_says_so() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    let call = bench.network.pop_front().expect("step 0 is called");
    bench.boot();
    bench.deliver_all();
    bench.network.push_back(call);
    bench.deliver_all();
    assert_eq!(bench.executors[0].machine.superseded(), Some(Epoch(2)));
    assert!(bench.told.contains(&Notice::Superseded { epoch: Epoch(2) }));
    let id = RequestId(99);
    bench.step_at(0, Input::Request(Request::Cancel { id, saga: SAGA }));
    let refused = Notice::Refused { id, reason: Refusal::Superseded { epoch: Epoch(2) } };
    assert_eq!(bench.answers(id), [refused]);
    assert_eq!(bench.end(), Some(End::Completed));
}

#[test]
fn answers_of_another_epoch_are_refused() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.deliver_one();
    let answer = bench.network.pop_front().expect("step 0 has answered");
    bench.crash();
    let before = bench.machine().clone();
    bench.step(Input::Message { from: answer.0, message: answer.2.clone() });
    assert_eq!(bench.machine(), &before);
    let Message::Answer(mut answer) = answer.2 else { panic!("it is an answer") };
    answer.epoch = Epoch(9);
    bench.step(Input::Message { from: quorate::id::NodeId(1), message: Message::Answer(answer) });
    assert_eq!(bench.machine(), &before);
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
}

#[test]
fn nothing_is_called_in_an_epoch_that_is_not_durable() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.network.clear();
    let machine = &mut bench.executors[0].machine;
    let disk = bench.disk.clone();
    *machine = quorate::durable::Recover::recover(bench.config.clone(), &disk, 0).expect("it recovers");
    let (next, effects) = machine.stepped(Input::Start, Time::ZERO, &[]);
    assert_eq!(next.epoch(), Epoch(2));
    assert!(matches!(effects[0], quorate::machine::Effect::Persist(_)));
    assert!(effects[1..].iter().any(|effect| matches!(
        effect,
        quorate::machine::Effect::Send { release: quorate::machine::Release::Held, .. }
    )));
}

#[test]
fn an_executor_with_a_store_of_its_own_begins_no_lower_than_it_is_told() {
    let mut config = Config::new(ClusterId(7), ME, [diamond(Doubt::Retry)]);
    config.epoch_min = Epoch(41);
    let mut bench = Bench::at_rest(config);
    bench.boot();
    assert_eq!(bench.machine().epoch(), Epoch(41));
    bench.crash();
    assert_eq!(bench.machine().epoch(), Epoch(42));
    bench.begin();
    let Some((.., Message::Call(call))) = bench.network.front() else { panic!("step 0 is called") };
    assert_eq!((call.epoch, call.key.step, call.input), (Epoch(42), s(0), INPUT));
}
