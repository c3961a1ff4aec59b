//! A node comes back from any prefix of what it wrote, and knows what it must. (The bench recovers after every record.)

use std::sync::Arc;

use quorate::commit::paxos::acceptor::{Cell, ENDED, Ended, Entry, IDENTITY, Phase};
use quorate::commit::paxos::leader::Timer;
use quorate::commit::paxos::{Accepted, Acceptor, Ballot, Config, Leader, Member, Message, ResourceManager};
use quorate::commit::{JOURNAL, Outcome, Vote, coordinator};
use quorate::durable::{Corrupt, Image, Record, Recover};
use quorate::id::{ClusterId, NodeId};

use crate::bench::{A, Bench, L1, L2, R, Work, tx};

#[test]
fn any_one_node_may_crash_after_any_message_with_its_last_step_lost_or_kept() {
    for crashing in [L1, L2, A[0], A[1], R[0], R[1]] {
        for delivered in 0..30 {
            for kept in [false, true] {
                let mut bench = Bench::new(2);
                let begun = bench.begin(L1);
                for _ in 0..delivered {
                    bench.deliver_one();
                }
                bench.host(crashing).disk_works = kept;
                bench.deliver_one();
                bench.crash(crashing);
                bench.come_to_rest();
                let outcomes = bench.all_outcomes();
                assert!(outcomes.get(&begun).is_none_or(|outcomes| outcomes.len() == 1));
                assert!(bench.is_at_rest(), "{crashing} after {delivered}, kept: {kept}");
            }
        }
    }
}

#[test]
fn all_acceptors_may_crash_at_once_and_what_they_reported_stands() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    for _ in 0..3 {
        bench.deliver_round();
    }
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    A.iter().for_each(|id| bench.crash(*id));
    bench.network.clear();
    bench.cut_off = vec![L1];
    bench.come_to_rest();
    assert_eq!(bench.outcomes(L2), [(begun, Outcome::Commit)]);
    assert!(bench.is_at_rest());
}

#[test]
fn a_promise_outlives_a_crash() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    let votes = bench.intercept(|_, _, message| matches!(message, Message::Vote { .. }));
    bench.cancel(L1, begun);
    bench.deliver_round();
    A.iter().for_each(|id| bench.crash(*id));
    for (from, to, message) in votes {
        bench.deliver_to(to, from, message);
    }
    let reports = |(_, _, message): &(_, _, Message<Work>)| {
        matches!(message, Message::Phase2b { ballot: Ballot::ZERO, .. })
    };
    assert!(!bench.network.iter().any(reports), "ballot 0 is over");
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)]);
}

#[test]
fn nothing_is_said_before_it_is_durable() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    for id in A {
        bench.host(id).disk_works = false;
    }
    bench.deliver_round();
    assert!(bench.network.is_empty(), "no report");
    bench.cancel(L1, begun);
    bench.deliver_round();
    assert!(bench.network.is_empty(), "no promise");
}

#[test]
fn no_ballot_and_no_name_is_given_twice_whatever_crashes() {
    let mut bench = Bench::with(2, 3, |config| config.common.numbers_reserved = 2);
    let mut numbers = Vec::new();
    for _ in 0..6 {
        for _ in 0..3 {
            let begun = bench.begin(L1);
            numbers.push(begun.number);
            bench.network.clear();
            bench.cancel(L1, begun);
            let Some((_, _, Message::Phase1a { ballot, .. })) = bench.network.pop_front() else {
                panic!("a ballot begins")
            };
            numbers.push(ballot.round);
        }
        bench.crash(L1);
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn a_leader_that_comes_back_begins_nothing_by_itself_and_ends_what_it_is_asked_about() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    bench.crash(L1);
    assert_eq!(bench.leader(L1).in_flight(), 0);
    bench.deliver_all();
    assert!(bench.outcomes(L1).is_empty());
    bench.doubt(R[0]);
    bench.doubt(R[0]);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    bench.overdue(L1, Timer::Resend);
    assert!(bench.is_at_rest());
}

fn member(me: NodeId) -> Member {
    let config = Config::new(ClusterId(7), [L1, L2], A, [R[0], R[1]]);
    Member { me, config: Arc::new(config) }
}

fn disk<V, E>(records: Vec<Record<V, E>>) -> Image<V, E> {
    let mut disk = Image::default();
    for record in records {
        disk.apply(record).expect("it fits");
    }
    disk
}

#[test]
fn foreign_and_contradictory_records_of_an_acceptor_are_refused() {
    let identity =
        |node| Record::Put { cell: IDENTITY, value: Cell::Identity { cluster: ClusterId(7), node } };
    let ended = |floor, spans: &[(u64, u64)]| Record::Put {
        cell: ENDED,
        value: Cell::Ended(vec![Ended { coordinator: L1, floor, spans: spans.to_vec() }]),
    };
    let ballot = |round| Ballot { round, rank: 1 };
    let ballots = |number, promised, accepted| Entry::Ballots {
        tx: tx(number),
        promised: ballot(promised),
        accepted: [(R[0], Some(Accepted { ballot: ballot(accepted), vote: Vote::Yes })), (R[1], None)]
            .into_iter()
            .collect(),
    };
    let append = |index, entry| Record::Append { log: JOURNAL, index, entry };
    let recover = |records| Acceptor::<Work>::recover(member(A[0]), &disk(records), 0);
    let is = |records, wanted: fn(&Corrupt) -> bool| match recover(records) {
        Ok(_) => false,
        Err(corrupt) => wanted(&corrupt),
    };
    assert!(is(vec![identity(A[1])], |it| matches!(it, Corrupt::Foreign { .. })));
    assert!(is(vec![ended(0, &[])], |it| *it == Corrupt::Missing(IDENTITY)));
    assert!(is(vec![append(1, ballots(1, 1, 1))], |it| *it == Corrupt::Missing(IDENTITY)));
    let inconsistent: fn(&Corrupt) -> bool = |it| matches!(it, Corrupt::Inconsistent(_));
    assert!(is(vec![identity(A[0]), ended(5, &[(5, 6)])], inconsistent));
    assert!(is(vec![identity(A[0]), ended(0, &[(2, 3), (4, 5)])], inconsistent));
    assert!(is(vec![identity(A[0]), append(1, ballots(1, 1, 2))], inconsistent));
    assert!(is(vec![identity(A[0]), append(1, ballots(0, 1, 1))], inconsistent));
    assert!(is(vec![identity(A[0]), append(u64::MAX - 1, ballots(1, 1, 1))], inconsistent));
    assert!(is(vec![identity(L1)], |it| matches!(it, Corrupt::Foreign { .. })));

    let good = vec![
        identity(A[0]),
        append(4, ballots(1, 2, 1)),
        append(5, ballots(2, 1, 1)),
        append(6, Entry::Over { tx: tx(2) }),
        ended(0, &[(2, 3)]),
    ];
    let node = recover(good).expect("it recovers");
    assert!(matches!(node.phase(tx(1)), Some(Phase::Live { promised, .. }) if promised == ballot(2)));
    assert_eq!(
        (node.phase(tx(2)), node.phase(tx(3)), node.phase(tx(4))),
        (Some(Phase::Over), Some(Phase::Over), None)
    );
    assert_eq!((node.live(), node.check()), (1, Ok(())));
}

#[test]
fn a_node_that_differs_from_its_disk_is_told_apart_from_it() {
    let mut bench = Bench::new(2);
    bench.begin(L1);
    bench.deliver_round();
    bench.deliver_round();
    for id in [L1, A[0], R[0]] {
        let host = bench.host(id);
        assert_eq!(host.machine.agrees_with(&host.disk), Ok(()));
        assert!(host.machine.agrees_with(&Image::default()).is_err(), "{id:?} has written something");
        let mut fewer = host.disk.clone();
        if let Some(last) = fewer.last_index(JOURNAL) {
            fewer.apply(Record::Truncate { log: JOURNAL, from: last }).unwrap();
            assert!(host.machine.agrees_with(&fewer).is_err(), "the last entry is missing");
        }
    }
}

#[test]
fn nobody_recovers_into_a_part_that_is_not_its_own() {
    let wrong = |corrupt: Option<Corrupt>| matches!(corrupt, Some(Corrupt::Config(_)));
    assert!(wrong(Acceptor::<Work>::recover(member(L1), &Image::default(), 0).err()));
    assert!(wrong(Leader::<Work>::recover(member(R[0]), &Image::default(), 0).err()));
    assert!(wrong(ResourceManager::<Work>::recover(member(A[0]), &Image::default(), 0).err()));
    let foreign = disk(vec![Record::Put {
        cell: coordinator::IDENTITY,
        value: coordinator::Cell::Identity { cluster: ClusterId(8), node: L1 },
    }]);
    let found = Err(Corrupt::Foreign { found: (ClusterId(8), L1) });
    assert_eq!(Leader::<Work>::recover(member(L1), &foreign, 0).map(|_| ()), found);
}
