//! What a disk tells that no node of this name could have written is refused, and a machine that differs from its disk is
//! told apart from it.

use std::fmt::Debug;
use std::sync::Arc;

use quorate::commit::coordinator::{self, Coordinator};
use quorate::commit::participant::{self, FLOORS, Heuristic, Participant};
use quorate::commit::{Config, JOURNAL, Member, Mode, Nodes, Outcome, TxId};
use quorate::durable::{Corrupt, Image, Record, Recover};
use quorate::id::{ClusterId, NodeId};

use crate::bench::{Bench, C, Work, n, tx};

fn member(me: NodeId) -> Member {
    Member { me, config: Arc::new(Config::new(ClusterId(7), [C, n(2), n(3)])) }
}

fn disk<V, E>(records: impl IntoIterator<Item = Record<V, E>>) -> Image<V, E> {
    let mut disk = Image::default();
    for record in records {
        disk.apply(record).expect("it fits");
    }
    disk
}

fn append<V, E>(index: u64, entry: E) -> Record<V, E> {
    Record::Append { log: JOURNAL, index, entry }
}

fn nodes(ids: &[u64]) -> Nodes {
    ids.iter().copied().map(NodeId).collect()
}

/// Whether it was refused with these words.
fn refused<T: Debug>(recovered: Result<T, Corrupt>, why: &str) -> bool {
    match recovered {
        Err(Corrupt::Inconsistent(said)) if said.contains(why) => true,
        other => panic!("{why}: {other:?}"),
    }
}

fn identity(node: NodeId) -> Record<coordinator::Cell, coordinator::Entry> {
    let value = coordinator::Cell::Identity { cluster: ClusterId(7), node };
    Record::Put { cell: coordinator::IDENTITY, value }
}

fn reserved(upto: u64) -> Record<coordinator::Cell, coordinator::Entry> {
    Record::Put { cell: coordinator::RESERVED, value: coordinator::Cell::Reserved { upto } }
}

/// A coordinator's disk with numbers up to 8 and this entry, if any.
fn coordinator(entries: impl IntoIterator<Item = coordinator::Entry>) -> Result<(), Corrupt> {
    let appends = (1..).zip(entries).map(|(index, entry)| append(index, entry));
    let records = [identity(C), reserved(8)].into_iter().chain(appends);
    Coordinator::<Work>::recover(member(C), &disk(records), 0).map(|_| ())
}

#[test]
fn a_coordinator_refuses_what_it_cannot_have_written() {
    use coordinator::{Entry, IDENTITY};
    let (mode, commit) = (Mode::PresumedAbort, Outcome::Commit);
    let ended = |tx| Entry::Ended { tx, outcome: commit };
    let decided = |mode, outcome, to: &[u64]| Entry::Decided { tx: tx(1), mode, outcome, awaited: nodes(to) };
    let collecting = |mode, to: &[u64]| Entry::Collecting { tx: tx(1), mode, participants: nodes(to) };
    for entry in [ended(tx(8)), decided(mode, commit, &[2, 3]), collecting(Mode::PresumedCommit, &[2, 3])] {
        assert_eq!(coordinator([entry]), Ok(()));
    }
    for strange in [tx(9), tx(0), TxId { coordinator: n(2), number: 1 }] {
        assert!(refused(coordinator([ended(strange)]), "a number that was never given out"));
    }
    for (mode, outcome, to) in [
        (mode, Outcome::Abort, &[2, 3][..]),
        (mode, commit, &[]),
        (Mode::PresumedCommit, Outcome::Commit, &[2, 3]),
    ] {
        assert!(refused(coordinator([decided(mode, outcome, to)]), "nobody needs to hear of"));
    }
    assert!(refused(coordinator([collecting(mode, &[2, 3])]), "of a presumed abort"));
    for to in [[3, 2], [2, 2], [1, 2]] {
        let refusal = coordinator([collecting(Mode::PresumedCommit, &to)]);
        assert!(refused(refusal, "out of order, or this node is one"));
    }
    let recover =
        |records: Vec<Record<_, _>>| Coordinator::<Work>::recover(member(C), &disk(records), 0).map(|_| ());
    let foreign = Corrupt::Foreign { found: (ClusterId(7), n(2)) };
    assert_eq!(recover(vec![identity(n(2))]), Err(foreign));
    assert_eq!(recover(vec![reserved(8)]), Err(Corrupt::Missing(IDENTITY)));
    assert_eq!(recover(vec![append(1, ended(tx(1)))]), Err(Corrupt::Missing(IDENTITY)));
    let worn = recover(vec![identity(C), reserved(8), append(u64::MAX - 1, ended(tx(1)))]);
    assert!(refused(worn, "out of range"));
    let misplaced = |cell, value| recover(vec![identity(C), Record::Put { cell, value }]);
    let value = coordinator::Cell::Identity { cluster: ClusterId(7), node: C };
    assert!(refused(misplaced(coordinator::RESERVED, value), "something else"));
    let value = coordinator::Cell::Reserved { upto: 1 };
    assert!(refused(misplaced(IDENTITY, value), "something else"));
}

type Journal = [participant::Entry<Work>];

/// What a participant with these floors and this journal recovers to.
fn participant(floors: &[(u64, u64)], journal: &Journal) -> Result<(), Corrupt> {
    use participant::{Cell, IDENTITY};
    let value = Cell::Identity { cluster: ClusterId(7), node: n(2) };
    let floors = floors.iter().map(|(node, floor)| (NodeId(*node), *floor)).collect();
    let cells =
        [Record::Put { cell: IDENTITY, value }, Record::Put { cell: FLOORS, value: Cell::Floors(floors) }];
    let appends = (1..).zip(journal).map(|(index, entry)| append(index, entry.clone()));
    Participant::<Work>::recover(member(n(2)), &disk(cells.into_iter().chain(appends)), 0).map(|_| ())
}

#[test]
fn a_participant_refuses_what_it_cannot_have_written() {
    use Outcome::{Abort, Commit};
    use participant::Entry;
    let ended = |tx| Entry::Ended { tx, outcome: None, took: None };
    let prepared = |position| {
        let heuristic = Some(Heuristic { outcome: Commit, position, done: false });
        Entry::Prepared { tx: tx(1), mode: Mode::PresumedAbort, peers: nodes(&[2, 3]), work: 9, heuristic }
    };
    let decided = |outcome, took, done, position, work| Entry::Decided {
        tx: tx(1),
        outcome,
        took,
        done,
        position,
        work,
    };
    let standing = [
        ended(tx(1)),
        prepared(1),
        decided(Commit, None, false, 1, Some(9)),
        decided(Abort, None, false, 1, None),
        decided(Abort, Some(Commit), false, 1, Some(9)),
        decided(Abort, Some(Commit), true, 1, None),
    ];
    for entry in standing {
        assert_eq!(participant(&[(1, 0), (3, 0)], std::slice::from_ref(&entry)), Ok(()), "{entry:?}");
    }
    for strange in [tx(0), TxId { coordinator: n(2), number: 1 }] {
        assert!(refused(participant(&[], &[ended(strange)]), "that cannot be"));
    }
    for entry in [prepared(0), prepared(2), decided(Abort, None, false, 0, None)] {
        assert!(refused(participant(&[], &[entry]), "position past its entry"));
    }
    for entry in [
        decided(Commit, None, false, 1, None),
        decided(Abort, None, false, 1, Some(9)),
        decided(Abort, Some(Commit), true, 1, Some(9)),
        decided(Commit, Some(Commit), false, 1, Some(9)),
        decided(Commit, None, true, 1, None),
    ] {
        assert!(refused(participant(&[], &[entry]), "lacks what is to be applied"));
    }
    for floors in [[(3, 0), (1, 0)], [(1, 0), (1, 0)]] {
        assert!(refused(participant(&floors, &[]), "floors are out of order"));
    }
    let applied = Participant::<Work>::recover(member(n(2)), &Image::default(), 1).map(|_| ());
    assert_eq!(applied, Err(Corrupt::AppliedBeyondLog { applied: 1, last: 0 }));
}

#[test]
fn a_node_that_differs_from_its_disk_is_told_apart_from_it() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedCommit).expect("it begins");
    bench.deliver_round();
    let (machine, disk) = (&bench.coordinator.machine, &bench.coordinator.disk);
    assert_eq!(machine.agrees_with(disk), Ok(()));
    let differs = |records: Vec<Record<_, _>>| {
        let mut other = disk.clone();
        records.into_iter().for_each(|record| other.apply(record).expect("it fits"));
        machine.agrees_with(&other).unwrap_err()
    };
    assert!(differs(vec![reserved(2_000)]).contains("reservation"));
    let ended = || coordinator::Entry::Ended { tx: tx(1), outcome: Outcome::Abort };
    assert!(differs(vec![append(2, ended())]).contains("elsewhere"));
    assert!(differs(vec![identity(n(2))]).contains("does not recover"));
    let truncate = Record::Truncate { log: JOURNAL, from: 1 };
    let participants = nodes(&[2]);
    let fewer = coordinator::Entry::Collecting { tx: tx(1), mode: Mode::PresumedCommit, participants };
    assert!(differs(vec![truncate.clone(), append(1, fewer)]).contains("differs"));
    assert!(differs(vec![truncate, append(1, ended())]).contains("elsewhere"));
    assert!(machine.agrees_with(&Image::default()).unwrap_err().contains("identity"));

    let host = &bench.participants[&n(2)];
    assert_eq!(host.machine.agrees_with(&host.disk), Ok(()));
    let mut other = host.disk.clone();
    let floors = participant::Cell::Floors(vec![(C, 4)]);
    other.apply(Record::Put { cell: FLOORS, value: floors }).expect("it fits");
    assert!(host.machine.agrees_with(&other).unwrap_err().contains("floors"));
    let mut other = host.disk.clone();
    let last = other.last_index(JOURNAL).expect("it voted");
    other.apply(Record::Truncate { log: JOURNAL, from: last }).expect("it fits");
    assert!(host.machine.agrees_with(&other).unwrap_err().contains("elsewhere"));
    let entry = participant::Entry::Ended { tx: tx(1), outcome: None, took: None };
    other.apply(append(last, entry)).expect("it fits");
    assert!(host.machine.agrees_with(&other).unwrap_err().contains("transaction differs"));
}
