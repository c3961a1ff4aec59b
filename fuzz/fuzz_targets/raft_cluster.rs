//! Bytes choose what happens next to three nodes, their disks and their network: every property holds throughout.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, raft};

fuzz_target!(|bytes: &[u8]| must(raft::cluster(bytes).map(|walk| walk.steps() as u64)));
