//! The normal case: votes go to the acceptors, and what a majority of them reports is the outcome.

use std::collections::BTreeSet;

use quorate::commit::paxos::leader::{Notice, Phase, Timer};
use quorate::commit::paxos::{Ballot, Message};
use quorate::commit::{Outcome, Vote, participant};

use crate::bench::{A, Bench, L1, R, tx};

#[test]
fn all_vote_yes_and_all_apply() {
    let mut bench = Bench::new(3);
    let begun = bench.begin(L1);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    for id in R {
        assert_eq!(bench.told(id), [(begun, Outcome::Commit)]);
    }
    assert!(bench.is_at_rest());
    assert!(bench.told_leader(L1).contains(&Notice::Forgotten { tx: begun }));
}

#[test]
fn one_no_aborts_and_who_said_it_is_not_told() {
    let mut bench = Bench::new(3);
    bench.votes(R[1], Vote::No);
    let begun = bench.begin(L1);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)]);
    assert_eq!(bench.told(R[0]), [(begun, Outcome::Abort)]);
    assert_eq!(bench.told(R[1]), []);
    assert_eq!(bench.told(R[2]), [(begun, Outcome::Abort)]);
    assert!(bench.is_at_rest());
}

#[test]
fn who_only_read_has_no_part_in_the_second_phase() {
    let mut bench = Bench::new(2);
    bench.votes(R[0], Vote::ReadOnly);
    let begun = bench.begin(L1);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    assert_eq!((bench.told(R[0]).len(), bench.told(R[1]).len()), (0, 1));
    let told = |(_, to, message): &(_, _, _)| *to == R[0] && matches!(message, Message::Decision { .. });
    assert!(!bench.delivered.iter().any(told));
    assert!(bench.is_at_rest());
}

#[test]
fn when_all_only_read_there_is_no_second_phase() {
    let mut bench = Bench::new(2);
    bench.votes(R[0], Vote::ReadOnly);
    bench.votes(R[1], Vote::ReadOnly);
    let begun = bench.begin(L1);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    assert!(!bench.delivered.iter().any(|(.., message)| matches!(message, Message::Decision { .. })));
    assert!(bench.is_at_rest());
}

#[test]
fn one_acceptor_may_be_gone_and_nothing_is_late() {
    let mut bench = Bench::new(2);
    bench.cut_off = vec![A[2]];
    let begun = bench.begin(L1);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    assert!(bench.is_at_rest());
}

#[test]
fn without_a_majority_nobody_decides_and_with_it_all_do() {
    let mut bench = Bench::new(2);
    bench.cut_off = vec![A[0], A[2]];
    let begun = bench.begin(L1);
    bench.come_to_rest();
    assert!(bench.all_outcomes().is_empty());
    assert_eq!(
        bench.manager(R[0]).participant().phase(begun),
        Some(participant::Phase::InDoubt { heuristic: None })
    );
    bench.cut_off.clear();
    bench.come_to_rest();
    assert_eq!(bench.all_outcomes()[&begun].len(), 1);
    assert_eq!((bench.told(R[0]).len(), bench.told(R[1]).len()), (1, 1));
    assert!(bench.is_at_rest());
}

#[test]
fn what_one_acceptor_says_many_times_is_said_by_one() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    let reports = bench.intercept(|_, to, _| to == L1);
    assert_eq!(reports.len(), 3);
    for _ in 0..5 {
        let (from, to, message) = reports[0].clone();
        bench.deliver_to(to, from, message);
    }
    assert_eq!(bench.leader(L1).phase(begun), Some(Phase::Voting));
    let (from, to, message) = reports[1].clone();
    bench.deliver_to(to, from, message);
    assert_eq!(bench.leader(L1).phase(begun), Some(Phase::Decided(Outcome::Commit)));
}

#[test]
fn a_no_aborts_once_a_majority_of_acceptors_has_it_and_not_before() {
    let mut bench = Bench::new(2);
    bench.votes(R[1], Vote::No);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    let reports = bench.intercept(|_, to, _| to == L1);
    let mut told = BTreeSet::new();
    for (from, to, message) in reports {
        assert!(
            told.len() >= 2 || bench.leader(L1).phase(begun) == Some(Phase::Voting),
            "one acceptor may be wrong"
        );
        told.insert(from);
        bench.deliver_to(to, from, message);
    }
    assert!(told.len() >= 2);
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)]);
}

#[test]
fn an_acceptor_reports_all_votes_at_once_or_a_no() {
    let mut bench = Bench::new(3);
    let begun = bench.begin(L1);
    bench.deliver_round();
    let votes = bench.intercept(|_, to, _| to == A[0]);
    bench.network.clear();
    for (from, to, message) in votes.into_iter().take(2) {
        bench.deliver_to(to, from, message);
    }
    assert!(bench.network.is_empty(), "it waits for the third");
    let no = Message::Vote { tx: begun, managers: R.into_iter().collect(), vote: Vote::No };
    bench.deliver_to(A[0], R[2], no);
    let (from, _, report) = bench.network[0].clone();
    let votes = [(R[0], Vote::Yes), (R[1], Vote::Yes), (R[2], Vote::No)].into_iter().collect();
    assert_eq!((from, report), (A[0], Message::Phase2b { tx: begun, ballot: Ballot::ZERO, votes }));
}

#[test]
fn what_was_lost_is_said_again_in_every_phase() {
    for lost in 0..6 {
        let mut bench = Bench::new(2);
        let begun = bench.begin(L1);
        for _ in 0..lost {
            bench.deliver_round();
        }
        bench.network.clear();
        for _ in 0..3 {
            bench.overdue(L1, Timer::Resend);
            bench.deliver_all();
        }
        assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)], "lost after {lost} rounds");
        for id in bench.acceptors() {
            bench.linger(id);
        }
        bench.deliver_all();
        assert!(bench.is_at_rest(), "lost after {lost} rounds");
    }
}

#[test]
fn every_message_may_come_twice_and_backwards() {
    let mut bench = Bench::new(3);
    let begun = bench.begin(L1);
    while let Some((from, to, message)) = bench.network.pop_back() {
        bench.deliver_to(to, from, message.clone());
        bench.deliver_to(to, from, message);
    }
    for (from, to, message) in std::mem::take(&mut bench.delivered) {
        bench.deliver_to(to, from, message);
    }
    bench.come_to_rest();
    assert_eq!(bench.all_outcomes(), [(begun, [Outcome::Commit].into())].into());
    for id in R {
        assert_eq!(bench.told(id), [(begun, Outcome::Commit)]);
        assert_eq!(bench.application(id).asked, [begun]);
    }
    assert!(bench.is_at_rest());
}

#[test]
fn votes_that_are_late_abort_by_a_ballot_and_not_by_the_timer() {
    let mut bench = Bench::new(2);
    bench.votes(R[1], None);
    let begun = bench.begin(L1);
    bench.deliver_all();
    bench.overdue(L1, Timer::Votes);
    assert!(bench.outcomes(L1).is_empty());
    assert!(matches!(bench.leader(L1).phase(begun), Some(Phase::Promising { .. })));
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)]);
    assert_eq!(bench.told(R[0]), [(begun, Outcome::Abort)]);
    assert!(bench.told(R[1]).contains(&(begun, Outcome::Abort)));
    assert!(bench.is_at_rest());
}

#[test]
fn a_timeout_commits_what_all_have_voted_for() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear(); // The reports are lost.
    bench.overdue(L1, Timer::Votes);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    assert!(bench.is_at_rest());
}

#[test]
fn a_cancelled_transaction_aborts_unless_all_have_voted_for_it() {
    for (votes, outcome) in [(None, Outcome::Abort), (Some(Vote::Yes), Outcome::Commit)] {
        let mut bench = Bench::new(2);
        bench.votes(R[1], votes);
        let begun = bench.begin(L1);
        bench.deliver_round();
        bench.deliver_round();
        bench.cancel(L1, begun);
        bench.deliver_all();
        assert_eq!(bench.outcomes(L1), [(begun, outcome)]);
        assert!(bench.is_at_rest());
    }
}

#[test]
fn many_transactions_run_at_once() {
    let mut bench = Bench::new(3);
    for _ in 0..20 {
        bench.begin(L1);
    }
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), (1..=20).map(|it| (tx(it), Outcome::Commit)).collect::<Vec<_>>());
    assert!(bench.is_at_rest());
}
