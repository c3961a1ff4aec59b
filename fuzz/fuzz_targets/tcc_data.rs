//! Bytes as what try, confirm, cancel sends and traces: a value or a typed error, and one encoding of each value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, tcc};

fuzz_target!(|bytes: &[u8]| must(tcc::fuzz::data(bytes)));
