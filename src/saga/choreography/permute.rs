//! Renaming nodes, for explorers: see [`Permute`].

use super::{Answer, Call, Cell, Entry, Event, Facts, Message, Name, Notice, Participant, Request, Standing};
use crate::id::{Permutation, Permute, no_nodes_inside};

no_nodes_inside!(Event, Facts);

impl Permute for Name {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.initiator.permute(by);
    }
}

/// Who has which step is part of the configuration, which stays: participants must keep their names.
impl<D> Permute for Participant<D> {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

impl<D> Permute for Standing<D> {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

impl<D> Permute for Entry<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        let (Self::Saga { saga, .. } | Self::Event { saga, .. }) = self;
        saga.permute(by);
    }
}

impl<D> Permute for Call<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.key.permute(by);
    }
}

impl Permute for Answer {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.key.permute(by);
    }
}

impl<D> Permute for Message<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Event { saga, .. } | Self::Ack { saga, .. } => saga.permute(by),
            Self::Over { initiator, .. } => initiator.permute(by),
        }
    }
}

impl<D> Permute for Request<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Answer(answer) => answer.permute(by),
            Self::Resolve { saga, .. } => saga.permute(by),
            Self::Begin { .. } | Self::Cancel { .. } | Self::Forget { .. } => {}
        }
    }
}

impl Permute for Cell {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Identity { node, .. } => node.permute(by),
            Self::Floors(floors) => {
                floors.iter_mut().for_each(|(node, _)| node.permute(by));
                floors.sort_unstable();
            }
        }
    }
}

impl<D> Permute for Notice<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Call(call) => call.permute(by),
            Self::Rejected { from: node, .. } | Self::Over { initiator: node, .. } => node.permute(by),
            Self::TurnedBack { saga, .. }
            | Self::Stuck { saga, .. }
            | Self::Ended { saga, .. }
            | Self::Shelved { saga, .. } => saga.permute(by),
            Self::Accepted { .. } | Self::Refused { .. } => {}
        }
    }
}
