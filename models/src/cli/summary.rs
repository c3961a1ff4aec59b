//! What people read of reports: a row each, traces, and the tables at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::check::{Check, Kind, Report};

use super::table::{Column, Row, bounds, bytes, count, counted, rate, seconds, table, wrapped};
use super::verdict::{Standing, Verdict};
use super::{Bounds, Registry, coverage};

/// "exhaustive" if every state found was expanded, and only then.
const fn explored(report: &Report) -> &'static str {
    if report.complete { "exhaustive" } else { "incomplete" }
}

/// One line for a check that ended.
pub(super) fn row(report: &Report) -> String {
    format!(
        "{}/{}: {} ({}, {} unique of {} states, depth {}, {})",
        report.protocol,
        report.name,
        Verdict::of(report).text(),
        explored(report),
        count(report.unique),
        count(report.states),
        report.depth,
        seconds(report.seconds),
    )
}

/// The violation of a report, if there is one: the numbered steps to it and the state they lead to.
pub(super) fn trace(report: &Report, width: u16) -> Option<String> {
    let violation = report.violation.as_ref()?;
    let (steps, width) = (&violation.steps, usize::from(width));
    let mut text = format!("\n  {} is violated in {}/{}", violation.property, report.protocol, report.name);
    let _ = match (steps.len(), violation.shortest) {
        (0, _) => write!(text, ":"),
        (length, true) => write!(text, " after {}, and by no shorter trace:", counted(length, "step")),
        (length, false) => write!(text, " after {} (perhaps not the fewest):", counted(length, "step")),
    };
    let digits = steps.len().to_string().len();
    for (number, step) in (1..).zip(steps) {
        let indent = 4 + digits + 2;
        let _ =
            write!(text, "\n    {number:>digits$}. {}", wrapped(step, width.saturating_sub(indent), indent));
    }
    if !violation.state.is_empty() {
        text.push_str("\n  the state then:");
        for line in violation.state.lines() {
            let _ = write!(text, "\n    {line}");
        }
    }
    text.push('\n');
    Some(text)
}

/// Everything that is said at the end.
pub(super) fn all(
    registry: &Registry,
    checks: &[&dyn Check],
    reports: &[Report],
    skipped: usize,
    level: Bounds,
    width: u16,
) -> String {
    let mut text = format!("\n{}\n", worlds(checks, reports, width));
    let _ = writeln!(text, "\n{}", properties(reports, width));
    let _ = writeln!(text, "{}", coverage::text(registry, reports, width));
    let _ = write!(text, "{}", totals(reports, level));
    if skipped > 0 {
        let _ = write!(text, "\nnot run, because one before fell: {}", counted(skipped, "world"));
    }
    text
}

/// The table of worlds: of each what varies, its bounds, and how many actions each of them withheld.
fn worlds(checks: &[&dyn Check], reports: &[Report], width: u16) -> String {
    let columns = [
        Column::Text("world"),
        Column::Number("unique"),
        Column::Number("states"),
        Column::Number("depth"),
        Column::Number("time"),
        Column::Text("explored"),
        Column::Text("properties"),
    ];
    let row = |(check, report): (&&dyn Check, &Report)| {
        let fell = match Verdict::of(report) {
            Verdict::Falls(property, _) => Some(format!("fell, as it must: {property}")),
            Verdict::Stands(property) => Some(format!("stands, though it must fall: {property}")),
            other => other.fell().map(|property| format!("fell: {property}")),
        };
        let notes = [
            format!("varies: {}", check.varies()),
            format!("bounds: {}", bounds(&report.bounds)),
            format!("withheld: {}", withheld(report)),
        ];
        let cells = vec![
            format!("{}/{}", report.protocol, report.name),
            count(report.unique),
            count(report.states),
            count(report.depth),
            seconds(report.seconds),
            explored(report).to_owned(),
            in_all(report),
        ];
        Row { cells, notes: fell.into_iter().chain(notes).collect() }
    };
    let rows: Vec<Row> = checks.iter().zip(reports).map(row).collect();
    table(width, &columns, &rows)
}

/// What a check came to, with the number of its properties.
fn in_all(report: &Report) -> String {
    let number = report.properties.len();
    match Verdict::of(report) {
        Verdict::Holds if number == 1 => "the 1 holds".to_owned(),
        Verdict::Holds => format!("all {number} hold"),
        Verdict::Incomplete => format!("{number} so far"),
        Verdict::Violated(_) => format!("VIOLATED, of {number}"),
        Verdict::NeverReached(_) => format!("NOT REACHED, of {number}"),
        Verdict::Vacuous => "NONE".to_owned(),
        Verdict::Falls(..) => format!("falls, as it must, of {number}"),
        Verdict::Stands(_) => format!("STANDS, of {number}"),
    }
}

/// How many actions each bound withheld.
fn withheld(report: &Report) -> String {
    let by: Vec<String> = report
        .withheld
        .iter()
        .filter(|(_, actions)| **actions > 0)
        .map(|(bound, actions)| format!("{} by {bound}", count(*actions)))
        .collect();
    if by.is_empty() { "nothing".to_owned() } else { by.join(", ") }
}

/// Every property of every protocol, with how it stands in how many of its worlds.
fn properties(reports: &[Report], width: u16) -> String {
    let mut text = String::new();
    for (protocol, reports) in by_protocol(reports) {
        let known = known(&reports);
        let _ = writeln!(text, "{protocol}: {}", counted(known.len(), "property"));
        let widest = known.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, kind) in known {
            let word = word(kind);
            let indent = 2 + 12 + widest + 2;
            let standings = wrapped(&standings(name, kind, &reports), usize::from(width), indent);
            let _ = writeln!(text, "  {word:<12}{name:<widest$}  {standings}");
        }
    }
    text
}

/// The properties of these reports, in the order in which they first appear.
pub(super) fn known(reports: &[&Report]) -> Vec<(&'static str, Kind)> {
    let mut known = Vec::new();
    for property in reports.iter().flat_map(|report| &report.properties) {
        if !known.contains(&(property.name, property.kind)) {
            known.push((property.name, property.kind));
        }
    }
    known
}

/// What kind of claim it is, in a word.
pub(super) const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Always => "always",
        Kind::Sometimes => "sometimes",
        Kind::Eventually => "eventually",
    }
}

/// How one property stands, the worst first: the worlds by name unless it is well, or well so far.
fn standings(name: &str, kind: Kind, reports: &[&Report]) -> String {
    let mut worlds: BTreeMap<Standing, Vec<&str>> = BTreeMap::new();
    for report in reports {
        let same = |property: &&_| {
            let property: &crate::check::PropertyReport = property;
            (property.name, property.kind) == (name, kind)
        };
        if let Some(property) = report.properties.iter().find(same) {
            worlds.entry(Standing::of(property, report)).or_default().push(report.name);
        }
    }
    let said = |(standing, worlds): (Standing, Vec<&str>)| match standing {
        Standing::Holds => {
            format!(
                "{} in {}{}",
                standing.text(kind),
                counted(worlds.len(), "world"),
                met(name, kind, reports)
            )
        }
        _ => format!("{} in {}", standing.text(kind), worlds.join(", ")),
    };
    worlds.into_iter().map(said).collect::<Vec<_>>().join("; ")
}

/// In how many worlds what a property speaks of came about, unless that is all of them.
fn met(name: &str, kind: Kind, reports: &[&Report]) -> String {
    let all = reports.iter().flat_map(|report| &report.properties);
    let told =
        all.filter(|property| (property.name, property.kind) == (name, kind)).map(|property| property.met);
    let (met, unmet) = told.fold((0, 0), |(met, unmet), one| match one {
        Some(true) => (met + 1, unmet),
        Some(false) => (met, unmet + 1),
        None => (met, unmet),
    });
    if unmet == 0 { String::new() } else { format!(" (of something in {met})") }
}

/// The sums over all reports, and what they say of speed and of doubt.
#[allow(clippy::cast_precision_loss, reason = "rates, shown with three digits")]
fn totals(reports: &[Report], level: Bounds) -> String {
    let sum = |part: fn(&Report) -> u64| reports.iter().map(part).sum::<u64>();
    let (unique, states) = (sum(|report| report.unique), sum(|report| report.states));
    let (cpu, wall) = reports
        .iter()
        .fold((0.0, 0.0), |(cpu, wall), report| (cpu + report.cpu_seconds, wall + report.seconds));
    let complete = reports.iter().filter(|report| report.complete).count();
    let speed = if cpu > 0.0 {
        format!("{} states per CPU second ({} of CPU)", rate(states as f64 / cpu), seconds(cpu))
    } else {
        "CPU time unknown".to_owned()
    };
    // Memory that an earlier world gave back is used again, so only the world that grew most tells.
    let memory = reports.iter().filter(|report| report.unique > 0).max_by_key(|report| report.memory_bytes);
    let memory = match memory {
        Some(report) if report.memory_bytes > 0 => {
            let each = report.memory_bytes as f64 / report.unique as f64;
            format!("{each:.1} bytes a state ({} in {})", bytes(report.memory_bytes), report.name)
        }
        _ => "memory unknown".to_owned(),
    };
    let collisions: f64 = reports.iter().map(Report::expected_collisions).sum();
    format!(
        "{} at {} bounds, {complete} exhaustive: {} unique of {} states in {}\n{speed}; {memory}\n\
         expected pairs of states with the same fingerprint: {collisions:.1e}",
        counted(reports.len(), "world"),
        level.name(),
        count(unique),
        count(states),
        seconds(wall),
    )
}

/// Reports grouped by protocol, in the order in which protocols first appear.
pub(super) fn by_protocol(reports: &[Report]) -> Vec<(&'static str, Vec<&Report>)> {
    let mut groups: Vec<(&'static str, Vec<&Report>)> = Vec::new();
    for report in reports {
        match groups.iter_mut().find(|(protocol, _)| *protocol == report.protocol) {
            Some((_, group)) => group.push(report),
            None => groups.push((report.protocol, vec![report])),
        }
    }
    groups
}
