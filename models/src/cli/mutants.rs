//! `mutants`: plants the classic bugs, one at a time, and sees whether the checks notice.
//!
//! A check proves little until it has been seen to fail. A mutant is a small edit of the real source with the
//! property that must fall; one that survives is a hole in the model, one whose line is never reached tells
//! that the worlds are too small.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::check::Protocol;

use super::progress::Line;
use super::run::NEVER_PANICS;
use super::table::{Column, Row, counted, seconds, short, table, wrapped};
use super::{HOLDS, MutantsArgs, Registry, Screen, VIOLATED, json, select};

mod grade;
mod planter;
mod spec;

pub(super) use spec::Mutant;

use grade::{Grade, Outcome, Run};
use planter::Planter;
use spec::Claim;

/// A check of a mutant ends after this long, unless the command line says otherwise.
const TIMEOUT_SECONDS: u64 = 300;
/// A check of a mutant ends at this many distinct states, unless the command line says otherwise: a bug may
/// make a world far larger.
const STATES_MAX: u64 = 50_000_000;
/// What the process may take beyond the timeouts of its checks.
const GRACE: Duration = Duration::from_secs(30);

/// All mutants of the registry's protocols.
pub(super) fn all(registry: &Registry) -> Result<Vec<Mutant>, String> {
    let names: Vec<&str> = registry.protocols.iter().map(|protocol| protocol.name).collect();
    spec::load(&root(registry)?.join(&registry.mutants.folder), &names)
}

/// The workspace's root.
fn root(registry: &Registry) -> Result<PathBuf, String> {
    if let Some(root) = &registry.mutants.root {
        return Ok(root.clone());
    }
    let failed = |why: &dyn std::fmt::Display| {
        format!("the workspace was not found ({why}): run `{} mutants` inside it", registry.command)
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["locate-project", "--workspace", "--message-format", "plain"]);
    // Set by `cargo run`, which may have been told of a manifest elsewhere.
    if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") {
        cargo.current_dir(package);
    }
    let output = cargo.output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr).trim()));
    }
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    manifest.parent().map(Path::to_path_buf).ok_or_else(|| failed(&"no folder"))
}

/// The document that `mutants --json` writes.
#[derive(Debug, Serialize)]
struct Document<'a> {
    mutants: &'a [Grade],
}

/// Runs `mutants`: the exit status, or why it could not be carried out.
pub(super) fn mutants(
    registry: &Registry,
    args: &MutantsArgs,
    screen: &mut Screen<'_>,
) -> Result<u8, String> {
    let protocols = select::protocols(registry, &args.protocols)?;
    let chosen = chosen(registry, &protocols, args)?;
    json::claim_out(args.json.as_deref(), screen);
    if chosen.is_empty() {
        screen.complain("no mutant was graded, and that proves nothing");
        return Ok(VIOLATED);
    }
    let planter = Planter::new(&root(registry)?, &registry.mutants)?;
    let hunt = Hunt { planter, protocols, args };
    let known = match hunt.baseline(&chosen, screen) {
        Ok(known) => known,
        Err(why) => {
            screen.complain(format_args!(
                "the sources as they are do not pass, so no kill would mean a thing: {why}"
            ));
            return Ok(VIOLATED);
        }
    };
    let mut grades = Vec::new();
    for (number, mutant) in (1..).zip(&chosen) {
        let title = format!("{number}/{} {}/{}", chosen.len(), mutant.protocol, mutant.spec.name);
        let line = Line::new(title.clone(), screen.live);
        let grade = hunt.grade(mutant, known.get(&mutant.protocol));
        drop(line);
        screen.say(format_args!("{title}: {}", said(&grade)));
        grades.push(grade);
    }
    screen.say(summary(&grades, screen.width));
    if let Some(file) = &args.json {
        json::write(&Document { mutants: &grades }, file, screen)?;
    }
    Ok(if grades.iter().all(|grade| grade.passed) { HOLDS } else { VIOLATED })
}

/// The mutants that the command line asks for.
fn chosen(registry: &Registry, protocols: &[&Protocol], args: &MutantsArgs) -> Result<Vec<Mutant>, String> {
    let mut mutants = all(registry)?;
    mutants.retain(|mutant| protocols.iter().any(|protocol| protocol.name == mutant.protocol));
    let known: Vec<String> = mutants.iter().map(|mutant| mutant.spec.name.clone()).collect();
    if let Some(unknown) = args.only.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no mutant `{unknown}`; there are: {}", known.join(", ")));
    }
    mutants.retain(|mutant| args.only.is_empty() || args.only.contains(&mutant.spec.name));
    Ok(mutants)
}

/// A run over several mutants.
struct Hunt<'a> {
    planter: Planter,
    protocols: Vec<&'a Protocol>,
    args: &'a MutantsArgs,
}

impl Hunt<'_> {
    /// Checks the sources as they are, in every world that a chosen mutant runs: the properties by protocol.
    ///
    /// Without a baseline nothing is known of properties.
    fn baseline(
        &self,
        chosen: &[Mutant],
        screen: &mut Screen<'_>,
    ) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut known = BTreeMap::new();
        let planted = || chosen.iter().filter(|mutant| !mutant.spec.edit.is_empty());
        if self.args.no_baseline || planted().next().is_none() {
            return Ok(known);
        }
        let line = Line::new("the sources as they are: building".to_owned(), screen.live);
        let binary = self.planter.build()?;
        drop(line);
        for protocol in &self.protocols {
            let ours: Vec<&Mutant> = planted().filter(|mutant| mutant.protocol == protocol.name).collect();
            if ours.is_empty() {
                continue;
            }
            let mut worlds: Vec<String> = Vec::new();
            if ours.iter().all(|mutant| !mutant.spec.world.is_empty()) {
                worlds.extend(ours.iter().flat_map(|mutant| &mutant.spec.world).cloned());
                worlds.retain(|name| protocol.checks.iter().any(|check| check.name() == name));
                worlds.sort_unstable();
                worlds.dedup();
            }
            let line = Line::new(format!("{} as it is: checking", protocol.name), screen.live);
            let (status, text) = self.run(&binary, protocol, &worlds, &[])?;
            drop(line);
            let run = parsed(&text)?;
            if !status.success() {
                let call = format!("check {}", protocol.name);
                return Err(format!("`{call}` at {} bounds: {status}", self.args.bounds.name()));
            }
            screen.say(format_args!(
                "{} as it is: holds in {}",
                protocol.name,
                counted(run.checks.len(), "world")
            ));
            let properties = run.properties().map(str::to_owned).collect();
            known.insert(protocol.name.to_owned(), properties);
        }
        Ok(known)
    }

    /// Runs the checks of `protocol` in the copy, up to the first in which one of `until` fell.
    fn run(
        &self,
        binary: &Path,
        protocol: &Protocol,
        worlds: &[String],
        until: &[String],
    ) -> Result<(std::process::ExitStatus, String), String> {
        let limits = self.args.limits;
        let timeout = limits.timeout.unwrap_or(TIMEOUT_SECONDS);
        let mut args = vec!["check".to_owned(), protocol.name.to_owned()];
        args.extend(["--bounds".to_owned(), self.args.bounds.name().to_owned()]);
        args.extend(["--timeout".to_owned(), timeout.to_string()]);
        // With one thread, which property falls first is the same each time.
        let threads = limits.threads.or_else(|| (!until.is_empty()).then_some(1));
        args.extend(threads.map(|threads| format!("--threads={threads}")));
        args.push(format!("--max-states={}", limits.max_states.unwrap_or(STATES_MAX)));
        args.extend(worlds.iter().map(|world| format!("--world={world}")));
        args.extend(until.iter().map(|property| format!("--fail-fast={property}")));
        let checks = if worlds.is_empty() { protocol.checks.len() } else { worlds.len() };
        let limit = Duration::from_secs(timeout.saturating_mul(checks as u64)).saturating_add(GRACE);
        self.planter.run(binary, &args, limit)
    }

    /// Plants a mutant, builds it, runs it and grades it.
    fn grade(&self, mutant: &Mutant, known: Option<&Vec<String>>) -> Grade {
        let ungraded = |outcome, detail| Grade::unobserved(mutant, outcome, detail);
        let spec = &mutant.spec;
        if spec.edit.is_empty() {
            let argument = spec.argument.clone().unwrap_or_default();
            let equivalent = spec.expected_outcome == Claim::Equivalent;
            return ungraded(if equivalent { Outcome::Equivalent } else { Outcome::Inapplicable }, argument);
        }
        let Some(protocol) = self.protocols.iter().find(|protocol| protocol.name == mutant.protocol) else {
            return ungraded(Outcome::Stale, format!("there is no protocol {}", mutant.protocol));
        };
        let worlds: Vec<&str> = protocol.checks.iter().map(|check| check.name()).collect();
        if let Some(unknown) = spec.world.iter().find(|name| !worlds.contains(&name.as_str())) {
            return ungraded(
                Outcome::Stale,
                format!("no world `{unknown}`; there are: {}", worlds.join(", ")),
            );
        }
        let missing =
            |name: &&String| *name != NEVER_PANICS && known.is_some_and(|known| !known.contains(name));
        if let Some(unknown) = spec.expect.iter().find(missing) {
            return ungraded(Outcome::Stale, format!("no property `{unknown}` in the worlds it runs"));
        }
        let planted = match self.planter.plant(&spec.edit) {
            Ok(planted) => planted,
            Err(why) => return ungraded(Outcome::Stale, why),
        };
        let binary = match self.planter.build() {
            Ok(binary) => binary,
            Err(why) => return ungraded(Outcome::BuildFailed, why),
        };
        // One that is claimed to make no difference must not make any property fall.
        let any = [String::new()];
        let until = if spec.expected_outcome == Claim::Killed { &spec.expect[..] } else { &any[..] };
        let run = self.run(&binary, protocol, &spec.world, until).and_then(|(_, text)| parsed(&text));
        match run {
            Ok(run) => Grade::of(mutant, &run, planted.marked),
            Err(why) => ungraded(Outcome::Survived, why),
        }
    }
}

/// The results of a check in the copy.
fn parsed(text: &str) -> Result<Run, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("the results of the check are not understood: {error}"))
}

/// What became of a mutant, in one line or, if it needs explaining, several.
fn said(grade: &Grade) -> String {
    let outcome = grade.outcome.text();
    let detail = grade.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
    match (grade.outcome, &grade.property, &grade.world) {
        (Outcome::Killed, Some(property), Some(world)) => {
            let steps = grade.steps.map_or_else(|| "no trace".to_owned(), |steps| counted(steps, "step"));
            format!("{outcome} by {property} in {world}, {steps}, {}{detail}", seconds(grade.seconds))
        }
        (Outcome::Survived | Outcome::NotReached, ..) => {
            format!("{outcome}{detail}, {}", seconds(grade.seconds))
        }
        _ => format!("{outcome}{detail}"),
    }
}

/// The table at the end, with what needs attention below.
fn summary(grades: &[Grade], width: u16) -> String {
    let columns = [
        Column::Text("mutant"),
        Column::Text("outcome"),
        Column::Text("fell"),
        Column::Text("world"),
        Column::Number("states"),
        Column::Number("time"),
        Column::Number("steps"),
    ];
    let dash = || "-".to_owned();
    let row = |grade: &Grade| Row {
        cells: vec![
            format!("{}/{}", grade.protocol, grade.name),
            grade.outcome.text().to_owned(),
            grade.property.clone().unwrap_or_else(dash),
            grade.world.clone().unwrap_or_else(dash),
            grade.unique.map_or_else(dash, short),
            if grade.unique.is_some() { seconds(grade.seconds) } else { dash() },
            grade.steps.map_or_else(dash, |steps| steps.to_string()),
        ],
        notes: vec![grade.source.clone()],
    };
    let rows: Vec<Row> = grades.iter().map(row).collect();
    let mut text = format!("\n{}\n\n", table(width, &columns, &rows));
    for grade in grades.iter().filter(|grade| !grade.passed || grade.outcome != Outcome::Killed) {
        let detail = grade.detail.as_deref().unwrap_or("no argument");
        let head = format!("{}/{} {}: ", grade.protocol, grade.name, grade.outcome.text());
        match detail.contains('\n') {
            true => text.push_str(&format!("{head}\n{detail}\n")),
            false => text.push_str(&format!("{}\n", wrapped(&(head + detail), usize::from(width), 4))),
        }
    }
    let all = [
        Outcome::Killed,
        Outcome::Survived,
        Outcome::NotReached,
        Outcome::Equivalent,
        Outcome::Inapplicable,
        Outcome::Stale,
        Outcome::BuildFailed,
    ];
    let sum = |outcome| grades.iter().filter(|grade| grade.outcome == outcome).count();
    let sums = all.map(|outcome| (sum(outcome), outcome.text().to_lowercase()));
    let sums: Vec<String> =
        sums.iter().filter(|(sum, _)| *sum > 0).map(|(sum, word)| format!("{sum} {word}")).collect();
    text.push_str(&format!("{}: {}", counted(grades.len(), "mutant"), sums.join(", ")));
    text
}
