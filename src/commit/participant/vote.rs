//! The first phase: the application is asked, and its answer is durable before it is said.

use super::table::{Ask, Counts, Known, State};
use super::{Notice, Participant, Refusal, Rejection, Timer, reject};
use crate::commit::Work;
use crate::commit::ids::{Outcome, TxId, Vote};
use crate::commit::message::Message;
use crate::machine::Context;

/// The transaction that a request named, and why it was refused.
pub(super) type Refused = (TxId, Refusal);

impl<W: Work> Participant<W> {
    /// The coordinator asks, perhaps not for the first time, perhaps long after all is over.
    pub(super) fn on_prepare<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, ask: Ask<W>, cx: &mut Cx) {
        let one_phase = ask.one_phase;
        match self.known(tx) {
            Known::New if self.has_room_for(&ask) => self.ask(tx, ask, cx),
            Known::New => self.refuse(tx, one_phase, cx),
            Known::Is(State::Asked { .. }) => {}
            Known::Is(State::Prepared { .. }) if one_phase => {
                reject(tx.coordinator, Rejection::Contradicts, cx);
            }
            Known::Is(State::Prepared { .. }) => vote(tx, Vote::Yes, cx),
            Known::Is(
                State::Decided { outcome, took, .. } | State::Ended { outcome: Some(outcome), took },
            ) => {
                match *outcome {
                    outcome if one_phase => answer(tx, Some(outcome), cx),
                    // A no would have the coordinator forget, and never hear of the damage.
                    Outcome::Abort if took.is_some() => {
                        cx.send(tx.coordinator, Message::Acknowledge { tx, took: *took });
                    }
                    Outcome::Abort => vote(tx, Vote::No, cx),
                    // It has decided, and knows it.
                    Outcome::Commit => {}
                }
            }
            Known::Is(State::Ended { outcome: None, .. }) => vote(tx, Vote::ReadOnly, cx),
            Known::Forgotten if one_phase => answer(tx, None, cx),
            Known::Forgotten => reject(tx.coordinator, Rejection::TooLate, cx),
        }
    }

    fn has_room_for(&self, ask: &Ask<W>) -> bool {
        let size = ask.work.size_bytes();
        let Counts { bytes, live, .. } = self.table.counts;
        let crowded = bytes > 0 && bytes.saturating_add(size) > self.config.max_bytes;
        !crowded && size <= self.config.max_work_bytes && live < self.config.max_transactions
    }

    fn ask<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, ask: Ask<W>, cx: &mut Cx) {
        cx.notify(Notice::Prepare { tx, work: ask.work.clone() });
        self.take_in(tx, ask, cx);
        if !core::mem::replace(&mut self.awaits_readiness, true) {
            cx.set_timer(Timer::Readiness, self.config.readiness);
        }
    }

    /// Aborts, with the application having done nothing.
    fn refuse<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, one_phase: bool, cx: &mut Cx) {
        self.put(tx, State::Ended { outcome: Some(Outcome::Abort), took: None }, cx);
        say_aborted(tx, one_phase, cx);
    }

    /// The application's answer.
    pub(super) fn ready<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        given: Vote,
        cx: &mut Cx,
    ) -> Result<(), Refused> {
        let found = self.table.find(tx);
        let one_phase = match self.table.known(tx, found) {
            Known::Is(State::Asked { ask, .. }) => ask.one_phase,
            Known::Is(
                State::Decided { outcome: Outcome::Abort, .. }
                | State::Ended { outcome: Some(Outcome::Abort), .. },
            )
            | Known::Forgotten
            | Known::New => return Err((tx, Refusal::NoVoteWanted)),
            Known::Is(State::Prepared { .. } | State::Decided { .. } | State::Ended { .. }) => {
                return Err((tx, Refusal::Voted));
            }
        };
        match given {
            Vote::No => self.refuse(tx, one_phase, cx),
            Vote::Yes if one_phase => {
                self.learn(tx, Outcome::Commit, cx);
                answer(tx, Some(Outcome::Commit), cx);
            }
            Vote::ReadOnly if one_phase => {
                self.put(tx, State::Ended { outcome: Some(Outcome::Commit), took: None }, cx);
                answer(tx, Some(Outcome::Commit), cx);
            }
            Vote::Yes => {
                self.promise(found, tx, cx);
                vote(tx, given, cx);
                self.await_outcome(cx);
            }
            Vote::ReadOnly => {
                // A tombstone all the same: a second prepare must not find it as new, not even after a crash.
                self.put(tx, State::Ended { outcome: None, took: None }, cx);
                vote(tx, given, cx);
            }
        }
        Ok(())
    }

    /// What the application has not answered for a whole period is aborted: this node has not voted.
    pub(super) fn on_readiness_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let mut last = None;
        let mut left = false;
        self.awaits_readiness = false;
        while let Some(tx) = self.table.next_where(last, |state| matches!(state, State::Asked { .. })) {
            last = Some(tx);
            let branch = self.table.branch_mut(tx);
            let Some(State::Asked { ask, waited }) = branch.map(|branch| &mut branch.state) else { continue };
            if core::mem::replace(waited, true) {
                let one_phase = ask.one_phase;
                self.abort_alone(tx, one_phase, cx);
            } else {
                left = true;
            }
        }
        self.awaits_readiness = left;
        if left {
            cx.set_timer(Timer::Readiness, self.config.readiness);
        }
    }

    /// Aborts what the application was asked and this node has not voted for.
    pub(super) fn abort_alone<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, one_phase: bool, cx: &mut Cx) {
        self.learn(tx, Outcome::Abort, cx);
        say_aborted(tx, one_phase, cx);
    }
}

fn say_aborted<W: Work, Cx: Context<Participant<W>> + ?Sized>(tx: TxId, one_phase: bool, cx: &mut Cx) {
    if one_phase { answer(tx, Some(Outcome::Abort), cx) } else { vote(tx, Vote::No, cx) }
}

fn vote<W: Work, Cx: Context<Participant<W>> + ?Sized>(tx: TxId, vote: Vote, cx: &mut Cx) {
    cx.send(tx.coordinator, Message::Vote { tx, vote });
}

/// Answers a coordinator that has left the decision to this node.
fn answer<W: Work, Cx: Context<Participant<W>> + ?Sized>(tx: TxId, outcome: Option<Outcome>, cx: &mut Cx) {
    cx.send(tx.coordinator, Message::Answer { tx, outcome });
}
