//! Sagas by choreography: participants that react to each other's events, and nobody who directs them.
//!
//! After *Sagas* (Garcia-Molina and Salem 1987); choreography is Richardson's (*Microservices Patterns*, 2018,
//! 4.2.1). Every node that carries out steps runs one [`Participant`], which knows the [`Definition`] and needs no
//! orchestrator to tell it when its steps are due. The promises are those of [`saga`](super); what each file holds:
//!
//! | file | concern | source |
//! |---|---|---|
//! | `facts.rs` | what is known of a saga, and joining what two know | |
//! | `config.rs` | what a participant is told, and every bound | |
//! | `message.rs` | events, calls and answers; what an application owes | Richardson, 4.2.1 |
//! | `api.rs` | what the application asks and is told | |
//! | `progress.rs` | what follows for the steps of one participant | Garcia-Molina and Salem, 4 and 5 |
//! | `drive.rs` | deciding, calling, calling again, giving up | |
//! | `publish.rs` | who needs to know what, and telling them until they do | Richardson, 4.2.1 |
//! | `hear.rs` | hearing of events, late and repeated as they may be | |
//! | `answer.rs` | the application's answers | |
//! | `request.rs` | beginning, cancelling, resolving, forgetting | |
//! | `floor.rs` | letting go, and knowing late events for what they are | |
//! | `recovery.rs` | what is durable, and coming back from it | Garcia-Molina and Salem, 6 |
//! | `invariants.rs` | what holds of one participant at any time | |
//! | `permute.rs`, `canonical.rs` | a participant renamed, and over a log written anew: for checks | |
//!
//! # How it goes
//! A step begins when all steps before it are known to be done. Its participant writes down that it is done, and only
//! then tells those whose steps come after it. A step before the pivot that is refused, or given up when its attempts
//! are used up, is told to all: from then on nobody begins anything, what never began is clean at once, and what may
//! have an effect is undone as soon as all that comes after it is clean. The initiator hears of the ends of all
//! branches, and tells everybody how the saga ended.
//!
//! # Why nobody needs to direct it
//! *What becomes of a step is decided by its participant alone*, once, durably, before anybody hears of it: done, or
//! given up. A saga is completed if all its steps are done; it goes back if one was given up. The pivot comes after
//! all steps that can be given up, so it cannot be done once one of them was: the two ends exclude each other without
//! anybody counting votes.
//!
//! *A wish to go back is a wish.* The initiator that cancels, or whose deadline passes, cannot know how far the others
//! are. Its wish spreads as an event does, and whoever has a step up to the pivot that is not done gives it up; a pivot
//! that has begun goes on. So there is no race to lose: only the end tells whether the wish came in time.
//!
//! *Facts are never taken back, and an event carries all that its sender knows* ([`Facts`]). Whoever hears of a step
//! has heard of all that led there, so events may be lost, repeated, late and out of order, and the answer to an event
//! is of the same kind.
//!
//! # What an application owes
//! What [`Call`] says; and that a step's participant stays the same while sagas of that version run. Definitions and
//! limits are the same at all participants.
//!
//! ```
//! # use std::collections::VecDeque;
//! # use std::sync::Arc;
//! use quorate::id::{ClusterId, NodeId, RequestId};
//! use quorate::machine::{Effect, Input, Machine};
//! use quorate::saga::choreography::{Config, Notice, Participant, Request};
//! use quorate::saga::{
//!     Definition, DefinitionId, End, Kind, Outcome, Outline, Policy, SagaId, Step, TaskId, Version,
//! };
//! use quorate::time::Time;
//!
//! const SHOP: NodeId = NodeId(0);
//! const BANK: NodeId = NodeId(1);
//! let step = |task, service, kind, after| Step { task, service, kind, after, policy: Policy::default() };
//!
//! let mut order = Outline::new();
//! let reserve = order.step(step(TaskId(1), SHOP, Kind::Compensatable, vec![]));
//! let pay = order.step(step(TaskId(2), BANK, Kind::Pivot, vec![reserve]));
//! order.step(step(TaskId(3), SHOP, Kind::Retriable, vec![pay]));
//! let order = Definition::new(DefinitionId(1), Version(1), order)?;
//!
//! let start = |me| {
//!     let config = Config::new(ClusterId(1), me, [SHOP, BANK], [order.clone()]);
//!     Participant::<u64>::new(Arc::new(config))
//! };
//! let mut nodes = [start(SHOP)?, start(BANK)?];
//! let begin = Request::Begin {
//!     id: RequestId(1),
//!     saga: SagaId(1),
//!     definition: DefinitionId(1),
//!     version: Version(1),
//!     input: 4711, // the number of the order
//! };
//! // Without a crash to fear, effects may be looked at right away; a driver leaves that to the ledger.
//! let (mut inputs, mut ends) = (VecDeque::from([(SHOP, Input::Request(begin))]), vec![]);
//! while let Some((at, input)) = inputs.pop_front() {
//!     let node = &mut nodes[at.0 as usize];
//!     let (next, effects) = node.stepped(input, Time::ZERO, &[]);
//!     *node = next;
//!     for effect in effects {
//!         match effect {
//!             Effect::Send { to, message, .. } => inputs.push_back((to, Input::Message { from: at, message })),
//!             // Reserve, pay, ship: once for each key.
//!             Effect::Notify { notice: Notice::Call(call), .. } => {
//!                 inputs.push_back((at, Input::Request(Request::Answer(call.answer(Outcome::Done)))));
//!             }
//!             Effect::Notify { notice: Notice::Ended { end, .. }, .. } => ends.push((at, end)),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(ends, [(SHOP, End::Completed), (BANK, End::Completed)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is held and what is free
//! Everything is held behind what it rests on: events, their acknowledgements, calls, answers to requests. Free is
//! [`Notice::Rejected`] alone, which says nothing of what is durable.
//!
//! # Decisions
//! *What others know is not written down.* After a crash everything that is owed is told again, and the answers tell.
//!
//! *The initiator is where ends meet*: while it is down steps are carried out and undone as ever, but nobody learns
//! the end. It is no director: it decides nothing but when to wish.
//!
//! *One saga that does not end holds up the forgetting of all that its initiator began after it*, and once there are
//! [`Config::max_sagas`] of these, nothing more is begun there. In exchange one name for each initiator tells late
//! events from new ones ([`Notice::Over`]), for ever.

mod answer;
mod api;
mod canonical;
mod config;
mod drive;
mod facts;
mod floor;
mod hear;
mod invariants;
mod message;
mod permute;
mod progress;
mod publish;
mod recovery;
mod request;
#[cfg(feature = "serde")]
mod serial;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::{Data, End, Flight, SagaId, StepId};
use crate::fixed::Fixed;
use crate::id::NodeId;
use crate::machine::{Context, Input, InputOf, Machine};

pub use api::{Notice, Refusal, Rejection, Request, Timer};
pub use config::{Config, ConfigError};
pub use facts::Facts;
pub use message::{Answer, Call, Message, Name};
pub use progress::{Event, Standing};
pub use recovery::{Cell, Entry, FLOORS, IDENTITY, LOG};

#[cfg(doc)]
use super::Definition;
use progress::Saga;

/// A participant of sagas: it carries out steps when events tell that they are due.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Participant<D> {
    config: Fixed<Config>,
    /// Whether the identity has been emitted to disk.
    identified: bool,
    /// Whether this life has begun.
    begun: bool,
    /// For each initiator, the saga below which all are over; 0 where there is none.
    floors: BTreeMap<NodeId, SagaId>,
    /// The first entry of the log that is kept, and the next one to be written.
    first: u64,
    next: u64,
    sagas: BTreeMap<Name, Saga<D>>,
}

impl<D: Data> Participant<D> {
    /// A participant as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(config: Arc<Config>) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config: Fixed(config),
            identified: false,
            begun: false,
            floors: BTreeMap::new(),
            first: 1,
            next: 1,
            sagas: BTreeMap::new(),
        })
    }
}

impl<D: Data> Machine for Participant<D> {
    type Config = Arc<Config>;
    type Message = Message<D>;
    type Timer = Timer;
    type Request = Request<D>;
    type Cell = Cell;
    type Entry = Entry<D>;
    type Notice = Notice<D>;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        // First, whatever comes first: nothing is called or said by a life that has not begun.
        if !self.begun {
            self.begun = true;
            self.identify(cx);
            self.resume(cx);
        }
        match input {
            Input::Start | Input::Loaded { .. } => {}
            Input::Message { from, message } => self.on_message(from, message, cx),
            Input::Timer(Timer::Step { saga, step }) => self.on_step_timer(saga, step, cx),
            Input::Timer(Timer::Publish { saga }) => self.on_publish(saga, cx),
            Input::Timer(Timer::Deadline { saga }) => self.on_deadline(saga, cx),
            Input::Request(request) => self.on_request(request, cx),
        }
        self.compact(cx);
    }
}

/// What a participant looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<D: Data> Participant<D> {
    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The saga of `initiator` below which all are over.
    #[must_use]
    pub fn over_below(&self, initiator: NodeId) -> SagaId {
        self.floor(initiator)
    }

    /// How many entries the log holds.
    #[must_use]
    pub const fn log_entries(&self) -> u64 {
        self.next.saturating_sub(self.first)
    }

    /// The sagas that are kept, ended ones included, and how they stand.
    #[must_use]
    pub fn sagas(&self) -> impl ExactSizeIterator<Item = (Name, &Standing<D>)> {
        self.sagas.iter().map(|(name, saga)| (*name, &saga.standing))
    }

    /// How a saga ended; none if it has not as far as is known here, or is not kept.
    #[must_use]
    pub fn end(&self, saga: Name) -> Option<End> {
        self.sagas.get(&saga)?.standing.facts.end(self.plan(saga)?)
    }

    /// What is under way with a step.
    #[must_use]
    pub fn flight(&self, saga: Name, step: StepId) -> Flight {
        self.sagas.get(&saga).map_or(Flight::Grounded, |saga| saga.flights.of(step))
    }

    /// Whether this participant tells others something of the saga until they acknowledge it.
    #[must_use]
    pub fn is_publishing(&self, saga: Name) -> bool {
        self.debts(saga).iter().any(|owed| !owed.is_nothing())
    }
}
