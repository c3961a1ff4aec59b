//! Whatever the network, the disk, the services, the operator and a second executor do to it: a saga that ends has
//! kept its promises, and every saga ends once they are well again.

use proptest::prelude::*;
use quorate::saga::{Action, Definition, Doubt, Kind, Outline, Resolution, SagaId, Timer};

use crate::bench::{Bench, DEFINITION, Fate, LONG, SAGA, VERSION, diamond, forward_diamond, step, tailed};

/// What the world does next.
#[derive(Clone, Copy, Debug)]
enum Move {
    Deliver(usize),
    Lose(usize),
    Repeat(usize),
    Fire(usize),
    Crash,
    CrashWithin(usize),
    TakeOver,
    Cancel,
    Deadline,
    Retry(u8),
}

fn some_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        20 => (0usize..8).prop_map(Move::Deliver),
        3 => (0usize..8).prop_map(Move::Lose),
        3 => (0usize..8).prop_map(Move::Repeat),
        6 => (0usize..8).prop_map(Move::Fire),
        1 => Just(Move::Crash),
        2 => (0usize..6).prop_map(Move::CrashWithin),
        1 => Just(Move::TakeOver),
        1 => Just(Move::Cancel),
        1 => Just(Move::Deadline),
        1 => (0u8..6).prop_map(Move::Retry),
    ]
}

fn some_fates() -> impl Strategy<Value = Vec<(u8, Action, Vec<Fate>)>> {
    let fate = prop_oneof![Just(Fate::Lost), Just(Fate::Unanswered), Just(Fate::Later), Just(Fate::Refused)];
    let action = prop_oneof![2 => Just(Action::Do), 1 => Just(Action::Undo), 1 => Just(Action::Probe)];
    prop::collection::vec((0u8..6, action, prop::collection::vec(fate, 1..4)), 0..5)
}

/// Any graph: each step after some of those before it, all before the last, which decides.
fn any_graph(after: &[u8], doubt: Doubt) -> Definition {
    let mut outline = Outline::new();
    for (at, mask) in (0u8..).zip(after) {
        let on: Vec<u8> = (0..at).filter(|on| mask & (1 << on) != 0).collect();
        outline.step(step(u64::from(at) + 1, Kind::Compensatable, &on, doubt));
    }
    let all: Vec<u8> = (0u8..).zip(after).map(|(at, _)| at).collect();
    outline.step(step(all.len() as u64 + 1, Kind::Pivot, &all, doubt));
    Definition::new(DEFINITION, VERSION, outline).expect("it stands")
}

fn some_plan() -> impl Strategy<Value = Definition> {
    let doubt = prop_oneof![Just(Doubt::Probe), Just(Doubt::Retry)];
    (0..4, prop::collection::vec(any::<u8>(), 1..5), doubt).prop_map(|(which, after, doubt)| {
        let plan = match which {
            0 => diamond(doubt),
            1 => tailed(doubt),
            2 => forward_diamond(doubt),
            _ => any_graph(&after, doubt),
        };
        plan.with_deadline(LONG)
    })
}

fn make(bench: &mut Bench, what: Move) {
    let among = |len: usize, at: usize| at % len.max(1);
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
        Move::Fire(at) => {
            let who = at % bench.executors.len();
            let timers: Vec<_> =
                bench.executors[who].ledger.timers().iter().map(|(timer, _)| timer).collect();
            let of_steps: Vec<_> =
                timers.into_iter().filter(|timer| matches!(timer, Timer::Step { .. })).collect();
            if let Some(timer) = of_steps.get(among(of_steps.len(), at)) {
                bench.executors[who].ledger.timers_mut().cancel(*timer);
                bench.step_at(who, quorate::machine::Input::Timer(*timer));
            }
        }
        Move::Crash => bench.crash(),
        Move::CrashWithin(effects) => bench.fuel = Some(effects),
        Move::TakeOver => bench.boot(),
        Move::Cancel => {
            bench.cancel();
        }
        Move::Deadline => bench.fire(Timer::Deadline { saga: SAGA }),
        Move::Retry(step) => {
            bench.resolve(step, Resolution::Retry);
        }
    }
}

/// Everything is well again: the saga is begun if nobody knows of it, and what is stuck is tried again.
fn heal(bench: &mut Bench) {
    bench.fuel = None;
    bench.services.fates.clear();
    bench.begin();
    for _ in 0..10 {
        bench.run();
        let stuck = bench.machine().sagas().find(|(id, _)| *id == SAGA).map(|(_, standing)| standing.stuck);
        for step in stuck.into_iter().flat_map(quorate::saga::StepSet::iter) {
            bench.resolve(step.0, Resolution::Retry);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_saga_keeps_its_promises_whatever_is_done_to_it(
        plan in some_plan(),
        fates in some_fates(),
        moves in prop::collection::vec(some_move(), 0..80),
        log in 4u64..20,
    ) {
        let mut bench = Bench::with([plan.clone()], |config| {
            (config.max_sagas, config.max_log_entries) = (2, log);
        });
        for (step, action, fates) in &fates {
            // No correct service refuses what only goes forward.
            let forward = plan.pivot().is_some_and(|pivot| plan.after(quorate::saga::StepId(*step)).contains(pivot))
                || *step > 3 && plan.steps().len() == 5 && plan.pivot() != Some(quorate::saga::StepId(4))
                || *step == 3 && plan.pivot() == Some(quorate::saga::StepId(0));
            let fates: Vec<_> = fates.iter().copied().filter(|fate| !forward || *fate != Fate::Refused).collect();
            bench.fate(*step, *action, &fates);
        }
        bench.begin();
        // One more, so that the log is shortened while the first is under way.
        bench.begin_as(SagaId(2));
        bench.network.clear();
        for what in moves {
            make(&mut bench, what);
        }
        heal(&mut bench);
        let end = bench.end();
        prop_assert!(end.is_some(), "the saga ended: {:?}", bench.told);
        if let Some(end) = end {
            bench.judge(&plan, end);
        }
    }
}
