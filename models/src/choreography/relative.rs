//! Participants over logs that are written anew: a log that grows for ever leaves finitely many worlds.
//!
//! # Why nothing is lost
//! A machine never reads its log but at recovery, and recovery makes of it how each saga stands. So of two disks from
//! which the same recovers, at every prefix of what waits to be durable too, each participant goes on alike, and no
//! property looks at more. The world puts in the place of what is durable one entry for each saga, and lets all that
//! waits follow it; the indices that the machine keeps move along. Only one thing asks how long a log is: whether to
//! shorten it. No world comes that far that is put so.

use quorate::durable::{Image, Record};
use quorate::id::NodeId;
use quorate::ledger::{Held, LedgerOf, Output};
use quorate::machine::{Context, RecordOf};
use quorate::saga::Renumbered;
use quorate::saga::choreography::{FLOORS, IDENTITY, LOG, Participant};
use quorate::time::Delay;

use super::ChoreographySpec;
use crate::node::Node;

type Machine = Participant<()>;

/// The node over a log written anew.
pub(super) fn relative(id: NodeId, node: &Node<ChoreographySpec>) -> Option<Node<ChoreographySpec>> {
    let Renumbered { machine, entries, earlier } = node.machine.renumbered(node.disk())?;
    let mut image = Image::default();
    for cell in [IDENTITY, FLOORS] {
        if let Some(value) = node.disk().get(cell) {
            image.apply(Record::Put { cell, value: value.clone() }).ok()?;
        }
    }
    for (index, entry) in (1..).zip(entries) {
        image.apply(Record::Append { log: LOG, index, entry }).ok()?;
    }
    let mut placed = Node::new(id, machine, image, node.applied, node.now);
    placed.inbox.clone_from(&node.inbox);
    placed.ledger = waiting(id, node, earlier);
    Some(placed)
}

/// What the node's ledger holds, with the log's entries where they come now; and its timers.
fn waiting(id: NodeId, node: &Node<ChoreographySpec>, earlier: u64) -> LedgerOf<Machine> {
    let mut ledger = LedgerOf::<Machine>::new(id);
    for held in node.ledger.held() {
        let port = &mut ledger.port(node.now, || 0);
        match held.clone() {
            Held::Record(record) => Context::<Machine>::persist(port, moved(record, earlier)),
            Held::Output(Output::Send { to, message }) => Context::<Machine>::send(port, to, message),
            Held::Output(Output::Notify(notice)) => Context::<Machine>::notify(port, notice),
            // A participant does neither.
            Held::Output(Output::Loopback(_) | Output::Load { .. }) => {}
        }
    }
    for (timer, due) in node.ledger.timers().iter() {
        let after = Delay::exactly(due.since(node.now));
        Context::<Machine>::set_timer(&mut ledger.port(node.now, || 0), timer, after);
    }
    ledger
}

fn moved(record: RecordOf<Machine>, earlier: u64) -> RecordOf<Machine> {
    match record {
        Record::Append { log, index, entry } => {
            Record::Append { log, index: index.saturating_sub(earlier), entry }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use quorate::saga::Kind::{Compensatable, Pivot};

    use super::*;
    use crate::choreography::{Menu, Plan};
    use crate::hash::fingerprint;
    use crate::world::{Limits, Rules, Withheld};

    /// What participants know, what is under way and what happened, in all worlds that are reached, wherever logs have
    /// what they have; and how many worlds there are.
    fn reached(spec: ChoreographySpec) -> (BTreeSet<u64>, usize) {
        let rules = Rules::new(spec, Limits::faults(2, 1, 0));
        let mut pending = rules.initial();
        let mut seen: BTreeSet<u64> = pending.iter().map(|world| world.fingerprint()).collect();
        let mut reached = BTreeSet::new();
        while let Some(world) = pending.pop() {
            assert_eq!(rules.violated(&world), None);
            let machines = world.machines().map(|machine| {
                let sagas = machine.sagas().map(|(saga, standing)| {
                    let steps = (0..).map(quorate::saga::StepId).zip(&standing.tries);
                    let flights: Vec<_> = steps.map(|(step, _)| machine.flight(saga, step)).collect();
                    (saga, standing.clone(), flights, machine.is_publishing(saga))
                });
                sagas.collect::<Vec<_>>()
            });
            reached.insert(fingerprint(&(machines.collect::<Vec<_>>(), world.history())));
            let mut moves = Vec::new();
            rules.moves(&world, &mut moves, &mut Withheld::new());
            let next = moves.into_iter().map(|taken| taken.next);
            pending.extend(next.filter(|next| seen.insert(next.fingerprint())));
        }
        (reached, seen.len())
    }

    #[test]
    fn over_logs_written_anew_participants_come_to_all_that_they_come_to() {
        let plan = Plan::of(&[(1, Compensatable, &[]), (0, Compensatable, &[]), (1, Pivot, &[0, 1])]);
        let menu = Menu { sagas: 1, initiators: 1, refusals: true, forgets: true, ..Menu::default() };
        let spec = ChoreographySpec::new(2, vec![plan]).asked(menu);
        let (plain, anew) = (reached(spec.clone()), reached(spec.over_new_logs()));
        assert!(plain.0 == anew.0, "{} and {}", plain.0.len(), anew.0.len());
        assert!(anew.1 < plain.1, "{} and {} worlds", anew.1, plain.1);
    }
}
