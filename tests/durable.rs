//! What records mean: [`Image`] is the reference that every store is held to.
#![allow(missing_docs, reason = "a test")]

use quorate::durable::{Image, Misfit, Record, Stored};
use quorate::id::{CellId, LogId, NodeId, Permutation, Permute};

const CELL: CellId = CellId(1);
const LOG: LogId = LogId(7);

type Disk = Image<&'static str, char>;

fn put(value: &'static str) -> Record<&'static str, char> {
    Record::Put { cell: CELL, value }
}

fn append(index: u64, entry: char) -> Record<&'static str, char> {
    Record::Append { log: LOG, index, entry }
}

fn truncate(from: u64) -> Record<&'static str, char> {
    Record::Truncate { log: LOG, from }
}

fn discard(upto: u64) -> Record<&'static str, char> {
    Record::Discard { log: LOG, upto }
}

/// An image to which all of `records` were applied, each fitting.
fn disk(records: impl IntoIterator<Item = Record<&'static str, char>>) -> Disk {
    let mut disk = Disk::default();
    for record in records {
        disk.apply(record.clone()).unwrap_or_else(|misfit| panic!("{record:?}: {misfit}"));
    }
    disk
}

fn entries(disk: &Disk) -> Vec<(u64, char)> {
    disk.log(LOG).map(|(index, entry)| (index, *entry)).collect()
}

#[test]
fn the_last_write_to_a_cell_wins_and_a_removed_cell_is_gone() {
    let mut disk = disk([put("old"), put("new")]);
    assert_eq!(disk.get(CELL), Some(&"new"));
    disk.apply(Record::Remove { cell: CELL }).unwrap();
    assert_eq!(disk.get(CELL), None);
    disk.apply(Record::Remove { cell: CELL }).unwrap();
    assert!(disk.is_empty(), "nothing is left of a cell that was removed");
}

#[test]
fn cells_and_logs_are_told_apart_by_name() {
    let mut disk = disk([put("one"), append(1, 'a')]);
    disk.apply(Record::Put { cell: CellId(2), value: "two" }).unwrap();
    disk.apply(Record::Append { log: LogId(8), index: 50, entry: 'z' }).unwrap();
    assert_eq!((disk.get(CELL), disk.get(CellId(2))), (Some(&"one"), Some(&"two")));
    assert_eq!((disk.last_index(LOG), disk.last_index(LogId(8))), (Some(1), Some(50)));
    assert_eq!(disk.last_index(LogId(9)), None);
}

#[test]
fn a_log_may_begin_anywhere_and_goes_on_without_a_gap() {
    let mut disk = disk([append(5, 'a'), append(6, 'b')]);
    let before = disk.clone();
    assert_eq!(disk.apply(append(8, 'c')), Err(Misfit::Gap { expected: 7, found: 8 }));
    assert_eq!(disk.apply(append(6, 'c')), Err(Misfit::Gap { expected: 7, found: 6 }));
    assert_eq!(disk, before, "a record that does not fit changes nothing");
    assert_eq!(entries(&disk), [(5, 'a'), (6, 'b')]);
    assert_eq!((disk.entry(LOG, 4), disk.entry(LOG, 5), disk.entry(LOG, 7)), (None, Some(&'a'), None));
}

#[test]
fn truncating_cuts_the_tail_and_the_next_append_follows_what_is_left() {
    let mut disk = disk([append(1, 'a'), append(2, 'b'), append(3, 'c'), truncate(2), append(2, 'B')]);
    assert_eq!(entries(&disk), [(1, 'a'), (2, 'B')]);
    disk.apply(truncate(9)).unwrap();
    assert_eq!(entries(&disk), [(1, 'a'), (2, 'B')], "nothing lies behind the end");
}

#[test]
fn a_log_truncated_to_nothing_still_knows_where_it_goes_on() {
    let mut disk = disk([append(5, 'a'), truncate(0)]);
    assert_eq!((disk.last_index(LOG), disk.is_empty()), (None, false));
    assert_eq!(disk.apply(append(1, 'b')), Err(Misfit::Gap { expected: 5, found: 1 }));
    disk.apply(append(5, 'b')).unwrap();
    assert_eq!(entries(&disk), [(5, 'b')]);
}

#[test]
fn discarding_drops_the_head_and_keeps_the_indices() {
    let mut disk = disk([append(1, 'a'), append(2, 'b'), append(3, 'c'), discard(2)]);
    assert_eq!(entries(&disk), [(3, 'c')]);
    disk.apply(discard(1)).unwrap();
    assert_eq!(entries(&disk), [(3, 'c')], "what is gone is not discarded again");
    disk.apply(truncate(1)).unwrap();
    assert_eq!(
        disk.apply(append(1, 'x')),
        Err(Misfit::Gap { expected: 3, found: 1 }),
        "the head stays dropped"
    );
}

#[test]
fn discarding_past_the_end_moves_the_end_as_an_installed_snapshot_does() {
    let mut disk = disk([append(1, 'a'), discard(10)]);
    assert_eq!((entries(&disk), disk.last_index(LOG)), (vec![], None));
    disk.apply(append(11, 'b')).unwrap();
    assert_eq!(entries(&disk), [(11, 'b')]);
}

#[test]
fn cutting_a_log_never_written_leaves_no_trace() {
    let mut disk = disk([truncate(3), discard(9)]);
    assert!(disk.is_empty());
    disk.apply(append(4, 'a')).unwrap();
    assert_eq!(disk.last_index(LOG), Some(4));
}

#[test]
fn the_end_of_the_number_range_is_refused_without_overflow() {
    let mut disk = disk([append(u64::MAX, 'a')]);
    assert_eq!(disk.last_index(LOG), Some(u64::MAX));
    assert_eq!((entries(&disk), disk.entry(LOG, u64::MAX)), (vec![(u64::MAX, 'a')], Some(&'a')));
    let before = disk.clone();
    assert_eq!(disk.apply(append(u64::MAX, 'b')), Err(Misfit::Exhausted));
    assert_eq!(disk.apply(append(0, 'b')), Err(Misfit::Exhausted));
    assert_eq!(disk.apply(discard(u64::MAX)), Err(Misfit::Exhausted));
    assert_eq!(disk, before);
    disk.apply(truncate(u64::MAX)).unwrap();
    disk.apply(append(u64::MAX, 'b')).unwrap();
    assert_eq!(entries(&disk), [(u64::MAX, 'b')]);
}

#[test]
fn recovery_reads_cells_and_any_suffix_of_a_log() {
    let disk = disk([put("value"), append(3, 'a'), append(4, 'b'), append(5, 'c')]);
    let read = |from: u64, at_most: usize| {
        let mut seen = Vec::new();
        let visit = &mut |index, entry| {
            seen.push((index, entry));
            seen.len() < at_most
        };
        Stored::entries(&disk, LOG, from, visit).unwrap();
        seen
    };
    assert_eq!(Stored::cell(&disk, CELL), Ok(Some("value")));
    assert_eq!(Stored::cell(&disk, CellId(9)), Ok(None));
    assert_eq!(read(4, 9), [(4, 'b'), (5, 'c')]);
    assert_eq!(read(0, 2), [(3, 'a'), (4, 'b')], "the visitor says when it has seen enough");
    assert_eq!(read(6, 9), []);
}

#[test]
fn renaming_nodes_reaches_cells_entries_and_records() {
    let swap = Permutation::new(&[1, 0]);
    let records = |a: u64, b: u64| {
        [
            Record::Put { cell: CELL, value: NodeId(a) },
            Record::Append { log: LOG, index: 1, entry: NodeId(b) },
            Record::Truncate { log: LOG, from: 9 },
        ]
    };
    let image = |records: [Record<NodeId, NodeId>; 3]| {
        let mut image = Image::default();
        records.into_iter().for_each(|record| image.apply(record).unwrap());
        image
    };
    let mut renamed = image(records(0, 1));
    renamed.permute(&swap);
    assert_eq!(renamed, image(records(1, 0)));

    let mut renamed = records(0, 1);
    renamed.iter_mut().for_each(|record| record.permute(&swap));
    assert_eq!(renamed, records(1, 0));
}
