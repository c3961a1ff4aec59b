//! What peers send: a value or a typed error, with one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, raft};

fuzz_target!(|bytes: &[u8]| must(raft::fuzz::message(bytes)));
