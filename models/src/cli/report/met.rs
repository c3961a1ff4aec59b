//! What was met, as a grid of phases and inputs.

use maud::{Markup, html};

use crate::check::Report;
use crate::coverage::Coverage;

use super::super::coverage::{sums, together};
use super::super::summary::by_protocol;
use super::super::table::{count, short};

/// The part of the page on coverage.
pub(super) fn section(reports: &[Report]) -> Markup {
    html! {
        h2 #coverage { "Coverage" }
        p.legend {
            "How often each kind of input met each phase, in all worlds together, and which phase it led to. Hatched: argued to be impossible. Marked: possible, and never met."
        }
        @for (protocol, reports) in by_protocol(reports) {
            @let coverage = together(&reports);
            @if coverage.is_told() {
                h3 { (protocol) }
                p { (sums(&coverage)) "." }
                (grid(&coverage))
                (lists(&coverage))
            }
        }
    }
}

fn grid(coverage: &Coverage) -> Markup {
    let words = &coverage.vocabulary;
    let most =
        words.inputs.iter().flat_map(|input| words.phases.iter().map(|phase| coverage.times(phase, input)));
    let most = most.max().unwrap_or(0);
    html! {
        div.scroll { table.grid {
            thead { tr { th {} @for phase in words.phases { th { (phase) } } } }
            tbody { @for input in words.inputs {
                tr { th.row { (input) } @for phase in words.phases { (cell(coverage, phase, input, most)) } }
            } }
        } }
    }
}

/// How often; the more, the darker, by the logarithm.
#[allow(clippy::cast_precision_loss, reason = "a shade")]
fn cell(coverage: &Coverage, phase: &str, input: &str, most: u64) -> Markup {
    let times = coverage.times(phase, input);
    if times > 0 {
        let shade =
            ((times as f64).ln_1p() / (most as f64).ln_1p().max(1.0)).clamp(0.0, 1.0).mul_add(0.5, 0.05);
        let led: Vec<String> = coverage
            .meetings
            .iter()
            .filter(|(meeting, _)| meeting.phase == phase && meeting.input == input)
            .map(|(meeting, times)| format!("to {}: {}", meeting.to, count(*times)))
            .collect();
        return html! { td style={ "background:rgba(var(--heat)," (format!("{shade:.2}")) ")" } title=(led.join("\n")) { (short(times)) } };
    }
    match coverage.why_not(phase, input) {
        Some(why) => html! { td.no title=(why) {} },
        None => html! { td.never title="never met" { "never" } },
    }
}

fn lists(coverage: &Coverage) -> Markup {
    let words = &coverage.vocabulary;
    html! {
        details {
            summary { "Transitions, and what applications were told" }
            table {
                thead { tr { th { "from" } th { "to" } th.n { "times" } } }
                tbody { @for (from, to) in words.transitions {
                    @let times = coverage.transitions(from, to);
                    tr { td { (from) } td { (to) } @if times > 0 { td.n { (count(times)) } } @else { td.n.never { "never" } } }
                } }
            }
            table {
                thead { tr { th { "told" } th.n { "times" } th {} } }
                tbody { @for outcome in words.outcomes {
                    @let times = coverage.outcomes.get(outcome).copied().unwrap_or(0);
                    @let why = words.impossible_outcomes.iter().find(|(what, _)| what == outcome);
                    tr {
                        td { (outcome) }
                        @if times > 0 { td.n { (count(times)) } } @else if why.is_some() { td.n {} } @else { td.n.never { "never" } }
                        td.dim { @if let Some((_, why)) = why { (why) } }
                    }
                } }
            }
        }
        @for surprise in coverage.surprises() { p { span.badge.bad { "surprise" } " " (surprise) } }
    }
}
