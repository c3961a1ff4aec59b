//! The ledger against the plainest one, whatever a machine emits and whatever its driver does.

mod plain;

use std::time::Duration;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::durable::Record;
use quorate::id::{CellId, LogId, NodeId};
use quorate::ledger::{Batch, Held, Ledger, LedgerOf, Output};
use quorate::machine::{Context, Effect, EffectOf, InputOf, Machine, Release};
use quorate::time::{Delay, Time};

use super::{Outcome, decode, near};
use plain::{Plain, PlainTimers};

const ME: NodeId = NodeId(1);
/// The most effects of one step.
const EFFECTS_MAX: usize = 6;
/// How many timers there are.
const TIMERS: u8 = 6;

/// What the ledger of this machine holds is numbered in the order of emission; it never takes a step.
#[derive(Clone, Debug)]
struct Numbered;

impl Machine for Numbered {
    type Config = ();
    type Message = u32;
    type Timer = u8;
    type Request = ();
    type Cell = u32;
    type Entry = u32;
    type Notice = u32;

    fn step<C: Context<Self> + ?Sized>(&mut self, _: InputOf<Self>, _: &mut C) {}
}

/// What leaves the ledger.
type Out = Output<u32, u32>;

/// Drives a ledger as `bytes` say. What leaves it, in which order and when, what a batch holds, what waits, and which
/// timer expires are as the plainest ledger has them; written down and read back, it is the same ledger.
///
/// # Errors
/// The promise that was broken.
pub fn ledger(bytes: &[u8]) -> Outcome {
    let mut u = Unstructured::new(bytes);
    let mut driver = Driver::default();
    while !u.is_empty() {
        let Ok(act) = driver.arbitrary_act(&mut u) else { break };
        driver.act(&act).map_err(|what| format!("{what}, after {act:?}"))?;
        driver.compare().map_err(|what| format!("{what}, after {act:?}"))?;
    }
    driver.end()?;
    Ok(driver.acts)
}

/// Decodes a ledger, as it was written or a little damaged: one that is read is right, so a driver may go on with it.
///
/// # Errors
/// The promise that was broken.
pub fn ledger_state(bytes: &[u8]) -> Outcome {
    let Some(mut read) = near::<LedgerOf<Numbered>>(bytes)? else { return Ok(0) };
    if matches!(read.held().next(), Some(Held::Output(_))) {
        return Err(format!("an output waits for nothing: {read:?}"));
    }
    let names: Vec<u8> = read.timers().iter().map(|(timer, _)| timer).collect();
    if !names.is_sorted_by(|one, other| one < other) {
        return Err(format!("a timer is set twice: {read:?}"));
    }
    let mut left = 0;
    while read.next_output().is_some() {
        left += 1;
    }
    while read.expire(Time(u64::MAX)).is_some() {}
    let records = read.held().filter(|held| matches!(held, Held::Record(_))).count();
    let outputs = read.held().count() - records;
    // What was being written then is lost to it, and so it waits.
    let Some(batch) = read.begin_batch(usize::MAX) else { return Ok(left + 1) };
    if batch.records() != records || read.batch().count() != records {
        return Err(format!("a batch of {} of {records} records", batch.records()));
    }
    read.complete(batch);
    let released = std::iter::from_fn(|| read.next_output()).count();
    if read.is_waiting() || released != outputs {
        return Err(format!("{released} of {outputs} outputs left after the last record"));
    }
    Ok(left + released as u64 + 1)
}

/// What a machine or its driver does.
#[derive(Debug)]
enum Act {
    Step(Vec<EffectOf<Numbered>>, u32),
    Begin(usize),
    Complete,
    /// The write failed.
    Fail,
    /// Carries out so many outputs, if they are there.
    Take(usize),
    Clock(u64),
    Expire,
    /// One of `upto`, as drawn.
    Choose(u32, u32),
    /// Is written down and read back.
    Reread,
}

#[derive(Debug)]
struct Driver {
    ledger: LedgerOf<Numbered>,
    batch: Option<Batch>,
    now: Time,
    serial: u32,
    plain: Plain,
    timers: PlainTimers,
    acts: u64,
}

impl Default for Driver {
    fn default() -> Self {
        Self {
            ledger: Ledger::new(ME),
            batch: None,
            now: Time::ZERO,
            serial: 0,
            plain: Plain::default(),
            timers: PlainTimers::default(),
            acts: 0,
        }
    }
}

impl Driver {
    fn arbitrary_act(&mut self, u: &mut Unstructured<'_>) -> Drawn<Act> {
        Ok(match u.int_in_range(0..=31)? {
            0..=11 => {
                let effects = (0..u.int_in_range(0..=EFFECTS_MAX)?).map(|_| self.arbitrary_effect(u));
                Act::Step(effects.collect::<Drawn<_>>()?, u.arbitrary()?)
            }
            12..=16 => Act::Begin(if u.arbitrary()? { usize::MAX } else { u.int_in_range(0..=4)? }),
            17..=21 => Act::Complete,
            22..=25 => Act::Take(u.int_in_range(0..=7)?),
            26 => Act::Clock(u.arbitrary()?),
            27 | 28 => Act::Expire,
            29 => Act::Choose(u.arbitrary()?, u.arbitrary()?),
            30 => Act::Reread,
            _ => Act::Fail,
        })
    }

    fn arbitrary_effect(&mut self, u: &mut Unstructured<'_>) -> Drawn<EffectOf<Numbered>> {
        self.serial += 1;
        let serial = self.serial;
        let release = if u.arbitrary()? { Release::Free } else { Release::Held };
        Ok(match u.int_in_range(0..=12)? {
            0..=2 => Effect::Persist(Record::Put { cell: CellId(0), value: serial }),
            3 => Effect::Persist(Record::Append { log: LogId(0), index: serial.into(), entry: serial }),
            4..=6 => Effect::Send { to: NodeId(u.int_in_range(0..=3)?), message: serial, release },
            7 | 8 => Effect::Notify { notice: serial, release },
            9 => Effect::Load { log: LogId(0), from: serial.into(), upto: u.arbitrary()? },
            10 | 11 => {
                let nanos = |u: &mut Unstructured<'_>| {
                    Ok(Duration::from_nanos(if u.ratio(1, 8)? {
                        u.arbitrary()?
                    } else {
                        u.int_in_range(0..=15)?
                    }))
                };
                let (min, max) = (nanos(u)?, nanos(u)?);
                Effect::SetTimer { timer: u.int_in_range(0..=TIMERS - 1)?, after: Delay { min, max } }
            }
            _ => Effect::CancelTimer(u.int_in_range(0..=TIMERS - 1)?),
        })
    }

    fn act(&mut self, act: &Act) -> Result<(), String> {
        self.acts += 1;
        match act {
            Act::Step(effects, draw) => {
                let mut port = self.ledger.port(self.now, || *draw);
                for effect in effects {
                    Context::<Numbered>::emit(&mut port, effect.clone());
                    self.plain.emit(ME, effect);
                    self.timers.emit(self.now, effect, *draw);
                }
            }
            Act::Begin(at_most) => self.begin(*at_most)?,
            Act::Complete => {
                if let Some(batch) = self.batch.take() {
                    self.ledger.complete(batch);
                    self.plain.complete();
                }
            }
            Act::Fail => drop(self.batch.take()),
            Act::Take(most) => {
                for _ in 0..*most {
                    let (found, expected) = (self.ledger.next_output(), self.plain.take());
                    if found != expected {
                        return Err(format!("{found:?} left instead of {expected:?}"));
                    }
                }
            }
            Act::Clock(now) => self.now = Time(*now),
            Act::Expire => {
                let (found, expected) = (self.ledger.expire(self.now), self.timers.expire(self.now));
                if found != expected {
                    return Err(format!("{found:?} expired instead of {expected:?}"));
                }
            }
            Act::Choose(draw, upto) => {
                let chosen = Context::<Numbered>::choose(&mut self.ledger.port(self.now, || *draw), *upto);
                if chosen >= (*upto).max(1) {
                    return Err(format!("{chosen} was chosen of {upto}"));
                }
            }
            Act::Reread => self.reread()?,
        }
        Ok(())
    }

    fn begin(&mut self, at_most: usize) -> Result<(), String> {
        let begun = self.ledger.begin_batch(at_most);
        let expected = self.plain.begin(at_most);
        let found = begun.as_ref().map_or_else(Vec::new, |batch| {
            let records: Vec<_> = self.ledger.batch().cloned().collect();
            if batch.records() == records.len() { records } else { Vec::new() }
        });
        if found != expected {
            return Err(format!("a batch of {found:?} instead of {expected:?}"));
        }
        self.batch = begun.or(self.batch.take());
        Ok(())
    }

    /// Written down and read back, it goes on as it was: a batch that is under way, it goes on to wait for.
    fn reread(&mut self) -> Result<(), String> {
        let mut bytes = Vec::new();
        quorate::wire::encode(&self.ledger, usize::MAX, &mut bytes).map_err(|error| error.to_string())?;
        let read = decode::<LedgerOf<Numbered>>(&bytes)?.ok_or("a ledger does not come back")?;
        if read != self.ledger {
            return Err("another ledger comes back".to_owned());
        }
        self.ledger = read;
        Ok(())
    }

    /// What can be seen of it without changing it.
    fn compare(&self) -> Result<(), String> {
        if !self.ledger.held().eq(self.plain.waiting()) {
            let (found, expected): (Vec<_>, Vec<_>) =
                (self.ledger.held().collect(), self.plain.waiting().collect());
            return Err(format!("{found:?} waits instead of {expected:?}"));
        }
        if self.ledger.is_waiting() != self.plain.waiting().next().is_some() {
            return Err("whether anything waits is not what waits".to_owned());
        }
        if !self.ledger.timers().iter().eq(self.timers.set())
            || self.ledger.next_due() != self.timers.next_due()
        {
            return Err(format!("{:?} are set instead of {:?}", self.ledger.timers(), self.timers));
        }
        let under_way = self.ledger.batch().count();
        if under_way != self.plain.under_way() {
            return Err(format!("{under_way} records are under way instead of {}", self.plain.under_way()));
        }
        Ok(())
    }

    /// Once everything is durable, everything has left; after a failed write, nothing that waited ever does.
    fn end(&mut self) -> Result<(), String> {
        self.act(&Act::Complete)?;
        self.act(&Act::Begin(usize::MAX))?;
        self.act(&Act::Complete)?;
        self.act(&Act::Take(self.serial as usize + 1))?;
        self.compare()?;
        if self.ledger.is_waiting() && self.ledger.batch().next().is_none() {
            return Err("something waits, and nothing is being written".to_owned());
        }
        Ok(())
    }
}
