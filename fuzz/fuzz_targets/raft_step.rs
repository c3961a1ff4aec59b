//! Bytes choose what one node is told, true or not: it keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(broken) = quorate_models::raft::alone(bytes) {
        panic!("{broken}");
    }
});
