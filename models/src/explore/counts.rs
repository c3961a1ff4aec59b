//! What is counted while states are expanded.

use crate::stripes::Stripes;
use crate::world::Withheld;

/// The counts of one worker, or of all.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// States whose actions were enumerated.
    pub(super) expanded: u64,
    /// States come to, repetitions included.
    pub(super) states: u64,
    /// How many actions each bound withheld.
    pub(super) withheld: Withheld,
    /// How many of those states were found by a path of each length.
    pub(super) by_depth: Vec<u64>,
}

impl Count {
    /// The length of the longest path, the state that it leads to included.
    pub(super) fn depth(&self) -> u64 {
        self.by_depth.len() as u64
    }

    /// A state found by a path of this length is expanded.
    pub(super) fn expand(&mut self, depth: u32) {
        self.expanded += 1;
        let at = depth as usize;
        if self.by_depth.len() <= at {
            self.by_depth.resize(at + 1, 0);
        }
        self.by_depth[at] += 1;
    }
}

/// The counts of all workers.
pub(super) type Counts = Stripes<Count>;

impl Counts {
    /// All counts together.
    pub(super) fn total(&self) -> Count {
        let mut total = Count::default();
        for count in self.all() {
            total.expanded += count.expanded;
            total.states += count.states;
            for (bound, withheld) in &count.withheld {
                *total.withheld.entry(bound).or_default() += withheld;
            }
            let longest = total.by_depth.len().max(count.by_depth.len());
            total.by_depth.resize(longest, 0);
            total.by_depth.iter_mut().zip(&count.by_depth).for_each(|(total, count)| *total += count);
        }
        total
    }
}
