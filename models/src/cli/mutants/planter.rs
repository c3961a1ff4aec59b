//! A copy of the workspace in which edits are planted, built and run.
//!
//! One copy and one target directory are used again and again: only files that changed are written, so that
//! each build is a small one.

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::super::Mutants;
use super::spec::Edit;

/// What stands in a replacement for the statement that marks its line as reached.
const TOKEN: &str = "@reached;";
/// What is appended to the marked crate in the copy.
const MARK: &str = "\n/// Set once a planted line is executed.\n\
    pub static PLANTED: core::sync::atomic::AtomicBool = core::sync::atomic::AtomicBool::new(false);\n";
/// Folders that no build needs, wherever they are.
const SKIPPED: [&str; 4] = ["target", "corpus", "artifacts", "node_modules"];
/// The exit status of a program whose main thread panicked.
const PANICKED: i32 = 101;
/// How often a running check is looked at.
const POLL: Duration = Duration::from_millis(20);

/// The copy.
#[derive(Debug)]
pub(crate) struct Planter {
    config: Mutants,
    /// `target/mutants` of the real workspace.
    home: PathBuf,
    /// The copy of the sources.
    tree: PathBuf,
    /// The protocols that are checked.
    protocols: Vec<&'static str>,
    /// Held while the copy is in use.
    _lock: File,
}

/// Why a run of the copy's binary left no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It panicked, and nothing in it caught that.
    Panicked(String),
    /// Anything else.
    Failed(String),
}

impl Display for Lost {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let (Self::Panicked(why) | Self::Failed(why)) = self;
        f.write_str(why)
    }
}

/// Edits that are planted, until this is dropped.
#[derive(Debug)]
pub(crate) struct Planted {
    /// Files of the copy with their text before the edits.
    before: Vec<(PathBuf, String)>,
    /// Whether any edit marks its line.
    pub(crate) marked: bool,
}

impl Drop for Planted {
    fn drop(&mut self) {
        for (file, text) in &self.before {
            // What cannot be restored here is put right when the next run compares the copy.
            let _restored = fs::write(file, text);
        }
    }
}

impl Planter {
    /// Brings the copy of the workspace at `root` up to date, everything unplanted; `protocols` are to be checked in it.
    pub(crate) fn new(root: &Path, config: &Mutants, protocols: Vec<&'static str>) -> Result<Self, String> {
        let home = root.join("target").join("mutants");
        let tree = home.join("tree");
        let failed = |error: std::io::Error| format!("the copy in {} failed: {error}", tree.display());
        fs::create_dir_all(&tree).map_err(failed)?;
        let lock = File::create(home.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| format!("another run is planting mutants in {}", home.display()))?;
        let planter = Self { config: config.clone(), home, tree: tree.clone(), protocols, _lock: lock };
        planter.sync(root, Path::new("")).map_err(failed)?;
        Ok(planter)
    }

    /// Makes the folder `below` of the copy equal to that of `root`, marks apart.
    fn sync(&self, root: &Path, below: &Path) -> std::io::Result<()> {
        let mut kept = BTreeSet::new();
        fs::create_dir_all(self.tree.join(below))?;
        for entry in fs::read_dir(root.join(below))? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let text = name.to_string_lossy();
            let hidden = text.starts_with('.') && text != ".cargo";
            let path = below.join(&name);
            if kind.is_dir() && !hidden && !SKIPPED.contains(&&*text) && !is_cache(&entry.path()) {
                self.sync(root, &path)?;
            } else if kind.is_file() && !hidden {
                let bytes = self.marked(&path, fs::read(entry.path())?);
                write_if_changed(&self.tree.join(&path), &bytes)?;
            } else {
                continue;
            }
            kept.insert(name);
        }
        for entry in fs::read_dir(self.tree.join(below))? {
            let entry = entry?;
            if !kept.contains(&entry.file_name()) {
                if entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())?;
                } else {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// What the file at `path` is in the copy: itself, with the mark in the two places it needs.
    fn marked(&self, path: &Path, mut bytes: Vec<u8>) -> Vec<u8> {
        if path == self.config.mark {
            bytes.extend_from_slice(MARK.as_bytes());
        } else if path == self.config.reader {
            return format!(
                "//! Whether the planted line was reached.\n\
                 /// Whether the planted line was executed by this process.\n\
                 #[must_use]\n\
                 pub fn reached() -> Option<bool> {{\n    \
                 Some({}::PLANTED.load(core::sync::atomic::Ordering::Relaxed))\n}}\n",
                self.config.mark_crate,
            )
            .into_bytes();
        }
        bytes
    }

    /// Plants `edits`, or says why they no longer fit the sources.
    pub(crate) fn plant(&self, edits: &[Edit]) -> Result<Planted, String> {
        let mut planted = Planted { before: Vec::new(), marked: false };
        let mut texts: Vec<(PathBuf, String)> = Vec::new();
        for edit in edits {
            let shown = edit.file.display();
            let inside = edit.file.components().all(|part| matches!(part, Component::Normal(_)));
            let file = self.tree.join(&edit.file);
            if !inside || !file.is_file() {
                return Err(format!("there is no file {shown}"));
            }
            if !texts.iter().any(|(known, _)| *known == file) {
                let text = fs::read_to_string(&file).map_err(|error| format!("{shown}: {error}"))?;
                planted.before.push((file.clone(), text.clone()));
                texts.push((file.clone(), text));
            }
            let text = texts.iter_mut().find(|(known, _)| *known == file).map(|(_, text)| text);
            let text = text.ok_or("a file was lost")?;
            // The mark is none of the author's text.
            let own = text.strip_suffix(MARK).unwrap_or(text);
            match occurrences(own, &edit.find) {
                1 => *text = text.replacen(&edit.find, &self.replacement(edit), 1),
                0 => return Err(format!("its text does not occur in {shown}")),
                many => return Err(format!("its text occurs {many} times in {shown}, not once")),
            }
            planted.marked |= edit.replace.contains(TOKEN);
        }
        for (file, text) in &texts {
            fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(planted)
    }

    /// The replacement of `edit` with its mark written out.
    fn replacement(&self, edit: &Edit) -> String {
        let in_marked_crate = self.config.mark.parent().is_some_and(|folder| edit.file.starts_with(folder));
        let path = if in_marked_crate { "crate" } else { self.config.mark_crate.as_str() };
        let statement = format!("{path}::PLANTED.store(true, core::sync::atomic::Ordering::Relaxed);");
        edit.replace.replace(TOKEN, &statement)
    }

    /// Builds the copy as it stands: the command line's binary, or the end of what the compiler said.
    pub(crate) fn build(&self) -> Result<PathBuf, String> {
        let log = self.home.join("build.log");
        let failed = |error: &dyn Display| format!("cargo could not be run: {error}");
        let mut flags = std::env::var("RUSTFLAGS").unwrap_or_default();
        // A mutant may well leave a variable unused.
        flags.push_str(" --cap-lints=warn");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--profile", "mutants", "--message-format", "json-render-diagnostics"])
            .args(["--package", &self.config.package, "--bins", "--target-dir"])
            .arg(self.home.join("target"))
            .args(self.features())
            .current_dir(&self.tree)
            .env("RUSTFLAGS", flags.trim_start())
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(|error| failed(&error))?)
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut binary = None;
        for line in cargo.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
            let line = line.map_err(|error| failed(&error))?;
            let message: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(executable) = message["executable"].as_str() {
                binary = Some(PathBuf::from(executable));
            }
        }
        if !cargo.wait().map_err(|error| failed(&error))?.success() {
            return Err(last_lines(&log, 40));
        }
        binary.ok_or_else(|| format!("package {} has no binary", self.config.package))
    }

    /// What of the package is built.
    fn features(&self) -> Vec<String> {
        if !self.config.by_features {
            return Vec::new();
        }
        vec!["--no-default-features".to_owned(), "--features".to_owned(), self.protocols.join(",")]
    }

    /// Runs `binary` with `args` and gives the JSON it wrote, or says how it ended without.
    pub(crate) fn run(
        &self,
        binary: &Path,
        args: &[String],
        limit: Duration,
    ) -> Result<(ExitStatus, String), Lost> {
        let (log, json) = (self.home.join("check.log"), self.home.join("check.json"));
        let failed = |error: &dyn Display| Lost::Failed(format!("it could not be run: {error}"));
        if json.exists() {
            fs::remove_file(&json).map_err(|error| failed(&error))?;
        }
        let out = File::create(&log).map_err(|error| failed(&error))?;
        let mut child = Command::new(binary)
            .args(args)
            .arg("--json")
            .arg(&json)
            .current_dir(&self.tree)
            .stdin(Stdio::null())
            .stdout(out.try_clone().map_err(|error| failed(&error))?)
            .stderr(out)
            .spawn()
            .map_err(|error| failed(&error))?;
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|error| failed(&error))? {
                break status;
            }
            if started.elapsed() > limit {
                child.kill().and_then(|()| child.wait()).map_err(|error| failed(&error))?;
                return Err(Lost::Failed(format!("it was still running after {} s", limit.as_secs())));
            }
            std::thread::sleep(POLL);
        };
        match fs::read_to_string(&json) {
            Ok(text) => Ok((status, text)),
            Err(_) => {
                let why = format!("it ended without results ({status}):\n{}", last_lines(&log, 12));
                let panicked = status.code() == Some(PANICKED);
                Err(if panicked { Lost::Panicked(why) } else { Lost::Failed(why) })
            }
        }
    }
}

/// Whether `folder` says that it can be made again, as cargo's target folders do.
fn is_cache(folder: &Path) -> bool {
    folder.join("CACHEDIR.TAG").exists()
}

/// Writes a file unless it has these bytes already, so that its date tells the truth to cargo.
fn write_if_changed(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if fs::read(file).is_ok_and(|old| old == bytes) { Ok(()) } else { fs::write(file, bytes) }
}

/// How often `find` occurs in `text`, overlaps included; never for the empty text.
fn occurrences(text: &str, find: &str) -> usize {
    if find.is_empty() {
        return 0;
    }
    text.char_indices().filter(|(place, _)| text[*place..].starts_with(find)).count()
}

/// The last lines of a file.
fn last_lines(file: &Path, lines: usize) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of two files, and its planter.
    fn planter() -> (tempfile::TempDir, Planter) {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (file, text) in
            [("src/lib.rs", "fn a() { once(); twice(); twice(); }\n"), ("models/src/planted.rs", "")]
        {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().expect("a folder")).expect("created");
            fs::write(file, text).expect("written");
        }
        let planter = Planter::new(root.path(), &Mutants::default(), Vec::new()).expect("copied");
        (root, planter)
    }

    fn edit(file: &str, find: &str, replace: &str) -> Edit {
        Edit { file: file.into(), find: find.to_owned(), replace: replace.to_owned() }
    }

    fn copied(planter: &Planter, file: &str) -> String {
        fs::read_to_string(planter.tree.join(file)).expect("copied")
    }

    #[test]
    fn the_copy_follows_the_sources_and_carries_the_mark() {
        let (root, planter) = planter();
        assert!(copied(&planter, "src/lib.rs").contains("pub static PLANTED"));
        assert!(copied(&planter, "models/src/planted.rs").contains("Some(quorate::PLANTED.load"));
        fs::write(root.path().join("src/new.rs"), "new").expect("written");
        planter.sync(root.path(), Path::new("")).expect("synced");
        assert_eq!(copied(&planter, "src/new.rs"), "new");
        fs::remove_file(root.path().join("src/new.rs")).expect("removed");
        planter.sync(root.path(), Path::new("")).expect("synced");
        assert!(!planter.tree.join("src/new.rs").exists());
        assert!(!planter.tree.join("target").exists());
    }

    #[test]
    fn edits_are_planted_with_their_mark_and_taken_back() {
        let (_root, planter) = planter();
        let before = copied(&planter, "src/lib.rs");
        let edits = [edit("src/lib.rs", "once();", "@reached; never();"), edit("src/lib.rs", "fn a", "fn b")];
        let planted = planter.plant(&edits).expect("planted");
        assert!(planted.marked);
        let during = copied(&planter, "src/lib.rs");
        assert!(during.contains(
            "fn b() { crate::PLANTED.store(true, core::sync::atomic::Ordering::Relaxed); never();"
        ));
        drop(planted);
        assert_eq!(copied(&planter, "src/lib.rs"), before);
        let outside = [edit("models/src/planted.rs", "pub fn", "@reached; pub fn")];
        let _planted = planter.plant(&outside).expect("planted");
        assert!(copied(&planter, "models/src/planted.rs").contains("quorate::PLANTED.store(true"));
    }

    #[test]
    fn edits_that_do_not_fit_exactly_once_are_stale_and_change_nothing() {
        let (_root, planter) = planter();
        let before = copied(&planter, "src/lib.rs");
        for (edits, why) in [
            (vec![edit("src/lib.rs", "thrice", "")], "does not occur"),
            (vec![edit("src/lib.rs", "", "x")], "does not occur"),
            (vec![edit("src/lib.rs", "static PLANTED", "x")], "does not occur"),
            (vec![edit("src/lib.rs", "twice", "")], "2 times"),
            (vec![edit("src/lib.rs", "once", "x"), edit("src/lib.rs", "once", "")], "does not occur"),
            (vec![edit("src/none.rs", "once", "")], "no file"),
            (vec![edit("../lock", "once", "")], "no file"),
        ] {
            let error = planter.plant(&edits).expect_err(why);
            assert!(error.contains(why), "{error}");
            assert_eq!(copied(&planter, "src/lib.rs"), before);
        }
    }

    #[test]
    fn one_copy_is_planted_by_one_run_at_a_time() {
        let (root, _planter) = planter();
        let error = Planter::new(root.path(), &Mutants::default(), Vec::new()).expect_err("locked");
        assert!(error.contains("another run"), "{error}");
    }
}
