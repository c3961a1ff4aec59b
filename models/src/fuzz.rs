//! Harnesses over bytes: what fuzz targets run and `cargo test` replays. Bytes decide everything, so an input is a run.
//!
//! | file | concern |
//! |---|---|
//! | `subject.rs` | what a machine supplies to be put through this |
//! | `steps.rs` | one machine among peers, a disk and an application that may say anything |
//! | `recovery.rs` | a machine that is to come back from a disk that anybody may have written |
//! | `decode.rs` | decoders: a value or a typed error, and one encoding of each value |
//! | `state.rs` | whole machines as data |
//! | `choice.rs` | one of several machines or kinds of data, as the first byte says |
//! | `pick.rs` | drawing what is likely to mean something |
//! | `image.rs` | what records mean, against the plainest disk |
//! | `frame.rs` | frames out of a stream, against the plainest reader |
//! | `ledger.rs`, `ledger/` | the ledger, against the plainest one |
//! | `world.rs` | a world, whose next action the bytes choose |
//! | `targets.rs` | all of our targets by name, each with its corpus in `fuzz/corpus/` |
//!
//! What is a matter of one protocol is with it: [`crate::raft::fuzz`], [`crate::breaker::fuzz`], [`crate::commit::fuzz`]
//! with Paxos Commit, [`crate::tcc::fuzz`], [`crate::saga::fuzz`] with choreography; their worlds are with
//! [`crate::paxos_commit::fuzz`] and [`crate::choreography::fuzz`].
//!
//! # A machine of your own
//! Where its configuration and its inputs are [`Arbitrary`](arbitrary::Arbitrary), a target is this and nothing else:
//!
//! ```
//! # use quorate::durable::{Corrupt, Image, Record, Recover, Stored};
//! # use quorate::id::CellId;
//! # use quorate::machine::{Context, Input, InputOf, Machine};
//! # #[derive(Debug)]
//! # struct Counter(u64);
//! # impl Machine for Counter {
//! #     type Config = ();
//! #     type Message = ();
//! #     type Timer = ();
//! #     type Request = u64;
//! #     type Cell = u64;
//! #     type Entry = ();
//! #     type Notice = u64;
//! #     fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
//! #         if let Input::Request(by) = input {
//! #             self.0 = self.0.saturating_add(by);
//! #             cx.persist(Record::Put { cell: CellId(0), value: self.0 });
//! #             cx.notify(self.0);
//! #         }
//! #     }
//! # }
//! # impl Recover for Counter {
//! #     fn recover(_: (), stored: &(impl Stored<u64, ()> + ?Sized), _: u64) -> Result<Self, Corrupt> {
//! #         Ok(Self(stored.cell(CellId(0))?.unwrap_or(0)))
//! #     }
//! #     fn agrees_with(&self, image: &Image<u64, ()>) -> Result<(), &'static str> {
//! #         if image.get(CellId(0)).copied().unwrap_or(0) == self.0 { Ok(()) } else { Err("the sums differ") }
//! #     }
//! # }
//! use quorate_models::fuzz::{must, steps, subject::Plain};
//!
//! # let bytes = [7_u8; 400];
//! // fuzz_target!(|bytes: &[u8]| must(steps::<Plain<Counter>>(bytes).map(|tally| tally.steps)));
//! must(steps::<Plain<Counter>>(&bytes).map(|tally| tally.steps));
//! ```
//!
//! With a [`Subject`] of its own it is told what is more to the point, and held to more: its invariants, its bounds,
//! one answer for each request. With peers it has a [`Spec`](crate::spec::Spec) already, and [`world`] is its second
//! target; its messages and records go through [`near`].

mod choice;
mod decode;
mod frame;
mod image;
mod ledger;
pub mod pick;
mod recovery;
mod state;
mod steps;
pub mod subject;
pub mod targets;
mod world;

pub use choice::one_of;
pub use decode::{decode, near, near_of, sealed, text};
pub use frame::frames;
pub use image::image;
pub use ledger::{ledger, ledger_state};
pub use recovery::recovery;
pub use state::state;
pub use steps::{Tally, steps};
pub use subject::Subject;
pub use targets::{Target, targets};
pub use world::{drawn_world, world};

/// What a run came to: how much happened (steps, actions, values), so that a corpus can be seen to reach something;
/// or the promise that was broken.
pub type Outcome = Result<u64, String>;

/// Lets a fuzzer see what was broken.
///
/// # Panics
/// If a promise was broken.
pub fn must(outcome: Outcome) {
    if let Err(broken) = outcome {
        panic!("{broken}");
    }
}
