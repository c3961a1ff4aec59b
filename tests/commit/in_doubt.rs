//! A participant that has voted yes waits, asks, and never decides alone.

use quorate::commit::participant::{Notice, Phase};
use quorate::commit::{Message, Mode, Outcome, Vote};

use crate::bench::{Bench, C, n, tx};

const IN_DOUBT: Option<Phase> = Some(Phase::InDoubt { heuristic: None });

/// n2 and n3 have voted yes; the coordinator has their votes, and nothing of what it says arrives.
fn decided_and_lost(mode: Mode) -> Bench {
    let mut bench = Bench::new(2);
    bench.begin(mode).expect("it begins");
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear();
    assert_eq!(bench.outcomes(), [(tx(1), Outcome::Commit)]);
    bench
}

#[test]
fn no_timer_decides_for_a_participant_in_doubt() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.cut_off = vec![C];
    for _ in 0..5 {
        bench.doubt(n(2));
        bench.readiness_timeout(n(2));
        bench.deliver_all();
    }
    assert_eq!(bench.phase(n(2), tx(1)), IN_DOUBT);
    assert_eq!(bench.told(n(2)), []);
    let stuck = |notice: &Notice<u32>| matches!(notice, Notice::InDoubt { .. });
    assert!(bench.participants[&n(2)].notices.iter().any(stuck), "nothing is stuck without being told");
}

#[test]
fn a_participant_in_doubt_recovers_and_inquires() {
    for mode in [Mode::PresumedAbort, Mode::PresumedCommit, Mode::PresumedNothing] {
        let mut bench = decided_and_lost(mode);
        bench.crash(n(2), 0);
        assert_eq!(bench.phase(n(2), tx(1)), IN_DOUBT);
        bench.deliver_all();
        assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit)], "{mode:?}");
    }
}

#[test]
fn an_inquiry_before_the_decision_is_not_answered_by_the_presumption() {
    for mode in [Mode::PresumedAbort, Mode::PresumedCommit, Mode::PresumedNothing] {
        let mut bench = Bench::new(2);
        bench.votes(n(3), None);
        bench.begin(mode).expect("it begins");
        bench.deliver_all();
        bench.doubt(n(2));
        bench.doubt(n(2));
        bench.deliver_all();
        assert_eq!(bench.phase(n(2), tx(1)), IN_DOUBT, "{mode:?}");
        assert_eq!(bench.outcomes(), []);
    }
}

#[test]
fn an_inquiry_after_forgetting_is_answered_by_the_presumption() {
    // Presumed abort: the abort is forgotten at once.
    let mut bench = Bench::new(2);
    bench.votes(n(3), Vote::No);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear();
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
    assert_eq!(bench.phase(n(2), tx(1)), IN_DOUBT);
    bench.doubt(n(2));
    bench.doubt(n(2));
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)]);
    // Presumed commit: the commit is.
    let mut bench = decided_and_lost(Mode::PresumedCommit);
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
    bench.crash_coordinator();
    bench.doubt(n(2));
    bench.doubt(n(2));
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit)]);
}

#[test]
fn a_commit_is_not_forgotten_while_somebody_may_ask() {
    let mut bench = decided_and_lost(Mode::PresumedAbort);
    bench.resend();
    bench.intercept(n(3));
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit)]);
    assert_eq!(bench.coordinator.machine.in_flight(), 1, "n3 has not acknowledged");
    bench.crash_coordinator();
    bench.network.clear();
    bench.doubt(n(3));
    bench.doubt(n(3));
    bench.deliver_all();
    assert_eq!(bench.told(n(3)), [(tx(1), Outcome::Commit)]);
}

#[test]
fn acknowledgements_are_counted_by_who_sent_them() {
    let mut bench = decided_and_lost(Mode::PresumedAbort);
    for _ in 0..3 {
        bench.deliver_to(C, n(2), Message::Acknowledge { tx: tx(1), took: None });
    }
    assert_eq!(bench.coordinator.machine.in_flight(), 1);
}

#[test]
fn peers_that_know_the_outcome_tell_it_when_the_coordinator_is_gone() {
    let mut bench = decided_and_lost(Mode::PresumedAbort);
    bench.resend();
    bench.intercept(n(3));
    bench.deliver_all();
    bench.cut_off = vec![C];
    for _ in 0..3 {
        bench.doubt(n(3));
        bench.deliver_all();
    }
    assert_eq!(bench.told(n(3)), [(tx(1), Outcome::Commit)]);
    bench.cut_off.clear();
    bench.resend();
    bench.deliver_all();
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}

#[test]
fn a_peer_that_has_not_voted_aborts_and_so_frees_both() {
    for asked in [false, true] {
        let mut bench = Bench::new(2);
        bench.votes(n(3), None);
        bench.begin(Mode::PresumedAbort).expect("it begins");
        let prepare = if asked { Vec::new() } else { bench.intercept(n(3)) };
        bench.deliver_all();
        bench.cut_off = vec![C];
        for _ in 0..3 {
            bench.doubt(n(2));
            bench.deliver_all();
        }
        assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)]);
        // The prepare that it had not seen comes too late to begin anything.
        bench.cut_off.clear();
        bench.votes(n(3), Vote::Yes);
        for message in prepare {
            bench.deliver_to(n(3), C, message);
        }
        bench.resend();
        bench.deliver_all();
        assert_eq!(bench.outcomes(), [(tx(1), Outcome::Abort)]);
        assert_eq!(bench.phase(n(3), tx(1)), Some(Phase::Ended(Some(Outcome::Abort))));
    }
}

#[test]
fn a_peer_that_only_read_or_is_in_doubt_itself_does_not_know() {
    let mut bench = Bench::new(3);
    bench.votes(n(4), Vote::ReadOnly);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.cut_off = vec![C];
    for _ in 0..4 {
        bench.doubt(n(2));
        bench.deliver_all();
    }
    assert_eq!(bench.phase(n(2), tx(1)), IN_DOUBT);
    assert_eq!(bench.phase(n(4), tx(1)), Some(Phase::Ended(None)));
}

#[test]
fn a_coordinator_that_answers_spares_the_peers() {
    let mut bench = Bench::new(2);
    bench.votes(n(3), None);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_all();
    for _ in 0..6 {
        bench.doubt(n(2));
        bench.deliver_all();
    }
    assert_eq!(bench.phase(n(3), tx(1)), Some(Phase::Asked), "n3 was not asked to abort");
}
