//! Histories.

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
