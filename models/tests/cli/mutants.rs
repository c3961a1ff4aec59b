//! Mutants of a toy workspace, planted, built and run for real.

use std::fs;
use std::path::Path;

use quorate_models::cli::{HOLDS, Registry, UNDECIDED, VIOLATED};
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

/// The toy's command line: it answers `check` as the real one does.
const MAIN: &str = r##"
mod planted;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let file = &args[args.iter().position(|arg| arg == "--json").unwrap() + 1];
    let even = toy::double(3) % 2 == 0;
    let small = toy::double(3) < 100;
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
"##;

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
        "outcome": "killed", "property": "even", "world": "good", "explorer": "dfs", "seconds": 0.25, "steps": 1,
        "unique": 3, "reached": true, "detail": null, "passed": true,
    });
    assert_eq!(grades["killed"], expected);
    assert_eq!(grades["other-fell"]["detail"], "fell: small, expected: even");
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
