//! What nodes go through, by themselves and by faults.

use quorate::id::NodeId;
use smallvec::SmallVec;

use super::super::Simulated;
use super::super::host::{Host, State};
use super::{Due, Phase};
use crate::spec::TimerOf;
use crate::world::{Action, Script, slot};

impl<S: Simulated> Phase<'_, S> {
    pub(super) fn expire(&mut self, id: NodeId, timer: TimerOf<S>, expiry: u64) -> Result<(), &'static str> {
        let Some(host) = self.hosts.get(slot(id)) else { return Ok(()) };
        let set = || {
            self.world.node(id).is_some_and(|node| node.ledger.timers().iter().any(|(set, _)| set == timer))
        };
        if !host.counts(timer, expiry) || !set() {
            return Ok(());
        }
        if let Some(until) = host.stopped(self.now) {
            self.queue.push(until, Due::Timer(id, timer, expiry));
            return Ok(());
        }
        self.act(id, Action::Fire(id, timer, Script::new()))
    }

    pub(super) fn flush(&mut self, id: NodeId, life: u64) -> Result<(), &'static str> {
        let Some(host) = self.hosts.get_mut(slot(id)).filter(|host| host.life == life) else { return Ok(()) };
        if let Some(until) = host.stopped(self.now) {
            self.queue.push(until, Due::Flush(id, life));
            return Ok(());
        }
        host.writing = host.writing.saturating_sub(1);
        if host.writing > 0 {
            self.queue.push(self.now, Due::Flush(id, life));
        }
        self.act(id, Action::Flush(id))
    }

    pub(super) fn look(&mut self, id: NodeId, life: u64) -> Result<(), &'static str> {
        let Some(host) = self.hosts.get_mut(slot(id)).filter(|host| host.life == life) else { return Ok(()) };
        if let Some(until) = host.stopped(self.now) {
            self.queue.push(until, Due::Inbox(id, life));
            return Ok(());
        }
        host.looking = false;
        self.act(id, Action::Inbox(id, Script::new()))
    }

    /// Somebody is to crash, now or when it hurts.
    pub(super) fn think_of_crash(&mut self) -> Result<(), &'static str> {
        let Some(crashes) = &self.faults.crashes else { return Ok(()) };
        let next = crashes.spells.next(&mut self.dice);
        self.queue.push(self.now.saturating_add(next), Due::Crash);
        if self.dice.per_mille(crashes.lurks_per_mille) {
            self.lurking = true;
            return Ok(());
        }
        let now = self.now;
        match self.someone(|host| !host.is_down(now)) {
            Some(id) => self.crash_now(id),
            None => Ok(()),
        }
    }

    /// The crash that lay in wait for this node, in this life.
    pub(super) fn crash_of(&mut self, id: NodeId, life: u64) -> Result<(), &'static str> {
        match self.hosts.get(slot(id)) {
            Some(host) if host.life == life => self.crash_now(id),
            _ => Ok(()),
        }
    }

    fn crash_now(&mut self, id: NodeId) -> Result<(), &'static str> {
        let Some(crashes) = &self.faults.crashes else { return Ok(()) };
        let lasts = crashes.spells.length(&mut self.dice);
        self.crash(id, lasts, crashes.tears)
    }

    /// A node crashes and stays down for so long, if so many may be down.
    pub(super) fn crash(&mut self, id: NodeId, lasts: u64, tears: bool) -> Result<(), &'static str> {
        let now = self.now;
        if self.hosts.iter().filter(|host| host.is_down(now)).count() >= self.atlas.down_max {
            return Ok(());
        }
        let kept = self.kept(id, tears);
        let Some(host) = self.hosts.get_mut(slot(id)) else { return Ok(()) };
        host.crash(now.saturating_add(lasts));
        self.act(id, Action::Crash(id, kept, Script::new()))
    }

    /// How much of what is held happens before a crash.
    pub(super) fn kept(&mut self, id: NodeId, tears: bool) -> usize {
        let Some(node) = self.world.node(id) else { return 0 };
        let all = node.ledger.held().len();
        let kept = match self.dice.below(4) {
            _ if !tears => all,
            0 => 0,
            1 => all,
            _ => self.dice.pick(&node.cuts().collect::<Vec<_>>()).copied().unwrap_or(all),
        };
        self.record.tally.torn += u64::from(kept < all);
        kept
    }

    pub(super) fn pause(&mut self) {
        let Some(pauses) = &self.faults.pauses else { return };
        let next = pauses.next(&mut self.dice);
        self.queue.push(self.now.saturating_add(next), Due::Pause);
        let now = self.now;
        let Some(id) = self.someone(|host| host.stopped(now).is_none()) else { return };
        let lasts = pauses.length(&mut self.dice);
        self.pause_of(id, lasts);
    }

    /// A node does nothing for so long, if so many may be paused.
    pub(super) fn pause_of(&mut self, id: NodeId, lasts: u64) {
        let now = self.now;
        if self.hosts.iter().filter(|host| host.stopped(now).is_some()).count() >= self.atlas.paused_max {
            return;
        }
        if let Some(host) = self.hosts.get_mut(slot(id)).filter(|host| host.stopped(now).is_none()) {
            host.state = State::Paused(now.saturating_add(lasts));
            self.record.tally.pauses += 1;
        }
    }

    pub(super) fn step_clock(&mut self) {
        let Some(steps) = &self.faults.clocks.steps else { return };
        let next = steps.next(&mut self.dice);
        self.queue.push(self.now.saturating_add(next), Due::ClockStep);
        let Some(id) = self.someone(|_| true) else { return };
        let by = i64::try_from(steps.length(&mut self.dice)).unwrap_or(i64::MAX);
        let back = self.dice.per_mille(500) && self.atlas.clock_back;
        if let Some(host) = self.hosts.get_mut(slot(id)) {
            host.clock.step(self.now, if back { -by } else { by });
            self.record.tally.clock_steps += 1;
        }
    }

    /// One of the nodes for which `may` holds: who matters most, where faults seek that out.
    pub(super) fn someone(&mut self, may: impl Fn(&Host<TimerOf<S>>) -> bool) -> Option<NodeId> {
        let sought = self.sought();
        if sought.is_some_and(|id| self.hosts.get(slot(id)).is_some_and(&may)) {
            return sought;
        }
        let who = self.world.ids().zip(&self.hosts).filter(|(_, host)| may(host));
        let who: SmallVec<[NodeId; 8]> = who.map(|(id, _)| id).collect();
        self.dice.pick(&who).copied()
    }
}
