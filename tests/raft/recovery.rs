//! Coming back from what is durable.

use std::sync::Arc;

use quorate::durable::{Corrupt, Record, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::machine::{Effect, Input, Machine};
use quorate::raft::{
    Cell, Config, Entry, HARD_STATE, IDENTITY, Index, LOG, Member, Message, Payload, Position, Raft, Term,
};
use quorate::time::Time;

use crate::cluster::{Cluster, Disk, n};

fn recover(disk: &Disk, applied: u64) -> Result<Raft<u32>, Corrupt> {
    let config = Arc::new(Config::new(ClusterId(7), [n(1), n(2), n(3)]));
    Raft::recover(Member { me: n(1), config }, disk, applied)
}

fn entry(term: u64) -> Entry<u32> {
    Entry { term: Term(term), payload: Payload::Noop }
}

#[test]
fn committed_work_reaches_the_application_once_across_a_restart() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, &[1, 2, 3]);
    cluster.deliver_all();
    let applied = cluster.node(2).raft.noticed();
    assert_eq!(applied, Index(4));
    cluster.crash(n(2), applied.0);
    cluster.propose(1, &[4]);
    cluster.deliver_all();
    assert_eq!(cluster.applied(2), [4], "what was applied is not told again");
    cluster.crash(n(3), 0);
    cluster.heartbeat(1);
    cluster.deliver_all();
    assert_eq!(cluster.applied(3), [1, 2, 3, 4], "what was not is told in order");
}

#[test]
fn all_nodes_may_crash_at_once() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, &[1, 2, 3]);
    cluster.deliver_all();
    cluster.network.clear();
    for id in 1..=3 {
        cluster.crash(n(id), 0);
    }
    cluster.elect(2);
    assert_eq!(cluster.applied(2), [1, 2, 3]);
}

#[test]
fn an_empty_disk_is_a_node_as_new() {
    let raft = recover(&Disk::default(), 0).expect("nothing is wrong with nothing");
    assert_eq!((raft.term(), raft.vote(), raft.last().index), (Term(0), None, Index(0)));
}

#[test]
fn a_foreign_disk_is_refused() {
    let disk = Cluster::disk(2, 1, &[1]);
    assert_eq!(recover(&disk, 0).unwrap_err(), Corrupt::Foreign { found: (ClusterId(7), n(2)) });
    let mut disk = Cluster::disk(1, 1, &[1]);
    let value = Cell::Identity { cluster: ClusterId(8), node: n(1) };
    disk.apply(Record::Put { cell: IDENTITY, value }).unwrap();
    assert_eq!(recover(&disk, 0).unwrap_err(), Corrupt::Foreign { found: (ClusterId(8), n(1)) });
}

#[test]
fn what_contradicts_itself_is_refused() {
    let mut headless = Disk::default();
    headless.apply(Record::Append { log: LOG, index: 2, entry: entry(0) }).unwrap();
    assert_eq!(recover(&headless, 0).unwrap_err(), Corrupt::Gap { log: LOG, expected: 1, found: 2 });

    let mut anonymous = Disk::default();
    let value = Cell::HardState { term: Term(3), vote: None };
    anonymous.apply(Record::Put { cell: HARD_STATE, value }).unwrap();
    assert_eq!(recover(&anonymous, 0).unwrap_err(), Corrupt::Missing(IDENTITY));

    let later = Cluster::disk(1, 1, &[1, 2]);
    assert!(matches!(recover(&later, 0), Err(Corrupt::Inconsistent(_))));
    let back = Cluster::disk(1, 3, &[2, 1]);
    assert!(matches!(recover(&back, 0), Err(Corrupt::Inconsistent(_))));

    let swapped = Cell::Identity { cluster: ClusterId(7), node: n(1) };
    let mut disk = Cluster::disk(1, 1, &[1]);
    disk.apply(Record::Put { cell: HARD_STATE, value: swapped }).unwrap();
    assert!(matches!(recover(&disk, 0), Err(Corrupt::Inconsistent(_))));
}

#[test]
fn an_application_ahead_of_its_log_is_refused() {
    let disk = Cluster::disk(1, 1, &[1]);
    assert_eq!(recover(&disk, 2).unwrap_err(), Corrupt::AppliedBeyondLog { applied: 2, last: 1 });
}

#[test]
fn a_configuration_that_does_not_stand_is_refused() {
    let config = Arc::new(Config::new(ClusterId(7), [n(2), n(3)]));
    let found = Raft::<u32>::recover(Member { me: NodeId(1), config }, &Disk::default(), 0);
    assert!(matches!(found, Err(Corrupt::Config(_))));
}

#[test]
fn what_is_said_to_a_node_before_it_is_started_leaves_a_disk_that_recovers() {
    let (mut raft, mut disk) = (recover(&Disk::default(), 0).unwrap(), Disk::default());
    let message = Message::Vote { term: Term(3), last: Position::default() };
    for input in [Input::Message { from: n(2), message }, Input::Start] {
        let (next, effects) = raft.stepped(input, Time::ZERO, &[]);
        for effect in effects {
            if let Effect::Persist(record) = effect {
                disk.apply(record).unwrap();
                recover(&disk, 0).unwrap();
            }
        }
        raft = next;
        raft.agrees_with(&disk).unwrap();
    }
    assert_eq!(raft.vote(), Some(n(2)));
}
