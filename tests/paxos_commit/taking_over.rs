//! A leader is gone, and another one ends what it began; or two believe so of each other.

use quorate::commit::paxos::leader::{Notice, Phase, Timer};
use quorate::commit::paxos::{Ballot, Message};
use quorate::commit::{Nodes, Outcome, TxId, Vote, participant};

use crate::bench::{A, Bench, L1, L2, R};

/// Every node but the first leader goes on until nothing moves.
fn without_the_first_leader(bench: &mut Bench) {
    bench.cut_off = vec![L1];
    bench.come_to_rest();
}

/// One outcome, known wherever somebody voted yes; nothing is left anywhere.
fn is_ended_once(bench: &Bench, begun: TxId) -> bool {
    let outcomes = bench.all_outcomes();
    let all_yes = bench.managers().into_iter().filter(|id| bench.applications[id].vote == Some(Vote::Yes));
    outcomes.get(&begun).is_none_or(|outcomes| outcomes.len() == 1)
        && bench.is_at_rest()
        && all_yes.into_iter().all(|id| bench.told(id).len() <= 1)
}

#[test]
fn a_leader_that_dies_before_or_after_any_message_holds_up_nobody() {
    for delivered in 0..40 {
        for back in [false, true] {
            let mut bench = Bench::new(2);
            let begun = bench.begin(L1);
            for _ in 0..delivered {
                bench.deliver_one();
            }
            without_the_first_leader(&mut bench);
            assert!(is_ended_once(&bench, begun), "dead after {delivered} messages");
            if back {
                bench.cut_off.clear();
                bench.crash(L1);
            }
            bench.cut_off.clear();
            bench.come_to_rest();
            assert!(is_ended_once(&bench, begun), "back after {delivered} messages: {back}");
        }
    }
}

#[test]
fn what_all_voted_for_commits_without_the_leader_that_asked() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.cut_off = vec![L1];
    bench.deliver_round();
    without_the_first_leader(&mut bench);
    assert_eq!(bench.outcomes(L2), [(begun, Outcome::Commit)]);
    assert_eq!((bench.told(R[0]).len(), bench.told(R[1]).len()), (1, 1));
    assert!(bench.told_leader(L2).contains(&Notice::TookOver { tx: begun }));
    assert!(bench.is_at_rest());
}

#[test]
fn a_vote_that_reached_no_majority_may_be_one_that_was_chosen() {
    // The first vote is at one acceptor alone, and the second nowhere: free, so it is a no.
    let mut bench = Bench::new(2);
    bench.votes(R[1], None);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.intercept(|_, to, _| to == A[1] || to == A[2]);
    bench.deliver_all();
    without_the_first_leader(&mut bench);
    assert_eq!(bench.outcomes(L2), [(begun, Outcome::Abort)]);
    let no = |(_, _, message): &(_, _, Message<u32>)| match message {
        Message::Phase2a { votes, .. } => votes[..] == [(R[0], Vote::Yes), (R[1], Vote::No)],
        _ => false,
    };
    assert!(bench.delivered.iter().any(no), "what was reported is proposed, and a no where nothing was");
}

#[test]
fn the_coordinator_is_told_by_who_took_over() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    bench.intercept(|_, to, _| to == L1);
    for _ in 0..3 {
        bench.doubt(R[0]);
    }
    bench.intercept(|_, to, _| to == L1);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    assert_eq!(bench.outcomes(L2), [(begun, Outcome::Commit)]);
    assert!(bench.is_at_rest());
}

#[test]
fn a_coordinator_that_missed_the_end_learns_that_it_is_over() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.cut_off = vec![L1];
    bench.come_to_rest();
    assert!(bench.is_at_rest());
    bench.cut_off.clear();
    bench.overdue(L1, Timer::Votes);
    bench.deliver_all();
    assert!(bench.told_leader(L1).contains(&Notice::Unknown { tx: begun }));
    assert!(bench.is_at_rest());
}

#[test]
fn ballots_of_two_leaders_differ_and_ascend() {
    let mut bench = Bench::new(2);
    bench.votes(R[1], None);
    let begun = bench.begin(L1);
    bench.deliver_all();
    let asked = |bench: &Bench| -> Vec<(_, Ballot)> {
        let ballot = |(from, _, message): &(_, _, _)| match message {
            Message::Phase1a { ballot, .. } => Some((*from, *ballot)),
            _ => None,
        };
        bench.network.iter().filter_map(ballot).collect()
    };
    bench.cancel(L1, begun);
    let first = asked(&bench)[0].1;
    bench.network.clear();
    let managers = [R[0], R[1]].into_iter().collect();
    bench.deliver_to(L2, R[0], Message::Inquire { tx: begun, managers });
    let second = asked(&bench)[0].1;
    assert_eq!((first, second), (Ballot { round: 2, rank: 0 }, Ballot { round: 1, rank: 1 }));
    assert!(first > second && second > Ballot::ZERO);
}

#[test]
fn two_leaders_at_once_agree_however_they_overtake_each_other() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear();
    let managers: Nodes = [R[0], R[1]].into_iter().collect();
    for _ in 0..4 {
        bench.cancel(L1, begun);
        bench.deliver_to(L2, R[0], Message::Inquire { tx: begun, managers: managers.clone() });
        // Each promise overtakes what the other is about to propose.
        for leader in [L1, L2, L1, L2] {
            let phase1 = bench
                .intercept(|from, _, message| from == leader && matches!(message, Message::Phase1a { .. }));
            for (from, to, message) in phase1 {
                bench.deliver_to(to, from, message);
            }
            let answers = bench.intercept(|_, to, message| {
                to == leader && matches!(message, Message::Phase1b { .. } | Message::Preempted { .. })
            });
            for (from, to, message) in answers {
                bench.deliver_to(to, from, message);
            }
            bench.overdue(leader, Timer::Ballot);
        }
    }
    assert!(bench.outcomes(L1).is_empty() && bench.outcomes(L2).is_empty());
    bench.come_to_rest();
    assert_eq!(bench.all_outcomes(), [(begun, [Outcome::Commit].into())].into());
    assert!(bench.is_at_rest());
}

#[test]
fn who_is_overtaken_waits_and_then_tries_above() {
    let mut bench = Bench::new(2);
    bench.votes(R[1], None);
    let begun = bench.begin(L1);
    bench.deliver_all();
    bench.cancel(L1, begun);
    let Some(Phase::Promising { ballot, .. }) = bench.leader(L1).phase(begun) else { panic!("it asks") };
    let higher = Ballot { round: 9, rank: 1 };
    bench.network.clear();
    bench.deliver_to(L1, A[0], Message::Preempted { tx: begun, ballot, promised: higher });
    assert_eq!(bench.leader(L1).phase(begun), Some(Phase::Overtaken { by: higher }));
    bench.fire_leader(L1, Timer::Ballot);
    assert!(bench.network.is_empty(), "less than a period has passed");
    bench.fire_leader(L1, Timer::Ballot);
    let above = Ballot { round: 10, rank: 0 };
    assert!(
        matches!(bench.leader(L1).phase(begun), Some(Phase::Promising { ballot, .. }) if ballot == above)
    );
}

#[test]
fn who_took_over_and_reaches_no_majority_gives_up_and_is_asked_again() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear();
    bench.cut_off = vec![L1, A[0], A[1]];
    for _ in 0..3 {
        bench.doubt(R[0]);
    }
    bench.deliver_all();
    assert_eq!(bench.leader(L2).in_flight(), 1);
    bench.overdue(L2, Timer::Ballot);
    assert_eq!(bench.leader(L2).in_flight(), 0);
    assert!(bench.told_leader(L2).contains(&Notice::GaveUp { tx: begun }));
    bench.cut_off = vec![L1];
    bench.doubt(R[0]);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L2), [(begun, Outcome::Commit)]);
}

#[test]
fn a_resource_manager_in_doubt_asks_its_coordinator_and_then_any_other_leader() {
    let mut bench = Bench::new(2);
    bench.begin(L1);
    bench.deliver_round();
    bench.network.clear();
    let whom = |bench: &Bench| -> Vec<_> { bench.network.iter().map(|(_, to, _)| *to).collect() };
    bench.doubt(R[0]);
    assert_eq!(whom(&bench), [], "it has only just voted");
    bench.doubt(R[0]);
    assert_eq!(whom(&bench), [L1]);
    bench.network.clear();
    bench.doubt(R[0]);
    assert_eq!(whom(&bench), [L2, L1]);
    assert_eq!(
        bench.manager(R[0]).participant().phase(crate::bench::tx(1)),
        Some(participant::Phase::InDoubt { heuristic: None }),
        "and never decides alone"
    );
}

#[test]
fn a_late_vote_changes_nothing_once_a_ballot_is_promised() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    let votes = bench.intercept(|from, _, _| from == R[1]);
    bench.deliver_all();
    bench.overdue(L1, Timer::Votes);
    bench.deliver_round(); // Promises, without the second vote.
    for (from, to, message) in votes {
        bench.deliver_to(to, from, message);
    }
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)]);
    assert_eq!(bench.told(R[1]), [(begun, Outcome::Abort)], "although it had voted yes");
    assert!(bench.is_at_rest());
}
