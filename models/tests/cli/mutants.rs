//! Mutants of a toy workspace, planted, built and run for real.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use quorate_models::cli::{HOLDS, Registry, UNDECIDED, VIOLATED};
use quorate_models::simulate::{Explained, Options, SeedReport, Simulation};
use quorate_models::trace::Replays;
use serde_json::{Value, json};

use super::{Fate, Said, registry, run};

/// The toy: `double` is its protocol.
const LIB: &str = "\
//! A toy.
#![no_std]
/// Twice `x`.
pub fn double(x: u32) -> u32 {
    if x == 7 {
        return 14;
    }
    let two = 2;
    two * x
}
";

/// The toy's command line: it answers `check` and `simulate` as the real one does. Only seed 3 doubles a seven.
const MAIN: &str = r##"
mod planted;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let file = &args[args.iter().position(|arg| arg == "--json").unwrap() + 1];
    let even = toy::double(3) % 2 == 0;
    let small = toy::double(3) < 100;
    if args[1] == "simulate" {
        return simulate(&args, file, even, small);
    }
    let right = even && small;
    let fell = if even { "small" } else { "even" };
    let violation = if right { "null".to_owned() } else { format!(r#"{{"property":"{fell}","steps":["double"]}}"#) };
    let reached = planted::reached().map_or("null".to_owned(), |reached| reached.to_string());
    std::fs::write(file, format!(
        r#"{{"checks":[{{"name":"good","explorer":"dfs","complete":{right},"unique":3,"seconds":0.25,
        "properties":[{{"name":"even","kind":"always","holds":{even}}},{{"name":"small","kind":"always","holds":{small}}}],
        "violation":{violation}}}],"reached":{reached}}}"#)).unwrap();
    std::process::exit(if right { 0 } else { 1 });
}

fn simulate(args: &[String], file: &str, even: bool, small: bool) {
    let seeds = args.iter().find_map(|arg| arg.strip_prefix("--seeds=0..")).unwrap();
    let seeds: u64 = seeds.parse().unwrap();
    let seed = if !even || !small { Some(0) } else { (seeds > 3 && toy::double(7) != 14).then_some(3) };
    let fell = if !small { "small" } else { "even" };
    let reached = planted::reached().map_or("null".to_owned(), |reached| reached.to_string());
    let fall = seed.map_or(String::new(), |seed| format!(r#"{{"seed":{seed},"property":"{fell}","event":9,"healing":false"#));
    let (violation, explained) = match seed {
        Some(_) => (format!("{fall}}}"), format!(r#"{fall},"steps":["double","double"]}}"#)),
        None => (String::new(), String::new()),
    };
    std::fs::write(file, format!(
        r#"{{"simulations":[{{"protocol":"fake","seeds":{seeds},"complete":{},"seconds":0.5,
        "violations":[{violation}],"explained":[{explained}]}}],"reached":{reached}}}"#, seed.is_none())).unwrap();
    std::process::exit(if seed.is_none() { 0 } else { 1 });
}
"##;

/// A simulation of which it is only asked whether there is one: the toy's binary simulates.
struct Elsewhere;

impl Simulation for Elsewhere {
    fn run(&self, _: u64, _: &Options, _: &AtomicBool) -> Option<SeedReport> {
        None
    }

    fn explain(&self, _: u64, _: &Options) -> Option<Explained> {
        None
    }

    fn replays(&self, _: Value) -> Result<Box<dyn Replays>, serde_json::Error> {
        serde_json::from_str("nothing").map(|()| unreachable!("it is no JSON"))
    }
}

/// A workspace laid out as ours is, and a registry for it.
struct Toy {
    folder: tempfile::TempDir,
    registry: Registry,
}

impl Toy {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut registry = registry(&[("good", Fate::Holds)]);
        registry.mutants.root = Some(folder.path().to_path_buf());
        registry.mutants.package = "toy-models".to_owned();
        registry.mutants.mark_crate = "toy".to_owned();
        registry.mutants.by_features = false;
        let toy = Self { folder, registry };
        let manifest = "[package]\nname = \"toy\"\nedition = \"2024\"\n[workspace]\nmembers = [\"models\"]\n\
            [profile.mutants]\ninherits = \"dev\"\n";
        toy.write("Cargo.toml", manifest);
        toy.write("src/lib.rs", LIB);
        let models =
            "[package]\nname = \"toy-models\"\nedition = \"2024\"\n[dependencies]\ntoy.path = \"..\"\n";
        toy.write("models/Cargo.toml", models);
        toy.write("models/src/main.rs", MAIN);
        toy.write("models/src/planted.rs", "pub fn reached() -> Option<bool> { None }\n");
        fs::create_dir_all(toy.folder.path().join("models/mutants/fake")).expect("created");
        toy
    }

    /// One that can be simulated as well.
    fn simulated() -> Self {
        let mut toy = Self::new();
        toy.registry.protocols[0].simulation = Some(Box::new(Elsewhere));
        toy
    }

    fn write(&self, file: &str, text: &str) {
        let file = self.folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap_or(Path::new(""))).expect("created");
        fs::write(file, text).expect("written");
    }

    /// A mutant that replaces `find`; `more` is further lines at the top.
    fn mutant(&self, name: &str, more: &str, find: &str, replace: &str) {
        let text = format!(
            "name = \"{name}\"\nsource = \"Folklore\"\nwhy = \"It differs.\"\nexpect = [\"even\"]\n{more}\n\
             [[edit]]\nfile = \"src/lib.rs\"\nfind = '''{find}'''\nreplace = '''{replace}'''\n"
        );
        self.write(&format!("models/mutants/fake/{name}.toml"), &text);
    }

    fn run(&self, args: &[&str]) -> Said {
        run(&self.registry, &[&["mutants"], args].concat())
    }

    /// The grades, by name, of a run that gives this status.
    fn grades(&self, status: u8, args: &[&str]) -> (Value, Said) {
        let said = self.run(&[args, &["--json", "-"]].concat());
        assert_eq!(said.status, status, "{}", said.err);
        let document: Value = serde_json::from_str(&said.out).expect("JSON");
        let mutants = document["mutants"].as_array().expect("a list");
        let by_name = mutants
            .iter()
            .map(|mutant| (mutant["name"].as_str().expect("a name").to_owned(), mutant.clone()));
        (Value::Object(by_name.collect()), said)
    }
}

#[test]
fn every_outcome_is_told_from_every_other() {
    let toy = Toy::new();
    toy.mutant("killed", "world = [\"good\"]", "two = 2;", "two = 3; @reached;");
    toy.mutant("other-fell", "", "two * x", "@reached; two * x * 100");
    toy.mutant("survived", "", "let two", "@reached; let two");
    toy.mutant("unmarked", "", "let two", "let  two");
    toy.mutant("not-reached", "", "return 14;", "@reached; return 15;");
    toy.mutant("unbuildable", "", "let two = 2;", "let two = \"2\";");
    toy.mutant("stale", "", "let three", "let two");
    toy.mutant("no-world", "world = [\"bad\"]", "let two", "@reached; let two");
    toy.mutant("same", "expected_outcome = \"equivalent\"\nargument = \"Spaces.\"", "let two", "let  two");
    toy.mutant("not-same", "expected_outcome = \"equivalent\"\nargument = \"?\"", "two = 2", "two = 1");
    let inapplicable = "name = \"elsewhere\"\nsource = \"Folklore\"\nwhy = \"No.\"\n\
        expected_outcome = \"inapplicable\"\nargument = \"There is no disk.\"\n";
    toy.write("models/mutants/fake/elsewhere.toml", inapplicable);
    // The toy does not catch panics, so it ends without results; the property is known all the same.
    toy.mutant("panics", "", "let two", "@reached; panic!(); #[allow(unreachable_code)] let two");
    let file = toy.folder.path().join("models/mutants/fake/panics.toml");
    let text = fs::read_to_string(&file).expect("written").replace("[\"even\"]", "[\"never panics\"]");
    fs::write(&file, text).expect("written");

    let (grades, said) = toy.grades(VIOLATED, &[]);
    for (name, outcome, reached) in [
        ("killed", "killed", json!(true)),
        ("other-fell", "survived", json!(true)),
        ("survived", "survived", json!(true)),
        ("unmarked", "survived", Value::Null),
        ("not-reached", "not_reached", json!(false)),
        ("unbuildable", "build_failed", Value::Null),
        ("stale", "stale", Value::Null),
        ("no-world", "stale", Value::Null),
        ("same", "equivalent", Value::Null),
        ("not-same", "killed", Value::Null),
        ("elsewhere", "inapplicable", Value::Null),
        ("panics", "survived", Value::Null),
    ] {
        assert_eq!(grades[name]["outcome"], outcome, "{name}: {}", said.err);
        assert_eq!(grades[name]["reached"], reached, "{name}");
    }
    let expected = json!({
        "protocol": "fake", "name": "killed", "source": "Folklore", "why": "It differs.", "expect": ["even"],
        "simulator_expect": [], "outcome": "killed", "passed": true, "found_by": ["dfs"], "reached": true,
        "argument": null, "detail": null, "simulator": null,
        "property": "even", "world": "good", "explorer": "dfs", "seconds": 0.25, "steps": 1,
        "search": {
            "verdict": "found", "explorer": "dfs", "property": "even", "world": "good", "states": 3, "seed": null,
            "seeds": null, "event": null, "seconds": 0.25, "steps": 1, "reached": true, "argument": null,
            "binding": true, "detail": null,
        },
    });
    assert_eq!(grades["killed"], expected);
    assert_eq!(grades["other-fell"]["detail"], "the search: fell: small, expected: even");
    assert_eq!(grades["not-same"]["passed"], false);
    assert!(grades["panics"]["detail"].as_str().is_some_and(|detail| detail.contains("without results")));
    assert!(
        grades["unbuildable"]["detail"].as_str().is_some_and(|detail| detail.contains("cannot multiply"))
    );
    assert!(said.err.contains("12 mutants: 2 killed, 4 survived, 1 not reached"), "{}", said.err);

    let (only, _) = toy.grades(HOLDS, &["fake", "--only", "killed", "--only", "same", "--only", "elsewhere"]);
    assert_eq!(only.as_object().map(serde_json::Map::len), Some(3));
    let listed = run(&toy.registry, &["list"]).out;
    assert!(listed.contains("none: equivalent") && listed.contains("12 mutants"), "{listed}");

    toy.mutant("killed", "expect_nothing = 1", "two = 2;", "two = 3;");
    let said = toy.run(&[]);
    assert_eq!(said.status, UNDECIDED);
    assert!(said.err.contains("killed.toml") && said.err.contains("expect_nothing"), "{}", said.err);
}

#[test]
fn what_one_explorer_misses_and_the_other_finds_needs_a_reason_that_stays_true() {
    let toy = Toy::simulated();
    toy.mutant("both", "", "two = 2;", "two = 3; @reached;");
    // The checks of the toy never double a seven; the simulator does.
    toy.mutant("seed", "", "return 14;", "@reached; return 15;");
    toy.mutant("seed-argued", "search_misses = \"No seven.\"", "return 14;", "@reached; return 15;");
    toy.mutant("none-missed", "simulator_misses = \"?\"", "two = 2;", "two = 3; @reached;");
    toy.mutant("unreached", "", "return 14;", "if x == 8 { @reached; } return 14;");
    toy.mutant(
        "same",
        "expected_outcome = \"equivalent\"\nargument = \"Never.\"",
        "return 14;",
        "return 15;",
    );
    toy.mutant("other", "", "two * x", "@reached; two * x * 100");
    toy.mutant("other-named", "simulator_expect = [\"small\"]", "two * x", "@reached; two * x * 100");
    toy.mutant("panics", "simulator_expect = [\"never panics\"]", "return 14;", "{ @reached; } panic!();");

    let (grades, said) = toy.grades(VIOLATED, &[]);
    for (name, outcome, passed, found_by, detail) in [
        ("both", "killed", true, json!(["dfs", "simulator"]), Value::Null),
        ("seed", "killed", false, json!(["simulator"]), json!("the search does not reach the edited line")),
        ("seed-argued", "killed", true, json!(["simulator"]), Value::Null),
        (
            "none-missed",
            "killed",
            false,
            json!(["dfs", "simulator"]),
            json!("the simulator finds it, though argued not to: take `simulator_misses` out"),
        ),
        (
            "unreached",
            "not_reached",
            false,
            json!([]),
            json!("the search does not reach the edited line; the simulator does not reach the edited line"),
        ),
        (
            "same",
            "killed",
            false,
            json!(["simulator"]),
            json!("argued to make no difference, yet this fell (simulator): even"),
        ),
        (
            "other-named",
            "killed",
            false,
            json!(["simulator"]),
            json!("the search: fell: small, expected: even"),
        ),
        ("panics", "killed", false, json!(["simulator"]), json!("the search does not reach the edited line")),
    ] {
        assert_eq!(grades[name]["outcome"], outcome, "{name}: {}", said.err);
        assert_eq!(grades[name]["passed"], passed, "{name}");
        assert_eq!(grades[name]["found_by"], found_by, "{name}");
        assert_eq!(grades[name]["detail"], detail, "{name}");
    }
    assert_eq!(grades["other"]["passed"], false);
    assert_eq!(grades["seed"]["simulator"]["seeds"], 4, "0 to 3");
    assert_eq!(grades["seed"]["simulator"]["steps"], 2, "the short trace");
    assert_eq!(grades["panics"]["simulator"]["property"], "never panics");
    assert!(said.err.contains("missed by the search: No seven."), "{}", said.err);
    assert!(
        said.err.contains("9 mutants: 7 killed, 1 survived, 1 not reached; 7 NOT AS CLAIMED"),
        "{}",
        said.err
    );
}

#[test]
fn either_explorer_can_be_asked_alone_and_only_what_it_was_asked_for_is_argued_about() {
    let toy = Toy::simulated();
    toy.mutant("seed", "search_misses = \"No seven.\"", "return 14;", "@reached; return 15;");
    let (grades, _) = toy.grades(HOLDS, &["--explorers", "simulate"]);
    assert_eq!(grades["seed"]["found_by"], json!(["simulator"]));
    assert_eq!(grades["seed"]["search"], Value::Null);
    let (grades, said) = toy.grades(HOLDS, &["--explorers", "exhaustive"]);
    assert_eq!(grades["seed"]["outcome"], "missed", "{}", said.err);
    // Three seeds are too few.
    let (grades, _) = toy.grades(VIOLATED, &["--seeds", "0..3"]);
    assert_eq!(grades["seed"]["outcome"], "not_reached");

    // An argument speaks of the usual seeds: that more find it is no lie of it.
    let toy = Toy::simulated();
    toy.mutant("odd", "simulator_misses = \"Chance.\"", "two = 2;", "two = 3; @reached;");
    toy.grades(VIOLATED, &[]);
    toy.grades(HOLDS, &["--events", "1001"]);

    let toy = Toy::new();
    toy.mutant("killed", "", "two = 2;", "two = 3; @reached;");
    let said = toy.run(&["--explorers", "simulate"]);
    assert!(said.status == UNDECIDED && said.err.contains("`fake` has no simulation"), "{}", said.err);
    let said = toy.run(&[]);
    assert!(said.status == HOLDS && said.out.contains("its mutants have one explorer"), "{}", said.err);
}

/// What a package of many protocols builds for the mutants of one is that one.
#[test]
fn where_protocols_are_features_only_those_of_the_mutants_at_hand_are_built() {
    let mut toy = Toy::new();
    toy.registry.mutants.by_features = true;
    toy.mutant("killed", "", "two = 2;", "two = 3; @reached;");
    let said = toy.run(&[]);
    assert!(said.err.contains("does not contain this feature: fake"), "{}", said.err);

    let file = toy.folder.path().join("models/Cargo.toml");
    let manifest = fs::read_to_string(&file).expect("written");
    toy.write(
        "models/Cargo.toml",
        &format!("{manifest}[features]\ndefault = [\"other\"]\nfake = []\nother = []\n"),
    );
    let main = format!(
        "#[cfg(any(feature = \"other\", not(feature = \"fake\")))]\ncompile_error!(\"built whole\");\n{MAIN}"
    );
    toy.write("models/src/main.rs", &main);
    toy.grades(HOLDS, &[]);
}

#[test]
fn the_sources_must_hold_by_every_seed_as_well() {
    let toy = Toy::simulated();
    toy.write("src/lib.rs", &LIB.replace("return 14", "return 15"));
    toy.mutant("killed", "", "two = 2;", "two = 3; @reached;");
    let said = toy.run(&[]);
    assert_eq!(said.status, VIOLATED);
    assert!(said.err.contains("`simulate fake --seeds 0..1500 --events 1000`"), "{}", said.err);
    toy.grades(HOLDS, &["--seeds", "0..3"]);
}

#[test]
fn the_document_tells_what_was_run_and_what_came_of_it_and_the_page_likewise() {
    let toy = Toy::simulated();
    toy.mutant("both", "", "two = 2;", "two = 3; @reached;");
    toy.mutant("seed", "search_misses = \"No | seven.\"", "return 14;", "@reached; return 15;");
    let page = toy.folder.path().join("page.md");
    let said = toy.run(&["--json", "-", "--markdown", page.to_str().expect("text")]);
    let mut document: Value = serde_json::from_str(&said.out).expect("JSON");
    document["mutants"] = json!(document["mutants"].as_array().map(Vec::len));
    let expected = json!({
        "version": 1, "bounds": "quick", "explorers": "both", "seeds": [0, 1500], "events": 1000, "passed": true,
        "outcomes": {"killed": 2}, "found_by": {"dfs": 1, "simulator": 2, "two": 1}, "mutants": 2,
    });
    assert_eq!(document, expected, "{}", said.err);
    let page = fs::read_to_string(page).expect("written");
    let row = "| fake/both | Folklore | even | dfs, simulator | good | 3 | 0.25 s | 1 | 1 | 0.50 s | 2 |";
    assert!(page.contains(row), "{page}");
    assert!(page.contains("2 mutants: 2 killed; 1 found by two explorers."), "{page}");
    assert!(page.contains("- `fake/seed`: The search misses it. No | seven."), "{page}");
}

#[test]
fn a_kill_means_nothing_unless_the_sources_pass_as_they_are() {
    let toy = Toy::new();
    toy.mutant("killed", "", "two = 3;", "two = 5; @reached;");
    toy.write("src/lib.rs", &LIB.replace("two = 2", "two = 3"));
    let said = toy.run(&[]);
    assert_eq!(said.status, VIOLATED);
    assert!(said.err.contains("the sources as they are do not pass"), "{}", said.err);
    toy.grades(HOLDS, &["--no-baseline"]);
}

#[test]
fn grading_none_is_a_failure() {
    let toy = Toy::new();
    let said = toy.run(&[]);
    assert_eq!(said.status, VIOLATED);
    assert!(said.err.contains("no mutant was graded"), "{}", said.err);
    let said = toy.run(&["--only", "ghost"]);
    assert_eq!(said.status, UNDECIDED);
    assert!(said.err.contains("no mutant `ghost`"), "{}", said.err);
}

#[test]
fn what_would_go_ungraded_or_unargued_is_refused() {
    let toy = Toy::new();
    toy.write("models/mutants/rafd/x.toml", "");
    let said = toy.run(&[]);
    assert!(said.status == UNDECIDED && said.err.contains("rafd belongs to no protocol"), "{}", said.err);

    for (text, words) in [
        ("expect = []", "names no property"),
        ("expect = [\"even\"]", "no [[edit]]"),
        ("expected_outcome = \"equivalent\"", "needs an `argument`"),
        ("expected_outcome = \"inapplicable\"\nargument = ' '", "needs an `argument`"),
        ("expected_outcome = \"lost\"", "lost"),
        ("expect = [\"even\"]\nsimulator_misses = ' '", "needs a reason"),
        ("expect = [\"even\"]\nsearch_misses = 'a'\nsimulator_misses = 'b'", "then it is equivalent"),
        ("expected_outcome = \"equivalent\"\nargument = 'a'\nsimulator_misses = 'b'", "nothing finds"),
    ] {
        let toy = Toy::new();
        let top = "name = \"m\"\nsource = \"Folklore\"\nwhy = \"It differs.\"\n";
        toy.write("models/mutants/fake/m.toml", &format!("{top}{text}\n"));
        let said = toy.run(&[]);
        assert!(said.status == UNDECIDED && said.err.contains(words), "{text}: {}", said.err);
    }
    let toy = Toy::new();
    toy.write(
        "models/mutants/fake/other.toml",
        "name = \"m\"\nsource = \"\"\nwhy = \"\"\nexpect = [\"even\"]\n",
    );
    assert!(toy.run(&[]).err.contains("name the file m.toml"));
}
