//! What can happen next.

use std::collections::BTreeMap;

use quorate::id::NodeId;
use quorate::machine::{Input, InputOf};

use super::{Action, ActionOf, Rules, Script, World};
use crate::caught::caught;
use crate::network::Envelope;
use crate::node::{Node, Owed};
use crate::spec::Spec;

/// How many actions each bound withheld.
pub type Withheld = BTreeMap<&'static str, u64>;

impl<S: Spec> Rules<S> {
    /// What can happen next in `world`, in a fixed order. What a budget withholds is counted.
    ///
    /// Each of them may still be refused by [`apply`](Self::apply), where it runs into a bound on the way.
    pub fn actions(&self, world: &World<S>, actions: &mut Vec<ActionOf<S>>, withheld: &mut Withheld) {
        self.offer(world, actions, withheld, true);
    }

    /// As [`actions`](Self::actions), with or without losses.
    pub(super) fn offer(
        &self,
        world: &World<S>,
        actions: &mut Vec<ActionOf<S>>,
        withheld: &mut Withheld,
        losses: bool,
    ) {
        if world.broken.is_some() {
            return;
        }
        if losses && self.spec.loses() {
            actions.extend(world.network.iter().map(|envelope| Action::Drop(envelope.clone())));
        }
        self.offer_messages(world, actions, withheld);
        for (id, node) in world.ids().zip(world.nodes()) {
            for (timer, _) in node.ledger.timers().iter() {
                if !self.spec.expires(id, &timer) {
                    continue;
                }
                self.scripts(
                    node,
                    || Some(Input::Timer(timer)),
                    |script| {
                        actions.push(Action::Fire(id, timer, script));
                    },
                );
            }
            if node.ledger.is_waiting() {
                actions.push(Action::Flush(id));
            }
            if let Some(owed) = node.inbox.front() {
                let input = || Some(owed_input::<S>(id, owed.clone()));
                self.scripts(node, input, |script| actions.push(Action::Inbox(id, script)));
            }
            self.offer_requests(world, id, node, actions, withheld);
            self.offer_crashes(world, id, node, actions, withheld);
            self.offer_ticks(world, id, actions, withheld);
        }
    }

    fn offer_messages(&self, world: &World<S>, actions: &mut Vec<ActionOf<S>>, withheld: &mut Withheld) {
        let again = self.limits.duplicates.is_none_or(|most| world.spent.duplicates < most);
        for envelope in world.network.iter() {
            let Some(node) = world.node(envelope.to) else { continue };
            let input = || Some(Input::Message { from: envelope.from, message: envelope.message.clone() });
            self.scripts(node, input, |script| {
                actions.push(Action::Deliver(envelope.clone(), script.clone()));
                if again {
                    actions.push(Action::Duplicate(envelope.clone(), script));
                } else {
                    count(withheld, "duplicates");
                }
            });
        }
    }

    fn offer_requests(
        &self,
        world: &World<S>,
        id: NodeId,
        node: &Node<S>,
        actions: &mut Vec<ActionOf<S>>,
        withheld: &mut Withheld,
    ) {
        let mut requests = Vec::new();
        self.spec.requests(world, id, &mut requests);
        let more = self.limits.requests.is_none_or(|most| world.spent.requests < most);
        for request in requests {
            self.scripts(
                node,
                || Some(Input::Request(request.clone())),
                |script| {
                    if more {
                        actions.push(Action::Request(id, request.clone(), script));
                    } else {
                        count(withheld, "requests");
                    }
                },
            );
        }
    }

    fn offer_crashes(
        &self,
        world: &World<S>,
        id: NodeId,
        node: &Node<S>,
        actions: &mut Vec<ActionOf<S>>,
        withheld: &mut Withheld,
    ) {
        let more = self.limits.crashes.is_none_or(|most| world.spent.crashes < most);
        for kept in node.cuts() {
            if more {
                // The choices of the first step of the next life are enumerated on the recovered node.
                let reborn = if self.spec.chooses() { self.reborn(id, node, kept) } else { None };
                let node = reborn.as_ref().unwrap_or(node);
                self.scripts(
                    node,
                    || Some(Input::Start),
                    |script| {
                        actions.push(Action::Crash(id, kept, script));
                    },
                );
            } else {
                count(withheld, "crashes");
            }
        }
    }

    fn offer_ticks(
        &self,
        world: &World<S>,
        id: NodeId,
        actions: &mut Vec<ActionOf<S>>,
        withheld: &mut Withheld,
    ) {
        let more = self.limits.ticks.is_none_or(|most| world.spent.ticks < most);
        for by in self.spec.ticks() {
            if more {
                actions.push(Action::Tick(id, *by));
            } else {
                count(withheld, "ticks");
            }
        }
    }

    /// Calls `each` with every script of choices that a step can follow; where machines make no choices,
    /// once, at no cost.
    fn scripts(
        &self,
        node: &Node<S>,
        input: impl Fn() -> Option<InputOf<S::Machine>>,
        mut each: impl FnMut(Script),
    ) {
        if !self.spec.chooses() {
            return each(Script::new());
        }
        let mut script = Script::new();
        loop {
            let Some(input) = input() else { return };
            let asked = Self::asked(node, input, &script);
            script.resize(asked.len(), 0);
            each(script.clone());
            // The next script, as an odometer turns: the last choice that has another value.
            let Some(at) = (0..script.len()).rev().find(|&at| script[at] + 1 < asked[at]) else { return };
            script.truncate(at + 1);
            script[at] += 1;
        }
    }

    /// Fills in the choices of what `action` makes a machine do, where machines make any: `draw` is given how many
    /// there are to choose from.
    pub(crate) fn choose(
        &self,
        world: &World<S>,
        action: &mut ActionOf<S>,
        mut draw: impl FnMut(u32) -> u32,
    ) {
        if !self.spec.chooses() {
            return;
        }
        let Some(node) = action.node().and_then(|id| Some((id, world.node(id)?))) else { return };
        let (id, node): (NodeId, &Node<S>) = (node.0, node.1);
        let reborn = match action {
            Action::Crash(_, kept, _) => self.reborn(id, node, *kept),
            _ => None,
        };
        let (node, input): (&Node<S>, InputOf<S::Machine>) = match &*action {
            Action::Deliver(Envelope { from, message, .. }, _)
            | Action::Duplicate(Envelope { from, message, .. }, _) => {
                (node, Input::Message { from: *from, message: message.clone() })
            }
            Action::Fire(_, timer, _) => (node, Input::Timer(*timer)),
            Action::Request(_, request, _) => (node, Input::Request(request.clone())),
            Action::Inbox(..) => match node.inbox.front() {
                Some(owed) => (node, owed_input::<S>(id, owed.clone())),
                None => return,
            },
            Action::Crash(..) => (reborn.as_ref().unwrap_or(node), Input::Start),
            Action::Drop(_) | Action::Flush(_) | Action::Tick(..) => return,
        };
        let mut script = Script::new();
        // What is asked next may depend on what was chosen before.
        while let Some(upto) = Self::asked(node, input.clone(), &script).get(script.len()) {
            script.push(draw(*upto));
        }
        if let Some(place) = action.script_mut() {
            *place = script;
        }
    }

    /// The choices that a step asks for; none if it panics, since applying it will tell.
    fn asked(node: &Node<S>, input: InputOf<S::Machine>, script: &[u32]) -> Vec<u32> {
        let mut node = node.clone();
        caught(|| node.step(input, script)).map(|stepped| stepped.asked).unwrap_or_default()
    }
}

/// One more.
fn count(withheld: &mut Withheld, bound: &'static str) {
    *withheld.entry(bound).or_default() += 1;
}

/// The input that a driver owes.
pub(super) fn owed_input<S: Spec>(
    node: NodeId,
    owed: Owed<crate::spec::MessageOf<S>, crate::spec::EntryOf<S>>,
) -> InputOf<S::Machine> {
    match owed {
        Owed::Loopback(message) => Input::Message { from: node, message },
        Owed::Loaded { log, from, entries } => Input::Loaded { log, from, entries },
    }
}
