//! Bytes choose what one orchestrator or service of sagas is told, true or not: it keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, saga};

fuzz_target!(|bytes: &[u8]| must(saga::fuzz::step(bytes).map(|tally| tally.steps)));
