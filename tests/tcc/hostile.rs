//! What no correct peer says is dropped and told, and changes nothing.

use quorate::commit::tcc::{Message, coordinator, service};
use quorate::commit::{Outcome, Rejection, TxId};
use quorate::id::NodeId;

use crate::bench::{Bench, C, Work, n, tx};

fn rejected_by_service(bench: &mut Bench, from: NodeId, message: Message<Work>) -> Option<Rejection> {
    let (before, told) = (bench.services[&n(2)].machine.clone(), bench.services[&n(2)].notices.len());
    bench.deliver_to(n(2), from, message);
    assert_eq!(bench.services[&n(2)].machine, before);
    match bench.services[&n(2)].notices[told..] {
        [service::Notice::Rejected { from: named, reason }] if named == from => Some(reason),
        _ => None,
    }
}

fn rejected_by_coordinator(bench: &mut Bench, from: NodeId, message: Message<Work>) -> Option<Rejection> {
    let (before, told) = (bench.coordinator.machine.clone(), bench.coordinator.notices.len());
    bench.deliver_to(C, from, message);
    assert_eq!(bench.coordinator.machine, before);
    match bench.coordinator.notices[told..] {
        [coordinator::Notice::Rejected { from: named, reason }] if named == from => Some(reason),
        _ => None,
    }
}

#[test]
fn a_service_takes_no_word_but_its_coordinators() {
    let mut bench = Bench::new(2);
    let begun = bench.begin();
    let mut rejected = |from, message| rejected_by_service(&mut bench, from, message);
    assert_eq!(rejected(n(3), Message::Confirm { tx: begun }), Some(Rejection::NotItsCoordinator));
    assert_eq!(rejected(n(9), Message::Confirm { tx: begun }), Some(Rejection::NotAMember));
    assert_eq!(
        rejected(C, Message::Confirm { tx: begun }),
        Some(Rejection::Contradicts),
        "it never reserved"
    );
    assert_eq!(rejected(C, Message::Cancel { tx: tx(0) }), Some(Rejection::NeverBegun));
    assert_eq!(rejected(n(3), Message::Stuck { tx: begun }), Some(Rejection::Misdirected));
    assert_eq!(rejected(C, Message::Done { tx: begun, took: None }), Some(Rejection::Misdirected));
    assert_eq!(rejected(C, Message::Tried { tx: begun, reserved: true }), Some(Rejection::Misdirected));
}

#[test]
fn a_coordinator_takes_no_word_but_its_services_on_what_it_began() {
    let mut bench = Bench::new(2);
    let begun = bench.begin();
    let foreign = TxId { coordinator: n(3), number: 1 };
    let tried = |tx| Message::Tried { tx, reserved: true };
    let mut rejected = |from, message| rejected_by_coordinator(&mut bench, from, message);
    assert_eq!(rejected(n(9), tried(begun)), Some(Rejection::NotAMember));
    assert_eq!(rejected(n(2), tried(tx(7))), Some(Rejection::NeverBegun));
    assert_eq!(rejected(n(2), tried(foreign)), Some(Rejection::NotItsCoordinator));
    assert_eq!(rejected(n(2), Message::Stuck { tx: foreign }), Some(Rejection::NotItsCoordinator));
    assert_eq!(rejected(n(2), Message::Stuck { tx: tx(7) }), None, "it may be over");
    assert_eq!(rejected(n(2), Message::Confirm { tx: begun }), Some(Rejection::Misdirected));
    assert_eq!(rejected(n(2), Message::Try { tx: begun, work: 1 }), Some(Rejection::Misdirected));
}

#[test]
fn a_service_that_is_told_to_cancel_what_was_confirmed_does_not() {
    let mut bench = Bench::new(2);
    let begun = bench.begin();
    bench.deliver_all();
    let told = rejected_by_service(&mut bench, C, Message::Cancel { tx: begun });
    assert_eq!(told, Some(Rejection::Contradicts));
    assert_eq!(bench.decided(), [(begun, Outcome::Commit)]);
}
