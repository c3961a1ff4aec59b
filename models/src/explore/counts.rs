//! What is counted while states are expanded.

use crate::stripes::Stripes;
use crate::world::Withheld;

/// The counts of one worker, or of all.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// States whose actions were enumerated.
    pub(super) expanded: u64,
    /// How many actions each bound withheld.
    pub(super) withheld: Withheld,
}

/// The counts of all workers.
pub(super) type Counts = Stripes<Count>;

impl Counts {
    /// All counts together.
    pub(super) fn total(&self) -> Count {
        let mut total = Count::default();
        for count in self.all() {
            total.expanded += count.expanded;
            for (bound, withheld) in &count.withheld {
                *total.withheld.entry(bound).or_default() += withheld;
            }
        }
        total
    }

    /// States expanded so far.
    pub(super) fn expanded(&self) -> u64 {
        self.all().map(|count| count.expanded).sum()
    }
}
