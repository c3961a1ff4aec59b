//! Registers whose values are each written once: Gibbons and Korach 1997, 4.
//!
//! A write and the reads of its value are a *cluster*, which an order must keep together. Of two clusters, one must be
//! before the other if an operation of it returns before one of the other is called. An order exists if no read returns
//! before its write is called and no two clusters must each be before the other; it takes `n log n` to see, however
//! many operations overlap.
//!
//! Let *first* be the earliest return in a cluster and *last* the latest call. Then A must be before B if A's first is
//! before B's last. Where first is before last the cluster's *zone* goes forward, and the two of a conflict are either
//! forward zones that overlap, or a forward zone with the other zone wholly inside.

use super::object::{Access, Sequential};
use super::search::TaskOf;
use crate::hash::Map;

/// What the clusters show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clusters {
    /// There is an order.
    Order,
    /// There is none, because of these calls alone.
    Conflict(Vec<u32>),
    /// A value is written twice, or there is more than writes and reads.
    NotApplicable,
}

/// The beginning of time: before every call and return.
const BEGINNING: Moment = (0, Side::Before);

/// A time, and which side of it.
type Moment = (u64, Side);

/// At one time calls come before returns: neither is known to be first, so they overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Before,
    Call,
    Return,
}

/// A write and the reads of its value.
struct Cluster {
    /// The write; none for the initial value.
    write: Option<u32>,
    written: Moment,
    /// The earliest return, and whose.
    first: (Option<Moment>, u32),
    /// The latest call, and whose.
    last: (Moment, u32),
    /// Whether anybody is known to have read or written the value.
    is_real: bool,
}

/// Looks at the clusters of `tasks`.
pub(super) fn clusters<S: Sequential>(spec: &S, tasks: &[TaskOf<'_, S>]) -> Clusters {
    let Some((mut clusters, reads)) = writes(spec, tasks) else { return Clusters::NotApplicable };
    for (place, task) in reads {
        let Some(place) = place else { return Clusters::Conflict(vec![task.call]) };
        let Some(cluster) = clusters.get_mut(place) else { continue };
        let Some(returned) = task.returned else { continue };
        let (called, returned) = ((task.called, Side::Call), (returned, Side::Return));
        if cluster.write.is_some() && returned < cluster.written {
            return Clusters::Conflict([cluster.write, Some(task.call)].into_iter().flatten().collect());
        }
        cluster.is_real = true;
        if cluster.first.0.is_none_or(|first| returned < first) {
            cluster.first = (Some(returned), task.call);
        }
        if called > cluster.last.0 {
            cluster.last = (called, task.call);
        }
    }
    clusters.retain(|cluster| cluster.is_real);
    conflict(&clusters).map_or(Clusters::Order, Clusters::Conflict)
}

/// A read, and which cluster its value is of.
type ReadOf<'t, 'a, S> = (Option<usize>, &'t TaskOf<'a, S>);

/// A cluster for each write, and the reads that are known; `None` if they are not all there is, or not distinct.
fn writes<'t, 'a, S: Sequential>(
    spec: &S,
    tasks: &'t [TaskOf<'a, S>],
) -> Option<(Vec<Cluster>, Vec<ReadOf<'t, 'a, S>>)> {
    let mut places: Map<S::State, usize> = Map::with_capacity_and_hasher(tasks.len() / 2, Default::default());
    let initial =
        Cluster { write: None, written: BEGINNING, first: (None, 0), last: (BEGINNING, 0), is_real: false };
    let mut clusters = vec![Cluster { first: (Some(BEGINNING), 0), ..initial }];
    places.insert(spec.initial(), 0);
    let mut reads = Vec::new();
    for task in tasks {
        match spec.access(task.operation, task.outcome)? {
            Access::Write(value) => {
                if places.insert(value, clusters.len()).is_some() {
                    return None;
                }
                let called = (task.called, Side::Call);
                clusters.push(Cluster {
                    write: Some(task.call),
                    written: called,
                    first: (task.returned.map(|at| (at, Side::Return)), task.call),
                    last: (called, task.call),
                    is_real: task.is_certain(),
                });
            }
            Access::Read(value) if task.is_certain() => reads.push((value, task)),
            Access::Read(_) | Access::Nothing => {}
        }
    }
    let placed = reads.into_iter().map(|(value, task)| (places.get(&value).copied(), task)).collect();
    Some((clusters, placed))
}

/// The calls of two clusters that must each be before the other.
fn conflict(clusters: &[Cluster]) -> Option<Vec<u32>> {
    let is_forward = |cluster: &&Cluster| cluster.first.0.is_some_and(|first| first < cluster.last.0);
    let mut forward: Vec<&Cluster> = clusters.iter().filter(is_forward).collect();
    forward.sort_by_key(|cluster| cluster.first.0);
    let overlapping = forward.windows(2).find_map(|pair| match pair {
        [one, other] if must_precede(other, one) => Some((*one, *other)),
        _ => None,
    });
    let inside = || {
        clusters.iter().filter(|cluster| !is_forward(cluster)).find_map(|cluster| {
            // The forward zones are apart: only the last that begins before this one can hold it.
            let after = forward.partition_point(|other| must_precede(other, cluster));
            let around = forward.get(after.checked_sub(1)?)?;
            must_precede(cluster, around).then_some((*around, cluster))
        })
    };
    let (one, other) = overlapping.or_else(inside)?;
    let mut calls: Vec<u32> = [one, other].into_iter().flat_map(members).collect();
    calls.sort_unstable();
    calls.dedup();
    Some(calls)
}

/// Whether an operation of `one` returned before one of `other` was called.
fn must_precede(one: &Cluster, other: &Cluster) -> bool {
    one.first.0.is_some_and(|first| first < other.last.0)
}

/// The calls that make a cluster what it is.
fn members(cluster: &Cluster) -> impl Iterator<Item = u32> {
    let first = (cluster.first.0 != Some(BEGINNING)).then_some(cluster.first.1);
    let last = (cluster.last.0 != BEGINNING).then_some(cluster.last.1);
    [cluster.write, first, last].into_iter().flatten()
}
