//! Random walks far past the bounds of the exhaustive worlds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use quorate::durable::{Corrupt, Record};
use quorate::id::{NodeId, RequestId};
use quorate::ledger::{Output, OutputOf};
use quorate::raft::{Notice, Payload, Request};
use quorate_models::node::{ImageOf, Owed};
use quorate_models::raft::{RaftSpec, Swarm};
use quorate_models::spec::{Property, RequestOf, Seen, Spec};
use quorate_models::walk::{walk, walk_by};
use quorate_models::world::{Action, ActionOf, Rules, World};

/// How many actions a walk takes at most.
const LONGEST: usize = 1_500;

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// What the walks of a test came to.
#[derive(Debug, Default)]
struct Tally {
    steps: usize,
    withheld: usize,
    elected: usize,
    committed: usize,
    overwritten: usize,
    crashes: u64,
    duplicates: u64,
    read_back: usize,
}

impl Tally {
    fn note(&mut self, before: &World<RaftSpec>, action: &ActionOf<RaftSpec>, after: &World<RaftSpec>) {
        self.steps += 1;
        let truncations = |world: &World<RaftSpec>| {
            let records = world.nodes().iter().flat_map(|node| node.records());
            records.filter(|record| matches!(record, Record::Truncate { .. })).count()
        };
        self.overwritten += usize::from(truncations(after) > truncations(before));
        let loaded = |world: &World<RaftSpec>, id| {
            world.node(id).is_some_and(|node| matches!(node.inbox.front(), Some(Owed::Loaded { .. })))
        };
        self.read_back += usize::from(matches!(action, Action::Inbox(id, _) if loaded(before, *id)));
    }
}

/// Walks, evaluates everything, and sees to it that enough happened.
fn walks(nodes: u64, cases: u32) -> Tally {
    let tally = RefCell::new(Tally::default());
    let strategy = (any::<u8>(), vec(any::<u16>(), 0..LONGEST));
    let run = runner(cases).run(&strategy, |(switches, choices)| {
        let rules = Swarm::of(nodes, switches).rules();
        let walk = walk_by(&rules, choices, |before, action, after| {
            tally.borrow_mut().note(before, action, after);
        });
        let mut sum = tally.borrow_mut();
        let history = walk.world.history();
        let commands = history.committed.iter().filter(|chosen| is_command(&chosen.entry.payload));
        sum.committed += commands.count();
        sum.elected += history.leaders.len();
        sum.withheld += walk.withheld;
        sum.crashes += walk.world.spent().crashes;
        sum.duplicates += walk.world.spent().duplicates;
        match walk.report(&rules) {
            Some(report) => Err(TestCaseError::fail(report)),
            None => Ok(()),
        }
    });
    match run {
        Ok(()) => tally.into_inner(),
        Err(TestError::Fail(report, (switches, _))) => {
            panic!("{:?}: {}", Swarm::of(nodes, switches), report.message())
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn is_command<C>(payload: &Payload<C>) -> bool {
    matches!(payload, Payload::Command(_))
}

fn enough(tally: &Tally, cases: usize) {
    println!("{tally:?}");
    assert!(tally.elected > cases, "{tally:?}");
    assert!(tally.committed > cases, "{tally:?}");
    assert!(tally.overwritten > cases / 10, "{tally:?}");
    assert!(tally.crashes > cases as u64, "{tally:?}");
    assert!(tally.duplicates > cases as u64, "{tally:?}");
    assert!(tally.read_back > cases, "{tally:?}");
}

#[test]
fn five_nodes_keep_every_property_far_past_the_bounds() {
    enough(&walks(5, 256), 256);
}

#[test]
fn three_nodes_keep_every_property_far_past_the_bounds() {
    enough(&walks(3, 256), 256);
}

/// Raft with a claim that does not hold, to see that walks would notice.
#[derive(Clone)]
struct Hopeless(RaftSpec);

const HOPELESS: &str = "no command ever commits";

impl Spec for Hopeless {
    type Machine = <RaftSpec as Spec>::Machine;
    type History = <RaftSpec as Spec>::History;

    fn nodes(&self) -> usize {
        self.0.nodes()
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<Self::Machine, Corrupt> {
        self.0.recover(node, disk, applied)
    }

    fn agrees(&self, machine: &Self::Machine, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        self.0.agrees(machine, disk)
    }

    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<RequestOf<Self>>) {
        if world.node(node).is_some_and(|node| node.machine.is_leader()) {
            let (id, commands) = (RequestId(0), [7].into_iter().collect());
            requests.push(Request::Propose { id, commands });
        }
    }

    fn exceeds(&self, machine: &Self::Machine) -> Option<&'static str> {
        self.0.exceeds(machine)
    }

    fn observe(&self, seen: &Seen<'_, Self>, _: &mut Self::History) -> Result<(), &'static str> {
        let commits = |output: &OutputOf<Self::Machine>| matches!(output, Output::Notify(Notice::Committed { payload, .. }) if is_command(payload));
        if seen.outputs.iter().any(commits) { Err(HOPELESS) } else { Ok(()) }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::observed(HOPELESS)]
    }

    fn symmetric(&self) -> bool {
        false
    }
}

#[test]
fn a_claim_that_does_not_hold_falls_and_shrinks_to_a_short_trace() {
    let rules = || Rules::new(Hopeless(Swarm::of(3, 0).spec()), Swarm::limits());
    let run = runner(64).run(&vec(any::<u16>(), 0..LONGEST), |choices| {
        match walk_by(&rules(), choices, |_, _, _| {}).violated {
            Some(property) => Err(TestCaseError::fail(property)),
            None => Ok(()),
        }
    });
    let Err(TestError::Fail(reason, choices)) = run else { panic!("commands commit: {run:?}") };
    assert_eq!(reason.message(), HOPELESS);
    // As proptest shrank it, and as the trace is minimised.
    let found = walk_by(&rules(), choices, |_, _, _| {});
    let report = found.report(&rules()).expect("it falls again");
    println!("{} choices as shrunk; {report}", found.steps());
    assert!(found.steps() < LONGEST / 2, "{report}");
    // A timer, a vote each way, an append each way, a request and six records at the least.
    let minimised = report.lines().count() - 1;
    assert!((10..=30).contains(&minimised), "{report}");
}

#[test]
fn bytes_and_choices_are_the_same_walk() {
    let rules = Swarm::of(3, 1).rules();
    let choices: Vec<u16> = (0..400_u16).map(|at| at.wrapping_mul(40_503)).collect();
    let bytes: Vec<u8> = choices.iter().flat_map(|choice| choice.to_le_bytes()).collect();
    let (by_bytes, by_choices) = (walk(&rules, &bytes), walk_by(&rules, choices, |_, _, _| {}));
    assert!(by_bytes.steps() > 100);
    assert_eq!(by_bytes.trace, by_choices.trace);
    assert!(by_bytes.world == by_choices.world);
    assert!(rules.replay(&by_bytes.trace, |_, _, _| {}).unwrap() == by_bytes.world);
}
