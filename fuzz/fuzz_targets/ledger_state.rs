//! A ledger read from bytes is right or refused, and a driver may go on with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::fuzz::must;

fuzz_target!(|bytes: &[u8]| must(quorate_models::fuzz::ledger_state(bytes)));
