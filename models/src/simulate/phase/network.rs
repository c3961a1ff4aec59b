//! Messages on their way, and the links that they cannot take.

use super::super::Simulated;
use super::super::partition::{Cut, bit};
use super::{Due, Phase};
use crate::world::{Action, Script, Sent, slot};

/// Links that are cut for a while.
pub(super) struct Parted {
    cut: Cut,
    until: u64,
    /// How long links that flap stay as they are.
    flaps: Option<u64>,
}

impl<S: Simulated> Phase<'_, S> {
    /// Messages leave at `at`: lost, late, twice.
    pub(super) fn send(&mut self, sends: &[Sent<S>], at: u64) -> Result<(), &'static str> {
        for flying in sends {
            if !self.dice.per_mille(self.faults.loss_per_mille) {
                self.travel(flying.clone(), at);
            }
            if self.dice.per_mille(self.faults.duplicates_per_mille) {
                self.travel(flying.clone(), at);
            }
        }
        for flying in sends {
            let under_way = self.copies.iter().any(|(other, _)| same::<S>(other, flying));
            if !under_way && self.world.network().holds(flying) {
                self.perform(Action::Drop(flying.envelope().clone()))?;
            }
        }
        Ok(())
    }

    /// A copy of a message is under way as of `at`.
    pub(super) fn travel(&mut self, flying: Sent<S>, at: u64) {
        let mut due = at.saturating_add(self.faults.delay.draw(&mut self.dice));
        let envelope = flying.envelope();
        let link = slot(envelope.from) * self.hosts.len() + slot(envelope.to);
        if let Some(last) = self.links.get_mut(link).filter(|_| !self.faults.reorders) {
            due = due.max(*last);
            *last = due;
        }
        match self.copies.iter_mut().find(|(other, _)| same::<S>(other, &flying)) {
            Some((_, count)) => *count += 1,
            None => self.copies.push((flying.clone(), 1)),
        }
        self.queue.push(due, Due::Message(flying));
    }

    pub(super) fn arrive(&mut self, flying: Sent<S>) -> Result<(), &'static str> {
        let envelope = flying.envelope();
        let (from, to) = (slot(envelope.from), slot(envelope.to));
        let Some(host) = self.hosts.get(to) else { return Ok(()) };
        let down = host.is_down(self.now);
        let aside = self.aside(from, to).filter(|until| *until > self.now);
        let parted = aside.is_some() || self.cut.get(from).is_some_and(|cut| cut & bit(to) != 0);
        let holds = self.faults.partitions.as_ref().is_some_and(|partitions| partitions.holds);
        if let Some(until) = host.stopped(self.now).filter(|_| !down && !parted) {
            self.queue.push(until, Due::Message(flying));
            return Ok(());
        }
        if parted && holds && !down {
            let until = self.parted.as_ref().map_or(self.now, |parted| parted.until);
            let until = until.max(aside.unwrap_or(0));
            self.queue.push(until.max(self.now.saturating_add(1)), Due::Message(flying));
            return Ok(());
        }
        let Some(at) = self.copies.iter().position(|(other, _)| same::<S>(other, &flying)) else {
            return Ok(());
        };
        let (envelope, to) = (envelope.clone(), envelope.to);
        let more = match self.copies.get_mut(at) {
            Some((_, count)) if *count > 1 => {
                *count -= 1;
                true
            }
            _ => {
                self.copies.swap_remove(at);
                false
            }
        };
        match (down || parted, more) {
            (true, true) => Ok(()),
            (true, false) => self.perform(Action::Drop(envelope)),
            (false, true) => self.act(to, Action::Duplicate(envelope, Script::new())),
            (false, false) => self.act(to, Action::Deliver(envelope, Script::new())),
        }
    }

    /// Until when nothing takes the link from a node to another, by what befell either alone.
    fn aside(&self, from: usize, to: usize) -> Option<u64> {
        let (from, to) = (self.hosts.get(from)?, self.hosts.get(to)?);
        Some(from.mute_until.max(to.deaf_until))
    }

    pub(super) fn part(&mut self) {
        let Some(partitions) = &self.faults.partitions else { return };
        let sought = self.sought().map(slot);
        let dice = &mut self.dice;
        if let Some(shape) = dice.pick(&partitions.shapes) {
            let lasts = partitions.spells.length(dice);
            let flaps = dice.per_mille(partitions.flapping_per_mille);
            let flaps = flaps.then(|| dice.magnitude((lasts / 20).max(1), (lasts / 2).max(1)));
            let until = self.now.saturating_add(lasts);
            let cut = shape.cut(self.hosts.len(), sought, dice);
            self.cut.clone_from(&cut);
            self.parted = Some(Parted { cut, until, flaps });
            self.record.tally.partitions += 1;
            self.queue.push(until, Due::Join);
            if let Some(every) = flaps {
                self.queue.push(self.now.saturating_add(every), Due::Flap);
            }
        }
    }

    pub(super) fn flap(&mut self) {
        let Some(Parted { cut, flaps: Some(every), .. }) = &self.parted else { return };
        let stands = self.cut.iter().all(|cut| *cut == 0);
        self.cut = if stands { cut.clone() } else { vec![0; cut.len()] };
        self.queue.push(self.now.saturating_add(*every), Due::Flap);
    }

    pub(super) fn join(&mut self) {
        self.parted = None;
        self.cut.fill(0);
        if let Some(partitions) = &self.faults.partitions {
            let next = partitions.spells.next(&mut self.dice);
            self.queue.push(self.now.saturating_add(next), Due::Partition);
        }
    }
}

fn same<S: Simulated>(one: &Sent<S>, other: &Sent<S>) -> bool {
    one.fingerprint() == other.fingerprint() && one.envelope() == other.envelope()
}
