//! A node over a log that was written anew: what only grows leaves finitely many worlds.
//!
//! # Why nothing is lost
//! A machine never reads its log but at recovery, and recovery makes of it how each thing in it stands. So of two disks from
//! which the same recovers, at every prefix of what waits to be durable too, each node goes on alike. The world puts in the
//! place of what is durable one entry for each thing, and lets all that waits follow it; the indices that the machine keeps
//! move along.

use quorate::durable::{Image, Record};
use quorate::id::{CellId, LogId, NodeId};
use quorate::ledger::{Held, LedgerOf, Output};
use quorate::machine::{Context, RecordOf};
use quorate::time::Delay;

use crate::node::Node;
use crate::spec::{EntryOf, Spec};

/// What comes in the place of a node's log.
pub(crate) struct Rewritten<M, E> {
    /// The machine, with the indices that it keeps moved.
    pub(crate) machine: M,
    /// What the log holds, from its first index on.
    pub(crate) entries: E,
    /// How much earlier each entry stands.
    pub(crate) earlier: u64,
}

/// The node with these cells and its `log` written anew. For machines that send nothing to themselves and read nothing back.
pub(crate) fn rewritten<S: Spec>(
    id: NodeId,
    node: &Node<S>,
    (cells, log): (&[CellId], LogId),
    anew: Rewritten<S::Machine, impl IntoIterator<Item = EntryOf<S>>>,
) -> Option<Node<S>> {
    let mut image = Image::default();
    for cell in cells {
        if let Some(value) = node.disk().get(*cell) {
            image.apply(Record::Put { cell: *cell, value: value.clone() }).ok()?;
        }
    }
    for (index, entry) in (1..).zip(anew.entries) {
        image.apply(Record::Append { log, index, entry }).ok()?;
    }
    let mut placed = Node::new(id, anew.machine, image, node.applied, node.now);
    placed.inbox.clone_from(&node.inbox);
    placed.ledger = waiting(id, node, anew.earlier);
    Some(placed)
}

/// What the node's ledger holds, with the log's entries where they come now; and its timers.
fn waiting<S: Spec>(id: NodeId, node: &Node<S>, earlier: u64) -> LedgerOf<S::Machine> {
    let mut ledger = LedgerOf::<S::Machine>::new(id);
    for held in node.ledger.held() {
        let port = &mut ledger.port(node.now, || 0);
        match held.clone() {
            Held::Record(record) => Context::<S::Machine>::persist(port, moved::<S>(record, earlier)),
            Held::Output(Output::Send { to, message }) => Context::<S::Machine>::send(port, to, message),
            Held::Output(Output::Notify(notice)) => Context::<S::Machine>::notify(port, notice),
            Held::Output(Output::Loopback(_) | Output::Load { .. }) => {}
        }
    }
    for (timer, due) in node.ledger.timers().iter() {
        let after = Delay::exactly(due.since(node.now));
        Context::<S::Machine>::set_timer(&mut ledger.port(node.now, || 0), timer, after);
    }
    ledger
}

fn moved<S: Spec>(record: RecordOf<S::Machine>, earlier: u64) -> RecordOf<S::Machine> {
    match record {
        Record::Append { log, index, entry } => {
            Record::Append { log, index: index.saturating_sub(earlier), entry }
        }
        other => other,
    }
}
