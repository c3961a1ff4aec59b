//! Whatever befalls the group and its network, nobody contradicts anybody; and once it ends, everybody is done.

use proptest::prelude::*;
use quorate::commit::Mode;
use quorate::commit::participant::Phase;
use quorate::id::NodeId;
use quorate::raft::Timer;

use crate::bench::{ALICE, BOB, Bench};

#[derive(Clone, Debug)]
enum Act {
    Deliver(usize),
    Duplicate(usize),
    Lose(usize),
    Campaign(u64),
    AskAgain,
    Begin(u64, bool),
    Crash(u64),
    CutOff(u64),
    Heal,
}

fn node() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1..=3_u64, 1 => Just(ALICE.0), 1 => Just(BOB.0)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        40 => any::<usize>().prop_map(Act::Deliver),
        3 => any::<usize>().prop_map(Act::Duplicate),
        3 => any::<usize>().prop_map(Act::Lose),
        3 => (1..=3_u64).prop_map(Act::Campaign),
        4 => Just(Act::AskAgain),
        4 => (1..=3_u64, any::<bool>()).prop_map(|(id, commit)| Act::Begin(id, commit)),
        2 => node().prop_map(Act::Crash),
        2 => node().prop_map(Act::CutOff),
        2 => Just(Act::Heal),
    ]
}

fn carry_out(bench: &mut Bench, act: Act) {
    let place = |at: usize, bench: &Bench| at.checked_rem(bench.network.len());
    match act {
        Act::Deliver(at) => {
            if let Some(found) = place(at, bench).and_then(|at| bench.network.remove(at)) {
                bench.network.push_front(found);
                bench.deliver();
            }
        }
        Act::Duplicate(at) => {
            if let Some(copy) = place(at, bench).and_then(|at| bench.network.get(at).cloned()) {
                bench.network.push_back(copy);
            }
        }
        Act::Lose(at) => {
            place(at, bench).and_then(|at| bench.network.remove(at));
        }
        Act::Campaign(id) => bench.expire(id, Timer::Election),
        Act::AskAgain => bench.ask_again(),
        Act::Begin(id, commit) => {
            bench.begin(id, if commit { Mode::PresumedCommit } else { Mode::PresumedAbort });
        }
        Act::Crash(id) => bench.crash(NodeId(id)),
        Act::CutOff(id) => {
            bench.cut_off.insert(NodeId(id));
        }
        Act::Heal => bench.cut_off.clear(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nobody_contradicts_anybody_and_in_the_end_nobody_waits(acts in prop::collection::vec(act(), 0..400)) {
        let mut bench = Bench::new();
        bench.elect(1);
        for act in acts {
            carry_out(&mut bench, act);
            let [alice, bob] = [ALICE, BOB].map(|id| bench.places[&id].outcomes.clone());
            for (tx, outcome) in &alice {
                prop_assert!(bob.get(tx).is_none_or(|other| other == outcome), "{tx} differs");
            }
        }
        bench.cut_off.clear();
        bench.deliver_all();
        // Heartbeats, a leader where there is none, and patience that ends.
        for _ in 0..12 {
            bench.ask_again();
            bench.deliver_all();
            for id in 1..=3 {
                if (1..=3).all(|id| bench.replica(id).machine().is_none()) {
                    bench.expire(id, Timer::Election);
                    bench.deliver_all();
                }
            }
            bench.lose_patience();
            bench.deliver_all();
        }
        for id in [ALICE, BOB] {
            let participant = bench.places[&id].node.right().expect("a participant").machine();
            let over = |phase: &Phase| matches!(phase, Phase::Ended(_) | Phase::Forgotten);
            let waits: Vec<_> = participant.transactions().filter(|(_, phase)| !over(phase)).collect();
            prop_assert_eq!(waits, [], "{} still waits", id);
        }
    }
}
