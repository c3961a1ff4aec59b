//! Bytes choose what one node is told, true or not: it keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, raft};

fuzz_target!(|bytes: &[u8]| must(raft::fuzz::step(bytes).map(|tally| tally.steps)));
