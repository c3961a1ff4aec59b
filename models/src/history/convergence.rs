//! Eventual convergence: once all is quiet, everybody reads the same, and nothing acknowledged is lost.

use super::call::Key;
use super::linearizable::{Decision, HistoryOf, by_key, decide, explanation, task};
use super::object::Sequential;
use super::search::{Task, TaskOf};
use super::verdict::{Undecided, Verdict, Violation};

const DIFFERENT: &str = "after all was quiet these read differently:";
const LOST: &str = "what was read after all was quiet comes of no order of what was acknowledged:";

/// Whether, once all was quiet, all reads of an object agree, and show what comes of its acknowledged updates in some
/// order that keeps to their times, with or without those of unknown outcome. What clients saw before is no matter.
///
/// Quiet is the time after `quiet`; if that is `None`, after the last call or answer of an update. An update of unknown
/// outcome is taken to have settled by then. An object that was updated and not read after is
/// [`Undecided::NeverRead`]. `budget` is of configurations, for each object.
pub fn convergent<S: Sequential>(
    spec: &S,
    history: &HistoryOf<S>,
    quiet: Option<u64>,
    budget: u64,
) -> Verdict {
    let Some(objects) = by_key(history) else { return Verdict::Undecided(Undecided::Budget { key: None }) };
    let updates = history.calls().iter().filter(|call| !spec.is_read(&call.operation, None));
    let last = updates.map(|call| call.returned().map_or(call.called, |(at, _)| at)).max();
    let quiet = quiet.or(last).unwrap_or(0);
    let mut undecided = None;
    for (key, calls) in objects {
        let tasks: Vec<TaskOf<'_, S>> = calls.iter().filter_map(|at| task::<S>(history, *at)).collect();
        match converges(spec, key, &tasks, quiet, budget) {
            Verdict::Holds => {}
            Verdict::Violated(violation) => return Verdict::Violated(violation),
            Verdict::Undecided(why) => {
                undecided.get_or_insert(why);
            }
        }
    }
    undecided.map_or(Verdict::Holds, Verdict::Undecided)
}

/// Whether one object does.
fn converges<S: Sequential>(spec: &S, key: Key, tasks: &[TaskOf<'_, S>], quiet: u64, budget: u64) -> Verdict {
    let is_final = |task: &TaskOf<'_, S>| {
        task.returned.is_some() && task.called > quiet && spec.is_read(task.operation, None)
    };
    let finals: Vec<TaskOf<'_, S>> = tasks.iter().copied().filter(is_final).collect();
    let differing = finals.iter().find_map(|one| {
        let other = finals.first()?;
        (one.operation == other.operation && one.outcome != other.outcome).then_some((other.call, one.call))
    });
    if let Some((one, other)) = differing {
        let calls = vec![one as usize, other as usize];
        return Verdict::Violated(Violation { because: DIFFERENT, calls, stuck: None, minimal: true });
    }
    let is_update = |task: &&TaskOf<'_, S>| {
        // One that is known to have changed nothing is no update.
        !spec.is_read(task.operation, task.outcome)
    };
    let mut wanted: Vec<TaskOf<'_, S>> =
        tasks.iter().filter(is_update).map(|task| Task { outcome: None, ..*task }).collect();
    let acknowledged = wanted.iter().any(|task| task.returned.is_some());
    if finals.is_empty() && acknowledged {
        return Verdict::Undecided(Undecided::NeverRead { key, quiet });
    }
    wanted.extend(finals);
    match decide(spec, &wanted, &mut { budget }) {
        Decision::Explained => Verdict::Holds,
        Decision::Unexplained { calls } => Verdict::Violated(explanation(spec, &wanted, calls, LOST)),
        Decision::OutOfBudget => Verdict::Undecided(Undecided::Budget { key: Some(key) }),
    }
}
