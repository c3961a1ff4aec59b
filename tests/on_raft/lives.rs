//! When a life of the machine begins and ends, and what is refused meanwhile.

use std::sync::Arc;

use quorate::commit::{self, Mode};
use quorate::durable::{Corrupt, Image, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::on_raft::{ConfigError, Member, Notice, OnRaft};
use quorate::raft::{self, Timer};

use crate::bench::{Bench, NAME};

#[test]
fn a_replica_that_does_not_lead_refuses_and_names_who_does() {
    let mut bench = Bench::new();
    bench.begin(2, Mode::PresumedAbort);
    assert!(matches!(bench.told(2).last(), Some(Notice::NotLeading { leader: None, .. })));
    bench.elect(1);
    bench.begin(2, Mode::PresumedAbort);
    assert!(matches!(bench.told(2).last(), Some(Notice::NotLeading { leader: Some(NodeId(1)), .. })));
}

#[test]
fn a_leader_that_has_not_heard_of_all_that_is_committed_does_not_begin() {
    let mut bench = Bench::new();
    bench.expire(1, Timer::Election);
    // The votes come, and nothing of the first append does.
    bench.deliver_only(|_, _, message| {
        let raft = |message: &raft::Message<_>| {
            matches!(message, raft::Message::Vote { .. } | raft::Message::VoteReply { .. })
        };
        matches!(message, quorate::on_raft::Message::Raft(message) if raft(message))
    });
    assert!(bench.replica(1).raft().is_leader() && bench.replica(1).machine().is_none());
    bench.begin(1, Mode::PresumedAbort);
    assert!(matches!(bench.told(1).last(), Some(Notice::NotLeading { leader: None, .. })));
    bench.deliver_all();
    assert!(bench.replica(1).machine().is_some());
    assert_eq!(bench.told(1).iter().filter(|notice| matches!(notice, Notice::Leads { .. })).count(), 1);
}

#[test]
fn beyond_its_limit_of_waiting_steps_a_replica_is_busy() {
    let mut bench = Bench::with(|member| member.max_waiting = 2);
    bench.elect(1);
    bench.cut_off.extend([NodeId(2), NodeId(3)]);
    for _ in 0..3 {
        bench.begin(1, Mode::PresumedAbort);
    }
    assert_eq!(bench.replica(1).waiting(), 2);
    assert!(matches!(bench.told(1).last(), Some(Notice::Busy { .. })));
}

#[test]
fn a_proposal_that_raft_refuses_ends_the_life_as_a_crash_would_and_another_begins() {
    let mut bench = Bench::with(|member| {
        let mut raft = (*member.raft.config).clone();
        raft.max_command_bytes = 1;
        member.raft.config = Arc::new(raft);
    });
    bench.expire(1, Timer::Election);
    bench.deliver_all();
    // Its first record is larger than any command may be: lives begin and end, and nothing loops or is said.
    assert!(bench.told(1).iter().any(|notice| matches!(notice, Notice::Leads { .. })));
    assert!(bench.told(1).iter().any(|notice| matches!(notice, Notice::Lapsed { .. })));
    assert!(bench.replica(1).committed().is_empty());
}

#[test]
fn what_is_committed_and_makes_no_sense_to_the_machine_is_told_once() {
    let mut bench = Bench::new();
    bench.elect(1);
    bench.begin(1, Mode::PresumedAbort);
    bench.deliver_all();
    // Another cluster's coordinator, by its configuration: the identity that is committed is not its own.
    bench.configure = |member| {
        let config = commit::Config::new(ClusterId(2), [NAME]);
        member.machine.config = Arc::new(config);
    };
    bench.crash(NodeId(2));
    bench.expire(2, Timer::Election);
    bench.deliver_all();
    bench.expire(2, Timer::Heartbeat);
    bench.deliver_all();
    let corrupt = |notice: &&_| matches!(notice, Notice::Corrupt(Corrupt::Foreign { .. }));
    assert_eq!(bench.told(2).iter().filter(corrupt).count(), 1);
    assert!(bench.replica(2).machine().is_none());
}

#[test]
fn a_configuration_that_does_not_stand_is_refused() {
    let member = || {
        let raft = raft::Config::new(ClusterId(1), [NodeId(1)]);
        let raft = raft::Member { me: NodeId(1), config: Arc::new(raft) };
        let config = Arc::new(commit::Config::new(ClusterId(1), [NAME]));
        Member::new(raft, NAME, commit::Member { me: NAME, config })
    };
    let refused = |change: fn(&mut Member<commit::Member>)| {
        let mut member = member();
        change(&mut member);
        let recovered = OnRaft::<commit::Coordinator<u8>>::recover(member.clone(), &Image::default(), 0);
        assert!(matches!(recovered, Err(Corrupt::Config(_))));
        member.validate().unwrap_err()
    };
    assert_eq!(member().validate(), Ok(()));
    assert_eq!(refused(|member| member.name = NodeId(1)), ConfigError::NameOfAReplica(NodeId(1)));
    assert_eq!(refused(|member| member.max_waiting = 0), ConfigError::ZeroLimit("max_waiting"));
    assert!(matches!(refused(|member| member.max_waiting = 1 << 16), ConfigError::NoRoom { .. }));
    assert!(matches!(refused(|member| member.raft.me = NodeId(9)), ConfigError::Raft(_)));
}
