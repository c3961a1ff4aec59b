//! Bytes choose what one coordinator or participant is told, true or not: it keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{commit, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(commit::fuzz::step(bytes).map(|tally| tally.steps)));
