//! Traces: sequences of actions, replayed, minimised and made readable.

use std::fmt::{Debug, Write as _};

use quorate::id::{NodeId, Permutation, Permute};
use quorate::ledger::{Held, Output};

use crate::node::Node;
use crate::spec::Spec;
use crate::symmetry::{Renaming, composed, inverse};
use crate::world::{Action, ActionOf, Move, Refused, Rules, World};

/// How many actions minimisation may try in all before it settles for what it has.
const MINIMISING_ACTIONS: usize = 20_000_000;

/// Actions from one of the initial worlds on; every node keeps its name throughout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "read, written and edited by whoever has a trace")]
pub struct Trace<A> {
    /// Which of the initial worlds it begins in.
    pub origin: usize,
    /// What happens.
    pub actions: Vec<A>,
}

/// The traces of a protocol.
pub type TraceOf<S> = Trace<ActionOf<S>>;

impl<S: Spec> Rules<S> {
    /// Turns a path of representatives, where each move uses the names of the world before it, into a trace
    /// in which nodes keep the names of the first world.
    ///
    /// # Errors
    /// [`Refused`], if the path is none.
    pub fn unwind(&self, origin: usize, path: &[Move<S>]) -> Result<TraceOf<S>, Refused> {
        let mut world = self.initial().into_iter().nth(origin).ok_or(Refused::Impossible)?;
        // How the nodes of the first world are called in `world`.
        let mut names: Renaming = (0..=u8::MAX).take(world.nodes().len()).collect();
        let mut actions = Vec::with_capacity(path.len());
        for Move { lost, action, .. } in path {
            let back = inverse(&names);
            for action in lost.iter().cloned().map(Action::Drop).chain([action.clone()]) {
                world = self.apply_named(&world, &action)?;
                let mut original = action;
                original.permute(&Permutation::new(&back));
                actions.push(original);
            }
            let (next, renaming) = self.canonical_with(world);
            if let Some(renaming) = renaming {
                names = composed(&names, &renaming);
            }
            world = next;
        }
        Ok(Trace { origin, actions })
    }

    /// Replays a trace and calls `visit` with the world before each action, the action, and the world after.
    /// Returns the last world.
    ///
    /// # Errors
    /// The first action that is refused, by its place, and why.
    pub fn replay(
        &self,
        trace: &TraceOf<S>,
        mut visit: impl FnMut(&World<S>, &ActionOf<S>, &World<S>),
    ) -> Result<World<S>, (usize, Refused)> {
        let origin = self.initial().into_iter().nth(trace.origin);
        let mut world = origin.ok_or((0, Refused::Impossible))?;
        for (at, action) in trace.actions.iter().enumerate() {
            let next = self.apply_named(&world, action).map_err(|refused| (at, refused))?;
            visit(&world, action, &next);
            world = next;
        }
        Ok(world)
    }

    /// Whether `world` violates the property of that name.
    #[must_use]
    pub fn falls(&self, name: &str, world: &World<S>) -> bool {
        world.broken() == Some(name)
            || self
                .properties()
                .iter()
                .any(|property| property.name == name && self.violates(property, world))
    }

    /// Leaves out of a trace what it does not take for the property of that name to fall. The result is
    /// short, not always the shortest.
    #[must_use]
    pub fn minimise(&self, trace: &TraceOf<S>, name: &str) -> TraceOf<S> {
        let mut budget = MINIMISING_ACTIONS;
        let Some(mut best) = self.lenient(trace.origin, &trace.actions, 0..0, name, &mut budget) else {
            return trace.clone();
        };
        let mut chunk = best.len().div_ceil(2).max(1);
        loop {
            let (length, mut from) = (best.len(), 0);
            while from < best.len() {
                let left_out = from..(from + chunk).min(best.len());
                match self.lenient(trace.origin, &best, left_out, name, &mut budget) {
                    Some(shorter) => best = shorter,
                    None => from += chunk,
                }
            }
            if budget == 0 || (chunk == 1 && best.len() == length) {
                return Trace { origin: trace.origin, actions: best };
            }
            chunk = chunk.div_ceil(2).min(best.len().max(1));
        }
    }

    /// Replays what of `actions` is not left out and not refused, up to where the property falls; nothing
    /// if it does not fall or no action is saved.
    fn lenient(
        &self,
        origin: usize,
        actions: &[ActionOf<S>],
        left_out: std::ops::Range<usize>,
        name: &str,
        budget: &mut usize,
    ) -> Option<Vec<ActionOf<S>>> {
        let mut world = self.initial().into_iter().nth(origin)?;
        let mut taken = Vec::new();
        for (at, action) in actions.iter().enumerate() {
            if self.falls(name, &world) {
                break;
            }
            if left_out.contains(&at) {
                continue;
            }
            *budget = budget.checked_sub(1)?;
            if let Ok(next) = self.apply_named(&world, action) {
                world = next;
                taken.push(action.clone());
            }
        }
        self.falls(name, &world).then_some(taken)
    }

    /// A trace, one readable line an action.
    #[must_use]
    pub fn render(&self, trace: &TraceOf<S>) -> Vec<String> {
        let mut lines = Vec::with_capacity(trace.actions.len());
        let replayed = self.replay(trace, |before, action, after| {
            lines.push(self.describe(before, action, after));
        });
        if let Err((at, refused)) = replayed {
            lines.push(format!("(action {at} does not apply: {refused:?})"));
        }
        lines
    }

    /// A world in a few lines: one a node, and one each for what is in flight, spent and remembered.
    #[must_use]
    pub fn picture(&self, world: &World<S>) -> String {
        let mut lines = Vec::new();
        for (id, node) in world.ids().zip(world.nodes()) {
            let mut line = format!("{id}: {}, disk {:?}", self.spec().summary(&node.machine), node.disk());
            let held: Vec<String> = node.ledger.held().map(held_effect).collect();
            let timers: Vec<_> = node.ledger.timers().iter().map(|(timer, _)| timer).collect();
            // Writing to a string does not fail.
            let _ = write!(line, ", held [{}], timers {timers:?}", held.join("; "));
            if !node.inbox.is_empty() {
                let _ = write!(line, ", owed {:?}", node.inbox);
            }
            let _ = write!(line, ", applied {}", node.applied);
            lines.push(line);
        }
        let flying = world.network().iter();
        let flying: Vec<_> = flying.map(|e| format!("{} -> {}: {:?}", e.from, e.to, e.message)).collect();
        lines.push(format!("in flight: [{}]", flying.join("; ")));
        lines.push(format!("spent: {:?}", world.spent()));
        lines.push(format!("history: {:?}", world.history()));
        lines.join("\n")
    }

    /// One action, readable, with what it changed of the node's summary.
    #[must_use]
    pub fn describe(&self, before: &World<S>, action: &ActionOf<S>, after: &World<S>) -> String {
        let mut line = describe_action(before, action);
        for (id, (was, is)) in before.ids().zip(before.machines().zip(after.machines())) {
            let (was, is) = (self.spec().summary(was), self.spec().summary(is));
            if was != is {
                // Writing to a string does not fail.
                let _ = write!(line, "  [{id}: {was} -> {is}]");
            }
        }
        if let Some(property) = after.broken() {
            let _ = write!(line, "  (violates \"{property}\")");
        }
        line
    }
}

/// One action, readable, in the world that it happens in.
fn describe_action<S: Spec>(world: &World<S>, action: &ActionOf<S>) -> String {
    let node = |id: &NodeId| world.node(*id).map(|node| &**node);
    let line = match action {
        Action::Deliver(envelope, _) => {
            format!("{} -> {}: {:?}", envelope.from, envelope.to, envelope.message)
        }
        Action::Duplicate(envelope, _) => {
            format!("{} -> {}: {:?} (a copy stays in flight)", envelope.from, envelope.to, envelope.message)
        }
        Action::Drop(envelope) => {
            format!("{} -> {}: {:?} is lost", envelope.from, envelope.to, envelope.message)
        }
        Action::Fire(id, timer, _) => format!("{id}: timer {timer:?}"),
        Action::Request(id, request, _) => format!("{id}: request {request:?}"),
        Action::Flush(id) => {
            let record = node(id).and_then(|node| node.records().next().map(|record| format!("{record:?}")));
            format!("{id}: disk makes {} durable", record.unwrap_or_else(|| "nothing".to_owned()))
        }
        Action::Inbox(id, _) => {
            let owed = node(id).and_then(|node| node.inbox.front().map(|owed| format!("{owed:?}")));
            format!("{id}: takes {}", owed.unwrap_or_else(|| "nothing".to_owned()))
        }
        Action::Crash(id, kept, _) => {
            format!("{id}: crash, {}", node(id).map_or_else(String::new, |node| cut(node, *kept)))
        }
        Action::Tick(id, by) => format!("{id}: clock moves by {by} ns"),
    };
    match script(action) {
        [] => line,
        choices => format!("{line}  (choices {choices:?})"),
    }
}

/// What of the held effects happened before a crash.
fn cut<S: Spec>(node: &Node<S>, kept: usize) -> String {
    let all = node.ledger.held().len();
    let mut line = match all {
        0 => "nothing was held".to_owned(),
        _ => format!("{kept} of {all} held effects happened"),
    };
    for (at, held) in node.ledger.held().enumerate() {
        let fate = if at < kept { "done" } else { "lost" };
        let _ = write!(line, "; {fate}: {}", held_effect(held));
    }
    line
}

/// A held effect, readable.
fn held_effect<M: Debug, V: Debug, E: Debug, N: Debug>(held: &Held<M, V, E, N>) -> String {
    match held {
        Held::Record(record) => format!("{record:?}"),
        Held::Output(Output::Send { to, message }) => format!("-> {to} {message:?}"),
        Held::Output(output) => format!("{output:?}"),
    }
}

/// The choices that an action's step makes.
fn script<M, T, R>(action: &Action<M, T, R>) -> &[u32] {
    match action {
        Action::Deliver(_, script)
        | Action::Duplicate(_, script)
        | Action::Fire(_, _, script)
        | Action::Request(_, _, script)
        | Action::Inbox(_, script)
        | Action::Crash(_, _, script) => script,
        Action::Drop(_) | Action::Flush(_) | Action::Tick(..) => &[],
    }
}
