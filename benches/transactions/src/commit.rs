//! Two-phase commit of three participants, all in one process, each with its records in an image in memory: carried out as
//! they are emitted, or behind the shipped ledger in batches.

use std::collections::VecDeque;
use std::sync::Arc;

use quorate::commit::{
    Config, Coordinator, Member, Message, Mode, Participant, Vote, coordinator, participant,
};
use quorate::durable::{Image, Recover};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{Held, LedgerOf, Output, OutputOf, Timers};
use quorate::machine::{Context, Effect, EffectOf, Input, InputOf, RecordOf};
use quorate::time::{Delay, Time};

const COORDINATOR: NodeId = NodeId(1);

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) decided: u64,
    pub(crate) messages: u64,
    pub(crate) records: u64,
}

/// A node of the bench: its machine, and what a driver keeps for it.
struct Node<M: Recover> {
    machine: M,
    disk: Image<M::Cell, M::Entry>,
    timers: Timers<M::Timer>,
    /// With a ledger records are written in batches, and what waits for them is held back meanwhile.
    ledger: Option<LedgerOf<M>>,
    me: NodeId,
}

/// Messages on their way: who sent it, to whom.
type Network = VecDeque<(NodeId, NodeId, Message<u64>)>;

/// Carries out what one step emits. A record is durable once it is in the image, so whatever comes after it may leave at
/// once: nothing is ever held back.
struct Port<'a, M: Recover> {
    me: NodeId,
    disk: &'a mut Image<M::Cell, M::Entry>,
    timers: &'a mut Timers<M::Timer>,
    network: &'a mut Network,
    told: &'a mut VecDeque<M::Notice>,
    counts: &'a mut Counts,
}

impl<M: Recover<Message = Message<u64>>> Context<M> for Port<'_, M> {
    fn now(&self) -> Time {
        Time::ZERO
    }

    fn choose(&mut self, _upto: u32) -> u32 {
        0
    }

    fn emit(&mut self, effect: EffectOf<M>) {
        match effect {
            Effect::Persist(record) => self.persist(record),
            Effect::Send { to, message, .. } => self.send(to, message),
            Effect::SetTimer { timer, after } => self.set_timer(timer, after),
            Effect::CancelTimer(timer) => self.cancel_timer(timer),
            Effect::Notify { notice, .. } => self.notify(notice),
            Effect::Load { .. } => {}
        }
    }

    // Inlined: a record is made where it is to be.
    #[inline(always)]
    fn persist(&mut self, record: RecordOf<M>) {
        self.counts.records += 1;
        self.disk.apply(record).expect("records fit the disk");
    }

    fn send(&mut self, to: NodeId, message: M::Message) {
        self.counts.messages += 1;
        self.network.push_back((self.me, to, message));
    }

    fn set_timer(&mut self, timer: M::Timer, after: Delay) {
        self.timers.set(timer, Time::ZERO.after(after.min));
    }

    fn cancel_timer(&mut self, timer: M::Timer) {
        self.timers.cancel(timer);
    }

    fn notify(&mut self, notice: M::Notice) {
        self.told.push_back(notice);
    }
}

impl<M: Recover<Message = Message<u64>>> Node<M> {
    fn new(me: NodeId, machine: M, batches: bool) -> Self {
        let ledger = batches.then(|| LedgerOf::<M>::new(me));
        Self { machine, disk: Image::default(), timers: Timers::new(), ledger, me }
    }

    /// One step, its records written, its messages on the network; what the application is told goes to `told`.
    fn step(
        &mut self,
        input: InputOf<M>,
        network: &mut Network,
        counts: &mut Counts,
        told: &mut VecDeque<M::Notice>,
    ) {
        let Self { machine, disk, timers, ledger, me } = self;
        let mut port = Port { me: *me, disk, timers, network, told, counts };
        match ledger {
            None => machine.step(input, &mut port),
            Some(ledger) => {
                machine.step(input, &mut ledger.port(Time::ZERO, || 0));
                carry_out(ledger, &mut port);
            }
        }
    }
}

/// Writes what a ledger holds, in one batch, and does what waited for that. Apart: a step without a ledger need not save
/// the registers that this takes.
#[inline(never)]
fn carry_out<M>(ledger: &mut LedgerOf<M>, port: &mut Port<'_, M>)
where
    M: Recover<Message = Message<u64>>,
{
    match ledger.begin_batch(usize::MAX) {
        // What is held comes in order: a record is in the image before what waited for it leaves.
        Some(batch) => ledger.complete_into(batch, |held| match held {
            Held::Record(record) => port.persist(record),
            Held::Output(output) => put_out(output, port),
        }),
        None => {
            while let Some(output) = ledger.next_output() {
                put_out(output, port);
            }
        }
    }
}

/// Sends a message, or tells the application.
#[inline(always)]
fn put_out<M: Recover<Message = Message<u64>>>(output: OutputOf<M>, port: &mut Port<'_, M>) {
    match output {
        Output::Send { to, message } => port.send(to, message),
        Output::Notify(notice) => port.notify(notice),
        Output::Loopback(_) | Output::Load { .. } => {}
    }
}

pub(crate) struct Commit {
    coordinator: Node<Coordinator<u64>>,
    participants: Vec<Node<Participant<u64>>>,
    network: Network,
    to_coordinator: VecDeque<coordinator::Notice>,
    to_participant: VecDeque<participant::Notice<u64>>,
    mode: Mode,
    begun: u64,
    pub(crate) counts: Counts,
}

impl Commit {
    pub(crate) fn new(
        participants: u64,
        mode: Mode,
        batches: bool,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let config = Arc::new(Config::new(ClusterId(1), (1..=participants + 1).map(NodeId)));
        let member = |me| Member { me, config: Arc::clone(&config) };
        let of = |id| Ok(Node::new(NodeId(id), Participant::new(member(NodeId(id)))?, batches));
        let others = (2..=participants + 1).map(of);
        Ok(Self {
            coordinator: Node::new(COORDINATOR, Coordinator::new(member(COORDINATOR))?, batches),
            participants: others.collect::<Result<_, quorate::commit::ConfigError>>()?,
            network: VecDeque::new(),
            to_coordinator: VecDeque::new(),
            to_participant: VecDeque::new(),
            mode,
            begun: 0,
            counts: Counts::default(),
        })
    }

    /// Runs so many transactions until nothing of them moves, `at_once` at a time.
    pub(crate) fn run(&mut self, transactions: u64, at_once: u64) {
        let upto = self.begun + transactions;
        while self.begun < upto {
            for _ in 0..at_once.min(upto - self.begun) {
                self.begin();
            }
            while let Some((from, to, message)) = self.network.pop_front() {
                self.deliver(from, to, message);
            }
        }
    }

    fn begin(&mut self) {
        self.begun += 1;
        let branches = self.participants.iter().map(|node| (node.me, 7)).collect();
        let id = RequestId(self.begun);
        let begin = Input::Request(coordinator::Request::Begin { id, mode: self.mode, branches });
        self.coordinator.step(begin, &mut self.network, &mut self.counts, &mut self.to_coordinator);
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, message: Message<u64>) {
        let Self { coordinator, participants, network, to_coordinator, to_participant, counts, .. } = self;
        if to == COORDINATOR {
            coordinator.step(Input::Message { from, message }, network, counts, to_coordinator);
            while let Some(notice) = to_coordinator.pop_front() {
                counts.decided += u64::from(matches!(notice, coordinator::Notice::Outcome { .. }));
            }
            return;
        }
        let at = usize::try_from(to.0 - 2).unwrap_or(usize::MAX);
        let Some(node) = participants.get_mut(at) else { return };
        node.step(Input::Message { from, message }, network, counts, to_participant);
        while let Some(notice) = to_participant.pop_front() {
            let request = match notice {
                participant::Notice::Prepare { tx, .. } => {
                    participant::Request::Ready { tx, vote: Vote::Yes }
                }
                participant::Notice::Apply { tx, .. } | participant::Notice::Undo { tx, .. } => {
                    participant::Request::Done { tx }
                }
                _ => continue,
            };
            node.step(Input::Request(request), network, counts, to_participant);
        }
    }
}
