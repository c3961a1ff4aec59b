//! Bytes choose what happens next to a coordinator, its participants, their disks and network: every property holds throughout.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{commit, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(commit::fuzz::world(bytes)));
