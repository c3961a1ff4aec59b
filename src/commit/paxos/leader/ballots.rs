//! Ballots: phase 1 asks what may have been chosen, phase 2 proposes just that, and an abort where nothing can have been
//! (Gray and Lamport 2006, section 4.2).

use smallvec::SmallVec;

use super::begin::proposed;
use super::{Branch, Leader, Notice, Phase, Transaction, reject};
use crate::commit::ids::{Nodes, Outcome, TxId, Vote};
use crate::commit::paxos::ballot::{Accepted, Ballot, Instances, LAST_ROUND, Votes};
use crate::commit::paxos::message::Message;
use crate::commit::{Rejection, Work};
use crate::id::NodeId;
use crate::machine::Context;
use crate::quorum::SlotSet;

impl<W: Work> Leader<W> {
    /// Somebody waits for the end of a transaction: if nothing is known of it here, this leader takes it over.
    pub(super) fn on_inquire<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        managers: &Nodes,
        cx: &mut Cx,
    ) {
        if let Some(transaction) = self.transaction_mut(tx) {
            if let Phase::Decided(outcome) = transaction.phase
                && transaction.branches.iter().any(|branch| branch.node == from)
            {
                cx.send(from, Message::Decision { tx, outcome });
            }
            // Anything else is under way, and its end will be told.
            return;
        }
        if !self.has_room(false) {
            // Free: it says nothing but that nothing was changed.
            return cx.notify_free(Notice::Overloaded { tx });
        }
        if self.next > LAST_ROUND {
            // There is no ballot that it could begin, and nothing would ever let go of the transaction.
            return cx.notify(Notice::Exhausted { tx });
        }
        let branch = |node: &NodeId| Branch { node: *node, work: None, vote: None, by: SlotSet::EMPTY };
        let branches: SmallVec<_> = managers.iter().map(branch).collect();
        let phase = Phase::Overtaken { by: Ballot::ZERO };
        self.insert(Transaction { tx, own: false, phase, branches, waited: false, unanswered: false });
        cx.notify(Notice::TookOver { tx });
        self.begin_ballot(tx, cx);
    }

    /// Begins a ballot of its own, above the one by which it was overtaken.
    pub(super) fn begin_ballot<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        let above = match self.phase(tx) {
            Some(Phase::Overtaken { by }) => by,
            Some(Phase::Voting) => Ballot::ZERO,
            Some(Phase::Promising { .. } | Phase::Proposing { .. } | Phase::Decided(_)) | None => return,
        };
        let Some(round) = self.take_number(above.round.saturating_add(1), cx) else {
            return cx.notify(Notice::Exhausted { tx });
        };
        let ballot = Ballot { round, rank: self.rank };
        let Some(at) = self.position(tx) else { return };
        self.release(at);
        let Some(transaction) = self.transactions.get_mut(at) else { return };
        for branch in &mut transaction.branches {
            (branch.vote, branch.by) = (None, SlotSet::EMPTY);
        }
        transaction.enter(Phase::Promising { ballot, by: SlotSet::EMPTY });
        let managers = transaction.managers();
        for acceptor in &self.config.acceptors {
            cx.send(*acceptor, Message::Phase1a { tx, ballot, managers: managers.clone() });
        }
        self.arm(cx);
    }

    /// A promise. What a majority has promised is safe to propose: nothing else can have been chosen, or will be.
    pub(super) fn on_phase1b<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        slot: usize,
        tx: TxId,
        ballot: Ballot,
        accepted: &Instances,
        cx: &mut Cx,
    ) {
        let quorum = self.config.quorum();
        let Some(transaction) = self.transaction_mut(tx) else { return };
        let mut by = match transaction.phase {
            Phase::Promising { ballot: mine, by } if mine == ballot => by,
            // Of a ballot that is past, or promised by enough others.
            _ => return,
        };
        if !transaction.branches.iter().map(|branch| branch.node).eq(accepted.iter().map(|(node, _)| *node)) {
            return reject(from, Rejection::Contradicts, cx);
        }
        for (branch, (_, reported)) in transaction.branches.iter_mut().zip(accepted) {
            let known = branch.vote.map(|known| known.ballot);
            if let Some(reported) = reported.filter(|reported| Some(reported.ballot) > known) {
                branch.vote = Some(reported);
            }
        }
        by.insert(slot);
        if by.len() < quorum {
            transaction.phase = Phase::Promising { ballot, by };
            return;
        }
        for branch in &mut transaction.branches {
            let vote = branch.vote.map_or(Vote::No, |reported| reported.vote);
            branch.vote = Some(Accepted { ballot, vote });
        }
        transaction.enter(Phase::Proposing { ballot, by: SlotSet::EMPTY });
        let votes = proposed(transaction);
        for acceptor in &self.config.acceptors {
            cx.send(*acceptor, Message::Phase2a { tx, ballot, votes: votes.clone() });
        }
    }

    /// An acceptance, in ballot 0 or in one of this node.
    pub(super) fn on_phase2b<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        slot: usize,
        tx: TxId,
        ballot: Ballot,
        votes: &Votes,
        cx: &mut Cx,
    ) {
        let quorum = self.config.quorum();
        let Some(transaction) = self.transaction_mut(tx) else { return };
        match &mut transaction.phase {
            Phase::Voting if ballot == Ballot::ZERO => {
                if !count(transaction, slot, votes) {
                    return reject(from, Rejection::Contradicts, cx);
                }
                if let Some(outcome) = voted(transaction, quorum) {
                    self.decide(tx, outcome, cx);
                }
            }
            Phase::Proposing { ballot: mine, by } if *mine == ballot => {
                by.insert(slot);
                if by.len() >= quorum {
                    let aborts = transaction.branches.iter().any(|branch| branch.is(Vote::No));
                    let outcome = if aborts { Outcome::Abort } else { Outcome::Commit };
                    self.decide(tx, outcome, cx);
                }
            }
            // Of a ballot that is past.
            _ => {}
        }
    }

    /// An acceptor has promised a higher ballot: its leader goes on, and this one waits.
    pub(super) fn on_preempted<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        ballot: Ballot,
        promised: Ballot,
        cx: &mut Cx,
    ) {
        let Some(transaction) = self.transaction_mut(tx) else { return };
        match transaction.phase {
            Phase::Promising { ballot: mine, .. } | Phase::Proposing { ballot: mine, .. }
                if mine == ballot && promised > mine =>
            {
                transaction.enter(Phase::Overtaken { by: promised });
                self.arm(cx);
            }
            _ => {}
        }
    }

    /// What has not gathered its votes for a whole period gets a ballot: so it aborts, unless all have voted for it.
    pub(super) fn on_votes_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        self.armed.votes = false;
        let mut last = None;
        while let Some(tx) = self.next_where(last, |phase| *phase == Phase::Voting) {
            last = Some(tx);
            let waited = self.transaction_mut(tx).is_some_and(|it| core::mem::replace(&mut it.waited, true));
            if waited {
                self.begin_ballot(tx, cx);
            }
        }
        self.arm(cx);
    }

    /// Who was overtaken a whole period ago tries again; who took over and got nowhere gives up.
    pub(super) fn on_ballot_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        self.armed.ballot = false;
        let mut last = None;
        while let Some(tx) =
            self.next_where(last, |phase| !matches!(phase, Phase::Voting | Phase::Decided(_)))
        {
            last = Some(tx);
            let Some(transaction) = self.transaction_mut(tx) else { continue };
            if !core::mem::replace(&mut transaction.waited, true) {
                continue;
            }
            match transaction.phase {
                Phase::Overtaken { .. } => self.begin_ballot(tx, cx),
                // No majority answers. Its ballot is never begun again, so to forget it is safe.
                _ if !transaction.own => {
                    self.remove(tx);
                    cx.notify(Notice::GaveUp { tx });
                }
                _ => {}
            }
        }
        self.arm(cx);
    }

    /// The first transaction after `last`, or the first of all, whose phase is as `wanted`.
    fn next_where(&self, last: Option<TxId>, wanted: impl Fn(&Phase) -> bool) -> Option<TxId> {
        let at = last.map_or(0, |last| self.transactions.partition_point(|it| it.tx <= last));
        self.transactions.iter().skip(at).find(|it| wanted(&it.phase)).map(|it| it.tx)
    }

    /// A number that this node never gave out before, at `least` or above; durable before anything says it.
    pub(super) fn take_number<Cx: Context<Self> + ?Sized>(&mut self, least: u64, cx: &mut Cx) -> Option<u64> {
        let number = self.next.max(least);
        if number > LAST_ROUND {
            return None;
        }
        self.next = number.saturating_add(1);
        if number > self.reserved {
            self.reserved = number.saturating_add(self.config.common.numbers_reserved.saturating_sub(1));
            self.persist_reserved(cx);
        }
        Some(number)
    }
}

/// Counts what one acceptor has accepted in ballot 0: whether it fits what others have.
fn count<W>(transaction: &mut Transaction<W>, slot: usize, votes: &Votes) -> bool {
    let fits = votes.iter().all(|(manager, vote)| {
        let branch = transaction.branches.iter().find(|branch| branch.node == *manager);
        branch.is_some_and(|branch| branch.vote.is_none_or(|known| known.vote == *vote))
    });
    if fits {
        for (manager, vote) in votes {
            if let Some(branch) = transaction.branches.iter_mut().find(|branch| branch.node == *manager) {
                branch.vote = Some(Accepted { ballot: Ballot::ZERO, vote: *vote });
                branch.by.insert(slot);
            }
        }
    }
    fits
}

/// What is chosen in ballot 0, if enough is: a majority for each vote, or for one no.
fn voted<W>(transaction: &Transaction<W>, quorum: usize) -> Option<Outcome> {
    let mut chosen = transaction.branches.iter().map(|branch| branch.by.len() >= quorum);
    let refused = transaction.branches.iter().any(|branch| branch.by.len() >= quorum && branch.is(Vote::No));
    match refused {
        true => Some(Outcome::Abort),
        false => chosen.all(|chosen| chosen).then_some(Outcome::Commit),
    }
}
