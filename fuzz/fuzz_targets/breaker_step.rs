//! Bytes choose what a breaker is asked and what its clock reads: it keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{breaker, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(breaker::fuzz::step(bytes).map(|tally| tally.steps)));
