//! What comes of an action.

use std::sync::Arc;

use quorate::durable::Image;
use quorate::id::NodeId;
use quorate::time::Time;
use smallvec::SmallVec;

use super::passage::{Cause, Passage, Sent};
use super::{Action, ActionOf, Refused, Rules, Script, Spent, UNRECOVERABLE, Withheld, World, slot};
use crate::network::Network;
use crate::node::{Frozen, Node};
use crate::past::Past;
use crate::spec::{Origin, Spec};

/// How many actions a prologue may take.
const PROLOGUE_ACTIONS: usize = 256;
/// How many rounds of writing and delivering to oneself a world gets to come to rest before it begins.
const SETTLING_ROUNDS: usize = 64;

/// What comes of an action, however many messages are in flight then.
pub(super) struct Acted<S: Spec> {
    pub(super) world: World<S>,
    passage: Option<Arc<Passage<S>>>,
}

impl<S: Spec> Acted<S> {
    /// What was sent.
    pub(super) fn sends(&self) -> &[Sent<S>] {
        self.passage.as_ref().map_or(&[], |passage| passage.sends())
    }

    /// Whether the last thing that happened had the node say something at once.
    pub(super) fn speaks_last(&self) -> bool {
        self.passage.as_ref().is_some_and(|passage| passage.speaks_last())
    }
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
            past: Arc::new(Past::new(origin.history)),
            broken: None,
            silent: None,
        };
        for id in (0..self.spec.nodes()).map(|at| NodeId(at as u64)) {
            let (disk, applied) = disks.next().unwrap_or_else(|| (Image::default(), 0));
            match self.spec.recover(id, &disk, applied) {
                Ok(machine) => {
                    let node = Node::new(id, machine, disk, applied, Time::ZERO);
                    world.nodes.push(Arc::new(Frozen::new(node)));
                }
                // No world begins with a disk that does not recover: whoever wrote it must see it fall.
                Err(_) => world.broken = Some(UNRECOVERABLE),
            }
        }
        let script = Script::new();
        for id in world.ids() {
            // Bounds do not apply to where a world begins.
            let _ = self.befall(&mut world, id, &Cause::Start, &script);
        }
        for _ in 0..SETTLING_ROUNDS {
            for id in world.ids() {
                while self.befall(&mut world, id, &Cause::Flush, &script).is_ok() {}
                while self.befall(&mut world, id, &Cause::Inbox, &script).is_ok() {}
            }
        }
        for id in world.ids() {
            self.make_relative(&mut world, id);
        }
        self.through_prologue(world)
    }

    /// The world after what its protocol wants to have happened before it begins.
    fn through_prologue(&self, mut world: World<S>) -> World<S> {
        for _ in 0..PROLOGUE_ACTIONS {
            let mut offered = Vec::new();
            self.actions(&world, &mut offered, &mut Withheld::default());
            let next = self
                .spec
                .prologue(&world, &offered)
                .and_then(|action| self.apply_named(&world, &action).ok());
            match next {
                Some(next) => world = next,
                None => break,
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
        let next = self.act(world, action)?.world;
        match self.crowded(world, &next) {
            0 => Ok(next),
            _ => Err(Refused::Bound("in_flight")),
        }
    }

    /// How many messages more are in flight in `after` than the limit allows; none if there are no more than
    /// there were before.
    pub(super) fn crowded(&self, before: &World<S>, after: &World<S>) -> usize {
        let Some(most) = self.limits.in_flight else { return 0 };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let flying = after.in_flight();
        if flying > most && flying > before.in_flight() { flying - most } else { 0 }
    }

    /// As [`apply_named`](Self::apply_named), however many messages are in flight then.
    pub(super) fn act(&self, world: &World<S>, action: &ActionOf<S>) -> Result<Acted<S>, Refused> {
        let mut next = world.clone();
        let passage = self.advance(&mut next, action)?;
        Ok(Acted { world: next, passage })
    }

    /// What comes of `action`, in place; what a node went through, if one did. A world in which it was refused
    /// means nothing any more.
    pub(crate) fn advance(
        &self,
        next: &mut World<S>,
        action: &ActionOf<S>,
    ) -> Result<Option<Arc<Passage<S>>>, Refused> {
        if next.broken.is_some() {
            return Err(Refused::Impossible);
        }
        let mut passage = None;
        let touched = match action {
            Action::Deliver(envelope, script) => {
                let flying = next.network.take(envelope).ok_or(Refused::Impossible)?;
                passage = Some(self.befall(next, envelope.to, &Cause::Message(&flying), script)?);
                envelope.to
            }
            Action::Duplicate(envelope, script) => {
                let flying = next.network.get(envelope).cloned().ok_or(Refused::Impossible)?;
                spend(&mut next.spent.duplicates, self.limits.duplicates, "duplicates")?;
                passage = Some(self.befall(next, envelope.to, &Cause::Message(&flying), script)?);
                envelope.to
            }
            Action::Drop(envelope) => {
                next.network.take(envelope).ok_or(Refused::Impossible)?;
                return Ok(None);
            }
            Action::Fire(id, timer, script) => {
                let set = |node: &Frozen<S>| node.ledger.timers().iter().any(|(set, _)| set == *timer);
                possible(next.node(*id).is_some_and(set))?;
                passage = Some(self.befall(next, *id, &Cause::Timer(*timer), script)?);
                *id
            }
            Action::Request(id, request, script) => {
                spend(&mut next.spent.requests, self.limits.requests, "requests")?;
                passage = Some(self.befall(next, *id, &Cause::Request(request), script)?);
                *id
            }
            Action::Flush(id) => {
                passage = Some(self.befall(next, *id, &Cause::Flush, &Script::new())?);
                *id
            }
            Action::Inbox(id, script) => {
                passage = Some(self.befall(next, *id, &Cause::Inbox, script)?);
                *id
            }
            Action::Crash(id, kept, script) => {
                spend(&mut next.spent.crashes, self.limits.crashes, "crashes")?;
                passage = Some(self.befall(next, *id, &Cause::Crash(*kept), script)?);
                *id
            }
            Action::Tick(id, by) => {
                spend(&mut next.spent.ticks, self.limits.ticks, "ticks")?;
                self.tick(next, *id, *by)?;
                *id
            }
        };
        self.make_relative(next, touched);
        self.drop_inert(next, touched);
        Ok(passage)
    }

    /// One node goes through something, and the world with it.
    fn befall(
        &self,
        world: &mut World<S>,
        id: NodeId,
        cause: &Cause<'_, S>,
        script: &Script,
    ) -> Result<Arc<Passage<S>>, Refused> {
        let place = world.nodes.get_mut(slot(id)).ok_or(Refused::Impossible)?;
        let passage = self.passage(id, place, &world.past, cause, script)?;
        if let Some(after) = passage.after() {
            *place = Arc::clone(after);
        }
        if !Arc::ptr_eq(&world.past, &passage.past) {
            world.past = Arc::clone(&passage.past);
        }
        for flying in passage.sends() {
            world.network.insert(Arc::clone(flying));
        }
        world.broken = world.broken.or(passage.broken);
        Ok(passage)
    }

    /// Puts what only grows in a node, and in the history, in terms relative to the present.
    fn make_relative(&self, world: &mut World<S>, id: NodeId) {
        if self.simulating {
            return;
        }
        let World { nodes, past, .. } = world;
        let Some(place) = nodes.get_mut(slot(id)) else { return };
        if let Some((node, history)) = self.spec.relative(id, place, past) {
            *place = Arc::new(Frozen::new(node));
            *past = Arc::new(Past::new(history));
        }
    }

    /// Takes out of flight what can never again change anything: only messages to the node that changed, and
    /// those it sent, can have become such.
    fn drop_inert(&self, world: &mut World<S>, touched: NodeId) {
        if !self.inert {
            return;
        }
        let World { nodes, network, .. } = world;
        network.retain(|envelope| {
            let receiver =
                nodes.get(slot(envelope.to)).filter(|_| [envelope.to, envelope.from].contains(&touched));
            !receiver.is_some_and(|receiver| self.spec.inert(receiver, envelope.from, &envelope.message))
        });
    }

    fn tick(&self, world: &mut World<S>, id: NodeId, by: i64) -> Result<(), Refused> {
        let ticks = self.spec.ticks();
        possible(ticks.contains(&by) || (self.simulating && !ticks.is_empty()))?;
        let mut node = world.node(id).map(|node| (**node).clone()).ok_or(Refused::Impossible)?;
        node.now = Time(node.now.0.checked_add_signed(by).ok_or(Refused::Impossible)?);
        if let Some(place) = world.nodes.get_mut(slot(id)) {
            *place = Arc::new(Frozen::new(node));
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
