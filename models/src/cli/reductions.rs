//! `reductions`: explores worlds with and without what explorations leave out, and compares what they come to.

use crate::check::{Check, Reductions, Report, RunOptions};

use super::table::{Column, Row, count, seconds, table};
use super::verdict::Verdict;
use super::{HOLDS, ReductionsArgs, Registry, Screen, UNDECIDED, VIOLATED, run, select};

/// What is compared: everything left out, one thing not, nothing.
const VARIANTS: [(&str, Reductions); 8] = [
    ("all", Reductions::ALL),
    ("names told apart", Reductions { symmetry: false, ..Reductions::ALL }),
    ("inert kept", Reductions { inert: false, ..Reductions::ALL }),
    ("early losses", Reductions { late_losses: false, ..Reductions::ALL }),
    ("early flushes", Reductions { late_flushes: false, ..Reductions::ALL }),
    ("no layers", Reductions { layers: false, ..Reductions::ALL }),
    ("names alone", Reductions { symmetry: true, ..Reductions::NONE }),
    ("none", Reductions::NONE),
];

/// Runs `reductions`: the exit status, or why it could not be carried out.
pub(super) fn reductions(
    registry: &Registry,
    args: &ReductionsArgs,
    screen: &mut Screen<'_>,
) -> Result<u8, String> {
    let protocols = select::protocols(registry, &args.protocols)?;
    let mut checks = select::checks(&protocols, &args.worlds)?;
    checks.retain(|check| check.reduces());
    if checks.is_empty() {
        return Err("no world here is explored with reductions".to_owned());
    }
    let options = args.limits.options(&args.replaced);
    let (mut rows, mut worst) = (Vec::new(), HOLDS);
    for check in checks {
        let reports = VARIANTS.map(|(name, reductions)| {
            let report = run::watched(check, args.bounds, &RunOptions { reductions, ..options }, screen.live);
            screen.say(format_args!(
                "{}/{}, {name}: {}{} states, {}",
                check.protocol(),
                check.name(),
                at_least(&report),
                count(report.unique),
                seconds(report.seconds)
            ));
            report
        });
        let compared = Compared { check, reports };
        worst = worst.max(compared.status());
        rows.push(compared.row());
    }
    let columns = [Column::Text("world"), Column::Text("verdict")]
        .into_iter()
        .chain(VARIANTS.map(|(name, _)| Column::Number(name)))
        .chain([Column::Number("saved beyond names"), Column::Number("saved")]);
    screen.say(format_args!("\n{}", table(screen.width, &columns.collect::<Vec<_>>(), &rows)));
    Ok(worst)
}

/// The runs of one world.
struct Compared<'a> {
    check: &'a dyn Check,
    reports: [Report; VARIANTS.len()],
}

impl Compared<'_> {
    /// Two runs to the end that do not agree tell that a reduction loses something.
    fn agree(&self) -> bool {
        let mut ended = self.reports.iter().filter(|report| is_decided(report)).map(outcome);
        let first = ended.next();
        ended.all(|other| Some(other) == first)
    }

    fn status(&self) -> u8 {
        match (self.agree(), self.reports.first().is_some_and(is_decided)) {
            (false, _) => VIOLATED,
            (true, false) => UNDECIDED,
            (true, true) => HOLDS,
        }
    }

    fn row(&self) -> Row {
        let [all, .., names, none] = &self.reports;
        let verdict = if self.agree() { Verdict::of(all).text() } else { "THEY DIFFER".to_owned() };
        let sizes = self.reports.iter().map(|report| format!("{}{}", at_least(report), count(report.unique)));
        let mut cells = vec![format!("{}/{}", self.check.protocol(), self.check.name()), verdict];
        cells.extend(sizes);
        for whole in [names, none] {
            cells.push(format!("{}{:.1} x", at_least(whole), ratio(whole.unique, all.unique)));
        }
        Row { cells, notes: Vec::new() }
    }
}

const fn is_decided(report: &Report) -> bool {
    report.complete || report.violation.is_some()
}

/// What of a run must not depend on reductions: the property that fell, and what was reached.
fn outcome(report: &Report) -> (Option<&'static str>, Vec<(&'static str, bool)>) {
    let fell = report.violation.as_ref().map(|violation| violation.property);
    let held = report.properties.iter().map(|property| (property.name, property.holds));
    // Where one property falls, what else was reached by then is chance.
    (fell, if fell.is_some() { Vec::new() } else { held.collect() })
}

const fn at_least(report: &Report) -> &'static str {
    if report.complete { "" } else { ">" }
}

#[allow(clippy::cast_precision_loss, reason = "a ratio to one digit")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other.max(1) as f64
}
