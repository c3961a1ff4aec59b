//! Renaming nodes, for explorers: see [`Permute`].

use super::{Cell, Command, Entry, Message, Notice, Payload, Raft, Refusal, Request, Role};
use crate::id::{Permutation, Permute};
use crate::quorum::SlotSet;

/// The voters must be closed under the renaming.
impl<C: Command + Permute> Permute for Raft<C> {
    fn permute(&mut self, by: &Permutation<'_>) {
        let config = self.config.clone();
        let renamed = |slot: usize| {
            let node = config.voters.get(slot).map(|node| by.apply(*node));
            node.and_then(|node| config.slot_of(node)).unwrap_or(slot)
        };
        let rename_all = |set: &mut SlotSet| {
            let mut to = SlotSet::EMPTY;
            set.iter().for_each(|slot| to.insert(renamed(slot)));
            *set = to;
        };
        self.me.permute(by);
        self.vote.permute(by);
        self.log.permute(by);
        match &mut self.role {
            Role::Follower { leader } => leader.permute(by),
            Role::PreCandidate { votes } | Role::Candidate { votes } => rename_all(votes),
            Role::Leader(leader) => leader.permute(renamed),
        }
    }
}

impl<C: Permute> Permute for Message<C> {
    fn permute(&mut self, by: &Permutation<'_>) {
        if let Self::Append { entries, .. } = self {
            entries.iter_mut().for_each(|entry| entry.permute(by));
        }
    }
}

impl<C: Permute> Permute for Entry<C> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.payload.permute(by);
    }
}

impl<C: Permute> Permute for Payload<C> {
    fn permute(&mut self, by: &Permutation<'_>) {
        if let Self::Command(command) = self {
            command.permute(by);
        }
    }
}

impl<C: Permute> Permute for Request<C> {
    fn permute(&mut self, by: &Permutation<'_>) {
        let Self::Propose { commands, .. } = self;
        commands.iter_mut().for_each(|command| command.permute(by));
    }
}

impl Permute for Cell {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Identity { node, .. } => node.permute(by),
            Self::HardState { vote, .. } => vote.permute(by),
        }
    }
}

impl<C: Permute> Permute for Notice<C> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Refused { reason: Refusal::NotLeader { leader }, .. } | Self::Leader { leader, .. } => {
                leader.permute(by);
            }
            Self::Rejected { from, .. } => from.permute(by),
            Self::Committed { payload, .. } => payload.permute(by),
            Self::Accepted { .. } | Self::Refused { .. } => {}
        }
    }
}
