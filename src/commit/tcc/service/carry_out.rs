//! Confirming and cancelling: carried out, failed and tried again, stuck, and what an operator makes of that.

use alloc::vec::Vec;

use super::{Inside, Notice, Phase, Refusal, Service, Timer};
use crate::commit::Work;
use crate::commit::ids::TxId;
use crate::commit::participant as inner;
use crate::commit::tcc::message::Message;
use crate::machine::{Context, Input};

/// What the application failed to carry out. A crash forgets it, and it is told anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Failing {
    pub(super) tx: TxId,
    /// How often, in this life.
    attempts: u32,
    wait: Wait,
}

/// What a failing activity waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Wait {
    /// The application's answer.
    Application,
    /// The timer, to expire twice: a whole period.
    Timer { expired: bool },
    /// An operator.
    Operator,
}

impl Failing {
    pub(super) const fn is_stuck(&self) -> bool {
        matches!(self.wait, Wait::Operator)
    }

    /// Whether it waits for what it must, having failed so often of `most` times.
    pub(super) const fn check(&self, most: u32) -> Result<(), &'static str> {
        let stands = match self.wait {
            Wait::Application => self.attempts < most,
            Wait::Timer { .. } => self.attempts > 0 && self.attempts < most,
            Wait::Operator => self.attempts == most,
        };
        if stands { Ok(()) } else { Err("something waits for another than its attempts say") }
    }
}

impl<W: Work> Service<W> {
    /// Tells the coordinator how it stands with an outcome that is known here: done, or stuck. In between it says
    /// it again.
    pub(super) fn answer<Cx: Context<Self> + ?Sized>(&self, tx: TxId, cx: &mut Cx) {
        if !self.inner.owes(tx) {
            cx.send(tx.coordinator, Message::Done { tx, took: self.inner.took(tx) });
        } else if self.is_stuck(tx) {
            cx.send(tx.coordinator, Message::Stuck { tx });
        }
    }

    /// The application, or an operator by hand, has carried it out for good.
    pub(super) fn done<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        let was_owed = self.inner.owes(tx);
        self.drive(Input::Request(inner::Request::Done { tx }), cx);
        // What was released before the outcome is known waits for that.
        if was_owed && matches!(self.inner.phase(tx), Some(Phase::Ended(_) | Phase::Forgotten)) {
            self.answer(tx, cx);
        }
    }

    /// The application could not carry it out: it is told again later, so often, and then waits for an operator.
    pub(super) fn failed<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        if !self.inner.owes(tx) {
            return refuse(tx, cx);
        }
        let place = self.failing.binary_search_by_key(&tx, |failing| failing.tx);
        let at = match place {
            Ok(at) => at,
            Err(at) => {
                self.failing.insert(at, Failing { tx, attempts: 0, wait: Wait::Application });
                at
            }
        };
        let is_first = !self.awaits_retry();
        let most = self.config.max_attempts;
        let Some(failing) = self.failing.get_mut(at) else { return };
        if failing.wait != Wait::Application {
            return refuse(tx, cx);
        }
        failing.attempts = failing.attempts.saturating_add(1);
        if failing.attempts < most {
            failing.wait = Wait::Timer { expired: false };
            if is_first {
                cx.set_timer(Timer::Retry, self.config.retry);
            }
        } else {
            failing.wait = Wait::Operator;
            let attempts = failing.attempts;
            cx.notify(Notice::Stuck { tx, attempts });
            self.answer(tx, cx);
        }
    }

    /// Tells once more what has waited for a whole period.
    pub(super) fn on_retry<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let mut due = Vec::new();
        for failing in &mut self.failing {
            if let Wait::Timer { expired } = &mut failing.wait
                && core::mem::replace(expired, true)
            {
                failing.wait = Wait::Application;
                due.push(failing.tx);
            }
        }
        for tx in due {
            self.tell(tx, cx);
        }
        if self.awaits_retry() {
            cx.set_timer(Timer::Retry, self.config.retry);
        }
    }

    /// An operator has removed what was in the way.
    pub(super) fn retry<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        let Some(failing) = self.failing.iter_mut().find(|failing| failing.tx == tx && failing.is_stuck())
        else {
            return refuse(tx, cx);
        };
        failing.attempts = 0;
        failing.wait = Wait::Application;
        self.tell(tx, cx);
    }

    /// An operator says that it will never be carried out.
    pub(super) fn give_up<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        let given_up = self.is_stuck(tx) && self.inner.give_up(tx, &mut Inside::of(cx)).is_ok();
        if !given_up {
            return refuse(tx, cx);
        }
        self.failing.retain(|failing| failing.tx != tx);
        self.answer(tx, cx);
    }

    fn tell<Cx: Context<Self> + ?Sized>(&self, tx: TxId, cx: &mut Cx) {
        self.inner.tell(tx, &mut Inside::of(cx));
    }

    /// Whether anything waits for the timer of retries, which then is set.
    fn awaits_retry(&self) -> bool {
        self.failing.iter().any(|failing| matches!(failing.wait, Wait::Timer { .. }))
    }
}

fn refuse<W: Work, Cx: Context<Service<W>> + ?Sized>(tx: TxId, cx: &mut Cx) {
    // Held: that it is over may be a record of a moment ago.
    cx.notify(Notice::Refused { tx, reason: Refusal::NotDecided });
}
