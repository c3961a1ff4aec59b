//! One value a worker thread, so that workers do not get in each other's way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More than workers are likely to be; beyond, they share.
const STRIPES: usize = 32;

/// A value for each worker, each on its own cache lines.
#[derive(Debug)]
pub(crate) struct Stripes<T> {
    stripes: [Stripe<T>; STRIPES],
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe<T>(Mutex<T>);

static WORKERS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = WORKERS.fetch_add(1, Ordering::Relaxed) % STRIPES;
}

impl<T: Default> Default for Stripes<T> {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| Stripe::default()) }
    }
}

impl<T> Stripes<T> {
    /// The value of this thread.
    pub(crate) fn mine(&self) -> MutexGuard<'_, T> {
        let stripe = STRIPE.with(|stripe| *stripe);
        // Each value is whole between any two lines that touch it: a panic elsewhere does not spoil it.
        self.stripes[stripe].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All values, one after the other.
    pub(crate) fn all(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.stripes.iter().map(|stripe| stripe.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
