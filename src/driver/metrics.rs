//! Counters of one node: shared by its threads, read as a snapshot.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {
        /// What a node has done since it started. Each counter is exact; together they are no consistent cut.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Metrics {
            $($(#[$meta])* pub $name: u64,)*
        }

        /// The counters as the threads see them.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        impl Counters {
            pub(super) fn snapshot(&self) -> Metrics {
                Metrics { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

/// One counter.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: usize) {
        self.0.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn one(&self) {
        self.add(1);
    }
}

counters! {
    /// Inputs that the machine was stepped with.
    steps,
    /// Requests taken for the machine.
    requests,
    /// Requests refused because the node was busy.
    requests_busy,
    /// Notices handed to the application.
    notices,
    /// Batches made durable: one write and one sync each.
    batches,
    /// Records made durable.
    records,
    /// Ranges read back from logs.
    loads,
    /// Frames written to connections.
    frames_sent,
    /// Bytes of those frames, headers included.
    bytes_sent,
    /// Writes to connections, each of one or more frames.
    writes,
    /// Messages dropped: the queue of their receiver was full, it could not be reached, or it is not known.
    messages_dropped,
    /// Messages dropped because they cannot be encoded within the largest body. A machine that sends such
    /// messages makes no progress by them: raise the limit or lower the machine's.
    messages_too_long,
    /// Frames received and taken for the machine.
    frames_received,
    /// Connections closed because a frame was of another cluster, for another node or from an unknown one.
    rejected_identity,
    /// Connections closed because a frame claimed to be longer than allowed.
    rejected_too_long,
    /// Connections closed because a frame was damaged, or of a format that is not known.
    rejected_damaged,
    /// Connections accepted.
    connections_accepted,
    /// Connections closed at once because there were too many.
    connections_refused,
    /// Connections closed because their frames did not arrive in time, or none at all.
    connections_idle,
    /// Connections made to peers.
    connects,
    /// Connections made to peers to replace an earlier one.
    reconnects,
    /// Attempts to connect that failed.
    connects_failed,
}
