//! Bytes choose what happens next to leaders, acceptors, resource managers, their disks and network: every property holds throughout.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_models::{fuzz::must, paxos_commit};

fuzz_target!(|bytes: &[u8]| must(paxos_commit::fuzz::world(bytes)));
