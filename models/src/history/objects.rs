//! Objects ready to be checked.

mod kv;
mod list;
mod lock;
mod queue;
mod register;

pub use kv::{Kv, KvOperation, KvOutcome};
pub use list::{List, ListOperation, ListOutcome};
pub use lock::{Lock, LockOperation, LockOutcome};
pub use queue::{Queue, QueueOperation, QueueOutcome};
pub use register::{Register, RegisterOperation, RegisterOutcome};
