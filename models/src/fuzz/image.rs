//! What records mean: the image of a disk against cells and logs in the plainest words.

use std::collections::BTreeMap;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::durable::{Image, Misfit, Record, Stored};
use quorate::id::{CellId, LogId};

use super::{Outcome, near};

/// Cells and entries hold a number each.
type Disk = Image<u16, u16>;
/// How many cells and logs there are.
const NAMES: u8 = 3;

/// Applies any records: the image says what the plain disk says, and refuses what it refuses. Then it is decoded from
/// what is left of `bytes`, as it is found or a little damaged.
///
/// # Errors
/// The promise that was broken.
pub fn image(bytes: &[u8]) -> Outcome {
    let mut u = Unstructured::new(bytes);
    let (mut image, mut plain) = (Disk::default(), Plain::default());
    let mut applied = 0;
    for _ in 0..bytes.len() {
        let Ok(record) = record(&mut u, &plain) else { break };
        if u.is_empty() {
            break;
        }
        let (found, expected) = (image.apply(record.clone()), plain.apply(&record));
        if found != expected {
            return Err(format!("{found:?} instead of {expected:?} for {record:?}"));
        }
        plain.compare(&image).map_err(|what| format!("{what}, after {record:?}: {image:?}"))?;
        applied += 1;
    }
    if let Some(mut read) = near::<Disk>(bytes)? {
        // One that was only read may claim anything: nothing of it panics.
        for log in (0..NAMES).map(LogId) {
            let entries = read.log(log).count() as u64;
            if read.last_index(log).is_some() && entries == 0 {
                return Err(format!("{log} has a last entry and none at all: {read:?}"));
            }
            for record in [Record::Discard { log, upto: u64::MAX - 1 }, Record::Truncate { log, from: 0 }] {
                read.apply(record).map_err(|misfit| misfit.to_string())?;
            }
            _ = read.apply(Record::Append { log, index: u64::MAX, entry: 0 });
        }
        applied += 1;
    }
    Ok(applied)
}

/// A record, mostly one that fits or nearly does.
fn record(u: &mut Unstructured<'_>, plain: &Plain) -> Drawn<Record<u16, u16>> {
    let (cell, log) = (CellId(u.int_in_range(0..=NAMES - 1)?), LogId(u.int_in_range(0..=NAMES - 1)?));
    let near = |u: &mut Unstructured<'_>, at: u64| {
        Ok(match u.int_in_range(0..=15)? {
            0 => u64::MAX,
            1 => u.arbitrary()?,
            2..=4 => at.saturating_sub(u.int_in_range(1..=4)?),
            5 | 6 => at.saturating_add(1),
            _ => at,
        })
    };
    let end = plain.logs.get(&log).map_or(0, |log| u64::try_from(log.end).unwrap_or(u64::MAX));
    Ok(match u.int_in_range(0..=9)? {
        0 => Record::Put { cell, value: u.arbitrary()? },
        1 => Record::Remove { cell },
        2 => Record::Truncate { log, from: near(u, end)? },
        3 => Record::Discard { log, upto: near(u, end)? },
        _ => Record::Append { log, index: near(u, end)?, entry: u.arbitrary()? },
    })
}

/// The plainest disk: entries under their index, and where each log goes on.
#[derive(Debug, Default)]
struct Plain {
    cells: BTreeMap<CellId, u16>,
    logs: BTreeMap<LogId, PlainLog>,
}

#[derive(Debug, Default)]
struct PlainLog {
    entries: BTreeMap<u64, u16>,
    /// The lowest index that it may still hold.
    first: u128,
    /// Where it goes on; past the number range, it does not.
    end: u128,
}

impl Plain {
    fn apply(&mut self, record: &Record<u16, u16>) -> Result<(), Misfit> {
        match *record {
            Record::Put { cell, value } => _ = self.cells.insert(cell, value),
            Record::Remove { cell } => _ = self.cells.remove(&cell),
            Record::Append { log, index, entry } => {
                let fresh = || PlainLog { first: index.into(), end: index.into(), ..PlainLog::default() };
                let log = self.logs.entry(log).or_insert_with(fresh);
                let expected = u64::try_from(log.end).map_err(|_| Misfit::Exhausted)?;
                if index != expected {
                    return Err(Misfit::Gap { expected, found: index });
                }
                log.entries.insert(index, entry);
                log.end += 1;
            }
            Record::Truncate { log, from } => {
                let Some(log) = self.logs.get_mut(&log) else { return Ok(()) };
                log.entries.retain(|at, _| *at < from);
                log.end = log.end.min(log.first.max(from.into()));
            }
            Record::Discard { log, upto } => {
                let Some(log) = self.logs.get_mut(&log) else { return Ok(()) };
                let next = upto.checked_add(1).ok_or(Misfit::Exhausted)?;
                log.entries.retain(|at, _| *at > upto);
                log.first = log.first.max(next.into());
                log.end = log.end.max(next.into());
            }
        }
        Ok(())
    }

    fn compare(&self, image: &Disk) -> Result<(), String> {
        for cell in (0..NAMES).map(CellId) {
            if image.get(cell) != self.cells.get(&cell) {
                return Err(format!("{cell} differs"));
            }
        }
        for log in (0..NAMES).map(LogId) {
            let plain: Vec<(u64, u16)> = self
                .logs
                .get(&log)
                .map_or_else(Vec::new, |log| log.entries.iter().map(|(at, entry)| (*at, *entry)).collect());
            let mut visited = Vec::new();
            let from = plain.first().map_or(0, |(at, _)| at.saturating_add(1));
            let all = |at, entry| {
                visited.push((at, entry));
                true
            };
            let read = image.entries(log, from, &mut { all });
            let same = image.log(log).map(|(at, entry)| (at, *entry)).eq(plain.iter().copied())
                && image.last_index(log) == plain.last().map(|(at, _)| *at)
                && plain.iter().all(|(at, entry)| image.entry(log, *at) == Some(entry))
                && read.is_ok()
                && visited.iter().eq(plain.iter().filter(|(at, _)| *at >= from));
            if !same {
                return Err(format!("{log} differs: {plain:?}"));
            }
        }
        Ok(())
    }
}
