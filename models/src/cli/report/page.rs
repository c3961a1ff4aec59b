//! The page: what came of it, world by world and property by property.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::check::{Check, Kind, PropertyReport, Report};

use super::super::summary::{by_protocol, known, word};
use super::super::table::{bounds, bytes, count, counted, rate, seconds, short};
use super::super::verdict::{Standing, Verdict};
use super::{Results, fallen, met, others, plot};

const STYLE: &str = include_str!("style.css");

/// The page; it needs nothing but itself.
pub(super) fn page(results: &Results<'_>) -> String {
    let reports = results.reports;
    let protocols: Vec<&str> = by_protocol(reports).into_iter().map(|(protocol, _)| protocol).collect();
    let title = format!("{}: {}", protocols.join(", "), headline(reports));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                h1 { (protocols.join(", ")) }
                p.lead { (badge(reports)) " " (headline(reports)) }
                nav {
                    a href="#worlds" { "worlds" }
                    a href="#properties" { "properties" }
                    a href="#coverage" { "coverage" }
                    @if !fallen::none(results) { a href="#counterexamples" { "counterexamples" } }
                    @if results.mutants.is_some() { a href="#mutants" { "mutants" } }
                    @if results.simulation.is_some() { a href="#simulation" { "simulation" } }
                }
                (tiles(reports))
                (fallen::section(results))
                (worlds(results))
                (properties(reports))
                (met::section(reports))
                @if let Some(document) = &results.mutants { (others::mutants(document)) }
                @if let Some(document) = &results.simulation { (others::simulation(document)) }
                footer {
                    "Everything here was measured in one run of " code { (results.command) " check --bounds " (results.bounds.name()) } "."
                }
            } }
        }
    };
    page.into_string()
}

/// What came of all of it, in a sentence.
pub(super) fn headline(reports: &[Report]) -> String {
    let fell = reports.iter().filter(|report| Verdict::of(report).fell().is_some()).count();
    // A counterexample that fell ends there.
    let ended = |report: &&Report| report.complete || matches!(Verdict::of(report), Verdict::Falls(..));
    match (fell, reports.len() - reports.iter().filter(ended).count()) {
        (0, 0) => format!("every property holds in {}, explored to the end", counted(reports.len(), "world")),
        (0, open) => format!(
            "nothing fell so far; {open} of {} were not explored to the end",
            counted(reports.len(), "world")
        ),
        (fell, _) => format!("a property fell in {fell} of {}", counted(reports.len(), "world")),
    }
}

fn badge(reports: &[Report]) -> Markup {
    let fell = reports.iter().any(|report| Verdict::of(report).fell().is_some());
    let open = reports.iter().any(|report| Verdict::of(report) == Verdict::Incomplete);
    match (fell, open) {
        (true, _) => html! { span.badge.bad { "violated" } },
        (_, true) => html! { span.badge.warn { "incomplete" } },
        _ => html! { span.badge.good { "holds" } },
    }
}

/// The sums.
#[allow(clippy::cast_precision_loss, reason = "rates, shown with three digits")]
fn tiles(reports: &[Report]) -> Markup {
    let sum = |part: fn(&Report) -> u64| reports.iter().map(part).sum::<u64>();
    let (unique, states) = (sum(|report| report.unique), sum(|report| report.states));
    let cpu: f64 = reports.iter().map(|report| report.cpu_seconds).sum();
    let wall: f64 = reports.iter().map(|report| report.seconds).sum();
    let speed = if cpu > 0.0 { rate(states as f64 / cpu) } else { "unknown".to_owned() };
    let largest = reports.iter().max_by_key(|report| report.memory_bytes);
    let memory = largest.map_or_else(String::new, |report| bytes(report.memory_bytes));
    let collisions: f64 = reports.iter().map(Report::expected_collisions).sum();
    let tile = |number: String, what: &str| html! { div.tile { b { (number) } span { (what) } } };
    html! {
        div.tiles {
            (tile(count(unique), "distinct states"))
            (tile(count(states), "states generated"))
            (tile(seconds(wall), "wall-clock time"))
            (tile(speed, "states per CPU second"))
            (tile(memory, "memory of the largest world"))
            (tile(format!("{collisions:.0e}"), "expected pairs of states that share a fingerprint"))
        }
    }
}

fn worlds(results: &Results<'_>) -> Markup {
    html! {
        h2 #worlds { "Worlds" }
        p.legend { "What varies in each, how far it goes, what each bound withheld, and how its states grow with the length of the path to them." }
        div.scroll { table.worlds {
            thead { tr {
                th { "world" } th { "verdict" } th.n { "distinct" } th.n { "generated" } th.n { "depth" } th.n { "time" } th { "growth" }
            } }
            tbody { @for (check, report) in results.checks.iter().zip(results.reports) { (world(*check, report)) } }
        } }
        @for (protocol, reports) in by_protocol(results.reports) {
            h3 { (protocol) ": states by depth" }
            figure.plot { (PreEscaped(plot::growth(&reports))) }
        }
    }
}

fn world(check: &dyn Check, report: &Report) -> Markup {
    let withheld = report.withheld.iter().filter(|(_, actions)| **actions > 0);
    let withheld: Vec<String> =
        withheld.map(|(bound, actions)| format!("{} by {bound}", short(*actions))).collect();
    html! {
        tr {
            td {
                b { (report.protocol) "/" (report.name) } " " span.dim { (report.explorer) } br;
                (check.varies()) br;
                span.chips { (bounds(&report.bounds)) @if !withheld.is_empty() { br; "withheld: " (withheld.join(", ")) } }
            }
            td { (verdict(report)) }
            td.n { (count(report.unique)) }
            td.n { (count(report.states)) }
            td.n { (report.depth) }
            td.n { (seconds(report.seconds)) }
            td { (PreEscaped(plot::spark(&report.by_depth))) }
        }
    }
}

fn verdict(report: &Report) -> Markup {
    let verdict = Verdict::of(report);
    let class = match verdict {
        Verdict::Holds | Verdict::Falls(..) => "badge good",
        Verdict::Incomplete => "badge warn",
        Verdict::Violated(_) | Verdict::NeverReached(_) | Verdict::Vacuous | Verdict::Stands(_) => {
            "badge bad"
        }
    };
    html! { span class=(class) { (verdict.word().replace('_', " ")) } @if let Some(fell) = verdict.fell() { br; (fell) } }
}

/// Every property in every world.
fn properties(reports: &[Report]) -> Markup {
    html! {
        h2 #properties { "Properties" }
        p.legend { "\u{25cf} holds, and what it speaks of came about; \u{25cb} holds, but of nothing in that world; \u{2713} reached; \u{2026} so far; \u{2717} fell." }
        @for (protocol, reports) in by_protocol(reports) {
            h3 { (protocol) }
            div.scroll { table.grid {
                thead { tr { th {} th {} @for report in &reports { th.turned { span { (report.name) } } } } }
                tbody { @for (name, kind) in known(&reports) {
                    tr {
                        th.row { (name) } td.dim { (word(kind)) }
                        @for report in &reports { (cell(name, kind, report)) }
                    }
                } }
            } }
        }
    }
}

fn cell(name: &str, kind: Kind, report: &Report) -> Markup {
    let same = |property: &&PropertyReport| (property.name, property.kind) == (name, kind);
    let Some(property) = report.properties.iter().find(same) else { return html! { td {} } };
    let (mark, class) = match (Standing::of(property, report), kind) {
        (Standing::Violated | Standing::NeverReached, _) => ("\u{2717}", "bad"),
        (Standing::NotSeenYet | Standing::HeldSoFar, _) => ("\u{2026}", "warn"),
        (Standing::Holds | Standing::Falls, Kind::Sometimes) => ("\u{2713}", "good"),
        (Standing::Falls, _) => ("\u{2717}", "good"),
        (Standing::Holds, _) if property.met == Some(false) => ("\u{25cb}", "dim"),
        (Standing::Holds, _) => ("\u{25cf}", "good"),
    };
    html! { td class=(class) title={ (report.name) ": " (Standing::of(property, report).text(kind)) } { (mark) } }
}
