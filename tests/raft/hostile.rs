//! Whatever a peer says, nothing panics, and what is committed stays.

use quorate::id::LogId;
use quorate::machine::Input;
use quorate::raft::{Entries, Entry, Index, Message, Notice, Outcome, Payload, Position, Rejection, Term};

use crate::cluster::{Cluster, n};

fn rejected(cluster: &Cluster, id: u64) -> Vec<Rejection> {
    let reason = |notice: &Notice<u32>| match notice {
        Notice::Rejected { reason, .. } => Some(*reason),
        _ => None,
    };
    cluster.node(id).notices.iter().filter_map(reason).collect()
}

fn append(term: u64, prev: (u64, u64), terms: &[u64]) -> Message<u32> {
    let prev = Position { term: Term(prev.0), index: Index(prev.1) };
    let entry = |term: &u64| Entry { term: Term(*term), payload: Payload::Command(9) };
    let entries: Entries<u32> = terms.iter().map(entry).collect();
    Message::Append { term: Term(term), prev, entries, commit: Index(u64::MAX) }
}

#[test]
fn a_stranger_is_not_heard() {
    let mut cluster = Cluster::new(3);
    cluster.deliver_to(n(1), n(9), append(5, (0, 0), &[5]));
    assert_eq!(rejected(&cluster, 1), [Rejection::NotAMember]);
    assert_eq!(cluster.node(1).raft.term(), Term(0));
}

#[test]
fn a_second_leader_of_a_term_is_not_followed() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.deliver_to(n(1), n(2), append(1, (0, 0), &[1, 1, 1]));
    assert_eq!(rejected(&cluster, 1), [Rejection::TwoLeaders]);
    assert!(cluster.node(1).raft.is_leader());
}

#[test]
fn entries_whose_terms_or_indices_do_not_stand_are_dropped() {
    let mut cluster = Cluster::new(3);
    let malformed = [
        append(3, (0, 0), &[2, 1]),
        append(3, (0, 0), &[4]),
        append(3, (0, 0), &[0]),
        append(3, (1, 0), &[]),
        append(3, (0, 1), &[]),
        append(3, (1, u64::MAX), &[1]),
        append(3, (1, u64::MAX - 1), &[1]),
    ];
    let count = malformed.len();
    for message in malformed {
        cluster.deliver_to(n(1), n(2), message);
    }
    assert_eq!(rejected(&cluster, 1), vec![Rejection::MalformedEntries; count]);
    assert_eq!(cluster.node(1).raft.last().index, Index(0));
}

#[test]
fn nothing_overwrites_what_is_committed() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, &[1]);
    cluster.deliver_all();
    cluster.deliver_to(n(2), n(3), append(9, (0, 0), &[9, 9]));
    cluster.deliver_to(n(2), n(3), append(9, (8, 1), &[9]));
    assert_eq!(rejected(&cluster, 2), [Rejection::ContradictsCommitted; 2]);
    assert_eq!(cluster.terms(2), [1, 1]);
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_counts_for_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, &[1]);
    cluster.network.clear();
    let outcome = Outcome::Matched(Index(99));
    cluster.deliver_to(n(1), n(2), Message::AppendReply { term: Term(1), outcome });
    assert_eq!(rejected(&cluster, 1), [Rejection::AcknowledgesTooMuch]);
    assert_eq!(cluster.node(1).raft.commit(), Index(1));
    let odd = [
        Outcome::Conflict { at: Index(0), hint: Position::default() },
        Outcome::Conflict {
            at: Index(u64::MAX),
            hint: Position { term: Term(u64::MAX), index: Index(u64::MAX) },
        },
        Outcome::Stale,
    ];
    for outcome in odd {
        cluster.deliver_to(n(1), n(2), Message::AppendReply { term: Term(1), outcome });
    }
    cluster.heartbeat(1);
    cluster.deliver_all();
    assert_eq!(cluster.applied(2), [1]);
}

#[test]
fn a_node_does_not_campaign_against_itself() {
    let mut cluster = Cluster::new(3);
    let last = Position::default();
    cluster.deliver_to(n(1), n(1), Message::Vote { term: Term(4), last });
    cluster.deliver_to(n(1), n(1), Message::PreVote { term: Term(4), last });
    cluster.deliver_to(n(1), n(1), append(4, (0, 0), &[]));
    assert_eq!(rejected(&cluster, 1), [Rejection::FromMyself; 3]);
    assert_eq!(cluster.node(1).raft.term(), Term(0));
}

#[test]
fn a_read_back_nobody_asked_for_is_dropped() {
    let mut cluster = Cluster::new(3);
    let before = cluster.node(1).raft.clone();
    let entry = Entry { term: Term(8), payload: Payload::Noop };
    cluster.step(n(1), Input::Loaded { log: LogId(0), from: u64::MAX, entries: vec![entry.clone(), entry] });
    cluster.step(n(1), Input::Loaded { log: LogId(7), from: 1, entries: vec![] });
    assert_eq!(rejected(&cluster, 1), [Rejection::UnknownLog]);
    assert!(before == cluster.node(1).raft);
}
