//! Renaming nodes, for explorers: see [`Permute`].

use core::mem::take;

use super::{Cell, Entry, Notice, Owner, Request, Service};
use crate::id::{Permutation, Permute, no_nodes_inside};

no_nodes_inside!(Owner);

/// The service's own name is part of the configuration, which stays: it must keep its name.
impl<D> Permute for Service<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.owners =
            take(&mut self.owners).into_iter().map(|(node, owner)| (by.apply(node), owner)).collect();
        let keys = take(&mut self.keys).into_iter().map(|(mut key, known)| {
            key.permute(by);
            (key, known)
        });
        self.keys = keys.collect();
    }
}

impl Permute for Cell {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Identity { node, .. } => node.permute(by),
            Self::Owners(owners) => {
                owners.permute(by);
                owners.sort_unstable();
            }
        }
    }
}

impl Permute for Entry {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.key.permute(by);
    }
}

impl Permute for Request {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Done { key } | Self::Refused { key } | Self::Undone { key } | Self::Failed { key } => {
                key.permute(by);
            }
        }
    }
}

impl<D> Permute for Notice<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Do { key, .. }
            | Self::Undo { key, .. }
            | Self::Accepted { key }
            | Self::Refused { key, .. } => {
                key.permute(by);
            }
            Self::Rejected { from, .. } => from.permute(by),
        }
    }
}
