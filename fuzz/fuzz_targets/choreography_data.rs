//! Bytes as what choreographed sagas send, store and trace: a value or a typed error, and one encoding of each value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, saga};

fuzz_target!(|bytes: &[u8]| must(saga::fuzz::choreography::data(bytes)));
