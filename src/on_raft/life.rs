//! The machine while this replica leads, and what of it waits for commits.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{Replicated, Timer};
use crate::durable::Record;
use crate::ledger::{Output, OutputOf};
use crate::machine::{Context, Effect, EffectOf, Machine};
use crate::raft::{Index, Term};
use crate::time::Time;

/// A life: from when a leader has taken all that is committed until it leads no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Life<M, X, N> {
    pub(super) term: Term,
    pub(super) machine: M,
    /// In order of the index.
    pub(super) waiting: VecDeque<Waiting<X, N>>,
}

/// What one step says, once its entry is committed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Waiting<X, N> {
    pub(super) index: Index,
    pub(super) outputs: Vec<Output<X, N>>,
}

/// The context of one step of the machine: gathers what is to be replicated and what waits for it.
pub(super) struct Gather<'a, M: Machine, C: ?Sized> {
    pub(super) cx: &'a mut C,
    pub(super) name: crate::id::NodeId,
    pub(super) records: Vec<Record<M::Cell, M::Entry>>,
    pub(super) bytes: usize,
    pub(super) outputs: Vec<OutputOf<M>>,
}

impl<M: Replicated, C: Context<super::OnRaft<M>> + ?Sized> Context<M> for Gather<'_, M, C> {
    fn now(&self) -> Time {
        self.cx.now()
    }

    fn choose(&mut self, upto: u32) -> u32 {
        self.cx.choose(upto)
    }

    fn emit(&mut self, effect: EffectOf<M>) {
        match effect {
            Effect::Persist(record) => {
                self.bytes = self.bytes.saturating_add(M::size_bytes(&record));
                self.records.push(record);
            }
            Effect::SetTimer { timer, after } => self.cx.set_timer(Timer::Inner(timer), after),
            Effect::CancelTimer(timer) => self.cx.cancel_timer(Timer::Inner(timer)),
            // Free or not: a leader that was deposed must not speak at all.
            Effect::Send { to, message, .. } if to == self.name => {
                self.outputs.push(Output::Loopback(message));
            }
            Effect::Send { to, message, .. } => self.outputs.push(Output::Send { to, message }),
            Effect::Notify { notice, .. } => self.outputs.push(Output::Notify(notice)),
            Effect::Load { log, from, upto } => self.outputs.push(Output::Load { log, from, upto }),
        }
    }
}
