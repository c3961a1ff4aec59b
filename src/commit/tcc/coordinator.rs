//! The coordinator of activities: a coordinator of two-phase commit that presumes nothing, and hears of services that are
//! stuck.

mod api;
#[cfg(feature = "serde")]
mod serial;

use core::marker::PhantomData;

use super::config::{ConfigError, Member};
use super::message::Message;
use crate::commit::coordinator as inner;
use crate::commit::ids::{Mode, TxId};
use crate::commit::{Rejection, Work};
use crate::durable::{Corrupt, Image, Recover, Stored};
use crate::id::{NodeId, Permutation, Permute, RequestId};
use crate::machine::{Context, Effect, EffectOf, Input, InputOf, Machine};
use crate::time::Time;

pub use crate::commit::coordinator::{Cell, Entry, Phase, Refusal, Timer};
pub use api::{Notice, Request};

/// The coordinator of any number of activities. See [the module](crate::commit::tcc).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Coordinator<W> {
    inner: inner::Coordinator<W>,
}

impl<W: Work> Coordinator<W> {
    /// A node as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(member: Member) -> Result<Self, ConfigError> {
        member.config.validate(member.me)?;
        Ok(Self { inner: inner::Coordinator::new(member.inner()).map_err(ConfigError::Commit)? })
    }

    fn drive<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<inner::Coordinator<W>>, cx: &mut Cx) {
        self.inner.step(input, &mut Inside { cx, of: PhantomData });
    }

    fn message<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message<W>, cx: &mut Cx) {
        let tx = message.tx();
        let message = match message {
            // Nothing is decided: it has cancelled alone what it never said to be reserved, and has released it.
            Message::Done { took: None, .. } if self.phase(tx) == Some(Phase::Collecting) => {
                Message::Tried { tx, reserved: false }
            }
            other => other,
        };
        match message.into_inner(self.inner.id()) {
            Some(message) => self.drive(Input::Message { from, message }, cx),
            // Free: it says only how it goes, and is said again. From who is not awaited it is late.
            None if self.inner.awaited(tx).any(|awaited| awaited == from) => {
                cx.notify_free(Notice::Stuck { tx, service: from });
            }
            None if tx.coordinator != self.inner.id() => {
                cx.notify_free(Notice::Rejected { from, reason: Rejection::NotItsCoordinator });
            }
            None => {}
        }
    }

    fn request<Cx: Context<Self> + ?Sized>(&mut self, request: Request<W>, cx: &mut Cx) {
        let request = match request {
            Request::Begin { id, branches } => {
                inner::Request::Begin { id, mode: Mode::PresumedNothing, branches }
            }
            Request::Cancel { id, tx } => inner::Request::Cancel { id, tx },
            Request::WriteOff { id, tx, service } => return self.write_off(id, tx, service, cx),
        };
        self.drive(Input::Request(request), cx);
    }

    fn write_off<Cx: Context<Self> + ?Sized>(
        &mut self,
        id: RequestId,
        tx: TxId,
        service: NodeId,
        cx: &mut Cx,
    ) {
        match self.inner.write_off(tx, service, &mut Inside { cx, of: PhantomData }) {
            Ok(()) => cx.notify(Notice::WrittenOff { id }),
            Err(reason) => cx.notify_free(Notice::Refused { id, reason }),
        }
    }
}

impl<W: Work> Machine for Coordinator<W> {
    type Config = Member;
    type Message = Message<W>;
    type Timer = Timer;
    type Request = Request<W>;
    type Cell = Cell;
    type Entry = Entry;
    type Notice = Notice;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        match input {
            Input::Start => self.drive(Input::Start, cx),
            Input::Message { from, message } => self.message(from, message, cx),
            Input::Timer(timer) => self.drive(Input::Timer(timer), cx),
            Input::Request(request) => self.request(request, cx),
            Input::Loaded { log, from, entries } => self.drive(Input::Loaded { log, from, entries }, cx),
        }
    }
}

/// The context of the machine inside: its words are this one's.
struct Inside<'a, Cx: ?Sized, W> {
    cx: &'a mut Cx,
    of: PhantomData<fn() -> W>,
}

impl<W: Work, Cx: Context<Coordinator<W>> + ?Sized> Context<inner::Coordinator<W>> for Inside<'_, Cx, W> {
    fn now(&self) -> Time {
        self.cx.now()
    }

    fn choose(&mut self, upto: u32) -> u32 {
        self.cx.choose(upto)
    }

    fn emit(&mut self, effect: EffectOf<inner::Coordinator<W>>) {
        let effect = match effect {
            Effect::Persist(record) => Effect::Persist(record),
            Effect::Send { to, message, release } => {
                let Some(message) = Message::from_inner(message) else { return };
                Effect::Send { to, message, release }
            }
            Effect::SetTimer { timer, after } => Effect::SetTimer { timer, after },
            Effect::CancelTimer(timer) => Effect::CancelTimer(timer),
            Effect::Notify { notice, release } => {
                let Some(notice) = Notice::from_inner(notice) else { return };
                Effect::Notify { notice, release }
            }
            Effect::Load { log, from, upto } => Effect::Load { log, from, upto },
        };
        self.cx.emit(effect);
    }
}

/// What a coordinator looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<W: Work> Coordinator<W> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.inner.id()
    }

    /// How many activities have not ended.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inner.in_flight()
    }

    /// How many entries the durable journal has.
    #[must_use]
    pub fn journal_len(&self) -> u64 {
        self.inner.journal_len()
    }

    /// The number of the next activity.
    #[must_use]
    pub const fn next_number(&self) -> u64 {
        self.inner.next_number()
    }

    /// How far an activity has come; `None` if it has ended or was never begun.
    #[must_use]
    pub fn phase(&self, tx: TxId) -> Option<Phase> {
        self.inner.phase(tx)
    }

    /// The activities that have not ended.
    pub fn activities(&self) -> impl Iterator<Item = (TxId, Phase)> {
        self.inner.transactions()
    }

    /// The services that have not confirmed or cancelled what is decided.
    pub fn awaited(&self, tx: TxId) -> impl Iterator<Item = NodeId> {
        self.inner.awaited(tx)
    }

    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        self.inner.check()?;
        if self.inner.transactions().any(|(_, phase)| phase == Phase::OnePhase) {
            return Err("a service decides");
        }
        Ok(())
    }
}

impl<W: Work> Recover for Coordinator<W> {
    /// `_applied` is of no account: a coordinator tells again what it has not forgotten.
    fn recover(
        member: Member,
        stored: &(impl Stored<Cell, Entry> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt> {
        member.config.validate(member.me).map_err(|error| Corrupt::Config(error.as_str()))?;
        Ok(Self { inner: inner::Coordinator::recover(member.inner(), stored, applied)? })
    }

    fn agrees_with(&self, image: &Image<Cell, Entry>) -> Result<(), &'static str> {
        self.inner.agrees_with(image)
    }
}

impl<W> Permute for Coordinator<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.inner.permute(by);
    }
}
