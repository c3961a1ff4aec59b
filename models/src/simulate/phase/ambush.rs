//! What befalls who matters most.

use quorate::id::NodeId;

use super::super::Simulated;
use super::super::aim::Strike;
use super::Phase;
use crate::world::{Action, slot};

impl<S: Simulated> Phase<'_, S> {
    /// Looks who matters most by now, and strikes if an ambush is due.
    pub(super) fn take_aim(&mut self) -> Result<(), &'static str> {
        let (faults, prominent) = (self.faults, self.rules.spec().prominent(&self.world));
        if self.lookout.look(faults.aim.as_ref(), prominent) {
            self.record.tally.reigns += 1;
        }
        match (self.lookout.strike(faults.aim.as_ref()), &faults.aim) {
            (Some((id, strike, lasts)), Some(aim)) => self.strike(id, strike, lasts, aim.tears),
            _ => Ok(()),
        }
    }

    /// Who matters most, where the next fault seeks that out.
    pub(super) fn sought(&mut self) -> Option<NodeId> {
        self.lookout.sought(self.faults.aim.as_ref()?.bias_per_mille)
    }

    fn strike(&mut self, id: NodeId, strike: Strike, lasts: u64, tears: bool) -> Result<(), &'static str> {
        let until = self.now.saturating_add(lasts);
        self.record.tally.ambushes += 1;
        let rotates = self.faults.aim.as_ref().is_some_and(|aim| aim.rotates);
        if let Some(before) = self.lookout.struck.replace(id).filter(|before| rotates && *before != id) {
            self.come_back(before);
        }
        let Some(host) = self.hosts.get_mut(slot(id)) else { return Ok(()) };
        match strike {
            Strike::Crash => self.crash(id, lasts, tears)?,
            Strike::Vanish => {
                self.lose_what_left(id)?;
                self.crash(id, lasts, tears)?;
            }
            Strike::Pause => self.pause_of(id, lasts),
            Strike::Mute => host.mute_until = host.mute_until.max(until),
            Strike::Deaf => host.deaf_until = host.deaf_until.max(until),
            Strike::Isolated => {
                host.mute_until = host.mute_until.max(until);
                host.deaf_until = host.deaf_until.max(until);
            }
        }
        Ok(())
    }

    /// A node is up again, hears and is heard, now.
    fn come_back(&mut self, id: NodeId) {
        let Some(host) = self.hosts.get_mut(slot(id)) else { return };
        host.mute_until = self.now;
        host.deaf_until = self.now;
        if host.stopped(self.now).is_some() {
            host.wake();
            self.begin_of(id);
        }
    }

    /// What a node sent and is still under way is lost.
    fn lose_what_left(&mut self, id: NodeId) -> Result<(), &'static str> {
        let lost: Vec<_> = self.copies.extract_if(.., |(flying, _)| flying.envelope().from == id).collect();
        lost.into_iter().try_for_each(|(flying, _)| self.perform(Action::Drop(flying.envelope().clone())))
    }
}
