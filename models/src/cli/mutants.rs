//! `mutants`: plants the classic bugs, one at a time, and sees whether the explorers notice.
//!
//! A check proves little until it has been seen to fail. A mutant is a small edit of the real source with the
//! property that must fall; one that survives is a hole in the model, one whose line is never reached tells
//! that the worlds are too small. Two explorers look, after one build: exhaustive checks of small worlds, and the
//! simulator. Each finds every mutant, or the mutant's file argues why it cannot.
//!
//! | file | concern |
//! |---|---|
//! | `spec.rs` | a mutant as it is written down |
//! | `planter.rs` | the copy in which it is planted, built and run |
//! | `search.rs`, `simulator.rs` | how an explorer is called, and what it found |
//! | `finding.rs`, `grade.rs` | what that means: of one explorer, of the mutant |
//! | `summary.rs`, `markdown.rs` | told to people |
//!
//! # The JSON
//! `mutants --json` writes one object, whose [`VERSION`] grows whenever a key goes or means something else; keys may
//! come.
//!
//! - `version`, `bounds`, `explorers` (`exhaustive`, `simulate`, `both`), `seeds` (`[first, end]`, the end not
//!   included), `events`: what was run;
//! - `passed`, `outcomes` (a number for each outcome that there was), `found_by` (likewise for each explorer, and
//!   `two` for those that two found): what came of it;
//! - `mutants`: a [`Grade`] each, in which `search` and `simulator` are a [`Finding`](finding::Finding) or null; and, of
//!   the search, or of the simulator where it alone found it, `property`, `world`, `explorer`, `seconds` and `steps`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::check::Protocol;

use super::progress::Line;
use super::run::NEVER_PANICS;
use super::table::{count, counted};
use super::{Explorers, HOLDS, MutantsArgs, Registry, Screen, VIOLATED, json, select};

mod finding;
mod grade;
mod markdown;
mod planter;
mod search;
mod simulator;
mod spec;
mod summary;

pub(super) use spec::Mutant;

use grade::{Grade, Outcome};
use planter::{Lost, Planter};
use spec::Claim;

/// The seeds that the simulator runs a mutant by, unless the command line says otherwise: what its file argues holds
/// for these.
pub(super) const SEEDS: &str = "0..1500";
/// The events under faults of each of them.
pub(super) const EVENTS: u64 = 1_000;
/// A check of a mutant, and a simulation, ends after this long, unless the command line says otherwise.
const TIMEOUT_SECONDS: u64 = 300;
/// What the process may take beyond the timeouts of its checks.
const GRACE: Duration = Duration::from_secs(30);
/// The version of the JSON.
const VERSION: u32 = 1;

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
    version: u32,
    bounds: &'static str,
    explorers: Explorers,
    seeds: (u64, u64),
    events: u64,
    passed: bool,
    outcomes: BTreeMap<Outcome, usize>,
    found_by: BTreeMap<&'a str, usize>,
    mutants: Vec<Entry<'a>>,
}

/// A grade, with what killed it in a few keys.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    grade: &'a Grade,
    property: Option<&'a str>,
    world: Option<&'a str>,
    explorer: Option<&'a str>,
    seconds: f64,
    steps: Option<usize>,
}

impl<'a> Entry<'a> {
    fn new(grade: &'a Grade) -> Self {
        let first = grade.first();
        Self {
            grade,
            property: first.and_then(|first| first.property.as_deref()),
            world: first.and_then(|first| first.world.as_deref()),
            explorer: first.map(|first| first.explorer.as_str()),
            seconds: first.map_or(0.0, |first| first.seconds),
            steps: first.and_then(|first| first.steps),
        }
    }
}

impl<'a> Document<'a> {
    fn new(args: &MutantsArgs, grades: &'a [Grade]) -> Self {
        let (mut outcomes, mut found_by) = (BTreeMap::new(), BTreeMap::new());
        for grade in grades {
            *outcomes.entry(grade.outcome).or_default() += 1;
            let two = (grade.found_by.len() > 1).then_some("two");
            for explorer in grade.found_by.iter().map(String::as_str).chain(two) {
                *found_by.entry(explorer).or_default() += 1;
            }
        }
        Self {
            version: VERSION,
            bounds: args.bounds.name(),
            explorers: args.explorers,
            seeds: (args.seeds.start, args.seeds.end),
            events: args.events,
            passed: grades.iter().all(|grade| grade.passed),
            outcomes,
            found_by,
            mutants: grades.iter().map(Entry::new).collect(),
        }
    }
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
    for protocol in &protocols {
        if chosen.iter().any(|mutant| mutant.protocol == protocol.name) {
            simulable(protocol, args, screen)?;
        }
    }
    let names = protocols.iter().map(|protocol| protocol.name).collect();
    let planter = Planter::new(&root(registry)?, &registry.mutants, names)?;
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
        screen.say(format_args!("{title}: {}", summary::said(&grade)));
        grades.push(grade);
    }
    screen.say(summary::summary(&grades, screen.width));
    let document = Document::new(args, &grades);
    if let Some(file) = &args.json {
        json::write(&document, file, screen)?;
    }
    if let Some(file) = &args.markdown {
        json::write_file(file, markdown::page(registry.command, args, &grades).as_bytes())
            .map_err(|error| format!("the page to {} failed: {error}", file.display()))?;
    }
    Ok(if document.passed { HOLDS } else { VIOLATED })
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

/// Says so if a protocol cannot be simulated; an error if nothing else was asked for.
fn simulable(protocol: &Protocol, args: &MutantsArgs, screen: &mut Screen<'_>) -> Result<(), String> {
    let name = protocol.name;
    if protocol.simulation.is_some() || !args.explorers.simulate() {
        return Ok(());
    }
    if !args.explorers.search() {
        return Err(format!("`{name}` has no simulation: give its `Protocol` one, or leave it out"));
    }
    screen.say(format_args!("{name} has no simulation: its mutants have one explorer"));
    Ok(())
}

/// A run over several mutants.
struct Hunt<'a> {
    planter: Planter,
    protocols: Vec<&'a Protocol>,
    args: &'a MutantsArgs,
}

impl Hunt<'_> {
    /// Checks the sources as they are, in every world that a chosen mutant runs and by every seed: the properties of
    /// these worlds, by protocol.
    ///
    /// Without a baseline nothing is known of properties.
    fn baseline(
        &self,
        chosen: &[Mutant],
        screen: &mut Screen<'_>,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
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
            let _line = Line::new(format!("{} as it is", protocol.name), screen.live);
            if self.args.explorers.search() {
                let properties = self.search_baseline(&binary, protocol, &worlds(&ours, protocol), screen)?;
                known.insert(protocol.name.to_owned(), properties);
            }
            if self.simulates(protocol) {
                self.simulator_baseline(&binary, protocol, screen)?;
            }
        }
        Ok(known)
    }

    /// That a protocol as it is holds in these worlds: their properties.
    fn search_baseline(
        &self,
        binary: &Path,
        protocol: &Protocol,
        worlds: &[String],
        screen: &mut Screen<'_>,
    ) -> Result<BTreeSet<String>, String> {
        let run = search::run(&self.planter, self.args, binary, protocol, worlds, &[]);
        let (status, run) = run.map_err(|lost| lost.to_string())?;
        if !status.success() {
            let call = format!("check {}", protocol.name);
            return Err(format!("`{call}` at {} bounds: {status}", self.args.bounds.name()));
        }
        screen.say(format_args!(
            "{} as it is: holds in {}",
            protocol.name,
            counted(run.checks.len(), "world")
        ));
        Ok(run.properties().map(str::to_owned).collect())
    }

    /// That a protocol as it is holds by all seeds.
    fn simulator_baseline(
        &self,
        binary: &Path,
        protocol: &Protocol,
        screen: &mut Screen<'_>,
    ) -> Result<(), String> {
        let (seeds, events) = (&self.args.seeds, self.args.events);
        let run = simulator::run(&self.planter, self.args, binary, protocol);
        let (status, _) = run.map_err(|lost| lost.to_string())?;
        if !status.success() {
            let call = format!("simulate {} --seeds {}..{}", protocol.name, seeds.start, seeds.end);
            return Err(format!("`{call} --events {events}`: {status}"));
        }
        let many = count(seeds.end.saturating_sub(seeds.start));
        screen.say(format_args!(
            "{} as it is: holds by {many} seeds of {} events",
            protocol.name,
            count(events)
        ));
        Ok(())
    }

    /// Whether mutants of `protocol` are simulated.
    fn simulates(&self, protocol: &Protocol) -> bool {
        self.args.explorers.simulate() && protocol.simulation.is_some()
    }

    /// Plants a mutant, builds it, runs it through the explorers and grades it.
    fn grade(&self, mutant: &Mutant, known: Option<&BTreeSet<String>>) -> Grade {
        let ungraded = |outcome, detail| Grade::unobserved(mutant, outcome, Some(detail));
        let spec = &mutant.spec;
        if spec.edit.is_empty() {
            let equivalent = spec.expected_outcome == Claim::Equivalent;
            let outcome = if equivalent { Outcome::Equivalent } else { Outcome::Inapplicable };
            return Grade::unobserved(mutant, outcome, None);
        }
        let Some(protocol) = self.protocols.iter().find(|protocol| protocol.name == mutant.protocol) else {
            return ungraded(Outcome::Stale, format!("there is no protocol {}", mutant.protocol));
        };
        if let Some(unknown) = unknown(mutant, protocol, known) {
            return ungraded(Outcome::Stale, unknown);
        }
        let planted = match self.planter.plant(&spec.edit) {
            Ok(planted) => planted,
            Err(why) => return ungraded(Outcome::Stale, why),
        };
        let binary = match self.planter.build() {
            Ok(binary) => binary,
            Err(why) => return ungraded(Outcome::BuildFailed, why),
        };
        let (planter, marked) = (&self.planter, planted.marked);
        let search = || search::look(planter, self.args, &binary, protocol, mutant, marked);
        let simulate = || simulator::look(planter, self.args, &binary, protocol, mutant, marked);
        let search = self.args.explorers.search().then(search);
        Grade::of(mutant, search, self.simulates(protocol).then(simulate))
    }
}

/// The worlds that these mutants run: those that they name, or all.
fn worlds(mutants: &[&Mutant], protocol: &Protocol) -> Vec<String> {
    let mut worlds: Vec<String> = Vec::new();
    if mutants.iter().all(|mutant| !mutant.spec.world.is_empty()) {
        worlds.extend(mutants.iter().flat_map(|mutant| &mutant.spec.world).cloned());
        worlds.retain(|name| protocol.checks.iter().any(|check| check.name() == name));
        worlds.sort_unstable();
        worlds.dedup();
    }
    worlds
}

/// What a mutant names that does not exist.
fn unknown(mutant: &Mutant, protocol: &Protocol, known: Option<&BTreeSet<String>>) -> Option<String> {
    let worlds: Vec<&str> = protocol.checks.iter().map(|check| check.name()).collect();
    if let Some(unknown) = mutant.spec.world.iter().find(|name| !worlds.contains(&name.as_str())) {
        return Some(format!("no world `{unknown}`; there are: {}", worlds.join(", ")));
    }
    let missing = |name: &&String| *name != NEVER_PANICS && known.is_some_and(|known| !known.contains(*name));
    let unknown = mutant.spec.expect.iter().find(missing)?;
    Some(format!("no property `{unknown}` in the worlds it runs"))
}

/// The results of a run in the copy.
fn understood<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Lost> {
    serde_json::from_str(text)
        .map_err(|error| Lost::Failed(format!("its results are not understood: {error}")))
}
