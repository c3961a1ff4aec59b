//! Every map and log has a limit, and an answer when it is reached.

use quorate::saga::choreography::{LOG, Name, Notice, Refusal, Rejection};
use quorate::saga::{Action, Doubt, End, Resolution, SagaId};

use crate::bench::{Bench, Fate, ME, diamond, n};

fn saga(saga: u64) -> Name {
    Name { initiator: ME, saga: SagaId(saga) }
}

#[test]
fn as_many_sagas_of_one_initiator_are_kept_as_may_be_counted_from_its_oldest() {
    let mut bench = Bench::with([diamond(Doubt::Retry)], |config| config.max_sagas = 2);
    let ids: Vec<_> = (1..=3).map(|number| bench.begin_as(saga(number))).collect();
    let full = |bench: &Bench, id| bench.answers(id) == [Notice::Refused { id, reason: Refusal::Full }];
    assert!(full(&bench, ids[2]) && !full(&bench, ids[1]));
    bench.run();
    bench.forget(saga(2));
    let id = bench.begin_as(saga(3));
    assert!(full(&bench, id), "the first is not over");
    bench.forget(saga(1));
    let id = bench.begin_as(saga(3));
    assert!(bench.accepted(id));
    bench.run();
    assert!(!bench.rejected(), "what one may begin all others can take");
    let id = bench.begin_as(Name { initiator: n(1), saga: SagaId(1) });
    assert!(bench.accepted(id), "others are counted apart");
}

#[test]
fn what_one_may_begin_all_can_take_although_they_missed_what_is_over() {
    let mut bench = Bench::with([diamond(Doubt::Retry)], |config| config.max_sagas = 1);
    for number in 1..20 {
        let id = bench.begin_as(saga(number));
        assert!(bench.accepted(id), "{number}");
        bench.run();
        assert_eq!(bench.end_at(n(3), saga(number)), Some(End::Completed));
        bench.forget(saga(number));
        bench.network.clear();
    }
    assert!(!bench.rejected());
}

#[test]
fn a_participant_with_lower_limits_says_so_and_takes_part_once_it_can() {
    let mut bench = Bench::with([diamond(Doubt::Retry)], |config| {
        if config.me == n(1) {
            config.max_sagas = 1;
        }
    });
    bench.begin_as(saga(1));
    bench.begin_as(saga(2));
    for _ in 0..5 {
        bench.flow();
        bench.fire_all();
    }
    let beyond = Notice::Rejected { from: ME, reason: Rejection::BeyondLimit };
    assert!(bench.told.contains(&(n(1), beyond)));
    bench.forget(saga(1));
    bench.run();
    assert_eq!(bench.end_at(ME, saga(2)), Some(End::Completed));
}

#[test]
fn an_input_that_is_too_large_is_refused() {
    let mut bench = Bench::with([diamond(Doubt::Retry)], |config| config.max_input_bytes = 3);
    let id = bench.begin();
    assert_eq!(bench.answers(id), [Notice::Refused { id, reason: Refusal::TooLarge { limit: 3 } }]);
}

#[test]
fn the_log_stays_short_however_long_a_saga_takes_and_whenever_a_crash_comes() {
    let run = |crash: usize| {
        let mut bench = Bench::with([diamond(Doubt::Retry)], |config| {
            (config.max_sagas, config.max_log_entries) = (3, 24);
        });
        // The first saga waits for its pivot while many others come and go.
        bench.fate(3, Action::Do, &[Fate::Lost; 3]);
        bench.begin();
        bench.run();
        for number in 1..20 {
            let other = Name { initiator: n(1), saga: SagaId(number) };
            bench.begin_as(other);
            bench.run();
            bench.forget(other);
            bench.run();
            if number == 6 {
                bench.nodes.iter_mut().for_each(|node| node.fuel = Some(crash));
            }
            for node in &bench.nodes {
                // One entry more, and what is written out again, until the head is dropped.
                assert!(node.disk.log(LOG).count() <= 24 + 1 + 2);
                assert!(node.machine.log_entries() <= 24);
            }
        }
        bench.resolve(n(3), 3, Resolution::Retry);
        bench.run();
        assert_eq!(bench.end(), Some(End::Completed), "crash after {crash}");
        bench
    };
    assert!(!run(10_000).stuck().is_empty());
    for crash in 0..80 {
        assert!(run(crash).crashes > 0);
    }
}

#[test]
fn a_log_that_is_not_too_long_is_left_as_it_is() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.run();
    bench.forget(saga(1));
    bench.run();
    bench.begin_as(saga(2));
    bench.run();
    for node in &bench.nodes {
        assert_eq!(node.disk.log(LOG).next().map(|(index, _)| index), Some(1), "nothing was dropped");
    }
}

#[test]
fn the_last_of_all_names_is_not_to_be_had() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    let id = bench.begin_as(saga(u64::MAX));
    assert_eq!(bench.answers(id), [Notice::Refused { id, reason: Refusal::Used }]);
}

#[test]
fn names_ascend_and_the_same_words_are_accepted_again() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    for id in [bench.begin_as(saga(5)), bench.begin_as(saga(5))] {
        assert!(bench.accepted(id));
    }
    let refused = |bench: &Bench, id, reason| bench.answers(id) == [Notice::Refused { id, reason }];
    let id = bench.begin_as(saga(4));
    assert!(refused(&bench, id, Refusal::Used));
    let (definition, version) = (crate::bench::DEFINITION, crate::bench::VERSION);
    let id = bench.request(ME, |id| quorate::saga::choreography::Request::Begin {
        id,
        saga: SagaId(5),
        definition,
        version,
        input: 0,
    });
    assert!(refused(&bench, id, Refusal::Exists));
    let id = bench.forget(saga(5));
    assert!(refused(&bench, id, Refusal::Running));
    let id = bench.forget(saga(6));
    assert!(refused(&bench, id, Refusal::UnknownSaga));
    let id = bench.resolve(ME, 0, Resolution::Retry);
    assert!(refused(&bench, id, Refusal::UnknownSaga));
    assert_eq!(bench.machine(ME).sagas().len(), 1);
}
