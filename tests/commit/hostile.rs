//! Whatever a peer or the application says, nothing panics, and what is decided stays.

use quorate::commit::coordinator;
use quorate::commit::participant::{Notice, Refusal, Request};
use quorate::commit::{Message, Mode, Nodes, Outcome, Rejection, TxId, Vote};
use quorate::id::{LogId, NodeId};
use quorate::machine::Input;

use crate::bench::{Bench, C, Work, n, tx};

/// One message of each kind.
fn messages(tx: TxId, peers: &[NodeId]) -> Vec<Message<Work>> {
    let mode = Mode::PresumedCommit;
    let peers: Nodes = peers.iter().copied().collect();
    vec![
        Message::Prepare { tx, mode, peers, work: 1 },
        Message::OnePhase { tx, work: 1 },
        Message::Vote { tx, vote: Vote::Yes },
        Message::Decision { tx, mode, outcome: Outcome::Commit },
        Message::Acknowledge { tx, took: Some(Outcome::Commit) },
        Message::Inquire { tx, mode },
        Message::InquirePeer { tx },
        Message::Answer { tx, outcome: Some(Outcome::Commit) },
    ]
}

#[test]
fn whoever_says_whatever_about_whatever_nothing_breaks() {
    let numbers = [0, 1, 2, u64::MAX];
    let names = [C, n(2), n(3), n(99)];
    let mut bench = Bench::with(2, |config| {
        config.max_tombstones = 1;
        config.journal_slack = 1;
    });
    bench.begin(Mode::PresumedAbort).expect("it begins");
    for round in 0..3_usize {
        for number in numbers {
            for coordinator in names {
                for from in names {
                    for message in messages(TxId { coordinator, number }, &names[..=round]) {
                        for to in [C, n(2), n(3)] {
                            bench.deliver_to(to, from, message.clone());
                        }
                    }
                }
            }
        }
        bench.resend();
        bench.votes_timeout();
        bench.doubt(n(2));
        bench.network.clear();
        bench.crash(n(2), 0);
        bench.crash_coordinator();
    }
}

#[test]
fn what_a_peer_may_not_say_is_dropped_and_told() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    let vote = |tx| Message::Vote { tx, vote: Vote::Yes };
    let of_n2 = TxId { coordinator: n(2), number: 1 };
    let said = [
        (n(99), vote(tx(1)), Rejection::NotAMember),
        (C, vote(tx(1)), Rejection::Misdirected),
        (n(2), vote(of_n2), Rejection::NotItsCoordinator),
        (n(2), vote(tx(9)), Rejection::NeverBegun),
        (n(2), Message::InquirePeer { tx: tx(1) }, Rejection::Misdirected),
    ];
    for (from, message, reason) in said {
        bench.deliver_to(C, from, message);
        let told = coordinator::Notice::Rejected { from, reason };
        assert_eq!(bench.coordinator.notices.last(), Some(&told));
    }
    bench.coordinator(Input::Loaded { log: LogId(0), from: 0, entries: Vec::new() });
    let told = coordinator::Notice::Rejected { from: C, reason: Rejection::NotAsked };
    assert_eq!(bench.coordinator.notices.last(), Some(&told));
}

#[test]
fn a_participant_takes_orders_from_the_transactions_own_coordinator_alone() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    let commit = Message::Decision { tx: tx(1), mode: Mode::PresumedAbort, outcome: Outcome::Commit };
    bench.deliver_to(n(2), n(3), commit.clone());
    let told = Notice::Rejected { from: n(3), reason: Rejection::NotItsCoordinator };
    assert_eq!(bench.participants[&n(2)].notices.last(), Some(&told));
    assert_eq!(bench.told(n(2)), []);
    // Nor does it commit what it has not voted for.
    let unheard = Message::Decision { tx: tx(7), mode: Mode::PresumedAbort, outcome: Outcome::Commit };
    bench.deliver_to(n(2), C, unheard);
    let told = Notice::Rejected { from: C, reason: Rejection::Contradicts };
    assert_eq!(bench.participants[&n(2)].notices.last(), Some(&told));
    // Nor decides otherwise than was decided.
    bench.deliver_to(n(2), C, commit);
    let abort = Message::Decision { tx: tx(1), mode: Mode::PresumedAbort, outcome: Outcome::Abort };
    bench.deliver_to(n(2), C, abort);
    assert_eq!(bench.participants[&n(2)].notices.last(), Some(&told));
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit)]);
}

#[test]
fn what_the_application_may_not_ask_is_refused() {
    let mut bench = Bench::new(2);
    let refused = |bench: &mut Bench, request, reason: Refusal| {
        bench.ask(n(2), request);
        let told = Notice::Refused { tx: tx(1), reason };
        assert_eq!(bench.participants[&n(2)].notices.last(), Some(&told));
    };
    let ready = Request::Ready { tx: tx(1), vote: Vote::Yes };
    refused(&mut bench, ready, Refusal::NoVoteWanted);
    refused(&mut bench, Request::Done { tx: tx(1) }, Refusal::NotDecided);
    assert_eq!(bench.begin(Mode::PresumedAbort), Ok(tx(1)));
    bench.deliver_round();
    refused(&mut bench, ready, Refusal::Voted);
    refused(&mut bench, Request::Done { tx: tx(1) }, Refusal::NotDecided);
    bench.deliver_all();
    refused(&mut bench, Request::Found { tx: tx(1) }, Refusal::Over);
}

#[test]
fn what_nobody_can_have_asked_for_is_over_and_leaves_nothing_durable() {
    let mut bench = Bench::new(2);
    let before = bench.participants[&n(2)].records;
    for (coordinator, number) in [(C, 0), (n(2), 1), (n(99), 1)] {
        let tx = TxId { coordinator, number };
        bench.ask(n(2), Request::Found { tx });
        let told = bench.participants[&n(2)].notices.last().cloned();
        assert_eq!(told, Some(Notice::Refused { tx, reason: Refusal::Over }), "{tx}");
    }
    assert_eq!(bench.participants[&n(2)].records, before);
    bench.crash(n(2), 0);
}
