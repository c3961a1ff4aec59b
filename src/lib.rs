//! Distributed protocols as pure state machines: `step(input) -> (state, effects)`.
#![cfg_attr(not(any(feature = "std", feature = "arbitrary")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod durable;
pub mod id;
pub mod ledger;
pub mod machine;
pub mod quorum;
pub mod raft;
pub mod resilience;
pub mod time;
