//! What other verbs wrote as JSON, for the page: read with lenience, since it may be of another day.

use maud::{Markup, html};
use serde_json::Value;

use super::super::table::{count, seconds};

/// A text in a document, or nothing.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

/// The texts of a list in a document.
pub(super) fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    list(value, name).iter().filter_map(Value::as_str).collect()
}

/// A list in a document, empty if there is none.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_u64)
}

/// The part of the page on mutants, from what `mutants --json` wrote.
pub(super) fn mutants(document: &Value) -> Markup {
    let grades = list(document, "mutants");
    let killed = grades.iter().filter(|grade| text(grade, "outcome") == "killed").count();
    html! {
        h2 #mutants { "Mutants" }
        p.legend { (killed) " of " (grades.len()) " planted bugs make an expected property fall." }
        div.scroll { table {
            thead { tr { th { "mutant" } th { "outcome" } th { "found by" } th { "exhaustive search" } th { "simulator" } } }
            tbody { @for grade in grades {
                tr {
                    td { b { (text(grade, "protocol")) "/" (text(grade, "name")) } br; span.dim { (text(grade, "source")) } }
                    td { (outcome(grade)) }
                    td { (texts(grade, "found_by").join(", ")) }
                    td { (finding(grade.get("search"))) }
                    td { (finding(grade.get("simulator"))) }
                }
            } }
        } }
    }
}

fn outcome(grade: &Value) -> Markup {
    let passed = grade.get("passed").and_then(Value::as_bool).unwrap_or(false);
    let class = if passed { "badge good" } else { "badge bad" };
    html! {
        span class=(class) { (text(grade, "outcome").replace('_', " ")) }
        @for why in ["argument", "detail"] { @if !text(grade, why).is_empty() { br; span.dim { (text(grade, why)) } } }
    }
}

fn finding(finding: Option<&Value>) -> Markup {
    let Some(finding) = finding.filter(|finding| finding.is_object()) else { return html! {} };
    let mut cost = Vec::new();
    cost.extend(number(finding, "states").map(|states| format!("{} states", count(states))));
    cost.extend(number(finding, "seeds").map(|seeds| format!("{} seeds", count(seeds))));
    cost.extend(number(finding, "steps").map(|steps| format!("{steps} steps")));
    cost.extend(finding.get("seconds").and_then(Value::as_f64).map(seconds));
    html! {
        @if text(finding, "property").is_empty() { span.dim { (text(finding, "verdict").replace('_', " ")) } } @else { (text(finding, "property")) }
        @if !text(finding, "world").is_empty() { span.dim { " in " (text(finding, "world")) } }
        br; span.dim { (cost.join(", ")) }
        @if !text(finding, "argument").is_empty() { br; span.dim { (text(finding, "argument")) } }
    }
}

/// The part of the page on long runs, from what `simulate --json` wrote.
pub(super) fn simulation(document: &Value) -> Markup {
    html! {
        h2 #simulation { "Simulation" }
        p.legend { "Long runs by seeds, under faults of every kind and then none. Trace hash " code { (text(document, "trace_hash")) } "." }
        @for entry in list(document, "simulations") {
            h3 { (text(entry, "protocol")) span.dim { ": " (number(entry, "seeds").map_or_else(String::new, count)) " seeds, " (list(entry, "violations").len()) " fell" } }
            @if let Some(tally) = entry.get("tally").and_then(Value::as_object) {
                table { tbody {
                    @for (name, value) in tally { @if let Some(times) = value.as_u64() {
                        tr { td { (name.replace('_', " ")) } td.n { (count(times)) } }
                    } }
                } }
            }
        }
    }
}
