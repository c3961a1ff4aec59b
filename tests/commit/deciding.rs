//! All commit, or none does.

use quorate::commit::coordinator::{Notice, Refusal, Request};
use quorate::commit::participant::Phase;
use quorate::commit::{Message, Mode, Outcome, TxId, Vote};
use quorate::id::RequestId;
use quorate::machine::Input;

use crate::bench::{Bench, C, n, tx};

const MODES: [Mode; 3] = [Mode::PresumedAbort, Mode::PresumedCommit, Mode::PresumedNothing];

#[test]
fn what_all_said_yes_to_commits_everywhere_and_is_forgotten() {
    for mode in MODES {
        let mut bench = Bench::new(3);
        let begun = bench.begin(mode).expect("it begins");
        bench.deliver_all();
        assert_eq!(bench.outcomes(), [(begun, Outcome::Commit)]);
        for id in [2, 3, 4] {
            assert_eq!(bench.told(n(id)), [(begun, Outcome::Commit)]);
        }
        assert_eq!(bench.coordinator.machine.in_flight(), 0, "{mode:?}");
        assert!(bench.coordinator.notices.contains(&Notice::Forgotten { tx: begun }));
    }
}

#[test]
fn a_coordinator_tells_who_has_voted_and_who_has_yet_to_acknowledge() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    let other = bench.begin(Mode::PresumedAbort).expect("it begins");
    // Under the same numbers of somebody else there is nothing here.
    let strange = TxId { coordinator: n(2), ..begun };
    let votes = |bench: &Bench, tx| bench.coordinator.machine.participants(tx).collect::<Vec<_>>();
    let awaited = |bench: &Bench, tx| bench.coordinator.machine.awaited(tx).collect::<Vec<_>>();
    assert_eq!(votes(&bench, begun), [(n(2), None), (n(3), None)]);
    assert!(votes(&bench, strange).is_empty() && bench.coordinator.machine.phase(strange).is_none());
    let vote = |tx, vote| Message::Vote { tx, vote };
    bench.deliver_to(C, n(3), vote(begun, Vote::Yes));
    assert_eq!(votes(&bench, begun), [(n(2), None), (n(3), Some(Vote::Yes))]);
    assert!(awaited(&bench, begun).is_empty(), "it is not decided");
    bench.deliver_to(C, n(2), vote(begun, Vote::Yes));
    assert_eq!(awaited(&bench, begun), [n(2), n(3)]);
    assert!(awaited(&bench, strange).is_empty() && awaited(&bench, other).is_empty());
    bench.deliver_to(C, n(2), Message::Acknowledge { tx: begun, took: None });
    assert_eq!(awaited(&bench, begun), [n(3)]);
    bench.deliver_to(C, n(3), Message::Acknowledge { tx: begun, took: None });
    assert!(votes(&bench, begun).is_empty(), "it is forgotten");
}

#[test]
fn one_no_aborts_it_everywhere() {
    for mode in MODES {
        let mut bench = Bench::new(3);
        bench.votes(n(3), Vote::No);
        let begun = bench.begin(mode).expect("it begins");
        bench.deliver_all();
        assert_eq!(bench.outcomes(), [(begun, Outcome::Abort)]);
        assert_eq!(bench.told(n(2)), [(begun, Outcome::Abort)]);
        assert_eq!(bench.told(n(3)), [], "who said no has undone it by itself");
        assert_eq!(bench.told(n(4)), [(begun, Outcome::Abort)]);
        assert_eq!(bench.coordinator.machine.in_flight(), 0, "{mode:?}");
    }
}

#[test]
fn who_only_read_hears_of_no_outcome() {
    for mode in MODES {
        let mut bench = Bench::new(2);
        bench.votes(n(2), Vote::ReadOnly);
        let begun = bench.begin(mode).expect("it begins");
        bench.deliver_all();
        assert_eq!(bench.outcomes(), [(begun, Outcome::Commit)]);
        assert_eq!(bench.told(n(2)), []);
        assert_eq!(bench.told(n(3)), [(begun, Outcome::Commit)]);
        assert_eq!(bench.phase(n(2), begun), Some(Phase::Ended(None)));
    }
}

#[test]
fn a_presumed_abort_of_which_all_only_read_costs_the_coordinator_no_record() {
    let mut bench = Bench::new(2);
    bench.votes(n(2), Vote::ReadOnly);
    bench.votes(n(3), Vote::ReadOnly);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [(begun, Outcome::Commit)]);
    assert_eq!(bench.coordinator.machine.journal_len(), 0);
}

#[test]
fn a_presumed_abort_that_aborts_costs_the_coordinator_no_record() {
    let mut bench = Bench::new(2);
    bench.votes(n(2), Vote::No);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_all();
    assert_eq!(bench.coordinator.machine.journal_len(), 0);
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}

#[test]
fn a_single_participant_decides_in_one_phase() {
    for (vote, outcome) in
        [(Vote::Yes, Outcome::Commit), (Vote::No, Outcome::Abort), (Vote::ReadOnly, Outcome::Commit)]
    {
        let mut bench = Bench::new(1);
        bench.votes(n(2), vote);
        let begun = bench.begin(Mode::PresumedCommit).expect("it begins");
        assert_eq!(bench.on_the_way(|said| matches!(said, Message::OnePhase { .. })), 1);
        bench.deliver_all();
        assert_eq!(bench.outcomes(), [(begun, outcome)]);
        let told: &[_] = if vote == Vote::Yes { &[(begun, outcome)] } else { &[] };
        assert_eq!(bench.told(n(2)), told);
        assert_eq!(bench.coordinator.machine.journal_len(), 0, "the decision is the participant's to keep");
    }
}

#[test]
fn one_phase_is_asked_again_until_it_is_answered_and_answered_alike() {
    let mut bench = Bench::new(1);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.network.clear();
    bench.votes_timeout();
    assert_eq!(bench.outcomes(), [], "the coordinator has given the decision away");
    bench.resend();
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [(begun, Outcome::Commit)]);
    assert_eq!(bench.told(n(2)), [(begun, Outcome::Commit)]);
}

#[test]
fn a_vote_that_does_not_come_aborts_while_nothing_is_decided() {
    for mode in MODES {
        let mut bench = Bench::new(2);
        bench.votes(n(3), None);
        let begun = bench.begin(mode).expect("it begins");
        bench.deliver_all();
        bench.votes_timeout();
        bench.deliver_all();
        assert_eq!(bench.outcomes(), [(begun, Outcome::Abort)]);
        assert_eq!(bench.told(n(2)), [(begun, Outcome::Abort)]);
        assert_eq!(bench.told(n(3)), [(begun, Outcome::Abort)], "it was asked, so it must let go");
    }
}

#[test]
fn a_decision_is_not_taken_back_when_votes_time_out() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.deliver_round();
    bench.votes_timeout();
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [(begun, Outcome::Commit)]);
}

#[test]
fn a_lost_prepare_is_sent_again() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.intercept(n(3));
    bench.deliver_all();
    bench.resend();
    assert_eq!(bench.network.len(), 1, "who has voted is not asked again");
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [(begun, Outcome::Commit)]);
}

#[test]
fn an_application_that_does_not_get_ready_aborts_its_participant_alone() {
    let mut bench = Bench::new(2);
    bench.votes(n(3), None);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_all();
    bench.readiness_timeout(n(3));
    assert_eq!(bench.told(n(3)), [(begun, Outcome::Abort)]);
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [(begun, Outcome::Abort)]);
}

#[test]
fn the_application_may_cancel_what_is_not_decided() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    let cancel = |id| Input::Request(Request::Cancel { id: RequestId(id), tx: begun });
    bench.coordinator(cancel(90));
    assert!(bench.coordinator.notices.contains(&Notice::Cancelled { id: RequestId(90) }));
    assert_eq!(bench.outcomes(), [(begun, Outcome::Abort)]);
    bench.coordinator(cancel(91));
    let refused = Notice::Refused { id: RequestId(91), reason: Refusal::NotUndecided };
    assert!(bench.coordinator.notices.contains(&refused));
    bench.deliver_all();
    assert!(bench.told(n(2)).iter().all(|(_, outcome)| *outcome == Outcome::Abort));
}

#[test]
fn votes_are_counted_by_who_gave_them() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(Mode::PresumedAbort).expect("it begins");
    for _ in 0..3 {
        bench.deliver_to(C, n(2), Message::Vote { tx: begun, vote: Vote::Yes });
    }
    assert_eq!(bench.outcomes(), [], "three times the same vote is one vote");
}

#[test]
fn nothing_is_said_before_it_is_durable() {
    let mut bench = Bench::new(2);
    bench.participants.get_mut(&n(2)).expect("n2").disk_works = false;
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_all();
    assert_eq!(bench.on_the_way(|_| true), 0);
    assert_eq!(bench.outcomes(), [], "the vote is not durable, and so not said");
    bench.crash(n(2), 0);
    assert_eq!(bench.phase(n(2), tx(1)), None, "as if it had never been asked");

    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.coordinator.disk_works = false;
    bench.deliver_all();
    assert_eq!(bench.outcomes(), []);
    assert_eq!(bench.told(n(2)), [], "the decision is not durable, and so not said");
}

#[test]
fn many_transactions_come_to_their_own_ends() {
    let mut bench = Bench::new(3);
    for number in 1..=40_u64 {
        let vote = if number % 3 == 0 { Vote::No } else { Vote::Yes };
        bench.votes(n(2 + number % 3), vote);
        let mode = MODES[usize::from(number % 2 == 0)];
        bench.begin(mode).expect("it begins");
        bench.deliver_one();
    }
    bench.deliver_all();
    let mut outcomes = bench.outcomes();
    outcomes.sort_unstable();
    outcomes.dedup_by_key(|(tx, _)| *tx);
    assert_eq!(outcomes.len(), 40);
    for (begun, outcome) in outcomes {
        for id in [2, 3, 4] {
            let told = bench.told(n(id)).iter().filter(|(told, _)| *told == begun);
            assert!(told.clone().all(|(_, told)| *told == outcome), "{begun}");
            let committed = outcome == Outcome::Commit;
            assert!(told.clone().count() <= 1 && (!committed || told.count() == 1), "{begun}: once each");
        }
    }
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}
