//! Publishing: who needs to know what, and telling them until they are known to know.
//!
//! A participant tells of its own steps only: that one is done, to those whose steps come after it; that one is clean,
//! to those whose steps come before it; that one was given up, to all. The initiator hears of every way in which a
//! saga can end, and tells all of the end. An event carries all that its sender knows, so whoever hears of a step
//! hears of what led there.

use smallvec::SmallVec;

use super::progress::{Peer, Saga, steps_of};
use super::{Facts, Message, Name, Participant, Timer};
use crate::id::NodeId;
use crate::machine::Context;
use crate::saga::{Data, Definition, StepSet};

/// What is owed to each peer of a saga, in their order.
pub(super) type Debts = SmallVec<[Owed; 8]>;

/// What one participant needs to know and is not known to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owed {
    /// That there is the saga at all.
    begun: bool,
    wish: bool,
    done: StepSet,
    failed: StepSet,
    clean: StepSet,
}

impl Owed {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether there is nothing in `self` that was not in `before`.
    fn is_within(&self, before: &Self) -> bool {
        (before.begun || !self.begun)
            && (before.wish || !self.wish)
            && before.done.includes(self.done)
            && before.failed.includes(self.failed)
            && before.clean.includes(self.clean)
    }
}

/// What `me` owes to `peer` of saga `name`.
pub(super) fn owed<D>(saga: &Saga<D>, (me, name): (NodeId, Name), plan: &Definition, peer: &Peer) -> Owed {
    let facts = &saga.standing.facts;
    let theirs = steps_of(plan, peer.node);
    let (initiates, begins) = (me == name.initiator, peer.node == name.initiator);
    let undecided = theirs.without(facts.done).without(facts.failed).without(facts.clean);
    let after = undecided.iter().fold(StepSet::EMPTY, |set, step| set.and(plan.after(step)));
    let unclean = theirs.without(facts.clean);
    let before = unclean.iter().fold(StepSet::EMPTY, |set, step| set.and(plan.before(step)));
    let mut owed = Owed {
        begun: initiates && undecided.iter().any(|step| plan.after(step).is_empty()),
        wish: initiates && facts.wish.is_some() && !facts.is_back() && !undecided.is_empty(),
        done: if facts.is_back() { StepSet::EMPTY } else { saga.mine.common(after) },
        failed: if unclean.is_empty() { StepSet::EMPTY } else { saga.mine },
        clean: saga.mine.common(before),
    };
    if begins {
        (owed.failed, owed.clean) = (saga.mine, saga.mine);
        // Those that nothing comes after, and the one after which it is too late to cancel.
        let ends =
            saga.mine.iter().filter(|step| plan.before(*step).is_empty() || plan.pivot() == Some(*step));
        owed.done = ends.fold(owed.done, |set, step| set.and(StepSet::of(step)));
    }
    if initiates && facts.end(plan).is_some() {
        (owed.done, owed.failed, owed.clean) = (plan.all(), plan.all(), plan.all());
    }
    less(owed, facts, peer.known.as_ref())
}

/// Of `owed`, what is so, and not known already.
fn less(owed: Owed, facts: &Facts, known: Option<&Facts>) -> Owed {
    let heard = known.copied().unwrap_or_default();
    Owed {
        begun: owed.begun && known.is_none(),
        wish: owed.wish && heard.wish.is_none() && !heard.is_back(),
        done: owed.done.common(facts.done).without(heard.done),
        // Whoever knows of one way back need not be told of another: the end carries all.
        failed: if heard.is_back() { StepSet::EMPTY } else { owed.failed.common(facts.failed) },
        clean: owed.clean.common(facts.clean).without(heard.clean),
    }
}

impl<D: Data> Participant<D> {
    /// What is owed to each other participant of a saga, in the order of its peers.
    pub(super) fn debts(&self, name: Name) -> Debts {
        let Some(saga) = self.sagas.get(&name) else { return Debts::new() };
        let Some(plan) = self.plan(name) else { return Debts::new() };
        saga.peers.iter().map(|peer| owed(saga, (self.config.me, name), plan, peer)).collect()
    }

    /// Tells everybody what has come to be owed since `before`, and `asked` at least what is known; and sees that it
    /// is told again.
    pub(super) fn publish<Cx: Context<Self> + ?Sized>(
        &mut self,
        name: Name,
        before: &[Owed],
        mut asked: Option<NodeId>,
        cx: &mut Cx,
    ) {
        let after = self.debts(name);
        let Some(saga) = self.sagas.get(&name) else { return };
        for (at, (peer, owed)) in saga.peers.iter().zip(&after).enumerate() {
            if !owed.is_within(&before.get(at).copied().unwrap_or_default()) {
                cx.send(peer.node, self.event(name, saga));
                asked = asked.filter(|node| *node != peer.node);
            }
        }
        if let Some(to) = asked {
            cx.send(to, Message::Ack { saga: name, facts: saga.standing.facts });
        }
        let owes = |debts: &[Owed]| debts.iter().any(|owed| !owed.is_nothing());
        match (owes(before), owes(&after)) {
            (false, true) => cx.set_timer(Timer::Publish { saga: name }, self.config.republish),
            (true, false) => cx.cancel_timer(Timer::Publish { saga: name }),
            _ => {}
        }
    }

    /// Tells again what is not acknowledged.
    pub(super) fn on_publish<Cx: Context<Self> + ?Sized>(&mut self, name: Name, cx: &mut Cx) {
        if self.debts(name).iter().any(|owed| !owed.is_nothing()) {
            // As if nothing had been owed before: all of it is told.
            self.publish(name, &[], None, cx);
        }
    }

    fn event(&self, name: Name, saga: &Saga<D>) -> Message<D> {
        let standing = &saga.standing;
        Message::Event {
            saga: name,
            floor: self.floor(name.initiator),
            definition: standing.definition,
            version: standing.version,
            shape: standing.shape,
            input: standing.input.clone(),
            facts: standing.facts,
        }
    }

    /// Whether everybody is known to know how the saga ended.
    pub(super) fn is_known_by_all(&self, name: Name) -> bool {
        let (Some(saga), Some(plan)) = (self.sagas.get(&name), self.plan(name)) else { return false };
        let known = |peer: &Peer| peer.known.is_some_and(|facts| facts.end(plan).is_some());
        saga.standing.facts.end(plan).is_some() && saga.peers.iter().all(known)
    }
}
