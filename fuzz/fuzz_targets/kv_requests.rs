//! Bytes of a client, and of the log: requests, commands or typed errors, however they arrive.
#![no_main]
#![allow(dead_code, unreachable_pub, reason = "the example has other uses for the rest")]

#[path = "../../tests/kv/bytes.rs"]
mod bytes;
#[path = "../../examples/kv/command.rs"]
mod command;
#[path = "../../examples/kv/resp.rs"]
mod resp;

use libfuzzer_sys::fuzz_target;
use quorate_models::fuzz::must;

fuzz_target!(|bytes: &[u8]| must(bytes::requests(bytes)));
