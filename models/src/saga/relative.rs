//! Nodes over logs that are written anew: what only grows leaves finitely many worlds.
//!
//! # Why nothing is lost
//! A machine never reads its log but at recovery, and recovery makes of it how each saga, or key, stands. So of two
//! disks from which the same recovers, at every prefix of what waits to be durable too, each node goes on alike. The
//! world puts in the place of what is durable one entry for each saga, or key, and lets all that waits follow it; the
//! indices that the machine keeps move along. Only one thing asks how long a log is: whether to shorten it. So worlds
//! in which that happens are not put so.

use quorate::durable::{Image, Record};
use quorate::either::Either;
use quorate::ledger::{Held, LedgerOf, Output};
use quorate::machine::{Context, RecordOf};
use quorate::saga::{self, Renumbered, service};
use quorate::time::Delay;

use super::{Nodes, SagaSpec};
use crate::node::{ImageOf, Node};
use quorate::id::{CellId, LogId, NodeId};

/// The cells and the log of either kind of node.
const CELLS: [CellId; 3] = [saga::IDENTITY, saga::EPOCH, saga::FORGOTTEN];
const LOG: LogId = saga::LOG;

/// The node over a log written anew.
pub(super) fn relative(id: NodeId, node: &Node<SagaSpec>) -> Option<Node<SagaSpec>> {
    let (machine, image, earlier) = renumbered(node)?;
    let mut placed = Node::new(id, machine, image, node.applied, node.now);
    placed.inbox.clone_from(&node.inbox);
    placed.ledger = waiting(id, node, earlier);
    Some(placed)
}

fn renumbered(node: &Node<SagaSpec>) -> Option<(Nodes, ImageOf<SagaSpec>, u64)> {
    match &node.machine {
        Either::Left(machine) => {
            let disk = node.disk().filter_map(|cell| cell.left().cloned(), |entry| entry.left().cloned())?;
            let Renumbered { machine, entries, earlier } = machine.renumbered(&disk)?;
            let image = written(node, entries.into_iter().map(Either::Left))?;
            Some((Either::Left(machine), image, earlier))
        }
        Either::Right(machine) => {
            let disk =
                node.disk().filter_map(|cell| cell.right().cloned(), |entry| entry.right().copied())?;
            let Renumbered { machine, entries, earlier } = machine.renumbered(&disk)?;
            let image = written(node, entries.into_iter().map(Either::Right))?;
            Some((Either::Right(machine), image, earlier))
        }
    }
}

/// The node's cells, and this log.
fn written(
    node: &Node<SagaSpec>,
    entries: impl Iterator<Item = Either<saga::Entry<super::Input>, service::Entry>>,
) -> Option<ImageOf<SagaSpec>> {
    let mut image = Image::default();
    for cell in CELLS {
        if let Some(value) = node.disk().get(cell) {
            image.apply(Record::Put { cell, value: value.clone() }).ok()?;
        }
    }
    for (index, entry) in (1..).zip(entries) {
        image.apply(Record::Append { log: LOG, index, entry }).ok()?;
    }
    Some(image)
}

/// What the node's ledger holds, with the log's entries where they come now; and its timers.
fn waiting(id: NodeId, node: &Node<SagaSpec>, earlier: u64) -> LedgerOf<Nodes> {
    let mut ledger = LedgerOf::<Nodes>::new(id);
    for held in node.ledger.held() {
        let port = &mut ledger.port(node.now, || 0);
        match held.clone() {
            Held::Record(record) => Context::<Nodes>::persist(port, moved(record, earlier)),
            Held::Output(Output::Send { to, message }) => Context::<Nodes>::send(port, to, message),
            Held::Output(Output::Notify(notice)) => Context::<Nodes>::notify(port, notice),
            // Neither of the machines does either.
            Held::Output(Output::Loopback(_) | Output::Load { .. }) => {}
        }
    }
    for (timer, due) in node.ledger.timers().iter() {
        let after = Delay::exactly(due.since(node.now));
        Context::<Nodes>::set_timer(&mut ledger.port(node.now, || 0), timer, after);
    }
    ledger
}

fn moved(record: RecordOf<Nodes>, earlier: u64) -> RecordOf<Nodes> {
    match record {
        Record::Append { log, index, entry } => {
            Record::Append { log, index: index.saturating_sub(earlier), entry }
        }
        other => other,
    }
}
