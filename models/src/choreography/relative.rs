//! Participants over logs that are [written anew](crate::rewritten): no property looks at more than how each saga stands.
//! Only one thing asks how long a log is: whether to shorten it. No world comes that far that is put so.

use quorate::id::NodeId;
use quorate::saga::Renumbered;
use quorate::saga::choreography::{FLOORS, IDENTITY, LOG};

use super::ChoreographySpec;
use crate::node::Node;
use crate::rewritten::{Rewritten, rewritten};

/// The node over a log written anew.
pub(super) fn relative(id: NodeId, node: &Node<ChoreographySpec>) -> Option<Node<ChoreographySpec>> {
    let Renumbered { machine, entries, earlier } = node.machine.renumbered(node.disk())?;
    rewritten(id, node, (&[IDENTITY, FLOORS], LOG), Rewritten { machine, entries, earlier })
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
        let plan = Plan::placed(&[(1, Compensatable, &[]), (0, Compensatable, &[]), (1, Pivot, &[0, 1])]);
        let menu = Menu { sagas: 1, initiators: 1, refusals: true, forgets: true, ..Menu::default() };
        let spec = ChoreographySpec::new(2, vec![plan]).asked(menu);
        let (plain, anew) = (reached(spec.clone()), reached(spec.over_new_logs()));
        assert!(plain.0 == anew.0, "{} and {}", plain.0.len(), anew.0.len());
        assert!(anew.1 < plain.1, "{} and {} worlds", anew.1, plain.1);
    }
}
