//! Elections: who asks for votes when, who gives one, and what becomes of it (paper, 5.2 and 5.4.1).

use super::lead::Leader;
use super::{Cell, Command, HARD_STATE, Message, Notice, Position, Raft, Rejection, Term, Timer, reject};
use crate::durable::Record;
use crate::id::NodeId;
use crate::machine::Context;
use crate::quorum::SlotSet;

/// The role of a node in its term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Role {
    /// Takes entries and gives votes.
    Follower {
        /// The leader of the term, if it was heard of since the last election timeout.
        leader: Option<NodeId>,
    },
    /// Asks whether it would be elected, in a term that it has not begun (thesis, 9.6).
    PreCandidate {
        /// Who would vote for it.
        votes: SlotSet,
    },
    /// Asks for votes.
    Candidate {
        /// Who voted for it.
        votes: SlotSet,
    },
    /// Leads the term.
    Leader(Leader),
}

impl<C: Command> Raft<C> {
    pub(super) fn start<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        cx.set_timer(Timer::Election, self.config.election);
        self.tell_committed(cx);
    }

    pub(super) fn on_election_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if self.is_leader() {
            self.check_quorum(cx);
        } else if self.config.pre_vote {
            self.ask_before_campaign(cx);
        } else {
            self.campaign(cx);
        }
    }

    /// Pre-vote: whom would you vote for? Nothing of it is durable, so it is free.
    fn ask_before_campaign<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        cx.set_timer(Timer::Election, self.config.election);
        let Some(term) = self.next_term() else { return };
        let knew_leader = self.leader().is_some();
        self.role = Role::PreCandidate { votes: self.own_vote() };
        if knew_leader {
            cx.notify_free(Notice::Leader { term: self.term, leader: None });
        }
        let last = self.last();
        for peer in self.peers() {
            cx.send_free(peer, Message::PreVote { term, last });
        }
        self.count_pre_votes(cx);
    }

    fn count_pre_votes<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if let Role::PreCandidate { votes } = self.role
            && votes.len() >= self.config.quorum()
        {
            self.campaign(cx);
        }
    }

    /// Begins a new term with a vote for itself. The requests are held behind that vote: nobody answers a
    /// candidate that may forget, so its own vote is counted at once.
    fn campaign<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        cx.set_timer(Timer::Election, self.config.election);
        let Some(term) = self.next_term() else { return };
        self.term = term;
        self.vote = Some(self.me);
        self.persist_hard_state(cx);
        self.role = Role::Candidate { votes: self.own_vote() };
        cx.notify_free(Notice::Leader { term, leader: None });
        let last = self.last();
        for peer in self.peers() {
            cx.send(peer, Message::Vote { term, last });
        }
        self.count_votes(cx);
    }

    fn count_votes<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if let Role::Candidate { votes } = self.role
            && votes.len() >= self.config.quorum()
        {
            self.lead(cx);
        }
    }

    pub(super) fn on_pre_vote<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        last: Position,
        cx: &mut Cx,
    ) {
        if from == self.me {
            return reject(from, Rejection::FromMyself, cx);
        }
        let granted = term > self.term && last >= self.last() && !self.hears_a_leader();
        let term = if granted { term } else { self.term };
        cx.send_free(from, Message::PreVoteReply { term, granted });
    }

    pub(super) fn on_pre_vote_reply<Cx: Context<Self> + ?Sized>(
        &mut self,
        slot: usize,
        term: Term,
        granted: bool,
        cx: &mut Cx,
    ) {
        if !granted {
            return self.observe_term(term, cx);
        }
        let asked_for = self.next_term();
        if let Role::PreCandidate { votes } = &mut self.role
            && Some(term) == asked_for
        {
            votes.insert(slot);
            self.count_pre_votes(cx);
        }
    }

    pub(super) fn on_vote<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        last: Position,
        cx: &mut Cx,
    ) {
        if from == self.me {
            return reject(from, Rejection::FromMyself, cx);
        }
        let newer = term > self.term;
        if newer {
            self.follow(term, None, cx);
        }
        let free_to_vote = self.vote.is_none() || self.vote == Some(from);
        let granted = term == self.term && free_to_vote && last >= self.last();
        if granted {
            let repeated = self.vote == Some(from);
            self.vote = Some(from);
            if !repeated {
                self.persist_hard_state(cx);
            }
            cx.set_timer(Timer::Election, self.config.election);
            cx.send(from, Message::VoteReply { term, granted });
        } else {
            if newer {
                self.persist_hard_state(cx);
            }
            cx.send_free(from, Message::VoteReply { term: self.term, granted });
        }
    }

    pub(super) fn on_vote_reply<Cx: Context<Self> + ?Sized>(
        &mut self,
        slot: usize,
        term: Term,
        granted: bool,
        cx: &mut Cx,
    ) {
        self.observe_term(term, cx);
        if let Role::Candidate { votes } = &mut self.role
            && term == self.term
            && granted
        {
            votes.insert(slot);
            self.count_votes(cx);
        }
    }

    /// Follows, durably, if `term` is later than the node's own.
    pub(super) fn observe_term<Cx: Context<Self> + ?Sized>(&mut self, term: Term, cx: &mut Cx) {
        if term > self.term {
            self.follow(term, None, cx);
            self.persist_hard_state(cx);
        }
    }

    /// Becomes a follower in `term`, which is not earlier than the node's own. The caller persists a new term.
    pub(super) fn follow<Cx: Context<Self> + ?Sized>(
        &mut self,
        term: Term,
        leader: Option<NodeId>,
        cx: &mut Cx,
    ) {
        let known = (self.term, self.leader());
        if term > self.term {
            self.term = term;
            self.vote = None;
        }
        if self.is_leader() {
            cx.cancel_timer(Timer::Heartbeat);
            cx.set_timer(Timer::Election, self.config.election);
        }
        self.role = Role::Follower { leader };
        if known != (term, leader) {
            cx.notify_free(Notice::Leader { term, leader });
        }
    }

    /// A leader that has heard of no quorum since the last time steps down (thesis, 6.2).
    fn check_quorum<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let quorum = self.config.quorum();
        let check = self.config.check_quorum;
        let own = self.own_vote();
        if let Role::Leader(leader) = &mut self.role
            && check
        {
            let heard = leader.take_heard(own);
            if heard.len() >= quorum {
                cx.set_timer(Timer::Election, self.config.election);
            } else {
                self.follow(self.term, None, cx);
            }
        }
    }

    pub(super) fn persist_hard_state<Cx: Context<Self> + ?Sized>(&self, cx: &mut Cx) {
        let value = Cell::HardState { term: self.term, vote: self.vote };
        cx.persist(Record::Put { cell: HARD_STATE, value });
    }

    /// The leader of this term, as far as this node knows.
    #[must_use]
    pub const fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower { leader } => *leader,
            Role::Leader(_) => Some(self.me),
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }

    /// Whether a leader lives, as far as this node can tell: then it elects no other (thesis, 9.6).
    const fn hears_a_leader(&self) -> bool {
        self.leader().is_some()
    }

    fn next_term(&self) -> Option<Term> {
        self.term.0.checked_add(1).map(Term)
    }

    fn own_vote(&self) -> SlotSet {
        self.config.slot_of(self.me).map_or(SlotSet::EMPTY, SlotSet::of)
    }

    /// The other voters. Borrows nothing of `self` but the shared configuration.
    pub(super) fn peers(&self) -> impl Iterator<Item = NodeId> + use<C> {
        let (config, me) = (self.config.clone(), self.me);
        (0..config.voters.len())
            .filter_map(move |slot| config.voters.get(slot).copied())
            .filter(move |id| *id != me)
    }
}
