//! Renaming nodes, for explorers: see [`Permute`].

use super::table::{Ask, State};
use super::{Cell, Entry, Participant};
use crate::commit::ids::permute_nodes;
use crate::id::{Permutation, Permute};

impl<W> Permute for Participant<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.me.permute(by);
        self.journal.permute(by);
        for origin in &mut self.table.origins {
            origin.coordinator.permute(by);
            origin.branches.iter_mut().for_each(|branch| branch.state.permute(by));
        }
        self.table.origins.sort_unstable_by_key(|origin| origin.coordinator);
    }
}

impl<W> Permute for State<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Asked { ask, .. } | Self::Prepared { ask, .. } => ask.permute(by),
            Self::Decided { .. } | Self::Ended { .. } => {}
        }
    }
}

impl<W> Permute for Ask<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        permute_nodes(&mut self.peers, by);
    }
}

impl Permute for Cell {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Identity { node, .. } => node.permute(by),
            Self::Floors(floors) => {
                floors.iter_mut().for_each(|(coordinator, _)| coordinator.permute(by));
                floors.sort_unstable();
            }
        }
    }
}

impl<W> Permute for Entry<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Prepared { tx, peers, .. } => {
                tx.permute(by);
                permute_nodes(peers, by);
            }
            Self::Decided { tx, .. } | Self::Ended { tx, .. } => tx.permute(by),
        }
    }
}
