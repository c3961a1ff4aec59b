//! Promises, acceptances and forgetting: Paxos for all instances of a transaction at once.

use super::table::Known;
use super::{Acceptor, Notice, Timer, reject};
use crate::commit::ids::{Nodes, TxId, Vote};
use crate::commit::paxos::ballot::{Accepted, Ballot, Votes};
use crate::commit::paxos::manager::another_leader;
use crate::commit::paxos::message::Message;
use crate::commit::{Rejection, Work};
use crate::id::NodeId;
use crate::machine::Context;

impl<W: Work> Acceptor<W> {
    /// Phase 2a of ballot 0, in the sender's own instance. All instances are written down and reported as one, when
    /// all votes are in, or one of them is a no: until then nothing is said, and so nothing is accepted.
    pub(super) fn on_vote<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        managers: &Nodes,
        vote: Vote,
        cx: &mut Cx,
    ) {
        match self.known(tx) {
            Known::Live(_) | Known::New => {}
            // It comes late: what is over stays so.
            Known::Over => return,
            Known::Forgotten => return reject(from, Rejection::TooLate, cx),
        }
        let most = self.config.common.max_transactions;
        let Some(ballots) = self.join(tx, managers.iter().copied(), most, cx) else { return };
        if !ballots.instances.iter().map(|(manager, _)| manager).eq(managers) {
            return reject(from, Rejection::Contradicts, cx);
        }
        // A higher ballot is under way, and ends it without this one.
        if ballots.promised > Ballot::ZERO {
            return;
        }
        let Some((_, accepted)) = ballots.instances.iter_mut().find(|(manager, _)| *manager == from) else {
            return;
        };
        if accepted.is_some_and(|accepted| accepted.vote != vote) {
            return reject(from, Rejection::Contradicts, cx);
        }
        if ballots.at.is_none() {
            *accepted = Some(Accepted { ballot: Ballot::ZERO, vote });
            let missing = ballots.instances.iter().any(|(_, accepted)| accepted.is_none());
            if missing && vote != Vote::No {
                return;
            }
            self.record(tx, cx);
            self.shorten(cx);
        }
        // What comes after it was said is a duplicate, or behind a no: what was said may have been lost.
        self.report(tx.coordinator, tx, Ballot::ZERO, cx);
    }

    /// A leader asks for a promise.
    pub(super) fn on_phase1a<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        ballot: Ballot,
        managers: &Nodes,
        cx: &mut Cx,
    ) {
        if !self.take_part(from, tx, ballot, managers.iter().copied(), cx) {
            return;
        }
        let Some(ballots) = self.ballots_mut(tx) else { return };
        if ballot > ballots.promised {
            ballots.promised = ballot;
            // With what was not said before: a promise reports it.
            self.record(tx, cx);
            self.shorten(cx);
        }
        let Some(ballots) = self.ballots_mut(tx) else { return };
        let accepted = ballots.instances.clone();
        cx.send(from, Message::Phase1b { tx, ballot, accepted });
    }

    /// A leader proposes, in all instances.
    pub(super) fn on_phase2a<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        ballot: Ballot,
        votes: &Votes,
        cx: &mut Cx,
    ) {
        if !self.take_part(from, tx, ballot, votes.iter().map(|(manager, _)| *manager), cx) {
            return;
        }
        let Some(ballots) = self.ballots_mut(tx) else { return };
        let proposed = |vote: &Vote| Accepted { ballot, vote: *vote };
        let mut both = ballots.instances.iter().zip(votes);
        let contradicts = both.any(|((_, accepted), (_, vote))| {
            accepted.is_some_and(|accepted| accepted.ballot == ballot && accepted != proposed(vote))
        });
        if contradicts {
            return reject(from, Rejection::Contradicts, cx);
        }
        let mut news = false;
        for ((_, accepted), (_, vote)) in ballots.instances.iter_mut().zip(votes) {
            let vote = proposed(vote);
            news |= accepted.replace(vote) != Some(vote);
        }
        if news {
            ballots.promised = ballot;
            self.record(tx, cx);
            self.shorten(cx);
        }
        self.report(from, tx, ballot, cx);
    }

    /// Whether this node takes part in a leader's ballot; the leader is told where it does not.
    fn take_part<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        tx: TxId,
        ballot: Ballot,
        managers: impl Iterator<Item = NodeId> + Clone,
        cx: &mut Cx,
    ) -> bool {
        match self.known(tx) {
            Known::Live(_) | Known::New => {}
            Known::Over => {
                cx.send(from, Message::Over { tx });
                return false;
            }
            Known::Forgotten => {
                reject(from, Rejection::TooLate, cx);
                return false;
            }
        }
        // A ballot ends what votes began, here or elsewhere, so it finds room where they do not.
        let most = self.config.open_max();
        let Some(ballots) = self.join(tx, managers.clone(), most, cx) else { return false };
        if !ballots.instances.iter().map(|(manager, _)| *manager).eq(managers) {
            reject(from, Rejection::Contradicts, cx);
            return false;
        }
        let promised = ballots.promised;
        if ballot < promised {
            cx.send(from, Message::Preempted { tx, ballot, promised });
        }
        ballot >= promised
    }

    /// Phase 2b: what was accepted in `ballot`.
    fn report<Cx: Context<Self> + ?Sized>(&mut self, to: NodeId, tx: TxId, ballot: Ballot, cx: &mut Cx) {
        let Some(ballots) = self.ballots_mut(tx) else { return };
        let accepted = ballots.instances.iter().filter_map(|(manager, accepted)| {
            accepted.filter(|accepted| accepted.ballot == ballot).map(|accepted| (*manager, accepted.vote))
        });
        let votes = accepted.collect();
        cx.send(to, Message::Phase2b { tx, ballot, votes });
    }

    /// Nobody will ask any more, but by a message that comes late: all that is remembered is that it is over.
    pub(super) fn on_forget<Cx: Context<Self> + ?Sized>(&mut self, tx: TxId, cx: &mut Cx) {
        if matches!(self.known(tx), Known::Live(_) | Known::New) {
            self.end(tx);
            self.record_end(tx, cx);
            self.shorten(cx);
        }
    }

    pub(super) fn start<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.live > 0 {
            self.linger(cx);
        }
    }

    pub(super) fn linger<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !core::mem::replace(&mut self.lingers, true) {
            cx.set_timer(Timer::Linger, self.config.linger);
        }
    }

    /// Asks a leader to end what was quiet for a whole period: first who began it, then any other.
    pub(super) fn on_linger_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        for origin in &mut self.origins {
            let coordinator = origin.coordinator;
            for ballots in &mut origin.live {
                if !core::mem::replace(&mut ballots.quiet, true) {
                    continue;
                }
                let tx = TxId { coordinator, number: ballots.number };
                // Free: it says only how long this has lasted.
                cx.notify_free(Notice::Lingers { tx });
                let other = core::mem::replace(&mut ballots.asked, true);
                let other =
                    if other { another_leader(&self.config, tx, |upto| cx.choose(upto)) } else { None };
                let managers = ballots.managers();
                cx.send(other.unwrap_or(coordinator), Message::Inquire { tx, managers });
                // In turn, so that a coordinator that came back is asked as well.
                ballots.asked = other.is_none();
            }
        }
        self.lingers = self.live > 0;
        if self.lingers {
            cx.set_timer(Timer::Linger, self.config.linger);
        }
    }
}
