//! Atomic commit: all participants of a transaction commit, or none does.
//!
//! Two-phase commit with presumed abort and presumed commit, after *Transaction Management in the R\* Distributed
//! Database Management System* (Mohan, Lindsay and Obermarck 1986; "R\*") and *Transaction Processing: Concepts and
//! Techniques* (Gray and Reuter 1992, chapters 10 to 12). What each file holds:
//!
//! | file | concern | source |
//! |---|---|---|
//! | `ids.rs` | names of transactions; outcomes, votes, modes | R\*, 3 and 4 |
//! | `message.rs` | what nodes send each other | |
//! | `config.rs` | what a node is told, and every bound | |
//! | `rejection.rs` | what no correct peer says | |
//! | `journal.rs` | one durable log for transactions that end in any order | |
//! | `coordinator.rs` | the machine that decides | |
//! | `coordinator/begin.rs` | transactions begun, asked, asked again, timed out | |
//! | `coordinator/decide.rs` | votes, decisions, acknowledgements, inquiries, forgetting | R\*, 2 to 4 |
//! | `participant.rs` | the machine that votes | |
//! | `participant/table.rs` | what is known of each transaction; tombstones and floors | |
//! | `participant/vote.rs` | the first phase | R\*, 2 |
//! | `participant/doubt.rs` | inquiries, and cooperative termination | R\*, 2 |
//! | `participant/outcome.rs` | the second phase; an operator's heuristic decisions and their damage | |
//! | `tcc.rs` | try, confirm, cancel: a layer around both for businesses that reserve | |
//! | `*/api.rs` | what applications ask and are told | |
//! | `*/recovery.rs` | what is durable, and coming back from it | |
//! | `*/serial.rs` | a whole node as data |
//! | `*/invariants.rs`, `*/permute.rs` | what holds of one node; a node renamed: for checks | |
//!
//! A coordinator that is lost holds up who is in doubt. [`paxos`] is the form of atomic commit that nothing short of a
//! lost majority holds up.
//!
//! # Who may abort when
//! A coordinator until it decides, a participant until its yes is durable: both do so when they have waited too long.
//! In between a participant is *in doubt*, and no timer decides. It asks its coordinator, then its peers; a peer that
//! has not voted aborts and so frees both. Where nobody knows, it stays in doubt, its application is told so each
//! time it asks in vain, and an operator may [resolve](participant::Request::Resolve) it: that is a *heuristic*
//! decision, and the [damage](participant::Notice::Damage) is told once the outcome is known.
//!
//! # What is durable before it is said
//! | | presumed abort | presumed commit |
//! |---|---|---|
//! | before prepares leave | (numbers, a block at a time) | the participants |
//! | before a commit is told | the decision, and who is to acknowledge it | the decision, which is the end of it |
//! | before an abort is told | nothing: it is forgotten at once | the decision, and who is to acknowledge it |
//! | when all have acknowledged | the end | the end |
//! | at a participant | its vote, the outcome, that it is carried out | the same |
//!
//! A participant writes down its no and its read-only vote as well, where the literature has no record: a prepare
//! that the network kept for long would otherwise find the transaction as new. Everything is held behind the records
//! before it, but for refusals, rejections and notices of how long something lasts.
//!
//! # What an application owes
//! A participant's application [gets ready](participant::Notice::Prepare), carries out what it is told, and says when
//! that is [done](participant::Request::Done). What is not done is told again after a crash, under the same name: it
//! goes by the [name](TxId), or keeps the *position* that it was told with what it carries out, and hands it to
//! recovery. What it finds prepared after a crash it [asks about](participant::Request::Found): the machine knows
//! nothing of what was never voted for.
//!
//! # Two accounts and a coordinator
//! ```
//! use std::sync::Arc;
//! use quorate::commit::{Config, Coordinator, Member, Mode, Outcome, Participant, Vote, coordinator, participant};
//! use quorate::id::{ClusterId, NodeId, RequestId};
//! use quorate::machine::{Effect, Input, Machine};
//! use quorate::time::Time;
//!
//! # fn main() -> Result<(), quorate::commit::ConfigError> {
//! let [bank, alice, bob] = [1, 2, 3].map(NodeId);
//! let config = Arc::new(Config::new(ClusterId(1), [bank, alice, bob]));
//! let member = |me| Member { me, config: config.clone() };
//! let mut coordinator = Coordinator::<i32>::new(member(bank))?;
//! let mut accounts = [Participant::<i32>::new(member(alice))?, Participant::new(member(bob))?];
//!
//! // Without a disk or a network: what is emitted is taken at once. A real loop asks the ledger.
//! let branches = vec![(alice, -50), (bob, 50)];
//! let id = RequestId(1);
//! let begin = coordinator::Request::Begin { id, mode: Mode::PresumedAbort, branches };
//! let mut at_coordinator = vec![Input::Request(begin)];
//! let (mut balances, mut outcome) = ([100, 100], None);
//! while let Some(input) = at_coordinator.pop() {
//!     let (next, effects) = coordinator.stepped(input, Time::ZERO, &[]);
//!     coordinator = next;
//!     for effect in effects {
//!         let (to, message) = match effect {
//!             Effect::Send { to, message, .. } => (to, message),
//!             Effect::Notify { notice: coordinator::Notice::Outcome { outcome: known, .. }, .. } => {
//!                 outcome = Some(known);
//!                 continue;
//!             }
//!             _ => continue,
//!         };
//!         let account = if to == alice { 0 } else { 1 };
//!         let mut inputs = vec![Input::Message { from: bank, message }];
//!         while let Some(input) = inputs.pop() {
//!             let (next, effects) = accounts[account].stepped(input, Time::ZERO, &[]);
//!             accounts[account] = next;
//!             for effect in effects {
//!                 match effect {
//!                     Effect::Send { message, .. } => at_coordinator.push(Input::Message { from: to, message }),
//!                     Effect::Notify { notice: participant::Notice::Prepare { tx, work }, .. } => {
//!                         let vote = if balances[account] + work >= 0 { Vote::Yes } else { Vote::No };
//!                         inputs.push(Input::Request(participant::Request::Ready { tx, vote }));
//!                     }
//!                     Effect::Notify { notice: participant::Notice::Apply { tx, work, .. }, .. } => {
//!                         balances[account] += work;
//!                         inputs.push(Input::Request(participant::Request::Done { tx }));
//!                     }
//!                     _ => {}
//!                 }
//!             }
//!         }
//!     }
//! }
//! assert_eq!((outcome, balances), (Some(Outcome::Commit), [50, 150]));
//! # Ok(())
//! # }
//! ```

mod config;
pub mod coordinator;
mod ids;
mod journal;
mod message;
pub mod participant;
pub mod paxos;
mod rejection;
pub mod tcc;

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
    i32 => |_w| 4,
    i64 => |_w| 8,
    Vec<u8> => |w| w.len(),
    Box<[u8]> => |w| w.len(),
    Arc<[u8]> => |w| w.len(),
    String => |w| w.len(),
);
