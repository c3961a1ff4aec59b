//! Votes counted, outcomes decided, acknowledged, told to who asks, and forgotten.

use super::begin::tell;
use super::{Coordinator, Notice, Phase, Refusal, Timer, Transaction, reject};
use crate::commit::ids::{Mode, Outcome, TxId, Vote};
use crate::commit::message::Message;
use crate::commit::{Rejection, Work};
use crate::id::NodeId;
use crate::machine::Context;

impl<W: Work> Coordinator<W> {
    /// Counts a participant's first vote. Later ones, and those on what is decided, are duplicates or late.
    pub(super) fn on_vote<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        vote: Vote,
        cx: &mut Cx,
    ) {
        let Some(at) = self.position(tx.number) else { return };
        let Some(transaction) = self.transactions.get_mut(at) else { return };
        match transaction.phase {
            Phase::Collecting => {}
            Phase::Decided(_) => return,
            Phase::OnePhase => return reject(from, Rejection::Misdirected, cx),
        }
        let Some(branch) = transaction.branches.iter_mut().find(|branch| branch.node == from) else {
            return reject(from, Rejection::NotAParticipant, cx);
        };
        if branch.vote.is_some() {
            return;
        }
        branch.vote = Some(vote);
        if let Some(work) = branch.work.take() {
            self.bytes = self.bytes.saturating_sub(work.size_bytes());
        }
        if vote == Vote::No {
            return self.abort(tx.number, cx);
        }
        if transaction.branches.iter().all(|branch| branch.vote.is_some()) {
            self.decide(at, tx, Outcome::Commit, cx);
        }
    }

    /// Decides to abort: allowed only while the votes are gathered.
    pub(super) fn abort<Cx: Context<Self> + ?Sized>(&mut self, number: u64, cx: &mut Cx) {
        let Some(at) = self.position(number) else { return };
        self.decide(at, self.tx(number), Outcome::Abort, cx);
    }

    fn decide<Cx: Context<Self> + ?Sized>(&mut self, at: usize, tx: TxId, outcome: Outcome, cx: &mut Cx) {
        let Some(transaction) = self.transactions.get_mut(at) else { return };
        release(transaction, &mut self.bytes);
        transaction.phase = Phase::Decided(outcome);
        transaction.unanswered = false;
        // Who said no has aborted, and who only read has nothing to do.
        transaction.branches.retain(|branch| matches!(branch.vote, None | Some(Vote::Yes)));
        let awaited = transaction.mode.wants_acknowledgement(outcome) && !transaction.branches.is_empty();
        let recorded = transaction.at.is_some();
        if awaited {
            // The decision is durable before anybody hears of it.
            self.record(at, cx);
        } else if recorded {
            // The record of a presumed commit is its end as well; so is that of what nobody needs to hear of.
            self.record_end(tx, outcome, cx);
        }
        if let Some(transaction) = self.transactions.get(at) {
            tell(tx, transaction, cx);
        }
        cx.notify(Notice::Outcome { tx, outcome });
        if !awaited {
            self.forget(at, tx, cx);
        }
        self.shorten(cx);
    }

    /// Nobody will ask for it any more.
    fn forget<Cx: Context<Self> + ?Sized>(&mut self, at: usize, tx: TxId, cx: &mut Cx) {
        self.transactions.remove(at);
        cx.notify(Notice::Forgotten { tx });
        self.rest(cx);
    }

    /// Lets go of timers that nothing waits for.
    fn rest<Cx: Context<Self> + ?Sized>(&self, cx: &mut Cx) {
        if self.transactions.is_empty() {
            cx.cancel_timer(Timer::Votes);
            cx.cancel_timer(Timer::Resend);
        }
    }

    pub(super) fn on_acknowledge<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        took: Option<Outcome>,
        cx: &mut Cx,
    ) {
        if let Some(took) = took {
            // Before the end is recorded: what is forgotten has been told.
            cx.notify(Notice::Damage { tx, participant: from, took });
        }
        let Some(at) = self.position(tx.number) else { return };
        let Some(transaction) = self.transactions.get_mut(at) else { return };
        if transaction.phase == Phase::Collecting && took == Some(Outcome::Commit) {
            // It has heard of an abort already, from a peer that will never vote yes.
            return self.on_vote(from, tx, Vote::No, cx);
        }
        let Phase::Decided(outcome) = transaction.phase else { return };
        transaction.branches.retain(|branch| branch.node != from);
        if transaction.branches.is_empty() {
            self.record_end(tx, outcome, cx);
            self.forget(at, tx, cx);
            self.shorten(cx);
        }
    }

    /// Awaits a participant no more, which will never acknowledge: an operator says so.
    pub(in crate::commit) fn write_off<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        participant: NodeId,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        if !self.awaited(tx).any(|awaited| awaited == participant) {
            return Err(Refusal::NotAwaited);
        }
        let Some(at) = self.position(tx.number) else { return Err(Refusal::NotAwaited) };
        if let Some(transaction) = self.transactions.get_mut(at)
            && transaction.branches.len() > 1
        {
            transaction.branches.retain(|branch| branch.node != participant);
            // An acknowledgement comes once more after a crash; an operator does not.
            self.record(at, cx);
            self.shorten(cx);
        } else {
            self.on_acknowledge(participant, tx, None, cx);
        }
        Ok(())
    }

    /// Tells a participant in doubt what became of a transaction; by the presumption, if that is forgotten. A
    /// transaction that is unknown was never decided otherwise, and never will be: its number is given out once.
    pub(super) fn on_inquire<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        mode: Mode,
        cx: &mut Cx,
    ) {
        let outcome = match self.phase(tx) {
            Some(Phase::Decided(outcome)) => Some(outcome),
            Some(Phase::Collecting) => None,
            Some(Phase::OnePhase) => return reject(from, Rejection::Misdirected, cx),
            None => Some(mode.presumption()),
        };
        cx.send(from, Message::Answer { tx, outcome });
    }

    /// The only participant has decided.
    pub(super) fn on_answer<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        outcome: Option<Outcome>,
        cx: &mut Cx,
    ) {
        let Some(at) = self.position(tx.number) else { return };
        let Some(transaction) = self.transactions.get_mut(at) else { return };
        if transaction.phase != Phase::OnePhase {
            return reject(from, Rejection::Misdirected, cx);
        }
        if transaction.branches.iter().all(|branch| branch.node != from) {
            return reject(from, Rejection::NotAParticipant, cx);
        }
        release(transaction, &mut self.bytes);
        cx.notify(match outcome {
            Some(outcome) => Notice::Outcome { tx, outcome },
            None => Notice::Unknown { tx },
        });
        self.forget(at, tx, cx);
    }
}

/// Lets go of the work, of whose `bytes` account is kept: nobody is asked again.
fn release<W: Work>(transaction: &mut Transaction<W>, bytes: &mut usize) {
    for branch in &mut transaction.branches {
        if let Some(work) = branch.work.take() {
            *bytes = bytes.saturating_sub(work.size_bytes());
        }
    }
}
