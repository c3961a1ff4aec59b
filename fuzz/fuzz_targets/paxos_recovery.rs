//! Bytes choose a disk, whoever wrote it: a typed error, or a leader, acceptor or resource manager that agrees with it and lives on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{commit, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(commit::fuzz::paxos::recovery(bytes).map(|tally| tally.steps)));
