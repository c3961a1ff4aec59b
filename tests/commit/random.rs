//! Whatever is lost, repeated, reordered or crashes: one outcome each, and in the end nothing is left.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use quorate::commit::participant::Request;
use quorate::commit::{Message, Mode, Outcome, TxId, Vote};
use quorate::id::NodeId;

use crate::bench::Bench;

const PARTICIPANTS: [NodeId; 3] = [NodeId(2), NodeId(3), NodeId(4)];

/// Tells one number into several choices.
struct Choices(u32);

impl Choices {
    fn below(&mut self, upto: usize) -> usize {
        let upto = u32::try_from(upto.max(1)).expect("few choices");
        let chosen = self.0 % upto;
        self.0 /= upto;
        chosen as usize
    }

    fn participant(&mut self) -> NodeId {
        PARTICIPANTS[self.below(PARTICIPANTS.len())]
    }
}

fn act(bench: &mut Bench, mut choices: Choices) {
    match choices.below(16) {
        0 => {
            let modes = [Mode::PresumedAbort, Mode::PresumedCommit, Mode::PresumedNothing];
            let mode = modes[choices.below(modes.len())];
            let size = 1 + choices.below(3);
            let first = choices.below(3);
            let members = PARTICIPANTS.iter().cycle().skip(first).take(size);
            bench.begin_with(mode, members.map(|id| (*id, 1)).collect()).ok();
        }
        1 => {
            let vote = [Some(Vote::Yes), Some(Vote::No), Some(Vote::ReadOnly), None][choices.below(4)];
            bench.votes(choices.participant(), vote);
        }
        2 => {
            let carries_out = choices.below(2) == 0;
            bench.application(choices.participant()).carries_out = carries_out;
        }
        3 => bench.resend(),
        4 => bench.votes_timeout(),
        5 => bench.doubt(choices.participant()),
        6 => bench.readiness_timeout(choices.participant()),
        7 => bench.crash_coordinator(),
        8 => bench.crash(choices.participant(), 0),
        9 => {
            // The last step before a crash leaves nothing on the disk, and nothing leaves it.
            let id = choices.participant();
            bench.participants.get_mut(&id).expect("it is there").disk_works = false;
            deliver(bench, &mut choices, false);
            bench.crash(id, 0);
        }
        10 => {
            let id = choices.participant();
            let asked = bench.application(id).asked.clone();
            if let Some(tx) = asked.get(choices.below(asked.len())) {
                let vote = [Vote::Yes, Vote::No, Vote::ReadOnly][choices.below(3)];
                bench.ask(id, Request::Ready { tx: *tx, vote });
            }
        }
        11 => {
            let lost = choices.below(bench.network.len());
            bench.network.remove(lost);
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

/// All that anybody was told, by transaction.
fn outcomes(bench: &Bench) -> BTreeMap<TxId, BTreeSet<Outcome>> {
    let told = PARTICIPANTS.iter().flat_map(|id| bench.told(*id)).copied();
    let mut outcomes: BTreeMap<TxId, BTreeSet<Outcome>> = BTreeMap::new();
    for (tx, outcome) in told.chain(bench.outcomes()) {
        outcomes.entry(tx).or_default().insert(outcome);
    }
    outcomes
}

fn heal(bench: &mut Bench) {
    for id in PARTICIPANTS {
        bench.votes(id, Vote::Yes);
        bench.application(id).carries_out = true;
        bench.crash(id, 0);
    }
    for _ in 0..4 {
        bench.deliver_all();
        bench.resend();
        bench.votes_timeout();
        for id in PARTICIPANTS {
            bench.readiness_timeout(id);
            bench.doubt(id);
        }
    }
    bench.deliver_all();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn each_transaction_has_one_outcome_and_leaves_nothing_behind(
        script in proptest::collection::vec(any::<u32>(), 0..120),
    ) {
        let mut bench = Bench::with(3, |config| {
            config.max_tombstones = 3;
            config.journal_slack = 2;
            config.numbers_reserved = 2;
            config.max_transactions = 4;
        });
        bench.begin(Mode::PresumedAbort).expect("it begins");
        bench.begin(Mode::PresumedCommit).expect("it begins");
        let mut refused = BTreeSet::new();
        for chosen in script {
            act(&mut bench, Choices(chosen));
            for (.., message) in &bench.network {
                if let Message::Vote { tx, vote: Vote::No } = message {
                    refused.insert(*tx);
                }
            }
        }
        heal(&mut bench);
        for (tx, outcomes) in outcomes(&bench) {
            prop_assert_eq!(outcomes.len(), 1, "{} has two outcomes", tx);
            prop_assert!(!refused.contains(&tx) || outcomes.contains(&Outcome::Abort), "{}: a no", tx);
        }
        prop_assert_eq!(bench.coordinator.machine.in_flight(), 0);
        for id in PARTICIPANTS {
            prop_assert_eq!(bench.participants[&id].machine.live(), 0, "{} holds on", id);
            prop_assert_eq!(bench.participants[&id].machine.held_bytes(), 0);
        }
    }
}
