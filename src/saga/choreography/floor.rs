//! Letting go of sagas, so that late events of them are known for what they are.
//!
//! The initiator lets go of its sagas in the order of their names, each once it has ended, its application took note,
//! and all participants are known to know. What is below its *floor* is over, everywhere and for good: nobody begins
//! anything under such a name, however late an event of it comes. So one name for each initiator stands for all that
//! was ever forgotten.

use alloc::vec::Vec;

use super::progress::Saga;
use super::{Cell, FLOORS, Message, Name, Notice, Participant, Timer};
use crate::durable::Record;
use crate::id::NodeId;
use crate::machine::Context;
use crate::saga::{Data, SagaId};

impl<D: Data> Participant<D> {
    /// All sagas of `initiator` below this one are over.
    pub(super) fn floor(&self, initiator: NodeId) -> SagaId {
        self.floors.get(&initiator).copied().unwrap_or_default()
    }

    /// The sagas of one initiator that are kept, by name.
    pub(super) fn of(&self, initiator: NodeId) -> impl DoubleEndedIterator<Item = (&Name, &Saga<D>)> {
        let name = |saga| Name { initiator, saga };
        self.sagas.range(name(SagaId(0))..=name(SagaId(u64::MAX)))
    }

    /// How many sagas of one initiator are kept.
    pub(super) fn kept(&self, initiator: NodeId) -> usize {
        self.of(initiator).count()
    }

    /// Lets go of what was begun here and is over.
    pub(super) fn let_go<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let me = self.config.me;
        let is_over = |(name, saga): &(&Name, &Saga<D>)| saga.standing.noted && self.is_known_by_all(**name);
        let Some(last) = self.of(me).take_while(is_over).last().map(|(name, _)| name.saga) else { return };
        let floor = SagaId(last.0.saturating_add(1));
        let over = self.of(me).take_while(|(name, _)| name.saga < floor);
        let mut told: Vec<NodeId> =
            over.flat_map(|(_, saga)| saga.peers.iter().map(|peer| peer.node)).collect();
        told.sort_unstable();
        told.dedup();
        self.raise_floor(me, floor, cx);
        // Once: who does not hear it hears it with the next saga, or when asking about this one.
        for node in told {
            cx.send(node, Message::Over { initiator: me, floor });
        }
    }

    pub(super) fn raise_floor<Cx: Context<Self> + ?Sized>(
        &mut self,
        initiator: NodeId,
        floor: SagaId,
        cx: &mut Cx,
    ) {
        // First: a saga that is gone without this could begin again at a late event.
        self.floors.insert(initiator, floor);
        let value = Cell::Floors(self.floors.iter().map(|(node, floor)| (*node, *floor)).collect());
        cx.persist(Record::Put { cell: FLOORS, value });
        loop {
            let first = self.of(initiator).next().map(|(name, _)| *name);
            let Some(name) = first.filter(|name| name.saga < floor) else { break };
            self.sagas.remove(&name);
            cx.cancel_timer(Timer::Publish { saga: name });
        }
        cx.notify(Notice::Over { initiator, floor });
    }
}
