//! The whole graph of a small world.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use foldhash::fast::FixedState;

use super::{Fairness, LeadsTo};
use crate::check::Progress;
use crate::hash::fingerprint;
use crate::spec::Spec;
use crate::trace::{Trace, TraceOf};
use crate::world::{Action, ActionOf, Refused, Rules, Script, Withheld, World};

/// No state, or no class.
pub(super) const NONE: u32 = u32::MAX;
/// How many states are expanded between two looks at the clock.
const LOOK: usize = 1024;

/// Something that happens: where it leads, and what it counts as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) to: u32,
    /// The class of actions that it is one of; [`NONE`] if nobody need ever take it.
    pub(super) class: u32,
    /// Which claims allow it for ever, a bit each.
    pub(super) tails: u8,
}

/// A class of actions that must happen again and again: one message, one timer of one node, one node's disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub(super) strong: bool,
}

/// States by number, breadth first, and what happens in each.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The first edge of each state, and the end.
    first: Vec<u32>,
    edges: Vec<Edge>,
    pub(super) classes: Vec<Class>,
    /// Where each state was first reached from.
    parents: Vec<u32>,
    /// Which of the first worlds a state without a parent is.
    origins: Vec<u32>,
    /// Which claims' `from` and `to` hold, a bit each.
    from: Vec<u8>,
    to: Vec<u8>,
    /// Of each state.
    prints: Vec<u64>,
    pub(super) generated: u64,
    pub(super) depth: u32,
    /// How many states a shortest way of each length leads to.
    pub(super) by_depth: Vec<u64>,
    pub(super) withheld: Withheld,
    /// Whether every state was expanded.
    pub(super) complete: bool,
    /// A state in which a property of safety falls.
    pub(super) fallen: Option<u32>,
}

impl Graph {
    /// Explores everything within the rules, breadth first.
    pub(super) fn build<S: Spec>(
        rules: &Rules<S>,
        claims: &[LeadsTo<S>],
        states_max: Option<u64>,
        until: Option<Instant>,
        progress: &Progress,
    ) -> Self {
        let mut builder = Builder {
            rules,
            claims,
            graph: Self::default(),
            numbers: HashMap::default(),
            classes: HashMap::default(),
        };
        let mut level = Vec::new();
        for (origin, world) in (0..).zip(rules.initial()) {
            if let Some(number) = builder.number(&world, NONE) {
                builder.graph.origins[number as usize] = origin;
                level.push(world);
            }
        }
        let mut expanded = 0;
        while !level.is_empty() {
            let mut next = Vec::new();
            builder.graph.by_depth.push(level.len() as u64);
            for world in level.drain(..) {
                let graph = &builder.graph;
                let full = states_max.is_some_and(|most| graph.len() as u64 >= most);
                let late = expanded % LOOK == 0 && until.is_some_and(|until| Instant::now() >= until);
                if full
                    || late
                    || progress.stopped()
                    || graph.fallen.is_some()
                    || graph.len() >= NONE as usize
                {
                    return builder.graph;
                }
                builder.expand(&world, expanded, &mut next);
                expanded += 1;
                builder.report(progress, expanded);
            }
            builder.graph.depth += 1;
            level = next;
        }
        builder.graph.complete = builder.graph.fallen.is_none();
        builder.graph
    }

    /// How many states there are.
    pub(super) fn len(&self) -> usize {
        self.prints.len()
    }

    /// What happens in a state.
    pub(super) fn edges(&self, state: u32) -> &[Edge] {
        let at = state as usize;
        let range = self.first.get(at).zip(self.first.get(at + 1));
        range.and_then(|(from, upto)| self.edges.get(*from as usize..*upto as usize)).unwrap_or(&[])
    }

    /// Whether what claim `claim` begins with holds in a state.
    pub(super) fn from(&self, claim: usize, state: u32) -> bool {
        self.from.get(state as usize).is_some_and(|bits| bits & bit(claim) != 0)
    }

    /// Whether what claim `claim` promises holds in a state.
    pub(super) fn to(&self, claim: usize, state: u32) -> bool {
        self.to.get(state as usize).is_some_and(|bits| bits & bit(claim) != 0)
    }

    /// Whether claim `claim` ever begins with what it does not promise already.
    pub(super) fn is_met(&self, claim: usize) -> bool {
        self.from.iter().zip(&self.to).any(|(from, to)| from & bit(claim) != 0 && to & bit(claim) == 0)
    }

    /// A shortest way from a first state to `state`, both included.
    pub(super) fn way_to(&self, mut state: u32) -> Vec<u32> {
        let mut way = vec![state];
        while let Some(parent) = self.parents.get(state as usize).copied().filter(|parent| *parent != NONE) {
            way.push(parent);
            state = parent;
        }
        way.reverse();
        way
    }

    /// The actions along `way`, which begins with a first state: of those that lead from one state to the next, one for
    /// which, by its place in the trace, `may` holds.
    pub(super) fn trace<S: Spec>(
        &self,
        rules: &Rules<S>,
        way: &[u32],
        may: impl Fn(usize, &ActionOf<S>) -> bool,
    ) -> TraceOf<S> {
        let origin = way.first().and_then(|first| self.origins.get(*first as usize)).copied().unwrap_or(0);
        let mut trace = Trace { origin: origin as usize, actions: Vec::new() };
        let Some(mut world) = rules.initial().into_iter().nth(trace.origin) else { return trace };
        for state in way.iter().skip(1) {
            let wanted = self.prints.get(*state as usize).copied();
            let mut actions = Vec::new();
            rules.actions(&world, &mut actions, &mut Withheld::new());
            let place = trace.actions.len();
            let found = actions.into_iter().filter(|action| may(place, action)).find_map(|action| {
                let next = rules.apply_named(&world, &action).ok()?;
                (Some(next.fingerprint()) == wanted).then_some((action, next))
            });
            let Some((action, next)) = found else { return trace };
            trace.actions.push(action);
            world = next;
        }
        trace
    }
}

/// The bit of a claim.
pub(super) const fn bit(claim: usize) -> u8 {
    if claim < super::CLAIMS_MAX { 1 << claim } else { 0 }
}

/// A graph that grows.
struct Builder<'a, S: Spec> {
    rules: &'a Rules<S>,
    claims: &'a [LeadsTo<S>],
    graph: Graph,
    /// States by fingerprint.
    numbers: HashMap<u64, u32, FixedState>,
    /// Classes by the fingerprint of what is common to their actions.
    classes: HashMap<u64, u32, FixedState>,
}

impl<S: Spec> Builder<'_, S> {
    /// The number of a world that was not known before.
    fn number(&mut self, world: &World<S>, parent: u32) -> Option<u32> {
        let (print, graph) = (world.fingerprint(), &mut self.graph);
        let number = u32::try_from(graph.prints.len()).unwrap_or(NONE);
        if number == NONE || self.numbers.contains_key(&print) {
            return None;
        }
        self.numbers.insert(print, number);
        graph.prints.push(print);
        graph.parents.push(parent);
        graph.origins.push(0);
        let claims = || self.claims.iter().enumerate();
        let bits = |bits: u8, (at, holds): (usize, bool)| if holds { bits | bit(at) } else { bits };
        graph.from.push(claims().map(|(at, claim)| (at, (claim.from)(world))).fold(0, bits));
        graph.to.push(claims().map(|(at, claim)| (at, (claim.to)(world))).fold(0, bits));
        if graph.fallen.is_none() && self.rules.violated(world).is_some() {
            graph.fallen = Some(number);
        }
        Some(number)
    }

    /// Everything that can happen in `world`, the state of number `at`.
    fn expand(&mut self, world: &World<S>, at: usize, new: &mut Vec<World<S>>) {
        let at = u32::try_from(at).unwrap_or(NONE);
        self.graph.first.resize(at as usize + 1, u32::try_from(self.graph.edges.len()).unwrap_or(NONE));
        let mut actions = Vec::new();
        self.rules.actions(world, &mut actions, &mut self.graph.withheld);
        for action in actions {
            let next = match self.rules.apply_named(world, &action) {
                Ok(next) => next,
                Err(Refused::Bound(bound)) => {
                    *self.graph.withheld.entry(bound).or_default() += 1;
                    continue;
                }
                Err(Refused::Impossible) => continue,
            };
            self.graph.generated += 1;
            let number = self.number(&next, at);
            let to = number.or_else(|| self.numbers.get(&next.fingerprint()).copied()).unwrap_or(NONE);
            if number.is_some() {
                new.push(next);
            }
            let allowing = self.claims.iter().enumerate().filter(|(_, claim)| (claim.tail)(&action));
            let tails = allowing.fold(0, |bits, (claim, _)| bits | bit(claim));
            let class = self.class(&action);
            self.graph.edges.push(Edge { to, class, tails });
        }
        self.graph.first.push(u32::try_from(self.graph.edges.len()).unwrap_or(NONE));
    }

    /// The class of an action.
    fn class(&mut self, action: &ActionOf<S>) -> u32 {
        let strong = match self.rules.spec().fairness(action) {
            Fairness::Unfair => return NONE,
            Fairness::Weak => false,
            Fairness::Strong => true,
        };
        let classes = &mut self.graph.classes;
        *self.classes.entry(fingerprint(&common::<S>(action))).or_insert_with(|| {
            classes.push(Class { strong });
            u32::try_from(classes.len() - 1).unwrap_or(NONE)
        })
    }

    fn report(&self, progress: &Progress, expanded: usize) {
        progress.states.store(self.graph.generated, Ordering::Relaxed);
        progress.unique.store(self.graph.len() as u64, Ordering::Relaxed);
        progress.expanded.store(expanded as u64, Ordering::Relaxed);
        progress.depth.store(u64::from(self.graph.depth), Ordering::Relaxed);
    }
}

/// What the actions of one class have in common: whatever a step chooses, however often a message arrives, by
/// however much a clock moves.
pub(super) fn common<S: Spec>(action: &ActionOf<S>) -> ActionOf<S> {
    let any = Script::new();
    match action.clone() {
        Action::Deliver(envelope, _) | Action::Duplicate(envelope, _) => Action::Deliver(envelope, any),
        Action::Fire(node, timer, _) => Action::Fire(node, timer, any),
        Action::Request(node, request, _) => Action::Request(node, request, any),
        Action::Inbox(node, _) => Action::Inbox(node, any),
        Action::Crash(node, ..) => Action::Crash(node, 0, any),
        Action::Tick(node, _) => Action::Tick(node, 0),
        other @ (Action::Drop(_) | Action::Flush(_)) => other,
    }
}

#[cfg(test)]
impl Graph {
    /// A graph of edges from a state to a state, of a class or none, that every claim allows for ever; the first claim
    /// begins everywhere and is kept nowhere.
    pub(super) fn of(states: u32, strong: &[bool], edges: &[(u32, u32, u32)]) -> Self {
        let place = |graph: &Self| u32::try_from(graph.edges.len()).unwrap_or(NONE);
        let mut graph = Self { complete: true, ..Self::default() };
        graph.classes = strong.iter().map(|strong| Class { strong: *strong }).collect();
        for state in 0..states {
            graph.first.push(place(&graph));
            let here = edges.iter().filter(|(from, ..)| *from == state);
            graph.edges.extend(here.map(|(_, to, class)| Edge { to: *to, class: *class, tails: u8::MAX }));
            graph.prints.push(u64::from(state));
            graph.parents.push(NONE);
            graph.origins.push(0);
            graph.from.push(1);
            graph.to.push(0);
        }
        graph.first.push(place(&graph));
        graph
    }
}
