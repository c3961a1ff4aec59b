//! A machine that is to come back from a disk that anybody may have written: another node, another version, nobody.

use arbitrary::{Arbitrary, Result as Drawn, Unstructured};
use quorate::durable::{Image, Record};
use quorate::id::{CellId, LogId};
use quorate::machine::RecordOf;

use super::Tally;
use super::steps::{Disk, Life};
use super::subject::{DiskOf, MachineOf, Subject};

/// The most records by which a disk of the machine's own is changed.
const CHANGES_MAX: usize = 4;
/// How many cells and logs such a change may befall, and how far into a log it reaches.
const CELLS: u8 = 3;
const LOGS: u8 = 2;
const INDICES: u64 = 8;

/// Recovers from any image at all, and from one of the machine's own that somebody else has written to: what is wrong
/// with it is a typed error; what comes back agrees with it, and lives on as `bytes` say.
///
/// # Errors
/// The promise that was broken.
///
/// # Panics
/// If the machine does.
pub fn recovery<S: Subject>(bytes: &[u8]) -> Result<Tally, String>
where
    DiskOf<S>: for<'a> Arbitrary<'a>,
    RecordOf<MachineOf<S>>: for<'a> Arbitrary<'a>,
{
    let mut u = Unstructured::new(bytes);
    let Ok((subject, disk, applied)) = foreign::<S>(&mut u) else { return Ok(Tally::default()) };
    let disk = seen::<S>(&disk);
    let Ok(machine) = subject.recover(&disk, applied) else { return Ok(Tally::default()) };
    subject.agrees(&machine, &disk)?;
    Life::begin(&subject, disk, applied, Disk::Foreign)?.live(&mut u)
}

fn foreign<S: Subject>(u: &mut Unstructured<'_>) -> Drawn<(S, DiskOf<S>, u64)>
where
    DiskOf<S>: for<'a> Arbitrary<'a>,
    RecordOf<MachineOf<S>>: for<'a> Arbitrary<'a>,
{
    let subject = S::arbitrary(u)?;
    if u.ratio(1, 4)? {
        return Ok((subject, u.arbitrary()?, u.arbitrary()?));
    }
    let (mut disk, mut applied) = subject.arbitrary_disk(u)?;
    for _ in 0..u.int_in_range(0..=CHANGES_MAX)? {
        let mut change: RecordOf<MachineOf<S>> = u.arbitrary()?;
        bring_near(&mut change);
        // What does not fit was never written.
        _ = disk.apply(change);
    }
    if u.ratio(1, 8)? {
        applied = u.arbitrary()?;
    }
    Ok((subject, disk, applied))
}

/// Makes a change befall what is likely to be there.
fn bring_near<V, E>(change: &mut Record<V, E>) {
    match change {
        Record::Put { cell, .. } | Record::Remove { cell } => cell.0 %= CELLS,
        Record::Append { log, index: at, .. }
        | Record::Truncate { log, from: at }
        | Record::Discard { log, upto: at } => {
            log.0 %= LOGS;
            *at %= INDICES;
        }
    }
}

/// What recovery can see of a disk: its cells and entries. An emptied log that goes on elsewhere looks like one that was
/// never written; the store refuses the first append to it.
fn seen<S: Subject>(disk: &DiskOf<S>) -> DiskOf<S> {
    let mut seen = Image::default();
    for cell in (0..=u8::MAX).map(CellId) {
        if let Some(value) = disk.get(cell) {
            // A cell always fits.
            _ = seen.apply(Record::Put { cell, value: value.clone() });
        }
    }
    for log in (0..=u8::MAX).map(LogId) {
        let mut entries = disk.log(log);
        // What goes past the end of the number range does not.
        _ = entries
            .try_for_each(|(index, entry)| seen.apply(Record::Append { log, index, entry: entry.clone() }));
    }
    seen
}
