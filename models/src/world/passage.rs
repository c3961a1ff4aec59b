//! What one node goes through in one action.
//!
//! It depends on the node and on what befalls it, and on nothing else in the world: that is what makes a
//! machine a pure function worth having. What the observer makes of it depends on the history besides. So
//! each worker remembers both, under fingerprints, and most actions of an exploration are a look-up. A wrong
//! answer takes two nodes, two messages or two histories with one fingerprint: the set of visited worlds,
//! which is made of the same fingerprints, would confuse them too, and there are far fewer of them than of
//! worlds ([`Report::expected_collisions`](crate::check::Report::expected_collisions)).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quorate::id::NodeId;
use quorate::ledger::{Held, Output, OutputOf};
use quorate::machine::{Input, InputOf, RecordOf};
use quorate::time::Delay;
use smallvec::SmallVec;

use super::offer::owed_input;
use super::{MISFIT, Refused, Rules, Script, TOTAL, UNANNOUNCED, UNRECOVERABLE, slot};
use crate::cache::Cache;
use crate::caught::caught;
use crate::coverage::{Met, Tally};
use crate::hash::{fingerprint, mix};
use crate::network::{Envelope, Flying};
use crate::node::{Armed, Frozen, Node, Owed};
use crate::past::Past;
use crate::spec::{Event, MessageOf, RequestOf, Seen, Spec, TimerOf};

/// How much of each kind every generation of a worker's memory holds.
const REMEMBERED: usize = 1 << 15;

type Outputs<S> = SmallVec<[OutputOf<<S as Spec>::Machine>; 2]>;
type Records<S> = SmallVec<[RecordOf<<S as Spec>::Machine>; 1]>;
/// What a node sent.
pub(crate) type Sent<S> = Arc<Flying<MessageOf<S>>>;
type Sends<S> = SmallVec<[Sent<S>; 2]>;

/// What came of it, behind a pointer, or why nothing did.
type Outcome<T> = Result<Arc<T>, Refused>;

/// What a worker remembers.
pub(crate) struct Memory<S: Spec> {
    /// By the fingerprints of the node, of what befell it, and of the history.
    passages: Cache<(u64, u64, u64), Outcome<Passage<S>>>,
    /// By the fingerprints of the node and of what befell it.
    courses: Cache<(u64, u64), Outcome<Course<S>>>,
    parts: Parts<S>,
    pub(super) tally: Tally,
}

/// Nodes and messages that came of something, by their fingerprints: many courses lead to one node.
struct Parts<S: Spec> {
    nodes: Cache<u64, Arc<Frozen<S>>>,
    messages: Cache<u64, Sent<S>>,
}

impl<S: Spec> Default for Memory<S> {
    fn default() -> Self {
        Self {
            passages: Cache::default(),
            courses: Cache::default(),
            parts: Parts { nodes: Cache::default(), messages: Cache::default() },
            tally: Tally::default(),
        }
    }
}

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

    /// What the observer is told of stage `at`.
    fn event<'e>(&'e self, id: NodeId, before: &'e Node<S>, at: usize) -> Event<'e, S> {
        match self {
            Self::Message(flying) => {
                let Envelope { from, message, .. } = flying.envelope();
                Event::Received { from: *from, message }
            }
            Self::Timer(timer) => Event::Expired(*timer),
            Self::Request(request) => Event::Asked(*request),
            Self::Flush => Event::Flushed,
            Self::Inbox => match before.inbox.front() {
                Some(Owed::Loopback(message)) => Event::Received { from: id, message },
                _ => Event::Loaded,
            },
            Self::Crash(_) if at == 0 => Event::Crashed,
            Self::Crash(_) if at == 1 => Event::Recovered,
            Self::Crash(_) | Self::Start => Event::Started,
        }
    }
}

/// What came of it in a world of some history.
pub(crate) struct Passage<S: Spec> {
    course: Arc<Course<S>>,
    /// The history after.
    pub(super) past: Arc<Past<S::History>>,
    /// The property that fell.
    pub(super) broken: Option<&'static str>,
}

/// What came of it in any world.
struct Course<S: Spec> {
    stages: SmallVec<[Stage<S>; 1]>,
    sends: Sends<S>,
    /// What it counts as.
    met: Met,
    /// The property that fell at the end.
    broken: Option<&'static str>,
}

/// One event of a node: a crash is three of them.
struct Stage<S: Spec> {
    after: Arc<Frozen<S>>,
    outputs: Outputs<S>,
    durable: Records<S>,
    /// The timers that were set, with the range of each delay.
    armed: Armed<TimerOf<S>>,
    /// The property that fell before the observer could see.
    broken: Option<&'static str>,
}

impl<S: Spec> Passage<S> {
    /// The node after; none if it stayed as it was.
    pub(super) fn after(&self) -> Option<&Arc<Frozen<S>>> {
        self.course.stages.last().map(|stage| &stage.after)
    }

    /// What it sent.
    pub(crate) fn sends(&self) -> &[Sent<S>] {
        &self.course.sends
    }

    /// Whether a message left it as it stepped last: of a crash, in its next life.
    pub(crate) fn speaks_last(&self) -> bool {
        let last = self.course.stages.last();
        last.is_some_and(|stage| stage.outputs.iter().any(|output| matches!(output, Output::Send { .. })))
    }

    /// What left it, in order.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &OutputOf<S::Machine>> {
        self.course.stages.iter().flat_map(|stage| &stage.outputs)
    }

    /// The timers that it set, with the range of each delay, in order.
    pub(crate) fn armed(&self) -> impl Iterator<Item = &(TimerOf<S>, Delay)> {
        self.course.stages.iter().flat_map(|stage| &stage.armed)
    }
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
    ) -> Outcome<Passage<S>> {
        let Memory { passages, courses, parts, tally } = &mut *self.memory.mine();
        let passed = if self.simulating {
            let course = self.course(id, before, cause, script, None, tally);
            course.map(|course| Arc::new(self.observed(id, before, past, cause, course, tally)))
        } else {
            let (node, cause_print) = (before.fingerprint(), cause.fingerprint(script));
            passages.get((node, cause_print, past.fingerprint()), REMEMBERED, || {
                let course = courses.get((node, cause_print), REMEMBERED, || {
                    self.course(id, before, cause, script, Some(parts), tally)
                })?;
                Ok(Arc::new(self.observed(id, before, past, cause, course, tally)))
            })
        };
        if let Ok(passage) = &passed {
            tally.count(&passage.course.met);
        }
        passed
    }

    /// What comes of it in any world.
    fn course(
        &self,
        id: NodeId,
        before: &Arc<Frozen<S>>,
        cause: &Cause<'_, S>,
        script: &Script,
        parts: Option<&mut Parts<S>>,
        tally: &mut Tally,
    ) -> Outcome<Course<S>> {
        let (stages, sends, met) = (SmallVec::new(), SmallVec::new(), Met::new());
        let course = Course { stages, sends, met, broken: None };
        let mut passing = Passing { rules: self, id, node: Arc::clone(before), course, parts };
        passing.go(cause, script)?;
        let mut course = passing.course;
        if let Some(last) = course.stages.last() {
            let (event, outputs) =
                (cause.event(id, before, 0), course.stages.iter().flat_map(|stage| &stage.outputs));
            course.met = tally.met(&self.spec, &event, (&before.machine, &last.after.machine), outputs);
        }
        Ok(Arc::new(course))
    }

    /// What the observer makes of it.
    fn observed(
        &self,
        id: NodeId,
        before: &Arc<Frozen<S>>,
        past: &Arc<Past<S::History>>,
        cause: &Cause<'_, S>,
        course: Arc<Course<S>>,
        tally: &mut Tally,
    ) -> Passage<S> {
        let (mut history, mut broken) = ((***past).clone(), None);
        let mut node = before;
        for (at, stage) in course.stages.iter().enumerate() {
            broken = broken.or(stage.broken);
            let seen = Seen {
                node: id,
                event: cause.event(id, before, at),
                before: &node.machine,
                after: &stage.after.machine,
                applied_before: node.applied,
                outputs: &stage.outputs,
                durable: &stage.durable,
                frozen: &stage.after,
            };
            self.note_premises(&seen, &history, tally);
            if let Err(property) = self.spec.observe(&seen, &mut history) {
                broken.get_or_insert(property);
            }
            node = &stage.after;
        }
        broken = broken.or(course.broken);
        let past = if history == ***past { Arc::clone(past) } else { Arc::new(Past::new(history)) };
        Passage { course, past, broken }
    }

    /// Notes the properties whose premises are met here and were not before.
    fn note_premises(&self, seen: &Seen<'_, S>, history: &S::History, tally: &mut Tally) {
        for (bit, premise) in self.premises() {
            if tally.premises & bit == 0 && premise(seen, history) {
                tally.premises |= bit;
            }
        }
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
    course: Course<S>,
    /// What a worker remembers of nodes and messages, if it remembers anything.
    parts: Option<&'a mut Parts<S>>,
}

impl<S: Spec> Passing<'_, S> {
    fn go(&mut self, cause: &Cause<'_, S>, script: &[u32]) -> Result<(), Refused> {
        let mut node = self.open();
        let input = match cause {
            Cause::Message(flying) => {
                let Envelope { from, message, .. } = flying.envelope();
                Input::Message { from: *from, message: message.clone() }
            }
            Cause::Timer(timer) => {
                node.ledger.timers_mut().cancel(*timer);
                Input::Timer(*timer)
            }
            Cause::Request(request) => Input::Request((*request).clone()),
            Cause::Inbox => owed_input::<S>(self.id, node.inbox.pop_front().ok_or(Refused::Impossible)?),
            Cause::Start => Input::Start,
            Cause::Flush => return self.flush(),
            Cause::Crash(kept) => return self.crash(*kept, script),
        };
        self.step(node, input, script)
    }

    /// A copy of the node, to be changed.
    fn open(&self) -> Node<S> {
        (**self.node).clone()
    }

    /// One step of the machine, with all that follows at once.
    fn step(&mut self, mut node: Node<S>, input: InputOf<S::Machine>, script: &[u32]) -> Result<(), Refused> {
        let spec = &self.rules.spec;
        let mut broken = None;
        let Some(stepped) = caught(|| node.step(input, script)) else {
            // What a panic leaves behind means nothing: the node stays as it was.
            self.course.broken.get_or_insert(TOTAL);
            return Ok(());
        };
        if !stepped.asked.is_empty() && !spec.chooses() {
            broken = Some(UNANNOUNCED);
        }
        if let Some(bound) = spec.exceeds(&node.machine) {
            return Err(Refused::Bound(bound));
        }
        node.ledger.canonicalise();
        let broken = broken.or(node.check_durable(spec).err());
        self.settle(node, Records::<S>::new(), broken);
        if let Some(stage) = self.course.stages.last_mut() {
            stage.armed = stepped.armed;
        }
        Ok(())
    }

    /// The next record becomes durable.
    fn flush(&mut self) -> Result<(), Refused> {
        let mut node = self.open();
        let batch = node.ledger.begin_batch(1).ok_or(Refused::Impossible)?;
        let durable: Records<S> = node.ledger.batch().cloned().collect();
        let broken = node.write(durable.iter().cloned()).err().map(|_| MISFIT);
        node.ledger.complete(batch);
        self.settle(node, durable, broken);
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
        let broken = left.write(durable.iter().cloned()).err().map(|_| MISFIT);
        let reborn = self.rules.revive(self.id, &left);
        self.put(left, outputs, durable, broken);
        let Some(node) = reborn else {
            self.course.broken.get_or_insert(UNRECOVERABLE);
            return Ok(());
        };
        self.put(node.clone(), Outputs::<S>::new(), Records::<S>::new(), None);
        self.step(node, Input::Start, script)
    }

    /// Carries out what is ready to leave.
    fn settle(&mut self, mut node: Node<S>, durable: Records<S>, broken: Option<&'static str>) {
        let mut outputs = Outputs::<S>::new();
        while let Some(output) = node.ledger.next_output() {
            self.carry_out(&mut node, &output);
            outputs.push(output);
        }
        self.put(node, outputs, durable, broken);
    }

    /// The node is as it is at the end of a stage.
    fn put(&mut self, node: Node<S>, outputs: Outputs<S>, durable: Records<S>, broken: Option<&'static str>) {
        let after = Arc::new(Frozen::new(node));
        self.node = match &mut self.parts {
            Some(parts) => parts.nodes.get(after.fingerprint(), REMEMBERED, || after),
            None => after,
        };
        let (after, armed) = (Arc::clone(&self.node), SmallVec::new());
        self.course.stages.push(Stage { after, outputs, durable, armed, broken });
    }

    /// One output leaves the node. A message to a node that does not exist is lost.
    fn carry_out(&mut self, node: &mut Node<S>, output: &OutputOf<S::Machine>) {
        let spec = &self.rules.spec;
        match output {
            Output::Send { to, message } if slot(*to) < spec.nodes() && spec.linked(self.id, *to) => {
                let envelope = Envelope { from: self.id, to: *to, message: message.clone() };
                // What tells messages apart whatever the names is for symmetry alone.
                let signature = if self.rules.symmetric { spec.message_signature(message) } else { 0 };
                let sent = Arc::new(Flying::new(envelope, signature));
                self.course.sends.push(match &mut self.parts {
                    Some(parts) => parts.messages.get(sent.fingerprint(), REMEMBERED, || sent),
                    None => sent,
                });
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
