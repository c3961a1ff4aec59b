//! Sagas: long work over many services, done as a whole or undone as a whole, without a lock on any of them.
//!
//! After *Sagas* (Garcia-Molina and Salem 1987): a saga is a set of steps, each with a compensation that takes back
//! what it did. The orchestrator and the three kinds of steps around a *pivot* are Richardson's (*Microservices
//! Patterns*, 2018, chapter 4). What each file holds:
//!
//! | file | concern | source |
//! |---|---|---|
//! | `definition.rs` | steps, their graph, subsagas; what is checked before anything runs | Richardson, 4.3.2 |
//! | `config.rs` | what an orchestrator is told, and every bound | |
//! | `message.rs` | calls and answers, keys, and what a service owes | |
//! | `api.rs` | what the application asks and is told | |
//! | `progress.rs` | how far a saga has come, and what follows from it | Garcia-Molina and Salem, 4 and 5 |
//! | `flights.rs` | what is under way with each step | |
//! | `drive.rs` | calling services, again after a while, and giving up | |
//! | `answer.rs` | taking answers, late and repeated as they may be | |
//! | `request.rs` | beginning, cancelling, resolving, forgetting | |
//! | `recovery.rs` | what is durable, and coming back from it | Garcia-Molina and Salem, 6 |
//! | `invariants.rs` | what holds of one orchestrator at any time | |
//! | `permute.rs`, `canonical.rs` | an orchestrator renamed, and over a log written anew: for checks | |
//! | `service.rs`, `service/` | the other side of a call: what a service owes, kept | |
//! | `choreography.rs` | sagas without an orchestrator: participants that react to events | Richardson, 4.2.1 |
//!
//! # Promises
//! - **All or nothing.** Every saga ends completed or compensated, or an operator is told which step is stuck and
//!   in which direction.
//! - **An unknown outcome is never guessed.** A step that timed out, or whose caller or service died, is probed or
//!   called again under the same key; given up, it is undone under that key, and its service remembers not to carry
//!   it out any more.
//! - **Exactly what may have an effect is undone**, each step after all that came after it, at most once per key.
//! - **No way back from the pivot.** Once it has begun neither a cancellation nor a deadline turns the saga; once
//!   it is done nothing is undone.
//! - **Any crash, the same end.** What was called can be told from the records; a new life calls it anew.
//! - **Two executors do no harm.** Every life has an epoch of its own, durable before anything is called in it;
//!   services refuse calls of earlier epochs, and answers to these are refused. *Which* records the later one sees
//!   is the store's matter: it must not take records of an earlier epoch after those of a later one were begun.
//!
//! # Calls are messages, or notices
//! A step names the node that carries it out. To another node the call is a message: it may be lost, and is made
//! again, just as it is after a timeout. A step of the orchestrator's own node is a [`Notice::Call`], answered by
//! [`Request::Answer`]: for an application that reaches its services by other means. Both are one path inside, since
//! a notice is lost at a crash as a message is. [`Call`] says what services owe, and [`Service`] keeps it for the
//! application behind it.
//!
//! ```
//! # use std::sync::Arc;
//! use quorate::id::{ClusterId, NodeId, RequestId};
//! use quorate::machine::{Effect, Input, Machine};
//! use quorate::saga::{
//!     Config, Definition, DefinitionId, End, Kind, Notice, Orchestrator, Outcome, Outline, Policy, Request, SagaId,
//!     Step, TaskId, Version,
//! };
//! use quorate::time::Time;
//!
//! const ME: NodeId = NodeId(1);
//! let step = |task, kind, after| Step { task, service: ME, kind, after, policy: Policy::default() };
//!
//! let mut order = Outline::new();
//! let reserve = order.step(step(TaskId(1), Kind::Compensatable, vec![]));
//! let pay = order.step(step(TaskId(2), Kind::Pivot, vec![reserve]));
//! order.step(step(TaskId(3), Kind::Retriable, vec![pay]));
//! let order = Definition::new(DefinitionId(1), Version(1), order)?;
//!
//! let config = Config::new(ClusterId(1), ME, [order]);
//! let mut machine: Orchestrator<u64> = Orchestrator::new(Arc::new(config))?;
//! let begin = Request::Begin {
//!     id: RequestId(1),
//!     saga: SagaId(1),
//!     definition: DefinitionId(1),
//!     version: Version(1),
//!     input: 4711, // the number of the order
//! };
//! // Without a crash to fear, effects may be looked at right away; a driver leaves that to the ledger.
//! let (mut inputs, mut end) = (vec![Input::Request(begin)], None);
//! while let Some(input) = inputs.pop() {
//!     let (next, effects) = machine.stepped(input, Time::ZERO, &[]);
//!     machine = next;
//!     for effect in effects {
//!         match effect {
//!             // Reserve, pay, ship: once for each key.
//!             Effect::Notify { notice: Notice::Call(call), .. } => {
//!                 inputs.push(Input::Request(Request::Answer(call.answer(Outcome::Done))));
//!             }
//!             Effect::Notify { notice: Notice::Ended { end: told, .. }, .. } => end = Some(told),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(end, Some(End::Completed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is held and what is free
//! Calls are held behind the record that made them due, and so are answers to requests. Free are [`Notice::Rejected`]
//! and what is said of being superseded: neither says anything of what is durable.
//!
//! # Decisions
//! *What was called is not written down.* A step is called as soon as all steps before it are done, so the record of
//! the last of these says that it may have been called. A saga of n steps takes n + 2 records.
//!
//! *Attempts that came to nothing are*, so that a budget is one over all lives. A crash itself uses up no attempt.
//!
//! *Backoff is jittered by the driver*, as all timers are ([`Delay`](crate::time::Delay)): the machine draws nothing,
//! and its state holds no time.
//!
//! *Subsagas are expanded* ([`Outline::subsaga`]): their steps are steps of the one saga, and all that is true of a
//! saga is true of them.

mod answer;
mod api;
mod canonical;
pub mod choreography;
mod config;
mod definition;
mod drive;
mod flights;
mod invariants;
mod message;
mod permute;
mod progress;
mod recovery;
mod request;
#[cfg(feature = "serde")]
mod serial;
pub mod service;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::fixed::Fixed;
use crate::id::id;
use crate::machine::{Context, Input, InputOf, Machine};

pub use api::{End, Notice, Refusal, Rejection, Request, Resolution, Timer};
pub use canonical::Renumbered;
pub use config::{Config, ConfigError};
pub use definition::{Definition, DefinitionError, Doubt, Kind, MAX_STEPS, Outline, Policy, Step, StepSet};
pub use message::{Action, Answer, Call, Key, Message, Outcome};
pub use progress::{Cause, Event, Flight, Standing};
pub use recovery::{Cell, EPOCH, Entry, FORGOTTEN, IDENTITY, LOG};
pub use service::{Service, Stage};

use progress::Saga;

id!(
    /// A saga of one orchestrator; chosen by the application, never reused.
    SagaId(u64), "saga-"
);
id!(
    /// A step of a saga: its place in the definition.
    StepId(u8), "step-"
);
id!(
    /// A definition, in all its versions.
    DefinitionId(u64), "definition-"
);
id!(
    /// A version of a definition. One that has run is not changed: see [`Definition::shape`].
    Version(u32), "v"
);
id!(
    /// What a service is to do for a step, in words of its own.
    TaskId(u64), "task-"
);
id!(
    /// A life of an orchestrator, whichever process leads it. Later ones are higher; 0 is before the first.
    Epoch(u64), "epoch-"
);

/// What a saga is begun with, and every step of it is given: opaque but for its size.
///
/// It is cloned for every call: give it a cheap `Clone` (`Arc<[u8]>`, `bytes::Bytes`).
pub trait Data: Clone + PartialEq {
    /// Its size in bytes, as counted against [`Config::max_input_bytes`].
    fn size_bytes(&self) -> usize;
}

macro_rules! data {
    ($($t:ty => |$d:ident| $size:expr),* $(,)?) => {
        $(impl Data for $t { fn size_bytes(&self) -> usize { let $d = self; $size } })*
    };
}
data!(
    () => |_d| 0,
    u8 => |_d| 1,
    u32 => |_d| 4,
    u64 => |_d| 8,
    Vec<u8> => |d| d.len(),
    Box<[u8]> => |d| d.len(),
    Arc<[u8]> => |d| d.len(),
    String => |d| d.len(),
);

/// An orchestrator of sagas.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Orchestrator<D> {
    config: Fixed<Config>,
    /// Whether the identity has been emitted to disk.
    identified: bool,
    /// Whether this life has begun.
    begun: bool,
    epoch: Epoch,
    /// The epoch of the executor that took over, as soon as it is heard of.
    superseded: Option<Epoch>,
    /// The highest saga that was forgotten.
    forgotten: Option<SagaId>,
    /// The first entry of the log that is kept, and the next one to be written.
    first: u64,
    next: u64,
    sagas: BTreeMap<SagaId, Saga<D>>,
}

impl<D: Data> Orchestrator<D> {
    /// An orchestrator as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(config: Arc<Config>) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config: Fixed(config),
            identified: false,
            begun: false,
            epoch: Epoch(0),
            superseded: None,
            forgotten: None,
            first: 1,
            next: 1,
            sagas: BTreeMap::new(),
        })
    }
}

impl<D: Data> Machine for Orchestrator<D> {
    type Config = Arc<Config>;
    type Message = Message<D>;
    type Timer = Timer;
    type Request = Request<D>;
    type Cell = Cell;
    type Entry = Entry<D>;
    type Notice = Notice<D>;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        if let Some(epoch) = self.superseded {
            return refuse(&input, epoch, cx);
        }
        // First, whatever comes first: nothing is called in an epoch that is not durable.
        if !self.begun {
            self.begun = true;
            self.persist_epoch(cx);
            self.resume(cx);
        }
        match input {
            Input::Start | Input::Loaded { .. } => {}
            Input::Message { from, message: Message::Answer(answer) } if from != self.config.me => {
                self.on_answer(from, answer, cx);
            }
            Input::Message { from, .. } => answer::reject(from, Rejection::NotMine, cx),
            Input::Timer(Timer::Step { saga, step }) => self.on_step_timer(saga, step, cx),
            Input::Timer(Timer::Deadline { saga }) => self.on_deadline(saga, cx),
            Input::Request(request) => self.on_request(request, cx),
        }
        self.compact(cx);
    }
}

/// What is left to do for an executor whose time is over. Free, for its records may never become durable.
fn refuse<D: Data, Cx: Context<Orchestrator<D>> + ?Sized>(
    input: &InputOf<Orchestrator<D>>,
    epoch: Epoch,
    cx: &mut Cx,
) {
    if let Input::Request(request) = input
        && let Some(id) = request.id()
    {
        cx.notify_free(Notice::Refused { id, reason: Refusal::Superseded { epoch } });
    }
}

/// What an orchestrator looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<D: Data> Orchestrator<D> {
    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The epoch of this life; of the last one, until this one has begun.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The epoch of the executor that took over, if one was heard of.
    #[must_use]
    pub const fn superseded(&self) -> Option<Epoch> {
        self.superseded
    }

    /// The highest saga that was forgotten.
    #[must_use]
    pub const fn forgotten(&self) -> Option<SagaId> {
        self.forgotten
    }

    /// How many entries the log holds.
    #[must_use]
    pub const fn log_entries(&self) -> u64 {
        self.next.saturating_sub(self.first)
    }

    /// The sagas that are kept, ended ones included, and how they stand.
    #[must_use]
    pub fn sagas(&self) -> impl ExactSizeIterator<Item = (SagaId, &Standing<D>)> {
        self.sagas.iter().map(|(id, saga)| (*id, &saga.standing))
    }

    /// How a saga ended; none if it has not, or is not kept.
    #[must_use]
    pub fn end(&self, saga: SagaId) -> Option<End> {
        self.sagas.get(&saga)?.standing.end(self.plan(saga)?)
    }

    /// What is under way with a step.
    #[must_use]
    pub fn flight(&self, saga: SagaId, step: StepId) -> Flight {
        self.sagas.get(&saga).map_or(Flight::Grounded, |saga| saga.flights.of(step))
    }
}
