//! A machine outside of the group that speaks with the one on it.

use core::marker::PhantomData;

use super::Group;
use super::api::Message;
use crate::durable::{Corrupt, Image, Recover, Stored};
use crate::fixed::Fixed;
use crate::id::{Permutation, Permute};
use crate::machine::{Context, Effect, EffectOf, Input, InputOf, Machine};
use crate::time::Time;

/// `M`, to which a group of replicas is one node: what it sends to that node goes to all replicas, and what any of them
/// says comes from that node. `C` is the command of their log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outsider<M, C> {
    machine: M,
    group: Fixed<Group>,
    commands: PhantomData<fn() -> C>,
}

impl<M, C> Outsider<M, C> {
    /// `machine`, as it speaks with `group`.
    #[must_use]
    pub fn new(machine: M, group: Group) -> Self {
        Self { machine, group: Fixed(group.into()), commands: PhantomData }
    }

    /// The machine itself.
    #[must_use]
    pub const fn machine(&self) -> &M {
        &self.machine
    }
}

impl<M: Machine<Message: Clone>, C> Machine for Outsider<M, C> {
    type Config = (M::Config, Group);
    type Message = Message<C, M::Message>;
    type Timer = M::Timer;
    type Request = M::Request;
    type Cell = M::Cell;
    type Entry = M::Entry;
    type Notice = M::Notice;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        let group = &*self.group;
        let input = match input {
            Input::Start => Input::Start,
            Input::Message { from, message: Message::Inner(message) } => {
                let from = if group.replicas.contains(&from) { group.name } else { from };
                Input::Message { from, message }
            }
            // Between replicas: none is for a node outside.
            Input::Message { message: Message::Raft(_), .. } => return,
            Input::Timer(timer) => Input::Timer(timer),
            Input::Request(request) => Input::Request(request),
            Input::Loaded { log, from, entries } => Input::Loaded { log, from, entries },
        };
        self.machine.step(input, &mut Outside { cx, group, commands: PhantomData::<fn() -> C> });
    }
}

/// The context of the machine: what it sends to the name of the group goes to all replicas.
struct Outside<'a, Cx: ?Sized, C> {
    cx: &'a mut Cx,
    group: &'a Group,
    commands: PhantomData<fn() -> C>,
}

impl<M, C, Cx> Context<M> for Outside<'_, Cx, C>
where
    M: Machine<Message: Clone>,
    Cx: Context<Outsider<M, C>> + ?Sized,
{
    fn now(&self) -> Time {
        self.cx.now()
    }

    fn choose(&mut self, upto: u32) -> u32 {
        self.cx.choose(upto)
    }

    fn emit(&mut self, effect: EffectOf<M>) {
        self.cx.emit(match effect {
            Effect::Send { to, message, release } if to == self.group.name => {
                for &to in self.group.replicas.iter() {
                    let message = Message::Inner(message.clone());
                    self.cx.emit(Effect::Send { to, message, release });
                }
                return;
            }
            Effect::Send { to, message, release } => {
                Effect::Send { to, message: Message::Inner(message), release }
            }
            Effect::Persist(record) => Effect::Persist(record),
            Effect::SetTimer { timer, after } => Effect::SetTimer { timer, after },
            Effect::CancelTimer(timer) => Effect::CancelTimer(timer),
            Effect::Notify { notice, release } => Effect::Notify { notice, release },
            Effect::Load { log, from, upto } => Effect::Load { log, from, upto },
        });
    }
}

impl<M: Recover<Message: Clone>, C> Recover for Outsider<M, C> {
    fn recover(
        (config, group): Self::Config,
        stored: &(impl Stored<Self::Cell, Self::Entry> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt> {
        Ok(Self::new(M::recover(config, stored, applied)?, group))
    }

    fn agrees_with(&self, image: &Image<Self::Cell, Self::Entry>) -> Result<(), &'static str> {
        self.machine.agrees_with(image)
    }
}

/// The replicas must be closed under the renaming.
impl<M: Permute, C> Permute for Outsider<M, C> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.machine.permute(by);
    }
}
