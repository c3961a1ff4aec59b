//! Nothing grows without bound.

use quorate::commit::coordinator::Refusal;
use quorate::commit::tcc::Message;

use crate::application::Tries;
use crate::bench::{Bench, C, n};

#[test]
fn a_full_coordinator_refuses_and_a_full_service_reserves_nothing() {
    let mut bench = Bench::with(1, |config| config.commit.max_transactions = 2);
    bench.tries(n(2), Tries::Waits);
    let first = bench.begin();
    bench.begin();
    assert_eq!(bench.begin_with(vec![(n(2), 1)]), Err(Refusal::Full));
    bench.deliver_all();
    let third = quorate::commit::TxId { coordinator: C, number: first.number + 2 };
    bench.deliver_to(n(2), C, Message::Try { tx: third, work: 1 });
    assert_eq!(bench.intercept(C), [Message::Tried { tx: third, reserved: false }]);
    assert_eq!(bench.asked(n(2), third), 0);
}

#[test]
fn journals_and_tombstones_stay_short_however_many_activities_end() {
    let mut bench = Bench::with(2, |config| {
        config.commit.max_tombstones = 8;
        config.commit.journal_slack = 8;
    });
    for round in 0..200 {
        let tx = bench.begin();
        if round % 2 == 0 {
            bench.cancel(tx);
        }
        bench.deliver_all();
        assert!(bench.ended(tx));
    }
    assert!(bench.coordinator.machine.journal_len() < 20);
    for service in bench.services.values() {
        assert!(service.machine.journal_len() < 40);
        assert!(service.machine.activities().count() <= 8);
        assert_eq!(service.machine.live(), 0);
    }
}

#[test]
fn work_that_is_too_large_is_refused_at_both_ends() {
    let mut bench = Bench::with(1, |config| config.commit.max_work_bytes = 3);
    assert_eq!(bench.begin_with(vec![(n(2), 1)]), Err(Refusal::TooLarge { limit: 3 }));
    bench.deliver_to(n(2), C, Message::Try { tx: crate::bench::tx(1), work: 1 });
    assert_eq!(bench.intercept(C), [Message::Tried { tx: crate::bench::tx(1), reserved: false }]);
}
