//! Results as JUnit XML, for the systems that show test results: a suite a protocol, a case a world.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::check::Report;

use super::HOLDS;
use super::json::write_file;
use super::summary::{self, by_protocol};
use super::verdict::{Standing, Verdict};

/// The width of traces inside a failure.
const WIDTH: u16 = 100;

/// Writes `reports` to `file`.
pub(super) fn write(reports: &[Report], title: &str, file: &Path) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("the JUnit to {} failed: {error}", file.display());
    let text = document(reports, title).to_string().map_err(|error| failed(&error))?;
    write_file(file, text.as_bytes()).map_err(|error| failed(&error))
}

/// The document for `reports`.
fn document(reports: &[Report], title: &str) -> quick_junit::Report {
    let mut document = quick_junit::Report::new(title);
    document.set_time(time(reports.iter().map(|report| report.seconds).sum()));
    for (protocol, reports) in by_protocol(reports) {
        let mut suite = TestSuite::new(protocol);
        suite.set_time(time(reports.iter().map(|report| report.seconds).sum()));
        suite.add_test_cases(reports.into_iter().map(case));
        document.add_test_suite(suite);
    }
    document
}

/// The case of one world.
fn case(report: &Report) -> TestCase {
    let verdict = Verdict::of(report);
    let mut status = match verdict {
        Verdict::Holds | Verdict::Falls(..) => TestCaseStatus::success(),
        Verdict::Incomplete => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Violated(_) | Verdict::NeverReached(_) | Verdict::Vacuous | Verdict::Stands(_) => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
    };
    if verdict.exit() != HOLDS {
        status.set_type(verdict.word());
        status.set_message(match verdict {
            Verdict::Incomplete => "holds so far: not every state was expanded".to_owned(),
            _ => verdict.text(),
        });
    }
    if let Some(trace) = summary::trace(report, WIDTH) {
        status.set_description(trace);
    }
    let mut said = summary::row(report);
    for property in &report.properties {
        let standing = Standing::of(property, report).text(property.kind);
        let _ = write!(said, "\n{:?} {}: {standing}", property.kind, property.name);
    }
    let mut case = TestCase::new(report.name, status);
    case.set_classname(report.protocol);
    case.set_time(time(report.seconds));
    case.set_assertions(report.properties.len());
    case.set_system_out(said);
    case
}

/// Seconds as a duration; none if they are no number.
fn time(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
