//! Distributed protocols as pure state machines: `step(input) -> (state, effects)`.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "std")]
pub mod driver;
pub mod durable;
pub mod id;
pub mod ledger;
pub mod machine;
pub mod quorum;
pub mod raft;
pub mod resilience;
pub mod time;
#[cfg(feature = "wire")]
pub mod wire;
