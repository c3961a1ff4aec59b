//! The invariants of absence: what must not appear in the sources, and that the rules against it bite.
//!
//! A promise such as "a machine reads no clock" holds because nobody can break it unseen. Clippy resolves paths and
//! so sees through renames, but may be allowed away; this test reads plain tokens and cannot.
#![allow(missing_docs, unreachable_pub, reason = "a test")]

mod source;

use std::path::Path;
use std::process::Command;

use source::Source;

/// The modules that protocols stand on. Whatever else lies in `src/` is a protocol, or the driver.
const FOUNDATION: &[&str] =
    &["durable", "either", "fixed", "id", "ledger", "machine", "quorum", "time", "wire"];
const DRIVER: &str = "driver";
const FILE_LINES_MAX: usize = 650;
const FUNCTION_LINES_MAX: usize = 80;

/// Words that have no business in a pure machine.
const BANNED: &[(&str, &str)] = &[
    ("unsafe", "the crate forbids it"),
    ("static", "a global is state that no check sees"),
    ("thread_local", "a global is state that no check sees"),
    ("RefCell", "state changes in `step`, through `&mut`"),
    ("OnceCell", "state changes in `step`, through `&mut`"),
    ("Mutex", "state belongs to one machine, which one driver steps"),
    ("RwLock", "state belongs to one machine, which one driver steps"),
    ("HashMap", "its order differs from run to run"),
    ("HashSet", "its order differs from run to run"),
    ("RandomState", "it is seeded anew in every process"),
    ("Instant", "time arrives through `Context::now`"),
    ("SystemTime", "wall time arrives in requests"),
    ("rand", "choices arrive through `Context::choose`"),
    ("getrandom", "choices arrive through `Context::choose`"),
    ("fastrand", "choices arrive through `Context::choose`"),
    ("tokio", "only the driver knows a runtime"),
];

/// Methods and macros that panic. A machine accepts every input; its tests may panic as they like.
const PANICKING_METHODS: &[&str] = &["unwrap", "expect", "unwrap_err", "expect_err"];
const PANICKING_MACROS: &[&str] = &["panic", "unreachable", "todo", "unimplemented"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources of the core: all of `src/` but the driver. Never empty, lest a rule pass for want of anything to read.
fn core() -> Vec<Source> {
    let sources = source::read(root(), "src").expect("src/ can be read");
    let core: Vec<_> = sources.into_iter().filter(|source| module(&source.path) != DRIVER).collect();
    assert!(core.len() >= FOUNDATION.len(), "only {} files of the core were found", core.len());
    core
}

/// The top-level module that a file of `src/` belongs to: `raft` for `src/raft.rs` and `src/raft/election.rs`.
fn module(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split(['/', '.']).next().unwrap_or(inside)
}

fn complaint(source: &Source, at: usize, what: &str) -> String {
    let line = source.tokens.get(at).map_or(0, |token| token.line);
    format!("{}:{line}: `{}`: {what}", source.path, source.text(at))
}

/// What in `source` could make two runs differ, or reaches out of the machine.
fn impurities(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        if let Some((_, why)) = BANNED.iter().find(|(word, _)| token.text == *word) {
            found.push(complaint(source, at, why));
        }
        if source.spells(at, &["std", "::"]) {
            found.push(complaint(source, at, "outside the driver there are `core` and `alloc` only"));
        }
        if source.spells(at, &["core", "::", "cell"]) || source.spells(at, &["sync", "::", "atomic"]) {
            found.push(complaint(source, at, "state changes in `step`, through `&mut`"));
        }
    }
    found
}

/// What in `source` panics by name, tests aside: those under `#[cfg(test)]`, and those in a `tests.rs` or below `tests/`.
fn panics(source: &Source) -> Vec<String> {
    if source.path.ends_with("/tests.rs") || source.path.contains("/tests/") {
        return Vec::new();
    }
    let source = source.without_tests();
    let mut found = Vec::new();
    for at in 0..source.tokens.len() {
        let called = |words: &[&str]| words.contains(&source.text(at + 1));
        let method = source.text(at) == "." && called(PANICKING_METHODS) && source.text(at + 2) == "(";
        let macro_call = PANICKING_MACROS.contains(&source.text(at)) && source.text(at + 1) == "!";
        if method || macro_call {
            let name = if method { at + 1 } else { at };
            found.push(complaint(&source, name, "a machine refuses or notices, it does not panic"));
        }
    }
    found
}

/// Which modules of the crate `source` names, with their positions, through `crate::` or `super::`.
fn named(source: &Source) -> Vec<usize> {
    let mut found = Vec::new();
    for at in 0..source.tokens.len() {
        if !matches!(source.text(at), "crate" | "super") || source.text(at + 1) != "::" {
            continue;
        }
        if source.text(at + 2) != "{" {
            found.push(at + 2);
            continue;
        }
        let mut inside = at + 3;
        let end = source.closing(at + 2);
        while inside < end {
            found.push(inside);
            while inside < end && source.text(inside) != "," {
                inside = if source.text(inside) == "{" { source.closing(inside) } else { inside } + 1;
            }
            inside += 1;
        }
    }
    found
}

/// Imports against the grain: dependencies point from the driver to the protocols to the foundation. One protocol
/// uses another only if its name says so, as `commit_on_raft` does.
fn wrong_imports(source: &Source, modules: &[&str]) -> Vec<String> {
    let here = module(&source.path);
    if here == "lib" || here == DRIVER {
        return Vec::new();
    }
    let allowed = |name: &str| {
        let says_so = format!("_{here}_").contains(&format!("_{name}_")) && !FOUNDATION.contains(&here);
        name == here || FOUNDATION.contains(&name) || says_so || !modules.contains(&name)
    };
    let wrong = named(source).into_iter().filter(|at| !allowed(source.text(*at)));
    wrong.map(|at| complaint(source, at, &format!("`{here}` must not depend on it"))).collect()
}

/// Files and functions that are too long to be read in one go.
fn too_long(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if source.lines > FILE_LINES_MAX {
        found.push(format!("{}: {} lines, at most {FILE_LINES_MAX}", source.path, source.lines));
    }
    for at in 0..source.tokens.len() {
        if source.text(at) != "fn" || source.text(at + 1) == "(" {
            continue;
        }
        let end = source.end_of_item(at).min(source.tokens.len() - 1);
        let lines = source.tokens[end].line - source.tokens[at].line + 1;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("a function of {lines} lines, at most {FUNCTION_LINES_MAX}");
            found.push(complaint(source, at + 1, &what));
        }
    }
    found
}

fn forbids_unsafe(source: &Source) -> bool {
    (0..source.tokens.len())
        .any(|at| source.spells(at, &["#", "!", "[", "forbid", "(", "unsafe_code", ")", "]"]))
}

/// The packages of `tree`, as `cargo tree --prefix none` prints it, that `allowed` does not know.
fn strangers(tree: &str, allowed: impl Fn(&str) -> bool) -> Vec<&str> {
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| !allowed(name)).collect()
}

/// The normal dependencies of the crate; `None`, with the reason printed, where cargo cannot tell.
fn dependencies(features: &[&str]) -> Option<String> {
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command.args(["tree", "--package", "quorate", "--edges", "normal", "--prefix", "none"]);
    match command.args(["--offline", "--locked"]).args(features).current_dir(root()).output() {
        Ok(output) if output.status.success() => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => {
            println!("skipped: cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(error) => {
            println!("skipped: cargo cannot be run: {error}");
            None
        }
    }
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_core_reaches_for_nothing_outside_the_machine() {
    assert_none(&core().iter().flat_map(impurities).collect::<Vec<_>>());
}

#[test]
fn the_core_does_not_panic_by_name() {
    assert_none(&core().iter().flat_map(panics).collect::<Vec<_>>());
}

#[test]
fn dependencies_point_one_way() {
    let core = core();
    let mut modules: Vec<_> = core.iter().map(|source| module(&source.path)).collect();
    modules.push(DRIVER);
    assert_none(&core.iter().flat_map(|source| wrong_imports(source, &modules)).collect::<Vec<_>>());
}

#[test]
fn files_and_functions_can_be_read_in_one_go() {
    for dir in ["src", "models", "tests", "benches", "examples", "fuzz"] {
        let sources = source::read(root(), dir).expect("sources can be read");
        assert_none(&sources.iter().flat_map(too_long).collect::<Vec<_>>());
    }
}

#[test]
fn unsafe_code_is_forbidden() {
    assert!(core().iter().any(|source| source.path == "src/lib.rs" && forbids_unsafe(source)));
}

#[test]
fn the_dependency_tree_stays_small() {
    if let Some(tree) = dependencies(&["--no-default-features"]) {
        assert!(tree.starts_with("quorate "), "{tree}");
        assert_eq!(strangers(&tree, |name| ["quorate", "smallvec"].contains(&name)), [""; 0]);
    }
    if let Some(tree) = dependencies(&[]) {
        let heavy =
            ["stateright", "clap", "indicatif", "tokio", "proptest", "rand", "criterion", "libfuzzer-sys"];
        assert_eq!(strangers(&tree, |name| !heavy.contains(&name)), [""; 0]);
    }
}

mod the_rules_bite {
    use super::*;

    fn count(rule: impl Fn(&Source) -> Vec<String>, text: &str) -> usize {
        rule(&Source::new("src/raft/election.rs", text)).len()
    }

    #[test]
    fn on_impurities() {
        for planted in [
            "use std::net::TcpStream;",
            "use std::{fs, io};",
            "fn f() { std::thread::spawn(g); }",
            "fn f() { let now = Instant::now(); }",
            "let t = SystemTime::now();",
            "let m: HashMap<u8, u8>;",
            "use hashbrown::HashSet;",
            "let n = rand::random();",
            "unsafe { f() }",
            "use core::cell::Cell;",
            "use core::sync::atomic::AtomicU64;",
            "static COUNT: AtomicU64 = AtomicU64::new(0);",
        ] {
            assert_eq!(count(impurities, planted), 1, "{planted}");
        }
        let innocent = "/// An unsafe HashMap. use std::fs;\n fn f(s: &'static str) -> core::time::Duration { \"rand\" }";
        assert_eq!(count(impurities, innocent), 0);
    }

    #[test]
    fn on_panics() {
        for planted in ["a.unwrap()", "a.expect(\"b\")", "panic!()", "_ => unreachable!(\"c\")", "todo!()"] {
            assert_eq!(count(panics, planted), 1, "{planted}");
        }
        let innocent =
            "#[expect(dead_code)] fn f() { a.unwrap_or(b) } #[cfg(test)] mod tests { fn g() { a.unwrap() } }";
        assert_eq!(count(panics, innocent), 0);
        for path in ["src/raft/tests.rs", "src/raft/tests/election.rs"] {
            assert_eq!(panics(&Source::new(path, "a.unwrap()")), [""; 0]);
        }
    }

    #[test]
    fn on_imports_against_the_grain() {
        let modules = ["raft", "resilience", "commit", "commit_on_raft", "driver", "ledger", "id"];
        let wrong = |path: &str, text: &str| wrong_imports(&Source::new(path, text), &modules).len();
        for planted in [
            "use crate::resilience::Breaker;",
            "use crate::driver;",
            "use super::super::driver::Driver;",
            "use crate::{id::NodeId, resilience::{Breaker, Raft}, ledger};",
            "fn f() { crate::commit::g() }",
        ] {
            assert_eq!(wrong("src/raft/election.rs", planted), 1, "{planted}");
        }
        assert_eq!(wrong("src/ledger.rs", "use crate::raft::Raft;"), 1);
        assert_eq!(wrong("src/ledger/timers.rs", "use crate::driver::Clock;"), 1);
        assert_eq!(
            wrong("src/commit_on_raft.rs", "use crate::{driver, commit, raft};"),
            1,
            "the driver is no stack"
        );

        let innocent = "use crate::id::{NodeId}; use super::Raft; use crate::{ledger::{driver}, raft::log};";
        assert_eq!(wrong("src/raft.rs", innocent), 0);
        assert_eq!(wrong("src/driver/std.rs", "use crate::raft::Raft;"), 0);
    }

    #[test]
    fn on_length() {
        let lines = |n: usize| "\n".repeat(n);
        assert_eq!(count(too_long, &lines(FILE_LINES_MAX)), 0);
        assert_eq!(count(too_long, &lines(FILE_LINES_MAX + 1)), 1);
        let function = |n: usize| format!("fn f(a: [u8; 4]) -> fn(u8) where A: B {{{}}} fn g();", lines(n));
        assert_eq!(count(too_long, &function(FUNCTION_LINES_MAX - 1)), 0);
        assert_eq!(count(too_long, &function(FUNCTION_LINES_MAX)), 1);
    }

    #[test]
    fn on_a_crate_that_allows_unsafe() {
        assert!(forbids_unsafe(&Source::new("src/lib.rs", "//! Docs\n#![forbid(unsafe_code)]\nmod a;")));
        assert!(!forbids_unsafe(&Source::new(
            "src/lib.rs",
            "// #![forbid(unsafe_code)]\n#![deny(unsafe_code)]"
        )));
    }

    #[test]
    fn on_a_new_dependency() {
        let tree = "quorate v0.1.0 (/somewhere)\nsmallvec v1.15.0\ntokio v1.54.0 (*)\n";
        assert_eq!(strangers(tree, |name| name != "tokio"), ["tokio"]);
        assert_eq!(strangers(tree, |_| true), [""; 0]);
    }
}
