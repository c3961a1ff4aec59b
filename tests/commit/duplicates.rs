//! What arrives twice, late or out of order is answered as it was, and changes nothing.

use quorate::commit::participant::Phase;
use quorate::commit::{Message, Mode, Nodes, Outcome, Vote};

use crate::bench::{Bench, C, Work, n, tx};

fn prepare(number: u64) -> Message<Work> {
    let peers: Nodes = [n(2), n(3)].into_iter().collect();
    Message::Prepare { tx: tx(number), mode: Mode::PresumedAbort, peers, work: 9 }
}

fn votes(bench: &Bench) -> Vec<Vote> {
    let vote = |(.., message): &(_, _, Message<Work>)| match message {
        Message::Vote { vote, .. } => Some(*vote),
        _ => None,
    };
    bench.network.iter().filter_map(vote).collect()
}

#[test]
fn a_prepare_that_comes_twice_is_answered_by_the_same_vote_and_asked_once() {
    for vote in [Vote::Yes, Vote::No, Vote::ReadOnly] {
        let mut bench = Bench::new(2);
        bench.votes(n(2), vote);
        bench.deliver_to(n(2), C, prepare(1));
        // Whatever it would say now.
        bench.votes(n(2), Vote::Yes);
        bench.deliver_to(n(2), C, prepare(1));
        bench.crash(n(2), 0);
        bench.deliver_to(n(2), C, prepare(1));
        assert_eq!(votes(&bench), [vote; 3]);
        assert_eq!(bench.applications[&n(2)].asked, [tx(1)]);
    }
}

#[test]
fn a_prepare_after_the_outcome_locks_nothing_again() {
    for outcome in [Outcome::Commit, Outcome::Abort] {
        for carries_out in [true, false] {
            let mut bench = Bench::new(2);
            bench.application(n(2)).carries_out = carries_out;
            bench.deliver_to(n(2), C, prepare(1));
            let decision = Message::Decision { tx: tx(1), mode: Mode::PresumedAbort, outcome };
            bench.deliver_to(n(2), C, decision);
            bench.network.clear();
            bench.deliver_to(n(2), C, prepare(1));
            bench.crash(n(2), 0);
            bench.deliver_to(n(2), C, prepare(1));
            assert_eq!(bench.applications[&n(2)].asked, [tx(1)]);
            assert!(!votes(&bench).contains(&Vote::Yes));
            let expected = if carries_out { Phase::Ended(Some(outcome)) } else { Phase::Decided(outcome) };
            assert_eq!(bench.phase(n(2), tx(1)), Some(expected));
        }
    }
}

#[test]
fn a_decision_that_comes_twice_is_acknowledged_twice_and_carried_out_once() {
    let mut bench = Bench::new(2);
    bench.deliver_to(n(2), C, prepare(1));
    bench.network.clear();
    let decision = Message::Decision { tx: tx(1), mode: Mode::PresumedAbort, outcome: Outcome::Commit };
    bench.deliver_to(n(2), C, decision.clone());
    bench.deliver_to(n(2), C, decision.clone());
    bench.crash(n(2), 0);
    bench.deliver_to(n(2), C, decision);
    assert_eq!(bench.on_the_way(|said| matches!(said, Message::Acknowledge { took: None, .. })), 3);
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit)]);
}

#[test]
fn an_abort_that_overtakes_its_prepare_is_remembered() {
    let mut bench = Bench::new(2);
    let decision = Message::Decision { tx: tx(1), mode: Mode::PresumedAbort, outcome: Outcome::Abort };
    bench.deliver_to(n(2), C, decision);
    bench.crash(n(2), 0);
    bench.deliver_to(n(2), C, prepare(1));
    assert_eq!(bench.applications[&n(2)].asked, []);
    assert_eq!(votes(&bench), [Vote::No]);
}

#[test]
fn a_late_vote_and_a_late_acknowledgement_change_nothing() {
    let mut bench = Bench::new(2);
    bench.votes(n(3), Vote::No);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_all();
    for vote in [Vote::Yes, Vote::ReadOnly, Vote::No] {
        for id in [2, 3] {
            bench.deliver_to(C, n(id), Message::Vote { tx: begun, vote });
            bench.deliver_to(C, n(id), Message::Acknowledge { tx: begun, took: None });
        }
    }
    assert_eq!(bench.outcomes(), [(begun, Outcome::Abort)]);
    assert_eq!(bench.network.len(), 0);
}

#[test]
fn the_presumption_that_answers_a_late_inquiry_does_not_undo_what_is_committed() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_all();
    bench.deliver_to(C, n(2), Message::Inquire { tx: begun, mode: Mode::PresumedAbort });
    assert_eq!(
        bench.on_the_way(|said| matches!(said, Message::Answer { outcome: Some(Outcome::Abort), .. })),
        1
    );
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(begun, Outcome::Commit)]);
    assert_eq!(bench.phase(n(2), begun), Some(Phase::Ended(Some(Outcome::Commit))));
}

#[test]
fn all_that_was_ever_said_may_be_said_again_in_any_order() {
    for mode in [Mode::PresumedAbort, Mode::PresumedCommit, Mode::PresumedNothing] {
        for vote in [Vote::Yes, Vote::No, Vote::ReadOnly] {
            let mut bench = Bench::new(2);
            bench.votes(n(3), vote);
            bench.begin(mode).expect("it begins");
            let mut said = Vec::new();
            while let Some(next) = bench.network.front().cloned() {
                said.push(next);
                bench.deliver_one();
            }
            let told = (bench.told(n(2)).to_vec(), bench.told(n(3)).to_vec(), bench.outcomes());
            bench.crash(n(2), 0);
            bench.crash_coordinator();
            for (from, to, message) in said.iter().rev().chain(&said) {
                bench.deliver_to(*to, *from, message.clone());
                bench.deliver_all();
            }
            let now = (bench.told(n(2)).to_vec(), bench.told(n(3)).to_vec(), bench.outcomes());
            assert_eq!(told, now, "{mode:?} {vote:?}");
            assert_eq!(bench.coordinator.machine.in_flight(), 0);
        }
    }
}
