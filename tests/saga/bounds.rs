//! Every queue, map and log has a limit, and an answer when it is reached.

use quorate::saga::{Action, Doubt, End, Entry, LOG, Notice, Refusal, SagaId};

use crate::bench::{Bench, Fate, SAGA, diamond, s};

#[test]
fn as_many_sagas_are_kept_as_may_be_ended_ones_included() {
    let mut bench = Bench::with([diamond(Doubt::Retry)], |config| config.max_sagas = 2);
    let ids: Vec<_> = (1..=3).map(|saga| bench.begin_as(SagaId(saga))).collect();
    let full = |bench: &Bench, id| bench.answers(id) == [Notice::Refused { id, reason: Refusal::Full }];
    assert!(full(&bench, ids[2]) && !full(&bench, ids[1]));
    bench.run();
    let id = bench.begin_as(SagaId(3));
    assert!(full(&bench, id), "what has ended is kept until it is forgotten");
    bench.forget(SagaId(1));
    let id = bench.begin_as(SagaId(3));
    assert_eq!(bench.answers(id), [Notice::Accepted { id }]);
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
            (config.max_sagas, config.max_log_entries) = (4, 12);
        });
        // The first saga waits for its pivot while many others come and go.
        bench.fate(3, Action::Do, &[Fate::Lost; 3]);
        bench.begin();
        bench.run();
        for saga in 2..12 {
            bench.begin_as(SagaId(saga));
            bench.run();
            bench.forget(SagaId(saga));
            if saga == 6 {
                bench.fuel = Some(crash);
            }
            assert!(bench.disk.log(LOG).count() <= 13, "the log and what is about to be dropped");
            assert!(bench.machine().log_entries() <= 12);
        }
        bench.resolve(3, quorate::saga::Resolution::Retry);
        bench.run();
        assert_eq!(bench.end(), Some(End::Completed), "crash after {crash}");
        bench
    };
    assert!(!run(10_000).stuck().is_empty());
    for crash in 0..60 {
        assert_eq!(run(crash).crashes, 1);
    }
}

#[test]
fn what_began_of_late_is_not_written_out_again_when_the_log_is_shortened() {
    let mut bench = Bench::with([diamond(Doubt::Retry)], |config| {
        (config.max_sagas, config.max_log_entries) = (4, 64);
    });
    bench.fate(3, Action::Do, &[Fate::Lost; 3]);
    bench.begin();
    bench.run();
    let mut shortened = 0;
    for saga in (2..40).map(SagaId) {
        bench.begin_as(saga);
        let began = bench.disk.last_index(LOG).expect("it began");
        loop {
            let before = bench.machine().log_entries();
            if !bench.deliver_one() {
                break;
            }
            shortened += usize::from(bench.machine().log_entries() < before);
            let there =
                matches!(bench.disk.entry(LOG, began), Some(Entry::Saga { saga: of, .. }) if *of == saga);
            assert!(there, "{saga} is young, and its beginning is gone");
        }
        bench.forget(saga);
    }
    assert!(shortened > 0, "the log was never too long");
}

#[test]
fn many_sagas_run_side_by_side() {
    let mut bench = Bench::with([diamond(Doubt::Probe)], |config| config.max_sagas = 100);
    for saga in 1..=100 {
        bench.begin_as(SagaId(saga));
    }
    bench.run();
    let ended = |notice: &&Notice<u32>| matches!(notice, Notice::Ended { end: End::Completed, .. });
    assert_eq!(bench.told.iter().filter(ended).count(), 100);
    for saga in (1..=100).rev() {
        bench.forget(SagaId(saga));
    }
    assert_eq!((bench.machine().sagas().len(), bench.machine().forgotten()), (0, Some(SagaId(100))));
    bench.crash();
    assert_eq!(bench.machine().sagas().len(), 0);
}

#[test]
fn a_saga_takes_a_record_for_each_step_and_two_more() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    let before = bench.machine().log_entries();
    bench.begin();
    bench.run();
    bench.forget(SAGA);
    assert_eq!(bench.machine().log_entries() - before, 4 + 2);
    assert_eq!(bench.services.heard.len(), 4);
    assert_eq!(bench.services.heard[0], (s(0), Action::Do));
}
