//! A mutant as it is written down: one small file a bug.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a mutant's file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    /// Its name: that of the file.
    pub(crate) name: String,
    /// The paper, issue or code that it comes from.
    pub(crate) source: String,
    /// How the edit breaks the protocol.
    pub(crate) why: String,
    /// The properties of which one must fall.
    #[serde(default)]
    pub(crate) expect: Vec<String>,
    /// Further properties that may be the first to fall in a simulation, which sees what worlds do not: whether it
    /// heals, and much longer runs.
    #[serde(default)]
    pub(crate) simulator_expect: Vec<String>,
    /// Why no exhaustive check finds it.
    pub(crate) search_misses: Option<String>,
    /// Why the simulator does not find it.
    pub(crate) simulator_misses: Option<String>,
    /// The worlds to run, the likeliest to kill first; all of the protocol if empty.
    #[serde(default)]
    pub(crate) world: Vec<String>,
    /// What is claimed of it.
    #[serde(default)]
    pub(crate) expected_outcome: Claim,
    /// Why no property falls, or why it does not apply.
    pub(crate) argument: Option<String>,
    /// The edits, all planted together.
    #[serde(default)]
    pub(crate) edit: Vec<Edit>,
}

/// What a mutant's file claims will come of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Claim {
    /// An expected property falls.
    #[default]
    Killed,
    /// It is no bug: nothing falls, as argued. It is planted all the same if it has edits.
    Equivalent,
    /// It cannot be written for this code, as argued.
    Inapplicable,
}

/// One edit of one file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    /// The file, below the workspace's root.
    pub(crate) file: PathBuf,
    /// The text to replace, which occurs there exactly once.
    pub(crate) find: String,
    /// What to put there; `@reached;` marks the line.
    pub(crate) replace: String,
}

/// A mutant of a protocol.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    /// The protocol.
    pub(crate) protocol: String,
    /// What its file says.
    pub(crate) spec: Spec,
}

impl Spec {
    /// What must come of it, in a few words.
    pub(crate) fn claim(&self) -> String {
        match self.expected_outcome {
            Claim::Killed => self.expect.join(" or "),
            Claim::Equivalent => "none: equivalent".to_owned(),
            Claim::Inapplicable => "none: inapplicable".to_owned(),
        }
    }

    /// Whether it says anything of single explorers.
    fn lists_finders(&self) -> bool {
        !self.simulator_expect.is_empty() || self.search_misses.is_some() || self.simulator_misses.is_some()
    }

    /// Reads and checks a file.
    fn read(file: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
        let spec: Self = toml::from_str(&text).map_err(|error| error.to_string())?;
        if file.file_stem().is_none_or(|stem| stem != spec.name.as_str()) {
            return Err(format!("its name is `{}`: name the file {}.toml", spec.name, spec.name));
        }
        let blank = |argument: &Option<String>| argument.as_ref().is_some_and(|text| text.trim().is_empty());
        if blank(&spec.search_misses) || blank(&spec.simulator_misses) {
            return Err("an explorer that misses it needs a reason, not an empty one".into());
        }
        if spec.search_misses.is_some() && spec.simulator_misses.is_some() {
            return Err("no explorer finds it: then it is equivalent or inapplicable, as argued".into());
        }
        let argued = spec.argument.as_ref().is_some_and(|argument| !argument.trim().is_empty());
        match spec.expected_outcome {
            Claim::Killed if spec.expect.is_empty() => {
                Err("`expect` names no property that must fall".into())
            }
            Claim::Equivalent | Claim::Inapplicable if spec.lists_finders() => {
                Err("what nothing finds has no explorer that misses it, and no property that falls".into())
            }
            Claim::Killed if spec.edit.is_empty() => Err("it has no [[edit]]: nothing to plant".into()),
            Claim::Equivalent | Claim::Inapplicable if !argued => {
                Err("an outcome other than killed needs an `argument`".into())
            }
            Claim::Killed | Claim::Equivalent | Claim::Inapplicable => Ok(spec),
        }
    }
}

/// All mutants of the known protocols below `folder`, by protocol and name.
///
/// A folder that belongs to no protocol is an error: its mutants would silently go ungraded.
pub(crate) fn load(folder: &Path, protocols: &[&str]) -> Result<Vec<Mutant>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
    let mut mutants = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.is_dir() {
            continue;
        }
        if !protocols.contains(&name.as_str()) {
            let known = protocols.join(", ");
            return Err(format!("{} belongs to no protocol; there are: {known}", path.display()));
        }
        for file in fs::read_dir(&path).map_err(unreadable)? {
            let file = file.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                let spec = Spec::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                mutants.push(Mutant { protocol: name.clone(), spec });
            }
        }
    }
    // In the registry's order of protocols, not the file system's.
    let place = |mutant: &Mutant| protocols.iter().position(|protocol| *protocol == mutant.protocol);
    mutants.sort_by(|a, b| (place(a), &a.spec.name).cmp(&(place(b), &b.spec.name)));
    Ok(mutants)
}
