//! The hunt told to people: a line a mutant, and a table at the end.

use super::super::table::{Column, Row, counted, seconds, short, table, wrapped};
use super::finding::{Finding, Verdict};
use super::grade::{Grade, OUTCOMES, Outcome};

/// What became of a mutant, in one line or, if it needs explaining, several.
pub(super) fn said(grade: &Grade) -> String {
    let findings: Vec<String> = [&grade.search, &grade.simulator].into_iter().flatten().map(found).collect();
    let mut parts = vec![grade.outcome.text().to_owned()];
    if !findings.is_empty() {
        parts.push(findings.join("; "));
    }
    parts.extend(grade.detail.as_ref().map(|detail| format!("NOT AS CLAIMED: {detail}")));
    parts.join(": ")
}

/// What one explorer made of it.
fn found(finding: &Finding) -> String {
    let place = match (&finding.world, finding.seed) {
        (Some(world), _) => format!(" in {world}"),
        (None, Some(seed)) => format!(" by seed {seed}"),
        (None, None) => String::new(),
    };
    let time = seconds(finding.seconds);
    let steps = finding.steps.map_or_else(|| "no trace".to_owned(), |steps| counted(steps, "step"));
    match (finding.verdict, &finding.property) {
        (Verdict::Failed, _) => format!("{} failed", finding.explorer),
        (_, Some(property)) => format!("{}: {property}{place}, {steps}, {time}", finding.explorer),
        (Verdict::NotReached, None) => format!("{}: not reached, {time}", finding.explorer),
        (_, None) => format!("{}: nothing, {time}", finding.explorer),
    }
}

/// The table at the end, with what needs attention below.
pub(super) fn summary(grades: &[Grade], width: u16) -> String {
    let columns = [
        Column::Text("mutant"),
        Column::Text("outcome"),
        Column::Text("found by"),
        Column::Text("world"),
        Column::Number("states"),
        Column::Number("time"),
        Column::Number("steps"),
        Column::Number("seeds"),
        Column::Number("time"),
        Column::Number("steps"),
    ];
    let rows: Vec<Row> = grades.iter().map(row).collect();
    let mut text = format!("\n{}\n\n", table(width, &columns, &rows));
    for grade in grades {
        text.push_str(&attention(grade, width));
    }
    let sum = |outcome: Outcome| grades.iter().filter(|grade| grade.outcome == outcome).count();
    let sums = OUTCOMES.map(|outcome| (sum(outcome), outcome.text().to_lowercase()));
    let sums: Vec<String> =
        sums.iter().filter(|(sum, _)| *sum > 0).map(|(sum, word)| format!("{sum} {word}")).collect();
    text.push_str(&format!("{}: {}", counted(grades.len(), "mutant"), sums.join(", ")));
    let failed = grades.iter().filter(|grade| !grade.passed).count();
    if failed > 0 {
        text.push_str(&format!("; {failed} NOT AS CLAIMED"));
    }
    text
}

fn row(grade: &Grade) -> Row {
    let dash = || "-".to_owned();
    let (search, simulator) = (grade.search.as_ref(), grade.simulator.as_ref());
    let time = |finding: Option<&Finding>| finding.map_or_else(dash, |finding| seconds(finding.seconds));
    let steps = |finding: Option<&Finding>| {
        finding.and_then(|finding| finding.steps).map_or_else(dash, |steps| steps.to_string())
    };
    let cells = vec![
        format!("{}/{}", grade.protocol, grade.name),
        grade.outcome.text().to_owned(),
        if grade.found_by.is_empty() { dash() } else { grade.found_by.join(", ") },
        search.and_then(|finding| finding.world.clone()).unwrap_or_else(dash),
        search.and_then(|finding| finding.states).map_or_else(dash, short),
        time(search),
        steps(search),
        simulator.and_then(|finding| finding.seeds).map_or_else(dash, short),
        time(simulator),
        steps(simulator),
    ];
    let mut notes = vec![grade.source.clone()];
    notes.extend(fell(grade));
    Row { cells, notes }
}

/// What fell, told once where it was the same in both explorers.
pub(super) fn fell(grade: &Grade) -> Option<String> {
    let property = |finding: &Option<Finding>| finding.as_ref().and_then(|finding| finding.property.clone());
    match (property(&grade.search), property(&grade.simulator)) {
        (Some(one), Some(other)) if one != other => Some(format!("{one}; simulator: {other}")),
        (Some(one), _) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

/// The arguments of a mutant, and what is not as they say.
fn attention(grade: &Grade, width: u16) -> String {
    let head = format!("{}/{} ", grade.protocol, grade.name);
    let mut said: Vec<String> = Vec::new();
    said.extend(grade.detail.as_ref().map(|detail| match grade.outcome {
        Outcome::Killed => format!("NOT AS CLAIMED: {detail}"),
        _ => format!("{}: {detail}", grade.outcome.text()),
    }));
    let harmless = matches!(grade.outcome, Outcome::Equivalent | Outcome::Inapplicable);
    if let Some(argument) = grade.argument.as_ref().filter(|_| harmless) {
        said.push(format!("{}: {argument}", grade.outcome.text()));
    }
    for (who, finding) in [("the search", &grade.search), ("the simulator", &grade.simulator)] {
        let missing = finding.as_ref().filter(|finding| !finding.found());
        if let Some(argument) = missing.and_then(|finding| finding.argument.as_ref()) {
            said.push(format!("missed by {who}: {argument}"));
        }
    }
    let mut text = String::new();
    for one in said {
        match one.contains(":\n") {
            true => text.push_str(&format!("{head}{one}\n")),
            false => text.push_str(&format!("{}\n", wrapped(&format!("{head}{one}"), usize::from(width), 4))),
        }
    }
    text
}
