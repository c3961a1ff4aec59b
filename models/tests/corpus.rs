//! What fuzzing found worth keeping, replayed: see `fuzz/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::path::Path;

use quorate_models::raft::{alone, cluster};

/// The inputs kept for a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(&folder)
        .expect("there is a corpus")
        .map(|entry| entry.expect("it can be listed"))
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("it can be read"))
        })
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 10, "{} inputs of {target} are hardly a corpus", inputs.len());
    inputs
}

#[test]
fn clusters_keep_every_property_on_the_corpus() {
    let mut committed = 0;
    for (name, bytes) in corpus("raft_cluster") {
        let walk = cluster(&bytes).unwrap_or_else(|report| panic!("{name}: {report}"));
        committed += walk.world.history().committed.len();
    }
    assert!(committed > 10, "only {committed} entries commit in the whole corpus");
}

#[test]
fn a_node_alone_keeps_its_promises_on_the_corpus() {
    let mut steps = 0;
    for (name, bytes) in corpus("raft_step") {
        steps += alone(&bytes).unwrap_or_else(|broken| panic!("{name}: {broken}")).steps;
    }
    assert!(steps > 500, "only {steps} steps are taken in the whole corpus");
}
