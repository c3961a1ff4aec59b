//! A leader, acceptor or resource manager read from bytes is right or refused, and goes on as any other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{commit, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(commit::fuzz::paxos::state(bytes)));
