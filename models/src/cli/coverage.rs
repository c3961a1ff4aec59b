//! What was met and what never was, of all worlds of a protocol together, for people.

use std::fmt::Write as _;

use crate::check::{Kind, Report};
use crate::coverage::Coverage;
use crate::world::COMMON;

use super::summary::by_protocol;
use super::table::wrapped;
use super::{Registry, Screen};

/// What all these reports met together.
pub(super) fn together(reports: &[&Report]) -> Coverage {
    let mut coverage = Coverage::default();
    reports.iter().for_each(|report| coverage.add(&report.coverage));
    coverage
}

/// For each protocol that has words for it, how much was met, and, if all of its worlds were explored, what never was.
pub(super) fn text(registry: &Registry, reports: &[Report], width: u16) -> String {
    let mut text = String::new();
    for (protocol, reports) in by_protocol(reports) {
        let coverage = together(&reports);
        if coverage.is_told() {
            let _ = writeln!(text, "{protocol}: {}", sums(&coverage));
            let whole = is_whole(registry, protocol, &reports);
            for line in never(&coverage).into_iter().filter(|_| whole) {
                let _ = writeln!(text, "  {}", wrapped(&line, usize::from(width).saturating_sub(2), 4));
            }
        }
    }
    text
}

/// How much there is, and how much of it was met.
pub(super) fn sums(coverage: &Coverage) -> String {
    let words = &coverage.vocabulary;
    let pairs = words.inputs.iter().flat_map(|input| words.phases.iter().map(move |phase| (phase, input)));
    let possible = pairs.filter(|(phase, input)| coverage.why_not(phase, input).is_none()).count();
    let outcomes = words.outcomes.len().saturating_sub(words.impossible_outcomes.len());
    format!(
        "{} of {possible} inputs met a phase, {} of {} transitions were taken, {} of {outcomes} outcomes told",
        possible.saturating_sub(coverage.unmet().len()),
        words.transitions.len().saturating_sub(coverage.untaken().len()),
        words.transitions.len(),
        outcomes.saturating_sub(coverage.untold().len()),
    )
}

/// The inputs that could have met a phase and never did, if there are any.
pub(super) fn unmet(coverage: &Coverage) -> Option<String> {
    let unmet = coverage.unmet();
    let pairs: Vec<String> = unmet.iter().map(|(phase, input)| format!("{input} at {phase}")).collect();
    (!pairs.is_empty()).then(|| format!("never met: {}", pairs.join("; ")))
}

/// What never was, and what should not have been.
fn never(coverage: &Coverage) -> Vec<String> {
    let mut lines = Vec::from_iter(unmet(coverage));
    let mut say = |head: &str, what: Vec<String>| {
        if !what.is_empty() {
            lines.push(format!("{head}: {}", what.join("; ")));
        }
    };
    say("never taken", coverage.untaken().iter().map(|(from, to)| format!("from {from} to {to}")).collect());
    say("never told", coverage.untold().into_iter().map(str::to_owned).collect());
    say("SURPRISES", coverage.surprises());
    lines
}

/// Says which `always` of a protocol hold of nothing: their premises were met in none of its worlds, all of which
/// were explored to the end. Whether there are any.
pub(super) fn complains(registry: &Registry, reports: &[Report], screen: &mut Screen<'_>) -> bool {
    let mut any = false;
    for (name, reports) in by_protocol(reports) {
        let whole = is_whole(registry, name, &reports);
        for property in vacuous(&reports).into_iter().filter(|_| whole) {
            any = true;
            screen.complain(format_args!(
                "{name}: `{property}` holds of nothing: what it speaks of came about in none of the worlds"
            ));
        }
    }
    any
}

/// Whether all worlds of a protocol were explored to the end.
fn is_whole(registry: &Registry, name: &str, reports: &[&Report]) -> bool {
    let ran = |world: &str| reports.iter().any(|report| report.name == world && report.complete);
    let protocol = registry.protocols.iter().find(|protocol| protocol.name == name);
    protocol.is_some_and(|protocol| protocol.checks.iter().all(|check| ran(check.name())))
}

/// The `always` whose premises none of these reports met.
fn vacuous<'a>(reports: &[&'a Report]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for property in reports.iter().flat_map(|report| &report.properties) {
        let speaks = property.kind == Kind::Always && property.met.is_some();
        if speaks && !names.contains(&property.name) && !COMMON.contains(&property.name) {
            names.push(property.name);
        }
    }
    let met = |name: &str| {
        let all = reports.iter().flat_map(|report| &report.properties);
        all.filter(|property| property.name == name).any(|property| property.met == Some(true))
    };
    names.retain(|name| !met(name));
    names
}
