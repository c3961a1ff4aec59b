//! Nodes of two kinds in one place: a machine that is one of two.
//!
//! A coordinator and its participants speak the same messages and are different machines. A world, a driver or a
//! test that holds nodes of both holds [`Either`]; three kinds nest. Both sides exchange the same messages;
//! everything else of a machine is told apart by its side.
//!
//! ```
//! use std::sync::Arc;
//! use quorate::commit::{Config, Coordinator, Member, Mode, Participant, coordinator};
//! use quorate::either::{Either, Notice};
//! use quorate::id::{ClusterId, NodeId, RequestId};
//! use quorate::machine::{Effect, Input, Machine};
//! use quorate::time::Time;
//!
//! # fn main() -> Result<(), quorate::commit::ConfigError> {
//! let config = Arc::new(Config::new(ClusterId(1), [NodeId(1), NodeId(2)]));
//! let member = |me| Member { me: NodeId(me), config: config.clone() };
//! let nodes: [Either<Coordinator<u8>, Participant<u8>>; 2] =
//!     [Either::Left(Coordinator::new(member(1))?), Either::Right(Participant::new(member(2))?)];
//!
//! let begin = || coordinator::Request::Begin {
//!     id: RequestId(1),
//!     mode: Mode::PresumedAbort,
//!     branches: vec![(NodeId(2), 5)],
//! };
//! let told = nodes.map(|node| {
//!     let (_, effects) = node.stepped(Input::Request(Either::Left(begin())), Time::ZERO, &[]);
//!     effects.into_iter().find_map(|effect| match effect {
//!         Effect::Notify { notice, .. } => Some(notice),
//!         _ => None,
//!     })
//! });
//! assert!(matches!(told[0], Some(Notice::Left(coordinator::Notice::Begun { .. }))));
//! assert!(matches!(told[1], Some(Notice::Misdirected))); // no participant can begin anything
//! # Ok(())
//! # }
//! ```

mod image;

use core::marker::PhantomData;

use crate::durable::{Corrupt, Image, Record, Recover, Stored};
use crate::id::{Permutation, Permute};
use crate::machine::{Context, Effect, EffectOf, Input, InputOf, Machine};
use crate::time::Time;

use image::Side;

/// One of two: machines, or what they are told, keep and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "one of two")]
pub enum Either<A, B> {
    /// Of the first kind.
    Left(A),
    /// Of the second kind.
    Right(B),
}

/// What the application of a node of one of two kinds is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "one of two, and the mistake that can be made with them")]
pub enum Notice<A, B> {
    /// By a machine of the first kind.
    Left(A),
    /// By a machine of the second kind.
    Right(B),
    /// A request, a timer or a read-back was of the other kind than the machine: it was dropped and nothing was
    /// changed.
    Misdirected,
}

impl<A, B> Either<A, B> {
    /// What is of the first kind.
    pub const fn left(&self) -> Option<&A> {
        match self {
            Self::Left(it) => Some(it),
            Self::Right(_) => None,
        }
    }

    /// What is of the second kind.
    pub const fn right(&self) -> Option<&B> {
        match self {
            Self::Left(_) => None,
            Self::Right(it) => Some(it),
        }
    }

    /// What is of the first kind, taken out.
    pub fn into_left(self) -> Option<A> {
        match self {
            Self::Left(it) => Some(it),
            Self::Right(_) => None,
        }
    }

    /// What is of the second kind, taken out.
    pub fn into_right(self) -> Option<B> {
        match self {
            Self::Left(_) => None,
            Self::Right(it) => Some(it),
        }
    }
}

impl<A: Permute, B: Permute> Permute for Either<A, B> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Left(it) => it.permute(by),
            Self::Right(it) => it.permute(by),
        }
    }
}

impl<A: Permute, B: Permute> Permute for Notice<A, B> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Left(notice) => notice.permute(by),
            Self::Right(notice) => notice.permute(by),
            Self::Misdirected => {}
        }
    }
}

impl<A: Machine, B: Machine<Message = A::Message>> Machine for Either<A, B> {
    type Config = Either<A::Config, B::Config>;
    type Message = A::Message;
    type Timer = Either<A::Timer, B::Timer>;
    type Request = Either<A::Request, B::Request>;
    type Cell = Either<A::Cell, B::Cell>;
    type Entry = Either<A::Entry, B::Entry>;
    type Notice = Notice<A::Notice, B::Notice>;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        match self {
            Self::Left(machine) => {
                match sided(input, Either::into_left, Either::into_left, Either::into_left) {
                    Some(input) => machine.step(input, &mut OfLeft { cx, other: PhantomData }),
                    None => cx.notify_free(Notice::Misdirected),
                }
            }
            Self::Right(machine) => {
                match sided(input, Either::into_right, Either::into_right, Either::into_right) {
                    Some(input) => machine.step(input, &mut OfRight { cx, other: PhantomData }),
                    None => cx.notify_free(Notice::Misdirected),
                }
            }
        }
    }
}

/// The input of one side, if it is of that side.
fn sided<M, T, R, E, U, S, F>(
    input: Input<M, T, R, E>,
    timer: impl FnOnce(T) -> Option<U>,
    request: impl FnOnce(R) -> Option<S>,
    entry: impl Fn(E) -> Option<F>,
) -> Option<Input<M, U, S, F>> {
    Some(match input {
        Input::Start => Input::Start,
        Input::Message { from, message } => Input::Message { from, message },
        Input::Timer(it) => Input::Timer(timer(it)?),
        Input::Request(it) => Input::Request(request(it)?),
        Input::Loaded { log, from, entries } => {
            Input::Loaded { log, from, entries: entries.into_iter().map(entry).collect::<Option<_>>()? }
        }
    })
}

/// An effect of one side, as one of both.
fn widened<M, T, V, E, N, U, W, F, O>(
    effect: Effect<M, T, V, E, N>,
    timer: impl FnOnce(T) -> U,
    cell: impl FnOnce(V) -> W,
    entry: impl FnOnce(E) -> F,
    notice: impl FnOnce(N) -> O,
) -> Effect<M, U, W, F, O> {
    match effect {
        Effect::Persist(record) => Effect::Persist(match record {
            Record::Put { cell: id, value } => Record::Put { cell: id, value: cell(value) },
            Record::Remove { cell } => Record::Remove { cell },
            Record::Append { log, index, entry: it } => Record::Append { log, index, entry: entry(it) },
            Record::Truncate { log, from } => Record::Truncate { log, from },
            Record::Discard { log, upto } => Record::Discard { log, upto },
        }),
        Effect::Send { to, message, release } => Effect::Send { to, message, release },
        Effect::SetTimer { timer: it, after } => Effect::SetTimer { timer: timer(it), after },
        Effect::CancelTimer(it) => Effect::CancelTimer(timer(it)),
        Effect::Notify { notice: it, release } => Effect::Notify { notice: notice(it), release },
        Effect::Load { log, from, upto } => Effect::Load { log, from, upto },
    }
}

/// The context of a machine of the first kind.
struct OfLeft<'a, C: ?Sized, B> {
    cx: &'a mut C,
    other: PhantomData<fn() -> B>,
}

impl<A, B, C> Context<A> for OfLeft<'_, C, B>
where
    A: Machine,
    B: Machine<Message = A::Message>,
    C: Context<Either<A, B>> + ?Sized,
{
    fn now(&self) -> Time {
        self.cx.now()
    }

    fn choose(&mut self, upto: u32) -> u32 {
        self.cx.choose(upto)
    }

    fn emit(&mut self, effect: EffectOf<A>) {
        self.cx.emit(widened(effect, Either::Left, Either::Left, Either::Left, Notice::Left));
    }
}

/// The context of a machine of the second kind.
struct OfRight<'a, C: ?Sized, A> {
    cx: &'a mut C,
    other: PhantomData<fn() -> A>,
}

impl<A, B, C> Context<B> for OfRight<'_, C, A>
where
    A: Machine,
    B: Machine<Message = A::Message>,
    C: Context<Either<A, B>> + ?Sized,
{
    fn now(&self) -> Time {
        self.cx.now()
    }

    fn choose(&mut self, upto: u32) -> u32 {
        self.cx.choose(upto)
    }

    fn emit(&mut self, effect: EffectOf<B>) {
        self.cx.emit(widened(effect, Either::Right, Either::Right, Either::Right, Notice::Right));
    }
}

/// A disk with records of the other kind is not this node's.
impl<A, B> Recover for Either<A, B>
where
    A: Recover<Cell: Clone, Entry: Clone>,
    B: Recover<Message = A::Message, Cell: Clone, Entry: Clone>,
{
    fn recover(
        config: Self::Config,
        stored: &(impl Stored<Self::Cell, Self::Entry> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt> {
        match config {
            Either::Left(config) => {
                A::recover(config, &Side::new(stored, Either::into_left, Either::into_left), applied)
                    .map(Self::Left)
            }
            Either::Right(config) => {
                B::recover(config, &Side::new(stored, Either::into_right, Either::into_right), applied)
                    .map(Self::Right)
            }
        }
    }

    fn agrees_with(&self, image: &Image<Self::Cell, Self::Entry>) -> Result<(), &'static str> {
        const OTHER: &str = "the disk holds records of another kind of machine";
        match self {
            Self::Left(machine) => {
                let image = image.filter_map(|cell| cell.left().cloned(), |entry| entry.left().cloned());
                machine.agrees_with(&image.ok_or(OTHER)?)
            }
            Self::Right(machine) => {
                let image = image.filter_map(|cell| cell.right().cloned(), |entry| entry.right().cloned());
                machine.agrees_with(&image.ok_or(OTHER)?)
            }
        }
    }
}
