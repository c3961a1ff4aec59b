//! Bytes as what Paxos Commit sends, stores and traces: a value or a typed error, and one encoding of each value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{commit, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(commit::fuzz::paxos::data(bytes)));
