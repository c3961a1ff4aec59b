//! What fuzzing found worth keeping, replayed: see `fuzz/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use quorate_models::fuzz::{Tally, Target, targets};
use quorate_models::{breaker, commit, raft, saga, tcc};

/// Targets whose code this package cannot reach, and the test that replays them.
const ELSEWHERE: [(&str, &str); 1] = [("kv_requests", "tests/kv/parsing.rs")];
/// The least inputs that a corpus holds.
const INPUTS_MIN: usize = 5;
/// The least that a corpus comes to: steps, or values. What a decoder refuses is worth keeping too.
const REACHED_MIN: u64 = 10;
/// The most bytes of all corpora together.
const BYTES_MAX: usize = 2 << 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names in a folder, without the extension.
fn names(folder: &str) -> BTreeSet<String> {
    let listed = std::fs::read_dir(root().join(folder)).expect("it can be listed");
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    listed.map(|entry| stem(&entry.expect("it can be listed").path())).collect()
}

/// The inputs kept for a target, by name.
fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new("fuzz/corpus").join(target);
    let names = names(folder.to_str().unwrap_or_default()).into_iter();
    let inputs: BTreeMap<_, _> = names
        .map(|name| {
            let bytes = std::fs::read(root().join(&folder).join(&name)).expect("it can be read");
            (name, bytes)
        })
        .collect();
    assert!(inputs.len() >= INPUTS_MIN, "{} inputs of {target} are hardly a corpus", inputs.len());
    inputs
}

/// What all inputs kept for a target come to.
fn tallied(target: &str, run: fn(&[u8]) -> Result<Tally, String>) -> Tally {
    let mut sum = Tally::default();
    for (name, bytes) in corpus(target) {
        sum.add(&run(&bytes).unwrap_or_else(|broken| panic!("{target}/{name}: {broken}")));
    }
    sum
}

fn assert_seen(found: &BTreeMap<&'static str, u64>, expected: &[&str]) {
    for kind in expected {
        assert!(found.contains_key(kind), "nothing in the whole corpus is {kind}: {found:?}");
    }
}

#[test]
fn every_target_is_built_and_has_a_corpus_and_every_corpus_a_target() {
    let ours = targets().into_iter().map(|target| target.name).chain(ELSEWHERE.map(|(name, _)| name));
    let ours: BTreeSet<String> = ours.map(str::to_owned).collect();
    assert_eq!(names("fuzz/fuzz_targets"), ours, "the files");
    assert_eq!(names("fuzz/corpus"), ours, "the corpora");
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("it can be read");
    let manifest: toml::Table = manifest.parse().expect("it is TOML");
    let bins = manifest.get("bin").and_then(toml::Value::as_array).expect("it has binaries");
    let bins = bins.iter().filter_map(|bin| bin.get("name")?.as_str()).map(str::to_owned);
    assert_eq!(bins.collect::<BTreeSet<_>>(), ours, "the binaries");
    for (name, test) in ELSEWHERE {
        let test = std::fs::read_to_string(root().join(test)).expect("it can be read");
        assert!(test.contains(name), "nothing replays {name}");
    }
}

#[test]
fn what_fuzzing_found_worth_keeping_still_keeps_every_promise() {
    let mut bytes_in_all = 0;
    for Target { name: target, run } in targets() {
        let mut reached = 0;
        let inputs = corpus(target);
        for (name, bytes) in &inputs {
            bytes_in_all += bytes.len();
            reached += run(bytes).unwrap_or_else(|broken| panic!("{target}/{name}: {broken}"));
        }
        println!("{target}: {} inputs come to {reached}", inputs.len());
        assert!(reached >= REACHED_MIN, "{target} comes to {reached}, by {} inputs", inputs.len());
    }
    assert!(bytes_in_all <= BYTES_MAX, "{bytes_in_all} bytes are kept: minimise them");
}

#[test]
fn the_corpus_of_clusters_commits() {
    let walks = corpus("raft_cluster").into_values().map(|bytes| raft::cluster(&bytes));
    let committed: usize = walks.flatten().map(|walk| walk.world.history().committed.len()).sum();
    assert!(committed > 10, "only {committed} entries commit in the whole corpus");
}

#[test]
fn the_corpus_of_one_node_shows_all_that_a_node_does() {
    let tally = tallied("raft_step", raft::fuzz::step);
    assert_seen(&tally.notices, &["accepted", "refused", "committed", "leader", "rejected"]);
    assert_seen(&tally.roles, &["follower", "pre-candidate", "candidate", "leader"]);
    assert!(tally.loads > 0 && tally.crashes > 0 && tally.durable > 0, "{tally:?}");
}

#[test]
fn the_corpus_of_foreign_disks_has_some_that_a_node_comes_back_from() {
    let tally = tallied("raft_recovery", raft::fuzz::recovery);
    assert!(tally.steps > 10 && tally.durable > 0, "{tally:?}");
}

#[test]
fn the_corpus_of_one_breaker_shows_all_that_a_breaker_does() {
    let tally = tallied("breaker_step", breaker::fuzz::step);
    assert_seen(&tally.notices, &["admitted", "rejected", "finished", "ignored", "lapsed", "changed"]);
    assert_seen(&tally.roles, &["closed", "open", "half-open"]);
}

/// What one machine or the other of a protocol tells, and what it comes to be, somewhere in the corpus of its steps.
fn assert_shown(target: &str, run: fn(&[u8]) -> Result<Tally, String>, told: &[&str], roles: &[&str]) {
    let tally = tallied(target, run);
    assert_seen(&tally.notices, told);
    assert_seen(&tally.roles, roles);
    assert!(tally.crashes > 0 && tally.durable > 0, "{tally:?}");
}

#[test]
fn the_corpus_of_two_phase_commit_shows_all_that_its_machines_do() {
    let coordinator =
        ["begun", "refused", "cancelled", "outcome", "unknown", "forgotten", "overdue", "damage"];
    let participant = ["prepare", "apply", "undo", "undecided", "in doubt", "refused an answer", "rejected"];
    let operator =
        ["apply what an operator decided", "undo what an operator decided", "damage to be seen to"];
    let told = [&coordinator[..], &participant, &operator, &["contradicted"]].concat();
    let roles = ["leaving the decision", "collecting", "awaiting acknowledgements"];
    let roles = [&roles[..], &["asked", "in doubt", "resolved", "carrying out", "at rest"]].concat();
    assert_shown("commit_step", commit::fuzz::step, &told, &roles);
}

#[test]
fn the_corpus_of_paxos_commit_shows_all_that_its_machines_do() {
    let leader = ["begun", "refused", "cancelled", "outcome", "unknown", "forgotten", "took over", "gave up"];
    let others =
        ["overdue", "overloaded", "overloaded acceptor", "lingers", "prepare", "apply", "undo", "in doubt"];
    let told = [&leader[..], &others, &["damage", "contradicted", "rejected"]].concat();
    let roles = ["voting", "promising", "proposing", "overtaken", "decided", "in ballot 0", "in a ballot"];
    assert_shown("paxos_step", commit::fuzz::paxos::step, &told, &roles);
}

#[test]
fn the_corpus_of_reservations_shows_all_that_their_machines_do() {
    let coordinator =
        ["begun", "refused", "cancelled", "written off", "decided", "ended", "a service is stuck"];
    let service =
        ["try", "confirm", "cancel", "lapsed", "undecided", "stuck", "damage", "damage to be seen to"];
    let told = [&coordinator[..], &service, &["refused an answer", "rejected"]].concat();
    let roles = ["trying", "confirming or cancelling", "reserved", "released", "carrying out", "stuck"];
    assert_shown("tcc_step", tcc::fuzz::step, &told, &roles);
}

#[test]
fn the_corpora_of_sagas_show_all_that_their_machines_do() {
    let told =
        ["accepted", "refused", "call", "turned back", "stuck", "ended", "shelved", "superseded", "rejected"];
    let service = ["do", "undo", "word accepted", "word refused", "call rejected"];
    let roles =
        ["going forward", "going back", "superseded", "doing", "done", "refusing", "undoing", "undone"];
    assert_shown("saga_step", saga::fuzz::step, &[&told[..], &service].concat(), &roles);
    let told = ["accepted", "refused", "call", "turned back", "stuck", "ended", "over", "rejected"];
    let roles = ["going forward", "going back", "ended"];
    assert_shown("choreography_step", saga::fuzz::choreography::step, &told, &roles);
}

/// A run of a machine, step by step.
type Step = fn(&[u8]) -> Result<Tally, String>;

#[test]
fn the_corpora_of_foreign_disks_have_some_that_each_protocol_comes_back_from() {
    let runs: [(&str, Step); _] = [
        ("commit_recovery", commit::fuzz::recovery),
        ("tcc_recovery", tcc::fuzz::recovery),
        ("paxos_recovery", commit::fuzz::paxos::recovery),
        ("saga_recovery", saga::fuzz::recovery),
        ("choreography_recovery", saga::fuzz::choreography::recovery),
    ];
    for (target, run) in runs {
        let tally = tallied(target, run);
        assert!(tally.steps > 10 && tally.durable > 0, "{target}: {tally:?}");
    }
}
