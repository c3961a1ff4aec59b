//! All reservations are confirmed, or all are cancelled.

use quorate::commit::Outcome;
use quorate::commit::coordinator::{Phase, Refusal};
use quorate::commit::tcc::Message;
use quorate::commit::tcc::coordinator::Notice;

use crate::application::{Held, Tries};
use crate::bench::{Bench, C, n, tx};

#[test]
fn what_all_have_reserved_is_confirmed_everywhere() {
    let mut bench = Bench::new(3);
    let begun = bench.begin();
    assert_eq!(bench.coordinator.machine.in_flight(), 1);
    bench.deliver_all();
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
    assert_eq!(bench.decided(), [(begun, Outcome::Commit)]);
    for id in [2, 3, 4] {
        assert_eq!(bench.held(n(id), begun), Some(Held::Confirmed));
        assert_eq!(bench.told(n(id), begun), 1);
    }
    assert!(bench.ended(begun));
}

#[test]
fn what_one_cannot_reserve_is_cancelled_everywhere() {
    let mut bench = Bench::new(3);
    bench.tries(n(3), Tries::Refuses);
    let begun = bench.begin();
    bench.deliver_all();
    assert_eq!(bench.decided(), [(begun, Outcome::Abort)]);
    assert_eq!(bench.held(n(2), begun), Some(Held::Released));
    assert_eq!(bench.held(n(3), begun), None);
    assert_eq!(bench.held(n(4), begun), Some(Held::Released));
    assert_eq!(bench.told(n(3), begun), 0, "who reserved nothing is not told to cancel");
    assert!(bench.ended(begun));
}

#[test]
fn a_service_whose_try_is_unknown_is_cancelled_too() {
    let mut bench = Bench::new(3);
    let begun = bench.begin();
    bench.deliver_round();
    let lost = bench.intercept(C).into_iter().filter(|message| message.tx() == begun).count();
    assert_eq!(lost, 3, "all have reserved, and nobody knows");
    bench.deadline();
    bench.deliver_all();
    for id in [2, 3, 4] {
        assert_eq!(bench.held(n(id), begun), Some(Held::Released));
    }
    assert!(bench.ended(begun));
}

#[test]
fn a_single_service_is_confirmed_in_two_phases_as_well() {
    let mut bench = Bench::new(1);
    let begun = bench.begin();
    bench.deliver_round();
    assert_eq!(bench.held(n(2), begun), Some(Held::Reserved));
    assert_eq!(bench.decided(), []);
    bench.deliver_all();
    assert_eq!(bench.held(n(2), begun), Some(Held::Confirmed));
    assert!(bench.ended(begun));
}

#[test]
fn an_activity_ends_when_it_is_carried_out_not_when_it_is_known() {
    let mut bench = Bench::new(2);
    bench.application(n(3)).answers = false;
    let begun = bench.begin();
    bench.deliver_all();
    assert_eq!(bench.coordinator.machine.awaited(begun).collect::<Vec<_>>(), [n(3)]);
    bench.resend();
    assert!(bench.heard(&Notice::Overdue { tx: begun, awaited: 1 }));
    bench.deliver_all();
    assert_eq!(bench.told(n(3), begun), 1, "its application is at it");
    assert!(!bench.ended(begun));
    bench.ask(n(3), quorate::commit::tcc::service::Request::Done { tx: begun });
    bench.deliver_all();
    assert!(bench.ended(begun));
}

#[test]
fn a_deadline_and_a_request_cancel_before_the_decision_and_not_after() {
    let mut bench = Bench::new(2);
    let first = bench.begin();
    assert!(bench.cancel(first));
    let second = bench.begin();
    bench.deliver_round();
    bench.deliver_round();
    assert_eq!(bench.coordinator.machine.phase(second), Some(Phase::Decided(Outcome::Commit)));
    bench.deadline();
    assert!(!bench.cancel(second));
    bench.deliver_all();
    assert_eq!(bench.decided(), [(first, Outcome::Abort), (second, Outcome::Commit)]);
    assert_eq!(bench.held(n(2), second), Some(Held::Confirmed));
    assert!(bench.ended(first) && bench.ended(second));
}

#[test]
fn many_activities_go_on_at_once_each_to_its_own_end() {
    let mut bench = Bench::new(3);
    let begun: Vec<_> = (0..20).map(|_| bench.begin()).collect();
    for tx in begun.iter().step_by(3) {
        bench.cancel(*tx);
    }
    bench.deliver_all();
    for (at, tx) in begun.iter().enumerate() {
        let wanted = if at % 3 == 0 { None } else { Some(Held::Confirmed) };
        for id in [2, 3, 4] {
            let held = bench.held(n(id), *tx);
            assert!(held == wanted || (wanted.is_none() && held == Some(Held::Released)), "{tx}: {held:?}");
        }
        assert!(bench.ended(*tx));
    }
}

#[test]
fn a_service_knows_no_other_service() {
    let mut bench = Bench::new(2);
    let begun = bench.begin();
    assert_eq!(
        bench.network.iter().map(|(.., message)| message.clone()).collect::<Vec<_>>(),
        [Message::Try { tx: begun, work: 9 }, Message::Try { tx: begun, work: 9 }]
    );
    assert_eq!(bench.begin_with(vec![]), Err(Refusal::Empty));
    assert_eq!(bench.begin_with(vec![(n(2), 1), (n(2), 1)]), Err(Refusal::Twice(n(2))));
    assert_eq!(bench.begin_with(vec![(n(9), 1)]), Err(Refusal::NotAParticipant(n(9))));
    assert_eq!(begun, tx(1));
}
