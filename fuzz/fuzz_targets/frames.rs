//! Bytes are cut into frames as the plainest reader cuts them, however they arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::fuzz::must;

fuzz_target!(|bytes: &[u8]| must(quorate_models::fuzz::frames(bytes)));
