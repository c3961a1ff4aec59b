//! Transactions whose coordinator outlives the nodes that it runs on.

use quorate::commit::{Message, Mode, Outcome, coordinator};
use quorate::id::NodeId;
use quorate::on_raft::{self, Notice};
use quorate::raft;

use crate::bench::{ALICE, BOB, Bench};

const BOTH: [Mode; 2] = [Mode::PresumedAbort, Mode::PresumedCommit];

fn outcomes_told(bench: &Bench, id: u64) -> Vec<Outcome> {
    let outcome = |notice: &_| match notice {
        Notice::Inner(coordinator::Notice::Outcome { outcome, .. }) => Some(*outcome),
        _ => None,
    };
    bench.told(id).iter().filter_map(outcome).collect()
}

#[test]
fn a_transaction_commits_as_with_a_single_coordinator() {
    for mode in BOTH {
        let mut bench = Bench::new();
        bench.elect(1);
        bench.begin(1, mode);
        bench.deliver_all();
        assert_eq!(bench.outcomes(), [[Outcome::Commit], [Outcome::Commit]]);
        assert_eq!(outcomes_told(&bench, 1), [Outcome::Commit]);
    }
}

#[test]
fn nothing_is_said_before_a_majority_holds_it() {
    let mut bench = Bench::new();
    bench.elect(1);
    bench.cut_off.extend([NodeId(2), NodeId(3)]);
    bench.begin(1, Mode::PresumedCommit);
    let inner = |message: &_| matches!(message, on_raft::Message::Inner(_));
    assert!(bench.network.iter().all(|(.., message)| !inner(message)), "no participant is asked yet");
    assert!(!bench.told(1).iter().any(|notice| matches!(notice, Notice::Inner(_))), "nor is anybody told");
    assert_eq!(bench.replica(1).waiting(), 1);
    bench.cut_off.clear();
    bench.expire(1, raft::Timer::Heartbeat);
    bench.deliver_all();
    bench.expire(1, raft::Timer::Heartbeat);
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [[Outcome::Commit], [Outcome::Commit]]);
}

#[test]
fn each_step_waits_for_its_own_entry() {
    let mut bench = Bench::new();
    bench.elect(1);
    let before = bench.replica(1).raft().last().index;
    bench.begin(1, Mode::PresumedCommit);
    let first = bench.replica(1).raft().last().index;
    bench.begin(1, Mode::PresumedCommit);
    assert!(before < first && first < bench.replica(1).raft().last().index);
    // Of the appends only that of the first transaction comes through.
    bench.deliver_only(|_, _, message| match message {
        on_raft::Message::Raft(raft::Message::Append { prev, .. }) => prev.index < first,
        on_raft::Message::Raft(_) => true,
        on_raft::Message::Inner(_) => false,
    });
    let asked = bench.network.iter().filter(|(.., message)| matches!(message, on_raft::Message::Inner(_)));
    assert_eq!((asked.count(), bench.replica(1).waiting()), (2, 1), "of the second nobody is asked");
}

#[test]
fn what_a_leader_decided_and_told_nobody_its_successor_tells() {
    for mode in BOTH {
        let mut bench = Bench::new();
        bench.elect(1);
        bench.begin(1, mode);
        // Everything but what the coordinator says of the decision.
        let decision = |message: &_| matches!(message, on_raft::Message::Inner(Message::Decision { .. }));
        bench.deliver_only(|_, _, message| !decision(message));
        assert!(bench.network.iter().any(|(.., message)| decision(message)), "it is decided");
        bench.network.clear();
        bench.places.remove(&NodeId(1));
        bench.elect(2);
        bench.wait_long();
        assert_eq!(bench.outcomes(), [[Outcome::Commit], [Outcome::Commit]], "{mode:?}");
    }
}

#[test]
fn what_no_leader_decided_is_aborted_and_blocks_nobody() {
    for mode in BOTH {
        let mut bench = Bench::new();
        bench.elect(1);
        bench.begin(1, mode);
        let asked = |from, to: NodeId, message: &_| match message {
            on_raft::Message::Raft(_) => true,
            on_raft::Message::Inner(_) => from == NodeId(1) && (to == ALICE || to == BOB),
        };
        bench.deliver_only(asked);
        bench.network.clear();
        bench.places.remove(&NodeId(1));
        bench.elect(3);
        bench.wait_long();
        assert_eq!(bench.outcomes(), [[Outcome::Abort], [Outcome::Abort]], "{mode:?}");
    }
}

#[test]
fn a_deposed_leader_that_does_not_know_it_answers_nobody() {
    let mut bench = Bench::new();
    bench.elect(1);
    bench.cut_off.insert(NodeId(1));
    bench.elect(2);
    bench.begin(2, Mode::PresumedAbort);
    // Both vote yes, Alice hears of the commit, and Bob does not.
    let to_bob =
        |to, message: &_| to == BOB && matches!(message, on_raft::Message::Inner(Message::Decision { .. }));
    bench.deliver_only(|_, to, message| !to_bob(to, message));
    bench.network.clear();
    assert_eq!(bench.outcomes()[0], [Outcome::Commit]);
    assert!(bench.replica(1).machine().is_some(), "the old leader still believes that it leads");
    // Bob asks, and reaches the old leader alone, which never heard of the transaction: by presumption, an abort.
    bench.cut_off.clear();
    bench.cut_off.extend([NodeId(2), NodeId(3), ALICE]);
    bench.wait_long();
    assert_eq!(bench.outcomes()[1], [], "it is still in doubt");
    bench.cut_off.clear();
    bench.wait_long();
    assert_eq!(bench.outcomes(), [[Outcome::Commit], [Outcome::Commit]]);
    assert!(bench.told(1).iter().any(|notice| matches!(notice, Notice::Lapsed { .. })));
}

#[test]
fn what_is_committed_in_the_place_of_a_step_does_not_let_the_step_speak() {
    let mut bench = Bench::new();
    bench.elect(1);
    bench.cut_off.insert(NodeId(1));
    bench.begin(1, Mode::PresumedAbort);
    bench.deliver_all();
    bench.elect(2);
    // The old leader hears in one message that it is deposed, and that something is committed at its step's index.
    bench.begin(2, Mode::PresumedAbort);
    bench.deliver_all();
    bench.cut_off.clear();
    let inner = |from, message: &_| from == NodeId(1) && matches!(message, on_raft::Message::Inner(_));
    for _ in 0..4 {
        bench.expire(2, raft::Timer::Heartbeat);
        bench.deliver_only(|from, _, message| !inner(from, message));
    }
    assert!(bench.replica(1).raft().noticed() >= bench.replica(2).raft().noticed());
    assert!(!bench.network.iter().any(|(from, _, message)| inner(*from, message)), "it asks nobody");
    assert!(bench.told(1).iter().any(|notice| matches!(notice, Notice::Lapsed { .. })));
}

#[test]
fn any_minority_may_be_gone() {
    for gone in 1..=3 {
        let mut bench = Bench::new();
        bench.elect(1);
        bench.begin(1, Mode::PresumedAbort);
        bench.deliver_all();
        bench.places.remove(&NodeId(gone));
        let leader = if gone == 1 { 2 } else { 1 };
        if gone == 1 {
            bench.elect(leader);
        }
        bench.begin(leader, Mode::PresumedCommit);
        bench.deliver_all();
        assert_eq!(bench.outcomes(), [[Outcome::Commit; 2], [Outcome::Commit; 2]], "without node {gone}");
    }
}

#[test]
fn names_of_transactions_are_never_used_twice_whoever_leads() {
    let mut bench = Bench::new();
    bench.elect(1);
    bench.begin(1, Mode::PresumedAbort);
    bench.deliver_all();
    bench.elect(2);
    bench.begin(2, Mode::PresumedAbort);
    bench.deliver_all();
    bench.crash(NodeId(3));
    bench.elect(3);
    bench.begin(3, Mode::PresumedAbort);
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [[Outcome::Commit; 3], [Outcome::Commit; 3]], "three names, three outcomes");
}
