//! Raft and the machine above it, one step at a time.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use smallvec::smallvec;

use super::api::{Message, Notice, Timer};
use super::config::{Member, Setting};
use super::life::{Gather, Life, Waiting};
use super::{Change, ChangeOf, ConfigError, OnRaft, Replicated};
use crate::durable::{Corrupt, Image, Recover, Stored};
use crate::fixed::Fixed;
use crate::id::{LogId, RequestId};
use crate::ledger::Output;
use crate::machine::{Context, Effect, EffectOf, Input, InputOf, Machine, Release};
use crate::raft::{self, Index, Payload, Raft};
use crate::time::Time;

/// What Raft told in one step, in order, until it is dealt with.
type Told<M> = VecDeque<(raft::Notice<ChangeOf<M>>, Release)>;

impl<M: Replicated> Machine for OnRaft<M> {
    type Config = Member<M::Config>;
    type Message = super::MessageOf<M>;
    type Timer = Timer<M::Timer>;
    type Request = M::Request;
    type Cell = raft::Cell;
    type Entry = raft::Entry<ChangeOf<M>>;
    type Notice = Notice<M::Request, M::Notice>;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        let mut told = Told::<M>::new();
        let below = match input {
            Input::Start => Input::Start,
            Input::Message { from, message: Message::Raft(message) } => Input::Message { from, message },
            Input::Timer(Timer::Raft(timer)) => Input::Timer(timer),
            Input::Loaded { log, from, entries } => Input::Loaded { log, from, entries },
            Input::Message { from, message: Message::Inner(message) } => {
                if !self.is_busy() {
                    self.above(Input::Message { from, message }, &mut told, cx);
                }
                return self.settle(told, cx);
            }
            // Never turned away: it would not come again.
            Input::Timer(Timer::Inner(timer)) => {
                self.above(Input::Timer(timer), &mut told, cx);
                return self.settle(told, cx);
            }
            Input::Request(request) => {
                self.ask(request, &mut told, cx);
                return self.settle(told, cx);
            }
        };
        self.raft.step(below, &mut Below { cx, told: &mut told });
        self.settle(told, cx);
    }
}

impl<M: Replicated> OnRaft<M> {
    /// A replica as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(member: Member<M::Config>) -> Result<Self, ConfigError> {
        member.validate()?;
        let Member { raft, name, machine, max_waiting } = member;
        let raft = Raft::new(raft).map_err(ConfigError::Raft)?;
        Ok(Self::on(raft, Setting { name, machine, max_waiting }))
    }

    fn on(raft: Raft<ChangeOf<M>>, setting: Setting<M::Config>) -> Self {
        Self { raft, setting: Fixed(setting.into()), image: Image::default(), corrupt: false, life: None }
    }

    fn is_busy(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.waiting.len() >= self.setting.max_waiting)
    }

    fn ask<Cx: Context<Self> + ?Sized>(&mut self, request: M::Request, told: &mut Told<M>, cx: &mut Cx) {
        if self.life.is_none() {
            let leader = self.raft.leader().filter(|leader| *leader != self.raft.id());
            cx.notify_free(Notice::NotLeading { request, leader });
        } else if self.is_busy() {
            cx.notify_free(Notice::Busy { request });
        } else {
            self.above(Input::Request(request), told, cx);
        }
    }

    /// One step of the machine, if it lives here: proposes what it persists, and keeps what it says until that is
    /// committed. A step that only says something is proposed as well: who was deposed must not say it.
    fn above<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<M>, told: &mut Told<M>, cx: &mut Cx) {
        let Some(life) = &mut self.life else { return };
        let mut gather =
            Gather { cx, name: self.setting.name, records: Vec::new(), bytes: 0, outputs: Vec::new() };
        life.machine.step(input, &mut gather);
        let Gather { cx, records, bytes, outputs, .. } = gather;
        if records.is_empty() && outputs.is_empty() {
            return;
        }
        let commands = smallvec![Change::new(records, bytes)];
        let propose = Input::Request(raft::Request::Propose { id: RequestId(0), commands });
        let mut answers = Told::<M>::new();
        self.raft.step(propose, &mut Below { cx, told: &mut answers });
        let mut accepted = None;
        answers.retain(|(notice, _)| match notice {
            raft::Notice::Accepted { index, .. } => {
                accepted = Some(*index);
                false
            }
            raft::Notice::Refused { .. } => false,
            _ => true,
        });
        told.append(&mut answers);
        match accepted {
            Some(index) => life.waiting.push_back(Waiting { index, outputs }),
            // It has stepped, and its records come to nothing: the life ends as by a crash.
            None => self.end_life(cx),
        }
    }

    /// Deals with all that Raft told, and with what follows from it.
    fn settle<Cx: Context<Self> + ?Sized>(&mut self, mut told: Told<M>, cx: &mut Cx) {
        let mut inputs = VecDeque::new();
        // One life a step at most: one whose first proposal is refused must not be begun for ever.
        let mut may_begin = self.life.is_none();
        loop {
            // Before what is committed is looked at: under another leader it is not what this life proposed.
            if self.life.as_ref().is_some_and(|life| !self.leads_in(life.term)) {
                self.end_life(cx);
                inputs.clear();
            }
            while let Some((notice, release)) = told.pop_front() {
                self.on_told(notice, release, &mut inputs, cx);
            }
            if may_begin && self.life.is_none() && self.may_begin() {
                may_begin = false;
                self.begin_life(&mut inputs, cx);
            }
            match inputs.pop_front() {
                Some(input) => self.above(input, &mut told, cx),
                None if told.is_empty() => return,
                None => {}
            }
        }
    }

    fn on_told<Cx: Context<Self> + ?Sized>(
        &mut self,
        notice: raft::Notice<ChangeOf<M>>,
        release: Release,
        inputs: &mut VecDeque<InputOf<M>>,
        cx: &mut Cx,
    ) {
        match notice {
            raft::Notice::Committed { index, payload, .. } => {
                if let Payload::Command(change) = payload
                    && let Err(corrupt) = self.take(&change)
                {
                    self.give_up(corrupt, cx);
                }
                self.say(index, inputs, cx);
            }
            raft::Notice::Leader { term, leader } => {
                cx.emit(Effect::Notify { notice: Notice::Leader { term, leader }, release });
            }
            raft::Notice::Rejected { from, reason } => {
                cx.emit(Effect::Notify { notice: Notice::Rejected { from, reason }, release });
            }
            // Answers to proposals, taken where they are made.
            raft::Notice::Accepted { .. } | raft::Notice::Refused { .. } => {}
        }
    }

    /// Takes what is committed into the image.
    fn take(&mut self, change: &ChangeOf<M>) -> Result<(), Corrupt> {
        for record in change.records() {
            self.image
                .apply(record.clone())
                .map_err(|_| Corrupt::Inconsistent("a committed record does not fit those before it"))?;
        }
        Ok(())
    }

    /// The entry at `index` is committed: says what waited for it.
    fn say<Cx: Context<Self> + ?Sized>(
        &mut self,
        index: Index,
        inputs: &mut VecDeque<InputOf<M>>,
        cx: &mut Cx,
    ) {
        let Some(life) = &mut self.life else { return };
        let name = self.setting.name;
        while life.waiting.front().is_some_and(|waiting| waiting.index <= index)
            && let Some(waiting) = life.waiting.pop_front()
        {
            for output in waiting.outputs {
                match output {
                    Output::Send { to, message } => cx.send(to, Message::Inner(message)),
                    Output::Notify(notice) => cx.notify(Notice::Inner(notice)),
                    Output::Loopback(message) => inputs.push_back(Input::Message { from: name, message }),
                    Output::Load { log, from, upto } => {
                        inputs.push_back(read::<M>(&self.image, log, from, upto));
                    }
                }
            }
        }
    }

    fn leads_in(&self, term: raft::Term) -> bool {
        self.raft.is_leader() && self.raft.term() == term
    }

    /// Whether this replica leads, and has taken all that is in its log: an entry of its own term is committed then,
    /// and nothing that an earlier life proposed can still come.
    fn may_begin(&self) -> bool {
        let last = self.raft.last();
        !self.corrupt
            && self.raft.is_leader()
            && last.term == self.raft.term()
            && self.raft.noticed() == last.index
    }

    fn begin_life<Cx: Context<Self> + ?Sized>(&mut self, inputs: &mut VecDeque<InputOf<M>>, cx: &mut Cx) {
        let term = self.raft.term();
        match M::recover(self.setting.machine.clone(), &self.image, 0) {
            Ok(machine) => {
                self.life = Some(Life { term, machine, waiting: VecDeque::new() });
                cx.notify(Notice::Leads { term });
                inputs.push_back(Input::Start);
            }
            Err(corrupt) => self.give_up(corrupt, cx),
        }
    }

    /// What is committed makes no sense to the machine: no life begins here any more, and it is said once.
    fn give_up<Cx: Context<Self> + ?Sized>(&mut self, corrupt: Corrupt, cx: &mut Cx) {
        if !self.corrupt {
            self.corrupt = true;
            cx.notify(Notice::Corrupt(corrupt));
        }
        self.end_life(cx);
    }

    fn end_life<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if let Some(life) = self.life.take() {
            cx.notify_free(Notice::Lapsed { term: life.term });
        }
    }
}

/// What the machine asked to read back.
fn read<M: Replicated>(image: &Image<M::Cell, M::Entry>, log: LogId, from: u64, upto: u64) -> InputOf<M> {
    let wanted = image.log(log).filter(|(index, _)| (from..=upto).contains(index));
    Input::Loaded { log, from, entries: wanted.map(|(_, entry)| entry.clone()).collect() }
}

/// The context of Raft: its effects are the replica's, but for what it tells.
struct Below<'a, M: Machine, C: ?Sized> {
    cx: &'a mut C,
    told: &'a mut Told<M>,
}

impl<M: Replicated, C: Context<OnRaft<M>> + ?Sized> Context<Raft<ChangeOf<M>>> for Below<'_, M, C> {
    fn now(&self) -> Time {
        self.cx.now()
    }

    fn choose(&mut self, upto: u32) -> u32 {
        self.cx.choose(upto)
    }

    fn emit(&mut self, effect: EffectOf<Raft<ChangeOf<M>>>) {
        self.cx.emit(match effect {
            Effect::Persist(record) => Effect::Persist(record),
            Effect::Send { to, message, release } => {
                Effect::Send { to, message: Message::Raft(message), release }
            }
            Effect::SetTimer { timer, after } => Effect::SetTimer { timer: Timer::Raft(timer), after },
            Effect::CancelTimer(timer) => Effect::CancelTimer(Timer::Raft(timer)),
            Effect::Load { log, from, upto } => Effect::Load { log, from, upto },
            Effect::Notify { notice, release } => return self.told.push_back((notice, release)),
        });
    }
}

/// What the application has applied is nothing to this layer: each life tells again what its machine tells after a
/// crash, and the log is taken from its beginning.
impl<M: Replicated> Recover for OnRaft<M> {
    fn recover(
        member: Member<M::Config>,
        stored: &(impl Stored<Self::Cell, Self::Entry> + ?Sized),
        _applied: u64,
    ) -> Result<Self, Corrupt> {
        member.validate().map_err(|error| Corrupt::Config(error.as_str()))?;
        let Member { raft, name, machine, max_waiting } = member;
        Ok(Self::on(Raft::recover(raft, stored, 0)?, Setting { name, machine, max_waiting }))
    }

    fn agrees_with(&self, image: &Image<Self::Cell, Self::Entry>) -> Result<(), &'static str> {
        self.raft.agrees_with(image)
    }
}
