//! Renaming nodes, for explorers: see [`Permute`].

use super::{
    Answer, Call, Cause, Cell, Entry, Event, Key, Message, Notice, Orchestrator, Request, SagaId, Standing,
    Timer,
};
use crate::id::{Permutation, Permute, no_nodes_inside};

no_nodes_inside!(Cause, Event, SagaId, Timer);

/// Services are part of the configuration, which stays: they, and the orchestrator, must keep their names.
impl<D> Permute for Orchestrator<D> {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

impl<D> Permute for Standing<D> {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

impl<D> Permute for Entry<D> {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

impl Permute for Key {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.owner.permute(by);
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
            Self::Call(call) => call.permute(by),
            Self::Answer(answer) => answer.permute(by),
        }
    }
}

impl<D> Permute for Request<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Answer(answer) => answer.permute(by),
            Self::Begin { .. } | Self::Cancel { .. } | Self::Resolve { .. } | Self::Forget { .. } => {}
        }
    }
}

impl Permute for Cell {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Identity { node, .. } => node.permute(by),
            Self::Epoch(_) | Self::Forgotten(_) => {}
        }
    }
}

impl<D> Permute for Notice<D> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Call(call) => call.permute(by),
            Self::Rejected { from, .. } => from.permute(by),
            Self::Accepted { .. }
            | Self::Refused { .. }
            | Self::TurnedBack { .. }
            | Self::Stuck { .. }
            | Self::Ended { .. }
            | Self::Shelved { .. }
            | Self::Superseded { .. } => {}
        }
    }
}
