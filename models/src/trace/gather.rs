//! What counts as one event, and traces in which as much as can be does.
//!
//! A step that writes is followed by its record becoming durable, and perhaps by the node hearing itself: three actions,
//! since anything may come between, and yet one event to whoever reads of it where nothing does. So an action, with what
//! the disk and the inbox of its own node do right after it, is one event. Counts of actions stay what they are: both are
//! told.

use quorate::id::NodeId;

use super::Trace;
use crate::world::Action;

impl<M, T, R> Trace<Action<M, T, R>> {
    /// How many events there are: an action, with the records that become durable and the inputs owed that are taken at
    /// its own node right after it, is one.
    #[must_use]
    pub fn events(&self) -> usize {
        events(&self.actions)
    }
}

/// How many events `actions` are.
pub(crate) fn events<M, T, R>(actions: &[Action<M, T, R>]) -> usize {
    let pairs = actions.windows(2);
    let follow = pairs.filter(|pair| matches!(pair, [before, action] if is_one(before, action)));
    actions.len() - follow.count()
}

/// Whether `action` is one event with what happened right before it.
pub(crate) fn is_one<M, T, R>(before: &Action<M, T, R>, action: &Action<M, T, R>) -> bool {
    own_work(action).is_some_and(|node| before.node() == Some(node))
}

/// The node whose own disk or inbox is at work by an action.
const fn own_work<M, T, R>(action: &Action<M, T, R>) -> Option<NodeId> {
    match action {
        Action::Flush(node) | Action::Inbox(node, _) => Some(*node),
        _ => None,
    }
}

/// The place to which the work of a node's disk or inbox at place `at` may be moved to be one event with what befell that
/// node last; nothing if it is there, or is no such work.
pub(crate) fn nearer<A, M, T, R>(
    items: &[A],
    at: usize,
    action: impl Fn(&A) -> &Action<M, T, R>,
) -> Option<usize> {
    let node = own_work(action(items.get(at)?))?;
    let last = items.get(..at)?.iter().rposition(|item| action(item).node() == Some(node))?;
    (last + 1 < at).then_some(last + 1)
}

/// `items` with the one at `from` moved to `to`, before it.
pub(crate) fn moved<A: Clone>(items: &[A], from: usize, to: usize) -> Vec<A> {
    let mut items = items.to_vec();
    if let Some(part) = items.get_mut(to..=from) {
        part.rotate_right(1);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    type Plain = Action<u8, u8, u8>;

    fn fire(node: u64) -> Plain {
        Action::Fire(NodeId(node), 0, Default::default())
    }

    const fn flush(node: u64) -> Plain {
        Action::Flush(NodeId(node))
    }

    #[test]
    fn what_a_nodes_own_disk_does_right_after_a_step_is_one_event_with_it() {
        assert_eq!(events(&[fire(0), flush(0), flush(0), fire(1)]), 2);
        assert_eq!(events(&[fire(0), fire(1), flush(0), fire(0)]), 4, "something comes between");
        assert_eq!(events::<u8, u8, u8>(&[]), 0);
    }

    #[test]
    fn what_a_disk_does_later_is_moved_to_what_befell_its_node_last() {
        let items = [fire(0), fire(1), fire(2), flush(0)];
        assert_eq!(nearer(&items, 3, |item| item), Some(1));
        let nearer_now = moved(&items, 3, 1);
        assert_eq!(nearer_now, [fire(0), flush(0), fire(1), fire(2)]);
        assert_eq!(events(&nearer_now), 3);
        assert_eq!((nearer(&nearer_now, 1, |item| item), nearer(&items, 2, |item| item)), (None, None));
    }
}
