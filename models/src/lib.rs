//! The kit that checks machines.
//!
//! - [`check`]: what a check is and reports;
//! - [`spec`]: what a protocol supplies;
//! - [`world`], [`node`], [`network`]: the world it runs in, its actions and its bounds;
//! - [`symmetry`]: worlds that differ only by the names of their nodes are one;
//! - [`trace`]: sequences of actions, replayed, minimised and made readable;
//! - [`draw`]: traces as sequence diagrams;
//! - [`walk`]: random walks far past the bounds, for proptest and fuzzing;
//! - [`simulate`]: long runs by a seed, in virtual time, under faults of every kind, and then none;
//! - [`fuzz`]: machines and decoders that bytes tell anything at all;
//! - [`explore`]: exhaustive runs under stateright;
//! - [`coverage`]: what an exploration met, and what it never did;
//! - [`counterexample`]: a check that must fall, or fails;
//! - [`liveness`]: what must happen at last, on every fair run of a small world;
//! - [`history`]: what clients saw, recorded, and held to linearizability and weaker guarantees;
//! - [`cli`]: the command line, over a registry of protocols, ours or yours;
//! - [`breaker`], [`raft`], [`commit`]: properties and worlds of the circuit breaker, of Raft, of two-phase commit;
//! - [`saga`], [`choreography`]: those of sagas, with an orchestrator and without;
//! - [`paxos_commit`]: those of Paxos Commit;
//! - [`tcc`], [`three_phase`]: those of try, confirm, cancel; three-phase commit, as a counterexample.
#[cfg(feature = "breaker")]
pub mod breaker;
mod cache;
mod caught;
pub mod check;
#[cfg(feature = "choreography")]
pub mod choreography;
pub mod cli;
#[cfg(feature = "commit")]
pub mod commit;
#[cfg(feature = "commit-on-raft")]
pub mod commit_on_raft;
pub mod counterexample;
pub mod coverage;
pub mod draw;
pub mod explore;
pub mod fuzz;
mod hash;
pub mod history;
pub mod liveness;
pub mod network;
pub mod node;
mod past;
#[cfg(feature = "paxos-commit")]
pub mod paxos_commit;
#[cfg(any(feature = "choreography", feature = "saga"))]
pub mod plan;
pub mod planted;
#[cfg(feature = "raft")]
pub mod raft;
#[cfg(any(feature = "choreography", feature = "saga"))]
mod rewritten;
#[cfg(feature = "saga")]
pub mod saga;
pub mod simulate;
pub mod spec;
mod stripes;
pub mod symmetry;
#[cfg(feature = "tcc")]
pub mod tcc;
#[cfg(feature = "three-phase")]
pub mod three_phase;
pub mod trace;
mod usage;
pub mod walk;
pub mod world;

/// The guide's code compiles and runs; what it quotes from the examples is compared in `tests/examples.rs`.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide.md")]
mod guide {}
