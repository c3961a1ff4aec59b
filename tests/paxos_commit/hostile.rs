//! What no correct peer says is dropped, noticed, and changes nothing.

use quorate::commit::paxos::{Accepted, Ballot, Message};
use quorate::commit::{Nodes, Outcome, Rejection, TxId, Vote, participant};
use quorate::id::NodeId;
use quorate::machine::{Input, Machine};
use quorate::time::Time;

use crate::bench::{A, Bench, L1, L2, R, Said, tx};

const STRANGER: NodeId = NodeId(99);
const MINE: Ballot = Ballot { round: 1, rank: 0 };

fn nodes(nodes: &[NodeId]) -> Nodes {
    nodes.iter().copied().collect()
}

/// `to` rejects what `from` says, for this reason; nothing is changed and nothing leaves.
fn rejects(to: NodeId, from: NodeId, message: Said, reason: Rejection) {
    let mut bench = Bench::new(2);
    bench.begin(L1);
    bench.network.clear();
    let before = bench.host(to).machine.clone();
    bench.deliver_to(to, from, message.clone());
    assert_eq!(bench.rejections(to), [reason], "{message:?} from {from}");
    assert!(bench.host(to).machine == before && bench.network.is_empty(), "{message:?} from {from}");
}

#[test]
fn an_acceptor_believes_nobody_out_of_his_part() {
    let (both, t) = (nodes(&[R[0], R[1]]), tx(1));
    let vote = |tx, managers| Message::Vote { tx, managers, vote: Vote::Yes };
    let to = A[0];
    rejects(to, STRANGER, vote(t, both.clone()), Rejection::NotAMember);
    rejects(to, L1, vote(t, both.clone()), Rejection::NotAParticipant);
    rejects(to, R[1], vote(t, nodes(&[R[0]])), Rejection::NotAParticipant);
    rejects(to, R[0], vote(t, nodes(&[R[1], R[0]])), Rejection::Malformed);
    rejects(to, R[0], vote(t, nodes(&[R[0], R[0]])), Rejection::Malformed);
    rejects(to, R[0], vote(t, nodes(&[])), Rejection::Malformed);
    rejects(to, R[0], vote(t, nodes(&[L1, R[0]])), Rejection::Malformed);
    rejects(to, R[0], vote(t, nodes(&[R[0], STRANGER])), Rejection::Malformed);
    rejects(to, R[0], vote(tx(0), both.clone()), Rejection::NeverBegun);
    rejects(to, R[0], vote(TxId { coordinator: R[1], number: 1 }, both.clone()), Rejection::WrongRole);
    let phase1a = |ballot| Message::Phase1a { tx: t, ballot, managers: both.clone() };
    rejects(to, R[0], phase1a(MINE), Rejection::Malformed);
    rejects(to, L2, phase1a(MINE), Rejection::Malformed);
    rejects(to, L1, phase1a(Ballot::ZERO), Rejection::Malformed);
    rejects(to, L1, phase1a(Ballot { round: u64::MAX, rank: 0 }), Rejection::Malformed);
    let phase2a =
        |votes: &[_]| Message::Phase2a { tx: t, ballot: MINE, votes: votes.iter().copied().collect() };
    rejects(to, L1, phase2a(&[]), Rejection::Malformed);
    rejects(to, L1, phase2a(&[(R[1], Vote::Yes), (R[0], Vote::Yes)]), Rejection::Malformed);
    rejects(to, R[0], Message::Forget { tx: t }, Rejection::WrongRole);
    rejects(to, L1, Message::Over { tx: t }, Rejection::Misdirected);
}

#[test]
fn a_leader_believes_nobody_out_of_his_part() {
    let t = tx(1);
    let phase2b =
        |ballot| Message::Phase2b { tx: t, ballot, votes: [(R[0], Vote::Yes)].into_iter().collect() };
    rejects(L1, R[0], phase2b(Ballot::ZERO), Rejection::WrongRole);
    rejects(L1, STRANGER, phase2b(Ballot::ZERO), Rejection::NotAMember);
    rejects(L1, L1, phase2b(Ballot::ZERO), Rejection::Misdirected);
    rejects(L1, A[0], Message::Acknowledge { tx: t, took: None }, Rejection::WrongRole);
    rejects(L1, A[0], Message::Decision { tx: t, outcome: Outcome::Commit }, Rejection::WrongRole);
    rejects(L1, R[0], Message::Over { tx: t }, Rejection::WrongRole);
    rejects(L1, A[0], Message::Over { tx: tx(2) }, Rejection::NeverBegun);
    rejects(L1, A[0], Message::Forget { tx: t }, Rejection::Misdirected);
    let inquire = |managers| Message::Inquire { tx: TxId { coordinator: L2, number: 1 }, managers };
    rejects(L1, R[1], inquire(nodes(&[R[0]])), Rejection::WrongRole);
    rejects(L1, R[0], inquire(nodes(&[R[0], R[0]])), Rejection::Malformed);
    let promised = Ballot { round: u64::MAX, rank: 1 };
    rejects(L1, A[0], Message::Preempted { tx: t, ballot: MINE, promised }, Rejection::Malformed);
    let strangers = [(STRANGER, Vote::Yes)].into_iter().collect();
    let stranger = Message::Phase2b { tx: t, ballot: Ballot::ZERO, votes: strangers };
    rejects(L1, A[0], stranger, Rejection::Contradicts);
}

#[test]
fn a_resource_manager_believes_leaders_alone() {
    let (both, t) = (nodes(&[R[0], R[1]]), tx(1));
    let prepare = |managers| Message::Prepare { tx: t, managers, work: 9 };
    rejects(R[0], A[0], prepare(both), Rejection::WrongRole);
    rejects(R[0], R[1], Message::Decision { tx: t, outcome: Outcome::Commit }, Rejection::WrongRole);
    rejects(R[0], L1, Message::Decision { tx: t, outcome: Outcome::Commit }, Rejection::Contradicts);
    rejects(R[0], L1, prepare(nodes(&[R[1]])), Rejection::Malformed);
    rejects(R[0], L1, prepare(nodes(&[R[1], R[0]])), Rejection::Malformed);
    rejects(R[0], L1, Message::Forget { tx: t }, Rejection::Misdirected);
}

#[test]
fn what_contradicts_what_was_said_before_is_not_taken() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.network.clear();
    let both = nodes(&[R[0], R[1]]);
    let vote = |managers: &Nodes, vote| Message::Vote { tx: begun, managers: managers.clone(), vote };
    bench.deliver_to(A[0], R[0], vote(&both, Vote::Yes));
    bench.deliver_to(A[0], R[0], vote(&both, Vote::No));
    bench.deliver_to(A[0], R[0], vote(&nodes(&[R[0]]), Vote::Yes));
    assert_eq!(bench.rejections(A[0]), [Rejection::Contradicts; 2]);
    let phase2a = |vote| Message::Phase2a {
        tx: begun,
        ballot: MINE,
        votes: [(R[0], vote), (R[1], Vote::No)].into_iter().collect(),
    };
    bench.deliver_to(A[0], L1, phase2a(Vote::Yes));
    bench.deliver_to(A[0], L1, phase2a(Vote::No));
    assert_eq!(bench.rejections(A[0]), [Rejection::Contradicts; 3]);
    bench.deliver_to(R[0], L2, Message::Prepare { tx: begun, managers: nodes(&[R[0]]), work: 9 });
    assert_eq!(bench.rejections(R[0]), [Rejection::Contradicts]);
}

#[test]
fn nothing_that_is_said_to_anybody_makes_it_panic() {
    let both = nodes(&[R[0], R[1]]);
    let votes = [Vote::Yes, Vote::No, Vote::ReadOnly];
    let ballots =
        [Ballot::ZERO, MINE, Ballot { round: u64::MAX / 2, rank: 1 }, Ballot { round: u64::MAX, rank: 255 }];
    let names =
        [tx(1), tx(u64::MAX), TxId { coordinator: L2, number: 3 }, TxId { coordinator: R[0], number: 1 }];
    let mut said: Vec<Said> = Vec::new();
    for tx in names {
        said.extend([Message::Over { tx }, Message::Presumed { tx }, Message::Forget { tx }]);
        said.push(Message::Prepare { tx, managers: both.clone(), work: 9 });
        said.push(Message::Inquire { tx, managers: both.clone() });
        for outcome in [Outcome::Commit, Outcome::Abort] {
            said.push(Message::Decision { tx, outcome });
            said.push(Message::Acknowledge { tx, took: Some(outcome) });
        }
        said.extend(votes.map(|vote| Message::Vote { tx, managers: both.clone(), vote }));
        for ballot in ballots {
            said.push(Message::Phase1a { tx, ballot, managers: both.clone() });
            said.extend(ballots.map(|promised| Message::Preempted { tx, ballot, promised }));
            for vote in votes {
                let all: quorate::commit::paxos::Votes = both.iter().map(|id| (*id, vote)).collect();
                said.push(Message::Phase2a { tx, ballot, votes: all.clone() });
                said.push(Message::Phase2b { tx, ballot, votes: all });
                let accepted = Some(Accepted { ballot, vote });
                let accepted = both.iter().map(|id| (*id, accepted)).collect();
                said.push(Message::Phase1b { tx, ballot, accepted });
            }
        }
    }
    // One after the other, and each again: to everybody, from everybody.
    let mut bench = Bench::new(2);
    bench.begin(L1);
    for id in bench.ids() {
        let mut machine = bench.host(id).machine.clone();
        for from in bench.ids().into_iter().chain([STRANGER]) {
            for message in said.iter().chain(&said) {
                let input = Input::Message { from, message: message.clone() };
                machine = machine.stepped(input, Time::ZERO, &[]).0;
            }
        }
    }
}

#[test]
fn an_operator_may_resolve_what_is_in_doubt_and_the_damage_is_told() {
    let mut bench = Bench::new(2);
    let begun = bench.begin(L1);
    bench.deliver_round();
    bench.ask(R[0], participant::Request::Resolve { tx: begun, outcome: Outcome::Abort });
    assert_eq!(bench.told(R[0]), [(begun, Outcome::Abort)]);
    bench.deliver_all();
    assert_eq!(bench.outcomes(L1), [(begun, Outcome::Commit)]);
    use quorate::commit::paxos::leader::Notice;
    let damage = Notice::Damage { tx: begun, manager: R[0], took: Outcome::Abort };
    assert!(bench.told_leader(L1).contains(&damage));
}
