//! Bytes configure a breaker and choose what its callers do: it does as the breaker in the plainest words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{breaker, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(breaker::fuzz::world(bytes)));
