//! Nothing grows without bound, and what happens at each bound is said.

use quorate::commit::coordinator::Refusal;
use quorate::commit::participant::{Notice, Phase};
use quorate::commit::{Config, ConfigError, Message, Mode, Nodes, Outcome, Rejection, Vote};
use quorate::id::ClusterId;

use crate::bench::{Bench, C, Work, n, tx};

fn prepare(number: u64, work: Work) -> Message<Work> {
    let peers: Nodes = [n(2), n(3)].into_iter().collect();
    Message::Prepare { tx: tx(number), mode: Mode::PresumedAbort, peers, work }
}

#[test]
fn a_configuration_that_does_not_stand_is_refused() {
    let refused = |change: fn(&mut Config)| {
        let mut config = Config::new(ClusterId(7), [C, n(2), n(3)]);
        config.validate(n(3)).expect("it stands as it is");
        change(&mut config);
        config.validate(n(3)).unwrap_err()
    };
    assert_eq!(refused(|config| config.members.reverse()), ConfigError::MembersNotSorted);
    assert_eq!(refused(|config| config.members.push(n(3))), ConfigError::MembersNotSorted);
    assert_eq!(refused(|config| config.members.truncate(2)), ConfigError::NotAMember(n(3)));
    assert_eq!(refused(|config| config.max_transactions = 0), ConfigError::ZeroLimit("max_transactions"));
    assert_eq!(refused(|config| config.max_participants = 0), ConfigError::ZeroLimit("max_participants"));
    assert_eq!(refused(|config| config.max_bytes = 0), ConfigError::ZeroLimit("max_bytes"));
    assert_eq!(refused(|config| config.max_tombstones = 0), ConfigError::ZeroLimit("max_tombstones"));
    assert_eq!(refused(|config| config.journal_slack = 0), ConfigError::ZeroLimit("journal_slack"));
    assert_eq!(refused(|config| config.numbers_reserved = 0), ConfigError::ZeroLimit("numbers_reserved"));
}

#[test]
fn a_coordinator_refuses_what_it_cannot_carry() {
    let mut bench = Bench::with(3, |config| {
        config.max_transactions = 2;
        config.max_participants = 2;
        config.max_bytes = 20;
    });
    let two = vec![(n(2), 1), (n(3), 1)];
    assert_eq!(bench.begin_with(Mode::PresumedAbort, vec![]), Err(Refusal::Empty));
    let many = Refusal::TooManyParticipants { limit: 2 };
    assert_eq!(bench.begin(Mode::PresumedAbort), Err(many));
    for stranger in [C, n(9)] {
        let refused = bench.begin_with(Mode::PresumedAbort, vec![(n(2), 1), (stranger, 1)]);
        assert_eq!(refused, Err(Refusal::NotAParticipant(stranger)));
    }
    let twice = bench.begin_with(Mode::PresumedAbort, vec![(n(2), 1), (n(2), 1)]);
    assert_eq!(twice, Err(Refusal::Twice(n(2))));
    assert!(bench.begin_with(Mode::PresumedAbort, two.clone()).is_ok());
    assert!(bench.begin_with(Mode::PresumedAbort, two.clone()).is_ok());
    assert_eq!(bench.begin_with(Mode::PresumedAbort, two.clone()), Err(Refusal::Full));
    bench.deliver_all();
    assert!(bench.begin_with(Mode::PresumedAbort, two).is_ok());
}

#[test]
fn a_coordinator_refuses_work_that_is_too_large_alone_or_together() {
    let two = || vec![(n(2), 1), (n(3), 1)];
    let mut bench = Bench::with(2, |config| config.max_work_bytes = 3);
    assert_eq!(bench.begin_with(Mode::PresumedAbort, two()), Err(Refusal::TooLarge { limit: 3 }));
    let mut bench = Bench::with(2, |config| config.max_bytes = 9);
    assert!(bench.begin_with(Mode::PresumedAbort, two()).is_ok());
    assert_eq!(bench.begin_with(Mode::PresumedAbort, two()), Err(Refusal::Full));
    bench.deliver_all();
    assert!(bench.begin_with(Mode::PresumedAbort, two()).is_ok(), "what is decided holds no work");
}

#[test]
fn a_participant_that_is_full_votes_no_and_stays_with_it() {
    let mut bench = Bench::with(2, |config| config.max_transactions = 1);
    bench.deliver_to(n(2), C, prepare(1, 9));
    bench.deliver_to(n(2), C, prepare(2, 9));
    bench.deliver_to(
        n(2),
        C,
        Message::Decision { tx: tx(1), mode: Mode::PresumedAbort, outcome: Outcome::Abort },
    );
    bench.network.clear();
    bench.deliver_to(n(2), C, prepare(2, 9));
    assert_eq!(bench.on_the_way(|said| matches!(said, Message::Vote { vote: Vote::No, .. })), 1);
    assert_eq!(bench.applications[&n(2)].asked, [tx(1)]);
    bench.deliver_to(n(2), C, prepare(3, 9));
    assert_eq!(bench.applications[&n(2)].asked, [tx(1), tx(3)]);
}

#[test]
fn tombstones_give_way_to_a_floor_that_a_crash_does_not_lower() {
    let mut bench = Bench::with(2, |config| {
        config.max_tombstones = 4;
        config.journal_slack = 4;
    });
    for number in 2..=20 {
        bench.deliver_to(n(2), C, prepare(number, 9));
        let decision =
            Message::Decision { tx: tx(number), mode: Mode::PresumedAbort, outcome: Outcome::Commit };
        bench.deliver_to(n(2), C, decision.clone());
        assert!(bench.participants[&n(2)].machine.transactions().count() <= 4);
    }
    bench.crash(n(2), 0);
    bench.network.clear();
    bench.application(n(2)).asked.clear();
    for number in 1..=20 {
        bench.deliver_to(n(2), C, prepare(number, 9));
    }
    assert_eq!(bench.applications[&n(2)].asked, [], "neither one that is over, nor one that was overtaken");
    assert_eq!(bench.network.len(), 0);
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::Forgotten));
    let late = Notice::Rejected { from: C, reason: Rejection::TooLate };
    assert!(bench.participants[&n(2)].notices.contains(&late));
    // The coordinator may still need to hear that a decision has arrived.
    let decision = Message::Decision { tx: tx(2), mode: Mode::PresumedAbort, outcome: Outcome::Commit };
    bench.deliver_to(n(2), C, decision);
    assert_eq!(bench.on_the_way(|said| matches!(said, Message::Acknowledge { .. })), 1);
    // A peer that asks learns that this node does not know, not that it aborts.
    bench.network.clear();
    bench.deliver_to(n(2), n(3), Message::InquirePeer { tx: tx(2) });
    assert_eq!(bench.on_the_way(|said| matches!(said, Message::Answer { outcome: None, .. })), 1);
}

#[test]
fn a_transaction_below_the_floor_that_is_in_doubt_is_not_forgotten() {
    let mut bench = Bench::with(2, |config| {
        config.max_tombstones = 2;
        config.journal_slack = 2;
    });
    bench.deliver_to(n(2), C, prepare(1, 9));
    for number in 2..=30 {
        bench.deliver_to(n(2), C, prepare(number, 9));
        let decision =
            Message::Decision { tx: tx(number), mode: Mode::PresumedAbort, outcome: Outcome::Commit };
        bench.deliver_to(n(2), C, decision);
        let machine = &bench.participants[&n(2)].machine;
        assert!(machine.journal_len() <= 20, "{} entries for at most 4 needed", machine.journal_len());
    }
    bench.crash(n(2), 0);
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::InDoubt { heuristic: None }));
    let decision = Message::Decision { tx: tx(1), mode: Mode::PresumedAbort, outcome: Outcome::Commit };
    bench.deliver_to(n(2), C, decision);
    assert!(bench.told(n(2)).contains(&(tx(1), Outcome::Commit)));
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::Forgotten));
}

#[test]
fn one_participant_that_never_acknowledges_does_not_make_the_journal_grow() {
    let mut bench = Bench::with(3, |config| config.journal_slack = 4);
    let pair = |id| vec![(n(2), 1), (n(id), 1)];
    bench.begin_with(Mode::PresumedAbort, pair(4)).expect("it begins");
    bench.deliver_round();
    bench.cut_off = vec![n(4)];
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [], "the vote of n4 is lost");
    bench.cut_off.clear();
    bench.resend();
    bench.deliver_round();
    bench.deliver_round();
    bench.cut_off = vec![n(4)];
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [(tx(1), Outcome::Commit)]);
    for _ in 0..50 {
        bench.begin_with(Mode::PresumedAbort, pair(3)).expect("it begins");
        bench.deliver_all();
        let length = bench.coordinator.machine.journal_len();
        assert!(length <= 10, "{length} entries for at most 2 needed");
    }
    bench.crash_coordinator();
    assert_eq!(bench.coordinator.machine.in_flight(), 1);
    bench.cut_off.clear();
    bench.resend();
    bench.deliver_all();
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}
