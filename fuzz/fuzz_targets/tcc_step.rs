//! Bytes choose what one coordinator or service of reservations is told, true or not: it keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, tcc};

fuzz_target!(|bytes: &[u8]| must(tcc::fuzz::step(bytes).map(|tally| tally.steps)));
