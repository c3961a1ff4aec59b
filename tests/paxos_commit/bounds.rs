//! Every table has its limit, and an answer when it is reached; a configuration that does not stand is refused.

use std::sync::Arc;

use quorate::commit::paxos::leader::{self, Refusal};
use quorate::commit::paxos::{Ballot, Config, ConfigError, Leader, Member, Message, Role, acceptor};
use quorate::commit::{ConfigError as Common, Outcome, TxId, Vote, coordinator};
use quorate::durable::{Corrupt, Image, Record, Recover};
use quorate::either::Notice;
use quorate::id::{ClusterId, NodeId};
use quorate::machine::{Effect, Input, Machine};
use quorate::time::Time;

use crate::bench::{A, Bench, L1, L2, R, Work};

#[test]
fn what_a_leader_is_asked_to_begin_is_refused_with_a_reason() {
    let mut bench = Bench::with(3, 3, |config| {
        config.common.max_transactions = 2;
        config.common.max_participants = 2;
        config.common.max_work_bytes = 8;
        config.common.max_bytes = 8;
    });
    let mut begin = |branches: &[(NodeId, u32)]| bench.begin_with(L1, branches.to_vec());
    assert_eq!(begin(&[]), Err(Refusal::Empty));
    assert_eq!(begin(&[(R[0], 1), (R[1], 1), (R[2], 1)]), Err(Refusal::TooManyManagers { limit: 2 }));
    assert_eq!(begin(&[(A[0], 1)]), Err(Refusal::NotAManager(A[0])));
    assert_eq!(begin(&[(L2, 1)]), Err(Refusal::NotAManager(L2)));
    assert_eq!(begin(&[(NodeId(99), 1)]), Err(Refusal::NotAManager(NodeId(99))));
    assert_eq!(begin(&[(R[1], 1), (R[1], 1)]), Err(Refusal::Twice(R[1])));
    assert!(begin(&[(R[1], 1), (R[0], 1)]).is_ok(), "in any order");
    assert_eq!(begin(&[(R[0], 1)]), Err(Refusal::Full), "by bytes");
    bench.cancel(L1, TxId { coordinator: L1, number: 1 });
    assert!(bench.begin_with(L1, vec![(R[0], 1)]).is_ok(), "who asks nobody any more holds no work");
    assert_eq!(bench.begin_with(L1, vec![(R[0], 1)]), Err(Refusal::Full), "by number");
    let refused = leader::Notice::Refused { id: quorate::id::RequestId(0), reason: Refusal::NotVoting };
    bench.cancel(L1, TxId { coordinator: L1, number: 9 });
    assert!(bench.told_leader(L1).contains(&refused));
}

#[test]
fn an_acceptor_that_is_full_drops_what_is_new_and_takes_it_when_there_is_room() {
    let mut bench = Bench::with(1, 3, |config| config.common.max_transactions = 2);
    let managers: quorate::commit::Nodes = [R[0]].into_iter().collect();
    let of = |coordinator, number| TxId { coordinator, number };
    let vote = |tx| Message::Vote { tx, managers: managers.clone(), vote: Vote::Yes };
    for number in 1..=3 {
        bench.deliver_to(A[0], R[0], vote(of(L1, number)));
    }
    assert_eq!(bench.acceptor(A[0]).live(), 2);
    let overloaded = Notice::Left(Notice::Right(acceptor::Notice::Overloaded { tx: of(L1, 3) }));
    assert!(bench.host(A[0]).notices.contains(&overloaded));
    bench.deliver_to(A[0], L1, Message::Forget { tx: of(L1, 1) });
    bench.deliver_to(A[0], R[0], vote(of(L1, 3)));
    assert!(bench.acceptor(A[0]).phase(of(L1, 3)).is_some());
}

#[test]
fn a_leader_that_is_full_of_its_own_takes_over_as_many_and_then_no_more() {
    let mut bench = Bench::with(1, 3, |config| config.common.max_transactions = 1);
    let managers: quorate::commit::Nodes = [R[0]].into_iter().collect();
    let left = |number| TxId { coordinator: L1, number };
    let inquire = |number| Message::Inquire { tx: left(number), managers: managers.clone() };
    bench.begin(L2);
    bench.deliver_to(L2, R[0], inquire(5));
    assert!(bench.told_leader(L2).contains(&leader::Notice::TookOver { tx: left(5) }));
    assert_eq!(bench.begin_with(L2, vec![(R[0], 1)]), Err(Refusal::Full), "of its own");
    bench.deliver_to(L2, R[0], inquire(6));
    assert!(bench.told_leader(L2).contains(&leader::Notice::Overloaded { tx: left(6) }));
    bench.deliver_all();
    bench.deliver_to(L2, R[0], inquire(6));
    assert!(bench.told_leader(L2).contains(&leader::Notice::TookOver { tx: left(6) }));
}

#[test]
fn an_acceptor_that_is_full_of_votes_takes_part_in_ballots_that_end_what_is_left_over() {
    let mut bench = Bench::with(1, 3, |config| config.common.max_transactions = 1);
    let managers: quorate::commit::Nodes = [R[0]].into_iter().collect();
    let of = |number| TxId { coordinator: L1, number };
    let ballot = Ballot { round: 9, rank: 1 };
    let phase1a = |number| Message::Phase1a { tx: of(number), ballot, managers: managers.clone() };
    bench.deliver_to(A[0], R[0], Message::Vote { tx: of(1), managers: managers.clone(), vote: Vote::Yes });
    // Two leaders, three acceptors and a resource manager may each have one open: no more can be left over.
    for number in 2..=6 {
        bench.deliver_to(A[0], L2, phase1a(number));
        assert!(bench.acceptor(A[0]).phase(of(number)).is_some());
    }
    bench.deliver_to(A[0], L2, phase1a(7));
    assert!(bench.acceptor(A[0]).phase(of(7)).is_none(), "so many, and no more");
}

#[test]
fn a_leader_without_numbers_says_so_and_another_one_ends_it() {
    let mut bench = Bench::new(1);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.cancel(L1, begun);
    let Some((_, _, Message::Phase1a { ballot, .. })) = bench.network.pop_back() else {
        panic!("a ballot begins")
    };
    let promised = Ballot { round: u64::MAX / 2, rank: 1 };
    bench.deliver_to(L1, A[0], Message::Preempted { tx: begun, ballot, promised });
    bench.overdue(L1, leader::Timer::Ballot);
    assert!(bench.told_leader(L1).contains(&leader::Notice::Exhausted { tx: begun }));
    bench.network.clear();
    for _ in 0..3 {
        bench.doubt(R[0]);
    }
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Abort)], "as told by who took over");
}

#[test]
fn a_leader_without_numbers_takes_nothing_over() {
    let mut disk = Image::default();
    let config = Arc::new(Config::new(ClusterId(7), [L1, L2], A, R));
    let identity = coordinator::Cell::Identity { cluster: ClusterId(7), node: L2 };
    let reserved = coordinator::Cell::Reserved { upto: u64::MAX };
    for (cell, value) in [(coordinator::IDENTITY, identity), (coordinator::RESERVED, reserved)] {
        disk.apply(Record::Put { cell, value }).unwrap();
    }
    let leader = Leader::<Work>::recover(Member { me: L2, config }, &disk, 0).unwrap();
    let (tx, managers) = (TxId { coordinator: L1, number: 5 }, [R[0]].into_iter().collect());
    let asked = Input::Message { from: R[0], message: Message::Inquire { tx, managers } };
    let (leader, effects) = leader.stepped(asked, Time::ZERO, &[]);
    assert_eq!(leader.check(), Ok(()));
    assert_eq!(leader.in_flight(), 0);
    let told = |effect: &_| matches!(effect, Effect::Notify { notice: leader::Notice::Exhausted { .. }, .. });
    assert!(effects.iter().any(told), "{effects:?}");
}

#[test]
fn a_configuration_that_does_not_stand_is_refused() {
    let check = |change: &dyn Fn(&mut Config)| {
        let mut config = Config::new(ClusterId(7), [L1, L2], A, R);
        change(&mut config);
        config.validate(A[0], Role::Acceptor)
    };
    assert_eq!(check(&|_| {}), Ok(()));
    assert_eq!(check(&|it| it.leaders.clear()), Err(ConfigError::Leaders(0)));
    assert_eq!(check(&|it| it.leaders = (100..200).map(NodeId).collect()), Err(ConfigError::Leaders(100)));
    assert_eq!(check(&|it| _ = it.acceptors.pop()), Err(ConfigError::Acceptors(2)));
    assert_eq!(check(&|it| it.acceptors.clear()), Err(ConfigError::Acceptors(0)));
    assert_eq!(check(&|it| it.acceptors.swap(0, 1)), Err(ConfigError::AcceptorsNotSorted));
    assert_eq!(check(&|it| it.leaders[1] = NodeId(99)), Err(ConfigError::NotAMember(NodeId(99))));
    assert_eq!(check(&|it| it.leaders[1] = L1), Err(ConfigError::TwoRoles(L1)));
    assert_eq!(check(&|it| it.leaders[1] = A[1]), Err(ConfigError::TwoRoles(A[1])));
    assert_eq!(check(&|it| it.asked_first = 1), Err(ConfigError::AskedFirst { least: 2, most: 3 }));
    assert_eq!(check(&|it| it.asked_first = 4), Err(ConfigError::AskedFirst { least: 2, most: 3 }));
    let zero = |limit| Err(ConfigError::Common(Common::ZeroLimit(limit)));
    assert_eq!(check(&|it| it.max_gaps = 0), zero("max_gaps"));
    assert_eq!(check(&|it| it.common.max_transactions = 0), zero("max_transactions"));
    let mut config = Config::new(ClusterId(7), [L1, L2], A, R);
    config.leaders.clear();
    let recovered =
        Leader::<Work>::recover(Member { me: L1, config: Arc::new(config) }, &Image::default(), 0);
    assert!(matches!(recovered, Err(Corrupt::Config(why)) if why.contains("no leader")), "{recovered:?}");
    let config = Config::new(ClusterId(7), [L1, L2], A, R);
    assert_eq!(config.validate(L1, Role::Acceptor), Err(ConfigError::WrongRole(L1)));
    assert_eq!(config.validate(R[0], Role::ResourceManager), Ok(()));
    assert_eq!(config.quorum(), 2);
    let absent = NodeId(99);
    assert_eq!(config.validate(absent, Role::Leader), Err(ConfigError::Common(Common::NotAMember(absent))));
}
