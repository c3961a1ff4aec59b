//! Reservations that lapse: only where a limit is declared, and never silently. To the machine inside, one that has
//! lapsed is an operator's decision to abort, and a confirmation that comes after it is answered with the damage.

use alloc::vec::Vec;

use super::{Inside, Phase, Service, Timer};
use crate::commit::Work;
use crate::commit::ids::{Outcome, TxId};
use crate::machine::Context;

/// What is reserved, and neither confirmed nor cancelled.
const RESERVED: Phase = Phase::InDoubt { heuristic: None };

impl<W: Work> Service<W> {
    /// Sets the timer, if a limit is declared and anything is reserved.
    pub(super) fn await_lapse<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let Some(lapse) = self.config.lapse.filter(|_| !self.awaits_lapse) else { return };
        if self.inner.transactions().any(|(_, phase)| phase == RESERVED) {
            self.awaits_lapse = true;
            cx.set_timer(Timer::Lapse, lapse);
        }
    }

    /// Cancels what has been reserved for a whole period. A crash begins it anew.
    pub(super) fn on_lapse<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.config.lapse.is_none() {
            return;
        }
        let reserved = self.inner.transactions().filter(|(_, phase)| *phase == RESERVED).map(|(tx, _)| tx);
        let (lapsed, fresh): (Vec<TxId>, Vec<TxId>) =
            reserved.partition(|tx| self.lapsing.binary_search(tx).is_ok());
        for tx in lapsed {
            // Refused where too much damage is remembered: it is tried again after another period or two.
            let _ = self.inner.resolve(tx, Outcome::Abort, &mut Inside::of(cx));
        }
        self.lapsing = fresh;
        self.awaits_lapse = false;
        self.await_lapse(cx);
    }
}
