//! The plainest ledger: it keeps all that was ever emitted, and works out from the start what may have left.

use std::collections::BTreeMap;

use quorate::durable::Record;
use quorate::id::NodeId;
use quorate::ledger::{Held, Output};
use quorate::machine::{Effect, EffectOf, Release};
use quorate::time::Time;

use super::{Numbered, Out};

/// A record or a held output.
type Item = Held<u32, u32, u32, u32>;

/// All that was emitted in a life, and how far it has come.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// Records and held outputs, in the order of emission, and of each output whether it may leave.
    emitted: Vec<(Item, bool)>,
    /// How many records are durable, and how many behind these are being written.
    durable: usize,
    writing: usize,
    /// What may leave, in order, of which so many have left.
    ready: Vec<Out>,
    taken: usize,
    /// Whether the batch under way is lost.
    begun: bool,
}

impl Plain {
    pub(super) fn emit(&mut self, me: NodeId, effect: &EffectOf<Numbered>) {
        let (output, release) = match *effect {
            Effect::Persist(ref record) => {
                self.emitted.push((Held::Record(record.clone()), false));
                return;
            }
            Effect::Send { to, message, .. } if to == me => (Output::Loopback(message), Release::Held),
            Effect::Send { to, message, release } => (Output::Send { to, message }, release),
            Effect::Notify { notice, release } => (Output::Notify(notice), release),
            Effect::Load { log, from, upto } => (Output::Load { log, from, upto }, Release::Held),
            Effect::SetTimer { .. } | Effect::CancelTimer(_) => return,
        };
        match release {
            Release::Free => self.ready.push(output),
            Release::Held => {
                self.emitted.push((Held::Output(output), false));
                self.release();
            }
        }
    }

    /// The records of a batch of `at_most`; none if one is under way.
    pub(super) fn begin(&mut self, at_most: usize) -> Vec<Record<u32, u32>> {
        if self.begun {
            return Vec::new();
        }
        let records = self.emitted.iter().filter_map(|(item, _)| match item {
            Held::Record(record) => Some(record.clone()),
            Held::Output(_) => None,
        });
        let batch: Vec<_> = records.skip(self.durable).take(at_most).collect();
        self.writing = batch.len();
        self.begun = self.writing > 0;
        batch
    }

    pub(super) fn complete(&mut self) {
        self.durable += self.writing;
        self.writing = 0;
        self.begun = false;
        self.release();
    }

    /// Lets out what has no record before it that is not durable.
    fn release(&mut self) {
        let mut records = 0;
        for (item, left) in &mut self.emitted {
            match item {
                Held::Record(_) => records += 1,
                Held::Output(output) if records <= self.durable && !*left => {
                    *left = true;
                    self.ready.push(output.clone());
                }
                Held::Output(_) => {}
            }
        }
    }

    /// The next output.
    pub(super) fn take(&mut self) -> Option<Out> {
        let output = self.ready.get(self.taken).cloned();
        self.taken += usize::from(output.is_some());
        output
    }

    /// What is not durable and what has not left, in order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Item> {
        let mut records = 0;
        self.emitted.iter().filter_map(move |(item, left)| {
            let waits = match item {
                Held::Record(_) => {
                    records += 1;
                    records > self.durable
                }
                Held::Output(_) => !left,
            };
            waits.then_some(item)
        })
    }

    pub(super) const fn under_way(&self) -> usize {
        self.writing
    }
}

/// The plainest timers.
#[derive(Debug, Default)]
pub(super) struct PlainTimers {
    due: BTreeMap<u8, Time>,
}

impl PlainTimers {
    pub(super) fn emit(&mut self, now: Time, effect: &EffectOf<Numbered>, draw: u32) {
        match effect {
            Effect::SetTimer { timer, after } => {
                let [min, max] = [after.min.as_nanos(), after.max.as_nanos()];
                let wait = min + ((max.saturating_sub(min) * u128::from(draw)) >> 32);
                let due = u64::try_from(u128::from(now.0) + wait).unwrap_or(u64::MAX);
                self.due.insert(*timer, Time(due));
            }
            Effect::CancelTimer(timer) => _ = self.due.remove(timer),
            _ => {}
        }
    }

    /// Of those due the earliest; of the earliest the first by name.
    pub(super) fn expire(&mut self, now: Time) -> Option<u8> {
        let (due, timer) = self.due.iter().map(|(timer, due)| (*due, *timer)).min()?;
        if due > now {
            return None;
        }
        self.due.remove(&timer);
        Some(timer)
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.due.values().min().copied()
    }

    pub(super) fn set(&self) -> impl Iterator<Item = (u8, Time)> {
        self.due.iter().map(|(timer, due)| (*timer, *due))
    }
}
