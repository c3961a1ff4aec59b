//! Bytes choose what happens next to three nodes, their disks and their network: every property holds throughout.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(report) = quorate_models::raft::cluster(bytes) {
        panic!("{report}");
    }
});
