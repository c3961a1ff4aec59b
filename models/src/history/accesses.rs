//! Who wrote what, and who read it, where every value is written once.

use super::call::{Client, Key};
use super::linearizable::HistoryOf;
use super::object::{Access, Sequential};
use super::shrink::shrink;
use super::verdict::{Unsuitable, Violation};
use std::collections::VecDeque;

use crate::hash::{Map, Set};

/// A write or a read.
#[derive(Clone, Debug)]
pub(super) struct Accessed {
    /// Its place in the history.
    pub(super) call: usize,
    pub(super) client: usize,
    pub(super) key: usize,
    /// Its place among the calls of its client, from 1.
    pub(super) place: u32,
    pub(super) role: Role,
    /// Whether it is known to have taken effect before its client's next call.
    pub(super) certain: bool,
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Write,
    Read(Source),
}

/// Where a value that was read comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It was there at first.
    Initial,
    /// This access wrote it.
    Write(usize),
    /// Nobody wrote it.
    Nobody,
}

/// The accesses of a history: reads of known outcome, and writes that are known to have taken effect, at least because
/// somebody read them.
#[derive(Clone, Debug, Default)]
pub(super) struct Accesses {
    /// In the order of the history.
    pub(super) all: Vec<Accessed>,
    /// The accesses of each client, in its order.
    pub(super) sessions: Vec<Vec<usize>>,
}

/// The accesses of `history`.
pub(super) fn accesses<S: Sequential>(spec: &S, history: &HistoryOf<S>) -> Result<Accesses, Unsuitable> {
    let initial = spec.initial();
    let (mut keys, mut clients): (Map<Key, usize>, Map<Client, usize>) = Default::default();
    let mut writers: Map<(usize, S::State), usize> = Map::default();
    let mut found: Vec<(Accessed, Option<S::State>)> = Vec::new();
    let mut places: Vec<u32> = Vec::new();
    for (at, call) in (0_u32..).zip(history.calls()) {
        let count = clients.len();
        let client = *clients.entry(call.client).or_insert(count);
        if client == places.len() {
            places.push(0);
        }
        if let Some(place) = places.get_mut(client) {
            *place += 1;
        }
        let outcome = call.returned().map(|(_, outcome)| outcome);
        let count = keys.len();
        let key = *keys.entry(call.key).or_insert(count);
        let place = places.get(client).copied().unwrap_or(0);
        let certain = outcome.is_some();
        let access = |role| Accessed { call: at as usize, client, key, place, role, certain };
        match spec.access(&call.operation, outcome) {
            None => return Err(Unsuitable::NotARegister { call: at as usize }),
            Some(Access::Nothing) => {}
            Some(Access::Read(value)) => found.push((access(Role::Read(Source::Nobody)), Some(value))),
            Some(Access::Write(value)) => {
                if value == initial || writers.insert((key, value), found.len()).is_some() {
                    return Err(Unsuitable::NotDistinct { call: at as usize });
                }
                found.push((access(Role::Write), None));
            }
        }
    }
    Ok(linked(found, &initial, &writers, clients.len()))
}

/// Links reads with writes, and leaves out the writes that may never have been.
fn linked<T: Clone + Eq + std::hash::Hash>(
    found: Vec<(Accessed, Option<T>)>,
    initial: &T,
    writers: &Map<(usize, T), usize>,
    clients: usize,
) -> Accesses {
    let sources: Vec<Option<Source>> = found
        .iter()
        .map(|(access, value)| {
            let value = value.as_ref()?;
            let writer = writers.get(&(access.key, value.clone())).map(|at| Source::Write(*at));
            Some(writer.unwrap_or(if value == initial { Source::Initial } else { Source::Nobody }))
        })
        .collect();
    let mut is_real: Vec<bool> = found.iter().map(|(access, _)| access.certain).collect();
    for source in &sources {
        if let Some(Source::Write(at)) = source
            && let Some(real) = is_real.get_mut(*at)
        {
            *real = true;
        }
    }
    let all = found
        .into_iter()
        .zip(sources)
        .map(|((access, _), source)| Accessed { role: source.map_or(Role::Write, Role::Read), ..access });
    let accesses = Accesses { all: all.collect(), sessions: vec![Vec::new(); clients] };
    let real: Vec<usize> = is_real.iter().enumerate().filter(|(_, real)| **real).map(|(at, _)| at).collect();
    accesses.only(&real)
}

impl Accesses {
    /// These accesses alone, `keep` ascending, and the writes that they read.
    pub(super) fn only(&self, keep: &[usize]) -> Self {
        let sources = keep.iter().filter_map(|at| self.source(*at));
        let mut kept: Vec<usize> = keep.iter().copied().chain(sources).collect();
        kept.sort_unstable();
        kept.dedup();
        let now = |before: usize| kept.binary_search(&before).ok();
        let mut clients: Map<usize, usize> = Map::default();
        let mut accesses = Self::default();
        for at in &kept {
            let Some(access) = self.all.get(*at) else { continue };
            let count = clients.len();
            let client = *clients.entry(access.client).or_insert(count);
            if client == accesses.sessions.len() {
                accesses.sessions.push(Vec::new());
            }
            if let Some(session) = accesses.sessions.get_mut(client) {
                session.push(accesses.all.len());
            }
            let role = match access.role {
                Role::Read(Source::Write(at)) => Role::Read(now(at).map_or(Source::Nobody, Source::Write)),
                role => role,
            };
            accesses.all.push(Accessed { client, role, ..access.clone() });
        }
        accesses
    }

    /// The write that an access reads.
    fn source(&self, at: usize) -> Option<usize> {
        match self.all.get(at)?.role {
            Role::Read(Source::Write(write)) => Some(write),
            _ => None,
        }
    }

    /// The violation that `shown` make up, shrunk as far as accesses are still `broken` without what is left out. A
    /// write is left out together with its reads: they would be of what nobody wrote.
    pub(super) fn violation(
        &self,
        because: &'static str,
        mut shown: Vec<usize>,
        broken: impl Fn(&Self) -> Option<bool>,
    ) -> Violation {
        shown.sort_unstable();
        shown.dedup();
        let mut calls: Vec<u32> = shown.iter().filter_map(|at| u32::try_from(*at).ok()).collect();
        let wide = |calls: &[u32]| -> Vec<usize> { calls.iter().map(|at| *at as usize).collect() };
        let check = |calls: &[u32]| broken(&self.only(&wide(calls))).map(|broken| !broken);
        let minimal = calls.len() <= SHRUNK_MAX && check(&calls) == Some(false) && shrink(&mut calls, check);
        let shown = self.only(&wide(&calls));
        Violation {
            because,
            calls: shown.all.iter().map(|access| access.call).collect(),
            stuck: None,
            minimal,
        }
    }
}

/// How many calls of a violation are shrunk at most.
const SHRUNK_MAX: usize = 1_024;

/// Edges of a graph, by where they come from: to where, and because of which access.
pub(super) type Edges = Vec<Vec<(usize, Option<usize>)>>;

/// The groups of nodes that can each reach one another (Tarjan 1972), those of one node left out.
pub(super) fn knots(edges: &Edges) -> Vec<Vec<usize>> {
    let count = edges.len();
    let (mut index, mut low) = (vec![usize::MAX; count], vec![usize::MAX; count]);
    let (mut on_stack, mut stack, mut knots, mut next) = (vec![false; count], Vec::new(), Vec::new(), 0);
    for root in 0..count {
        if index[root] != usize::MAX {
            continue;
        }
        let mut path = vec![(root, 0)];
        while let Some((node, edge)) = path.last_mut() {
            let node = *node;
            if *edge == 0 {
                (index[node], low[node]) = (next, next);
                next += 1;
                on_stack[node] = true;
                stack.push(node);
            }
            if let Some((to, _)) = edges[node].get(*edge) {
                *edge += 1;
                if index[*to] == usize::MAX {
                    path.push((*to, 0));
                } else if on_stack[*to] {
                    low[node] = low[node].min(index[*to]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
            if low[node] == index[node] {
                let at = stack.iter().rposition(|other| *other == node).unwrap_or(0);
                let knot = stack.split_off(at);
                knot.iter().for_each(|member| on_stack[*member] = false);
                if knot.len() > 1 {
                    knots.push(knot);
                }
            }
        }
    }
    knots
}

/// A way round in a knot, through both `one` and `other`: from where, to where, because of what.
pub(super) fn cycle(
    edges: &Edges,
    knot: &[usize],
    one: usize,
    other: usize,
) -> Vec<(usize, usize, Option<usize>)> {
    let mut inside: Set<usize> = Set::default();
    inside.extend(knot);
    let mut round = way(edges, &inside, one, other);
    round.extend(way(edges, &inside, other, one));
    round
}

/// A shortest way from one node to another.
fn way(edges: &Edges, inside: &Set<usize>, from: usize, to: usize) -> Vec<(usize, usize, Option<usize>)> {
    let mut reached: Map<usize, (usize, Option<usize>)> = Map::default();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for (next, because) in &edges[at] {
            if inside.contains(next) && !reached.contains_key(next) {
                reached.insert(*next, (at, *because));
                queue.push_back(*next);
            }
        }
        if reached.contains_key(&to) {
            break;
        }
    }
    let (mut way, mut at) = (Vec::new(), to);
    while let Some((before, because)) = reached.get(&at) {
        way.push((*before, at, *because));
        at = *before;
        if at == from {
            break;
        }
    }
    way
}
