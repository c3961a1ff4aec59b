//! Renaming nodes, for explorers: see [`Permute`].

use super::api::{Message, Notice};
use super::{OnRaft, Replicated};
use crate::id::{Permutation, Permute, no_nodes_inside};
use crate::ledger::Output;

no_nodes_inside!(crate::raft::Timer);

/// The replicas must be closed under the renaming, and the name of the machine stays.
impl<M> Permute for OnRaft<M>
where
    M: Replicated<Cell: Permute, Entry: Permute, Message: Permute, Notice: Permute> + Permute,
{
    fn permute(&mut self, by: &Permutation<'_>) {
        self.raft.permute(by);
        self.image.permute(by);
        let Some(life) = &mut self.life else { return };
        life.machine.permute(by);
        for waiting in &mut life.waiting {
            waiting.outputs.iter_mut().for_each(|output: &mut Output<_, _>| output.permute(by));
        }
    }
}

impl<C: Permute, X: Permute> Permute for Message<C, X> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Raft(message) => message.permute(by),
            Self::Inner(message) => message.permute(by),
        }
    }
}

impl<R: Permute, N: Permute> Permute for Notice<R, N> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Inner(notice) => notice.permute(by),
            Self::NotLeading { request, leader } => {
                request.permute(by);
                leader.permute(by);
            }
            Self::Busy { request } => request.permute(by),
            Self::Leader { leader, .. } => leader.permute(by),
            Self::Rejected { from, .. } => from.permute(by),
            Self::Leads { .. } | Self::Lapsed { .. } | Self::Corrupt(_) => {}
        }
    }
}
