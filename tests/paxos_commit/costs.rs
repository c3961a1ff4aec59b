//! What a transaction costs when nothing goes wrong, beside the paper's own count (Gray and Lamport 2006, section 4.3).
//!
//! The paper's transactions are begun by a resource manager, whose request to the leader stands for its vote where
//! leader and acceptor are one; ours by an application of the leader. So where the paper has BeginCommit and N-1 prepares, we
//! have N prepares. Acknowledgements and forgetting are not counted there, nor in two-phase commit.

use std::collections::BTreeMap;

use quorate::commit::paxos::Message;
use quorate::id::NodeId;

use crate::bench::{Bench, L1, Said};

/// The messages of one commit between nodes that are not in one process, without those that serve to forget; and the
/// records of acceptors and resource managers until it is decided.
fn cost(managers: u64, f: u64, process: impl Fn(NodeId) -> u64, asked_first: u64) -> (u64, u64) {
    let asked_first = usize::try_from(asked_first).expect("few");
    let mut bench = Bench::with(managers, 2 * f + 1, |config| config.asked_first = asked_first);
    let writes = |bench: &Bench| -> usize {
        let who = bench.acceptors().into_iter().chain(bench.managers());
        who.map(|id| bench.hosts[&id].records).sum()
    };
    // A first one, so that names and numbers are reserved.
    bench.begin(L1);
    bench.deliver_all();
    let (before, written) = (bench.delivered.len(), writes(&bench));
    bench.begin(L1);
    while bench.outcomes(L1).len() < 2 {
        assert!(bench.deliver_one());
    }
    let written = writes(&bench) - written;
    bench.deliver_all();
    let forgets = |message: &Said| matches!(message, Message::Acknowledge { .. } | Message::Forget { .. });
    let counted = bench.delivered[before..]
        .iter()
        .filter(|(from, to, message)| !forgets(message) && process(*from) != process(*to));
    (counted.count() as u64, written as u64)
}

/// Every node is a process.
fn apart(id: NodeId) -> u64 {
    id.0
}

/// The first acceptor is in the leader's process.
fn acceptor_at_the_leader(id: NodeId) -> u64 {
    if id.0 == 11 { L1.0 } else { id.0 }
}

/// Acceptor i is where resource manager i is, and the leader where the first of each is.
fn together(id: NodeId) -> u64 {
    if id == L1 {
        21
    } else if (11..20).contains(&id.0) {
        id.0 + 10
    } else {
        id.0
    }
}

#[test]
fn a_commit_takes_the_messages_that_the_paper_counts() {
    println!("  N  F   apart paper+2   one acceptor at the leader, paper+1   together paper");
    for f in 0..3 {
        for n in f + 1..6 {
            let paper = (n + 1) * (f + 3) - 4; // one acceptor at the leader, and BeginCommit stands for a vote
            let paper_together = n * f + 3 * n - 3; // each acceptor where a resource manager is
            let (apart, _) = cost(n, f, apart, f + 1);
            let (at_leader, _) = cost(n, f, acceptor_at_the_leader, f + 1);
            let (together, _) = cost(n, f, together, f + 1);
            println!(
                "{n:>3}{f:>3}{apart:>8}{paper:>6}+2{at_leader:>29}{paper:>6}+1{together:>11}{paper_together:>6}"
            );
            assert_eq!(apart, n + n * (f + 1) + (f + 1) + n);
            assert_eq!(apart, paper + 2);
            assert_eq!(at_leader, paper + 1);
            assert_eq!(together, paper_together);
        }
    }
}

#[test]
fn all_acceptors_at_first_cost_f_times_n_and_one_more() {
    for f in 0..3 {
        for n in 1..5 {
            let (lean, _) = cost(n, f, apart, f + 1);
            let (all, _) = cost(n, f, apart, 2 * f + 1);
            assert_eq!(all - lean, f * (n + 1));
        }
    }
}

#[test]
fn with_one_acceptor_at_the_leader_it_is_two_phase_commit() {
    for n in 1..6 {
        // Prepare, vote, decision: what two-phase commit's coordinator and its participants say.
        assert_eq!(cost(n, 0, acceptor_at_the_leader, 1).0, two_phase_commit(n));
        // 3N-1 in the paper, whose first resource manager asks by voting; 3N-3 where it is the leader's node as well.
        assert_eq!(cost(n, 0, together, 1).0, 3 * n - 3);
    }
}

/// The messages of a two-phase commit of so many participants, without acknowledgements.
fn two_phase_commit(participants: u64) -> u64 {
    use std::sync::Arc;

    use quorate::commit::{Config, Coordinator, Member, Mode, Participant, Vote, coordinator, participant};
    use quorate::id::{ClusterId, RequestId};
    use quorate::machine::{Effect, Input, Machine};
    use quorate::time::Time;

    let config = Arc::new(Config::new(ClusterId(7), (0..=participants).map(NodeId)));
    let member = |me| Member { me: NodeId(me), config: config.clone() };
    let mut coordinator = Coordinator::<u32>::new(member(0)).expect("it stands");
    let mut sites: BTreeMap<NodeId, Participant<u32>> = BTreeMap::new();
    for id in 1..=participants {
        sites.insert(NodeId(id), Participant::new(member(id)).expect("it stands"));
    }
    let branches = sites.keys().map(|id| (*id, 9)).collect();
    // A single participant would decide alone: two phases are what is compared.
    if participants == 1 {
        return 3;
    }
    let begin = coordinator::Request::Begin { id: RequestId(1), mode: Mode::PresumedAbort, branches };
    let mut at_coordinator = vec![Input::Request(begin)];
    let mut messages = 0;
    while let Some(input) = at_coordinator.pop() {
        let (next, effects) = coordinator.stepped(input, Time::ZERO, &[]);
        coordinator = next;
        for effect in effects {
            let Effect::Send { to, message, .. } = effect else { continue };
            messages += 1;
            let mut inputs = vec![Input::Message { from: NodeId(0), message }];
            while let Some(input) = inputs.pop() {
                let (next, effects) = sites[&to].stepped(input, Time::ZERO, &[]);
                sites.insert(to, next);
                for effect in effects {
                    match effect {
                        Effect::Send { message, .. } => {
                            messages +=
                                u64::from(!matches!(message, quorate::commit::Message::Acknowledge { .. }));
                            at_coordinator.push(Input::Message { from: to, message });
                        }
                        Effect::Notify { notice: participant::Notice::Prepare { tx, .. }, .. } => {
                            let vote = Vote::Yes;
                            inputs.push(Input::Request(participant::Request::Ready { tx, vote }));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    messages
}

#[test]
fn a_commit_takes_the_records_that_the_paper_counts() {
    for f in 0..3 {
        for n in 1..5 {
            // One for each vote, and one for all instances at each acceptor that is asked.
            assert_eq!(cost(n, f, apart, f + 1).1, n + f + 1);
        }
    }
}
