//! What must happen at last: a caller that asks until it is answered, over a network that loses.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::time::Duration;

use quorate::durable::{Corrupt, Image};
use quorate::id::{NodeId, Permutation, Permute};
use quorate::machine::{Context, Input, InputOf, Machine, Never};
use quorate::time::Delay;
use quorate_models::check::{Kind, Progress, Report, RunOptions};
use quorate_models::liveness::{Fairness, LeadsTo, run};
use quorate_models::spec::{Property, Spec};
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

fn checked(call: Call) -> Report {
    let limits = Limits { in_flight: Some(2), crashes: Some(1), duplicates: Some(1), ..Limits::default() };
    run(Rules::new(call, limits), &RunOptions::default(), &Progress::default())
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
