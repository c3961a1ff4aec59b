//! Bytes choose a disk, whoever wrote it: a typed error, or a coordinator or service that agrees with it and lives on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, tcc};

fuzz_target!(|bytes: &[u8]| must(tcc::fuzz::recovery(bytes).map(|tally| tally.steps)));
