//! An orchestrator or service of sagas read from bytes is right or refused, and goes on as any other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, saga};

fuzz_target!(|bytes: &[u8]| must(saga::fuzz::state(bytes)));
