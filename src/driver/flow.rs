//! How many notices wait for the application, and what follows from it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the notices on their way to the application.
#[derive(Debug)]
pub(super) struct Flow {
    outstanding: AtomicUsize,
    low: usize,
    high: usize,
}

impl Flow {
    pub(super) fn new(high: usize) -> Self {
        Self { outstanding: AtomicUsize::new(0), low: high / 2, high: high.max(1) }
    }

    /// A notice is on its way.
    pub(super) fn given(&self) {
        self.outstanding.fetch_add(1, Ordering::SeqCst);
    }

    /// A notice arrived; true if the node should look whether it may take in more again.
    pub(super) fn taken(&self) -> bool {
        let before = self.outstanding.fetch_sub(1, Ordering::SeqCst);
        before == self.low.saturating_add(1)
    }

    /// Whether requests are to be refused.
    pub(super) fn is_busy(&self) -> bool {
        self.outstanding.load(Ordering::SeqCst) > self.low
    }

    /// Whether the node may take in messages and requests, given whether it could before.
    pub(super) fn intake(&self, before: bool) -> bool {
        let outstanding = self.outstanding.load(Ordering::SeqCst);
        if before { outstanding < self.high } else { outstanding <= self.low }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intake_ends_at_the_limit_and_resumes_at_half_of_it_with_a_wake() {
        let flow = Flow::new(4);
        let mut seen = Vec::new();
        for _ in 0..4 {
            flow.given();
            seen.push((flow.is_busy(), flow.intake(true)));
        }
        assert_eq!(seen, [(false, true), (false, true), (true, true), (true, false)]);
        assert!(!flow.taken() && !flow.intake(false));
        assert!(flow.taken() && flow.intake(false) && !flow.is_busy());
    }

    #[test]
    fn a_limit_of_one_lets_one_through_at_a_time() {
        let flow = Flow::new(1);
        assert!(flow.intake(true));
        flow.given();
        assert!(!flow.intake(true));
        assert!(flow.taken() && flow.intake(false));
    }
}
