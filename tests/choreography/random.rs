//! Whatever the network, the disks, the applications and the operators do to them: participants keep the promises of
//! a saga at any time, and every saga ends, the same everywhere, once all is well again.

use proptest::prelude::*;
use quorate::saga::choreography::{Name, Timer};
use quorate::saga::{
    Action, Definition, Doubt, End, Kind, Outline, Policy, Resolution, SagaId, Step, TaskId,
};

use crate::bench::{Bench, DEFINITION, Fate, LONG, ME, SAGA, VERSION, apart, diamond, n, s, tailed};

/// What the world does next.
#[derive(Clone, Copy, Debug)]
enum Move {
    Deliver(usize),
    Lose(usize),
    Repeat(usize),
    Serve(usize),
    LoseCall(usize),
    Fire(u64, usize),
    Crash(u64),
    CrashWithin(u64, usize),
    Stop(u64),
    Boot(u64),
    Cancel,
    Deadline,
    Retry(u64, u8),
    Forget,
    BeginAnother(u64),
}

fn some_move() -> impl Strategy<Value = Move> {
    let node = || 0u64..4;
    prop_oneof![
        24 => (0usize..8).prop_map(Move::Deliver),
        3 => (0usize..8).prop_map(Move::Lose),
        4 => (0usize..8).prop_map(Move::Repeat),
        12 => (0usize..3).prop_map(Move::Serve),
        1 => (0usize..3).prop_map(Move::LoseCall),
        8 => (node(), 0usize..4).prop_map(|(node, at)| Move::Fire(node, at)),
        1 => node().prop_map(Move::Crash),
        2 => (node(), 0usize..6).prop_map(|(node, effects)| Move::CrashWithin(node, effects)),
        1 => node().prop_map(Move::Stop),
        3 => node().prop_map(Move::Boot),
        1 => Just(Move::Cancel),
        1 => Just(Move::Deadline),
        1 => (node(), 0u8..6).prop_map(|(node, step)| Move::Retry(node, step)),
        1 => Just(Move::Forget),
        1 => node().prop_map(Move::BeginAnother),
    ]
}

fn some_fates() -> impl Strategy<Value = Vec<(u8, Action, Vec<Fate>)>> {
    let fate = prop_oneof![Just(Fate::Lost), Just(Fate::Unanswered), Just(Fate::Later), Just(Fate::Refused)];
    let action = prop_oneof![2 => Just(Action::Do), 1 => Just(Action::Undo), 1 => Just(Action::Probe)];
    prop::collection::vec((0u8..7, action, prop::collection::vec(fate, 1..4)), 0..5)
}

/// Any graph: compensatable steps, each after some of those before it, at any node; then, perhaps, a pivot after all
/// of them, and steps past it, each after it and some of those past it.
fn any_graph(before: &[(u64, u8)], past: &[(u64, u8)], pivot: Option<u64>, doubt: Doubt) -> Definition {
    let mut outline = Outline::new();
    let mut add = |node: u64, kind, after: Vec<u8>| {
        let policy = Policy { attempts: 3, undo_attempts: 2, doubt, ..Policy::default() };
        let after = after.into_iter().map(s).collect();
        outline.step(Step { task: TaskId(1), service: n(node), kind, after, policy });
    };
    let among = |from: u8, upto: u8, mask: u8| (from..upto).filter(move |on| mask & (1 << (on % 8)) != 0);
    let decides = u8::try_from(before.len()).expect("few steps");
    for (at, (node, mask)) in (0u8..).zip(before) {
        add(*node, Kind::Compensatable, among(0, at, *mask).collect());
    }
    if let Some(node) = pivot {
        add(node, Kind::Pivot, (0..decides).collect());
        for (at, (node, mask)) in (decides + 1..).zip(past) {
            add(
                *node,
                Kind::Retriable,
                std::iter::once(decides).chain(among(decides + 1, at, *mask)).collect(),
            );
        }
    }
    Definition::new(DEFINITION, VERSION, outline).expect("it stands")
}

fn some_plan() -> impl Strategy<Value = Definition> {
    let doubt = prop_oneof![Just(Doubt::Probe), Just(Doubt::Retry)];
    let steps = |len| prop::collection::vec((0u64..4, any::<u8>()), len);
    (0..6, steps(1..5), steps(0..3), prop::option::of(0u64..4), doubt).prop_map(
        |(which, before, past, pivot, doubt)| {
            let plan = match which {
                0 => diamond(doubt),
                1 => tailed(doubt),
                2 => apart(doubt),
                _ => any_graph(&before, &past, pivot, doubt),
            };
            plan.with_deadline(LONG)
        },
    )
}

fn among(len: usize, at: usize) -> usize {
    at % len.max(1)
}

fn make(bench: &mut Bench, what: Move) {
    match what {
        Move::Deliver(at) => {
            let len = bench.network.len();
            if len > 0 {
                bench.network.swap(0, among(len, at));
                bench.deliver_one();
            }
        }
        Move::Lose(at) => {
            bench.network.remove(among(bench.network.len(), at));
        }
        Move::Repeat(at) => {
            if let Some(message) = bench.network.get(among(bench.network.len(), at)).cloned() {
                bench.network.push_back(message);
            }
        }
        Move::Serve(at) => {
            let len = bench.calls.len();
            if len > 0 {
                bench.calls.swap(0, among(len, at));
                bench.serve_one();
            }
        }
        Move::LoseCall(at) => {
            bench.calls.remove(among(bench.calls.len(), at));
        }
        Move::Fire(node, at) => {
            let timers = bench.timers(n(node));
            if let Some(timer) = timers.get(among(timers.len(), at)) {
                bench.fire(n(node), *timer);
            }
        }
        Move::Crash(node) => bench.crash(n(node)),
        Move::CrashWithin(node, effects) => bench.node_mut(n(node)).fuel = Some(effects),
        Move::Stop(node) => bench.stop(n(node)),
        Move::Boot(node) => {
            if !bench.node(n(node)).up {
                bench.boot(n(node));
            }
        }
        Move::Cancel => {
            bench.cancel();
        }
        Move::Deadline => bench.fire(ME, Timer::Deadline { saga: SAGA }),
        Move::Retry(node, step) => {
            bench.resolve(n(node), step, Resolution::Retry);
        }
        Move::Forget => {
            bench.forget(SAGA);
        }
        Move::BeginAnother(node) => {
            bench.begin_as(Name { initiator: n(node), saga: SagaId(2) });
        }
    }
}

/// Everything is well again: the saga is begun if nobody knows of it, and what is stuck is tried again.
fn heal(bench: &mut Bench) {
    bench.fates.clear();
    for node in 0..4 {
        bench.node_mut(n(node)).fuel = None;
        if !bench.node(n(node)).up {
            bench.boot(n(node));
        }
    }
    bench.begin();
    for _ in 0..10 {
        bench.run();
        for node in 0..4 {
            let sagas = bench.machine(n(node)).sagas().find(|(name, _)| *name == SAGA);
            let stuck = sagas.map(|(_, standing)| standing.stuck);
            for step in stuck.into_iter().flat_map(quorate::saga::StepSet::iter) {
                let id = bench.resolve(n(node), step.0, Resolution::Retry);
                assert!(bench.accepted(id));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_saga_keeps_its_promises_whatever_is_done_to_its_participants(
        plan in some_plan(),
        fates in some_fates(),
        moves in prop::collection::vec(some_move(), 0..120),
        log in 0u64..20,
    ) {
        let mut bench = Bench::with([plan.clone()], |config| {
            (config.max_sagas, config.max_log_entries) = (2, 16 + log);
        });
        for (step, action, fates) in &fates {
            // No correct application refuses what only goes forward.
            let forward = plan.step(s(*step)).is_some_and(|step| step.kind == Kind::Retriable);
            let fates: Vec<_> = fates.iter().copied().filter(|fate| !forward || *fate != Fate::Refused).collect();
            bench.fate(*step, *action, &fates);
        }
        bench.begin();
        for what in moves {
            make(&mut bench, what);
            bench.keeps_order(&plan);
        }
        heal(&mut bench);
        let end = bench.end();
        prop_assert!(end.is_some(), "the saga ended: {:?}", bench.told);
        if let Some(end) = end {
            bench.judge(&plan, end);
        }
        prop_assert!(!bench.rejected(), "all are correct: {:?}", bench.told);
        bench.forget(SAGA);
        // Who was not told that it is over, since the initiator crashed right then, hears it with the next saga.
        bench.begin_as(Name { initiator: ME, saga: SagaId(3) });
        bench.run();
        prop_assert!(bench.nodes.iter().all(|node| node.machine.sagas().all(|(name, _)| name != SAGA)));
    }
}

#[test]
fn random_graphs_end_both_ways() {
    let graph = any_graph(&[(0, 0), (1, 1), (2, 1)], &[(3, 0)], Some(1), Doubt::Retry);
    let mut bench = Bench::new(graph.clone());
    bench.begin();
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
    bench.judge(&graph, End::Completed);
}
