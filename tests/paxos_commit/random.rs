//! Whatever is lost, repeated, reordered or crashes: one outcome each, and in the end nothing is left.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use quorate::commit::paxos::Message;
use quorate::commit::paxos::leader::Timer;
use quorate::commit::{Outcome, Vote, participant::Request};
use quorate::id::NodeId;

use crate::bench::{A, Bench, L1, L2, R};

const LEADERS: [NodeId; 2] = [L1, L2];

/// Tells one number into several choices.
struct Choices(u32);

impl Choices {
    fn below(&mut self, upto: usize) -> usize {
        let upto = u32::try_from(upto.max(1)).expect("few choices");
        let chosen = self.0 % upto;
        self.0 /= upto;
        chosen as usize
    }

    fn of(&mut self, all: &[NodeId]) -> NodeId {
        all[self.below(all.len())]
    }
}

fn act(bench: &mut Bench, mut choices: Choices) {
    match choices.below(20) {
        0 => {
            let (size, first) = (1 + choices.below(3), choices.below(3));
            let leader = choices.of(&LEADERS);
            let branches = R.iter().cycle().skip(first).take(size).map(|id| (*id, 1)).collect();
            bench.begin_with(leader, branches).ok();
        }
        1 => {
            let vote = [Some(Vote::Yes), Some(Vote::No), Some(Vote::ReadOnly), None][choices.below(4)];
            bench.votes(choices.of(&R), vote);
        }
        2 => {
            let carries_out = choices.below(2) == 0;
            bench.application(choices.of(&R)).carries_out = carries_out;
        }
        3 => {
            let timer = [Timer::Votes, Timer::Ballot, Timer::Resend][choices.below(3)];
            bench.overdue(choices.of(&LEADERS), timer);
        }
        4 => {
            let id = choices.of(&R);
            bench.host(id).draw = u32::MAX;
            bench.doubt(id);
        }
        5 => bench.readiness_timeout(choices.of(&R)),
        6 => bench.linger(choices.of(&A)),
        7 => {
            let ids = bench.ids();
            bench.crash(choices.of(&ids));
        }
        8 => {
            // The last step before a crash leaves nothing on the disk, and nothing leaves it.
            let ids = bench.ids();
            let id = choices.of(&ids);
            bench.host(id).disk_works = false;
            deliver(bench, &mut choices, false);
            bench.crash(id);
        }
        9 => {
            let id = choices.of(&R);
            let asked = bench.application(id).asked.clone();
            if let Some(tx) = asked.get(choices.below(asked.len())) {
                let vote = [Vote::Yes, Vote::No, Vote::ReadOnly][choices.below(3)];
                bench.ask(id, Request::Ready { tx: *tx, vote });
            }
        }
        10 => {
            let lost = choices.below(bench.network.len());
            bench.network.remove(lost);
        }
        11 => {
            let leader = choices.of(&LEADERS);
            let first = bench.leader(leader).transactions().next();
            if let Some((tx, _)) = first {
                bench.cancel(leader, tx);
            }
        }
        12 => deliver(bench, &mut choices, true),
        _ => deliver(bench, &mut choices, false),
    }
}

/// Delivers any message, and leaves it on its way if it is to come again.
fn deliver(bench: &mut Bench, choices: &mut Choices, again: bool) {
    let at = choices.below(bench.network.len());
    let Some((from, to, message)) = bench.network.remove(at) else { return };
    if again {
        bench.network.push_back((from, to, message.clone()));
    }
    bench.deliver_to(to, from, message);
}

fn heal(bench: &mut Bench) {
    for id in R {
        bench.votes(id, Vote::Yes);
        bench.application(id).carries_out = true;
        bench.crash(id);
    }
    bench.come_to_rest();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn each_transaction_has_one_outcome_and_leaves_nothing_behind(
        script in proptest::collection::vec(any::<u32>(), 0..150),
    ) {
        let mut bench = Bench::with(3, 3, |config| {
            config.common.max_tombstones = 8;
            config.common.journal_slack = 2;
            config.common.numbers_reserved = 2;
            config.common.max_transactions = 6;
            config.asked_first = 2;
        });
        bench.begin(L1);
        bench.begin(L2);
        let (mut refused, mut voted) = (BTreeSet::new(), BTreeMap::new());
        for chosen in script {
            act(&mut bench, Choices(chosen));
            for (from, _, message) in &bench.network {
                if let Message::Vote { tx, managers, vote } = message {
                    let votes: &mut BTreeSet<_> = voted.entry((*tx, managers.clone())).or_default();
                    votes.insert(*from);
                    if *vote == Vote::No {
                        refused.insert(*tx);
                    }
                }
            }
        }
        heal(&mut bench);
        for (tx, outcomes) in bench.all_outcomes() {
            prop_assert_eq!(outcomes.len(), 1, "{} has two outcomes", tx);
            prop_assert!(!refused.contains(&tx) || outcomes.contains(&Outcome::Abort), "{}: a no", tx);
        }
        prop_assert!(bench.is_at_rest());
        for id in bench.ids() {
            let contradicted = bench.rejections(id).contains(&quorate::commit::Rejection::Contradicts);
            prop_assert!(!contradicted, "{} was told what cannot be", id);
        }
    }
}
