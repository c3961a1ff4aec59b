//! Results as a page that one wants to look at, and as Markdown for a CI summary.
//!
//! | file | concern |
//! |---|---|
//! | `page.rs` | the page: verdicts, worlds, properties |
//! | `met.rs` | the page's part on coverage |
//! | `fallen.rs` | its counterexamples |
//! | `others.rs` | its mutants and simulations, from their JSON |
//! | `plot.rs` | how states grow by depth |
//! | `markdown.rs` | the same in Markdown, short |
//! | `style.css` | how the page looks |

mod fallen;
mod markdown;
mod met;
mod others;
mod page;
mod plot;

use std::path::Path;

use serde_json::Value;

use crate::check::{Check, Report};
use crate::trace::rules_of;

use super::json::write_file;
use super::{Bounds, CheckArgs, Registry};

/// All that is told of.
pub(super) struct Results<'a> {
    /// What was checked, and what came of it, in the same order.
    checks: &'a [&'a dyn Check],
    reports: &'a [Report],
    bounds: Bounds,
    /// The command that was run, as the user knows it.
    command: &'static str,
    /// The drawings of violations, each with the name of its check.
    drawings: Vec<(String, String)>,
    /// What `mutants --json` and `simulate --json` wrote.
    mutants: Option<Value>,
    simulation: Option<Value>,
}

/// Writes what `args` ask for.
pub(super) fn write(
    registry: &Registry,
    args: &CheckArgs,
    checks: &[&dyn Check],
    reports: &[Report],
) -> Result<(), String> {
    if args.html.is_none() && args.markdown.is_none() {
        return Ok(());
    }
    let results = Results {
        checks,
        reports,
        bounds: args.bounds,
        command: registry.command,
        drawings: if args.html.is_some() { drawings(registry, reports) } else { Vec::new() },
        mutants: args.mutants.as_deref().map(read).transpose()?,
        simulation: args.simulation.as_deref().map(read).transpose()?,
    };
    let kept = |what: &str, file: &Path, text: String| {
        let failed = |error| format!("the {what} to {} failed: {error}", file.display());
        write_file(file, text.as_bytes()).map_err(failed)
    };
    if let Some(file) = &args.html {
        kept("page", file, page::page(&results))?;
    }
    if let Some(file) = &args.markdown {
        kept("Markdown", file, markdown::markdown(&results))?;
    }
    Ok(())
}

/// Minimises and draws every violation that has a trace.
fn drawings(registry: &Registry, reports: &[Report]) -> Vec<(String, String)> {
    let drawn = |report: &Report| {
        let text = report.violation.as_ref()?.file.as_ref()?;
        let (_, rules) = rules_of(&registry.protocols, text).ok()?;
        let short = rules.minimise_file(text).ok()?;
        Some((format!("{}/{}", report.protocol, report.name), rules.drawing(&short.text).ok()?.svg()))
    };
    reports.iter().filter_map(drawn).collect()
}

/// A document that another verb wrote.
fn read(file: &Path) -> Result<Value, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{} could not be read: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error))
}
