//! The termination protocol: a site suspects another, and the lowest that is left leads the others to a decision
//! (Bernstein, Hadzilacos and Goodman 1987, 7.5, rules TR1 to TR4).

use quorate::commit::Outcome;
use quorate::id::NodeId;
use quorate::machine::Context;

use super::message::{Message, Phase};
use super::site::{FIRST, Leads, Site, Sites};

impl Site {
    /// A site has not been heard of for too long.
    pub(super) fn suspect<C: Context<Self> + ?Sized>(&mut self, site: NodeId, cx: &mut C) {
        self.suspected = self.suspected.with(site);
        if let Leads::Votes { .. } = self.leads {
            // It may not have voted.
            return self.decide(Outcome::Abort, cx);
        }
        // It has not voted, so that nobody can have committed.
        if self.phase == Phase::Initial && site == FIRST {
            self.decide(Outcome::Abort, cx);
        }
        if self.leads != Leads::Nobody {
            return self.go_on(cx);
        }
        let lowest = (0..self.sites).map(NodeId).find(|site| !self.suspects(*site));
        if lowest == Some(self.me) && self.me > self.led_by {
            self.lead(cx);
        }
    }

    /// TR1 and TR2 where this site has decided itself; else it asks.
    fn lead<C: Context<Self> + ?Sized>(&mut self, cx: &mut C) {
        self.led_by = self.me;
        if let Phase::Decided(outcome) = self.phase {
            return self.tell_all(Message::Decision { outcome }, cx);
        }
        self.leads = Leads::States { told: Sites::default(), committable: Sites::default() };
        self.tell_all(Message::StateRequest, cx);
        self.go_on(cx);
    }

    /// Another site leads now.
    pub(super) fn on_state_request<C: Context<Self> + ?Sized>(&mut self, from: NodeId, cx: &mut C) {
        self.led_by = from;
        self.leads = Leads::Nobody;
        if self.phase == Phase::Initial {
            self.decide(Outcome::Abort, cx);
        }
        cx.send(from, Message::State { phase: self.phase });
    }

    pub(super) fn on_state<C: Context<Self> + ?Sized>(&mut self, from: NodeId, phase: Phase, cx: &mut C) {
        let Leads::States { told, committable } = self.leads else { return };
        let committable = if phase == Phase::PreCommitted { committable.with(from) } else { committable };
        self.leads = Leads::States { told: told.with(from), committable };
        match phase {
            // TR1, TR2
            Phase::Decided(outcome) => self.decide(outcome, cx),
            Phase::Initial => self.decide(Outcome::Abort, cx),
            Phase::Wait | Phase::PreCommitted => self.go_on(cx),
        }
    }

    /// TR3: nobody is committable, so nobody has committed. TR4: somebody is, so everybody has voted yes, and may
    /// have committed.
    pub(super) fn terminate<C: Context<Self> + ?Sized>(&mut self, committable: Sites, cx: &mut C) {
        if self.phase == Phase::PreCommitted || committable != Sites::default() {
            self.pre_commit(cx);
        } else {
            self.decide(Outcome::Abort, cx);
        }
    }
}
