//! Histories.

mod call;
mod linearizable;
mod object;
mod objects;
mod search;
mod shrink;
mod verdict;
mod zones;

pub use call::{Answer, Call, Client, Event, EventKind, Fault, History, Key, Malformed};
pub use linearizable::{BUDGET, HistoryOf, linearizable};
pub use object::{Access, Blind, Foresight, Observed, Sequential, Step};
pub use objects::{
    Kv, KvOperation, KvOutcome, List, ListOperation, ListOutcome, Lock, LockOperation, LockOutcome, Queue,
    QueueOperation, QueueOutcome, Register, RegisterOperation, RegisterOutcome,
};
pub use verdict::{Undecided, Unsuitable, Verdict, Violation};
