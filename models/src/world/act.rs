//! What comes of an action.

use std::sync::Arc;

use quorate::durable::Image;
use quorate::id::NodeId;
use quorate::ledger::{Held, Output, OutputOf};
use quorate::machine::{Input, InputOf, RecordOf};
use quorate::time::Time;
use smallvec::SmallVec;

use super::offer::owed_input;
use super::{
    Action, ActionOf, MISFIT, Refused, Rules, Spent, TOTAL, UNANNOUNCED, UNRECOVERABLE, World, slot,
};
use crate::caught::caught;
use crate::network::{Envelope, Network};
use crate::node::{Frozen, Node, Owed};
use crate::spec::{Event, Origin, Seen, Spec};

type Outputs<S> = SmallVec<[OutputOf<<S as Spec>::Machine>; 4]>;
type Records<S> = SmallVec<[RecordOf<<S as Spec>::Machine>; 2]>;

/// How many rounds of writing and delivering to oneself a world gets to come to rest before it begins.
const SETTLING_ROUNDS: usize = 64;

/// What happened to one node, but for the machines before and after.
struct Happened<'a, S: Spec> {
    event: Event<'a, S>,
    outputs: Outputs<S>,
    durable: Records<S>,
}

impl<S: Spec> Rules<S> {
    /// The worlds that everything begins with: nodes started, everything durable, loopbacks delivered.
    #[must_use]
    pub fn initial(&self) -> Vec<World<S>> {
        let origins = self.spec.origins();
        origins.into_iter().map(|origin| self.canonical(self.originate(origin))).collect()
    }

    fn originate(&self, origin: Origin<S>) -> World<S> {
        let mut disks = origin.disks.into_iter();
        let mut world = World {
            nodes: SmallVec::new(),
            network: Network::default(),
            spent: Spent::default(),
            history: origin.history,
            broken: None,
        };
        for id in (0..self.spec.nodes()).map(|at| NodeId(at as u64)) {
            let (disk, applied) = disks.next().unwrap_or_else(|| (Image::default(), 0));
            match self.spec.recover(id, &disk, applied) {
                Ok(machine) => {
                    let node = Node::new(id, machine, disk, applied, Time::ZERO);
                    world.nodes.push(Arc::new(Frozen::new(&self.spec, node)));
                }
                // No world begins with a disk that does not recover: whoever wrote it must see it fall.
                Err(_) => world.broken = Some(UNRECOVERABLE),
            }
        }
        for id in world.ids() {
            if let Some(node) = world.node(id).map(|node| (**node).clone()) {
                // Bounds do not apply to where a world begins.
                let _ = self.step(&mut world, id, node, Input::Start, Event::Started, &[]);
            }
        }
        for _ in 0..SETTLING_ROUNDS {
            for id in world.ids() {
                while self.flush(&mut world, id).is_ok() {}
                while self.take_owed(&mut world, id, &[]).is_ok() {}
            }
        }
        world
    }

    /// The world after `action`, under the canonical names of its nodes.
    ///
    /// # Errors
    /// [`Refused`], where a bound withholds it or it makes no sense.
    pub fn apply(&self, world: &World<S>, action: &ActionOf<S>) -> Result<World<S>, Refused> {
        self.apply_named(world, action).map(|next| self.canonical(next))
    }

    /// The world after `action`, with every node keeping its name.
    ///
    /// # Errors
    /// [`Refused`], where a bound withholds it or it makes no sense.
    pub fn apply_named(&self, world: &World<S>, action: &ActionOf<S>) -> Result<World<S>, Refused> {
        if world.broken.is_some() {
            return Err(Refused::Impossible);
        }
        let mut next = world.clone();
        match action {
            Action::Deliver(envelope, script) => {
                possible(next.network.remove(envelope))?;
                self.receive(&mut next, envelope, script)?;
            }
            Action::Duplicate(envelope, script) => {
                possible(next.network.contains(envelope))?;
                spend(&mut next.spent.duplicates, self.limits.duplicates, "duplicates")?;
                self.receive(&mut next, envelope, script)?;
            }
            Action::Drop(envelope) => possible(next.network.remove(envelope))?,
            Action::Fire(id, timer, script) => {
                let mut node = self.open(&next, *id)?;
                possible(node.ledger.timers().iter().any(|(set, _)| set == *timer))?;
                node.ledger.timers_mut().cancel(*timer);
                self.step(&mut next, *id, node, Input::Timer(*timer), Event::Expired(*timer), script)?;
            }
            Action::Request(id, request, script) => {
                spend(&mut next.spent.requests, self.limits.requests, "requests")?;
                let node = self.open(&next, *id)?;
                let input = Input::Request(request.clone());
                self.step(&mut next, *id, node, input, Event::Asked(request), script)?;
            }
            Action::Flush(id) => self.flush(&mut next, *id)?,
            Action::Inbox(id, script) => self.take_owed(&mut next, *id, script)?,
            Action::Crash(id, kept, script) => {
                spend(&mut next.spent.crashes, self.limits.crashes, "crashes")?;
                self.crash(&mut next, *id, *kept, script)?;
            }
            Action::Tick(id, by) => {
                spend(&mut next.spent.ticks, self.limits.ticks, "ticks")?;
                self.tick(&mut next, *id, *by)?;
            }
        }
        self.drop_inert(&mut next);
        self.within(world, next)
    }

    /// Takes out of flight what can never again change anything.
    fn drop_inert(&self, world: &mut World<S>) {
        let World { nodes, network, .. } = world;
        network.retain(|envelope| {
            let receiver = nodes.get(slot(envelope.to));
            !receiver.is_some_and(|receiver| self.spec.inert(receiver, envelope.from, &envelope.message))
        });
    }

    /// Refuses a world with more messages in flight than the limit, unless it has no more than before.
    fn within(&self, before: &World<S>, after: World<S>) -> Result<World<S>, Refused> {
        if let Some(most) = self.limits.in_flight {
            let flying = after.in_flight();
            if flying as u64 > most && flying > before.in_flight() {
                return Err(Refused::Bound("in_flight"));
            }
        }
        Ok(after)
    }

    /// A copy of a node, to be changed.
    fn open(&self, world: &World<S>, id: NodeId) -> Result<Node<S>, Refused> {
        world.node(id).map(|node| (**node).clone()).ok_or(Refused::Impossible)
    }

    fn receive(
        &self,
        world: &mut World<S>,
        envelope: &Envelope<crate::spec::MessageOf<S>>,
        script: &[u32],
    ) -> Result<(), Refused> {
        let Envelope { from, to, message } = envelope;
        let node = self.open(world, *to)?;
        let input = Input::Message { from: *from, message: message.clone() };
        self.step(world, *to, node, input, Event::Received { from: *from, message }, script)
    }

    /// The node takes the first input that is owed to it.
    fn take_owed(&self, world: &mut World<S>, id: NodeId, script: &[u32]) -> Result<(), Refused> {
        possible(world.node(id).is_some_and(|node| !node.inbox.is_empty()))?;
        let mut node = self.open(world, id)?;
        let owed = node.inbox.pop_front().ok_or(Refused::Impossible)?;
        let input = owed_input::<S>(id, owed.clone());
        let event = match &owed {
            Owed::Loopback(message) => Event::Received { from: id, message },
            Owed::Loaded { .. } => Event::Loaded,
        };
        self.step(world, id, node, input, event, script)
    }

    /// One step of one machine, with all that follows at once.
    fn step(
        &self,
        world: &mut World<S>,
        id: NodeId,
        mut node: Node<S>,
        input: InputOf<S::Machine>,
        event: Event<'_, S>,
        script: &[u32],
    ) -> Result<(), Refused> {
        match caught(|| node.step(input, script)) {
            Some(asked) if asked.is_empty() || self.spec.chooses() => {}
            Some(_) => world.broken = Some(UNANNOUNCED),
            None => {
                // What a panic leaves behind means nothing: the node stays as it was.
                world.broken = Some(TOTAL);
                return Ok(());
            }
        }
        if let Some(bound) = self.spec.exceeds(&node.machine) {
            return Err(Refused::Bound(bound));
        }
        node.ledger.canonicalise();
        if let Err(property) = node.check_durable(&self.spec) {
            world.broken = Some(property);
        }
        self.settle(world, id, node, event, Records::<S>::new());
        Ok(())
    }

    /// The next record of a node becomes durable.
    fn flush(&self, world: &mut World<S>, id: NodeId) -> Result<(), Refused> {
        possible(world.node(id).is_some_and(|node| node.ledger.is_waiting()))?;
        let mut node = self.open(world, id)?;
        let batch = node.ledger.begin_batch(1).ok_or(Refused::Impossible)?;
        let durable: Records<S> = node.ledger.batch().cloned().collect();
        if node.write(durable.iter().cloned()).is_err() {
            world.broken = Some(MISFIT);
        }
        node.ledger.complete(batch);
        self.settle(world, id, node, Event::Flushed, durable);
        Ok(())
    }

    /// Carries out what is ready to leave, puts the node in its place and tells the observer.
    fn settle(
        &self,
        world: &mut World<S>,
        id: NodeId,
        mut node: Node<S>,
        event: Event<'_, S>,
        durable: Records<S>,
    ) {
        let mut outputs = Outputs::<S>::new();
        while let Some(output) = node.ledger.next_output() {
            self.carry_out(world, id, &mut node, &output);
            outputs.push(output);
        }
        self.put(world, id, node, Happened { event, outputs, durable });
    }

    /// Puts a node in its place and tells the observer.
    fn put(&self, world: &mut World<S>, id: NodeId, node: Node<S>, happened: Happened<'_, S>) {
        let World { nodes, history, broken, .. } = world;
        let Some(place) = nodes.get_mut(slot(id)) else { return };
        let before = std::mem::replace(place, Arc::new(Frozen::new(&self.spec, node)));
        let Some(after) = nodes.get(slot(id)) else { return };
        let seen = Seen {
            node: id,
            event: happened.event,
            before: &before.machine,
            after: &after.machine,
            applied_before: before.applied,
            outputs: &happened.outputs,
            durable: &happened.durable,
            nodes,
        };
        if let Err(property) = self.spec.observe(&seen, history) {
            broken.get_or_insert(property);
        }
    }

    /// One output leaves a node. A message to a node that does not exist is lost.
    fn carry_out(&self, world: &mut World<S>, id: NodeId, node: &mut Node<S>, output: &OutputOf<S::Machine>) {
        match output {
            Output::Send { to, message } if slot(*to) < world.nodes.len() => {
                world.network.insert(Envelope { from: id, to: *to, message: message.clone() });
            }
            Output::Send { .. } => {}
            Output::Loopback(message) => node.inbox.push_back(Owed::Loopback(message.clone())),
            Output::Notify(notice) => {
                if let Some(applied) = self.spec.applied(notice) {
                    node.applied = node.applied.max(applied);
                }
            }
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

    /// What a node leaves behind that crashes after `kept` of its held effects, and what happened of them.
    fn crashed(
        &self,
        world: &mut World<S>,
        id: NodeId,
        node: &Node<S>,
        kept: usize,
    ) -> (Node<S>, Outputs<S>, Records<S>) {
        let mut left = node.clone();
        let (mut outputs, mut durable) = (Outputs::<S>::new(), Records::<S>::new());
        for held in node.ledger.held().take(kept) {
            match held {
                Held::Record(record) => durable.push(record.clone()),
                Held::Output(output @ (Output::Send { .. } | Output::Notify(_))) => {
                    self.carry_out(world, id, &mut left, output);
                    outputs.push(output.clone());
                }
                // What it would have been told is lost with it.
                Held::Output(Output::Loopback(_) | Output::Load { .. }) => {}
            }
        }
        if left.write(durable.iter().cloned()).is_err() {
            world.broken = Some(MISFIT);
        }
        (left, outputs, durable)
    }

    /// The node of the next life; none if its disk does not recover.
    pub(super) fn reborn(&self, id: NodeId, node: &Node<S>, kept: usize) -> Option<Node<S>> {
        let mut nowhere = World {
            nodes: SmallVec::new(),
            network: Network::default(),
            spent: Spent::default(),
            history: S::History::default(),
            broken: None,
        };
        let (left, _, _) = self.crashed(&mut nowhere, id, node, kept);
        self.revive(id, &left)
    }

    fn revive(&self, id: NodeId, left: &Node<S>) -> Option<Node<S>> {
        let machine = caught(|| self.spec.recover(id, left.disk(), left.applied))?.ok()?;
        self.spec.agrees(&machine, left.disk()).ok()?;
        Some(Node::new(id, machine, left.disk().clone(), left.applied, left.now))
    }

    /// The node crashes after `kept` of its held effects happened, recovers and starts.
    fn crash(&self, world: &mut World<S>, id: NodeId, kept: usize, script: &[u32]) -> Result<(), Refused> {
        let node = self.open(world, id)?;
        possible(kept <= node.ledger.held().len())?;
        let (left, outputs, durable) = self.crashed(world, id, &node, kept);
        let reborn = self.revive(id, &left);
        self.put(world, id, left, Happened { event: Event::Crashed, outputs, durable });
        let Some(node) = reborn else {
            world.broken.get_or_insert(UNRECOVERABLE);
            return Ok(());
        };
        let none = (Outputs::<S>::new(), Records::<S>::new());
        let recovered = Happened { event: Event::Recovered, outputs: none.0, durable: none.1 };
        self.put(world, id, node.clone(), recovered);
        self.step(world, id, node, Input::Start, Event::Started, script)
    }

    fn tick(&self, world: &mut World<S>, id: NodeId, by: i64) -> Result<(), Refused> {
        possible(self.spec.ticks().contains(&by))?;
        let mut node = self.open(world, id)?;
        node.now = Time(node.now.0.checked_add_signed(by).ok_or(Refused::Impossible)?);
        if let Some(place) = world.nodes.get_mut(slot(id)) {
            *place = Arc::new(Frozen::new(&self.spec, node));
        }
        let clocks = || world.nodes.iter().map(|node| node.now.0);
        let apart = clocks().max().unwrap_or(0) - clocks().min().unwrap_or(0);
        match self.limits.drift {
            Some(most) if apart > most => Err(Refused::Bound("drift")),
            _ => Ok(()),
        }
    }
}

/// Refuses what makes no sense.
fn possible(holds: bool) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused::Impossible) }
}

/// Spends one of a budget; of one without a limit nothing is counted.
fn spend(spent: &mut u64, limit: Option<u64>, bound: &'static str) -> Result<(), Refused> {
    match limit {
        None => Ok(()),
        Some(most) if *spent < most => {
            *spent += 1;
            Ok(())
        }
        Some(_) => Err(Refused::Bound(bound)),
    }
}
