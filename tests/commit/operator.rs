//! An operator decides what is in doubt, and is told what damage that did.

use quorate::commit::coordinator;
use quorate::commit::participant::{Notice, Phase, Refusal, Request};
use quorate::commit::{Mode, Outcome, Rejection};

use crate::bench::{Bench, C, Work, n, tx};

/// n2 is in doubt and cut off from the coordinator, which has decided to commit.
fn in_doubt() -> Bench {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear();
    bench
}

fn resolve(outcome: Outcome) -> Request {
    Request::Resolve { tx: tx(1), outcome }
}

fn damage(bench: &Bench) -> Vec<Notice<Work>> {
    let notices = &bench.participants[&n(2)].notices;
    notices.iter().filter(|notice| matches!(notice, Notice::Damage { .. })).cloned().collect()
}

#[test]
fn a_heuristic_decision_frees_what_is_locked_and_is_told_as_such() {
    let mut bench = in_doubt();
    bench.ask(n(2), resolve(Outcome::Abort));
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)]);
    let heuristic = |notice: &Notice<Work>| matches!(notice, Notice::Undo { heuristic: true, .. });
    assert!(bench.participants[&n(2)].notices.iter().any(heuristic));
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::InDoubt { heuristic: Some(Outcome::Abort) }));
}

#[test]
fn damage_is_told_to_the_operator_and_to_the_coordinator() {
    let mut bench = in_doubt();
    bench.ask(n(2), resolve(Outcome::Abort));
    bench.resend();
    bench.deliver_all();
    let told = Notice::Damage { tx: tx(1), took: Outcome::Abort, outcome: Outcome::Commit };
    assert_eq!(damage(&bench), [told]);
    let told = coordinator::Notice::Damage { tx: tx(1), participant: n(2), took: Outcome::Abort };
    assert!(bench.coordinator.notices.contains(&told));
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)], "what was done is not undone by itself");
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}

#[test]
fn damage_is_told_until_somebody_has_seen_to_it() {
    let mut bench = in_doubt();
    bench.ask(n(2), resolve(Outcome::Abort));
    bench.application(n(2)).carries_out = false;
    bench.resend();
    bench.deliver_all();
    bench.crash(n(2), 0);
    assert_eq!(damage(&bench).len(), 2);
    bench.ask(n(2), Request::Done { tx: tx(1) });
    bench.crash(n(2), 0);
    assert_eq!(damage(&bench).len(), 2);
}

#[test]
fn what_an_operator_had_carried_out_is_not_told_again_after_a_crash_whatever_damage_it_did() {
    let positions = |bench: &Bench| -> Vec<u64> {
        let notices = bench.participants[&n(2)].notices.iter();
        let position = |notice: &Notice<Work>| match notice {
            Notice::Apply { position, .. } | Notice::Undo { position, .. } => Some(*position),
            _ => None,
        };
        notices.filter_map(position).collect()
    };
    for (carries_out, applies) in [(true, false), (false, true), (false, false)] {
        let mut bench = in_doubt();
        bench.application(n(2)).carries_out = carries_out;
        bench.ask(n(2), resolve(Outcome::Abort));
        let told = positions(&bench);
        assert_eq!(told.len(), 1);
        bench.application(n(2)).carries_out = false;
        bench.resend();
        bench.deliver_all();
        // By its name, or by its position: where it was neither done nor applied, it is told again as what it was.
        bench.crash(n(2), if applies { told[0] } else { 0 });
        assert_eq!(damage(&bench).len(), 2);
        let expected = if carries_out || applies { told } else { told.repeat(2) };
        assert_eq!(positions(&bench), expected);
    }
}

#[test]
fn a_heuristic_decision_that_was_right_does_no_damage_and_is_carried_out_once() {
    for carries_out in [true, false] {
        let mut bench = in_doubt();
        bench.application(n(2)).carries_out = carries_out;
        bench.ask(n(2), resolve(Outcome::Commit));
        bench.resend();
        bench.deliver_all();
        assert_eq!(damage(&bench), []);
        assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit)]);
        let ended = Phase::Ended(Some(Outcome::Commit));
        let expected = if carries_out { ended } else { Phase::Decided(Outcome::Commit) };
        assert_eq!(bench.phase(n(2), tx(1)), Some(expected));
    }
}

#[test]
fn a_heuristic_decision_survives_a_crash_and_is_no_outcome_for_a_peer() {
    let mut bench = in_doubt();
    bench.ask(n(2), resolve(Outcome::Abort));
    bench.cut_off = vec![C];
    bench.crash(n(2), 0);
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::InDoubt { heuristic: Some(Outcome::Abort) }));
    for _ in 0..4 {
        bench.doubt(n(3));
        bench.deliver_all();
    }
    assert_eq!(bench.phase(n(3), tx(1)), Some(Phase::InDoubt { heuristic: None }));
}

#[test]
fn an_operator_decides_once_and_only_what_is_in_doubt() {
    let mut bench = in_doubt();
    bench.ask(n(2), resolve(Outcome::Abort));
    bench.ask(n(2), resolve(Outcome::Commit));
    bench.ask(n(2), Request::Resolve { tx: tx(2), outcome: Outcome::Commit });
    let refused = |number| Notice::Refused { tx: tx(number), reason: Refusal::NotInDoubt };
    assert!(bench.participants[&n(2)].notices.contains(&refused(1)));
    assert!(bench.participants[&n(2)].notices.contains(&refused(2)));
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)]);
}

#[test]
fn damage_is_heard_of_though_the_coordinator_had_not_decided() {
    // A peer that had not voted aborted, and told n2, whose operator had committed; the coordinator still gathers votes.
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedCommit).expect("it begins");
    bench.intercept(n(3));
    bench.deliver_round();
    bench.intercept(C);
    for _ in 0..3 {
        bench.doubt(n(2));
    }
    bench.ask(n(2), resolve(Outcome::Commit));
    bench.intercept(C);
    bench.deliver_round();
    bench.deliver_round();
    bench.intercept(C);
    assert_eq!(damage(&bench).len(), 1, "n2 knows");
    // What n2 said of it is lost, and it is asked again: a no would have the coordinator forget.
    bench.resend();
    bench.deliver_all();
    let told = |notice: &coordinator::Notice| matches!(notice, coordinator::Notice::Damage { participant, .. } if *participant == n(2));
    assert!(bench.coordinator.notices.iter().any(told));
}

/// Presumed abort with room for two tombstones; the operator of n2 aborts what is committed, sees to the damage, and the
/// coordinator has not heard of it. So many more transactions come and go.
fn damaged_and_outlived_by(more: u64) -> Bench {
    let mut bench = Bench::with(2, |config| config.max_tombstones = 2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear();
    bench.ask(n(2), resolve(Outcome::Abort));
    bench.resend();
    bench.intercept(n(3));
    bench.deliver_round();
    bench.intercept(C);
    bench.ask(n(2), Request::Done { tx: tx(1) });
    bench.intercept(C);
    for _ in 0..more {
        bench.begin(Mode::PresumedAbort).expect("it begins");
        bench.deliver_all();
    }
    bench
}

#[test]
fn damage_is_remembered_past_all_tombstones_until_the_coordinator_asks_again() {
    for crashes in [false, true] {
        let mut bench = damaged_and_outlived_by(5);
        assert_eq!(bench.phase(n(2), tx(3)), Some(Phase::Forgotten), "tombstones have given way");
        if crashes {
            bench.crash(n(2), 0);
        }
        bench.resend();
        bench.deliver_all();
        let told = coordinator::Notice::Damage { tx: tx(1), participant: n(2), took: Outcome::Abort };
        assert!(bench.coordinator.notices.contains(&told), "crashed: {crashes}");
        assert_eq!(bench.coordinator.machine.in_flight(), 0);
    }
}

#[test]
fn an_operator_lets_go_of_damage_once_it_is_seen_to() {
    let refused = |reason| Notice::Refused { tx: tx(1), reason };
    let mut bench = in_doubt();
    bench.ask(n(2), Request::Forget { tx: tx(1) });
    assert!(bench.participants[&n(2)].notices.contains(&refused(Refusal::NotDamaged)), "nothing is decided");

    let mut bench = damaged_and_outlived_by(5);
    bench.ask(n(2), Request::Forget { tx: tx(1) });
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::Forgotten));
    bench.crash(n(2), 0);
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::Forgotten), "not after a crash either");
    bench.ask(n(2), Request::Forget { tx: tx(1) });
    assert!(bench.participants[&n(2)].notices.contains(&refused(Refusal::NotDamaged)), "once");
}

#[test]
fn an_operator_lets_go_of_what_he_decided_once_it_is_carried_out_where_nobody_will_tell_the_outcome() {
    let refused = Notice::Refused { tx: tx(1), reason: Refusal::NotDamaged };
    for crashes in [false, true] {
        let mut bench = in_doubt();
        bench.application(n(2)).carries_out = false;
        bench.ask(n(2), resolve(Outcome::Abort));
        bench.ask(n(2), Request::Forget { tx: tx(1) });
        assert!(bench.participants[&n(2)].notices.contains(&refused), "it is not carried out");
        bench.ask(n(2), Request::Done { tx: tx(1) });
        bench.ask(n(2), Request::Forget { tx: tx(1) });
        if crashes {
            bench.crash(n(2), 0);
        }
        assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::Ended(Some(Outcome::Abort))));
        assert_eq!(bench.participants[&n(2)].machine.live(), 0);
        // The outcome comes after all, and is another one: that is not passed over in silence.
        bench.resend();
        bench.deliver_all();
        let rejected = Notice::Rejected { from: C, reason: Rejection::Contradicts };
        assert!(bench.participants[&n(2)].notices.contains(&rejected));
    }
}

#[test]
fn so_many_decisions_of_an_operator_are_remembered_and_no_more_are_taken_until_one_is_forgotten() {
    let mut bench = damaged_and_outlived_by(0);
    let mut in_doubt_too = || {
        let tx = bench.begin(Mode::PresumedAbort).expect("it begins");
        bench.deliver_round();
        bench.deliver_round();
        bench.network.clear();
        bench.ask(n(2), Request::Resolve { tx, outcome: Outcome::Abort });
        (tx, bench.phase(n(2), tx))
    };
    let resolved = Some(Phase::InDoubt { heuristic: Some(Outcome::Abort) });
    assert_eq!(in_doubt_too().1, resolved, "the second of two");
    let (third, phase) = in_doubt_too();
    assert_eq!(phase, Some(Phase::InDoubt { heuristic: None }));
    let refused = Notice::Refused { tx: third, reason: Refusal::TooManyResolved };
    assert!(bench.participants[&n(2)].notices.contains(&refused));
    bench.ask(n(2), Request::Forget { tx: tx(1) });
    bench.ask(n(2), Request::Resolve { tx: third, outcome: Outcome::Abort });
    assert_eq!(bench.phase(n(2), third), resolved);
}
