//! One machine among peers, a disk, a clock and an application that may say anything: its promises, step by step.
//!
//! Where worlds are too well-behaved to go, this goes.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::{Result as Drawn, Unstructured};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Context, Effect, Input, InputOf, Machine, Recorder};
use quorate::time::Time;

use super::subject::{DiskOf, MachineOf, Subject};

/// The most effects of one step: far above what limits that are soon reached can lead to.
const EFFECTS_MAX: usize = 1 << 12;

/// What a run came to, so that it can be seen to come to something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record of numbers")]
pub struct Tally {
    /// Steps taken.
    pub steps: u64,
    /// Requests that await an answer.
    pub asked: u64,
    /// Records that became durable.
    pub durable: u64,
    /// Read-backs asked for.
    pub loads: u64,
    /// Crashes.
    pub crashes: u64,
    /// Notices that left, by [`Subject::kind`].
    pub notices: BTreeMap<&'static str, u64>,
    /// Steps, by [`Subject::role`] after them.
    pub roles: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Adds what another run came to.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.asked += other.asked;
        self.durable += other.durable;
        self.loads += other.loads;
        self.crashes += other.crashes;
        other.notices.iter().for_each(|(kind, count)| *self.notices.entry(kind).or_default() += count);
        other.roles.iter().for_each(|(role, count)| *self.roles.entry(role).or_default() += count);
    }
}

/// Drives a machine as `bytes` say, until they are used up.
///
/// After every step, its invariants hold and it agrees with what it emitted; after every record, it recovers from what
/// it has emitted up to there; every request is answered once, by the end if not before.
///
/// # Errors
/// The promise that was broken.
///
/// # Panics
/// If the machine does: that promise is the first.
pub fn steps<S: Subject>(bytes: &[u8]) -> Result<Tally, String> {
    let mut u = Unstructured::new(bytes);
    let Ok((subject, (disk, applied))) = born::<S>(&mut u) else { return Ok(Tally::default()) };
    let mut life = Life::begin(&subject, disk, applied, Disk::Own)?;
    life.live(&mut u)
}

fn born<S: Subject>(u: &mut Unstructured<'_>) -> Drawn<(S, (DiskOf<S>, u64))> {
    let subject = S::arbitrary(u)?;
    let disk = subject.arbitrary_disk(u)?;
    Ok((subject, disk))
}

/// What happens next.
enum Happening<I> {
    /// The machine is told something, at some time, and chooses as it is told.
    Told(I, Time, [u32; 2]),
    /// Its own driver feeds it what it owes.
    Owed,
    /// So many records become durable.
    Flush(usize),
    /// It crashes with only so many of its records durable, and comes back.
    Crash(usize),
}

/// Who has written what a machine comes back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    /// A machine of the same configuration.
    Own,
    /// Somebody else, who may have had other limits.
    Foreign,
}

/// A machine with its driver.
pub(super) struct Life<'s, S: Subject> {
    subject: &'s S,
    machine: S::Machine,
    ledger: LedgerOf<S::Machine>,
    now: Time,
    /// What is durable.
    disk: DiskOf<S>,
    /// What will be once every record is.
    emitted: DiskOf<S>,
    applied: u64,
    written_by: Disk,
    /// How many entries the driver reads back at once.
    load_most: usize,
    owed: VecDeque<InputOf<S::Machine>>,
    /// How many answers each request of this life still awaits.
    awaited: BTreeMap<S::Ticket, u64>,
    tally: Tally,
}

impl<'s, S: Subject> Life<'s, S> {
    /// Comes back with what `disk` holds, and starts.
    pub(super) fn begin(
        subject: &'s S,
        disk: DiskOf<S>,
        applied: u64,
        written_by: Disk,
    ) -> Result<Self, String> {
        let machine = recovered(subject, &disk, applied)?;
        let mut life = Self {
            ledger: LedgerOf::<MachineOf<S>>::new(subject.me()),
            subject,
            machine,
            now: Time::ZERO,
            emitted: disk.clone(),
            disk,
            applied,
            written_by,
            load_most: usize::MAX,
            owed: VecDeque::new(),
            awaited: BTreeMap::new(),
            tally: Tally::default(),
        };
        life.step(Input::Start, &[])?;
        Ok(life)
    }

    /// Lives until the bytes are used up.
    pub(super) fn live(&mut self, u: &mut Unstructured<'_>) -> Result<Tally, String> {
        while !u.is_empty() {
            // Nothing is drawn once the bytes are used up.
            let Ok(happening) = self.next(u) else { break };
            self.happens(happening)?;
        }
        self.end()?;
        Ok(std::mem::take(&mut self.tally))
    }

    fn next(&self, u: &mut Unstructured<'_>) -> Drawn<Happening<InputOf<S::Machine>>> {
        Ok(match u.int_in_range(0..=31)? {
            0 => Happening::Crash(u.int_in_range(0..=8)?),
            1..=5 => Happening::Flush(u.int_in_range(1..=4)?),
            6..=9 => Happening::Flush(usize::MAX),
            10..=16 => Happening::Owed,
            17 => {
                let (now, choices) = u.arbitrary()?;
                Happening::Told(self.subject.arbitrary_input(&self.machine, u)?, Time(now), choices)
            }
            _ => {
                let now = Time(self.now.0.saturating_add(u.int_in_range(0..=7)?));
                Happening::Told(self.subject.arbitrary_input(&self.machine, u)?, now, [0; 2])
            }
        })
    }

    fn happens(&mut self, happening: Happening<InputOf<S::Machine>>) -> Result<(), String> {
        match happening {
            Happening::Told(input, now, choices) => {
                self.now = now;
                if let Input::Request(request) = &input
                    && let Some(ticket) = self.subject.asks(request)
                {
                    self.tally.asked += 1;
                    *self.awaited.entry(ticket).or_default() += 1;
                }
                self.step(input, &choices)
            }
            Happening::Owed => match self.owed.pop_front() {
                Some(input) => self.step(input, &[]),
                None => Ok(()),
            },
            Happening::Flush(most) => {
                self.flush(most)?;
                self.load_most = most;
                self.carry_out()
            }
            Happening::Crash(durable) => self.crash(durable),
        }
    }

    /// One step, and what must hold after it and after each record of it.
    fn step(&mut self, input: InputOf<S::Machine>, choices: &[u32]) -> Result<(), String> {
        self.tally.steps += 1;
        let mut cx = Recorder::new(self.now, choices);
        self.machine.step(input.clone(), &mut cx);
        let broken = |what: &str| format!("{what}, after {input:?}");
        if cx.effects.len() > EFFECTS_MAX {
            return Err(broken(&format!("{} effects of one step", cx.effects.len())));
        }
        for effect in cx.effects {
            if let Effect::Persist(record) = &effect {
                self.emitted.apply(record.clone()).map_err(|misfit| broken(&misfit.to_string()))?;
                recovered(self.subject, &self.emitted, self.applied).map_err(|error| broken(&error))?;
            }
            let mut port = self.ledger.port(self.now, || 0);
            Context::<S::Machine>::emit(&mut port, effect);
        }
        self.subject.check(&self.machine).map_err(|what| broken(&what))?;
        if self.written_by == Disk::Own {
            self.subject.fits(&self.machine).map_err(|what| broken(&what))?;
        }
        self.subject.agrees(&self.machine, &self.emitted).map_err(broken)?;
        let back = recovered(self.subject, &self.emitted, self.applied)?;
        self.subject.agrees(&back, &self.emitted).map_err(broken)?;
        *self.tally.roles.entry(self.subject.role(&self.machine)).or_default() += 1;
        self.carry_out()
    }

    /// Makes records durable, `most` of them: whether there was any.
    fn flush(&mut self, most: usize) -> Result<bool, String> {
        let Some(batch) = self.ledger.begin_batch(most) else { return Ok(false) };
        for record in self.ledger.batch() {
            self.tally.durable += 1;
            self.disk.apply(record.clone()).map_err(|misfit| misfit.to_string())?;
        }
        self.ledger.complete(batch);
        Ok(true)
    }

    fn carry_out(&mut self) -> Result<(), String> {
        while let Some(output) = self.ledger.next_output() {
            self.subject.leaves(&output)?;
            match output {
                Output::Send { to, .. } if to == self.subject.me() => {
                    return Err("a message to itself went out to the network".to_owned());
                }
                Output::Send { .. } => {}
                Output::Loopback(message) => {
                    self.owed.push_back(Input::Message { from: self.subject.me(), message });
                }
                Output::Notify(notice) => self.told(&notice)?,
                Output::Load { log, from, upto } => {
                    self.tally.loads += 1;
                    let wanted = self.disk.log(log).filter(|(at, _)| (from..=upto).contains(at));
                    let entries = wanted.take(self.load_most).map(|(_, entry)| entry.clone()).collect();
                    self.owed.push_back(Input::Loaded { log, from, entries });
                }
            }
        }
        Ok(())
    }

    fn told(&mut self, notice: &<S::Machine as Machine>::Notice) -> Result<(), String> {
        *self.tally.notices.entry(self.subject.kind(notice)).or_default() += 1;
        self.applied = self.subject.told(notice, self.applied)?;
        let Some(ticket) = self.subject.answers(notice) else { return Ok(()) };
        match self.awaited.get_mut(&ticket) {
            Some(awaited) if *awaited > 1 => *awaited -= 1,
            Some(_) => _ = self.awaited.remove(&ticket),
            None => return Err(format!("{ticket:?} is answered twice, or was never asked")),
        }
        Ok(())
    }

    /// Whatever waited for a record beyond the first `durable` ones is lost.
    fn crash(&mut self, durable: usize) -> Result<(), String> {
        if durable > 0 && self.flush(durable)? {
            self.carry_out()?;
        }
        self.tally.crashes += 1;
        self.machine = recovered(self.subject, &self.disk, self.applied)?;
        self.ledger = LedgerOf::<MachineOf<S>>::new(self.subject.me());
        self.emitted = self.disk.clone();
        self.owed.clear();
        self.awaited.clear();
        self.step(Input::Start, &[])
    }

    /// Once everything is durable, everything is answered.
    fn end(&mut self) -> Result<(), String> {
        while self.flush(usize::MAX)? {}
        self.carry_out()?;
        if self.disk != self.emitted {
            return Err("the disk is not what was emitted".to_owned());
        }
        match self.awaited.keys().next() {
            Some(ticket) => Err(format!("{ticket:?} was never answered")),
            None => Ok(()),
        }
    }
}

fn recovered<S: Subject>(subject: &S, disk: &DiskOf<S>, applied: u64) -> Result<S::Machine, String> {
    let machine = subject.recover(disk, applied).map_err(|corrupt| corrupt.to_string())?;
    subject.check(&machine)?;
    Ok(machine)
}
