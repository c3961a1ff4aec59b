//! The other side of a call: a guard that keeps, for the application behind it, what a [service owes](Call).
//!
//! | file | concern |
//! |---|---|
//! | `calls.rs` | taking calls: fences, floors, what is answered at once and what the application is asked |
//! | `words.rs` | taking what the application says |
//! | `recovery.rs` | what is durable, and coming back from it |
//! | `config.rs` | what a service is told, and every bound |
//! | `api.rs` | what the application says and is told |
//! | `serial.rs` | a whole service as data |
//! | `invariants.rs` | what holds of one service at any time |
//! | `permute.rs`, `canonical.rs` | a service renamed, and over a log written anew: for checks |
//!
//! # Promises
//! - **One thing at a time.** The application is never asked two things of one key at once.
//! - **Once each way.** What it said is done is not asked for again; what it said is undone, neither.
//! - **No late effect.** After an undo, of a key never seen too, the application is not asked to do it any more; nor
//!   after a refusal, nor for a saga that its owner has forgotten, nor by an executor of an earlier epoch.
//! - **Durable before said**, and before the application is asked.
//!
//! # What an application owes
//! It acts on a [`Key`] at most once each way. When a crash comes between an effect and what the application says of
//! it, the application is asked again, under the same key: it goes by the key (an `INSERT` under a unique key, a
//! payment's idempotency key), or keeps the key in the same transaction as the effect. A [`Notice::Undo`] may come
//! for what the application tried to do and has not done: it is undone all the same. One that was never asked to do a
//! thing is not asked to undo it. What it has said for good it keeps to, whatever it is still told: a word that comes
//! late may cross a question that was asked again after a crash.
//!
//! It is asked again only when its orchestrator calls again, so nothing that it is asked need be kept here. Whatever it is
//! asked it answers, with [`Request::Failed`] if it must: until then, or a crash, it is at work on the key, and not asked
//! again. What its driver is too busy to take it says again.
//!
//! # What is durable
//! A cell holds the latest epoch and the floor of each orchestrator, a log how far each key has come: an entry when the
//! application is first asked each way, one when it has said what became of it. Entries tell all of their key; what
//! is still needed at the head of a long log is written once more at its tail. Below the floor nothing is kept.
//!
//! ```
//! use std::sync::Arc;
//! use quorate::id::{ClusterId, NodeId};
//! use quorate::machine::{Effect, Input, Machine};
//! use quorate::saga::service::{Config, Notice, Request};
//! use quorate::saga::{Action, Call, Epoch, Key, Message, Outcome, SagaId, Service, StepId, TaskId};
//! use quorate::time::Time;
//!
//! let (orders, warehouse) = (NodeId(1), NodeId(2));
//! let mut machine: Service<u64> = Service::new(Arc::new(Config::new(ClusterId(1), warehouse)))?;
//! let key = Key { owner: orders, saga: SagaId(7), step: StepId(0) };
//! let call = |action| Message::Call(Call {
//!     key, epoch: Epoch(1), attempt: 0, action, floor: SagaId(1), task: TaskId(3), input: 4711,
//! });
//!
//! // Without a disk: what is emitted is taken at once. A real loop asks the ledger. The call comes twice, and the undo
//! // overtakes a third copy.
//! let calls = [Action::Do, Action::Do, Action::Undo, Action::Do];
//! let mut inputs: Vec<_> =
//!     calls.iter().rev().map(|action| Input::Message { from: orders, message: call(*action) }).collect();
//! let (mut reserved, mut answers) = (Vec::new(), Vec::new());
//! while let Some(input) = inputs.pop() {
//!     let (next, effects) = machine.stepped(input, Time::ZERO, &[]);
//!     machine = next;
//!     for effect in effects {
//!         match effect {
//!             Effect::Notify { notice: Notice::Do { key, input, .. }, .. } => {
//!                 reserved.push(input);
//!                 inputs.push(Input::Request(Request::Done { key }));
//!             }
//!             Effect::Notify { notice: Notice::Undo { key, input, .. }, .. } => {
//!                 reserved.retain(|order| *order != input);
//!                 inputs.push(Input::Request(Request::Undone { key }));
//!             }
//!             Effect::Send { message: Message::Answer(answer), .. } => answers.push(answer.outcome),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(answers, [Outcome::Done, Outcome::Done, Outcome::Undone, Outcome::Refused]);
//! assert!(reserved.is_empty());
//! # Ok::<(), quorate::saga::service::ConfigError>(())
//! ```

mod api;
mod calls;
mod canonical;
mod config;
mod invariants;
mod permute;
mod recovery;
#[cfg(feature = "serde")]
mod serial;
mod words;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::marker::PhantomData;

use super::{Action, Answer, Call, Data, Epoch, Key, Message, Outcome};
use crate::fixed::Fixed;
use crate::id::NodeId;
use crate::machine::{Context, Input, InputOf, Machine, Never};

pub use api::{Notice, Refusal, Rejection, Request};
pub use config::{Config, ConfigError};
pub use recovery::{Cell, Entry, IDENTITY, LOG, OWNERS, Owner};

/// A service of sagas: the guard in front of an application. See [the module](self).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Service<D> {
    config: Fixed<Config>,
    /// Whether the identity has been emitted to disk.
    identified: bool,
    owners: BTreeMap<NodeId, Owner>,
    /// The first entry of the log that is kept, and the next one to be written.
    first: u64,
    next: u64,
    /// None below the floor of its owner.
    keys: BTreeMap<Key, Known>,
    data: PhantomData<D>,
}

/// How far a key has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "all that can be known of a key")]
pub enum Stage {
    /// The application was asked to do it, and may have.
    Doing,
    /// It has its effect.
    Done,
    /// It has no effect and never will have one.
    Refused,
    /// The application was asked to take it back, and may have.
    Undoing,
    /// It has no effect any more, if ever it had, and never will have one.
    Undone,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Known {
    stage: Stage,
    /// The entry of the log that tells of it.
    at: u64,
    /// While the application is at work on it, the last call that awaits what it will say. A crash forgets that: then
    /// the next call asks the application again.
    awaited: Option<Awaited>,
}

/// A call that awaits its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Awaited {
    epoch: Epoch,
    attempt: u16,
    action: Action,
}

impl Awaited {
    const fn of<D>(call: &Call<D>) -> Self {
        Self { epoch: call.epoch, attempt: call.attempt, action: call.action }
    }

    const fn answer(self, key: Key, outcome: Outcome) -> Answer {
        let Self { epoch, attempt, action } = self;
        Answer { key, epoch, attempt, action, outcome }
    }
}

impl<D: Data> Service<D> {
    /// A service as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(config: Arc<Config>) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config: Fixed(config),
            identified: false,
            owners: BTreeMap::new(),
            first: 1,
            next: 1,
            keys: BTreeMap::new(),
            data: PhantomData,
        })
    }

    /// Sends an answer. Held behind all that it rests on.
    fn answer<Cx: Context<Self> + ?Sized>(&self, answer: Answer, cx: &mut Cx) {
        cx.send(answer.key.owner, Message::Answer(answer));
    }
}

impl<D: Data> Machine for Service<D> {
    type Config = Arc<Config>;
    type Message = Message<D>;
    type Timer = Never;
    type Request = Request;
    type Cell = Cell;
    type Entry = Entry;
    type Notice = Notice<D>;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        // First, whatever comes first: records without an owner do not recover.
        self.persist_identity(cx);
        match input {
            Input::Start | Input::Loaded { .. } => {}
            Input::Message { from, message: Message::Call(call) } => self.on_call(from, call, cx),
            Input::Message { from, message: Message::Answer(_) } => {
                cx.notify_free(Notice::Rejected { from, reason: Rejection::NotACall });
            }
            Input::Timer(never) => match never {},
            Input::Request(request) => self.on_request(request, cx),
        }
        self.compact(cx);
    }
}

/// What a service looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<D> Service<D> {
    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is known of an orchestrator; none before its first call.
    #[must_use]
    pub fn owner(&self, node: NodeId) -> Option<Owner> {
        self.owners.get(&node).copied()
    }

    /// How far a key has come; none if it was never seen, or is forgotten.
    #[must_use]
    pub fn stage(&self, key: Key) -> Option<Stage> {
        self.keys.get(&key).map(|known| known.stage)
    }

    /// The keys that are kept.
    #[must_use]
    pub fn keys(&self) -> impl ExactSizeIterator<Item = (Key, Stage)> {
        self.keys.iter().map(|(key, known)| (*key, known.stage))
    }

    /// Whether the application is at work on a key, as far as this life has asked it.
    #[must_use]
    pub fn is_at_work(&self, key: Key) -> bool {
        self.keys.get(&key).is_some_and(|known| known.awaited.is_some())
    }

    /// How many entries the log holds.
    #[must_use]
    pub const fn log_entries(&self) -> u64 {
        self.next.saturating_sub(self.first)
    }
}
