//! The hunt as a page in Markdown, to be kept beside the sources.

use std::fmt::Write as _;

use super::super::MutantsArgs;
use super::super::table::{count, seconds};
use super::finding::Finding;
use super::grade::{Grade, OUTCOMES};
use super::summary::fell;

/// The table of the hunt, and the arguments below it.
pub(super) fn page(command: &str, args: &MutantsArgs, grades: &[Grade]) -> String {
    let mut text = format!(
        "`{command} mutants`, {} bounds, seeds {}..{} of {} events each.\n\n",
        args.bounds.name(),
        args.seeds.start,
        args.seeds.end,
        count(args.events),
    );
    text.push_str(
        "| mutant | source | what fell | found by | world | states | time | steps | seeds | time | steps |\n",
    );
    text.push_str("|---|---|---|---|---|--:|--:|--:|--:|--:|--:|\n");
    grades.iter().for_each(|grade| text.push_str(&row(grade)));
    let sum = |outcome| grades.iter().filter(|grade| grade.outcome == outcome).count();
    let sums: Vec<String> = OUTCOMES
        .into_iter()
        .filter(|outcome| sum(*outcome) > 0)
        .map(|outcome| format!("{} {}", sum(outcome), outcome.text().to_lowercase()))
        .collect();
    let two = grades.iter().filter(|grade| grade.found_by.len() > 1).count();
    let _ = write!(text, "\n{} mutants: {}; {two} found by two explorers.\n", grades.len(), sums.join(", "));
    grades.iter().for_each(|grade| text.push_str(&arguments(grade)));
    text
}

fn row(grade: &Grade) -> String {
    let dash = || "-".to_owned();
    let (search, simulator) = (grade.search.as_ref(), grade.simulator.as_ref());
    let number = |number: Option<u64>| number.map_or_else(dash, count);
    let time = |finding: Option<&Finding>| finding.map_or_else(dash, |finding| seconds(finding.seconds));
    let steps = |finding: Option<&Finding>| {
        finding.and_then(|finding| finding.steps).map_or_else(dash, |steps| steps.to_string())
    };
    let by = if grade.found_by.is_empty() {
        grade.outcome.text().to_lowercase()
    } else {
        grade.found_by.join(", ")
    };
    let cells = [
        format!("{}/{}", grade.protocol, grade.name),
        grade.source.clone(),
        fell(grade).unwrap_or_else(dash),
        by,
        search.and_then(|finding| finding.world.clone()).unwrap_or_else(dash),
        number(search.and_then(|finding| finding.states)),
        time(search),
        steps(search),
        number(simulator.and_then(|finding| finding.seeds)),
        time(simulator),
        steps(simulator),
    ];
    format!("| {} |\n", cells.map(|cell| escaped(&cell)).join(" | "))
}

/// Why a mutant was not found by all, and what is not as claimed.
fn arguments(grade: &Grade) -> String {
    let missed = |who: &str, finding: &Option<Finding>| {
        let finding = finding.as_ref().filter(|finding| !finding.found())?;
        Some(format!("{who} misses it. {}", finding.argument.as_ref()?))
    };
    let harmless = grade.search.as_ref().is_none_or(|finding| !finding.found());
    let argument = grade.argument.as_ref().filter(|_| harmless);
    let said = [
        argument.map(|argument| format!("{}. {argument}", grade.outcome.text())),
        missed("The search", &grade.search),
        missed("The simulator", &grade.simulator),
        grade.detail.as_ref().map(|detail| format!("**Not as claimed**: {detail}")),
    ];
    let mut text = String::new();
    for one in said.into_iter().flatten() {
        let one = one.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = write!(text, "\n- `{}/{}`: {one}", grade.protocol, grade.name);
    }
    text
}

/// `text` in one cell of a table.
fn escaped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
