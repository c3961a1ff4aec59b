//! The command line over checks that only pretend: its exit status, its documents, its words.

use std::collections::BTreeMap;
use std::ffi::OsString;

use quorate_models::check::{
    Bounds, Check, Kind, Level, Progress, PropertyReport, Protocol, Report, RunOptions, Violation,
};
use quorate_models::cli::{self, HOLDS, Registry, Screen, UNDECIDED, VIOLATED};
use quorate_models::coverage::{Coverage, Meeting, Vocabulary};
use serde_json::{Value, json};

#[path = "cli/counterexamples.rs"]
mod counterexamples;
#[path = "cli/mutants.rs"]
mod mutants;

/// What a fake check comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Holds,
    Violated,
    NeverReached,
    Incomplete,
    Vacuous,
    Panics,
    /// What the property speaks of never comes about.
    Idle,
    /// It does, and an input that could come never does.
    Meets,
}

/// What there is to be met in a fake world.
const WORDS: Vocabulary = Vocabulary {
    phases: &["idle", "busy"],
    inputs: &["a <vote>", "a crash"],
    transitions: &[("idle", "busy"), ("busy", "idle")],
    outcomes: &["refused"],
    impossible: &[("busy", "a crash", "fakes are robust")],
    impossible_outcomes: &[],
};

/// A check that explores nothing.
struct Fake {
    protocol: &'static str,
    name: &'static str,
    fate: Fate,
}

impl Check for Fake {
    fn protocol(&self) -> &'static str {
        self.protocol
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn varies(&self) -> &'static str {
        "a fate <known> before"
    }

    fn bounds(&self, level: Level) -> Bounds {
        let requests = if level == Level::Quick { 1 } else { 4 };
        BTreeMap::from([("nodes", Some(3)), ("requests", Some(requests)), ("in_flight", None)])
    }

    fn run(&self, level: Level, _: &RunOptions, _: &Progress) -> Report {
        assert!(self.fate != Fate::Panics, "no such log & no \"entry\"");
        let property = |name, kind, holds| PropertyReport { name, kind, holds, met: None };
        let mut properties = vec![
            property("agreement", Kind::Always, self.fate != Fate::Violated),
            property(
                "a decision",
                Kind::Sometimes,
                matches!(self.fate, Fate::Holds | Fate::Idle | Fate::Meets),
            ),
        ];
        properties[0].met = match self.fate {
            Fate::Idle => Some(false),
            Fate::Meets => Some(true),
            _ => None,
        };
        let mut coverage = Coverage::default();
        if self.fate == Fate::Meets {
            coverage = Coverage::new(WORDS);
            coverage.meetings.insert(Meeting::new("idle", "a <vote>", "busy"), 1_234);
        }
        if self.fate == Fate::Vacuous {
            properties.clear();
        }
        Report {
            protocol: self.protocol,
            name: self.name,
            explorer: "dfs",
            bounds: self.bounds(level),
            withheld: BTreeMap::from([("requests", 12_345), ("nodes", 0)]),
            complete: !matches!(self.fate, Fate::Violated | Fate::Incomplete),
            states: 2_000_000,
            unique: 1_234_567,
            depth: 21,
            by_depth: vec![1, 4, 1_234_562],
            seconds: 0.5,
            cpu_seconds: 0.25,
            memory_bytes: 12_345_670,
            properties,
            coverage,
            violation: (self.fate == Fate::Violated).then(|| Violation {
                property: "agreement",
                steps: vec!["n1 starts".to_owned(), "n1 -> n2 <Vote & \"more\">".to_owned()],
                shortest: true,
                state: "n1: decided 1\nn2: decided 2".to_owned(),
                file: None,
            }),
            must_fall: None,
        }
    }

    fn explore(&self, _: Level, _: u16) {}
}

/// What a command line came to.
struct Said {
    status: u8,
    out: String,
    err: String,
}

/// Runs a command line over `registry`.
fn run(registry: &Registry, args: &[&str]) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = ["verify"].iter().chain(args).map(OsString::from);
    let status = cli::run(registry, all, &mut Screen::plain(&mut out, &mut err));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { status, out: text(out), err: text(err) }
}

/// A registry with the protocol `fake`, a world a fate, in order.
fn registry(fates: &[(&'static str, Fate)]) -> Registry {
    let check = |(name, fate): &(&'static str, Fate)| -> Box<dyn Check> {
        Box::new(Fake { protocol: "fake", name, fate: *fate })
    };
    let checks = fates.iter().map(check).collect();
    Registry::new(
        "cargo verify",
        vec![Protocol { name: "fake", source: "Nobody 2026, 1.2", checks, simulation: None }],
    )
}

#[test]
fn the_exit_status_tells_the_worst_that_happened() {
    let (good, bad, short) = (("good", Fate::Holds), ("bad", Fate::Violated), ("short", Fate::Incomplete));
    for (fates, status) in [
        (vec![good], HOLDS),
        (vec![good, bad], VIOLATED),
        (vec![good, short], UNDECIDED),
        (vec![short, bad, short], VIOLATED),
        (vec![("unseen", Fate::NeverReached)], VIOLATED),
        (vec![("vacuous", Fate::Vacuous)], VIOLATED),
        (vec![good, ("panics", Fate::Panics)], VIOLATED),
    ] {
        assert_eq!(run(&registry(&fates), &["check"]).status, status);
        assert_eq!(run(&registry(&fates), &[]).status, status, "no command is `check`");
    }
}

#[test]
fn what_is_not_known_is_said_with_what_is() {
    let fakes = registry(&[("good", Fate::Holds), ("other", Fate::Holds)]);
    for (args, words) in [
        (&["check", "raft"][..], &["no protocol `raft`", "there are: fake", "cargo verify list"][..]),
        (&["check", "--world", "bad"], &["no world `bad`", "good, other"]),
        (&["explore", "raft"], &["no protocol `raft`"]),
        (&["explore", "fake", "--world", "bad"], &["no world `bad`"]),
        (&["check", "--bounds", "huge"], &["huge", "quick, standard, deep"]),
        (&["chekc"], &["chekc", "check"]),
        (&["check", "--threads", "0"], &["0"]),
    ] {
        let said = run(&fakes, args);
        assert_eq!(said.status, UNDECIDED, "{args:?}");
        for word in words {
            assert!(said.err.contains(word), "{args:?}: {}", said.err);
        }
    }
    let empty = run(&Registry::new("cargo verify", Vec::new()), &[]);
    assert_eq!(empty.status, UNDECIDED);
    assert!(empty.err.contains("nothing to check"), "{}", empty.err);
    assert_eq!(run(&fakes, &["--help"]).status, HOLDS);
    assert!(run(&fakes, &["check", "--help"]).out.contains("Usage: cargo verify check"));
}

#[test]
fn the_words_say_what_was_explored_and_what_was_not() {
    let fates = [
        ("good", Fate::Holds),
        ("bad", Fate::Violated),
        ("short", Fate::Incomplete),
        ("un", Fate::NeverReached),
    ];
    let said = run(&registry(&fates), &["check"]).out;
    for words in [
        "fake/good: holds (exhaustive, 1,234,567 unique of 2,000,000 states, depth 21, 0.50 s)",
        "fake/bad: VIOLATED: agreement (incomplete, ",
        "fake/short: holds so far (incomplete, ",
        "fake/un: NEVER REACHED: a decision (exhaustive, ",
        "agreement is violated in fake/bad after 2 steps, and by no shorter trace:",
        "    1. n1 starts\n    2. n1 -> n2",
        "the state then:\n    n1: decided 1\n    n2: decided 2",
        "fake: 2 properties",
        "always      agreement   VIOLATED in bad; holds so far in short; holds in 2 worlds",
        "sometimes   a decision  NEVER REACHED in un; not reached yet in bad, short; reached in 1 world",
        "withheld: 12,345 by requests\n",
        "fell: agreement\n",
        "bounds: in_flight=any, nodes=3, requests=1\n",
        "exhaustive  all 2 hold\n",
        "4 worlds at quick bounds, 2 exhaustive: 4,938,268 unique of 8,000,000 states",
        "8.00 million states per CPU second",
        "10.0 bytes a state",
        "with the same fingerprint: 1.7e-7",
    ] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 110), "too wide:\n{said}");
    assert!(said.is_ascii(), "plain text");
}

#[test]
fn worlds_run_in_the_order_asked_for_and_stop_at_a_fall() {
    let fates = [("good", Fate::Holds), ("bad", Fate::Violated), ("un", Fate::NeverReached)];
    let fakes = registry(&fates);
    let lines = |args: &[&str]| {
        let out = run(&fakes, args).out;
        let rows = out.lines().filter(|line| line.contains(" states, depth "));
        rows.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lines(&["check", "--world", "un", "--world", "good"]), ["fake/un", "fake/good"]);
    assert_eq!(lines(&["check", "--fail-fast"]), ["fake/good", "fake/bad"]);
    assert_eq!(lines(&["check", "fake", "--fail-fast=a decision"]), ["fake/good", "fake/bad", "fake/un"]);
    assert_eq!(lines(&["check", "--fail-fast=agreement", "fake"]), ["fake/good", "fake/bad"]);
}

#[test]
fn a_property_that_speaks_of_nothing_in_any_world_is_no_success() {
    let said = run(&registry(&[("idle", Fate::Idle)]), &["check"]);
    assert_eq!(said.status, VIOLATED);
    assert!(said.err.contains("fake: `agreement` holds of nothing"), "{}", said.err);
    assert!(said.out.contains("holds in 1 world (of something in 0)"), "{}", said.out);

    let elsewhere = run(&registry(&[("idle", Fate::Idle), ("meets", Fate::Meets)]), &["check"]);
    assert_eq!(elsewhere.status, HOLDS, "{}", elsewhere.err);
    assert!(elsewhere.out.contains("holds in 2 worlds (of something in 1)"), "{}", elsewhere.out);

    let a_part =
        run(&registry(&[("idle", Fate::Idle), ("meets", Fate::Meets)]), &["check", "--world", "idle"]);
    assert_eq!(a_part.status, HOLDS, "what was left out might have met it: {}", a_part.err);
}

#[test]
fn what_was_never_met_is_listed_once_all_worlds_were_explored() {
    let fates = [("meets", Fate::Meets), ("good", Fate::Holds)];
    let said = run(&registry(&fates), &["check"]).out;
    for words in [
        "fake: 1 of 3 inputs met a phase, 1 of 2 transitions were taken, 0 of 1 outcomes told",
        "never met: a <vote> at busy; a crash at idle",
        "never taken: from busy to idle",
        "never told: refused",
    ] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
    let part = run(&registry(&fates), &["check", "--world", "meets"]).out;
    assert!(part.contains("1 of 3 inputs met") && !part.contains("never met"), "{part}");
}

#[test]
fn the_page_stands_alone_and_the_summary_is_markdown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let mutants = json!({"mutants": [
        {"protocol": "fake", "name": "a-bug", "source": "Nobody <2026>", "outcome": "killed", "passed": true,
         "found_by": ["dfs", "simulator"], "search": {"verdict": "found", "property": "agreement", "states": 12}},
        {"protocol": "fake", "name": "another", "outcome": "survived", "passed": false},
    ]});
    let simulation = json!({"trace_hash": "abcd", "simulations": [
        {"protocol": "fake", "seeds": 7, "violations": [], "tally": {"virtual_time": 5}},
    ]});
    std::fs::write(file("mutants.json"), mutants.to_string()).expect("written");
    std::fs::write(file("simulate.json"), simulation.to_string()).expect("written");
    let fates = [("meets", Fate::Meets), ("bad", Fate::Violated), ("short", Fate::Incomplete)];
    let (html, markdown) = (file("a/page.html"), file("b/summary.md"));
    let (planted, simulated) = (file("mutants.json"), file("simulate.json"));
    let args = [
        "check",
        "--html",
        &html,
        "--markdown",
        &markdown,
        "--mutants",
        &planted,
        "--simulation",
        &simulated,
    ];
    let said = run(&registry(&fates), &args);
    assert_eq!(said.status, VIOLATED, "{}", said.err);

    let page = std::fs::read_to_string(html).expect("written");
    for words in [
        "a property fell in 1 of 3 worlds",
        "a fate &lt;known&gt; before",
        "n1 -&gt; n2 &lt;Vote &amp; &quot;more&quot;&gt;",
        "a &lt;vote&gt;",
        "fakes are robust",
        "1 of 2 planted bugs",
        "Nobody &lt;2026&gt;",
        "dfs, simulator",
        "abcd",
        "<svg",
    ] {
        assert!(page.contains(words), "`{words}` is not on the page");
    }
    for foreign in ["src=", "href=\"http", "@import", "url(", "<script"] {
        assert!(!page.contains(foreign), "the page needs nothing from elsewhere: {foreign}");
    }

    let summary = std::fs::read_to_string(markdown).expect("written");
    for words in [
        "## `cargo verify check`: a property fell in 1 of 3 worlds",
        "| fake/meets | holds | 1,234,567 | 2,000,000 | 21 | 0.50 s | exhaustive |",
        "<b>agreement</b> falls in fake/bad",
        "2. n1 -&gt; n2 &lt;Vote &amp; \"more\"&gt;",
        "mutants: 1 of 2 killed",
        "fake/another: survived",
        "fake: 7 seeds simulated, 0 fell",
    ] {
        assert!(summary.contains(words), "`{words}` is not in:\n{summary}");
    }
}

#[test]
fn json_has_its_stated_form() {
    let said = run(&registry(&[("good", Fate::Holds), ("bad", Fate::Violated)]), &["check", "--json", "-"]);
    let found: Value = serde_json::from_str(&said.out).expect("standard output is JSON alone");
    assert!(said.err.contains("agreement is violated"), "the words go to standard error: {}", said.err);
    let check = |name, complete, properties, violation, verdict| {
        json!({
            "protocol": "fake", "name": name, "explorer": "dfs",
            "bounds": {"nodes": 3, "requests": 1, "in_flight": null},
            "withheld": {"nodes": 0, "requests": 12345},
            "complete": complete, "states": 2_000_000, "unique": 1_234_567, "depth": 21, "seconds": 0.5,
            "by_depth": [1, 4, 1_234_562],
            "cpu_seconds": 0.25, "memory_bytes": 12_345_670,
            "properties": properties, "violation": violation, "verdict": verdict,
        })
    };
    let properties = |holds| {
        json!([
            {"name": "agreement", "kind": "always", "holds": holds},
            {"name": "a decision", "kind": "sometimes", "holds": holds},
        ])
    };
    let violation = json!({"property": "agreement", "steps": ["n1 starts", "n1 -> n2 <Vote & \"more\">"]});
    let expected = json!({
        "checks": [
            check("good", true, properties(true), Value::Null, "holds"),
            check("bad", false, properties(false), violation, "violated"),
        ],
        "bounds": "quick",
        "reached": null,
    });
    assert_eq!(found, expected);
}

#[test]
fn json_and_junit_go_to_files_in_new_folders() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (json, junit) = (folder.path().join("a/b.json"), folder.path().join("c/d.xml"));
    let fates = [
        ("good", Fate::Holds),
        ("bad", Fate::Violated),
        ("short", Fate::Incomplete),
        ("panics", Fate::Panics),
    ];
    let files = ["--json", json.to_str().expect("text"), "--junit", junit.to_str().expect("text")];
    let said = run(&registry(&fates), &[&["check", "--bounds", "deep"], &files[..]].concat());
    assert_eq!(said.status, VIOLATED, "{}", said.err);
    let found: Value = serde_json::from_slice(&std::fs::read(json).expect("written")).expect("JSON");
    assert_eq!(found["checks"][0]["bounds"]["requests"], 4);
    let panicked = &found["checks"][3];
    assert_eq!(panicked["violation"]["property"], "never panics");
    assert_eq!(panicked["properties"], json!([{"name": "never panics", "kind": "always", "holds": false}]));

    let text = std::fs::read_to_string(junit).expect("written");
    let report = quick_junit::Report::deserialize_from_str(&text).expect("well-formed");
    assert_eq!((report.tests, report.failures, report.errors), (4, 2, 1), "{text}");
    let suite = &report.test_suites[0];
    assert_eq!(suite.name.as_str(), "fake");
    let names: Vec<&str> = suite.test_cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["good", "bad", "short", "panics"]);
    assert!(text.contains("&lt;Vote &amp; "), "escaped: {text}");
}

#[test]
fn a_file_that_cannot_be_written_is_no_success() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let taken = folder.path().to_str().expect("text");
    for option in ["--json", "--junit", "--html", "--markdown"] {
        let said = run(&registry(&[("good", Fate::Holds)]), &["check", option, taken]);
        assert_eq!(said.status, UNDECIDED);
        assert!(said.err.contains("failed"), "{}", said.err);
    }
}

#[test]
fn the_list_names_worlds_bounds_and_sources() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut fakes = registry(&[("good", Fate::Holds), ("bad", Fate::Violated)]);
    fakes.mutants.root = Some(folder.path().to_path_buf());
    let said = run(&fakes, &["list"]);
    assert_eq!(said.status, HOLDS);
    for words in ["fake: Nobody 2026, 1.2", "good", "bad", "in_flight=any, nodes=3", "mutants are not shown"]
    {
        assert!(said.out.contains(words), "`{words}` is not in:\n{}", said.out);
    }
}
