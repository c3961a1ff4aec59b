//! Bytes choose which sagas there are and what happens next to them: every property holds throughout.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, saga};

fuzz_target!(|bytes: &[u8]| must(saga::fuzz::world(bytes)));
