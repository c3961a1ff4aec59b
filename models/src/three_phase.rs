//! Three-phase commit, as a counterexample: why it is not in the crate.
//!
//! After *Nonblocking Commit Protocols* (Skeen 1981) and *Concurrency Control and Recovery in Database Systems*
//! (Bernstein, Hadzilacos and Goodman 1987, 7.5).
//!
//! | file | concern |
//! |---|---|
//! | `message.rs` | what sites say, keep, are asked and tell |
//! | `site.rs` | a site: votes, pre-commits, decisions, recovery |
//! | `termination.rs` | the termination protocol: who leads when others have crashed, and how it decides |
//! | `spec.rs` | sites in a world, with timeouts that are right and with timeouts that are not |
//! | `worlds.rs` | the portfolio |
//!
//! # What it promises
//! A participant of two-phase commit that has voted yes is in doubt for as long as its coordinator is down. Three-phase
//! commit has one round more: once all have voted yes, everybody is told so (*pre-commit*) before anybody commits. So no
//! site has committed while another is still uncertain, and whoever is left can decide: if nobody is committable, nobody
//! has committed, and they abort; if somebody is, all have voted yes, and they commit.
//!
//! # What it takes
//! That "whoever is left" is known. The world `synchronous` grants it: timeouts are a perfect failure detector (Chandra
//! and Toueg, *Unreliable Failure Detectors for Reliable Distributed Systems*, 1996), since no message takes longer than a
//! known time and no link breaks. There it is checked exhaustively that all decide alike, and that no site that works is
//! ever blocked, whoever crashes, whenever, all but one.
//!
//! # What there is instead
//! In `late-messages` nobody crashes, and nothing is ever lost. One message is late, or kept by a partition. Two sites are
//! enough:
//!
//! 1. the coordinator asks, the participant votes yes;
//! 2. the coordinator sends its pre-commit, which is late;
//! 3. the coordinator hears nothing, takes the participant to have crashed, and **commits**: everybody who is left is
//!    committable;
//! 4. the participant hears nothing, takes the coordinator to have crashed, and **aborts**: nobody who is left is.
//!
//! Both did as the protocol says. A quorum (Keidar and Dolev, *Increasing the Resilience of Atomic Commit at No Additional
//! Cost*, 1995) repairs agreement and gives up what three-phase commit is for: the minority blocks. The check
//! expects agreement to fall here and fails if it does not ([`Counterexample`](crate::counterexample::Counterexample)):
//!
//! ```sh
//! cargo verify check three-phase
//! cargo verify check three-phase --world late-messages --draw three-phase.svg
//! ```
//!
//! # What to use
//! [Two-phase commit](quorate::commit), with cooperative termination, and operators where it blocks. Where a coordinator
//! that is down must not block anybody, let it be one that does not go down: decisions that a majority holds (its records
//! on [Raft](quorate::raft); Gray and Lamport, *Consensus on Transaction Commit*, 2006). Where locks held in doubt are what
//! hurts, [reservations](quorate::commit::tcc) or [sagas](quorate::saga).

mod message;
mod site;
mod spec;
mod termination;
mod worlds;

pub use message::{Kept, Message, Notice, Phase, Request};
pub use site::{FIRST, KEPT, Site};
pub use spec::{AGREEMENT, History, NON_BLOCKING, ThreePhaseSpec, Timeouts, VALIDITY};
pub use worlds::protocol;
