//! Atomic commit: all participants of a transaction commit, or none does.

mod config;
pub mod coordinator;
mod ids;
mod journal;
mod message;
pub mod participant;
mod rejection;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use config::{Config, ConfigError, Member};
pub use coordinator::Coordinator;
pub use ids::{Mode, Nodes, Outcome, TxId, Vote};
pub use journal::JOURNAL;
pub use message::Message;
pub use participant::Participant;
pub use rejection::Rejection;

/// A participant's part of a transaction: opaque but for its size.
///
/// It is cloned when it is sent, when it is made durable and when the application is told: give it a cheap `Clone`
/// (`Arc<[u8]>`, `bytes::Bytes`), or let it be `()` where the participants already know.
pub trait Work: Clone + PartialEq {
    /// Its size in bytes, as counted against the limits of [`Config`].
    fn size_bytes(&self) -> usize;
}

macro_rules! work {
    ($($t:ty => |$w:ident| $size:expr),* $(,)?) => {
        $(impl Work for $t { fn size_bytes(&self) -> usize { let $w = self; $size } })*
    };
}
work!(
    () => |_w| 0,
    u8 => |_w| 1,
    u16 => |_w| 2,
    u32 => |_w| 4,
    u64 => |_w| 8,
    Vec<u8> => |w| w.len(),
    Box<[u8]> => |w| w.len(),
    Arc<[u8]> => |w| w.len(),
    String => |w| w.len(),
);
