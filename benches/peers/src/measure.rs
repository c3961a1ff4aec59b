//! A window of committed entries after warm-up, on the thread's CPU clock.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::allocations::{self, Allocated};
use crate::pump::{Applied, Cluster, Failure, Peer, Spread};

/// Commands are made, and disks emptied, off the clock, so many entries at a time.
const CHUNK: usize = 1024;
/// Chunks before the window: caches, pools and logs are then as large as they get.
const WARM_UP_CHUNKS: usize = 4;

/// What is proposed, to whom, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    pub(crate) nodes: u64,
    pub(crate) spread: Spread,
    /// The size of a command.
    pub(crate) bytes: usize,
    /// Entries proposed before the cluster is pumped.
    pub(crate) in_flight: usize,
    /// Whether they are proposed with one call.
    pub(crate) together: bool,
}

/// What one window showed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Committed entries.
    pub(crate) entries: u64,
    /// CPU time of this thread, user and system.
    pub(crate) spent: Duration,
    /// Messages among all nodes in a chunk, and what was allocated in it, per entry.
    pub(crate) messages_per_entry: f64,
    pub(crate) allocations_per_entry: f64,
    pub(crate) allocated_bytes_per_entry: f64,
}

impl Sample {
    pub(crate) fn entries_per_second(&self) -> f64 {
        self.entries as f64 / self.spent.as_secs_f64()
    }
}

/// A cluster under load, and what its nodes should have applied.
struct Load<P: Peer> {
    cluster: Cluster<P>,
    workload: Workload,
    expected: Applied,
    commands: Vec<P::Command>,
    bytes: Vec<u8>,
}

/// Measures one window of at least `window` of CPU time on a cluster of its own.
pub(crate) fn measure<P: Peer>(workload: Workload, window: Duration) -> Result<Sample, Failure> {
    let mut load = Load::<P>::new(workload)?;
    for _ in 0..WARM_UP_CHUNKS {
        load.chunk(|run| run())?;
    }
    load.hash_ends_only();

    let sent = load.cluster.net.sent;
    let mut allocated = Allocated::default();
    load.chunk(|run| allocated += allocations::count(run).1)?;
    let per_entry = |count: u64| count as f64 / CHUNK as f64;
    let mut sample = Sample {
        messages_per_entry: per_entry(load.cluster.net.sent - sent),
        allocations_per_entry: per_entry(allocated.blocks),
        allocated_bytes_per_entry: per_entry(allocated.bytes),
        ..Sample::default()
    };
    while sample.spent < window {
        load.chunk(|run| {
            let begun = thread_time();
            run();
            sample.spent += thread_time() - begun;
        })?;
        sample.entries += CHUNK as u64;
    }
    Ok(sample)
}

impl<P: Peer> Load<P> {
    fn new(workload: Workload) -> Result<Self, Failure> {
        Ok(Self {
            cluster: Cluster::elected(workload.nodes, workload.spread)?,
            workload,
            expected: Applied::new(),
            commands: Vec::with_capacity(CHUNK),
            bytes: vec![7; workload.bytes],
        })
    }

    /// All bytes of all commands were compared for a while: from now on their ends will do.
    fn hash_ends_only(&mut self) {
        self.expected.thorough = false;
        self.cluster.nodes.iter_mut().for_each(|node| node.applied().thorough = false);
    }

    /// Makes commands, has `run` commit them, and checks that every node has applied them in order.
    fn chunk(&mut self, run: impl FnOnce(&mut dyn FnMut())) -> Result<(), Failure> {
        for _ in 0..CHUNK {
            let number = self.expected.entries.to_le_bytes();
            self.bytes.iter_mut().zip(number).for_each(|(to, byte)| *to = byte);
            self.expected.apply(&self.bytes);
            self.commands.push(P::command(&self.bytes));
        }
        let Workload { in_flight, together, spread, .. } = self.workload;
        let (cluster, commands) = (&mut self.cluster, &mut self.commands);
        let mut proposed = self.expected.entries - CHUNK as u64;
        let mut counted = Ok(());
        run(&mut || {
            let mut commands = commands.drain(..);
            while commands.len() > 0 && counted.is_ok() {
                proposed += commands.len().min(in_flight) as u64;
                cluster.burst(commands.by_ref().take(in_flight), together);
                counted = cluster.count(proposed);
            }
            if spread == Spread::Later {
                cluster.heartbeat();
            }
        });
        counted?;
        self.cluster.check(&self.expected)?;
        self.cluster.compact();
        Ok(())
    }
}

/// The CPU time that this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}
