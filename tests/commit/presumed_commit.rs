//! Presumed commit: forgetting means commit, so whoever is asked is written down first.

use quorate::commit::coordinator::{Entry, Phase};
use quorate::commit::participant;
use quorate::commit::{JOURNAL, Message, Mode, Outcome, Vote};

use crate::bench::{Bench, n, tx};

#[test]
fn a_crash_between_collecting_and_decision_aborts() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedCommit).expect("it begins");
    bench.deliver_round();
    bench.network.clear();
    bench.crash_coordinator();
    assert_eq!(bench.coordinator.machine.phase(tx(1)), Some(Phase::Decided(Outcome::Abort)));
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)]);
    assert_eq!(bench.told(n(3)), [(tx(1), Outcome::Abort)]);
    assert_eq!(bench.coordinator.machine.in_flight(), 0, "all have acknowledged");
}

#[test]
fn nobody_is_asked_before_the_participants_are_durable() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("numbers are reserved");
    bench.deliver_all();
    bench.coordinator.disk_works = false;
    let branches = vec![(n(2), 1), (n(3), 1)];
    let begin = quorate::commit::coordinator::Request::Begin {
        id: quorate::id::RequestId(9),
        mode: Mode::PresumedCommit,
        branches,
    };
    bench.coordinator(quorate::machine::Input::Request(begin));
    assert_eq!(bench.network.len(), 0);
}

#[test]
fn an_abort_is_not_forgotten_before_all_have_acknowledged() {
    let mut bench = Bench::new(3);
    bench.votes(n(4), Vote::No);
    bench.begin(Mode::PresumedCommit).expect("it begins");
    bench.deliver_round();
    bench.cut_off = vec![n(2)];
    bench.deliver_all();
    assert_eq!(bench.coordinator.machine.in_flight(), 1, "n2 would be told to commit");
    bench.crash_coordinator();
    bench.network.clear();
    bench.cut_off.clear();
    bench.doubt(n(2));
    bench.doubt(n(2));
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)]);
    bench.resend();
    bench.deliver_all();
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}

#[test]
fn an_abort_that_overtakes_its_prepare_leaves_a_tombstone_that_a_crash_does_not_lift() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedCommit).expect("it begins");
    let prepares = bench.intercept(n(2));
    bench.votes_timeout();
    bench.deliver_all();
    assert_eq!(bench.coordinator.machine.in_flight(), 0, "n2 has acknowledged, and all is forgotten");
    bench.crash(n(2), 0);
    for message in prepares {
        bench.deliver_to(n(2), n(1), message);
    }
    bench.doubt(n(2));
    bench.deliver_all();
    assert_eq!(bench.applications[&n(2)].asked, [], "else it would vote, inquire, and be told to commit");
    assert_eq!(bench.phase(n(2), tx(1)), Some(participant::Phase::Ended(Some(Outcome::Abort))));
}

#[test]
fn a_commit_costs_no_acknowledgement() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedCommit).expect("it begins");
    bench.deliver_round();
    bench.deliver_round();
    assert_eq!(bench.on_the_way(|said| matches!(said, Message::Decision { .. })), 2);
    bench.deliver_round();
    assert_eq!(bench.network.len(), 0);
    let last = bench.coordinator.disk.log(JOURNAL).next_back().map(|(_, entry)| entry.clone());
    assert_eq!(last, Some(Entry::Ended { tx: tx(1), outcome: Outcome::Commit }));
}
