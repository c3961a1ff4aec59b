//! What an exhaustive exploration tries in a world: what can happen, without what leads nowhere new.
//!
//! Two worlds of the same nodes, history and requests made: the one with more messages in flight, and less
//! spent of the other budgets, *covers* the other. For whatever happens in the covered world can happen in
//! the covering one, and covers what comes of it there: a message that arrives, arrives in both, and what a
//! node sends is put in flight in both (a *set*, so that what is in flight already does not matter); a
//! message that is lost need not be, since a message in flight is never obliged to arrive; and what has
//! become inert is taken out of both. So, where properties and requests look at nothing but nodes, history and
//! requests made ([`Spec::sees_faults`]), covered worlds need not be visited. Two things follow:
//!
//! - *Nothing is lost before its place is needed.* A loss leads to a covered world, so none is tried for its
//!   own sake. Only the bound on messages in flight can withhold from the covering world what happens in the
//!   covered one; then as many messages are lost, in every choice of them, as the action needs room for, and
//!   the action follows at once. What the covered world went without includes one of these choices, for the
//!   action fits there. A message that arrives is no choice, and one that the action sends again makes no
//!   room.
//! - *What only spends is left out:* an action after which nodes, history and requests made are what they
//!   were and nothing is in flight that was not (a message that its receiver ignores, a crash that takes
//!   nothing away).
//!
//! A third follows from the same thought, with *written* in the place of *spent*. A world in which a node's next record
//! waits covers one in which it is durable, where that record is *quiet* ([`Spec::quiet`]) and nothing waits for it alone:
//! whatever happens next happens in both, held effects line up behind the record and leave with it, and a crash may still
//! come after the record, since a crash cuts what is held anywhere. So:
//!
//! - *Nothing is written before it shows.* A node's records become durable one after the other until one of them lets
//!   something leave, or is not quiet; those that nothing waits for do not by themselves.
//!
//! What is reached by this differs only in how much of what is quiet is on disk already: the machines are the same.
//!
//! A fourth: a node that takes a step of which nothing leaves it is *silent* until its disk has got to what that step wrote. It
//! may go on meanwhile, and so may the others; nothing comes of that. What the others do, they would do as well after the
//! records are durable, for nobody is told anything earlier by that: what leaves with the records is counted among what is in
//! flight already, and need not arrive. And if the node crashes over the records, it may as well have crashed at once: what it
//! did since, of which nothing left it, has left no trace but the messages it took, which are in flight still, and what it was
//! asked. Only what it says freely while it waits is heard by others before the crash. So, where neither properties nor
//! requests look at what one node holds while another acts ([`Spec::prompt`]):
//!
//! - *A silent node writes at once, or crashes over it:* while one waits, nothing befalls the others. What befalls itself is
//!   tried only where it may come to speak by that ([`Spec::speaks_early`]), and what it is asked.
//!
//! And a fifth, where any message may arrive any number of times and any number may be in flight: to arrive and be gone is
//! to arrive, stay, and be lost.
//!
//! - *What has arrived stays in flight*, until it can change nothing any more.
//!
//! The nodes and histories that late losses reach are exactly the same, each with the most messages in flight.

use std::sync::Arc;

use quorate::id::NodeId;
use smallvec::SmallVec;

use super::act::Acted;
use super::passage::Sent;
use super::{Action, ActionOf, Refused, Rules, Spent, Withheld, World};
use crate::network::{Envelope, Network};
use crate::spec::{MessageOf, Spec};

/// Messages that are lost so that others have room.
pub type Lost<M> = SmallVec<[Envelope<M>; 1]>;

/// Something that can happen next, and what comes of it.
pub struct Move<S: Spec> {
    /// What is lost first.
    pub lost: Lost<MessageOf<S>>,
    /// What happens.
    pub action: ActionOf<S>,
    /// How many times in a row, in every step but the last with nothing to be seen.
    pub times: usize,
    /// The world after, under the canonical names of its nodes.
    pub next: World<S>,
}

impl<S: Spec> Rules<S> {
    /// What an exploration tries in `world`, in a fixed order. What a bound withholds is counted, even where
    /// a loss makes room for it.
    pub fn moves(&self, world: &World<S>, moves: &mut Vec<Move<S>>, withheld: &mut Withheld) {
        let covers = self.late_losses;
        let mut actions = Vec::new();
        self.offer(world, &mut actions, withheld, !covers);
        if covers && self.limits.duplicates.is_none() && self.limits.in_flight.is_none() {
            actions.retain(|action| !matches!(action, Action::Deliver(..)));
        }
        let prompt = self.is_prompt();
        if let Some(silent) = world.silent {
            actions.retain(|action| action.node() == Some(silent));
        }
        for action in actions {
            if let (Action::Flush(id), true) = (&action, self.late_flushes) {
                moves.extend(self.flush_until_it_shows(world, *id));
                continue;
            }
            let mut acted = match self.act(world, &action) {
                Ok(acted) => acted,
                Err(Refused::Bound(bound)) => {
                    *withheld.entry(bound).or_default() += 1;
                    continue;
                }
                Err(Refused::Impossible) => continue,
            };
            if prompt {
                acted.world.silent = action.node().filter(|_| is_silent::<S>(world, &acted, &action));
                let goes_on = world.silent.is_some() && acted.world.silent.is_some();
                if goes_on && !self.spec.speaks_early() && !leaves_a_trace::<S>(&action) {
                    continue;
                }
            }
            match self.crowded(world, &acted.world) {
                0 if covers && world.covers(&acted.world) => {}
                0 => {
                    let next = self.canonical(acted.world);
                    moves.push(Move { lost: Lost::new(), action, times: 1, next });
                }
                over => {
                    *withheld.entry("in_flight").or_default() += 1;
                    if covers {
                        let losable = losable::<S>(world, &action, &acted.world, acted.sends());
                        each_choice(&losable, over, &mut SmallVec::new(), &mut |lost| {
                            let mut next = acted.world.clone();
                            for flying in lost {
                                next.network.take(flying.envelope());
                            }
                            let next = self.canonical(next);
                            let lost = lost.iter().map(|flying| flying.envelope().clone()).collect();
                            moves.push(Move { lost, action: action.clone(), times: 1, next });
                        });
                    }
                }
            }
        }
    }

    /// Whether nodes write at once, or crash over it.
    fn is_prompt(&self) -> bool {
        self.prompt && self.late_losses && self.late_flushes && self.spec.prompt()
    }

    /// Record after record becomes durable, until one shows; nothing if none of those that wait does. Of a silent node,
    /// all of them.
    fn flush_until_it_shows(&self, world: &World<S>, id: NodeId) -> Option<Move<S>> {
        let action = Action::Flush(id);
        let held = |world: &World<S>| world.node(id).map_or(0, |node| node.ledger.held().len());
        let (mut at, mut times) = (world.clone(), 0);
        loop {
            let next_record = at.node(id).and_then(|node| node.records().next());
            let quiet = next_record.is_some_and(|record| self.spec.quiet(record));
            let next = self.act(&at, &action).ok()?.world;
            times += 1;
            let released = held(&next) + 1 < held(&at);
            let is_done = if world.silent.is_some() { held(&next) == 0 } else { !quiet || released };
            if is_done || next.broken.is_some() {
                let next = World { silent: None, ..next };
                return Some(Move { lost: Lost::new(), action, times, next: self.canonical(next) });
            }
            at = next;
        }
    }
}

/// Whether nobody heard of the step that a node took, nor will before its disk gets to it.
fn is_silent<S: Spec>(before: &World<S>, acted: &Acted<S>, action: &ActionOf<S>) -> bool {
    let Some(id) = action.node() else { return false };
    let waits = |world: &World<S>| world.node(id).is_some_and(|node| node.ledger.is_waiting());
    // What waited before was heard of: that may be lost by a crash as well.
    let is_first = before.silent == Some(id) || !waits(before) || matches!(action, Action::Crash(..));
    is_first && waits(&acted.world) && !acted.speaks_last()
}

/// Although nobody hears of it: what was asked is counted, a crash forgets, clocks move for good.
const fn leaves_a_trace<S: Spec>(action: &ActionOf<S>) -> bool {
    matches!(action, Action::Request(..) | Action::Crash(..) | Action::Tick(..))
}

impl<S: Spec> World<S> {
    /// The same nodes, history and requests made, with nothing in flight and no other budget spent: what a
    /// world and those that it covers have in common.
    #[must_use]
    pub fn without_faults(&self) -> Self {
        let spent = Spent { requests: self.spent.requests, ..Spent::default() };
        Self { network: Network::default(), spent, silent: None, ..self.clone() }
    }

    /// Whether all that can happen in `other` can happen here; false in case of doubt.
    fn covers(&self, other: &Self) -> bool {
        let same_nodes = self.nodes.iter().zip(&other.nodes).all(|(a, b)| Arc::ptr_eq(a, b) || a == b);
        let less_spent = self.spent.requests == other.spent.requests
            && self.spent.duplicates <= other.spent.duplicates
            && self.spent.crashes <= other.spent.crashes
            && self.spent.ticks <= other.spent.ticks;
        same_nodes
            && less_spent
            && other.broken.is_none()
            && self.past == other.past
            && self.silent == other.silent
            && other.network.flying().iter().all(|flying| self.network.holds(flying))
    }
}

/// What of the messages in flight makes room for `action` by being lost before.
fn losable<S: Spec>(
    world: &World<S>,
    action: &ActionOf<S>,
    after: &World<S>,
    sends: &[Sent<S>],
) -> SmallVec<[Sent<S>; 4]> {
    let arrives = match action {
        Action::Deliver(envelope, _) | Action::Duplicate(envelope, _) => Some(envelope),
        _ => None,
    };
    let makes_room = |flying: &&Sent<S>| {
        Some(flying.envelope()) != arrives && !sends.contains(*flying) && after.network.holds(flying)
    };
    world.network.flying().iter().filter(makes_room).cloned().collect()
}

/// Calls `visit` with each choice of `so_many` of `all`.
fn each_choice<T: Clone>(
    all: &[T],
    so_many: usize,
    chosen: &mut SmallVec<[T; 4]>,
    visit: &mut impl FnMut(&[T]),
) {
    if so_many == 0 {
        return visit(chosen);
    }
    for (at, one) in all.iter().enumerate() {
        chosen.push(one.clone());
        each_choice(&all[at + 1..], so_many - 1, chosen, visit);
        chosen.pop();
    }
}

impl<S: Spec> Clone for Move<S> {
    fn clone(&self) -> Self {
        Self {
            lost: self.lost.clone(),
            action: self.action.clone(),
            times: self.times,
            next: self.next.clone(),
        }
    }
}

impl<S: Spec> PartialEq for Move<S> {
    fn eq(&self, other: &Self) -> bool {
        self.lost == other.lost && self.action == other.action && self.times == other.times
    }
}

impl<S: Spec> std::fmt::Debug for Move<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.action.fmt(f)?;
        if self.times > 1 {
            write!(f, ", {} times", self.times)?;
        }
        if !self.lost.is_empty() {
            write!(f, ", {:?} being lost", self.lost)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_made_once() {
        let mut choices = Vec::new();
        each_choice(&[1, 2, 3, 4], 2, &mut SmallVec::new(), &mut |chosen| choices.push(chosen.to_vec()));
        assert_eq!(choices, [[1, 2], [1, 3], [1, 4], [2, 3], [2, 4], [3, 4]]);
        choices.clear();
        each_choice(&[1], 2, &mut SmallVec::new(), &mut |chosen| choices.push(chosen.to_vec()));
        assert!(choices.is_empty());
    }
}
