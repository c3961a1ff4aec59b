//! The small worlds of try, confirm, cancel.

use quorate_models::check::{Level, Progress, RunOptions};
use quorate_models::tcc::protocol;

/// Those that end in a moment.
const SMALL: [&str; 4] = ["failing", "lapsing", "tombstones", "ends"];

#[test]
fn small_worlds_are_explored_to_the_end_and_hold() {
    let options = RunOptions { threads: 1, ..RunOptions::default() };
    for check in protocol().checks.iter().filter(|check| SMALL.contains(&check.name())) {
        let report = check.run(Level::Quick, &options, &Progress::default());
        assert!(report.complete && report.holds(), "{}: {report:#?}", check.name());
    }
}
