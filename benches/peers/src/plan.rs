//! What is measured of whom, and in which order.

use std::fmt;
use std::time::Duration;

use crate::measure::{Sample, Workload, measure};
use crate::peer::{OmniPaxosNode, QuorateNode, RaftIoNode, RaftRsNode};
use crate::pump::{Failure, Spread};

/// A library under test, as it is set up; the first is ours as it comes.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    measure: fn(Workload, Duration) -> Result<Sample, Failure>,
}

pub(crate) const CONTENDERS: &[Contender] = &[
    Contender {
        name: "quorate",
        version: "this tree, default configuration (256 appends in flight)",
        measure: measure::<QuorateNode<256>>,
    },
    Contender {
        name: "quorate/8",
        version: "this tree, max_inflight_messages = 8",
        measure: measure::<QuorateNode<8>>,
    },
    Contender {
        name: "raft-rs",
        version: if cfg!(feature = "prost") { "0.7.0, prost" } else { "0.7.0, protobuf and Bytes" },
        measure: measure::<RaftRsNode>,
    },
    Contender { name: "raft-io", version: "1.0.0", measure: measure::<RaftIoNode> },
    Contender { name: "omnipaxos", version: "0.2.4", measure: measure::<OmniPaxosNode> },
];

/// How proposals come: how many before the cluster is pumped, and whether with one call.
const ARRIVALS: [(usize, bool); 5] = [(1, false), (64, false), (512, false), (64, true), (512, true)];

/// Which workloads, how often and how long.
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    pub(crate) window: Duration,
    pub(crate) nodes: Vec<u64>,
    pub(crate) only: Option<String>,
    /// The libraries; all, if it is empty.
    pub(crate) peers: Vec<String>,
}

/// What was measured of one library under one workload.
pub(crate) struct Outcome {
    pub(crate) contender: &'static Contender,
    pub(crate) rounds: Vec<Sample>,
}

/// All libraries under one workload.
pub(crate) struct Comparison {
    pub(crate) workload: Workload,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Default for Plan {
    fn default() -> Self {
        let window = Duration::from_millis(100);
        Self { rounds: 5, window, nodes: vec![3, 5], only: None, peers: Vec::new() }
    }
}

impl Plan {
    /// The workloads, in the order of the table.
    pub(crate) fn workloads(&self) -> Vec<Workload> {
        let mut workloads = Vec::new();
        for &nodes in &self.nodes {
            for spread in [Spread::AtOnce, Spread::Later] {
                for bytes in [16, 1024] {
                    for (in_flight, together) in ARRIVALS {
                        workloads.push(Workload { nodes, spread, bytes, in_flight, together });
                    }
                }
            }
        }
        if let Some(only) = &self.only {
            workloads.retain(|workload| workload.to_string().contains(only));
        }
        workloads
    }

    /// Measures. The libraries take turns, so that what else the machine does meets all of them alike.
    ///
    /// # Errors
    /// A library lost, doubled or reordered entries: no number of this run is worth anything.
    pub(crate) fn run(&self, mut progress: impl FnMut(&Workload)) -> Result<Vec<Comparison>, String> {
        let chosen = |contender: &&Contender| {
            self.peers.is_empty() || self.peers.iter().any(|name| name == contender.name)
        };
        let mut comparisons = Vec::new();
        for workload in self.workloads() {
            progress(&workload);
            let contenders = CONTENDERS.iter().filter(chosen);
            let mut outcomes: Vec<_> =
                contenders.map(|contender| Outcome { contender, rounds: Vec::new() }).collect();
            for _ in 0..self.rounds {
                for outcome in &mut outcomes {
                    let sample = (outcome.contender.measure)(workload, self.window)
                        .map_err(|failure| format!("{}, {workload}: {failure}", outcome.contender.name))?;
                    outcome.rounds.push(sample);
                }
            }
            comparisons.push(Comparison { workload, outcomes });
        }
        Ok(comparisons)
    }
}

impl Outcome {
    /// The median of the rounds, in committed entries per second of CPU time.
    pub(crate) fn entries_per_second(&self) -> f64 {
        let mut speeds: Vec<_> = self.rounds.iter().map(Sample::entries_per_second).collect();
        speeds.sort_by(f64::total_cmp);
        let middle = speeds.len() / 2;
        if speeds.len() % 2 == 1 { speeds[middle] } else { (speeds[middle - 1] + speeds[middle]) / 2.0 }
    }

    /// The last round: messages and allocations are the same in all of them.
    pub(crate) fn last(&self) -> Sample {
        self.rounds.last().copied().unwrap_or_default()
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, spread, bytes, in_flight, together } = self;
        let spread = match spread {
            Spread::AtOnce => "told at once",
            Spread::Later => "told later",
        };
        let how = if *together { ", one call" } else { "" };
        write!(f, "{nodes} nodes, {spread}, {in_flight} x {bytes} B{how}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_of_the_rounds_whatever_their_order() {
        let sample = |entries| Sample { entries, spent: Duration::from_secs(1), ..Sample::default() };
        let outcome = |entries: &[u64]| Outcome {
            contender: &CONTENDERS[0],
            rounds: entries.iter().copied().map(sample).collect(),
        };
        assert_eq!(outcome(&[9, 1, 5]).entries_per_second(), 5.0);
        assert_eq!(outcome(&[9, 1, 5, 6]).entries_per_second(), 5.5);
    }

    #[test]
    fn every_library_keeps_the_log_under_every_workload() {
        let plan = Plan { rounds: 1, window: Duration::ZERO, ..Plan::default() };
        let comparisons = plan.run(|_| {}).unwrap();
        assert_eq!(comparisons.len(), 40);
        assert!(comparisons.iter().all(|comparison| comparison.outcomes.len() == CONTENDERS.len()));
    }
}
