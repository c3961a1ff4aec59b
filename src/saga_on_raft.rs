//! An orchestrator of sagas on a Raft group: whoever leads runs them, and no saga waits for a machine to be mended.
//!
//! Each life is an epoch of its own, committed before anything is called in it, so that services refuse what a deposed
//! leader still says: the two rules meet, and either alone would do.

use core::mem::{size_of, size_of_val};

use crate::durable::Record;
use crate::machine::RecordOf;
use crate::on_raft::{OnRaft, Replicated};
use crate::saga::{Data, Entry, Orchestrator};

/// A replica of an orchestrator.
pub type OrchestratorOnRaft<D> = OnRaft<Orchestrator<D>>;

/// The size of a record but for a saga's own.
const RECORD_BYTES: usize = 32;

impl<D: Data> Replicated for Orchestrator<D> {
    fn size_bytes(record: &RecordOf<Self>) -> usize {
        match record {
            Record::Append { entry: Entry::Saga { standing, .. }, .. } => {
                let own = size_of_val(&**standing).saturating_sub(size_of::<D>());
                let tries = size_of_val(standing.tries.as_slice());
                own.saturating_add(tries)
                    .saturating_add(standing.input.size_bytes())
                    .saturating_add(RECORD_BYTES)
            }
            _ => RECORD_BYTES,
        }
    }
}
