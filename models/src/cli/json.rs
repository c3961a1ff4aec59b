//! Results as JSON.

use std::path::Path;

use serde::Serialize;

use crate::check::Report;

use super::Screen;
use super::verdict::Verdict;

/// The document that `check --json` writes.
#[derive(Debug, Serialize)]
pub(super) struct Checks<'a> {
    /// A check each.
    checks: Vec<Entry<'a>>,
    /// The level of bounds.
    bounds: &'static str,
    /// Whether the line of a planted mutant was reached; null where none is planted.
    reached: Option<bool>,
}

/// A report and what it came to.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    report: &'a Report,
    verdict: &'static str,
}

impl<'a> Checks<'a> {
    /// The document for `reports`.
    pub(super) fn new(reports: &'a [Report], bounds: &'static str, reached: Option<bool>) -> Self {
        let entry = |report| Entry { report, verdict: Verdict::of(report).word() };
        Self { checks: reports.iter().map(entry).collect(), bounds, reached }
    }
}

/// Whether `file` stands for standard output.
fn is_out(file: &Path) -> bool {
    file == Path::new("-")
}

/// If the document goes to standard output, moves everything else away from there.
pub(super) fn claim_out(file: Option<&Path>, screen: &mut Screen<'_>) {
    if file.is_some_and(is_out) {
        screen.leave_out_to_data();
    }
}

/// Writes `document` to `file`, or to standard output if that is `-`.
pub(super) fn write(document: &impl Serialize, file: &Path, screen: &mut Screen<'_>) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("the JSON to {} failed: {error}", file.display());
    let mut text = serde_json::to_vec_pretty(document).map_err(|error| failed(&error))?;
    text.push(b'\n');
    if is_out(file) { screen.data(&text) } else { write_file(file, &text) }.map_err(|error| failed(&error))
}

/// Writes a file, and the folder it is to be in.
pub(super) fn write_file(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, bytes)
}
