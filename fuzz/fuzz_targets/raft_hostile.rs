//! Bytes choose 32 well-formed messages from peers that lie: the node neither panics nor breaks nor grows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, raft};

fuzz_target!(|bytes: &[u8]| must(raft::fuzz::hostile(bytes)));
