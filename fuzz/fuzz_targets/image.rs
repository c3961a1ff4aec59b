//! Bytes choose records: the image of a disk says what the plainest disk says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::fuzz::must;

fuzz_target!(|bytes: &[u8]| must(quorate_models::fuzz::image(bytes)));
