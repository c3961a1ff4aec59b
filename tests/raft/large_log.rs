//! A log larger than memory: evicted entries are read back from disk.

use quorate::machine::Input;
use quorate::raft::{LOG, Notice, Rejection};

use crate::cluster::{Cluster, n};

fn small_cache() -> Cluster {
    Cluster::with(3, |config| {
        config.max_cached_entries = 4;
        config.max_append_entries = 3;
        config.max_inflight_messages = 2;
    })
}

#[test]
fn a_follower_far_behind_catches_up_from_the_leaders_disk() {
    let mut cluster = small_cache();
    cluster.elect(1);
    cluster.cut_off = vec![n(3)];
    for command in 0..50 {
        cluster.propose(1, &[command]);
        cluster.deliver_all();
    }
    cluster.cut_off.clear();
    cluster.heartbeat(1);
    for _ in 0..100 {
        cluster.deliver_all();
        cluster.answer_loads(1, usize::MAX);
    }
    assert_eq!(cluster.applied(3), (0..50).collect::<Vec<_>>());
}

#[test]
fn an_application_that_starts_over_is_told_everything_in_small_pieces() {
    let mut cluster = small_cache();
    cluster.elect(1);
    for command in 0..50 {
        cluster.propose(1, &[command]);
        cluster.deliver_all();
    }
    cluster.crash(n(2), 0);
    cluster.heartbeat(1);
    cluster.deliver_all();
    let mut pieces = 0;
    while cluster.answer_loads(2, 7) > 0 {
        pieces += 1;
    }
    assert!(pieces >= 6, "{pieces} pieces of 7 entries at most");
    assert_eq!(cluster.applied(2), (0..50).collect::<Vec<_>>());
}

#[test]
fn a_driver_with_nothing_to_read_is_not_asked_in_a_loop() {
    let mut cluster = small_cache();
    cluster.elect(1);
    for command in 0..50 {
        cluster.propose(1, &[command]);
        cluster.deliver_all();
    }
    cluster.crash(n(2), 0);
    cluster.heartbeat(1);
    cluster.deliver_all();
    assert_eq!(cluster.node(2).loads.len(), 1);
    let (_, from, _) = cluster.node_mut(2).loads.remove(0);
    cluster.step(n(2), Input::Loaded { log: LOG, from, entries: vec![] });
    assert!(cluster.node(2).loads.is_empty());
    let said = Notice::Rejected { from: n(2), reason: Rejection::UnknownLog };
    assert!(cluster.node(2).notices.contains(&said));
    cluster.propose(1, &[50]);
    cluster.deliver_all();
    assert_eq!(cluster.node(2).loads.len(), 1, "asked again with the next commit");
}
