//! Bytes choose a disk, whoever wrote it: a typed error, or an orchestrator or service that agrees with it and lives on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, saga};

fuzz_target!(|bytes: &[u8]| must(saga::fuzz::recovery(bytes).map(|tally| tally.steps)));
