//! The second phase: the outcome is learned, told to the application, carried out and acknowledged.

use super::table::{Heuristic, Known, Place, State};
use super::vote::Refused;
use super::{Notice, Participant, Refusal, Rejection, reject};
use crate::commit::Work;
use crate::commit::ids::{Mode, Outcome, TxId};
use crate::commit::message::Message;
use crate::machine::Context;

impl<W: Work> Participant<W> {
    /// The coordinator tells the outcome, perhaps not for the first time.
    pub(super) fn on_decision<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        mode: Mode,
        outcome: Outcome,
        cx: &mut Cx,
    ) {
        let mut took = None;
        let found = self.table.find(tx);
        match self.table.known(tx, found) {
            // It overtook the prepare, which is on its way and must find this.
            Known::New if outcome == Outcome::Abort => {
                self.put(tx, State::Ended { outcome: Some(outcome), took: None }, cx);
            }
            Known::Is(State::Asked { ask, .. }) if outcome == Outcome::Abort && !ask.one_phase => {
                self.learn(tx, outcome, cx);
            }
            Known::Is(State::Prepared { .. }) => return self.learn_and_acknowledge(found, tx, outcome, cx),
            Known::Is(State::Decided { outcome: known, took: done, .. }) if *known == outcome => took = *done,
            Known::Is(State::Ended { outcome: Some(known), took: done }) if *known == outcome => took = *done,
            Known::Is(State::Ended { outcome: None, .. }) if outcome == Outcome::Abort => {}
            Known::Forgotten => {}
            Known::New | Known::Is(_) => return reject(tx.coordinator, Rejection::Contradicts, cx),
        }
        acknowledge(tx, mode, outcome, took, cx);
    }

    /// Learns the outcome of a transaction in doubt, from whomever, and tells the coordinator.
    pub(super) fn learn_and_acknowledge<Cx: Context<Self> + ?Sized>(
        &mut self,
        found: Option<Place>,
        tx: TxId,
        outcome: Outcome,
        cx: &mut Cx,
    ) {
        if let Some((mode, took)) = found.and_then(|place| self.learn_at(place, tx, outcome, cx)) {
            acknowledge(tx, mode, outcome, took, cx);
        }
    }

    /// Takes the outcome of a transaction that was asked for or is in doubt, and tells the application. Returns what an
    /// acknowledgement goes by: the mode, and what an operator had decided instead.
    pub(super) fn learn<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        outcome: Outcome,
        cx: &mut Cx,
    ) -> Option<(Mode, Option<Outcome>)> {
        let place = self.table.find(tx)?;
        self.learn_at(place, tx, outcome, cx)
    }

    /// Does so with the transaction that is there.
    #[inline]
    fn learn_at<Cx: Context<Self> + ?Sized>(
        &mut self,
        place: Place,
        tx: TxId,
        outcome: Outcome,
        cx: &mut Cx,
    ) -> Option<(Mode, Option<Outcome>)> {
        let (State::Asked { ask, .. } | State::Prepared { ask, heuristic: None, .. }) =
            &self.table.at(place)?.state
        else {
            return self.learn_of_resolved(tx, outcome, cx);
        };
        let (mode, position) = (ask.mode, self.journal.next());
        let work = (outcome == Outcome::Commit).then(|| ask.work.clone());
        let told = work.clone();
        let state = State::Decided { outcome, took: None, done: false, position, work };
        self.put_at(place, tx, state, cx);
        cx.notify(carried_out(tx, outcome, position, told, false));
        Some((mode, None))
    }

    /// Takes the outcome of what an operator has decided.
    #[cold]
    fn learn_of_resolved<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        outcome: Outcome,
        cx: &mut Cx,
    ) -> Option<(Mode, Option<Outcome>)> {
        let Known::Is(State::Prepared { ask, heuristic: Some(heuristic), .. }) = self.known(tx) else {
            return None;
        };
        let mode = ask.mode;
        let work = |outcome| (outcome == Outcome::Commit).then(|| ask.work.clone());
        let state = match *heuristic {
            Heuristic { outcome: took, done: true, .. } if took == outcome => {
                State::Ended { outcome: Some(outcome), took: None }
            }
            Heuristic { outcome: took, position, .. } if took == outcome => {
                State::Decided { outcome, took: None, done: false, position, work: work(outcome) }
            }
            // Kept until somebody has seen to the damage, whatever was carried out: under the same position, or what was
            // told once would be told anew.
            Heuristic { outcome: took, position, done } => {
                let work = work(took).filter(|_| !done);
                State::Decided { outcome, took: Some(took), done, position, work }
            }
        };
        let took = Some(heuristic.outcome).filter(|took| *took != outcome);
        self.put(tx, state, cx);
        if let Some(took) = took {
            cx.notify(Notice::Damage { tx, took, outcome });
        }
        Some((mode, took))
    }

    /// Whether the application was told to carry something out, and has not.
    pub(in crate::commit) fn owes(&self, tx: TxId) -> bool {
        match self.known(tx) {
            Known::Is(State::Decided { done, .. }) => !done,
            Known::Is(State::Prepared { heuristic: Some(heuristic), .. }) => !heuristic.done,
            Known::Is(_) | Known::Forgotten | Known::New => false,
        }
    }

    /// What was done here contrary to the outcome, as far as that is known.
    pub(in crate::commit) fn took(&self, tx: TxId) -> Option<Outcome> {
        match self.known(tx) {
            Known::Is(State::Decided { took, .. } | State::Ended { took, .. }) => *took,
            Known::Is(_) | Known::Forgotten | Known::New => None,
        }
    }

    /// Tells the application what to carry out, if it has not yet, and of damage.
    pub(in crate::commit) fn tell<Cx: Context<Self> + ?Sized>(&self, tx: TxId, cx: &mut Cx) {
        let (carry_out, position, work, heuristic, done, damage) = match self.known(tx) {
            Known::Is(State::Decided { outcome, took, done, position, work }) => {
                let done = *done || (took.is_some() && *position <= self.applied);
                let damage = took.map(|took| (took, *outcome));
                (took.unwrap_or(*outcome), *position, work.as_ref(), false, done, damage)
            }
            Known::Is(State::Prepared { ask, heuristic: Some(heuristic), .. }) => {
                (heuristic.outcome, heuristic.position, Some(&ask.work), true, false, None)
            }
            Known::Is(_) | Known::Forgotten | Known::New => return,
        };
        if !done {
            cx.notify(carried_out(tx, carry_out, position, work.cloned(), heuristic));
        }
        if let Some((took, outcome)) = damage {
            cx.notify(Notice::Damage { tx, took, outcome });
        }
    }

    /// The application has carried it out for good.
    pub(super) fn done<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) -> Result<(), Refused> {
        let Some(place) = self.table.find(tx) else { return Err((tx, Refusal::NotDecided)) };
        match self.table.at(place).map(|branch| &branch.state) {
            Some(State::Decided { outcome, took, .. }) => {
                let state = State::Ended { outcome: Some(*outcome), took: *took };
                self.put_at(place, tx, state, cx);
            }
            Some(State::Prepared { ask, heuristic: Some(heuristic), doubt }) if !heuristic.done => {
                let heuristic = Some(Heuristic { done: true, ..*heuristic });
                let state = State::Prepared { ask: ask.clone(), heuristic, doubt: *doubt };
                self.put(tx, state, cx);
            }
            _ => return Err((tx, Refusal::NotDecided)),
        }
        Ok(())
    }

    /// An operator says that the outcome will never be carried out here: it is over, with damage done.
    pub(in crate::commit) fn give_up<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        cx: &mut Cx,
    ) -> Result<(), Refused> {
        let Known::Is(State::Decided { outcome, took: None, .. }) = self.known(tx) else {
            return Err((tx, Refusal::NotDecided));
        };
        let outcome = *outcome;
        self.may_resolve(tx)?;
        self.put(tx, State::Ended { outcome: Some(outcome), took: Some(outcome.opposite()) }, cx);
        Ok(())
    }

    /// Whether one more decision of an operator can be remembered.
    fn may_resolve(&self, tx: TxId) -> Result<(), Refused> {
        if self.table.counts.resolved < self.config.max_tombstones {
            Ok(())
        } else {
            Err((tx, Refusal::TooManyResolved))
        }
    }

    /// An operator says that nobody need be told of what an operator decided any more: of damage that is seen to, or of
    /// what is carried out and whose outcome nobody will tell. What was decided here counts as the outcome then.
    pub(in crate::commit) fn forget<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        cx: &mut Cx,
    ) -> Result<(), Refused> {
        let outcome = match self.known(tx) {
            Known::Is(State::Ended { outcome, took: Some(_) }) => *outcome,
            Known::Is(State::Prepared { heuristic: Some(Heuristic { outcome, done: true, .. }), .. }) => {
                Some(*outcome)
            }
            _ => return Err((tx, Refusal::NotDamaged)),
        };
        self.put(tx, State::Ended { outcome, took: None }, cx);
        Ok(())
    }

    /// An operator decides what is in doubt. The outcome is still asked for: it tells whether that did damage.
    pub(in crate::commit) fn resolve<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        outcome: Outcome,
        cx: &mut Cx,
    ) -> Result<(), Refused> {
        let Known::Is(State::Prepared { ask, heuristic: None, doubt }) = self.known(tx) else {
            return Err((tx, Refusal::NotInDoubt));
        };
        self.may_resolve(tx)?;
        let heuristic = Some(Heuristic { outcome, position: self.journal.next(), done: false });
        let state = State::Prepared { ask: ask.clone(), heuristic, doubt: *doubt };
        self.put(tx, state, cx);
        self.tell(tx, cx);
        Ok(())
    }

    /// The application came back with something prepared.
    pub(super) fn found<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) -> Result<(), Refused> {
        match self.known(tx) {
            Known::Is(State::Asked { .. } | State::Prepared { heuristic: None, .. }) => {
                cx.notify(Notice::Undecided { tx });
                return Ok(());
            }
            Known::Is(State::Prepared { .. } | State::Decided { .. }) => {
                self.tell(tx, cx);
                return Ok(());
            }
            // Asked before the crash, never voted for: a delayed prepare must not begin it anew.
            Known::New if self.may_ask(tx) => {
                self.put(tx, State::Ended { outcome: Some(Outcome::Abort), took: None }, cx);
            }
            // Of what nobody may ask for, no prepare will begin anything.
            Known::New | Known::Is(State::Ended { .. }) | Known::Forgotten => {}
        }
        Err((tx, Refusal::Over))
    }

    /// Whether a prepare for this transaction would be taken.
    fn may_ask(&self, tx: TxId) -> bool {
        tx.number > 0 && tx.coordinator != self.me && self.config.knows(tx.coordinator)
    }
}

/// What tells the application to carry an outcome out.
fn carried_out<W: Work>(
    tx: TxId,
    outcome: Outcome,
    position: u64,
    work: Option<W>,
    heuristic: bool,
) -> Notice<W> {
    match work {
        Some(work) if outcome == Outcome::Commit => Notice::Apply { tx, position, work, heuristic },
        _ => Notice::Undo { tx, position, heuristic },
    }
}

/// Lets the coordinator forget, if it waits for that, and tells of damage in any case.
fn acknowledge<W: Work, Cx: Context<Participant<W>> + ?Sized>(
    tx: TxId,
    mode: Mode,
    outcome: Outcome,
    took: Option<Outcome>,
    cx: &mut Cx,
) {
    if took.is_some() || mode.wants_acknowledgement(outcome) {
        cx.send(tx.coordinator, Message::Acknowledge { tx, took });
    }
}
