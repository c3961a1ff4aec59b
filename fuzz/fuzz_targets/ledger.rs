//! Bytes choose what a machine emits and its driver does: the ledger does as the plainest one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::fuzz::must;

fuzz_target!(|bytes: &[u8]| must(quorate_models::fuzz::ledger(bytes)));
