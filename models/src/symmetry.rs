//! Worlds that differ only by the names of interchangeable nodes are one.
//!
//! The representative of such an orbit orders the nodes of each kind by summaries in which no names appear, and among
//! nodes that the summaries do not tell apart tries every order and takes the one whose world has the least
//! fingerprint. It is exact whatever the summaries are (but for two worlds of one orbit sharing a 64-bit
//! fingerprint, which the set of visited states cannot tell apart either): coarse ones only cost time.

use std::sync::Arc;

use quorate::id::{Permutation, Permute};
use smallvec::SmallVec;

use crate::cache::Cache;
use crate::hash::{fingerprint, mix};
use crate::network::Flying;
use crate::node::Frozen;
use crate::past::Past;
use crate::spec::{MessageOf, Spec};
use crate::world::{Rules, World, slot};

/// A renaming: node `i` is called `to[i]`.
pub type Renaming = SmallVec<[u8; 8]>;

/// What nodes are ordered by: their kinds, and summaries in which no names appear.
type Summaries = SmallVec<[(u8, u64); 8]>;

/// How much of each kind every generation of a worker's memory holds.
const REMEMBERED: usize = 1 << 14;

/// What was renamed before, by fingerprint and renaming: there is far less of it than of worlds.
pub(crate) struct Renamed<S: Spec> {
    nodes: Cache<(u64, u64), Arc<Frozen<S>>>,
    messages: Cache<(u64, u64), Arc<Flying<MessageOf<S>>>>,
    pasts: Cache<(u64, u64), Arc<Past<S::History>>>,
}

impl<S: Spec> Default for Renamed<S> {
    fn default() -> Self {
        Self { nodes: Cache::default(), messages: Cache::default(), pasts: Cache::default() }
    }
}

impl<S: Spec> Rules<S> {
    /// The representative of all worlds that differ from `world` by names only.
    #[must_use]
    pub fn canonical(&self, world: World<S>) -> World<S> {
        self.canonical_with(world).0
    }

    /// The representative and, unless it is `world` itself, the renaming that leads to it.
    #[must_use]
    pub fn canonical_with(&self, world: World<S>) -> (World<S>, Option<Renaming>) {
        if !self.symmetric() || world.nodes().len() < 2 {
            return (world, None);
        }
        let kinds = self.kinds(&world);
        let mut summaries = self.summaries(&world);
        if has_ties(&kinds, &summaries) {
            self.refine(&world, &mut summaries);
        }
        let summaries: Summaries = kinds.into_iter().zip(summaries).collect();
        let mut order: SmallVec<[u8; 8]> = (0..=u8::MAX).take(summaries.len()).collect();
        order.sort_by_key(|at| summaries[usize::from(*at)]);
        let mut best: Option<(u64, World<S>, Renaming)> = None;
        let ties =
            order.windows(2).any(|pair| summaries[usize::from(pair[0])] == summaries[usize::from(pair[1])]);
        each_order(&mut order, &summaries, 0, &mut |order| {
            let renaming = renaming(order);
            if !ties && is_identity(&renaming) {
                return;
            }
            let renamed = self.renamed(&world, &renaming);
            // What was spent is the same whatever the names; and worlds that differ in nothing else get the same names.
            let fingerprint = if ties { renamed.fingerprint_but_faults() } else { 0 };
            if best.as_ref().is_none_or(|(least, ..)| fingerprint < *least) {
                best = Some((fingerprint, renamed, renaming));
            }
        });
        match best {
            Some((_, renamed, renaming)) if !is_identity(&renaming) => (renamed, Some(renaming)),
            _ => (world, None),
        }
    }

    /// As [`renamed`], remembering what was renamed before.
    fn renamed(&self, world: &World<S>, renaming: &Renaming) -> World<S> {
        rename(world, renaming, &mut self.renamed.mine())
    }

    /// The kind of each node: only nodes of one kind change places.
    fn kinds(&self, world: &World<S>) -> SmallVec<[u8; 8]> {
        world.ids().map(|id| self.spec().kind(id)).collect()
    }

    /// A summary of each node and of its part in the network.
    fn summaries(&self, world: &World<S>) -> SmallVec<[u64; 8]> {
        let own: SmallVec<[u64; 8]> = world.nodes().iter().map(|node| node.signature(self.spec())).collect();
        let mut summaries = own.clone();
        for flying in world.network().flying() {
            let (from, to) = (slot(flying.envelope().from), slot(flying.envelope().to));
            let message = flying.signature();
            // Sums, since the order of messages depends on names.
            if let (Some(&sender), Some(&receiver)) = (own.get(from), own.get(to)) {
                summaries[from] = summaries[from].wrapping_add(mix(mix(1, message), receiver));
                summaries[to] = summaries[to].wrapping_add(mix(mix(2, message), sender));
            }
        }
        summaries
    }

    /// Tells nodes apart by what others hold about them, and they about others.
    fn refine(&self, world: &World<S>, summaries: &mut SmallVec<[u64; 8]>) {
        let own = summaries.clone();
        for (from, holder) in world.nodes().iter().enumerate() {
            for (to, about) in world.ids().enumerate() {
                let relation = self.spec().relation(&holder.machine, about);
                let itself = u64::from(from == to);
                summaries[from] = summaries[from].wrapping_add(mix(mix(relation, own[to]), 3 + itself));
                summaries[to] = summaries[to].wrapping_add(mix(mix(relation, own[from]), 5 + itself));
            }
        }
    }

    /// Whether `world` is treated alike under every renaming within kinds: the same representative, the same actions,
    /// and each leading to the same representative. For tests of a protocol's [`Spec`].
    ///
    /// # Errors
    /// What differs, and under which renaming.
    pub fn check_symmetry(&self, world: &World<S>) -> Result<(), String> {
        let expected = self.canonical(world.clone());
        let after = |world: &World<S>| {
            let (mut actions, mut withheld) = (Vec::new(), Default::default());
            self.actions(world, &mut actions, &mut withheld);
            let next = actions.iter().filter_map(|action| self.apply(world, action).ok());
            let mut prints: Vec<_> = next.map(|next| next.fingerprint()).collect();
            prints.sort_unstable();
            (prints, actions.len(), withheld, self.violated(world))
        };
        let expected_after = after(world);
        let mut order: SmallVec<[u8; 8]> = (0..=u8::MAX).take(world.nodes().len()).collect();
        let all_tied: Summaries = self.kinds(world).into_iter().map(|kind| (kind, 0)).collect();
        let mut outcome = Ok(());
        each_order(&mut order, &all_tied, 0, &mut |order| {
            let renaming = renaming(order);
            let renamed = renamed(world, &renaming);
            if self.canonical(renamed.clone()) != expected {
                outcome = Err(format!("another representative under {renaming:?}: {world:#?}"));
            } else if after(&renamed) != expected_after {
                outcome = Err(format!("other actions, or other successors, under {renaming:?}: {world:#?}"));
            }
        });
        outcome
    }
}

/// The world with every node renamed.
#[must_use]
pub fn renamed<S: Spec>(world: &World<S>, renaming: &Renaming) -> World<S> {
    rename(world, renaming, &mut Renamed::default())
}

fn rename<S: Spec>(world: &World<S>, renaming: &Renaming, memory: &mut Renamed<S>) -> World<S> {
    let (by, word) = (Permutation::new(renaming), packed(renaming));
    let mut nodes = world.nodes.clone();
    for (node, to) in world.nodes.iter().zip(renaming) {
        if let Some(place) = nodes.get_mut(usize::from(*to)) {
            let key = (node.fingerprint(), word);
            *place = memory.nodes.get(key, REMEMBERED, || Arc::new(node.renamed(&by)));
        }
    }
    let network = world.network.map(|flying| {
        let key = (flying.fingerprint(), word);
        memory.messages.get(key, REMEMBERED, || Arc::new(flying.renamed(&by)))
    });
    let past = memory.pasts.get((world.past.fingerprint(), word), REMEMBERED, || {
        let mut history = (**world.past).clone();
        history.permute(&by);
        Arc::new(Past::new(history))
    });
    let silent = world.silent.map(|mut id| {
        id.permute(&by);
        id
    });
    World { nodes, network, spent: world.spent, past, broken: world.broken, silent }
}

/// The renaming that puts `order[i]` in place `i`.
fn renaming(order: &[u8]) -> Renaming {
    let mut to: Renaming = order.into();
    for (place, at) in (0..=u8::MAX).zip(order) {
        to[usize::from(*at)] = place;
    }
    to
}

/// A renaming in one word.
fn packed(renaming: &Renaming) -> u64 {
    if renaming.len() > 16 {
        return fingerprint(renaming);
    }
    renaming.iter().fold(0, |word, to| (word << 4) | u64::from(*to))
}

/// The renaming that undoes `renaming`.
#[must_use]
pub fn inverse(renaming: &Renaming) -> Renaming {
    self::renaming(renaming)
}

/// First `first`, then `second`.
#[must_use]
pub fn composed(first: &Renaming, second: &Renaming) -> Renaming {
    first.iter().map(|to| second[usize::from(*to)]).collect()
}

fn is_identity(renaming: &Renaming) -> bool {
    (0..=u8::MAX).zip(renaming).all(|(at, to)| at == *to)
}

fn has_ties(kinds: &[u8], summaries: &[u64]) -> bool {
    let both = || kinds.iter().zip(summaries);
    both().enumerate().any(|(at, one)| both().skip(at + 1).any(|other| one == other))
}

/// Calls `visit` with every order that differs from `order`, sorted by summary, only among equal summaries.
fn each_order(
    order: &mut SmallVec<[u8; 8]>,
    summaries: &[(u8, u64)],
    from: usize,
    visit: &mut impl FnMut(&[u8]),
) {
    if from + 1 >= order.len() {
        return visit(order);
    }
    let summary = summaries[usize::from(order[from])];
    for other in from..order.len() {
        if summaries[usize::from(order[other])] == summary {
            order.swap(from, other);
            each_order(order, summaries, from + 1, visit);
            order.swap(from, other);
        }
    }
}
