//! Transactions begun or refused, participants asked, and asked again.

use alloc::vec::Vec;

use smallvec::SmallVec;

use super::{Branch, Cell, Coordinator, Notice, Phase, RESERVED, Refusal, Timer, Transaction};
use crate::commit::Work;
use crate::commit::ids::{Mode, Nodes, TxId};
use crate::commit::message::Message;
use crate::durable::Record;
use crate::id::{NodeId, RequestId};
use crate::machine::Context;

impl<W: Work> Coordinator<W> {
    pub(super) fn begin<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        mode: Mode,
        branches: Vec<(NodeId, W)>,
        cx: &mut Cx,
    ) {
        let bytes = match self.admit(&branches) {
            Ok(bytes) => bytes,
            // Free: it says nothing but that nothing was changed.
            Err(reason) => return cx.notify_free(Notice::Refused { id, reason }),
        };
        self.reserve(cx);
        let number = self.next;
        self.next = number.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        let is_alone = branches.len() == 1 && mode != Mode::PresumedNothing;
        let phase = if is_alone { Phase::OnePhase } else { Phase::Collecting };
        let mut branches: SmallVec<[Branch<W>; 4]> =
            branches.into_iter().map(|(node, work)| Branch { node, work: Some(work), vote: None }).collect();
        // A set: its order says nothing.
        branches.sort_unstable_by_key(|branch| branch.node);
        let at = self.transactions.len();
        self.transactions.push_back(Transaction {
            number,
            mode,
            phase,
            branches,
            waited: false,
            unanswered: false,
            at: None,
        });
        let tx = self.tx(number);
        cx.notify(Notice::Begun { id, tx });
        if mode.records_participants() && phase == Phase::Collecting {
            // Forgetting means commit, or is not allowed: nobody may be asked before a crash is sure to abort.
            self.record(at, cx);
        }
        if let Some(transaction) = self.transactions.get(at) {
            ask(tx, transaction, cx);
        }
        if at == 0 {
            self.arm(cx);
        }
        self.shorten(cx);
    }

    /// The bytes of work, if the transaction may begin.
    fn admit(&self, branches: &[(NodeId, W)]) -> Result<usize, Refusal> {
        if branches.is_empty() {
            return Err(Refusal::Empty);
        }
        let limit = self.config.max_participants;
        if branches.len() > limit {
            return Err(Refusal::TooManyParticipants { limit });
        }
        let limit = self.config.max_work_bytes;
        let mut bytes = 0_usize;
        for (at, (node, work)) in branches.iter().enumerate() {
            if *node == self.me || !self.config.knows(*node) {
                return Err(Refusal::NotAParticipant(*node));
            }
            if branches.iter().take(at).any(|(earlier, _)| earlier == node) {
                return Err(Refusal::Twice(*node));
            }
            let size = work.size_bytes();
            if size > limit {
                return Err(Refusal::TooLarge { limit });
            }
            bytes = bytes.saturating_add(size);
        }
        let crowded = self.bytes > 0 && self.bytes.saturating_add(bytes) > self.config.max_bytes;
        if crowded || self.transactions.len() >= self.config.max_transactions {
            return Err(Refusal::Full);
        }
        if self.next == u64::MAX { Err(Refusal::Exhausted) } else { Ok(bytes) }
    }

    /// Sees to it that the next number is never given out again, whatever happens.
    fn reserve<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.next > self.reserved {
            self.reserved = self.reserved.saturating_add(self.config.numbers_reserved);
            cx.persist(Record::Put { cell: RESERVED, value: Cell::Reserved { upto: self.reserved } });
        }
    }

    pub(super) fn cancel<Cx: Context<Self> + ?Sized>(&mut self, id: RequestId, tx: TxId, cx: &mut Cx) {
        if self.phase(tx) != Some(Phase::Collecting) {
            return cx.notify_free(Notice::Refused { id, reason: Refusal::NotUndecided });
        }
        cx.notify(Notice::Cancelled { id });
        self.abort(tx.number, cx);
    }

    pub(super) fn start<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        for transaction in &self.transactions {
            if let Phase::Decided(outcome) = transaction.phase {
                let tx = TxId { coordinator: self.me, number: transaction.number };
                cx.notify(Notice::Outcome { tx, outcome });
                tell(tx, transaction, cx);
            }
        }
        // What was being collected when the node crashed: its votes are lost, and abort is allowed.
        let mut from = 0;
        while let Some(number) = self.next_collecting(from) {
            self.abort(number, cx);
            from = number.saturating_add(1);
        }
        if !self.transactions.is_empty() {
            self.arm(cx);
        }
    }

    /// A vote that has not come for a whole period is taken for a no: allowed as long as nothing is decided here.
    pub(super) fn on_votes_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let mut from = 0;
        while let Some(number) = self.next_collecting(from) {
            let at = self.position(number);
            if let Some(transaction) = at.and_then(|at| self.transactions.get_mut(at))
                && !core::mem::replace(&mut transaction.waited, true)
            {
                from = number.saturating_add(1);
                continue;
            }
            self.abort(number, cx);
            from = number.saturating_add(1);
        }
        if !self.transactions.is_empty() {
            cx.set_timer(Timer::Votes, self.config.votes);
        }
    }

    /// Says again what has not been answered for a whole period.
    pub(super) fn on_resend_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        for transaction in &mut self.transactions {
            if !core::mem::replace(&mut transaction.unanswered, true) {
                continue;
            }
            let tx = TxId { coordinator: self.me, number: transaction.number };
            if transaction.phase == Phase::Collecting {
                ask(tx, transaction, cx);
                continue;
            }
            // Free: it says only how long this has lasted.
            cx.notify_free(Notice::Overdue { tx, awaited: transaction.branches.len() });
            match transaction.phase {
                Phase::Decided(_) => tell(tx, transaction, cx),
                Phase::OnePhase | Phase::Collecting => ask(tx, transaction, cx),
            }
        }
        if !self.transactions.is_empty() {
            cx.set_timer(Timer::Resend, self.config.resend);
        }
    }

    fn arm<Cx: Context<Self> + ?Sized>(&self, cx: &mut Cx) {
        cx.set_timer(Timer::Votes, self.config.votes);
        cx.set_timer(Timer::Resend, self.config.resend);
    }

    /// The first transaction at `from` or above whose votes are gathered.
    fn next_collecting(&self, from: u64) -> Option<u64> {
        let at = self.transactions.partition_point(|transaction| transaction.number < from);
        let mut later = self.transactions.iter().skip(at);
        later.find(|transaction| transaction.phase == Phase::Collecting).map(|transaction| transaction.number)
    }
}

/// Asks every participant that has not voted.
fn ask<W: Work, Cx: Context<Coordinator<W>> + ?Sized>(tx: TxId, transaction: &Transaction<W>, cx: &mut Cx) {
    let peers: Nodes = transaction.branches.iter().map(|branch| branch.node).collect();
    for branch in &transaction.branches {
        let Some(work) = branch.work.clone() else { continue };
        let message = if transaction.phase == Phase::OnePhase {
            Message::OnePhase { tx, work }
        } else {
            Message::Prepare { tx, mode: transaction.mode, peers: Nodes::from_slice(&peers), work }
        };
        cx.send(branch.node, message);
    }
}

/// Tells the outcome to every participant that has not acknowledged it.
pub(super) fn tell<W: Work, Cx: Context<Coordinator<W>> + ?Sized>(
    tx: TxId,
    transaction: &Transaction<W>,
    cx: &mut Cx,
) {
    let Phase::Decided(outcome) = transaction.phase else { return };
    for branch in &transaction.branches {
        cx.send(branch.node, Message::Decision { tx, mode: transaction.mode, outcome });
    }
}
