//! Bytes choose a disk, whoever wrote it: a node comes back and keeps its promises, or says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, raft};

fuzz_target!(|bytes: &[u8]| must(raft::fuzz::recovery(bytes).map(|tally| tally.steps)));
