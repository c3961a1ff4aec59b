//! Counters that workers bump without getting in each other's way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::world::Withheld;

/// More than workers are likely to be; beyond, they share.
const STRIPES: usize = 32;

/// What is counted while states are expanded.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// States whose actions were enumerated.
    pub(super) expanded: u64,
    /// How many actions each bound withheld.
    pub(super) withheld: Withheld,
}

/// One count a worker, each on its own cache lines.
#[derive(Debug, Default)]
pub(super) struct Counts {
    stripes: [Stripe; STRIPES],
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(Mutex<Count>);

static WORKERS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = WORKERS.fetch_add(1, Ordering::Relaxed) % STRIPES;
}

impl Counts {
    /// The count of this thread.
    pub(super) fn mine(&self) -> MutexGuard<'_, Count> {
        let stripe = STRIPE.with(|stripe| *stripe);
        // A count is whole between any two lines: a panic elsewhere does not spoil it.
        self.stripes[stripe].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All counts together.
    pub(super) fn total(&self) -> Count {
        let mut total = Count::default();
        for stripe in &self.stripes {
            let count = stripe.0.lock().unwrap_or_else(PoisonError::into_inner);
            total.expanded += count.expanded;
            for (bound, withheld) in &count.withheld {
                *total.withheld.entry(bound).or_default() += withheld;
            }
        }
        total
    }

    /// States expanded so far.
    pub(super) fn expanded(&self) -> u64 {
        self.stripes
            .iter()
            .map(|stripe| stripe.0.lock().unwrap_or_else(PoisonError::into_inner).expanded)
            .sum()
    }
}
