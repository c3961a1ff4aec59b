//! A coordinator of activities or a service read from bytes is right or refused, and goes on as any other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, tcc};

fuzz_target!(|bytes: &[u8]| must(tcc::fuzz::state(bytes)));
