//! Requests and notices of a breaker, as they are or a little damaged: a value or a typed error, with one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{breaker, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(breaker::fuzz::data(bytes)));
