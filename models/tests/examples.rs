//! The examples hold as they are, fall with the bug that each can be asked for, and are what the guide says they are.

#![allow(clippy::disallowed_methods, reason = "folders for what the command line writes")]

use std::ffi::OsString;
use std::path::Path;

use quorate::id::{NodeId, RequestId};
use quorate::raft::{Notice, Request};
use quorate_models::check::{Progress, RunOptions};
use quorate_models::cli::{self, HOLDS, Registry, Screen, VIOLATED};
use quorate_models::explore;
use quorate_models::raft::properties::REPLICAS_AGREE;
use quorate_models::raft::{Application, RaftSpec};
use quorate_models::world::{Limits, Rules, World};

#[path = "../examples/bank.rs"]
#[allow(dead_code, reason = "its `main` is for its own command line")]
mod bank;
#[path = "../examples/token_ring.rs"]
#[allow(dead_code, reason = "its `main` is for its own command line")]
mod token_ring;

use bank::{Bug, PAID_ONCE};
use token_ring::{COMES_ROUND, ONE_WORKS};

const BANK: &str = include_str!("../examples/bank.rs");
const TOKEN_RING: &str = include_str!("../examples/token_ring.rs");
const GUIDE: &str = include_str!("../../docs/guide.md");

/// Runs a command line: its exit status and what it said.
fn run(registry: &Registry, args: &[&str]) -> (u8, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = ["example"].iter().chain(args).map(OsString::from);
    let status = cli::run(registry, all, &mut Screen::plain(&mut out, &mut err));
    out.append(&mut err);
    (status, String::from_utf8(out).expect("text"))
}

/// Checks one world, draws what falls, and says which property fell, after how many steps of the drawing.
fn fallen(registry: &Registry, world: &str, folder: &Path) -> String {
    let (json, svg) = (folder.join("out.json"), folder.join("out.svg"));
    let args = ["check", "--world", world, "--json", json.to_str().unwrap(), "--draw", svg.to_str().unwrap()];
    let (status, said) = run(registry, &args);
    assert_eq!(status, VIOLATED, "{said}");
    assert!(std::fs::read_to_string(&svg).expect("a drawing").contains("<svg"), "{said}");
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    document["checks"][0]["violation"]["property"].as_str().expect("a property").to_owned()
}

#[test]
fn one_token_goes_round_a_ring_of_stations_that_wait_for_their_disks() {
    let (status, said) = run(&token_ring::registry::<false>(), &["check"]);
    assert_eq!(status, HOLDS, "{said}");
    assert!(said.contains(ONE_WORKS) && said.contains(COMES_ROUND), "{said}");
}

#[test]
fn two_tokens_go_round_a_ring_of_stations_that_do_not() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(fallen(&token_ring::registry::<true>(), "ring", folder.path()), ONE_WORKS);
}

#[test]
fn long_runs_of_the_ring_find_the_second_token_too() {
    let simulate = ["simulate", "--seeds", "0..20", "--events", "1000", "--fail-fast", "--threads", "1"];
    let (status, said) = run(&token_ring::registry::<false>(), &simulate);
    assert_eq!(status, HOLDS, "{said}");
    let (status, said) = run(&token_ring::registry::<true>(), &simulate);
    assert_eq!(status, VIOLATED, "{said}");
    assert!(said.contains(ONE_WORKS), "{said}");
}

#[test]
fn each_payment_is_paid_once_however_often_it_is_committed() {
    let (status, said) = run(&bank::registry(Bug::None), &["check"]);
    assert_eq!(status, HOLDS, "{said}");
    assert!(said.contains(PAID_ONCE) && said.contains(REPLICAS_AGREE), "{said}");
}

#[test]
fn a_bank_that_does_not_know_a_payment_again_pays_it_twice() {
    let folder = tempfile::tempdir().unwrap();
    for world in ["alone", "led"] {
        assert_eq!(fallen(&bank::registry(Bug::Retries), world, folder.path()), PAID_ONCE, "{world}");
    }
}

#[test]
fn a_bank_that_pays_what_is_only_accepted_pays_what_is_not_committed() {
    let folder = tempfile::tempdir().unwrap();
    for world in ["alone", "led"] {
        assert_eq!(fallen(&bank::registry(Bug::Early), world, folder.path()), PAID_ONCE, "{world}");
    }
}

/// An application that claims nothing itself. Each replica counts what it is told.
#[derive(Clone, Debug)]
struct Counting {
    /// Whether it counts what is committed alone, rather than all that it is told.
    committed: bool,
}

impl Application for Counting {
    type Command = u8;
    type Replica = u64;

    fn requests(&self, _: &World<RaftSpec<Self>>, _: NodeId, requests: &mut Vec<Request<u8>>) {
        requests.push(Request::Propose { id: RequestId(0), commands: [7].into_iter().collect() });
    }

    fn told(&self, count: &mut u64, notice: &Notice<u8>) -> Result<(), &'static str> {
        *count += u64::from(!self.committed || matches!(notice, Notice::Committed { .. }));
        Ok(())
    }
}

#[test]
fn replicas_that_do_with_the_same_entries_something_else_are_seen_to_differ() {
    let report = |committed| {
        let spec = RaftSpec::new(2, 1).under(Counting { committed });
        let limits = Limits {
            in_flight: Some(2),
            duplicates: Some(0),
            requests: Some(1),
            crashes: Some(1),
            ..Limits::default()
        };
        explore::run(Rules::new(spec, limits), &RunOptions::default(), &Progress::default())
    };
    let (same, other) = (report(true), report(false));
    assert!(same.complete && same.violation.is_none(), "{same:?}");
    assert_eq!(other.violation.map(|violation| violation.property), Some(REPLICAS_AGREE));
}

#[test]
fn a_machine_and_its_spec_take_fewer_than_a_hundred_lines() {
    let lines = TOKEN_RING.lines().skip_while(|line| !line.starts_with("const ROUND"));
    let lines = lines.take_while(|line| !line.starts_with("/// The ring in long runs")).count();
    assert!((50..100).contains(&lines), "{lines} lines");
}

#[test]
fn what_the_guide_quotes_is_in_the_examples() {
    let mut quoted = 0;
    for block in GUIDE.split("```rust,ignore\n").skip(1) {
        let (code, _) = block.split_once("```").expect("a block has an end");
        assert!(
            [TOKEN_RING, BANK].iter().any(|example| unindented(example).contains(unindented(code).trim())),
            "no example has this:\n{code}"
        );
        quoted += 1;
    }
    assert!(quoted > 5, "the guide quotes {quoted} pieces of code");
}

/// `code` without what its lines begin with.
fn unindented(code: &str) -> String {
    code.lines().map(|line| format!("{}\n", line.trim_start())).collect()
}
