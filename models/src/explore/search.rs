//! The exhaustive search: depth first, in layers of budgets spent, on several threads.
//!
//! Of two worlds that differ only in what was spent of the budgets for faults, the one with less spent covers the other
//! (`world/moves.rs` says why). So worlds are visited in *layers*, by how many faults were spent in all: first everything
//! that can happen without any, then with one, and so on; and a world is visited only if no world like it was visited
//! with less spent of everything. Since a layer begins when those before it are done, how many worlds are visited does
//! not depend on the order within it, nor on threads.
//!
//! A world waits with the way that led to it: a number for each move, shared with all that began alike.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::counts::Counts;
use super::noted::Noted;
use super::visited::{Come, Visited, Ways};
use crate::check::Progress;
use crate::spec::Spec;
use crate::world::{Move, Rules, Spent, World};

/// How many worlds a worker takes at once.
const BATCH: usize = 64;
/// Worlds that wait at one worker before it shares them with those that have none.
const SHARED: usize = 256;
/// How many worlds a worker expands between two looks at who has none.
const LOOK: u32 = 64;

/// A way: the moves that were made, the last one first.
struct Link {
    before: Option<Arc<Link>>,
    /// Which of the moves; of the first link, which of the first worlds.
    number: u32,
}

/// A way may be longer than the stack is deep.
impl Drop for Link {
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.before.take();
        }
    }
}

/// A world that waits to be expanded.
struct Waiting<S: Spec> {
    world: World<S>,
    print: u64,
    way: Arc<Link>,
    depth: u32,
}

/// Who panics lets nobody wait for what it took.
struct Others<'a, S: Spec>(&'a Search<'a, S>);

impl<S: Spec> Drop for Others<'_, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// What waits, by layers, and who works on it.
struct Layers<S: Spec> {
    waiting: Vec<Vec<Waiting<S>>>,
    /// The layer that is being worked on.
    at: usize,
    working: usize,
}

/// A search under way.
pub(super) struct Search<'a, S: Spec> {
    rules: &'a Rules<S>,
    visited: Visited,
    /// Whether what was spent is part of a world.
    apart: bool,
    layers: Mutex<Layers<S>>,
    changed: Condvar,
    /// How many workers have nothing to do.
    idle: AtomicUsize,
    pub(super) counts: Counts,
    noted: Noted<S>,
    stop: AtomicBool,
    fallen: Mutex<Option<Vec<u32>>>,
}

impl<'a, S: Spec> Search<'a, S> {
    /// A search of everything within `rules`, about to begin.
    pub(super) fn new(rules: &'a Rules<S>) -> Self {
        let ways = if rules.in_layers() { Ways::of(rules.limits()) } else { None };
        let search = Self {
            rules,
            apart: ways.is_none(),
            visited: Visited::new(ways),
            layers: Mutex::new(Layers { waiting: Vec::new(), at: 0, working: 0 }),
            changed: Condvar::new(),
            idle: AtomicUsize::new(0),
            counts: Counts::default(),
            noted: Noted::of(rules),
            stop: AtomicBool::new(false),
            fallen: Mutex::new(None),
        };
        let mut layers = search.layers();
        for (number, world) in (0..).zip(rules.initial()) {
            if let Some(waiting) = search.come(world, None, number, 0) {
                layers.push(search.layer(&waiting.world), waiting);
            }
        }
        search.counts.mine().states = layers.waiting.iter().map(Vec::len).sum::<usize>() as u64;
        drop(layers);
        search
    }

    /// Works until nothing waits any more, or until stopped.
    pub(super) fn work(&self) {
        let _others = Others(self);
        let mut here = Vec::new();
        let mut elsewhere: Vec<(usize, Waiting<S>)> = Vec::new();
        let mut moves = Vec::new();
        while let Some(layer) = self.take(&mut here) {
            let mut since = 0;
            while let Some(waiting) = here.pop() {
                if self.stopped() {
                    break;
                }
                self.expand(&waiting, layer, &mut moves, &mut here, &mut elsewhere);
                since += 1;
                if since >= LOOK {
                    since = 0;
                    self.share(layer, &mut here);
                }
            }
            self.give(&mut elsewhere);
        }
    }

    /// What was seen, once it is over.
    pub(super) fn into_noted(self) -> Noted<S> {
        self.noted
    }

    /// Asks all workers to stop.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let _held = self.layers();
        self.changed.notify_all();
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Says how far it is.
    pub(super) fn tell(&self, progress: &Progress) {
        let count = self.counts.total();
        let waiting: usize = self.layers().waiting.iter().map(Vec::len).sum();
        progress.states.store(count.states, Ordering::Relaxed);
        progress.unique.store(count.expanded + waiting as u64, Ordering::Relaxed);
        progress.depth.store(count.depth(), Ordering::Relaxed);
        progress.expanded.store(count.expanded, Ordering::Relaxed);
    }

    /// The way to a world in which a property fell, if one did: which of the first worlds, and the moves.
    pub(super) fn way_to_fall(&self) -> Option<(usize, Vec<Move<S>>)> {
        let way = self.fallen.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (origin, numbers) = way.split_first()?;
        let origin = usize::try_from(*origin).ok()?;
        let mut world = self.rules.initial().into_iter().nth(origin)?;
        let mut way = Vec::with_capacity(numbers.len());
        for number in numbers {
            let mut moves = Vec::new();
            self.rules.moves(&world, &mut moves, &mut Default::default());
            let next = moves.into_iter().nth(usize::try_from(*number).ok()?)?;
            world = next.next.clone();
            way.push(next);
        }
        Some((origin, way))
    }

    /// A world that was come to, if nobody was there before.
    fn come(
        &self,
        world: World<S>,
        before: Option<&Arc<Link>>,
        number: u32,
        depth: u32,
    ) -> Option<Waiting<S>> {
        let print = if self.apart { world.fingerprint() } else { world.fingerprint_but_faults() };
        let known = self.visited.come(print, world.spent()) == Come::Known;
        let way = || Arc::new(Link { before: before.cloned(), number });
        (!known).then(|| Waiting { way: way(), world, print, depth })
    }

    /// The layer of a world.
    fn layer(&self, world: &World<S>) -> usize {
        let Spent { duplicates, crashes, ticks, .. } = world.spent();
        if self.apart { 0 } else { usize::try_from(duplicates + crashes + ticks).unwrap_or(usize::MAX) }
    }

    /// Everything that can happen in one world.
    fn expand(
        &self,
        waiting: &Waiting<S>,
        layer: usize,
        moves: &mut Vec<Move<S>>,
        here: &mut Vec<Waiting<S>>,
        elsewhere: &mut Vec<(usize, Waiting<S>)>,
    ) {
        let Waiting { world, print, way, depth } = waiting;
        // Somebody may have come to it with less spent since.
        if self.visited.is_covered(*print, world.spent()) {
            return;
        }
        if self.rules.violated(world).is_some() {
            return self.fell(way);
        }
        self.noted.note(world);
        let mut count = self.counts.mine();
        count.expand(*depth);
        self.rules.moves(world, moves, &mut count.withheld);
        count.states += moves.len() as u64;
        drop(count);
        for (number, next) in (0..).zip(moves.drain(..)) {
            let Some(next) = self.come(next.next, Some(way), number, depth.saturating_add(1)) else {
                continue;
            };
            match self.layer(&next.world) {
                same if same == layer => here.push(next),
                other => elsewhere.push((other, next)),
            }
        }
    }

    /// The first fall stands, and ends the search.
    fn fell(&self, way: &Arc<Link>) {
        let mut numbers = vec![way.number];
        let mut at = &way.before;
        while let Some(link) = at {
            numbers.push(link.number);
            at = &link.before;
        }
        numbers.reverse();
        self.fallen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(numbers);
        self.stop();
    }

    /// Takes some of what waits, of the lowest layer; `None` once nothing does, or it is to stop.
    fn take(&self, here: &mut Vec<Waiting<S>>) -> Option<usize> {
        let mut layers = self.layers();
        loop {
            if self.stopped() {
                self.changed.notify_all();
                return None;
            }
            let Layers { waiting, at, working } = &mut *layers;
            match waiting.get_mut(*at) {
                Some(waiting) if !waiting.is_empty() => {
                    let from = waiting.len().saturating_sub(BATCH);
                    here.extend(waiting.drain(from..));
                    *working += 1;
                    return Some(*at);
                }
                Some(_) if *working == 0 => *at += 1,
                None if *working == 0 => {
                    self.changed.notify_all();
                    return None;
                }
                Some(_) | None => {
                    self.idle.fetch_add(1, Ordering::Relaxed);
                    layers = self.changed.wait(layers).unwrap_or_else(PoisonError::into_inner);
                    self.idle.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Shares half of what waits here with those that have nothing.
    fn share(&self, layer: usize, here: &mut Vec<Waiting<S>>) {
        if here.len() >= SHARED && self.idle.load(Ordering::Relaxed) > 0 {
            let half = here.len() / 2;
            let mut layers = self.layers();
            here.drain(..half).for_each(|waiting| layers.push(layer, waiting));
            self.changed.notify_all();
        }
    }

    /// Is done with what it took; puts what it came to where it belongs.
    fn give(&self, elsewhere: &mut Vec<(usize, Waiting<S>)>) {
        let mut layers = self.layers();
        elsewhere.drain(..).for_each(|(layer, waiting)| layers.push(layer, waiting));
        layers.working -= 1;
        self.changed.notify_all();
    }

    fn layers(&self) -> MutexGuard<'_, Layers<S>> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Spec> Layers<S> {
    fn push(&mut self, layer: usize, waiting: Waiting<S>) {
        if self.waiting.len() <= layer {
            self.waiting.resize_with(layer + 1, Vec::new);
        }
        self.waiting[layer].push(waiting);
    }
}
