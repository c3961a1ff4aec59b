//! What one node goes through in one action.
//!
//! It depends on the node, on what befalls it and on the history, and on nothing else in the world: that is
//! what makes a machine a pure function worth having. So each worker remembers it, under the fingerprints of
//! the three, and most actions of an exploration are a look-up. A wrong answer takes two nodes, two messages
//! or two histories with one fingerprint: the set of visited worlds, which is made of the same fingerprints,
//! would confuse them too, and there are far fewer of them than of worlds
//! ([`Report::expected_collisions`](crate::check::Report::expected_collisions)).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quorate::id::NodeId;
use quorate::ledger::{Held, Output, OutputOf};
use quorate::machine::{Input, InputOf, RecordOf};
use smallvec::SmallVec;

use super::offer::owed_input;
use super::{MISFIT, Refused, Rules, Script, TOTAL, UNANNOUNCED, UNRECOVERABLE, slot};
use crate::cache::Cache;
use crate::caught::caught;
use crate::hash::{fingerprint, mix};
use crate::history::Past;
use crate::network::{Envelope, Flying};
use crate::node::{Frozen, Node, Owed};
use crate::spec::{Event, MessageOf, RequestOf, Seen, Spec, TimerOf};
use crate::stripes::Stripes;

/// How many passages each generation of a worker's memory holds.
const REMEMBERED: usize = 1 << 15;

type Outputs<S> = SmallVec<[OutputOf<<S as Spec>::Machine>; 4]>;
type Records<S> = SmallVec<[RecordOf<<S as Spec>::Machine>; 2]>;
/// What a node sent.
pub(super) type Sent<S> = Arc<Flying<MessageOf<S>>>;
type Sends<S> = SmallVec<[Sent<S>; 2]>;

/// Passages by the fingerprints of the node, of what befell it, and of the history.
pub(crate) type Passages<S> = Stripes<Cache<(u64, u64, u64), Result<Arc<Passage<S>>, Refused>>>;

/// What befalls a node.
pub(super) enum Cause<'a, S: Spec> {
    Message(&'a Flying<MessageOf<S>>),
    Timer(TimerOf<S>),
    Request(&'a RequestOf<S>),
    Flush,
    Inbox,
    Crash(usize),
    Start,
}

impl<S: Spec> Hash for Cause<'_, S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Message(flying) => flying.fingerprint().hash(state),
            Self::Timer(timer) => timer.hash(state),
            Self::Request(request) => request.hash(state),
            Self::Crash(kept) => kept.hash(state),
            Self::Flush | Self::Inbox | Self::Start => {}
        }
    }
}

impl<S: Spec> Cause<'_, S> {
    fn fingerprint(&self, script: &Script) -> u64 {
        match self {
            Self::Message(flying) if script.is_empty() => flying.fingerprint(),
            _ if script.is_empty() => fingerprint(self),
            _ => mix(fingerprint(self), fingerprint(script)),
        }
    }
}

/// What came of it.
pub(crate) struct Passage<S: Spec> {
    /// The node after.
    pub(super) after: Arc<Frozen<S>>,
    /// The history after.
    pub(super) past: Arc<Past<S::History>>,
    /// What it sent.
    pub(super) sends: Sends<S>,
    /// The property that fell.
    pub(super) broken: Option<&'static str>,
}

impl<S: Spec> Rules<S> {
    /// What node `id` goes through.
    pub(super) fn passage(
        &self,
        id: NodeId,
        before: &Arc<Frozen<S>>,
        past: &Arc<Past<S::History>>,
        cause: &Cause<'_, S>,
        script: &Script,
    ) -> Result<Arc<Passage<S>>, Refused> {
        let key = (before.fingerprint(), cause.fingerprint(script), past.fingerprint());
        let make = || {
            let mut passing = Passing {
                rules: self,
                id,
                node: Arc::clone(before),
                history: (**past).clone(),
                sends: Sends::<S>::new(),
                broken: None,
            };
            let went = passing.go(cause, script);
            went.map(|()| {
                let Passing { node, history, sends, broken, .. } = passing;
                // Nodes and histories that did not change stay shared.
                let after = if *node == **before { Arc::clone(before) } else { node };
                let past = if history == ***past { Arc::clone(past) } else { Arc::new(Past::new(history)) };
                Arc::new(Passage { after, past, sends, broken })
            })
        };
        self.passages.mine().get(key, REMEMBERED, make)
    }

    /// The node of the next life; none if its disk does not recover.
    pub(super) fn reborn(&self, id: NodeId, node: &Node<S>, kept: usize) -> Option<Node<S>> {
        let (mut left, mut durable) = (node.clone(), Records::<S>::new());
        for held in node.ledger.held().take(kept) {
            match held {
                Held::Record(record) => durable.push(record.clone()),
                Held::Output(Output::Notify(notice)) => apply(self.spec(), &mut left, notice),
                Held::Output(_) => {}
            }
        }
        // One that does not fit is found when the crash is applied.
        let _ = left.write(durable);
        self.revive(id, &left)
    }

    fn revive(&self, id: NodeId, left: &Node<S>) -> Option<Node<S>> {
        let machine = caught(|| self.spec.recover(id, left.disk(), left.applied))?.ok()?;
        self.spec.agrees(&machine, left.disk()).ok()?;
        Some(Node::new(id, machine, left.disk().clone(), left.applied, left.now))
    }
}

/// A node on its way through one action.
struct Passing<'a, S: Spec> {
    rules: &'a Rules<S>,
    id: NodeId,
    node: Arc<Frozen<S>>,
    history: S::History,
    sends: Sends<S>,
    broken: Option<&'static str>,
}

/// What happened to it, but for the machines before and after.
struct Happened<'a, S: Spec> {
    event: Event<'a, S>,
    outputs: Outputs<S>,
    durable: Records<S>,
}

impl<S: Spec> Passing<'_, S> {
    fn go(&mut self, cause: &Cause<'_, S>, script: &[u32]) -> Result<(), Refused> {
        match cause {
            Cause::Message(flying) => {
                let Envelope { from, message, .. } = flying.envelope();
                let input = Input::Message { from: *from, message: message.clone() };
                self.step(self.open(), input, Event::Received { from: *from, message }, script)
            }
            Cause::Timer(timer) => {
                let mut node = self.open();
                node.ledger.timers_mut().cancel(*timer);
                self.step(node, Input::Timer(*timer), Event::Expired(*timer), script)
            }
            Cause::Request(request) => {
                let input = Input::Request((*request).clone());
                self.step(self.open(), input, Event::Asked(*request), script)
            }
            Cause::Start => self.step(self.open(), Input::Start, Event::Started, script),
            Cause::Flush => self.flush(),
            Cause::Inbox => self.take_owed(script),
            Cause::Crash(kept) => self.crash(*kept, script),
        }
    }

    /// A copy of the node, to be changed.
    fn open(&self) -> Node<S> {
        (**self.node).clone()
    }

    fn breaks(&mut self, property: &'static str) {
        self.broken.get_or_insert(property);
    }

    /// The node takes the first input that is owed to it.
    fn take_owed(&mut self, script: &[u32]) -> Result<(), Refused> {
        let mut node = self.open();
        let owed = node.inbox.pop_front().ok_or(Refused::Impossible)?;
        let input = owed_input::<S>(self.id, owed.clone());
        let event = match &owed {
            Owed::Loopback(message) => Event::Received { from: self.id, message },
            Owed::Loaded { .. } => Event::Loaded,
        };
        self.step(node, input, event, script)
    }

    /// One step of the machine, with all that follows at once.
    fn step(
        &mut self,
        mut node: Node<S>,
        input: InputOf<S::Machine>,
        event: Event<'_, S>,
        script: &[u32],
    ) -> Result<(), Refused> {
        let spec = &self.rules.spec;
        match caught(|| node.step(input, script)) {
            Some(asked) if asked.is_empty() || spec.chooses() => {}
            Some(_) => self.breaks(UNANNOUNCED),
            None => {
                // What a panic leaves behind means nothing: the node stays as it was.
                self.breaks(TOTAL);
                return Ok(());
            }
        }
        if let Some(bound) = spec.exceeds(&node.machine) {
            return Err(Refused::Bound(bound));
        }
        node.ledger.canonicalise();
        if let Err(property) = node.check_durable(spec) {
            self.breaks(property);
        }
        self.settle(node, event, Records::<S>::new());
        Ok(())
    }

    /// The next record becomes durable.
    fn flush(&mut self) -> Result<(), Refused> {
        let mut node = self.open();
        let batch = node.ledger.begin_batch(1).ok_or(Refused::Impossible)?;
        let durable: Records<S> = node.ledger.batch().cloned().collect();
        if node.write(durable.iter().cloned()).is_err() {
            self.breaks(MISFIT);
        }
        node.ledger.complete(batch);
        self.settle(node, Event::Flushed, durable);
        Ok(())
    }

    /// The node crashes after `kept` of its held effects happened, recovers and starts.
    fn crash(&mut self, kept: usize, script: &[u32]) -> Result<(), Refused> {
        let mut left = self.open();
        if kept > left.ledger.held().len() {
            return Err(Refused::Impossible);
        }
        let (mut outputs, mut durable) = (Outputs::<S>::new(), Records::<S>::new());
        let happened: Vec<_> = left.ledger.held().take(kept).cloned().collect();
        for held in happened {
            match held {
                Held::Record(record) => durable.push(record),
                Held::Output(output @ (Output::Send { .. } | Output::Notify(_))) => {
                    self.carry_out(&mut left, &output);
                    outputs.push(output);
                }
                // What it would have been told is lost with it.
                Held::Output(Output::Loopback(_) | Output::Load { .. }) => {}
            }
        }
        if left.write(durable.iter().cloned()).is_err() {
            self.breaks(MISFIT);
        }
        let reborn = self.rules.revive(self.id, &left);
        self.put(left, Happened { event: Event::Crashed, outputs, durable });
        let Some(node) = reborn else {
            self.breaks(UNRECOVERABLE);
            return Ok(());
        };
        let (outputs, durable) = (Outputs::<S>::new(), Records::<S>::new());
        self.put(node.clone(), Happened { event: Event::Recovered, outputs, durable });
        self.step(node, Input::Start, Event::Started, script)
    }

    /// Carries out what is ready to leave and tells the observer.
    fn settle(&mut self, mut node: Node<S>, event: Event<'_, S>, durable: Records<S>) {
        let mut outputs = Outputs::<S>::new();
        while let Some(output) = node.ledger.next_output() {
            self.carry_out(&mut node, &output);
            outputs.push(output);
        }
        self.put(node, Happened { event, outputs, durable });
    }

    /// Freezes the node and tells the observer.
    fn put(&mut self, node: Node<S>, happened: Happened<'_, S>) {
        let spec = &self.rules.spec;
        let before = std::mem::replace(&mut self.node, Arc::new(Frozen::new(spec, node)));
        let seen = Seen {
            node: self.id,
            event: happened.event,
            before: &before.machine,
            after: &self.node.machine,
            applied_before: before.applied,
            outputs: &happened.outputs,
            durable: &happened.durable,
            frozen: &self.node,
        };
        if let Err(property) = spec.observe(&seen, &mut self.history) {
            self.broken.get_or_insert(property);
        }
    }

    /// One output leaves the node. A message to a node that does not exist is lost.
    fn carry_out(&mut self, node: &mut Node<S>, output: &OutputOf<S::Machine>) {
        let spec = &self.rules.spec;
        match output {
            Output::Send { to, message } if slot(*to) < spec.nodes() => {
                let envelope = Envelope { from: self.id, to: *to, message: message.clone() };
                self.sends.push(Arc::new(Flying::new(envelope, spec.message_signature(message))));
            }
            Output::Send { .. } => {}
            Output::Loopback(message) => node.inbox.push_back(Owed::Loopback(message.clone())),
            Output::Notify(notice) => apply(spec, node, notice),
            Output::Load { log, from, upto } => {
                let wanted = node.disk().log(*log).filter(|(at, _)| (*from..=*upto).contains(at));
                let (indices, entries): (Vec<u64>, Vec<_>) =
                    wanted.map(|(at, entry)| (at, entry.clone())).unzip();
                // A range that begins with nothing is answered by nothing.
                let entries = if indices.first() == Some(from) { entries } else { Vec::new() };
                node.inbox.push_back(Owed::Loaded { log: *log, from: *from, entries });
            }
        }
    }
}

/// The application is told something.
fn apply<S: Spec>(spec: &S, node: &mut Node<S>, notice: &crate::spec::NoticeOf<S>) {
    if let Some(applied) = spec.applied(notice) {
        node.applied = node.applied.max(applied);
    }
}
