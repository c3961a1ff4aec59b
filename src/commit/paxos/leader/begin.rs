//! Transactions begun or refused, resource managers asked, and everything said again that was not answered.

use alloc::vec::Vec;

use super::{Branch, Leader, Notice, Phase, Refusal, Timer, Transaction};
use crate::commit::Work;
use crate::commit::ids::TxId;
use crate::commit::paxos::ballot::Votes;
use crate::commit::paxos::message::Message;
use crate::id::{NodeId, RequestId};
use crate::machine::Context;
use crate::quorum::SlotSet;

impl<W: Work> Leader<W> {
    pub(super) fn begin<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        mut branches: Vec<(NodeId, W)>,
        cx: &mut Cx,
    ) {
        branches.sort_by_key(|(node, _)| *node);
        let admitted = self.admit_branches(&branches).and_then(|bytes| {
            let number = self.take_number(1, cx).ok_or(Refusal::Exhausted)?;
            Ok((bytes, number))
        });
        let (bytes, number) = match admitted {
            Ok(admitted) => admitted,
            // Free: it says nothing but that nothing was changed.
            Err(reason) => return cx.notify_free(Notice::Refused { id, reason }),
        };
        let tx = TxId { coordinator: self.me, number };
        let branch = |(node, work)| Branch { node, work: Some(work), vote: None, by: SlotSet::EMPTY };
        let transaction = Transaction {
            tx,
            own: true,
            phase: Phase::Voting,
            branches: branches.into_iter().map(branch).collect(),
            waited: false,
            unanswered: false,
        };
        cx.notify(Notice::Begun { id, tx });
        ask(&transaction, cx);
        self.bytes = self.bytes.saturating_add(bytes);
        self.insert(transaction);
        self.arm(cx);
    }

    /// The bytes of work, if the transaction may begin. `branches` are ascending.
    fn admit_branches(&self, branches: &[(NodeId, W)]) -> Result<usize, Refusal> {
        let common = &self.config.common;
        if branches.is_empty() {
            return Err(Refusal::Empty);
        }
        if branches.len() > common.max_participants {
            return Err(Refusal::TooManyManagers { limit: common.max_participants });
        }
        let mut bytes = 0_usize;
        let mut before = None;
        for (node, work) in branches {
            if !self.config.is_manager(*node) {
                return Err(Refusal::NotAManager(*node));
            }
            if before.replace(*node) == Some(*node) {
                return Err(Refusal::Twice(*node));
            }
            let size = work.size_bytes();
            if size > common.max_work_bytes {
                return Err(Refusal::TooLarge { limit: common.max_work_bytes });
            }
            bytes = bytes.saturating_add(size);
        }
        let crowded = self.bytes > 0 && self.bytes.saturating_add(bytes) > common.max_bytes;
        if crowded || !self.has_room(true) { Err(Refusal::Full) } else { Ok(bytes) }
    }

    pub(super) fn cancel<Cx: Context<Self> + ?Sized>(&mut self, id: RequestId, tx: TxId, cx: &mut Cx) {
        if self.phase(tx) != Some(Phase::Voting) {
            return cx.notify_free(Notice::Refused { id, reason: Refusal::NotVoting });
        }
        cx.notify(Notice::Cancelled { id });
        self.begin_ballot(tx, cx);
    }

    /// Sets the timers that are needed and not set.
    pub(super) fn arm<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let any = |wanted: fn(&Phase) -> bool| self.transactions.iter().any(|it| wanted(&it.phase));
        let votes = any(|phase| *phase == Phase::Voting);
        let ballot = any(|phase| !matches!(phase, Phase::Voting | Phase::Decided(_)));
        let resend = any(|phase| !matches!(phase, Phase::Overtaken { .. }));
        let common = &self.config.common;
        if votes && !core::mem::replace(&mut self.armed.votes, true) {
            cx.set_timer(Timer::Votes, common.votes);
        }
        if ballot && !core::mem::replace(&mut self.armed.ballot, true) {
            cx.set_timer(Timer::Ballot, self.config.ballot);
        }
        if resend && !core::mem::replace(&mut self.armed.resend, true) {
            cx.set_timer(Timer::Resend, common.resend);
        }
    }

    /// Says again what has not been answered for a whole period.
    pub(super) fn on_resend_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        self.armed.resend = false;
        for transaction in &mut self.transactions {
            if !core::mem::replace(&mut transaction.unanswered, true) {
                continue;
            }
            let tx = transaction.tx;
            let silent = |by: SlotSet| {
                let acceptors = self.config.acceptors.iter().enumerate();
                acceptors.filter(move |(slot, _)| !by.contains(*slot)).map(|(_, node)| *node)
            };
            match transaction.phase {
                Phase::Voting => ask(transaction, cx),
                Phase::Promising { ballot, by } => {
                    let managers = transaction.managers();
                    for acceptor in silent(by) {
                        cx.send(acceptor, Message::Phase1a { tx, ballot, managers: managers.clone() });
                    }
                }
                Phase::Proposing { ballot, by } => {
                    let votes = proposed(transaction);
                    for acceptor in silent(by) {
                        cx.send(acceptor, Message::Phase2a { tx, ballot, votes: votes.clone() });
                    }
                }
                Phase::Overtaken { .. } => {}
                Phase::Decided(_) => {
                    // Free: it says only how long this has lasted.
                    cx.notify_free(Notice::Overdue { tx, awaited: transaction.branches.len() });
                    tell(transaction, cx);
                }
            }
        }
        self.arm(cx);
    }
}

/// Asks every resource manager for its vote. Which of them has voted, only the acceptors know.
fn ask<W: Work, Cx: Context<Leader<W>> + ?Sized>(transaction: &Transaction<W>, cx: &mut Cx) {
    let managers = transaction.managers();
    for branch in &transaction.branches {
        if let Some(work) = branch.work.clone() {
            let (tx, managers) = (transaction.tx, managers.clone());
            cx.send(branch.node, Message::Prepare { tx, managers, work });
        }
    }
}

/// Tells the outcome to every resource manager that is to hear of it.
pub(super) fn tell<W: Work, Cx: Context<Leader<W>> + ?Sized>(transaction: &Transaction<W>, cx: &mut Cx) {
    let Phase::Decided(outcome) = transaction.phase else { return };
    for branch in &transaction.branches {
        cx.send(branch.node, Message::Decision { tx: transaction.tx, outcome });
    }
}

/// What phase 2 proposes in each instance.
pub(super) fn proposed<W>(transaction: &Transaction<W>) -> Votes {
    let vote = |branch: &Branch<W>| Some((branch.node, branch.vote?.vote));
    transaction.branches.iter().filter_map(vote).collect()
}
