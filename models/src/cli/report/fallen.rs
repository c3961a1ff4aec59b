//! The counterexamples, drawn.

use maud::{Markup, PreEscaped, html};

use crate::check::{Report, Violation};

use super::super::table::counted;
use super::Results;

/// Whether nothing was violated.
pub(super) fn none(results: &Results<'_>) -> bool {
    results.reports.iter().all(|report| report.violation.is_none())
}

/// The part of the page on counterexamples; nothing if there are none.
pub(super) fn section(results: &Results<'_>) -> Markup {
    let fallen = results.reports.iter().filter_map(|report| Some((report, report.violation.as_ref()?)));
    html! {
        @if !none(results) { h2 #counterexamples { "Counterexamples" } }
        @for (report, violation) in fallen { (one(results, report, violation)) }
    }
}

fn one(results: &Results<'_>, report: &Report, violation: &Violation) -> Markup {
    let name = format!("{}/{}", report.protocol, report.name);
    let drawing = results.drawings.iter().find(|(of, _)| *of == name);
    html! {
        h3 { (violation.property) span.dim { " falls in " (name) ", after " (counted(violation.steps.len(), "step")) } }
        @if let Some((_, svg)) = drawing { figure { (PreEscaped(svg)) } }
        details {
            summary { "The steps, and the state then" }
            ol.steps { @for step in &violation.steps { li { (step) } } }
            @if !violation.state.is_empty() { pre { (violation.state) } }
        }
        p.dim { "To have it again: " code { (results.command) " check " (report.protocol) " --world " (report.name) " --bounds " (results.bounds.name()) " --draw trace.svg" } }
    }
}
