//! Histories: what clients of objects saw, and what it keeps.
//!
//! A [`History`] holds the calls of some clients: what was asked of which object, when, and what came of it, by a
//! [`Recorder`], from a file, or from a simulator with virtual time. A call of *unknown* outcome (a timeout) may take
//! effect at any time after it was called, or never.
//!
//! ```
//! use quorate_models::history::{BUDGET, Key, Recorder, Register, RegisterOperation, RegisterOutcome, linearizable};
//!
//! let recorder = Recorder::new(1_000);
//! let (mut one, mut two) = (recorder.client(), recorder.client()); // each for a thread of its own
//! one.called(0, Key(7), RegisterOperation::Write(5))?;
//! one.returned(10, RegisterOutcome::Done);
//! two.called(20, Key(7), RegisterOperation::Read)?;
//! two.returned(30, RegisterOutcome::Value(0)); // stale
//! drop((one, two));
//! let verdict = linearizable(&Register { initial: 0 }, &recorder.history()?, BUDGET);
//! assert_eq!(verdict.violation().map(|violation| violation.calls.len()), Some(2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be checked
//! With `n` calls, `c` clients, and `k` calls open at once on one object:
//!
//! | check | means | source | of | costs |
//! |---|---|---|---|---|
//! | [`linearizable`] | each call took effect at one moment between its call and its answer | Herlihy and Wing 1990 | any object | `n log n` for writes and reads of distinct values (Gibbons and Korach 1997); else a search (Wing and Gong 1993, Lowe 2017), `n` times what `k` calls can do in any order, at worst `2^k` times the states |
//! | [`sequential`] | one order of all calls keeps to each client's own | Lamport 1979 | any object | NP-complete: what is linearizable, or not causal, costs no more than those checks; else a search, at worst `n^c` |
//! | [`causal`], weak | writes are seen after what came before them (CC) | Bouajjani et al. 2017 | distinct values | `n c log n` |
//! | [`causal`], convergent | and all agree on one order of unrelated writes (CCv) | Bouajjani et al. 2017 | distinct values | `n c log n` |
//! | [`session`] | read your writes, monotonic reads, monotonic writes, writes follow reads | Terry et al. 1994 | distinct values | `n c log n` |
//! | [`convergent`] | once all is quiet everybody reads the same, and nothing acknowledged is lost | Vogels 2009 | any object | as linearizability |
//!
//! Causal memory (CM), the third variant of Bouajjani et al., is not checked. *Distinct values* means that each value
//! is written to a key at most once, and the initial value never; anything else is [`Unsuitable`].
//!
//! # What a verdict says
//! Searches have a budget. A search that comes to its end is [`Verdict::Holds`] or [`Verdict::Violated`]; one that does
//! not is [`Verdict::Undecided`], never the one or the other. A [`Violation`] is a few calls that break the guarantee by
//! themselves. What may be left out to get there is not obvious: without a write, a read of its value would be a
//! violation that was not there. So where all outcomes are to be explained calls are *forgotten*, not removed: whether
//! they took effect, and what they answered, is taken for unknown. What cannot be explained then cannot be explained by
//! anything that became of the others. For causality and sessions a write is left out together with its reads.
//!
//! # Unknown outcomes
//! They do not double the work each. Equal ones are counted, not told apart; a set of them that was enough makes a
//! larger one superfluous; and those that no known outcome can have noticed are left out ([`Foresight`]). Lists and
//! queues can still need many, where nothing that was read says in which order they took effect: hence the budget.
//!
//! # An object of your own
//! Implement [`Sequential`]: its state, and what an operation does to it. Nothing else is needed; the provided methods
//! make checks faster.

mod accesses;
mod call;
mod causal;
mod convergence;
mod file;
mod linearizable;
mod object;
mod objects;
mod recorder;
mod search;
mod sequential;
mod session;
mod shrink;
mod verdict;
mod zones;

pub use call::{Answer, Call, Client, Event, EventKind, Fault, History, Key, Malformed};
pub use causal::{Causality, causal};
pub use convergence::convergent;
pub use file::{Limits, Unreadable, VERSION};
pub use linearizable::{BUDGET, HistoryOf, linearizable};
pub use object::{Access, Blind, Foresight, Observed, Sequential, Step};
pub use objects::{
    Kv, KvOperation, KvOutcome, List, ListOperation, ListOutcome, Lock, LockOperation, LockOutcome, Queue,
    QueueOperation, QueueOutcome, Register, RegisterOperation, RegisterOutcome,
};
pub use recorder::{Full, Log, Recorder, Unrecorded};
pub use sequential::sequential;
pub use session::{Guarantee, session};
pub use verdict::{Undecided, Unsuitable, Verdict, Violation};
