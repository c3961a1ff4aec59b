//! Linearizability, object by object.

use std::cell::Cell;

use super::call::{Call, History, Key};
use super::object::Sequential;
use super::search::{Found, Task, TaskOf, search};
use super::shrink::shrink;
use super::verdict::{Undecided, Verdict, Violation};
use super::zones::{Clusters, clusters};
use crate::hash::Map;

/// How many configurations a search tries for one object before it gives up, if the caller does not say.
pub const BUDGET: u64 = 10_000_000;
/// How many it tries to see whether a smaller explanation is one, and how many for all smaller ones together.
const BUDGET_SMALLER: u64 = 50_000;
const BUDGET_EXPLANATION: u64 = 5_000_000;
/// How many calls before a violation are looked at first for its explanation.
const WINDOW: usize = 8;

const BECAUSE: &str = "no order of these calls explains their outcomes, whatever became of all others:";

/// A history of an object.
pub type HistoryOf<S> = History<<S as Sequential>::Operation, <S as Sequential>::Outcome>;

/// Whether every operation can have taken effect at one moment between its call and its return, as if one came after
/// the other (Herlihy and Wing 1990).
///
/// Each object is looked at alone: a history is linearizable if its history of each object is (Herlihy and Wing 1990,
/// theorem 1; Horn and Kroening 2015). `budget` is of configurations, for each object.
pub fn linearizable<S: Sequential>(spec: &S, history: &HistoryOf<S>, budget: u64) -> Verdict {
    let mut undecided = None;
    let Some(objects) = by_key(history) else { return Verdict::Undecided(Undecided::Budget { key: None }) };
    let mut tasks: Vec<TaskOf<'_, S>> = Vec::new();
    for (key, calls) in objects {
        tasks.clear();
        tasks.extend(calls.iter().filter_map(|at| task::<S>(history, *at)));
        match decide(spec, &tasks, &mut { budget }) {
            Decision::Explained => {}
            Decision::Unexplained { calls } => {
                return Verdict::Violated(explanation(spec, &tasks, calls, BECAUSE));
            }
            Decision::OutOfBudget => {
                undecided.get_or_insert(Undecided::Budget { key: Some(key) });
            }
        }
    }
    undecided.map_or(Verdict::Holds, Verdict::Undecided)
}

/// The calls of each object, objects in the order of their keys. `None` if there are too many calls to count.
pub(super) fn by_key<O, R>(history: &History<O, R>) -> Option<Vec<(Key, Vec<u32>)>> {
    let calls = u32::try_from(history.calls().len()).ok()?;
    let mut places: Map<Key, usize> = Map::default();
    let mut objects: Vec<(Key, Vec<u32>)> = Vec::new();
    for (at, call) in (0..calls).zip(history.calls()) {
        let place = *places.entry(call.key).or_insert(objects.len());
        match objects.get_mut(place) {
            Some((_, calls)) => calls.push(at),
            None => objects.push((call.key, vec![at])),
        }
    }
    objects.sort_unstable_by_key(|(key, _)| *key);
    Some(objects)
}

/// A call of the history as a task.
pub(super) fn task<S: Sequential>(history: &HistoryOf<S>, at: u32) -> Option<TaskOf<'_, S>> {
    history.calls().get(at as usize).map(|call: &Call<_, _>| Task {
        call: at,
        called: call.called,
        returned: call.returned().map(|(at, _)| at),
        optional: false,
        operation: &call.operation,
        outcome: call.returned().map(|(_, outcome)| outcome),
    })
}

/// Whether there is an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Explained,
    /// There is none: because of these calls, or some before and with these.
    Unexplained {
        calls: Cause,
    },
    OutOfBudget,
}

/// What is known of why there is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// These calls cannot be explained by themselves.
    Calls(Vec<u32>),
    /// This one found no place.
    Stuck(u32),
}

/// Whether there is an order of `tasks`, by the quickest check that can tell.
pub(super) fn decide<S: Sequential>(spec: &S, tasks: &[TaskOf<'_, S>], budget: &mut u64) -> Decision {
    match clusters(spec, tasks) {
        Clusters::Order => return Decision::Explained,
        Clusters::Conflict(calls) => return Decision::Unexplained { calls: Cause::Calls(calls) },
        Clusters::NotApplicable => {}
    }
    match search(spec, tasks, budget) {
        Found::Order => Decision::Explained,
        Found::None { stuck } => Decision::Unexplained { calls: Cause::Stuck(stuck) },
        Found::OutOfBudget => Decision::OutOfBudget,
    }
}

/// The smallest explanation of why there is no order of `tasks`.
pub(super) fn explanation<S: Sequential>(
    spec: &S,
    tasks: &[TaskOf<'_, S>],
    cause: Cause,
    because: &'static str,
) -> Violation {
    let left = Cell::new(BUDGET_EXPLANATION);
    let explained = |calls: &[u32]| {
        let fewer = forgetful::<S>(tasks, calls);
        let granted = left.get().min(BUDGET_SMALLER);
        let mut budget = granted;
        let decision = decide(spec, &fewer, &mut budget);
        // To look at them costs too.
        left.set(left.get().saturating_sub(granted - budget + fewer.len() as u64 / 8 + 1));
        match decision {
            Decision::Explained => Some(true),
            Decision::Unexplained { .. } => Some(false),
            Decision::OutOfBudget => None,
        }
    };
    let mut calls = match cause {
        Cause::Calls(calls) if explained(&calls) == Some(false) => calls,
        Cause::Calls(_) => certain::<S>(tasks),
        Cause::Stuck(stuck) => suspects::<S>(tasks, stuck, explained),
    };
    let minimal = shrink(&mut calls, explained);
    calls.sort_unstable();
    let stuck = match search(spec, &forgetful::<S>(tasks, &calls), &mut { BUDGET_SMALLER }) {
        Found::None { stuck } => Some(stuck as usize),
        _ => None,
    };
    Violation { because, calls: calls.into_iter().map(|call| call as usize).collect(), stuck, minimal }
}

/// The tasks that are known to have taken effect.
fn certain<S: Sequential>(tasks: &[TaskOf<'_, S>]) -> Vec<u32> {
    tasks.iter().filter(|task| task.returned.is_some()).map(|task| task.call).collect()
}

/// As few calls up to the one that found no place as cannot be explained: more and more of those that returned last
/// before it, and what was open then.
fn suspects<S: Sequential>(
    tasks: &[TaskOf<'_, S>],
    stuck: u32,
    explained: impl Fn(&[u32]) -> Option<bool>,
) -> Vec<u32> {
    let end = tasks.iter().find(|task| task.call == stuck).and_then(|task| task.returned);
    let mut until: Vec<&TaskOf<'_, S>> =
        tasks.iter().filter(|task| task.returned.is_some() && Some(task.called) <= end).collect();
    until.sort_by_key(|task| task.returned);
    let open = until.iter().rev().take_while(|task| task.returned > end).count();
    let mut window = WINDOW;
    loop {
        let skipped = until.len().saturating_sub(window.saturating_add(open));
        let calls: Vec<u32> = until.iter().skip(skipped).map(|task| task.call).collect();
        match explained(&calls) {
            Some(false) => return calls,
            _ if skipped == 0 => return certain::<S>(tasks),
            _ => window = window.saturating_mul(2),
        }
    }
}

/// The tasks, all but `calls` forgotten. What was called after the last of these returned cannot matter to them.
fn forgetful<'a, S: Sequential>(tasks: &[TaskOf<'a, S>], calls: &[u32]) -> Vec<TaskOf<'a, S>> {
    let mut sorted = calls.to_vec();
    sorted.sort_unstable();
    let is_kept = |task: &TaskOf<'_, S>| sorted.binary_search(&task.call).is_ok();
    let end = tasks.iter().filter(|task| is_kept(task)).map(|task| task.returned).max().flatten();
    tasks
        .iter()
        .filter(|task| Some(task.called) <= end)
        .map(|task| if is_kept(task) { *task } else { Task { optional: true, outcome: None, ..*task } })
        .collect()
}
