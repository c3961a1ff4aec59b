//! What must happen at last: a caller that asks until it is answered, over a network that loses.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::time::Duration;

use quorate::durable::{Corrupt, Image};
use quorate::id::{NodeId, Permutation, Permute};
use quorate::machine::{Context, Input, InputOf, Machine, Never};
use quorate::time::Delay;
use quorate_models::check::{Kind, Progress, Report, RunOptions};
use quorate_models::liveness::{Fairness, LeadsTo, NoLasso, run};
use quorate_models::spec::{Property, Spec};
use quorate_models::trace::{Cycle, Fault, RecordedOf, Replays, Trace, read};
use quorate_models::world::{Action, ActionOf, Limits, Rules, World};
use serde::{Deserialize, Serialize};

const ANSWERED: &str = "who asks is answered";
const CALLER: NodeId = NodeId(0);
const CALLEE: NodeId = NodeId(1);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Message {
    Question,
    Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Timer {
    Again,
}

impl Permute for Message {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

/// One of two nodes: the first asks, the second answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    asks: bool,
    /// Whether it asks again until it is answered.
    persists: bool,
    answered: bool,
}

impl Permute for Node {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

impl Machine for Node {
    type Config = ();
    type Message = Message;
    type Timer = Timer;
    type Request = Never;
    type Cell = Never;
    type Entry = Never;
    type Notice = Never;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        match input {
            Input::Start | Input::Timer(Timer::Again) if self.asks && !self.answered => {
                cx.send(CALLEE, Message::Question);
                if self.persists {
                    cx.set_timer(Timer::Again, Delay::exactly(Duration::from_millis(1)));
                }
            }
            Input::Message { from, message: Message::Question } => cx.send(from, Message::Answer),
            Input::Message { message: Message::Answer, .. } => {
                self.answered = true;
                cx.cancel_timer(Timer::Again);
            }
            _ => {}
        }
    }
}

/// The two of them, with as much fairness as is asked for.
#[derive(Clone, Copy, Debug)]
struct Call {
    persists: bool,
    timers: Fairness,
    deliveries: Fairness,
    /// Whether the claim is about somebody who never asks.
    vacuous: bool,
}

const FAIR: Call =
    Call { persists: true, timers: Fairness::Weak, deliveries: Fairness::Strong, vacuous: false };

impl Spec for Call {
    type Machine = Node;
    type History = ();

    fn nodes(&self) -> usize {
        2
    }

    fn recover(&self, node: NodeId, _: &Image<Never, Never>, _: u64) -> Result<Node, Corrupt> {
        Ok(Node { asks: node == CALLER, persists: self.persists, answered: false })
    }

    fn agrees(&self, _: &Node, _: &Image<Never, Never>) -> Result<(), &'static str> {
        Ok(())
    }

    fn requests(&self, _: &World<Self>, _: NodeId, _: &mut Vec<Never>) {}

    fn properties(&self) -> Vec<Property<Self>> {
        Vec::new()
    }

    fn symmetric(&self) -> bool {
        false
    }

    fn leads_to(&self) -> Vec<LeadsTo<Self>> {
        let asks = |world: &World<Self>| world.machines().any(|node| node.asks && !node.answered);
        let never = |_: &World<Self>| false;
        let from = if self.vacuous { never } else { asks };
        vec![LeadsTo {
            name: ANSWERED,
            from,
            to: |world| world.machines().any(|node| node.answered),
            tail: |action| !matches!(action, Action::Crash(..)),
        }]
    }

    fn fairness(&self, action: &ActionOf<Self>) -> Fairness {
        match action {
            Action::Fire(..) => self.timers,
            Action::Deliver(..) | Action::Duplicate(..) => self.deliveries,
            other => Fairness::usual(other),
        }
    }
}

fn rules(call: Call) -> Rules<Call> {
    let limits = Limits { in_flight: Some(2), crashes: Some(1), duplicates: Some(1), ..Limits::default() };
    Rules::new(call, limits)
}

fn checked(call: Call) -> Report {
    run(rules(call), &RunOptions::default(), &Progress::default())
}

/// The rules that lassos replay under.
fn replays(call: Call) -> Rules<Call> {
    rules(call).without_symmetry().with_early_losses()
}

/// The calls that stand still or go round for ever.
const STUCK: [Call; 3] = [
    Call { persists: false, ..FAIR },
    Call { timers: Fairness::Unfair, ..FAIR },
    Call { deliveries: Fairness::Weak, ..FAIR },
];

/// The file that a lasso is kept in.
fn file(call: Call) -> String {
    checked(call).violation.expect("something stands still").file.expect("it has a form in JSON")
}

fn lasso(call: Call) -> Vec<String> {
    let report = checked(call);
    let violation = report.violation.expect("something stands still");
    assert_eq!(violation.property, ANSWERED);
    violation.steps
}

#[test]
fn who_asks_again_and_again_is_answered_however_much_is_lost() {
    let report = checked(FAIR);
    assert!(report.holds() && report.complete, "{report:?}");
    assert_eq!(report.properties[0].kind, Kind::Eventually);
}

#[test]
fn who_asks_once_may_stand_still_where_nothing_is_left_to_happen() {
    let steps = lasso(Call { persists: false, ..FAIR });
    assert!(steps.last().unwrap().contains("nothing that must happen is left"), "{steps:#?}");
}

#[test]
fn a_timer_that_need_not_expire_lets_the_world_stand_still() {
    assert!(!lasso(Call { timers: Fairness::Unfair, ..FAIR }).is_empty());
}

#[test]
fn weak_fairness_is_not_enough_for_a_network_that_loses_again_and_again() {
    let steps = lasso(Call { deliveries: Fairness::Weak, ..FAIR });
    let turn = steps.iter().position(|step| step.contains("again and again")).expect("a cycle");
    assert!(steps[turn..].iter().any(|step| step.contains("lost")), "{steps:#?}");
}

#[test]
fn a_claim_whose_premise_is_never_met_does_not_hold() {
    let report = checked(Call { vacuous: true, ..FAIR });
    assert!(report.violation.is_none() && report.complete && !report.holds());
}

#[test]
fn a_search_that_was_cut_short_is_not_complete() {
    let options = RunOptions { max_states: Some(3), ..RunOptions::default() };
    let limits = Limits { in_flight: Some(2), ..Limits::default() };
    let report = run(Rules::new(FAIR, limits), &options, &Progress::default());
    assert!(!report.complete && report.violation.is_none());
}

#[test]
fn a_lasso_is_kept_as_a_trace_that_a_replay_verifies() {
    let mut moving = 0;
    for call in STUCK {
        let text = file(call);
        let recorded: RecordedOf<Call> = read(&text).expect("what was written can be read");
        let from = recorded.header.cycle_from.expect("where the cycle begins");
        let replayed = replays(call).replay_file(&text).expect("it can be replayed");
        assert_eq!(replayed.cycle, Some(Cycle { from, refuted: None }), "{text}");
        assert!(matches!(&replayed.falls[..], [fall] if fall.property == ANSWERED), "{:?}", replayed.falls);
        let drawing = replays(call).drawing(&text).expect("it can be drawn");
        assert_eq!(drawing.violated.as_deref(), Some(ANSWERED));
        assert!(drawing.cycle.is_some() && drawing.svg().contains("q-cycle"));
        moving += usize::from(from < recorded.trace.actions.len());
    }
    assert!(moving > 0, "in none of them does anything happen for ever");
}

#[test]
fn a_lasso_under_more_fairness_than_it_was_found_under_is_none() {
    for call in STUCK.into_iter().skip(1) {
        let replayed = replays(FAIR).replay_file(&file(call)).expect("it can be replayed");
        let refuted = replayed.cycle.and_then(|cycle| cycle.refuted);
        assert!(matches!(refuted, Some(NoLasso::Unfair { .. })), "{refuted:?}");
        assert!(replayed.falls.is_empty());
        let bad = replays(FAIR).minimise_file(&file(call)).expect_err("there is nothing to keep");
        assert!(matches!(bad.fault, Fault::NoLasso(NoLasso::Unfair { .. })), "{bad}");
    }
}

#[test]
fn what_only_looks_like_a_lasso_is_refuted_with_the_reason() {
    let call = Call { deliveries: Fairness::Weak, ..FAIR };
    let (rules, recorded): (_, RecordedOf<Call>) = (replays(call), read(&file(call)).expect("read"));
    let (trace, from) = (recorded.trace, recorded.header.cycle_from.expect("a cycle"));
    assert_eq!(rules.circles(&trace, from, ANSWERED), Ok(()));
    let beyond = trace.actions.len() + 1;
    assert!(matches!(rules.circles(&trace, beyond, ANSWERED), Err(NoLasso::Beyond { .. })));
    assert!(matches!(rules.circles(&trace, from, "another"), Err(NoLasso::NoClaim(_))));
    // A way that does not come back.
    let mut open = trace.clone();
    open.actions.pop();
    assert!(rules.circles(&open, from, ANSWERED).is_err());
    let open = Trace { origin: 0, actions: trace.actions[..=from].to_vec() };
    assert_eq!(rules.circles(&open, from, ANSWERED), Err(NoLasso::Open));
    // One that is answered.
    let happy: Trace<ActionOf<Call>> = {
        let mut world = rules.initial().remove(0);
        let mut actions = Vec::new();
        while !world.machines().any(|node| node.answered) {
            let mut offered = Vec::new();
            rules.actions(&world, &mut offered, &mut Default::default());
            let next = offered.into_iter().find(|action| matches!(action, Action::Deliver(..))).unwrap();
            world = rules.apply_named(&world, &next).unwrap();
            actions.push(next);
        }
        Trace { origin: 0, actions }
    };
    let end = happy.actions.len();
    assert_eq!(rules.circles(&happy, end, ANSWERED), Err(NoLasso::Kept(end)));
    // One that crashes again and again, which the claim does not allow for ever.
    let crash = Action::Crash(CALLEE, 0, Default::default());
    let crashing = Trace { origin: 0, actions: vec![crash] };
    assert_eq!(rules.circles(&crashing, 0, ANSWERED), Err(NoLasso::Ends(0)));
    // One whose claim never begins.
    let vacuous = replays(Call { vacuous: true, ..call });
    assert_eq!(vacuous.circles(&trace, from, ANSWERED), Err(NoLasso::NeverBegins));
}

#[test]
fn a_lasso_is_minimised_to_one_of_which_nothing_can_be_left_out() {
    let call = Call { deliveries: Fairness::Weak, ..FAIR };
    let rules = replays(call);
    let mut long: RecordedOf<Call> = read(&file(call)).expect("read");
    let from = long.header.cycle_from.expect("a cycle");
    let short = rules.minimise_file(&rules.write(&long).unwrap()).expect("it falls");
    // A crash on the way that changes nothing, and the cycle twice.
    let crash = Action::Crash(CALLEE, 0, Default::default());
    let cycle = long.trace.actions[from..].to_vec();
    long.trace.actions.extend(cycle);
    long.trace.actions.insert(0, crash);
    long.header.cycle_from = Some(from + 1);
    long.times.clear();
    assert_eq!(rules.circles(&long.trace, from + 1, ANSWERED), Ok(()), "a cycle taken twice is one");
    let again = rules.minimise_file(&rules.write(&long).unwrap()).expect("it falls");
    assert!(again.is_minimal && again.lengths.1 <= short.lengths.0, "{} steps", again.lengths.1);
    let replayed = rules.replay_file(&again.text).expect("it can be replayed");
    assert!(matches!(replayed.cycle, Some(Cycle { refuted: None, .. })));
}
