//! Every proposal is answered once.

use quorate::id::RequestId;
use quorate::raft::{Index, Notice, Refusal, Term};

use crate::cluster::{Cluster, n};

fn answers(cluster: &Cluster, id: u64, request: RequestId) -> Vec<Notice<u32>> {
    let answer = |notice: &&Notice<u32>| matches!(notice, Notice::Accepted { id, .. } | Notice::Refused { id, .. } if *id == request);
    cluster.node(id).notices.iter().filter(answer).cloned().collect()
}

#[test]
fn the_leader_accepts_with_index_and_term() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let request = cluster.propose(1, &[5, 6]);
    let accepted = Notice::Accepted { id: request, index: Index(2), term: Term(1) };
    assert_eq!(answers(&cluster, 1, request), [accepted]);
}

#[test]
fn another_node_refuses_and_names_the_leader() {
    let mut cluster = Cluster::new(3);
    let early = cluster.propose(2, &[5]);
    cluster.elect(1);
    let late = cluster.propose(2, &[5]);
    let refused = |id, leader| Notice::Refused { id, reason: Refusal::NotLeader { leader } };
    assert_eq!(answers(&cluster, 2, early), [refused(early, None)]);
    assert_eq!(answers(&cluster, 2, late), [refused(late, Some(n(1)))]);
}

#[test]
fn what_is_too_large_empty_or_too_much_is_refused_and_changes_nothing() {
    let mut cluster = Cluster::with(3, |config| {
        config.max_command_bytes = 3;
    });
    cluster.elect(1);
    let request = cluster.propose(1, &[5]);
    assert_eq!(
        answers(&cluster, 1, request),
        [Notice::Refused { id: request, reason: Refusal::TooLarge { limit: 3 } }]
    );

    let mut cluster = Cluster::with(3, |config| config.max_uncommitted_entries = 2);
    cluster.elect(1);
    let empty = cluster.propose(1, &[]);
    assert_eq!(answers(&cluster, 1, empty), [Notice::Refused { id: empty, reason: Refusal::Empty }]);
    cluster.propose(1, &[1, 2]);
    let before = cluster.node(1).raft.clone();
    let full = cluster.propose(1, &[3]);
    assert_eq!(answers(&cluster, 1, full), [Notice::Refused { id: full, reason: Refusal::Full }]);
    assert!(before == cluster.node(1).raft);
    cluster.deliver_all();
    let again = cluster.propose(1, &[3]);
    assert!(matches!(answers(&cluster, 1, again)[..], [Notice::Accepted { .. }]));
}

#[test]
fn uncommitted_bytes_are_bounded_and_freed_by_commits() {
    let mut cluster = Cluster::with(3, |config| config.max_uncommitted_bytes = 8);
    cluster.elect(1);
    for round in 0..3 {
        for command in 0..2 {
            let request = cluster.propose(1, &[command]);
            assert!(matches!(answers(&cluster, 1, request)[..], [Notice::Accepted { .. }]), "round {round}");
        }
        let full = cluster.propose(1, &[9]);
        assert_eq!(answers(&cluster, 1, full), [Notice::Refused { id: full, reason: Refusal::Full }]);
        cluster.deliver_all();
    }
}

#[test]
fn a_proposal_that_is_not_durable_is_not_accepted_aloud() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.node_mut(1).disk_works = false;
    let request = cluster.propose(1, &[5]);
    assert!(answers(&cluster, 1, request).is_empty());
    cluster.node_mut(1).disk_works = true;
    cluster.settle(n(1));
    assert_eq!(answers(&cluster, 1, request).len(), 1);
}

#[test]
fn uncommitted_bytes_are_freed_by_commits_even_of_what_left_memory() {
    let mut cluster = Cluster::with(3, |config| {
        config.max_uncommitted_bytes = 8;
        config.max_cached_entries = 1;
    });
    cluster.elect(1);
    for round in 0..5 {
        let accepted = [0, 1].map(|command| cluster.propose(1, &[command]));
        for request in accepted {
            assert!(matches!(answers(&cluster, 1, request)[..], [Notice::Accepted { .. }]), "round {round}");
        }
        let full = cluster.propose(1, &[9]);
        assert_eq!(answers(&cluster, 1, full), [Notice::Refused { id: full, reason: Refusal::Full }]);
        for _ in 0..4 {
            cluster.deliver_all();
            cluster.heartbeat(1);
            (1..=3).for_each(|id| while cluster.answer_loads(id, 8) > 0 {});
        }
    }
}
