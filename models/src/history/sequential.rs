//! Sequential consistency: one order of all calls that keeps to each client's own.
//!
//! Unlike linearizability this is a matter of all objects together: each may be consistent alone and the whole not be.
//! To decide it is NP-complete even where values are distinct (Gibbons and Korach 1997), so this is a search, under a
//! budget, behind two short cuts that take no search: what is linearizable is sequentially consistent, and what is not
//! causally consistent is not.

use foldhash::quality::FixedState;
use std::hash::BuildHasher as _;

use super::call::{Client, Key};
use super::causal::{Causality, causal};
use super::linearizable::{HistoryOf, linearizable};
use super::object::{Sequential, Step};
use super::shrink::shrink;
use super::verdict::{Undecided, Verdict, Violation};
use crate::hash::{Map, Set};

/// How many configurations are tried to see whether a smaller explanation is one.
const BUDGET_SHRINK: u64 = 20_000;
const BECAUSE: &str = "no order of these calls that keeps to each client's own explains their outcomes, whatever became of all others:";

/// Whether one order of all calls, in which those of each client come in its own order, explains all outcomes
/// (Lamport 1979). Times between clients do not matter. A call of unknown outcome comes after what its client called
/// before, and not necessarily before what it called next.
///
/// `budget` is of configurations.
pub fn sequential<S: Sequential>(spec: &S, history: &HistoryOf<S>, budget: u64) -> Verdict {
    if clocks_grow(history) && linearizable(spec, history, budget / 2).holds() {
        return Verdict::Holds;
    }
    if let Ok(verdict @ Verdict::Violated(_)) = causal(spec, history, Causality::Convergent) {
        return verdict;
    }
    let all: Vec<u32> = (0..u32::try_from(history.calls().len()).unwrap_or(u32::MAX)).collect();
    match Search::new(spec, history, &all).run(&mut { budget }) {
        Some(true) => Verdict::Holds,
        Some(false) => Verdict::Violated(explanation(spec, history)),
        None => Verdict::Undecided(Undecided::Budget { key: None }),
    }
}

/// Whether each client's next call is later than the last answer, so that linearizability keeps to its order.
fn clocks_grow<O, R>(history: &super::call::History<O, R>) -> bool {
    let mut last: Map<Client, u64> = Map::default();
    history.calls().iter().all(|call| {
        let until = call.returned().map_or(call.called, |(at, _)| at);
        last.insert(call.client, until).is_none_or(|before| before < call.called)
    })
}

fn explanation<S: Sequential>(spec: &S, history: &HistoryOf<S>) -> Violation {
    let places = (0_u32..).zip(history.calls());
    let mut calls: Vec<u32> =
        places.filter(|(_, call)| call.returned().is_some()).map(|(at, _)| at).collect();
    let minimal = shrink(&mut calls, |calls| Search::new(spec, history, calls).run(&mut { BUDGET_SHRINK }));
    let calls = calls.into_iter().map(|call| call as usize).collect();
    Violation { because: BECAUSE, calls, stuck: None, minimal }
}

/// A call, made ready.
struct Item<'a, S: Sequential> {
    key: usize,
    operation: &'a S::Operation,
    outcome: Option<&'a S::Outcome>,
    is_read: bool,
    called: u64,
}

/// A call of unknown outcome: it may come once its client has come this far.
struct Maybe<'a, S: Sequential> {
    item: Item<'a, S>,
    session: usize,
    after: usize,
}

/// A step of the order.
#[derive(Clone, Copy)]
enum Move {
    Next(usize),
    Maybe(usize),
}

/// A depth-first search that takes its steps back. Where it has been it knows by 128 bits of it.
struct Search<'s, 'a, S: Sequential> {
    spec: &'s S,
    sessions: Vec<Vec<Item<'a, S>>>,
    maybes: Vec<Maybe<'a, S>>,
    /// How far each session is.
    done: Vec<usize>,
    used: Vec<bool>,
    states: Vec<S::State>,
    left: usize,
    been: Set<u128>,
    /// What was done, and what the state was where it changed.
    trail: Vec<(Move, Option<S::State>)>,
}

impl<'s, 'a, S: Sequential> Search<'s, 'a, S> {
    /// A search that takes `certain` calls as they are, and all others for ones of unknown outcome.
    fn new(spec: &'s S, history: &'a HistoryOf<S>, certain: &[u32]) -> Self {
        let (mut clients, mut keys): (Map<Client, usize>, Map<Key, usize>) = Default::default();
        let (mut sessions, mut maybes) = (Vec::<Vec<Item<'a, S>>>::new(), Vec::new());
        for (at, call) in (0_u32..).zip(history.calls()) {
            let session = *clients.entry(call.client).or_insert(sessions.len());
            if session == sessions.len() {
                sessions.push(Vec::new());
            }
            let count = keys.len();
            let key = *keys.entry(call.key).or_insert(count);
            let outcome =
                call.returned().map(|(_, outcome)| outcome).filter(|_| certain.binary_search(&at).is_ok());
            let (operation, called) = (&call.operation, call.called);
            let is_read = spec.is_read(operation, outcome);
            let item = Item { key, operation, outcome, is_read, called };
            let Some(own) = sessions.get_mut(session) else { continue };
            if outcome.is_some() {
                own.push(item);
            } else if !is_read {
                maybes.push(Maybe { item, session, after: own.len() });
            }
        }
        Self {
            spec,
            done: vec![0; sessions.len()],
            used: vec![false; maybes.len()],
            states: (0..keys.len()).map(|_| spec.initial()).collect(),
            left: sessions.iter().map(Vec::len).sum(),
            been: Set::default(),
            trail: Vec::new(),
            sessions,
            maybes,
        }
    }

    /// Whether there is an order; `None` if it would take more than the budget.
    fn run(mut self, budget: &mut u64) -> Option<bool> {
        // Forks: how long the trail was, and the moves not tried, the next one last.
        let mut forks: Vec<(usize, Vec<Move>)> = Vec::new();
        loop {
            self.settle();
            if self.left == 0 {
                return Some(true);
            }
            *budget = budget.checked_sub(1)?;
            let moves = if self.been.insert(self.here()) { self.moves() } else { Vec::new() };
            forks.push((self.trail.len(), moves));
            loop {
                let Some((length, moves)) = forks.last_mut() else { return Some(false) };
                let length = *length;
                let next = moves.pop();
                self.take_back(length);
                match next {
                    Some(next) if self.make(next) => break,
                    Some(_) => {}
                    None => {
                        forks.pop();
                    }
                }
            }
        }
    }

    /// Where the search is.
    fn here(&self) -> u128 {
        let half =
            |seed| u128::from(FixedState::with_seed(seed).hash_one((&self.done, &self.used, &self.states)));
        half(1) << 64 | half(2)
    }

    /// Lets the reads that fit come next: they change nothing, so whatever works with them later works now.
    fn settle(&mut self) {
        let mut session = 0;
        while let Some(own) = self.sessions.get(session) {
            let next = self.done.get(session).and_then(|done| own.get(*done));
            let fits = next.is_some_and(|item| item.is_read) && self.make(Move::Next(session));
            session += usize::from(!fits);
        }
    }

    /// What can be tried next; what was called first comes last.
    fn moves(&self) -> Vec<Move> {
        let next = self.sessions.iter().zip(&self.done).enumerate();
        let next =
            next.filter_map(|(session, (own, done))| own.get(*done).map(|item| (item, Move::Next(session))));
        let is_open =
            |maybe: &Maybe<'a, S>| self.done.get(maybe.session).is_some_and(|done| *done >= maybe.after);
        let maybes = self.maybes.iter().zip(&self.used).enumerate();
        let maybes = maybes.filter(|(_, (maybe, used))| !**used && is_open(maybe));
        let maybes = maybes.map(|(at, (maybe, _))| (&maybe.item, Move::Maybe(at)));
        let mut moves: Vec<(bool, u64, Move)> = next
            .chain(maybes)
            .filter(|(item, _)| !item.is_read)
            .map(|(item, way)| (item.outcome.is_none(), item.called, way))
            .collect();
        moves.sort_by_key(|(unknown, called, _)| std::cmp::Reverse((*unknown, *called)));
        moves.into_iter().map(|(_, _, way)| way).collect()
    }

    /// Makes a step, if the outcome allows it.
    fn make(&mut self, way: Move) -> bool {
        let item = match way {
            Move::Next(session) => {
                let done = self.done.get(session).copied().unwrap_or(usize::MAX);
                self.sessions.get(session).and_then(|own| own.get(done))
            }
            Move::Maybe(at) => self.maybes.get(at).map(|maybe| &maybe.item),
        };
        let Some(item) = item else { return false };
        let Some(state) = self.states.get_mut(item.key) else { return false };
        let before = match (self.spec.step(state, item.operation, item.outcome), way) {
            (Step::Impossible, _) | (Step::Unchanged, Move::Maybe(_)) => return false,
            (Step::Unchanged, Move::Next(_)) => None,
            (Step::Becomes(next), _) => Some(std::mem::replace(state, next)),
        };
        self.count(way, true);
        self.trail.push((way, before));
        true
    }

    fn count(&mut self, way: Move, forward: bool) {
        match way {
            Move::Next(session) => {
                if let Some(done) = self.done.get_mut(session) {
                    *done = if forward { *done + 1 } else { done.saturating_sub(1) };
                    self.left = if forward { self.left.saturating_sub(1) } else { self.left + 1 };
                }
            }
            Move::Maybe(at) => {
                if let Some(used) = self.used.get_mut(at) {
                    *used = forward;
                }
            }
        }
    }

    /// Takes steps back until the trail is this long again.
    fn take_back(&mut self, length: usize) {
        while self.trail.len() > length {
            let Some((way, before)) = self.trail.pop() else { return };
            self.count(way, false);
            let key = match way {
                Move::Next(session) => {
                    let done = self.done.get(session).copied().unwrap_or(usize::MAX);
                    self.sessions.get(session).and_then(|own| own.get(done)).map(|item| item.key)
                }
                Move::Maybe(at) => self.maybes.get(at).map(|maybe| maybe.item.key),
            };
            if let (Some(before), Some(state)) = (before, key.and_then(|key| self.states.get_mut(key))) {
                *state = before;
            }
        }
    }
}
