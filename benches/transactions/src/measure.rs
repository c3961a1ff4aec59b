//! CPU time and allocations of a piece of work.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The CPU time of this process so far, all threads together.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// How many pieces of work a second of CPU time does: `work` does as many as it is told, until `window` is used up.
pub(crate) fn rate(window: Duration, mut work: impl FnMut(u64)) -> f64 {
    let (mut pieces, mut done, began) = (16, 0_u64, cpu());
    loop {
        work(pieces);
        done += pieces;
        let used = cpu().saturating_sub(began);
        if used >= window {
            return done as f64 / used.as_secs_f64();
        }
        pieces = (pieces * 2).min(4096);
    }
}

/// The median.
pub(crate) fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}

/// Allocations for each of `pieces` pieces of work.
pub(crate) fn allocations(pieces: u64, work: impl FnOnce(u64)) -> f64 {
    let counted = allocation_counter::measure(|| work(pieces));
    counted.count_total as f64 / pieces as f64
}
