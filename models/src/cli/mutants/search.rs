//! The exhaustive checks of a planted copy: how they are called, and what they found.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use serde::Deserialize;

use crate::check::{Kind, Protocol};

use super::super::{Bounds, MutantsArgs};
use super::finding::{Finding, Role};
use super::planter::{Lost, Planter};
use super::spec::{Claim, Mutant};
use super::{GRACE, TIMEOUT_SECONDS, understood};

/// A check of a mutant ends at this many distinct states, unless the command line says otherwise: a bug may
/// make a world far larger.
const STATES_MAX: u64 = 50_000_000;

/// What is read of the document that `check --json` writes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Run {
    /// A check each.
    pub(super) checks: Vec<RunCheck>,
    /// Whether the planted line was reached.
    #[serde(default)]
    reached: Option<bool>,
}

/// One check of a [`Run`].
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RunCheck {
    name: String,
    explorer: String,
    complete: bool,
    unique: u64,
    seconds: f64,
    properties: Vec<RunProperty>,
    violation: Option<RunViolation>,
}

#[derive(Clone, Debug, Deserialize)]
struct RunProperty {
    name: String,
    kind: Kind,
    holds: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct RunViolation {
    property: String,
    steps: Vec<String>,
}

impl Run {
    /// The names of all properties of the worlds that were run.
    pub(super) fn properties(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().flat_map(|check| &check.properties).map(|property| property.name.as_str())
    }
}

impl RunCheck {
    /// The properties that fell: those not seen count only where every state was.
    fn fell(&self) -> impl Iterator<Item = &str> {
        let named = self.violation.as_ref().map(|violation| violation.property.as_str());
        let counts = |property: &&RunProperty| property.kind != Kind::Sometimes || self.complete;
        let others = self.properties.iter().filter(|property| !property.holds).filter(counts);
        let others = others.map(|property| property.name.as_str());
        named.into_iter().chain(others.filter(move |name| Some(*name) != named))
    }
}

/// Runs the checks of `protocol` in the copy, up to the first in which one of `until` fell.
pub(super) fn run(
    planter: &Planter,
    args: &MutantsArgs,
    binary: &Path,
    protocol: &Protocol,
    worlds: &[String],
    until: &[String],
) -> Result<(ExitStatus, Run), Lost> {
    let limits = args.limits;
    let timeout = limits.timeout.unwrap_or(TIMEOUT_SECONDS);
    let mut call = vec!["check".to_owned(), protocol.name.to_owned()];
    call.extend(["--bounds".to_owned(), args.bounds.name().to_owned()]);
    call.extend(["--timeout".to_owned(), timeout.to_string()]);
    // With one thread, which property falls first is the same each time.
    let threads = limits.threads.or_else(|| (!until.is_empty()).then_some(1));
    call.extend(threads.map(|threads| format!("--threads={threads}")));
    call.push(format!("--max-states={}", limits.max_states.unwrap_or(STATES_MAX)));
    call.extend(worlds.iter().map(|world| format!("--world={world}")));
    call.extend(until.iter().map(|property| format!("--fail-fast={property}")));
    let checks = if worlds.is_empty() { protocol.checks.len() } else { worlds.len() };
    let limit = Duration::from_secs(timeout.saturating_mul(checks as u64)).saturating_add(GRACE);
    let (status, text) = planter.run(binary, &call, limit)?;
    Ok((status, understood(&text)?))
}

/// What the checks make of a planted mutant; `marked` if its line can tell that it was reached.
pub(super) fn look(
    planter: &Planter,
    args: &MutantsArgs,
    binary: &Path,
    protocol: &Protocol,
    mutant: &Mutant,
    marked: bool,
) -> Finding {
    let spec = &mutant.spec;
    // One that is claimed to make no difference must not make any property fall.
    let any = [String::new()];
    let until = if spec.expected_outcome == Claim::Killed { &spec.expect[..] } else { &any[..] };
    let finding =
        Finding::missed("search", spec.search_misses.as_ref(), matches!(args.bounds, Bounds::Quick));
    match run(planter, args, binary, protocol, &spec.world, until) {
        Ok((_, run)) => read(finding, mutant, &run, marked),
        Err(lost) => finding.failed(lost.to_string()),
    }
}

/// What `run` says of a mutant.
fn read(mut finding: Finding, mutant: &Mutant, run: &Run, marked: bool) -> Finding {
    let expected = Role::Search.expected(&mutant.spec);
    let fallen = || run.checks.iter().flat_map(|check| check.fell().map(move |name| (check, name)));
    let killing = fallen().find(|(_, name)| expected.iter().any(|expected| expected == name));
    finding.reached = run.reached.filter(|_| marked);
    finding.seconds = run.checks.iter().map(|check| check.seconds).sum();
    finding.states = Some(run.checks.iter().map(|check| check.unique).sum());
    if let Some((check, name)) = killing.or_else(|| fallen().next()) {
        let violation = check.violation.as_ref().filter(|violation| violation.property == name);
        finding.property = Some(name.to_owned());
        finding.world = Some(check.name.clone());
        finding.explorer.clone_from(&check.explorer);
        finding.steps = violation.map(|violation| violation.steps.len());
        finding.states = Some(check.unique);
    }
    let unfinished: Vec<&str> =
        run.checks.iter().filter(|check| !check.complete).map(|check| check.name.as_str()).collect();
    if finding.property.is_none() && !unfinished.is_empty() {
        finding.detail = Some(format!("not explored to the end: {}", unfinished.join(", ")));
    }
    finding.conclude(&expected);
    finding
}
