//! Bytes choose what happens next to the participants of sagas, their disks and network: every property holds throughout.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{choreography, fuzz::must};

fuzz_target!(|bytes: &[u8]| must(choreography::fuzz::world(bytes)));
