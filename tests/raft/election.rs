//! Who becomes leader, and who must not.

use quorate::machine::Input;
use quorate::raft::{Message, Position, Role, Term, Timer};

use crate::cluster::{Cluster, n};

#[test]
fn three_nodes_elect_the_one_that_asks_first() {
    let mut cluster = Cluster::new(3);
    cluster.election_timeout(1);
    cluster.deliver_all();
    assert!(cluster.node(1).raft.is_leader());
    for follower in [2, 3] {
        assert_eq!(*cluster.node(follower).raft.role(), Role::Follower { leader: Some(n(1)) });
        assert_eq!(cluster.node(follower).raft.term(), Term(1));
    }
}

#[test]
fn a_leader_that_is_deposed_has_no_heartbeat_left_to_send() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let set = |cluster: &Cluster| {
        cluster.node(1).ledger.timers().iter().any(|(timer, _)| timer == Timer::Heartbeat)
    };
    assert!(set(&cluster));
    cluster.deliver_to(n(1), n(2), Message::Vote { term: Term(9), last: Position::default() });
    assert!(!cluster.node(1).raft.is_leader() && !set(&cluster));
}

#[test]
fn a_node_alone_leads_itself_and_commits() {
    let mut cluster = Cluster::new(1);
    cluster.election_timeout(1);
    cluster.propose(1, &[42]);
    assert_eq!(cluster.applied(1), [42]);
}

#[test]
fn a_node_that_was_cut_off_does_not_depose_the_leader() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.cut_off = vec![n(3)];
    for _ in 0..5 {
        cluster.election_timeout(3);
        cluster.deliver_all();
    }
    cluster.cut_off.clear();
    cluster.election_timeout(3);
    cluster.deliver_all();
    assert!(cluster.node(1).raft.is_leader());
    assert_eq!(cluster.node(3).raft.term(), Term(1), "asking before campaigning begins no term");
}

#[test]
fn a_vote_is_not_said_before_it_is_durable_and_not_given_twice_across_a_crash() {
    let mut cluster = Cluster::with(3, |config| config.pre_vote = false);
    cluster.node_mut(3).disk_works = false;
    cluster.election_timeout(1);
    cluster.deliver_all();
    let said = cluster.network.iter().any(|(from, ..)| *from == n(3));
    assert!(!said, "nothing leaves n3 while its vote is not durable");
    cluster.sync(n(3));
    cluster.settle(n(3));
    cluster.crash(n(3), 0);
    let last = Position::default();
    cluster.network.clear();
    cluster.deliver_to(n(3), n(2), Message::Vote { term: Term(1), last });
    let replies: Vec<_> = cluster.network.iter().filter(|(from, ..)| *from == n(3)).collect();
    assert!(matches!(replies[..], [(_, _, Message::VoteReply { granted: false, .. })]), "{replies:?}");
}

#[test]
fn a_long_log_of_an_old_term_does_not_win_over_a_later_term() {
    let mut cluster = Cluster::new(3);
    cluster.boot(n(1), Cluster::disk(1, 2, &[1, 1, 1, 1]), 0);
    cluster.boot(n(2), Cluster::disk(2, 2, &[1, 2]), 0);
    cluster.boot(n(3), Cluster::disk(3, 2, &[1, 2]), 0);
    cluster.election_timeout(1);
    cluster.deliver_all();
    assert!(!cluster.node(1).raft.is_leader());
    cluster.election_timeout(2);
    cluster.deliver_all();
    assert!(cluster.node(2).raft.is_leader());
    assert_eq!(cluster.terms(1), cluster.terms(2));
}

#[test]
fn grants_of_an_earlier_term_or_of_a_pre_vote_elect_nobody() {
    let mut cluster = Cluster::with(5, |config| config.pre_vote = false);
    cluster.election_timeout(1);
    cluster.election_timeout(1);
    assert_eq!(cluster.node(1).raft.term(), Term(2));
    for voter in [2, 3, 4] {
        cluster.deliver_to(n(1), n(voter), Message::VoteReply { term: Term(1), granted: true });
        cluster.deliver_to(n(1), n(voter), Message::PreVoteReply { term: Term(2), granted: true });
    }
    assert!(!cluster.node(1).raft.is_leader());
    cluster.deliver_to(n(1), n(2), Message::VoteReply { term: Term(2), granted: true });
    cluster.deliver_to(n(1), n(2), Message::VoteReply { term: Term(2), granted: true });
    assert!(!cluster.node(1).raft.is_leader(), "a duplicate is one vote");
    cluster.deliver_to(n(1), n(3), Message::VoteReply { term: Term(2), granted: true });
    assert!(cluster.node(1).raft.is_leader());
}

#[test]
fn a_leader_that_hears_of_no_quorum_steps_down() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.election_timeout(1);
    assert!(cluster.node(1).raft.is_leader(), "both followers answered since the election");
    cluster.election_timeout(1);
    assert!(!cluster.node(1).raft.is_leader());
}

#[test]
fn the_last_term_is_never_overflowed() {
    let mut cluster = Cluster::with(3, |config| config.pre_vote = false);
    cluster.deliver_to(n(1), n(2), Message::VoteReply { term: Term(u64::MAX), granted: false });
    cluster.step(n(1), Input::Timer(Timer::Election));
    assert_eq!(cluster.node(1).raft.term(), Term(u64::MAX));
}
