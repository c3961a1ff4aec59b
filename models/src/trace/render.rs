//! Actions and worlds in words.

use std::fmt::Write as _;

use quorate::id::NodeId;
use quorate::ledger::{Held, Output, OutputOf};

use super::TraceOf;
use crate::network::Envelope;
use crate::node::{Node, Owed};
use crate::spec::{CellOf, EntryOf, MessageOf, NoticeOf, Shown, Spec};
use crate::world::{Action, ActionOf, Refused, Rules, World};

impl<S: Spec> Rules<S> {
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

impl<S: Spec> Rules<S> {
    /// One action in words, in the world that it is to happen in.
    pub(crate) fn name(&self, world: &World<S>, action: &ActionOf<S>) -> String {
        describe_action(self.spec(), world, action)
    }

    /// Why an action is refused, in words.
    pub(crate) fn why(&self, world: &World<S>, action: &ActionOf<S>, refused: Refused) -> String {
        let nodes = world.nodes().len();
        let is_there = |id: &NodeId| world.node(*id).is_some();
        match (refused, action) {
            (Refused::Bound(bound), _) => format!("the bound on `{bound}` of this world withholds it"),
            _ if world.broken().is_some() => {
                "a property fell before, and no world goes on from there".to_owned()
            }
            (_, Action::Deliver(envelope, _) | Action::Duplicate(envelope, _) | Action::Drop(envelope)) => {
                let flying = world.network().iter().filter(|flying| flying.to == envelope.to);
                let flying: Vec<String> = flying.map(|flying| sent(self.spec(), flying)).collect();
                format!(
                    "that message is not in flight; to {} there are: [{}]",
                    envelope.to,
                    flying.join("; ")
                )
            }
            (_, Action::Fire(id, ..) | Action::Flush(id) | Action::Inbox(id, _) | Action::Crash(id, ..))
                if !is_there(id) =>
            {
                format!("there is no {id}; the nodes are n0 to n{}", nodes.saturating_sub(1))
            }
            (_, Action::Request(id, ..) | Action::Tick(id, _)) if !is_there(id) => {
                format!("there is no {id}; the nodes are n0 to n{}", nodes.saturating_sub(1))
            }
            (_, Action::Fire(..)) => "that timer is not set".to_owned(),
            (_, Action::Flush(_)) => "nothing waits to become durable".to_owned(),
            (_, Action::Inbox(..)) => "nothing is owed to the node".to_owned(),
            (_, Action::Crash(id, ..)) => {
                let held = world.node(*id).map_or(0, |node| node.ledger.held().len());
                format!("it holds {held} effects back, so no more than those can have happened")
            }
            (_, Action::Tick(..)) => "a clock does not move by that much here".to_owned(),
            (_, Action::Request(..)) => "it makes no sense here".to_owned(),
        }
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
            let parts = node(id).map_or_else(Vec::new, |node| cut(spec, node, *kept));
            let parts = if parts.is_empty() { "with nothing held".to_owned() } else { parts.join(" | ") };
            format!("{id}: crash, {parts}")
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

/// What of the held effects happened before a crash, and what was lost.
pub(crate) fn cut<S: Spec>(spec: &S, node: &Node<S>, kept: usize) -> Vec<String> {
    let held: Vec<String> = node.ledger.held().map(|held| waiting(spec, held)).collect();
    let (done, lost) = held.split_at(kept.min(held.len()));
    let parts = [("after", done), ("losing", lost)].into_iter().filter(|(_, effects)| !effects.is_empty());
    parts.map(|(fate, effects)| format!("{fate} {}", effects.join("; "))).collect()
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
pub(super) fn script<M, T, R>(action: &Action<M, T, R>) -> &[u32] {
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
