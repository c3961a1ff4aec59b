//! In doubt: a participant that has voted yes never decides alone. It asks, first its coordinator, then its peers.

use super::table::{Doubt, Known, State};
use super::{Notice, Participant, Rejection, Timer, reject};
use crate::commit::Work;
use crate::commit::ids::{Outcome, TxId};
use crate::commit::message::Message;
use crate::id::NodeId;
use crate::machine::Context;

impl<W: Work> Participant<W> {
    pub(super) fn await_outcome<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !core::mem::replace(&mut self.awaits_outcome, true) {
            cx.set_timer(Timer::Doubt, self.config.resend);
        }
    }

    /// Asks for what has been in doubt for a whole period: the coordinator, and at the next expiry everybody.
    pub(super) fn on_doubt_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let me = self.me;
        self.awaits_outcome = false;
        let mut last = None;
        while let Some(tx) = self.table.next_where(last, |state| matches!(state, State::Prepared { .. })) {
            last = Some(tx);
            self.awaits_outcome = true;
            let branch = self.table.branch_mut(tx);
            let Some(State::Prepared { ask, doubt, .. }) = branch.map(|branch| &mut branch.state) else {
                continue;
            };
            match doubt {
                Doubt::Fresh => {
                    *doubt = Doubt::Waited;
                    continue;
                }
                Doubt::Waited => *doubt = Doubt::Inquired,
                Doubt::Inquired => {
                    // Free: it says only how long this has lasted.
                    cx.notify_free(Notice::InDoubt { tx });
                    for peer in ask.peers.iter().filter(|peer| **peer != me) {
                        cx.send(*peer, Message::InquirePeer { tx });
                    }
                }
            }
            cx.send(tx.coordinator, Message::Inquire { tx, mode: ask.mode });
        }
        if self.awaits_outcome {
            cx.set_timer(Timer::Doubt, self.config.resend);
        }
    }

    /// Somebody who was asked answers. What is decided here needs no answer any more, whatever it says: a late one
    /// may be but the presumption.
    pub(super) fn on_answer<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        outcome: Option<Outcome>,
        cx: &mut Cx,
    ) {
        let found = self.table.find(tx);
        let branch = found.and_then(|place| self.table.at_mut(place));
        let Some(State::Prepared { ask, doubt, .. }) = branch.map(|branch| &mut branch.state) else { return };
        if from != tx.coordinator && !ask.peers.contains(&from) {
            return reject(from, Rejection::NotAParticipant, cx);
        }
        match outcome {
            Some(outcome) => self.learn_and_acknowledge(found, tx, outcome, cx),
            // The coordinator lives and will decide: no need to ask around.
            None if from == tx.coordinator => *doubt = Doubt::Fresh,
            None => {}
        }
    }

    /// A peer in doubt asks. Who has not voted can still abort, and so free both (cooperative termination).
    pub(super) fn on_inquire_peer<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        cx: &mut Cx,
    ) {
        let outcome = match self.known(tx) {
            Known::New => {
                self.put(tx, State::Ended { outcome: Some(Outcome::Abort), took: None }, cx);
                Some(Outcome::Abort)
            }
            Known::Is(State::Asked { ask, .. }) if ask.one_phase => {
                return reject(from, Rejection::NotAParticipant, cx);
            }
            Known::Is(State::Asked { .. }) => {
                self.abort_alone(tx, false, cx);
                Some(Outcome::Abort)
            }
            // What an operator has decided is not the outcome.
            Known::Is(State::Prepared { .. }) | Known::Forgotten => None,
            Known::Is(State::Decided { outcome, .. }) => Some(*outcome),
            Known::Is(State::Ended { outcome, .. }) => *outcome,
        };
        cx.send(from, Message::Answer { tx, outcome });
    }
}
