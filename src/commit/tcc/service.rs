//! The service: a participant of two-phase commit whose application's confirming and cancelling may fail, and whose
//! reservations may lapse.

mod api;
mod carry_out;
mod lapse;
#[cfg(feature = "serde")]
mod serial;

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::config::{Config, ConfigError, Member};
use super::message::Message;
use crate::commit::ids::{Outcome, TxId, Vote};
use crate::commit::participant as inner;
use crate::commit::{Rejection, Work};
use crate::durable::{Corrupt, Image, Recover, Stored};
use crate::fixed::Fixed;
use crate::id::{NodeId, Permutation, Permute};
use crate::machine::{Context, Effect, EffectOf, Input, InputOf, Machine};
use crate::time::Time;

pub use crate::commit::participant::{Cell, Entry, Phase, Refusal};
pub use api::{Notice, Request, Timer};

use carry_out::Failing;

/// A service in the activities of any number of coordinators. See [the module](crate::commit::tcc).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Service<W> {
    inner: inner::Participant<W>,
    config: Fixed<Config>,
    /// What the application failed to carry out, ascending: no more than the activities that have not ended.
    failing: Vec<Failing>,
    /// The reservations that the timer of lapses has found once, ascending.
    lapsing: Vec<TxId>,
    /// Whether the timer of lapses is set.
    awaits_lapse: bool,
}

impl<W: Work> Service<W> {
    /// A node as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(member: Member) -> Result<Self, ConfigError> {
        member.config.validate(member.me)?;
        let inner = inner::Participant::new(member.inner()).map_err(ConfigError::Commit)?;
        Ok(Self::around(inner, member))
    }

    fn around(inner: inner::Participant<W>, member: Member) -> Self {
        let config = Fixed(member.config);
        Self { inner, config, failing: Vec::new(), lapsing: Vec::new(), awaits_lapse: false }
    }

    /// Feeds the machine inside.
    fn drive<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<inner::Participant<W>>, cx: &mut Cx) {
        let mut inside = Inside::of(cx);
        self.inner.step(input, &mut inside);
        let Inside { over, .. } = inside;
        for (tx, is_known) in over {
            match is_known {
                true => self.answer(tx, cx),
                // What is still to be released is not refused yet: the coordinator would not wait for that.
                false if self.inner.owes(tx) => {}
                false => cx.send(tx.coordinator, Message::Tried { tx, reserved: false }),
            }
        }
        self.failing.retain(|failing| self.inner.owes(failing.tx));
    }

    fn message<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message<W>, cx: &mut Cx) {
        match message.into_inner(self.inner.id()) {
            Some(message) => self.drive(Input::Message { from, message }, cx),
            None => cx.notify_free(Notice::Rejected { from, reason: Rejection::Misdirected }),
        }
    }

    fn request<Cx: Context<Self> + ?Sized>(&mut self, request: Request, cx: &mut Cx) {
        let inner = match request {
            Request::Reserved { tx } => inner::Request::Ready { tx, vote: Vote::Yes },
            Request::NotReserved { tx } => inner::Request::Ready { tx, vote: Vote::No },
            Request::Done { tx } => return self.done(tx, cx),
            Request::Failed { tx } => return self.failed(tx, cx),
            Request::Retry { tx } => return self.retry(tx, cx),
            Request::GiveUp { tx } => return self.give_up(tx, cx),
            Request::Release { tx } => inner::Request::Resolve { tx, outcome: Outcome::Abort },
            Request::Found { tx } => inner::Request::Found { tx },
            Request::Forget { tx } => inner::Request::Forget { tx },
        };
        self.drive(Input::Request(inner), cx);
        self.await_lapse(cx);
    }
}

impl<W: Work> Machine for Service<W> {
    type Config = Member;
    type Message = Message<W>;
    type Timer = Timer;
    type Request = Request;
    type Cell = Cell;
    type Entry = Entry<W>;
    type Notice = Notice<W>;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        match input {
            Input::Start => {
                self.drive(Input::Start, cx);
                self.await_lapse(cx);
            }
            Input::Message { from, message } => self.message(from, message, cx),
            Input::Timer(Timer::Trying) => self.drive(Input::Timer(inner::Timer::Readiness), cx),
            Input::Timer(Timer::Retry) => self.on_retry(cx),
            Input::Timer(Timer::Lapse) => self.on_lapse(cx),
            Input::Request(request) => self.request(request, cx),
            Input::Loaded { log, from, entries } => self.drive(Input::Loaded { log, from, entries }, cx),
        }
    }
}

/// The context of the machine inside: its words are this one's, but for those by which a coordinator waits no more,
/// which here mean more than that an outcome is known.
struct Inside<'a, Cx: ?Sized, W> {
    cx: &'a mut Cx,
    /// What is over for it, and whether the coordinator has told it so.
    over: Vec<(TxId, bool)>,
    of: PhantomData<fn() -> W>,
}

impl<'a, Cx: ?Sized, W> Inside<'a, Cx, W> {
    const fn of(cx: &'a mut Cx) -> Self {
        Self { cx, over: Vec::new(), of: PhantomData }
    }
}

impl<W: Work, Cx: Context<Service<W>> + ?Sized> Context<inner::Participant<W>> for Inside<'_, Cx, W> {
    fn now(&self) -> Time {
        self.cx.now()
    }

    fn choose(&mut self, upto: u32) -> u32 {
        self.cx.choose(upto)
    }

    fn emit(&mut self, effect: EffectOf<inner::Participant<W>>) {
        let effect = match effect {
            Effect::Persist(record) => Effect::Persist(record),
            Effect::Send { to, message, release } => match Message::from_inner(message) {
                Some(Message::Done { tx, took: None }) => return self.over.push((tx, true)),
                Some(Message::Tried { tx, reserved: false }) => return self.over.push((tx, false)),
                Some(message) => Effect::Send { to, message, release },
                None => return,
            },
            Effect::SetTimer { timer: inner::Timer::Readiness, after } => {
                Effect::SetTimer { timer: Timer::Trying, after }
            }
            Effect::CancelTimer(inner::Timer::Readiness) => Effect::CancelTimer(Timer::Trying),
            // A service asks nobody.
            Effect::SetTimer { timer: inner::Timer::Doubt, .. }
            | Effect::CancelTimer(inner::Timer::Doubt) => {
                return;
            }
            Effect::Notify { notice, release } => match Notice::from_inner(notice) {
                Some(notice) => Effect::Notify { notice, release },
                None => return,
            },
            Effect::Load { log, from, upto } => Effect::Load { log, from, upto },
        };
        self.cx.emit(effect);
    }
}

/// What a service looks like from outside, for checks, metrics and tests.
///
/// State runs ahead of the disk: never answer anybody from these; only effects are truth.
impl<W: Work> Service<W> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.inner.id()
    }

    /// How many activities have not ended here.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.inner.live()
    }

    /// Bytes of work held.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.inner.held_bytes()
    }

    /// How many entries the durable journal has.
    #[must_use]
    pub fn journal_len(&self) -> u64 {
        self.inner.journal_len()
    }

    /// How far an activity has come, in the words of two-phase commit: in doubt is what is reserved. `None` if it
    /// is unknown.
    #[must_use]
    pub fn phase(&self, tx: TxId) -> Option<Phase> {
        self.inner.phase(tx)
    }

    /// The activities that are remembered one by one.
    pub fn activities(&self) -> impl Iterator<Item = (TxId, Phase)> {
        self.inner.transactions()
    }

    /// Whether confirming or cancelling it waits for an operator.
    #[must_use]
    pub fn is_stuck(&self, tx: TxId) -> bool {
        self.failing.iter().any(|failing| failing.tx == tx && failing.is_stuck())
    }

    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        self.inner.check()?;
        if !self.failing.is_sorted_by(|a, b| a.tx < b.tx) || !self.lapsing.is_sorted_by(|a, b| a < b) {
            return Err("what fails or lapses is out of order");
        }
        if self.failing.iter().any(|failing| !self.inner.owes(failing.tx)) {
            return Err("something fails that is not to be carried out");
        }
        if self.config.lapse.is_none() && (self.awaits_lapse || !self.lapsing.is_empty()) {
            return Err("reservations lapse, and no limit was declared");
        }
        let most = self.config.max_attempts;
        self.failing.iter().try_for_each(|failing| failing.check(most))
    }
}

impl<W: Work> Recover for Service<W> {
    /// `applied` is the last position that the application has carried out for good, with all before it: what is
    /// there is not told again. An application that goes by [`TxId`] alone passes 0.
    fn recover(
        member: Member,
        stored: &(impl Stored<Cell, Entry<W>> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt> {
        member.config.validate(member.me).map_err(|error| Corrupt::Config(error.as_str()))?;
        let inner = inner::Participant::recover(member.inner(), stored, applied)?;
        Ok(Self::around(inner, member))
    }

    fn agrees_with(&self, image: &Image<Cell, Entry<W>>) -> Result<(), &'static str> {
        self.inner.agrees_with(image)
    }
}

impl<W> Permute for Service<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.inner.permute(by);
        self.failing.iter_mut().for_each(|failing| failing.tx.permute(by));
        self.failing.sort_unstable_by_key(|failing| failing.tx);
        self.lapsing.permute(by);
        self.lapsing.sort_unstable();
    }
}
