//! The disk's thread: writes batches and reads ranges back, while the machine goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::error::NodeError;
use super::inbox::{Inbox, Loaded, Stop};
use super::metrics::Counters;
use super::store::{Store, StoreError};
use crate::id::LogId;
use crate::machine::{Machine, RecordOf};

/// What the disk is to do, in order.
pub(super) enum Job<Mc: Machine> {
    /// Make these durable, all of them.
    Write(Vec<RecordOf<Mc>>),
    /// Read a range back.
    Load { log: LogId, from: u64, upto: u64 },
}

/// Works until there are no more jobs to come, or the store fails: then the node stops, and the store is
/// never asked again.
pub(super) fn work<Mc: Machine, S: Store<Mc::Cell, Mc::Entry>>(
    mut store: S,
    jobs: &Receiver<Job<Mc>>,
    inbox: &Arc<Inbox<Mc>>,
    counters: &Counters,
    load_bytes: usize,
) {
    let result = catch_unwind(AssertUnwindSafe(|| {
        for job in jobs {
            carry_out(&mut store, job, inbox, counters, load_bytes)?;
        }
        Ok(())
    }));
    match result {
        Ok(Ok(())) => {}
        Ok(Err(error)) => inbox.stop(Stop::Failed(NodeError::Store(error))),
        Err(_) => inbox.stop(Stop::Failed(NodeError::Panicked("disk"))),
    }
}

fn carry_out<Mc: Machine, S: Store<Mc::Cell, Mc::Entry>>(
    store: &mut S,
    job: Job<Mc>,
    inbox: &Inbox<Mc>,
    counters: &Counters,
    load_bytes: usize,
) -> Result<(), StoreError> {
    match job {
        Job::Write(mut records) => {
            store.write(&records)?;
            counters.batches.one();
            counters.records.add(records.len());
            records.clear();
            inbox.written(records);
        }
        Job::Load { log, from, upto } => {
            let mut entries = Vec::new();
            store.load(log, from..=upto, load_bytes, &mut entries)?;
            counters.loads.one();
            inbox.loaded(Loaded { log, from, entries });
        }
    }
    Ok(())
}
