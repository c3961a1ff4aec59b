//! From a check that falls to a trace, a replay, a drawing and a test, by the command line alone.

use std::ffi::OsString;
use std::path::Path;

use quorate_models::check::Protocol;
use quorate_models::cli::{self, HOLDS, Registry, Screen, UNDECIDED, VIOLATED};
use quorate_models::trace::regress;

use crate::claim::Bug;
use crate::{FIGURE_8, TWO_WINNERS, protocol};

/// What a command line came to.
struct Said {
    status: u8,
    out: String,
    err: String,
}

fn run(protocol: Protocol, args: &[&str]) -> Said {
    let registry = Registry::new("cargo verify", vec![protocol]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = ["verify"].iter().chain(args).map(OsString::from);
    let status = cli::run(&registry, all, &mut Screen::plain(&mut out, &mut err));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { status, out: text(out), err: text(err) }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn a_check_that_falls_keeps_a_trace_that_replays_and_says_how() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = run(protocol(Bug::FreeVote), &["check", "--threads", "1", "--trace", text(folder.path())]);
    assert_eq!(said.status, VIOLATED);
    let file = folder.path().join("claim-basic-at-most-one-winner.jsonl");
    let commands = [
        format!("to replay it: cargo verify replay {}", text(&file)),
        format!("to draw it:   cargo verify draw {} --to {}", text(&file), text(&file.with_extension("svg"))),
    ];
    for command in commands {
        assert!(said.out.contains(&command), "`{command}` is not in {}", said.out);
    }
    let replayed = run(protocol(Bug::FreeVote), &["replay", text(&file)]);
    assert_eq!(replayed.status, VIOLATED);
    assert!(replayed.out.contains("VIOLATED: at most one winner (after step"), "{}", replayed.out);
    // Step by step what the check itself printed.
    let steps = |out: &str| {
        let lines = out.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
        let step = |line: &str| line.split_once(". ").map(|(_, step)| step.to_owned());
        lines.filter(|line| line.contains(". ")).filter_map(step).collect::<Vec<_>>()
    };
    let (found, again) = (steps(&said.out), steps(&replayed.out));
    let after = format!("(after step {})", again.len());
    assert!(replayed.out.contains(&after), "it falls with the last step: {}", replayed.out);
    assert!(again.len() > 5 && found.starts_with(&again), "{found:#?} {again:#?}");
}

#[test]
fn limits_that_a_check_replaced_go_with_its_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let limits = ["--limit", "in_flight=4", "--limit", "drift=9"];
    let keep = ["check", "--threads", "1", "--trace", text(folder.path())];
    assert_eq!(run(protocol(Bug::FreeVote), &[&keep[..], &limits].concat()).status, VIOLATED);
    let file = folder.path().join("claim-basic-at-most-one-winner.jsonl");
    let written = std::fs::read_to_string(&file).expect("written");
    assert!(written.contains(r#""limits":{"in_flight":4,"drift":9}"#), "{written}");
    // Under limits that withhold it, it does not happen.
    let replayed = run(protocol(Bug::FreeVote), &["replay", text(&file)]);
    assert!(replayed.status == VIOLATED && replayed.out.contains("in_flight=4, "), "{}", replayed.out);
    std::fs::write(&file, written.replace("\"in_flight\":4", "\"in_flight\":4,\"requests\":0"))
        .expect("written");
    let replayed = run(protocol(Bug::FreeVote), &["replay", text(&file)]);
    assert!(replayed.status == UNDECIDED && replayed.err.contains("`requests`"), "{}", replayed.err);
}

#[test]
fn one_command_leads_from_a_broken_machine_to_a_drawing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["a/b.svg", "a/b.html", "a/b.mmd"] {
        let file = folder.path().join(name);
        let said = run(protocol(Bug::FreeVote), &["check", "--threads", "1", "--draw", text(&file)]);
        assert_eq!(said.status, VIOLATED, "{}", said.err);
        let drawn = std::fs::read_to_string(&file).expect("it is drawn");
        assert!(drawn.contains("at most one winner"), "{name}: {drawn}");
        assert!(said.out.contains("the drawing:"), "{}", said.out);
    }
    let drawings = folder.path().join("drawings");
    assert_eq!(
        run(protocol(Bug::FreeVote), &["check", "--threads", "1", "--draw", text(&drawings)]).status,
        VIOLATED
    );
    assert!(drawings.join("claim-basic-at-most-one-winner.svg").exists());
    // Where nothing is kept, the command that would is said.
    let said = run(protocol(Bug::FreeVote), &["--help"]);
    assert_eq!(said.status, HOLDS);
    let said = run(protocol(Bug::FreeVote), &["check", "--bounds", "deep", "--threads", "1"]);
    let command = "cargo verify check claim --world basic --bounds deep --draw claim-basic.svg";
    assert!(said.out.contains(command), "{}", said.out);
    // Where nothing falls, nothing is written.
    let none = folder.path().join("none");
    let held = run(protocol(Bug::None), &["check", "--trace", text(&none), "--draw", text(&none)]);
    assert!(!none.exists() && !held.out.contains("to draw it"), "{}", held.out);
}

#[test]
fn what_cannot_be_written_or_drawn_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "a file").expect("written");
    let inside = taken.join("x.svg");
    for args in [
        &["check", "--threads", "1", "--trace", text(&taken)][..],
        &["check", "--threads", "1", "--draw", text(&inside)],
    ] {
        let said = run(protocol(Bug::FreeVote), args);
        assert_eq!(said.status, UNDECIDED, "{args:?}");
        assert!(said.err.contains("could not be written"), "{}", said.err);
        assert!(said.out.contains("at most one winner"), "the violation is told all the same: {}", said.out);
    }
    let said = run(protocol(Bug::FreeVote), &["check", "--draw", "picture.png"]);
    assert_eq!(said.status, UNDECIDED);
    assert!(said.err.contains(".svg, .html or .mmd"), "{}", said.err);
}

#[test]
fn a_trace_file_is_minimised_and_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, short) = (folder.path().join("long.jsonl"), folder.path().join("it's short.jsonl"));
    let mut lines: Vec<&str> = TWO_WINNERS.lines().collect();
    lines.insert(2, r#"{"drop":{"from":0,"to":2,"message":"Claim"}}"#);
    std::fs::write(&file, lines.join("\n")).expect("written");
    let said = run(protocol(Bug::FreeVote), &["minimise", text(&file), "--to", text(&short)]);
    assert_eq!(said.status, HOLDS, "{}", said.err);
    let length = TWO_WINNERS.lines().count() - 1;
    let words = format!("\"at most one winner\" falls after {length} of {} steps", length + 1);
    assert!(said.out.contains(&words) && said.out.contains("without any one"), "{}", said.out);
    assert!(said.out.contains(r"it'\''s short.svg'"), "a shell takes it: {}", said.out);
    let written = std::fs::read_to_string(&short).expect("written");
    let said = run(protocol(Bug::FreeVote), &["minimise", text(&file)]);
    assert_eq!(said.out, written, "without a file it goes to standard output, alone");
    let page = folder.path().join("page.html");
    assert_eq!(run(protocol(Bug::FreeVote), &["draw", text(&short), "--to", text(&page)]).status, HOLDS);
    assert!(std::fs::read_to_string(&page).expect("drawn").starts_with("<!doctype html>"));
    let said = run(protocol(Bug::FreeVote), &["draw", text(&short), "--to", "x.pdf"]);
    assert!(said.status == UNDECIDED && said.err.contains("x.pdf"), "{}", said.err);
}

#[test]
fn a_trace_of_which_nothing_falls_holds_and_one_that_is_none_is_undecided() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("t.jsonl");
    let with = |lines: &str| std::fs::write(&file, lines).expect("written");
    with(&TWO_WINNERS.lines().take(3).collect::<Vec<_>>().join("\n"));
    let said = run(protocol(Bug::None), &["replay", text(&file)]);
    assert_eq!(said.status, HOLDS, "{}", said.err);
    assert!(said.out.contains("no property falls") && said.out.contains("here it holds: at most one winner"));
    with(TWO_WINNERS);
    let said = run(protocol(Bug::None), &["replay", text(&file)]);
    assert_eq!(said.status, UNDECIDED);
    assert!(said.err.contains("t.jsonl: line ") && said.err.contains("cannot happen here"), "{}", said.err);
    assert!(said.out.contains("1. n"), "what happens before is told: {}", said.out);
    std::fs::write(&file, [0xff, 0xfe]).expect("written");
    for verb in [&["replay"][..], &["minimise"], &["draw", "--to", "x.svg"]] {
        let said = run(protocol(Bug::None), &[verb, &[text(&file)]].concat());
        assert!(said.status == UNDECIDED && said.err.contains("no text"), "{}", said.err);
        let said = run(protocol(Bug::None), &[verb, &["/nowhere/at.all"]].concat());
        assert!(said.status == UNDECIDED && said.err.contains("could not be read"), "{}", said.err);
    }
}

#[test]
fn a_pasted_test_is_what_the_command_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("t.jsonl");
    std::fs::write(&file, FIGURE_8).expect("written");
    let said = run(quorate_models::raft::protocol(), &["replay", "--rust", text(&file)]);
    assert_eq!(said.status, HOLDS, "{}", said.err);
    let pasted = include_str!("pinned.rs");
    assert!(pasted.ends_with(&said.out), "{}", said.out);
}

#[test]
fn a_pasted_test_fails_where_the_property_falls_and_passes_where_it_is_mended() {
    let fell = regress(&protocol(Bug::FreeVote), TWO_WINNERS).expect_err("it falls");
    assert!(fell.contains("\"at most one winner\" falls after"), "{fell}");
    let happened = regress(&protocol(Bug::None), TWO_WINNERS).expect("it is mended");
    assert_eq!(happened, 2, "the vote waits for the disk");
    assert!(regress(&protocol(Bug::None), "{}").expect_err("no trace").contains("line 1"));
}
