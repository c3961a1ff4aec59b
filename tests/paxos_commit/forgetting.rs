//! Who may forget, and when; and that what comes late afterwards does no harm.

use quorate::commit::paxos::acceptor::Phase;
use quorate::commit::paxos::leader::Timer;
use quorate::commit::paxos::{Ballot, Message};
use quorate::commit::{Outcome, TxId, Vote};

use crate::bench::{A, Bench, L1, L2, R, tx};

#[test]
fn a_commit_is_not_forgotten_before_all_have_acknowledged_it() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    bench.deliver_round();
    bench.cut_off = vec![R[1]];
    bench.deliver_all();
    assert_eq!(bench.leader(L1).in_flight(), 1);
    assert!(A.iter().all(|id| matches!(bench.acceptor(*id).phase(begun), Some(Phase::Live { .. }))));
    bench.cut_off.clear();
    bench.overdue(L1, Timer::Resend);
    bench.deliver_all();
    assert!(A.iter().all(|id| bench.acceptor(*id).phase(begun) == Some(Phase::Over)));
    assert!(bench.is_at_rest());
}

#[test]
fn an_abort_is_forgotten_at_once_and_who_asks_is_told_that_it_is_one() {
    let mut bench = Bench::new(2);
    bench.votes(R[1], Vote::No);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.cut_off = vec![R[0]];
    for (from, to, message) in bench.intercept(|_, _, _| true) {
        bench.deliver_to(to, from, message); // The votes, of both.
    }
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)]);
    assert_eq!((bench.leader(L1).in_flight(), bench.told(R[0]).len()), (0, 0));
    bench.cut_off.clear();
    bench.doubt(R[0]);
    bench.doubt(R[0]);
    bench.deliver_all();
    assert_eq!(bench.told(R[0]), [(begun, Outcome::Abort)]);
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)], "no leader says again what it does not know");
    assert!(bench.is_at_rest());
}

/// Everything that was ever said is said again, to whomever it was said.
fn say_everything_again(bench: &mut Bench) {
    for (from, to, message) in std::mem::take(&mut bench.delivered) {
        bench.deliver_to(to, from, message);
        bench.deliver_all();
    }
}

#[test]
fn what_comes_after_all_is_forgotten_changes_nothing() {
    for vote in [Vote::Yes, Vote::No, Vote::ReadOnly] {
        let mut bench = Bench::new(2);
        bench.votes(R[1], vote);
        let begun = bench.begin(L1);
        bench.deliver_all();
        let outcomes = bench.all_outcomes();
        say_everything_again(&mut bench);
        say_everything_again(&mut bench);
        bench.come_to_rest();
        assert_eq!(bench.all_outcomes(), outcomes);
        assert_eq!(bench.outcomes(L1).len(), 1);
        assert_eq!(bench.application(R[0]).asked, [begun]);
        assert!(bench.told(R[0]).len() == 1 && bench.is_at_rest());
    }
}

#[test]
fn votes_of_what_was_aborted_by_a_ballot_never_commit_it_later() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    let votes = bench.intercept(|_, _, message| matches!(message, Message::Vote { .. }));
    bench.overdue(L1, Timer::Votes);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)]);
    for crashed in [false, true] {
        if crashed {
            A.iter().for_each(|id| bench.crash(*id));
        }
        for (from, to, message) in votes.clone() {
            bench.deliver_to(to, from, message);
        }
        bench.come_to_rest();
        assert_eq!(bench.all_outcomes(), [(begun, [Outcome::Abort].into())].into());
    }
}

#[test]
fn an_acceptor_that_was_not_told_to_forget_asks_until_it_is() {
    for role in [L1, L2] {
        let mut bench = Bench::new(2);
        let begun = bench.begin(L1);
        bench.cut_off = vec![];
        while bench.leader(L1).in_flight() > 0 {
            bench.deliver_one();
        }
        bench.intercept(|_, _, message| matches!(message, Message::Forget { .. }));
        bench.crash(L1);
        if role == L2 {
            bench.cut_off = vec![L1];
        }
        for id in A {
            bench.linger(id);
            bench.linger(id);
        }
        bench.deliver_all();
        assert!(A.iter().all(|id| bench.acceptor(*id).phase(begun) == Some(Phase::Over)), "by {role}");
        assert_eq!((bench.told(R[0]).len(), bench.told(R[1]).len()), (1, 1));
    }
}

#[test]
fn an_acceptor_that_alone_was_not_told_is_told_by_the_others() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    while bench.leader(L1).in_flight() > 0 {
        bench.deliver_one();
    }
    bench.intercept(|_, to, _| to == A[2]);
    bench.deliver_all();
    assert!(matches!(bench.acceptor(A[2]).phase(begun), Some(Phase::Live { .. })));
    bench.linger(A[2]);
    bench.deliver_all();
    assert_eq!(bench.acceptor(A[2]).phase(begun), Some(Phase::Over));
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    assert!(bench.is_at_rest());
}

#[test]
fn gaps_that_are_too_many_are_taken_no_part_in() {
    let mut bench = Bench::with(1, 3, |config| config.max_gaps = 2);
    for number in [2, 4, 6, 8] {
        bench.deliver_to(A[0], L1, Message::Forget { tx: tx(number) });
    }
    assert_eq!(bench.acceptor(A[0]).phase(tx(3)), Some(Phase::Forgotten));
    assert_eq!(bench.acceptor(A[0]).phase(tx(5)), None);
    assert_eq!(bench.acceptor(A[0]).phase(tx(6)), Some(Phase::Over));
    let managers: quorate::commit::Nodes = [R[0]].into_iter().collect();
    bench.deliver_to(A[0], R[0], Message::Vote { tx: tx(3), managers: managers.clone(), vote: Vote::Yes });
    let ballot = Ballot { round: 1, rank: 0 };
    bench.deliver_to(A[0], L1, Message::Phase1a { tx: tx(3), ballot, managers });
    assert!(bench.network.is_empty(), "it neither votes nor says what it does not know");
    assert_eq!(bench.rejections(A[0]), [quorate::commit::Rejection::TooLate; 2]);
}

#[test]
fn a_long_life_leaves_short_journals_and_one_that_lasts_holds_up_no_other() {
    let mut bench = Bench::with(2, 3, |config| {
        config.common.journal_slack = 4;
        config.common.max_tombstones = 4;
    });
    bench.votes(R[0], None);
    let stuck = bench.begin(L1);
    bench.deliver_all();
    bench.votes(R[0], Vote::Yes);
    for _ in 0..200 {
        bench.begin(L1);
        bench.deliver_all();
    }
    for id in A {
        assert!(bench.acceptor(id).journal_len() < 12, "{} entries", bench.acceptor(id).journal_len());
        bench.crash(id);
        assert_eq!(bench.acceptor(id).phase(stuck), None, "nothing was said of it");
        assert_eq!(bench.acceptor(id).phase(tx(2)), Some(Phase::Over));
        assert_eq!(bench.acceptor(id).phase(tx(201)), Some(Phase::Over));
    }
    bench.come_to_rest();
    assert_eq!(bench.outcomes(L1).len(), 201);
    assert_eq!(bench.all_outcomes()[&TxId { coordinator: L1, number: 1 }].len(), 1);
    assert!(bench.is_at_rest());
}

#[test]
fn who_voted_yes_and_learned_of_an_abort_never_votes_no_for_it() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    let prepares = bench.network.clone();
    bench.deliver_round();
    bench.intercept(|_, _, message| matches!(message, Message::Vote { .. }));
    bench.overdue(L1, Timer::Votes);
    bench.deliver_all();
    assert_eq!(bench.told(R[0]), [(begun, Outcome::Abort)]);
    for (from, to, message) in prepares {
        bench.deliver_to(to, from, message);
    }
    assert!(bench.network.is_empty(), "a second vote in ballot 0");
}
