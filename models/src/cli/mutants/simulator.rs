//! The simulator on a planted copy: how it is called, and what it found.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use serde::Deserialize;

use crate::check::Protocol;

use super::super::MutantsArgs;
use super::super::run::NEVER_PANICS;
use super::finding::{Finding, Role};
use super::planter::{Lost, Planter};
use super::spec::Mutant;
use super::{EVENTS, GRACE, SEEDS, TIMEOUT_SECONDS, understood};

/// What is read of the document that `simulate --json` writes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Run {
    simulations: Vec<RunSimulation>,
    /// Whether the planted line was reached.
    #[serde(default)]
    reached: Option<bool>,
}

/// One protocol of a [`Run`].
#[derive(Clone, Debug, Deserialize)]
struct RunSimulation {
    seeds: u64,
    complete: bool,
    seconds: f64,
    violations: Vec<RunFall>,
    explained: Vec<RunExplained>,
}

#[derive(Clone, Debug, Deserialize)]
struct RunFall {
    seed: u64,
    property: String,
    event: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct RunExplained {
    seed: u64,
    steps: Vec<String>,
}

/// Runs the seeds of `protocol` in the copy, up to the first that falls.
pub(super) fn run(
    planter: &Planter,
    args: &MutantsArgs,
    binary: &Path,
    protocol: &Protocol,
) -> Result<(ExitStatus, Run), Lost> {
    let mut call = vec!["simulate".to_owned(), protocol.name.to_owned(), "--fail-fast".to_owned()];
    call.push(format!("--seeds={}..{}", args.seeds.start, args.seeds.end));
    call.push(format!("--events={}", args.events));
    // The first seed that falls is the same for any number of threads.
    call.extend(args.limits.threads.map(|threads| format!("--threads={threads}")));
    let limit = Duration::from_secs(args.limits.timeout.unwrap_or(TIMEOUT_SECONDS)).saturating_add(GRACE);
    let (status, text) = planter.run(binary, &call, limit)?;
    Ok((status, understood(&text)?))
}

/// What the simulator makes of a planted mutant; `marked` if its line can tell that it was reached.
pub(super) fn look(
    planter: &Planter,
    args: &MutantsArgs,
    binary: &Path,
    protocol: &Protocol,
    mutant: &Mutant,
    marked: bool,
) -> Finding {
    let finding = Finding::missed("simulator", mutant.spec.simulator_misses.as_ref(), false);
    match run(planter, args, binary, protocol) {
        Ok((_, run)) => read(finding, args, mutant, &run, marked),
        Err(lost) => without_results(finding, mutant, marked, lost),
    }
}

/// What `run` says of a mutant.
fn read(mut finding: Finding, args: &MutantsArgs, mutant: &Mutant, run: &Run, marked: bool) -> Finding {
    finding.reached = run.reached.filter(|_| marked);
    let [simulation] = &run.simulations[..] else {
        return finding.failed("it simulated no protocol, or several".to_owned());
    };
    finding.seconds = simulation.seconds;
    if let Some(fall) = simulation.violations.first() {
        let explained = simulation.explained.iter().find(|explained| explained.seed == fall.seed);
        finding.property = Some(fall.property.clone());
        finding.seed = Some(fall.seed);
        finding.seeds = Some(fall.seed.saturating_sub(args.seeds.start).saturating_add(1));
        finding.event = Some(fall.event);
        finding.steps = explained.map(|explained| explained.steps.len());
    } else if simulation.complete {
        finding.seeds = Some(simulation.seeds);
    } else {
        return finding.failed(format!("it was stopped after {} seeds", simulation.seeds));
    }
    // Chance is not at work: the same seeds find the same. Others may find what these are argued to miss.
    let usual = super::super::simulate::seeds(SEEDS)
        .is_ok_and(|usual| args.events == EVENTS && finding.seed.is_none_or(|seed| usual.contains(&seed)));
    finding.binding = usual;
    finding.conclude(&Role::Simulator.expected(&mutant.spec));
    finding
}

/// What it is worth that the simulator ended without results: a panic is a fall, though of no known seed.
fn without_results(mut finding: Finding, mutant: &Mutant, marked: bool, lost: Lost) -> Finding {
    match lost {
        Lost::Failed(why) => finding.failed(why),
        Lost::Panicked(why) => {
            // Whoever panics at the line has been there.
            finding.reached = marked.then_some(true);
            (finding.property, finding.detail) = (Some(NEVER_PANICS.to_owned()), Some(why));
            finding.binding = true;
            finding.conclude(&Role::Simulator.expected(&mutant.spec));
            finding
        }
    }
}
