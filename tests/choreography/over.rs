//! Letting go of what is over, and events of it that come late.

use quorate::id::NodeId;
use quorate::saga::choreography::{Message, Name, Notice, Refusal, Request};
use quorate::saga::{Doubt, End, Kind, SagaId, Version};

use crate::bench::{Bench, DEFINITION, INPUT, ME, SAGA, apart, define_as, diamond, n, tailed};

fn over(at: NodeId, floor: u64) -> (NodeId, Notice<u32>) {
    (at, Notice::Over { initiator: ME, floor: SagaId(floor) })
}

fn kept(bench: &Bench) -> usize {
    bench.nodes.iter().map(|node| node.machine.sagas().len()).sum()
}

#[test]
fn a_saga_that_is_forgotten_is_over_everywhere() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.flow();
    let id = bench.forget(SAGA);
    assert!(bench.accepted(id));
    bench.flow();
    assert_eq!(kept(&bench), 0);
    for node in 0..4 {
        assert!(bench.told.contains(&over(n(node), 2)));
        assert_eq!(bench.machine(n(node)).over_below(ME), SagaId(2));
    }
    let again = bench.forget(SAGA);
    assert!(bench.accepted(again), "it is gone, which is what was asked");
}

#[test]
fn late_events_of_what_is_over_do_nothing_whenever_they_come_and_whoever_crashed() {
    let plan = tailed(Doubt::Retry);
    let mut bench = Bench::new(plan.clone());
    bench.begin();
    let mut late = Vec::new();
    while !bench.network.is_empty() || !bench.calls.is_empty() {
        late.extend(bench.network.iter().cloned());
        let _ = bench.deliver_one() || bench.serve_one();
    }
    bench.forget(SAGA);
    bench.flow();
    // The applications have let go of the keys, too.
    bench.book.clear();
    for crash in [false, true] {
        if crash {
            (0..4).for_each(|node| bench.crash(n(node)));
        }
        bench.network.extend(late.iter().cloned());
        bench.run();
        assert_eq!(kept(&bench), 0);
        bench.judge(&plan, End::Completed);
    }
    assert!(!bench.rejected(), "late news is no surprise: {:?}", bench.told);
    let id = bench.begin();
    assert_eq!(bench.answers(id), [Notice::Refused { id, reason: Refusal::Used }]);
}

#[test]
fn nobody_lets_go_before_all_are_known_to_know() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    while bench.end_at(ME, SAGA).is_none() {
        assert!(bench.deliver_one() || bench.serve_one());
    }
    bench.stop(n(1));
    bench.forget(SAGA);
    bench.run();
    assert_eq!(kept(&bench), 4, "node 1 may not know");
    bench.boot(n(1));
    bench.run();
    assert_eq!(kept(&bench), 0);
}

#[test]
fn who_missed_that_a_saga_is_over_hears_it_with_the_next_one_or_by_asking() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.flow();
    bench.forget(SAGA);
    bench.network.clear();
    assert_eq!(kept(&bench), 3);
    bench.crash(n(3));
    bench.run();
    assert_eq!(kept(&bench), 2, "it told its step again, and heard that all is over");
    bench.begin_as(Name { initiator: ME, saga: SagaId(2) });
    bench.run();
    assert!(bench.told.contains(&over(n(1), 2)) && bench.told.contains(&over(n(2), 2)));
    assert_eq!(kept(&bench), 4);
}

#[test]
fn sagas_are_let_go_of_in_the_order_of_their_names() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    for saga in 1..=3 {
        bench.begin_as(Name { initiator: ME, saga: SagaId(saga) });
    }
    bench.flow();
    bench.forget(Name { initiator: ME, saga: SagaId(2) });
    bench.flow();
    assert_eq!((kept(&bench), bench.machine(ME).over_below(ME)), (12, SagaId(0)));
    bench.forget(SAGA);
    bench.flow();
    assert_eq!((kept(&bench), bench.machine(n(3)).over_below(ME)), (4, SagaId(3)));
}

#[test]
fn only_who_had_part_in_it_is_told_that_it_is_over() {
    let version = Version(2);
    let wide =
        define_as(version, &[(1, Kind::Compensatable, &[]), (3, Kind::Compensatable, &[])], Doubt::Retry);
    let mut bench = Bench::with([apart(Doubt::Retry), wide], |_| {});
    bench.begin();
    bench.request(ME, |id| Request::Begin {
        id,
        saga: SagaId(2),
        definition: DEFINITION,
        version,
        input: INPUT,
    });
    bench.flow();
    bench.forget(SAGA);
    let told = bench.network.iter().filter(|(_, _, message)| matches!(message, Message::Over { .. }));
    let told: Vec<NodeId> = told.map(|(_, to, _)| *to).collect();
    assert_eq!(told, [n(1), n(2)], "node 3 has part in the next one alone");
}

#[test]
fn what_was_asked_to_be_forgotten_is_forgotten_after_a_crash() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.run();
    let mut early = bench.clone();
    bench.stop(n(2));
    bench.crash(ME);
    bench.forget(SAGA);
    bench.crash(ME);
    bench.boot(n(2));
    bench.run();
    assert_eq!(kept(&bench), 0);

    early.crash(ME);
    early.run();
    assert_eq!(kept(&early), 4, "nobody asked");
    let told = |(at, notice): &&(NodeId, Notice<u32>)| *at == ME && matches!(notice, Notice::Ended { .. });
    assert_eq!(early.told.iter().filter(told).count(), 2, "the end is told again");
}

#[test]
fn each_initiator_has_sagas_of_its_own() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    let others = (0..4).map(|node| Name { initiator: n(node), saga: SagaId(1) });
    others.clone().for_each(|name| {
        bench.begin_as(name);
    });
    bench.flow();
    for name in others {
        for node in 0..4 {
            assert_eq!(bench.end_at(n(node), name), Some(End::Completed));
        }
    }
    assert_eq!(bench.book.len(), 16);
    bench.forget(Name { initiator: n(2), saga: SagaId(1) });
    bench.flow();
    assert_eq!((kept(&bench), bench.machine(n(1)).over_below(ME)), (12, SagaId(0)));
}

#[test]
fn only_the_initiator_says_what_is_over() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.serve_one();
    bench.deliver_one();
    for at in [0, 1] {
        let message = Message::Over { initiator: ME, floor: SagaId(9) };
        bench.network.push_front((n(2), n(at), message));
        bench.deliver_one();
    }
    assert!(bench.rejected(), "of what has not ended");
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
}
