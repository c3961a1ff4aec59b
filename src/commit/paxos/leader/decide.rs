//! Outcomes learned, told, acknowledged, and forgotten.

use super::begin::tell;
use super::{Leader, Notice, Phase, Transaction, reject};
use crate::commit::ids::{Outcome, TxId, Vote};
use crate::commit::paxos::ballot::Ballot;
use crate::commit::paxos::message::Message;
use crate::commit::{Rejection, Work};
use crate::id::NodeId;
use crate::machine::Context;

impl<W: Work> Leader<W> {
    /// A majority of the acceptors has decided. Nothing needs to be durable here: any leader learns it from them.
    pub(super) fn decide<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, outcome: Outcome, cx: &mut Cx) {
        let Some(mut transaction) = self.remove(tx) else { return };
        transaction.enter(Phase::Decided(outcome));
        // Who only read has nothing to do. Whose no is its own has aborted.
        let own_no = |vote: Vote, ballot| vote == Vote::No && ballot == Ballot::ZERO;
        transaction.branches.retain(|branch| {
            branch.vote.is_none_or(|it| it.vote != Vote::ReadOnly && !own_no(it.vote, it.ballot))
        });
        tell(&transaction, cx);
        if tx.coordinator != self.me {
            // It may wait for this, having been taken for gone.
            cx.send(tx.coordinator, Message::Decision { tx, outcome });
        }
        cx.notify(Notice::Outcome { tx, outcome });
        if outcome == Outcome::Commit && !transaction.branches.is_empty() {
            self.insert(transaction);
            self.arm(cx);
        } else {
            // Of an abort nobody needs to know: who asks is told that it is over, and so was not committed.
            self.forget(tx, cx);
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
            cx.notify(Notice::Damage { tx, manager: from, took });
        }
        let Some(transaction) = self.transaction_mut(tx) else { return };
        if !matches!(transaction.phase, Phase::Decided(_)) {
            return;
        }
        transaction.branches.retain(|branch| branch.node != from);
        if transaction.branches.is_empty() {
            self.remove(tx);
            self.forget(tx, cx);
        }
    }

    /// Another leader has taken this over and decided: it sees to the rest.
    pub(super) fn on_decision<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        outcome: Outcome,
        cx: &mut Cx,
    ) {
        match self.phase(tx) {
            Some(Phase::Decided(known)) if known != outcome => reject(from, Rejection::Contradicts, cx),
            Some(Phase::Decided(_)) | None => {}
            Some(_) => {
                self.remove(tx);
                cx.notify(Notice::Outcome { tx, outcome });
                cx.notify(Notice::Forgotten { tx });
            }
        }
    }

    /// An acceptor was to forget it: it is aborted, or all that voted yes have acknowledged that it is committed. Who
    /// of them is in doubt may know by this that it is aborted.
    pub(super) fn on_over<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        let Some(transaction) = self.remove(tx) else { return };
        if !matches!(transaction.phase, Phase::Decided(_)) {
            for branch in &transaction.branches {
                cx.send(branch.node, Message::Presumed { tx });
            }
            if transaction.own {
                cx.notify(Notice::Unknown { tx });
            }
        }
        self.forget(tx, cx);
    }

    /// Takes a transaction out of the table.
    pub(super) fn remove(&mut self, tx: TxId) -> Option<Transaction<W>> {
        let at = self.position(tx)?;
        self.release(at);
        Some(self.transactions.remove(at))
    }

    /// Lets the acceptors forget it. One that this does not reach will ask.
    fn forget<Cx: Context<Self> + ?Sized>(&self, tx: TxId, cx: &mut Cx) {
        for acceptor in &self.config.acceptors {
            cx.send(*acceptor, Message::Forget { tx });
        }
        cx.notify(Notice::Forgotten { tx });
    }

    /// Lets go of the work: nobody is asked again.
    pub(super) fn release(&mut self, at: usize) {
        let Some(transaction) = self.transactions.get_mut(at) else { return };
        for branch in &mut transaction.branches {
            if let Some(work) = branch.work.take() {
                self.bytes = self.bytes.saturating_sub(work.size_bytes());
            }
        }
    }
}
