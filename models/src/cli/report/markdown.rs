//! Markdown for a CI summary: short, with what fell first.

use std::fmt::Write as _;

use super::super::coverage::{sums, together};
use super::super::summary::by_protocol;
use super::super::table::{count, seconds};
use super::super::verdict::Verdict;
use super::others::{list, text, texts};
use super::{Results, page};

/// Steps of a trace that are shown.
const STEPS: usize = 40;

/// The summary.
pub(super) fn markdown(results: &Results<'_>) -> String {
    let reports = results.reports;
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(out, "## `{} check`: {}\n", results.command, page::headline(reports));
    for report in reports {
        if let Some(violation) = &report.violation {
            let _ = writeln!(
                out,
                "<details open><summary><b>{}</b> falls in {}/{}</summary>\n",
                inline(violation.property),
                report.protocol,
                report.name
            );
            for (number, step) in (1..).zip(violation.steps.iter().take(STEPS)) {
                let _ = writeln!(out, "{number}. {}", inline(step));
            }
            let more = violation.steps.len().saturating_sub(STEPS);
            let _ = writeln!(
                out,
                "{}\n</details>\n",
                if more > 0 { format!("\nand {more} more") } else { String::new() }
            );
        }
    }
    let _ = writeln!(out, "| world | verdict | distinct | generated | depth | time | explored |");
    let _ = writeln!(out, "|---|---|--:|--:|--:|--:|---|");
    for report in reports {
        let _ = writeln!(
            out,
            "| {}/{} | {} | {} | {} | {} | {} | {} |",
            report.protocol,
            report.name,
            inline(&Verdict::of(report).text()),
            count(report.unique),
            count(report.states),
            report.depth,
            seconds(report.seconds),
            if report.complete { "exhaustive" } else { "incomplete" },
        );
    }
    out.push('\n');
    for (protocol, reports) in by_protocol(reports) {
        let coverage = together(&reports);
        if coverage.is_told() {
            let _ = writeln!(out, "- {protocol}: {}", sums(&coverage));
        }
    }
    if let Some(document) = &results.mutants {
        mutants(&mut out, document);
    }
    if let Some(document) = &results.simulation {
        for entry in list(document, "simulations") {
            let fell = list(entry, "violations").len();
            let seeds =
                entry.get("seeds").and_then(serde_json::Value::as_u64).map_or_else(String::new, count);
            let _ = writeln!(out, "- {}: {seeds} seeds simulated, {fell} fell", text(entry, "protocol"));
        }
    }
    out
}

fn mutants(out: &mut String, document: &serde_json::Value) {
    let grades = list(document, "mutants");
    let of = |outcome: &str| grades.iter().filter(|grade| text(grade, "outcome") == outcome).count();
    let _ = writeln!(out, "- mutants: {} of {} killed", of("killed"), grades.len());
    let open =
        |grade: &&serde_json::Value| grade.get("passed").and_then(serde_json::Value::as_bool) != Some(true);
    for grade in grades.iter().filter(open) {
        let found = texts(grade, "found_by").join(", ");
        let (protocol, name, outcome) =
            (text(grade, "protocol"), text(grade, "name"), text(grade, "outcome"));
        let _ = writeln!(out, "  - {protocol}/{name}: {outcome} {found}");
    }
}

/// Text that Markdown takes for nothing but text.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' | '\\' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
