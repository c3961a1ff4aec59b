//! Distributed protocols as pure state machines: the code you embed is the code that is model-checked.
//!
//! A machine takes one input and yields its next state and an ordered list of effects. It does no I/O and reads
//! no clock. You bring the loop, whatever your runtime; the [`ledger`] says what may leave when.
//!
//! # Promises
//! - **Total.** A step accepts every input in every state: nothing that a peer, a disk or a caller supplies makes
//!   it panic, overflow or loop.
//! - **Pure.** Same state, same input, same time, same choices: same state and effects, on every platform. No
//!   clock, random number, thread, global or hashed iteration.
//! - **Durable before said.** What follows a record leaves only once that record is durable, across steps too.
//!   What is exempt is marked [free](machine::Release::Free), and each mark is a claim that was checked.
//! - **Recoverable.** A node comes back from any prefix of what it wrote, or says what is wrong with it.
//! - **Bounded.** Every queue, window and map has a limit in the config and a stated answer when it is reached.
//! - **Answered.** A request is answered once, under its correlation id, or refused with a reason; never dropped.
//! - **Small.** `no_std` and `alloc`, no `unsafe`, one dependency; no allocation on hot paths once buffers have
//!   grown.
//! - **Checked as shipped.** There is no second, "model" version of a protocol: `quorate-models` explores these
//!   very types, and plants the classic bugs of each protocol to see that it would have noticed.
//!
//! Nodes may crash, stall, lose, repeat, delay and reorder messages. They do not lie: see `SECURITY.md`.
//!
//! # One machine, one loop
//! A durable counter, and all that it takes to drive one. A protocol is driven by the same loop, with its own
//! types; the `std` feature has one ready made.
//!
//! ```
//! use quorate::durable::{Corrupt, Image, Record, Recover, Stored};
//! use quorate::id::{CellId, NodeId};
//! use quorate::ledger::{Ledger, LedgerOf, Output};
//! use quorate::machine::{Context, Input, InputOf, Machine};
//! use quorate::time::Time;
//!
//! /// Adds up what it is asked to, and tells each sum: never one that a crash could take back.
//! struct Counter { sum: u64 }
//!
//! const SUM: CellId = CellId(0);
//!
//! impl Machine for Counter {
//!     type Config = ();
//!     type Message = ();
//!     type Timer = ();
//!     type Request = u64;
//!     type Cell = u64;
//!     type Entry = ();
//!     type Notice = u64;
//!
//!     fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
//!         if let Input::Request(by) = input {
//!             self.sum = self.sum.saturating_add(by);
//!             cx.persist(Record::Put { cell: SUM, value: self.sum });
//!             cx.notify(self.sum);
//!         }
//!     }
//! }
//!
//! impl Recover for Counter {
//!     fn recover(_: (), stored: &(impl Stored<u64, ()> + ?Sized), _applied: u64) -> Result<Self, Corrupt> {
//!         Ok(Self { sum: stored.cell(SUM)?.unwrap_or(0) })
//!     }
//!
//!     fn agrees_with(&self, image: &Image<u64, ()>) -> Result<(), &'static str> {
//!         if image.get(SUM).copied().unwrap_or(0) == self.sum { Ok(()) } else { Err("the sums differ") }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut disk = Image::default(); // your store
//! let mut told = Vec::new(); // your application
//! let mut machine = Counter::recover((), &disk, 0)?;
//! let mut ledger: LedgerOf<Counter> = Ledger::new(NodeId(1));
//!
//! for input in [Input::Start, Input::Request(2), Input::Request(3)] {
//!     // 1. Step. The second argument draws random numbers, for jitter and choices.
//!     let now = Time::ZERO; // your clock
//!     machine.step(input, &mut ledger.port(now, || 4));
//! }
//! assert_eq!(ledger.next_output(), None); // nothing is durable, so nothing may be told
//!
//! loop {
//!     // 2. Carry out what may leave.
//!     while let Some(output) = ledger.next_output() {
//!         match output {
//!             Output::Notify(sum) => told.push(sum),
//!             Output::Send { .. } => {} // to the network, which may lose it
//!             Output::Loopback(()) => {} // step again, with a message from the node itself
//!             Output::Load { .. } => {} // read a log, and step with what was read
//!         }
//!     }
//!     // 3. Write what waits, both steps in one go, and sync.
//!     let Some(batch) = ledger.begin_batch(usize::MAX) else { break };
//!     for record in ledger.batch() {
//!         disk.apply(record.clone())?;
//!     }
//!     ledger.complete(batch); // on failure drop the batch instead, and recover
//! }
//! // 4. Wait for a message, a request, or `ledger.next_due()`, the next timer; then step again.
//! assert_eq!(told, [2, 5]);
//!
//! // A crash: machine and ledger are gone, the disk is not.
//! let recovered = Counter::recover((), &disk, 0)?;
//! assert_eq!(recovered.sum, 5);
//! recovered.agrees_with(&disk)?;
//! # Ok(())
//! # }
//! ```
//!
//! # The paved path
//! | you want | look at |
//! |---|---|
//! | the contract of every machine | [`machine`] |
//! | to drive one in a loop of your own | [`ledger`] |
//! | to know what must survive a crash, and how it comes back | [`durable`] |
//! | a replicated log under one elected leader | [`raft`] |
//! | a transaction that several nodes commit, or none does | [`commit`] |
//! | reservations at several services, all confirmed or all cancelled | [`commit::tcc`] |
//! | work over many services, done or undone as a whole | [`saga`] |
//! | the same with nobody to direct it | [`saga::choreography`] |
//! | any of these machines on a replicated log, so that no minority stops it | [`on_raft`], [`commit_on_raft`], [`saga_on_raft`] |
//! | a caller that stays healthy while what it calls is not | [`resilience`] |
//! | nodes of two kinds in one place | [`either`] |
//! | majorities and sets of voters | [`quorum`] |
//! | time, delays and the names of things | [`time`], [`id`] |
//! | to check a machine, ours or yours | the package `quorate-models`: `cargo verify` |
//!
//! # The map
//! - `src/<protocol>.rs` says what a protocol is and where it comes from; `src/<protocol>/` holds one file a
//!   concern. `models/src/<protocol>.rs` holds what is claimed of it, `models/mutants/<protocol>/` the bugs that
//!   those claims were seen to catch.
//! - The foundation (`machine`, `ledger`, `durable`, `either`, `time`, `id`, `quorum`) knows no protocol, no protocol knows
//!   another, and none knows the driver. `src/driver/` is the only place that knows sockets, files, clocks and
//!   threads.
//! - `tests/absences` holds the crate to that.
//!
//! # Features
//! Features add, and never change, behaviour.
//! - `std` (default): the driver on threads, TCP and an embedded store.
//! - `wire`: versioned bytes for records and frames.
//! - `serde`: `Serialize` and `Deserialize` for public inputs, messages, records and states.
//! - `arbitrary`: `Arbitrary` for the same; for fuzzing, and needs the standard library.
#![cfg_attr(not(any(feature = "std", feature = "arbitrary")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod commit;
pub mod commit_on_raft;
#[cfg(feature = "std")]
pub mod driver;
pub mod durable;
pub mod either;
mod fixed;
pub mod id;
pub mod ledger;
pub mod machine;
pub mod on_raft;
pub mod quorum;
pub mod raft;
pub mod resilience;
pub mod saga;
pub mod saga_on_raft;
pub mod time;
#[cfg(feature = "wire")]
pub mod wire;

/// The examples of the README compile and run.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
mod readme {}
