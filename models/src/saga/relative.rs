//! Nodes over logs that are [written anew](crate::rewritten). Only one thing asks how long a log is: whether to shorten it. So
//! worlds in which that happens are not put so.

use quorate::either::Either;
use quorate::id::{CellId, LogId, NodeId};
use quorate::saga::{self, Renumbered};

use super::SagaSpec;
use crate::node::Node;
use crate::rewritten::{Rewritten, rewritten};

/// The cells and the log of either kind of node.
const CELLS: [CellId; 3] = [saga::IDENTITY, saga::EPOCH, saga::FORGOTTEN];
const LOG: LogId = saga::LOG;

/// The node over a log written anew.
pub(super) fn relative(id: NodeId, node: &Node<SagaSpec>) -> Option<Node<SagaSpec>> {
    match &node.machine {
        Either::Left(machine) => {
            let disk = node.disk().filter_map(|cell| cell.left().cloned(), |entry| entry.left().cloned())?;
            let Renumbered { machine, entries, earlier } = machine.renumbered(&disk)?;
            let (machine, entries) = (Either::Left(machine), entries.into_iter().map(Either::Left));
            rewritten(id, node, (&CELLS, LOG), Rewritten { machine, entries, earlier })
        }
        Either::Right(machine) => {
            let disk =
                node.disk().filter_map(|cell| cell.right().cloned(), |entry| entry.right().copied())?;
            let Renumbered { machine, entries, earlier } = machine.renumbered(&disk)?;
            let (machine, entries) = (Either::Right(machine), entries.into_iter().map(Either::Right));
            rewritten(id, node, (&CELLS, LOG), Rewritten { machine, entries, earlier })
        }
    }
}
