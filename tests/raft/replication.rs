//! How entries get to followers, and what is committed when.

use quorate::raft::{Entries, Entry};
use quorate::raft::{Index, Message, Outcome, Payload, Position, Term};

use crate::cluster::{Cluster, n};

fn entries(terms: &[u64]) -> Entries<u32> {
    terms.iter().map(|term| Entry { term: Term(*term), payload: Payload::Command(9) }).collect()
}

fn append(term: u64, prev: (u64, u64), terms: &[u64], commit: u64) -> Message<u32> {
    let prev = Position { term: Term(prev.0), index: Index(prev.1) };
    Message::Append { term: Term(term), prev, entries: entries(terms), commit: Index(commit) }
}

#[test]
fn commands_reach_every_application_in_one_order() {
    let mut cluster = Cluster::new(5);
    cluster.elect(3);
    for command in 0..100 {
        cluster.propose(3, &[command]);
    }
    cluster.deliver_all();
    let expected: Vec<u32> = (0..100).collect();
    for id in 1..=5 {
        assert_eq!(cluster.applied(id), expected, "at n{id}");
    }
}

#[test]
fn a_slow_disk_does_not_hold_up_the_leaders_followers_nor_count_for_it() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.node_mut(1).disk_works = false;
    cluster.cut_off = vec![n(3)];
    cluster.propose(1, &[7]);
    cluster.deliver_all();
    assert_eq!(cluster.node(2).raft.last().index, Index(2), "the follower has the entry already");
    assert_eq!(cluster.node(1).raft.commit(), Index(1), "one durable copy of three is no quorum");
    cluster.node_mut(1).disk_works = true;
    cluster.settle(n(1));
    assert_eq!(cluster.node(1).raft.commit(), Index(2));
}

#[test]
fn a_follower_acknowledges_the_end_of_the_append_not_of_its_log() {
    let mut cluster = Cluster::new(3);
    cluster.boot(n(2), Cluster::disk(2, 2, &[1, 1, 1]), 0);
    cluster.deliver_to(n(2), n(1), append(3, (1, 1), &[], 0));
    let (_, _, reply) = cluster.network.back().expect("an answer").clone();
    assert_eq!(reply, Message::AppendReply { term: Term(3), outcome: Outcome::Matched(Index(1)) });
}

#[test]
fn a_short_append_that_comes_late_truncates_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.deliver_to(n(2), n(1), append(1, (0, 0), &[1, 1, 1], 0));
    cluster.deliver_to(n(2), n(1), append(1, (0, 0), &[1], 0));
    cluster.deliver_to(n(2), n(1), append(1, (0, 0), &[], 0));
    assert_eq!(cluster.terms(2), [1, 1, 1]);
}

#[test]
fn what_a_follower_commits_is_bounded_by_what_it_matched() {
    let mut cluster = Cluster::new(3);
    cluster.boot(n(2), Cluster::disk(2, 2, &[1, 1, 2]), 0);
    cluster.deliver_to(n(2), n(1), append(3, (1, 1), &[], 3));
    assert_eq!(cluster.node(2).raft.commit(), Index(1));
}

#[test]
fn figure_8_an_entry_of_an_earlier_term_is_not_committed_by_counting() {
    let mut cluster = Cluster::new(3);
    cluster.boot(n(1), Cluster::disk(1, 3, &[1, 2]), 0);
    cluster.boot(n(2), Cluster::disk(2, 3, &[1]), 0);
    cluster.boot(n(3), Cluster::disk(3, 3, &[1, 3]), 0);
    cluster.cut_off = vec![n(3)];
    cluster.election_timeout(1);
    // Votes, and the first entries, but not the leader's own entry of term 4.
    cluster.network.clear();
    cluster.deliver_to(n(1), n(2), Message::PreVoteReply { term: Term(4), granted: true });
    cluster.deliver_to(n(1), n(2), Message::VoteReply { term: Term(4), granted: true });
    assert!(cluster.node(1).raft.is_leader());
    cluster.deliver_to(
        n(1),
        n(2),
        Message::AppendReply { term: Term(4), outcome: Outcome::Matched(Index(2)) },
    );
    assert_eq!(cluster.node(1).raft.commit(), Index(0), "two of three hold it, and still it may be lost");
    cluster.deliver_to(
        n(1),
        n(2),
        Message::AppendReply { term: Term(4), outcome: Outcome::Matched(Index(3)) },
    );
    assert_eq!(cluster.node(1).raft.commit(), Index(3));
}

#[test]
fn a_diverged_follower_is_found_in_one_round_a_term() {
    let mut cluster = Cluster::with(3, |config| config.pre_vote = false);
    let long: Vec<u64> = [vec![1; 3], vec![4; 300]].concat();
    let other: Vec<u64> = [vec![1; 3], vec![2; 300], vec![3; 300]].concat();
    cluster.boot(n(1), Cluster::disk(1, 5, &long), 0);
    cluster.boot(n(2), Cluster::disk(2, 5, &long), 0);
    cluster.boot(n(3), Cluster::disk(3, 5, &other), 0);
    cluster.election_timeout(1);
    let mut rounds = 0;
    while let Some((from, to, message)) = cluster.network.front().cloned() {
        rounds +=
            usize::from(matches!(message, Message::AppendReply { outcome: Outcome::Conflict { .. }, .. }));
        let _ = (from, to);
        cluster.deliver_one();
    }
    assert_eq!(cluster.terms(3), cluster.terms(1));
    assert!(rounds <= 3, "{rounds} rounds to find where 600 entries part");
}

#[test]
fn lost_appends_are_found_by_the_next_heartbeat() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    for command in 0..10 {
        cluster.propose(1, &[command]);
    }
    cluster.network.clear();
    cluster.heartbeat(1);
    cluster.deliver_all();
    assert_eq!(cluster.applied(2).len(), 10);
    assert_eq!(cluster.applied(3).len(), 10);
}

#[test]
fn no_more_than_the_window_is_on_its_way_to_a_follower() {
    let mut cluster = Cluster::with(3, |config| {
        config.max_inflight_messages = 4;
        config.max_append_entries = 8;
    });
    cluster.elect(1);
    for command in 0..100 {
        cluster.propose(1, &[command]);
    }
    let to_second = cluster.network.iter().filter(|(_, to, _)| *to == n(2)).count();
    assert_eq!(to_second, 4);
    cluster.deliver_all();
    assert_eq!(cluster.applied(2).len(), 100);
}

#[test]
fn no_more_bytes_than_the_window_are_on_their_way_to_a_follower() {
    let mut cluster = Cluster::with(2, |config| config.max_inflight_bytes = 10);
    cluster.elect(1);
    for command in 0..100 {
        cluster.propose(1, &[command]);
    }
    let to_second = cluster.network.iter().filter(|(_, to, _)| *to == n(2)).count();
    assert_eq!(to_second, 3, "of four bytes each: the third reaches the limit of ten");
    cluster.deliver_all();
    assert_eq!(cluster.applied(2).len(), 100);
}

#[test]
fn a_deposed_leaders_entry_is_overwritten() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.cut_off = vec![n(1)];
    cluster.propose(1, &[66]);
    cluster.deliver_all();
    cluster.elect(2);
    cluster.propose(2, &[77]);
    cluster.deliver_all();
    cluster.cut_off.clear();
    cluster.heartbeat(2);
    cluster.deliver_all();
    for id in 1..=3 {
        assert_eq!(cluster.applied(id), [77], "at n{id}");
    }
}
