//! Bytes choose what happens next to a coordinator, its services, their disks and network: every property holds throughout.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, tcc};

fuzz_target!(|bytes: &[u8]| must(tcc::fuzz::world(bytes)));
