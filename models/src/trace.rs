//! Traces: sequences of actions, replayed, minimised and made readable.

use std::fmt::{Debug, Write as _};

use quorate::id::{NodeId, Permutation, Permute};
use quorate::ledger::{Held, Output, OutputOf};

use crate::network::Envelope;
use crate::node::{Node, Owed};
use crate::spec::{CellOf, EntryOf, MessageOf, NoticeOf, Shown, Spec};
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
            let held: Vec<String> = node.ledger.held().map(|held| waiting(self.spec(), held)).collect();
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
        let flying: Vec<_> = flying.map(|envelope| sent(self.spec(), envelope)).collect();
        lines.push(format!("in flight: [{}]", flying.join("; ")));
        lines.push(format!("spent: {:?}", world.spent()));
        lines.push(format!("history: {:?}", world.history()));
        lines.join("\n")
    }

    /// One action, readable, with what it changed of the node's summary.
    #[must_use]
    pub fn describe(&self, before: &World<S>, action: &ActionOf<S>, after: &World<S>) -> String {
        let mut line = describe_action(self.spec(), before, action);
        for (id, (was, is)) in before.ids().zip(before.machines().zip(after.machines())) {
            let (was, is) = (self.spec().summary(was), self.spec().summary(is));
            if was != is {
                // Writing to a string does not fail.
                let _ = write!(line, "  [{id}: {}]", changed(&was, &is));
            }
        }
        if let Some(property) = after.broken() {
            let _ = write!(line, "  (violates \"{property}\")");
        }
        line
    }
}

/// What changed of a summary, part by part where it has as many as before.
fn changed(was: &str, is: &str) -> String {
    let (before, after) = (was.split(", "), is.split(", "));
    if before.clone().count() != after.clone().count() {
        return format!("{was} -> {is}");
    }
    let parts = before.zip(after).filter(|(was, is)| was != is).map(|(was, is)| format!("{was} -> {is}"));
    parts.collect::<Vec<_>>().join(", ")
}

/// One action, readable, in the world that it happens in.
fn describe_action<S: Spec>(spec: &S, world: &World<S>, action: &ActionOf<S>) -> String {
    let node = |id: &NodeId| world.node(*id).map(|node| &**node);
    let line = match action {
        Action::Deliver(envelope, _) => sent(spec, envelope),
        Action::Duplicate(envelope, _) => format!("{} (a copy stays in flight)", sent(spec, envelope)),
        Action::Drop(envelope) => format!("{} (lost)", sent(spec, envelope)),
        Action::Fire(id, timer, _) => format!("{id}: timer {}", spec.show(&Shown::Timer(*timer))),
        Action::Request(id, request, _) => format!("{id}: asked to {}", spec.show(&Shown::Request(request))),
        Action::Flush(id) => {
            let record = node(id).and_then(|node| node.records().next());
            let record = record.map(|record| spec.show(&Shown::Record(record)));
            format!("{id}: durable: {}", record.unwrap_or_else(|| "nothing".to_owned()))
        }
        Action::Inbox(id, _) => {
            let owed = node(id).and_then(|node| node.inbox.front());
            format!("{id}: {}", owed.map_or_else(|| "takes nothing".to_owned(), |owed| taken(spec, owed)))
        }
        Action::Crash(id, kept, _) => {
            format!("{id}: crash, {}", node(id).map_or_else(String::new, |node| cut(spec, node, *kept)))
        }
        Action::Tick(id, by) => format!("{id}: clock moves by {by} ns"),
    };
    match script(action) {
        [] => line,
        choices => format!("{line}  (choices {choices:?})"),
    }
}

fn sent<S: Spec>(spec: &S, envelope: &Envelope<MessageOf<S>>) -> String {
    format!("{} -> {}: {}", envelope.from, envelope.to, spec.show(&Shown::Message(&envelope.message)))
}

/// What its own driver hands to a node.
fn taken<S: Spec>(spec: &S, owed: &Owed<MessageOf<S>, EntryOf<S>>) -> String {
    match owed {
        Owed::Loopback(message) => format!("hears itself: {}", spec.show(&Shown::Message(message))),
        Owed::Loaded { log, from, entries } => {
            let entries: Vec<_> = entries.iter().map(|entry| spec.show(&Shown::Entry(entry))).collect();
            format!("read back from {log}, {from} and on: [{}]", entries.join(", "))
        }
    }
}

/// What of the held effects happened before a crash.
fn cut<S: Spec>(spec: &S, node: &Node<S>, kept: usize) -> String {
    let held: Vec<String> = node.ledger.held().map(|held| waiting(spec, held)).collect();
    let (done, lost) = held.split_at(kept.min(held.len()));
    let mut parts = Vec::new();
    for (fate, effects) in [("after", done), ("losing", lost)] {
        if !effects.is_empty() {
            parts.push(format!("{fate} {}", effects.join("; ")));
        }
    }
    if parts.is_empty() { "with nothing held".to_owned() } else { parts.join(" | ") }
}

/// An effect that waits for durability.
fn waiting<S: Spec>(spec: &S, held: &Held<MessageOf<S>, CellOf<S>, EntryOf<S>, NoticeOf<S>>) -> String {
    match held {
        Held::Record(record) => format!("durable: {}", spec.show(&Shown::Record(record))),
        Held::Output(output) => leaving(spec, output),
    }
}

fn leaving<S: Spec>(spec: &S, output: &OutputOf<S::Machine>) -> String {
    match output {
        Output::Send { to, message } => format!("-> {to}: {}", spec.show(&Shown::Message(message))),
        Output::Loopback(message) => format!("-> itself: {}", spec.show(&Shown::Message(message))),
        Output::Notify(notice) => format!("tells {}", spec.show(&Shown::Notice(notice))),
        Output::Load { log, from, upto } => format!("reads {log}, {from} to {upto}"),
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
