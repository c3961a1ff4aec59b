//! A crash at any point, and back.

use quorate::commit::Outcome;
use quorate::commit::coordinator::{Entry, Phase};
use quorate::commit::participant;
use quorate::commit::tcc::{Config, Coordinator, Member, Message, Service};
use quorate::commit::{JOURNAL, Mode};
use quorate::durable::{Corrupt, Image, Recover};
use quorate::machine::Input;

use crate::application::{Held, Tries};
use crate::bench::{Bench, C, Work, n, tx};

#[test]
fn nobody_is_asked_before_the_services_are_durable() {
    let mut bench = Bench::new(2);
    bench.coordinator.disk_works = false;
    let id = quorate::id::RequestId(9);
    let branches = vec![(n(2), 1), (n(3), 1)];
    bench.coordinator(Input::Request(quorate::commit::tcc::coordinator::Request::Begin { id, branches }));
    assert!(bench.network.is_empty());
    bench.coordinator.disk_works = true;
    bench.coordinator.settle(&mut bench.network);
    assert_eq!(bench.network.len(), 2);
    let entries: Vec<_> = bench.coordinator.disk.log(JOURNAL).map(|(_, entry)| entry.clone()).collect();
    let participants = [n(2), n(3)].into_iter().collect();
    assert_eq!(entries, [Entry::Collecting { tx: tx(1), mode: Mode::PresumedNothing, participants }]);
}

#[test]
fn a_coordinator_that_crashes_while_services_try_cancels_them_all() {
    let mut bench = Bench::new(3);
    bench.begin();
    bench.deliver_round();
    bench.network.clear();
    bench.crash_coordinator();
    assert_eq!(bench.coordinator.machine.phase(tx(1)), Some(Phase::Decided(Outcome::Abort)));
    bench.deliver_all();
    for id in [2, 3, 4] {
        assert_eq!(bench.held(n(id), tx(1)), Some(Held::Released));
    }
    assert!(bench.ended(tx(1)));
}

#[test]
fn a_confirmation_is_not_said_before_the_decision_is_durable() {
    let mut bench = Bench::new(2);
    bench.begin();
    bench.deliver_round();
    bench.coordinator.disk_works = false;
    bench.deliver_round();
    assert!(bench.network.is_empty());
    assert_eq!(bench.decided(), []);
    bench.crash_coordinator();
    bench.deliver_all();
    assert_eq!(bench.decided().last(), Some(&(tx(1), Outcome::Abort)), "nobody had heard otherwise");
    assert_eq!(bench.held(n(2), tx(1)), Some(Held::Released));
}

#[test]
fn a_coordinator_that_crashes_after_its_decision_confirms_all() {
    let mut bench = Bench::new(3);
    bench.begin();
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear();
    bench.crash_coordinator();
    bench.deliver_all();
    for id in [2, 3, 4] {
        assert_eq!(bench.held(n(id), tx(1)), Some(Held::Confirmed));
    }
    assert!(bench.ended(tx(1)));
}

#[test]
fn a_service_keeps_its_reservation_over_a_crash_and_asks_nobody() {
    let mut bench = Bench::new(2);
    bench.begin();
    bench.deliver_round();
    bench.network.clear();
    bench.crash(n(2));
    assert!(bench.network.is_empty());
    assert_eq!(bench.held(n(2), tx(1)), Some(Held::Reserved), "it was found, and is kept");
    bench.resend();
    bench.deliver_all();
    assert_eq!(bench.held(n(2), tx(1)), Some(Held::Confirmed));
}

#[test]
fn what_was_reserved_and_never_said_is_released_once_it_is_found() {
    let mut bench = Bench::new(2);
    bench.tries(n(2), Tries::ReservesSilently);
    bench.begin();
    bench.deliver_round();
    bench.crash(n(2));
    assert_eq!(bench.held(n(2), tx(1)), Some(Held::Released));
    bench.tries(n(2), Tries::Reserves);
    bench.resend();
    bench.deliver_all();
    assert_eq!(bench.asked(n(2), tx(1)), 1, "and it is not tried again");
    assert_eq!(bench.decided(), [(tx(1), Outcome::Abort)]);
    assert!(bench.ended(tx(1)));
}

#[test]
fn what_was_told_and_not_done_is_told_again_after_a_crash_and_what_was_done_is_not() {
    let mut bench = Bench::new(2);
    bench.application(n(2)).answers = false;
    bench.begin();
    bench.deliver_all();
    bench.application(n(2)).answers = true;
    bench.crash(n(2));
    bench.crash(n(3));
    assert_eq!(bench.told(n(2), tx(1)), 2);
    assert_eq!(bench.told(n(3), tx(1)), 1);
    bench.deliver_all();
    assert!(bench.ended(tx(1)));
}

#[test]
fn a_service_is_not_done_before_that_is_durable() {
    let mut bench = Bench::new(1);
    bench.begin();
    bench.deliver_round();
    bench.deliver_round();
    bench.services.get_mut(&n(2)).expect("it is there").disk_works = false;
    bench.deliver_round();
    assert!(bench.network.is_empty());
    assert!(!bench.ended(tx(1)));
}

#[test]
fn a_node_that_differs_from_its_disk_is_told_apart_from_it() {
    let mut bench = Bench::new(2);
    bench.begin();
    bench.deliver_round();
    let (coordinator, service) = (&bench.coordinator, &bench.services[&n(2)]);
    assert_eq!(coordinator.machine.agrees_with(&coordinator.disk), Ok(()));
    assert!(coordinator.machine.agrees_with(&Image::default()).is_err());
    assert_eq!(service.machine.agrees_with(&service.disk), Ok(()));
    assert!(service.machine.agrees_with(&Image::default()).is_err());
}

#[test]
fn records_of_another_node_and_configurations_that_do_not_stand_are_refused() {
    let mut bench = Bench::new(2);
    bench.begin();
    bench.deliver_all();
    let mut config = Config::new(quorate::id::ClusterId(7), [C, n(2), n(3)]);
    let member = |me, config: &Config| Member { me, config: std::sync::Arc::new(config.clone()) };
    let found = Coordinator::<Work>::recover(member(n(2), &config), &bench.coordinator.disk, 0);
    assert!(matches!(found, Err(Corrupt::Foreign { .. })));
    let disk = &bench.services[&n(3)].disk;
    let found = Service::<Work>::recover(member(n(2), &config), disk, 0);
    assert!(matches!(found, Err(Corrupt::Foreign { .. })));
    config.max_attempts = 0;
    let found = Service::<Work>::recover(member(n(3), &config), disk, 0);
    assert!(matches!(found, Err(Corrupt::Config(_))));
    let found = Coordinator::<Work>::recover(member(C, &config), &bench.coordinator.disk, 0);
    assert!(matches!(found, Err(Corrupt::Config(_))));
}

#[test]
fn a_late_answer_after_the_end_changes_nothing() {
    let mut bench = Bench::new(2);
    bench.begin();
    bench.deliver_round();
    let answers = bench.network.clone();
    bench.deliver_all();
    assert!(bench.ended(tx(1)));
    for (from, to, message) in answers {
        bench.deliver_to(to, from, message);
    }
    bench.deliver_to(C, n(2), Message::Stuck { tx: tx(1) });
    bench.deliver_to(C, n(2), Message::Done { tx: tx(1), took: None });
    assert!(bench.network.is_empty());
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
    assert_eq!(
        bench.services[&n(2)].machine.phase(tx(1)),
        Some(participant::Phase::Ended(Some(Outcome::Commit)))
    );
}
