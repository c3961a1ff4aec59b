use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::*;
use crate::driver::entropy::Entropy;
use crate::durable::Image;

const CLUSTER: ClusterId = ClusterId(1);
const NODE: NodeId = NodeId(2);

type Disk = RedbStore<u32, u32>;

fn open(directory: &Path) -> Result<Disk, StoreError> {
    Disk::open(directory, CLUSTER, NODE)
}

/// A random record that mostly fits what `image` holds.
fn record(image: &Image<u32, u32>, entropy: &mut Entropy) -> Record<u32, u32> {
    let cell = CellId(u8::try_from(entropy.draw() % 3).unwrap());
    let log = LogId(u8::try_from(entropy.draw() % 2).unwrap());
    let last = image.last_index(log).unwrap_or(40);
    let near = (last + 4).saturating_sub(u64::from(entropy.draw() % 12));
    match entropy.draw() % 12 {
        0 => Record::Put { cell, value: entropy.draw() },
        1 => Record::Remove { cell },
        2 => Record::Truncate { log, from: near },
        3 => Record::Discard { log, upto: near },
        4 => Record::Append { log, index: near, entry: entropy.draw() },
        _ => Record::Append { log, index: last + 1, entry: entropy.draw() },
    }
}

fn assert_same(store: &Disk, image: &Image<u32, u32>) {
    for cell in (0..3).map(CellId) {
        assert_eq!(store.cell(cell).unwrap(), image.get(cell).copied());
    }
    for log in (0..2).map(LogId) {
        for from in [0, 40, 45, u64::MAX] {
            let (mut here, mut there) = (Vec::new(), Vec::new());
            store
                .entries(log, from, &mut |index, entry| {
                    here.push((index, entry));
                    here.len() < 9
                })
                .unwrap();
            image
                .entries(log, from, &mut |index, entry| {
                    there.push((index, entry));
                    there.len() < 9
                })
                .unwrap();
            assert_eq!(here, there);
        }
    }
}

#[test]
fn whatever_is_written_the_disk_holds_what_the_reference_holds_and_recovers_it() {
    let mut misfits = 0;
    for seed in 0..3 {
        let directory = tempfile::tempdir().unwrap();
        let mut entropy = Entropy::new(Some(seed));
        let mut image = Image::default();
        let mut store = open(directory.path()).unwrap();
        for _ in 0..50 {
            let (mut batch, mut next) = (Vec::new(), image.clone());
            let mut fits = true;
            for _ in 0..=entropy.draw() % 6 {
                let record = record(&next, &mut entropy);
                fits = fits && next.apply(record.clone()).is_ok();
                batch.push(record);
            }
            match store.write(&batch) {
                Ok(()) => {
                    assert!(fits);
                    image = next;
                }
                Err(error) => {
                    assert!(!fits && matches!(error, StoreError::Misfit { .. }), "{error}");
                    misfits += 1;
                    drop(store);
                    store = open(directory.path()).unwrap();
                }
            }
            assert_same(&store, &image);
        }
    }
    assert!(misfits > 5, "{misfits}");
}

#[test]
fn a_foreign_file_or_database_or_a_newer_format_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let refused = || open(directory.path()).map(drop).unwrap_err();

    let text = "something else entirely, ".repeat(1000);
    fs::write(&path, &text).unwrap();
    assert!(matches!(refused(), StoreError::NotAStore { .. }));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    fs::remove_file(&path).unwrap();

    let database = Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TableDefinition::<u8, u8>::new("theirs")).unwrap().insert(1, 1).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(matches!(refused(), StoreError::NotAStore { .. }));
    fs::remove_file(&path).unwrap();

    drop(open(directory.path()).unwrap());
    let database = Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(META).unwrap().insert("format", FORMAT + 1).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(matches!(refused(), StoreError::UnknownFormat { found } if found == FORMAT + 1));
}

#[test]
fn a_missing_or_misplaced_entry_is_found_on_reading() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path()).unwrap();
    let log = LogId(0);
    let records: Vec<_> = (1..=5).map(|index| Record::Append { log, index, entry: 7 }).collect();
    store.write(&records).unwrap();
    let tamper = |store: &Disk, change: &dyn Fn(&mut Entries<'_>)| {
        let write = store.database.begin_write().unwrap();
        change(&mut write.open_table(ENTRIES).unwrap());
        write.commit().unwrap();
    };
    tamper(&store, &|entries| {
        let fourth = entries.get((0, 4)).unwrap().unwrap().value().to_vec();
        entries.insert((0, 3), fourth.as_slice()).unwrap();
    });
    let mut loaded = Vec::new();
    let error = store.load(log, 2..=5, 1000, &mut loaded).unwrap_err();
    assert!(matches!(error, StoreError::Decode(wire::DecodeError::Checksum)), "{error}");
    tamper(&store, &|entries| drop(entries.remove((0, 3)).unwrap()));
    let gap = Corrupt::Gap { log, expected: 3, found: 4 };
    assert_eq!(store.entries(log, 1, &mut |_, _| true), Err(gap));
    tamper(&store, &|entries| drop(entries.remove((0, 5)).unwrap()));
    assert!(matches!(store.entries(log, 4, &mut |_, _| true), Err(Corrupt::Inconsistent(_))));
}

/// A disk in memory whose syncs fail when told to.
#[derive(Debug)]
struct Failing {
    inner: InMemoryBackend,
    fails: Arc<AtomicBool>,
}

impl StorageBackend for Failing {
    fn len(&self) -> Result<u64, io::Error> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if self.fails.load(Ordering::SeqCst) { Err(io::Error::other("as the test asked")) } else { Ok(()) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.inner.write(offset, data)
    }
}

#[test]
fn a_failed_sync_is_an_error_and_no_later_write_is_tried() {
    let fails = Arc::new(AtomicBool::new(false));
    let backend = Failing { inner: InMemoryBackend::new(), fails: Arc::clone(&fails) };
    let database = Database::builder().create_with_backend(backend).unwrap();
    let mut store = Disk::adopt(database, CLUSTER, NODE, Path::new("memory")).unwrap();
    let put = [Record::Put { cell: CellId(0), value: 1 }];
    store.write(&put).unwrap();
    fails.store(true, Ordering::SeqCst);
    assert!(matches!(store.write(&put), Err(StoreError::Io { doing: "committing", .. })));
    fails.store(false, Ordering::SeqCst);
    assert!(matches!(store.write(&put), Err(StoreError::Stopped)));
}
