//! A service on a bench, with an application that goes by the key and answers only when the test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate::durable::{Image, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine};
use quorate::saga::service::{Cell, Config, Entry, Notice, Refusal, Rejection, Request};
use quorate::saga::{
    Action, Answer, Call, Epoch, Key, Message, Outcome, SagaId, Service, Stage, StepId, TaskId,
};
use quorate::time::Time;

pub type Disk = Image<Cell, Entry>;
type Machinery = Service<u32>;

/// The service's own node.
pub const HERE: NodeId = NodeId(9);
/// The orchestrator that calls.
pub const OWNER: NodeId = NodeId(0);
pub const KEY: Key = Key { owner: OWNER, saga: SagaId(1), step: StepId(0) };

pub const fn key(saga: u64, step: u8) -> Key {
    Key { owner: OWNER, saga: SagaId(saga), step: StepId(step) }
}

pub fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = Config::new(ClusterId(7), HERE);
    change(&mut config);
    Arc::new(config)
}

/// A call in epoch 1, of an orchestrator that has forgotten nothing.
pub fn call(key: Key, action: Action) -> Call<u32> {
    Call { key, epoch: Epoch(1), attempt: 0, action, floor: SagaId(0), task: TaskId(5), input: 77 }
}

#[derive(Clone)]
pub struct Guard {
    pub config: Arc<Config>,
    pub disk: Disk,
    pub machine: Machinery,
    pub ledger: LedgerOf<Machinery>,
    /// What the application was asked and has not answered.
    pub asked: VecDeque<(Key, Action)>,
    /// All that it was asked.
    pub all_asked: Vec<(Key, Action)>,
    pub answers: VecDeque<Answer>,
    pub refused: Vec<(Key, Refusal)>,
    pub rejected: Vec<Rejection>,
    pub accepted: usize,
    /// Whether each key has its effect at the application, and how often it got one.
    pub effects: BTreeMap<Key, (bool, u32)>,
    /// After so many more effects it crashes.
    pub fuel: Option<usize>,
    pub crashes: usize,
}

impl Guard {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let config = config(change);
        let machine = Machinery::new(config.clone()).expect("the configuration stands");
        let mut guard = Self {
            config,
            disk: Disk::default(),
            machine,
            ledger: LedgerOf::<Machinery>::new(HERE),
            asked: VecDeque::new(),
            all_asked: Vec::new(),
            answers: VecDeque::new(),
            refused: Vec::new(),
            rejected: Vec::new(),
            accepted: 0,
            effects: BTreeMap::new(),
            fuel: None,
            crashes: 0,
        };
        guard.step(Input::Start);
        guard
    }

    /// All that is not durable is lost, the questions to the application too; its effects are not.
    pub fn crash(&mut self) {
        self.crashes += 1;
        self.machine =
            Machinery::recover(self.config.clone(), &self.disk, 0).expect("what was written recovers");
        self.machine.check().unwrap_or_else(|what| panic!("{what}, as it comes back: {:?}", self.machine));
        self.ledger = LedgerOf::<Machinery>::new(HERE);
        self.asked.clear();
        self.step(Input::Start);
    }

    pub fn step(&mut self, input: InputOf<Machinery>) {
        self.machine.step(input, &mut self.ledger.port(Time::ZERO, || 0));
        self.machine.check().unwrap_or_else(|what| panic!("{what}: {:?}", self.machine));
        assert!(self.machine.log_entries() <= self.config.max_log_entries, "{:?}", self.machine);
        loop {
            let output = self.ledger.next_output();
            if output.is_none() && !self.ledger.is_waiting() {
                return self.machine.agrees_with(&self.disk).expect("the disk holds what the machine says");
            }
            if self.fuel == Some(0) {
                self.fuel = None;
                return self.crash();
            }
            self.fuel = self.fuel.map(|fuel| fuel - 1);
            match output {
                Some(Output::Send { to, message: Message::Answer(answer) }) => {
                    assert_eq!(to, answer.key.owner, "the owner is answered");
                    self.answers.push_back(answer);
                }
                Some(Output::Notify(notice)) => self.hear(notice),
                Some(other) => panic!("a service does no such thing: {other:?}"),
                None => {
                    let Some(batch) = self.ledger.begin_batch(1) else { return };
                    for record in self.ledger.batch() {
                        self.disk.apply(record.clone()).expect("records fit the disk");
                    }
                    self.ledger.complete(batch);
                }
            }
        }
    }

    fn hear(&mut self, notice: Notice<u32>) {
        let (key, action) = match notice {
            Notice::Do { key, .. } => (key, Action::Do),
            Notice::Undo { key, .. } => (key, Action::Undo),
            Notice::Refused { key, reason } => return self.refused.push((key, reason)),
            Notice::Rejected { reason, .. } => return self.rejected.push(reason),
            _ => return self.accepted += 1,
        };
        assert!(!self.asked.iter().any(|(asked, _)| *asked == key), "one thing at a time: {key:?}");
        self.asked.push_back((key, action));
        self.all_asked.push((key, action));
    }

    pub fn take(&mut self, call: Call<u32>) {
        let from = call.key.owner;
        self.step(Input::Message { from, message: Message::Call(call) });
    }

    pub fn call(&mut self, key: Key, action: Action) {
        self.take(call(key, action));
    }

    /// Takes a call, and what it is answered at once.
    pub fn answered(&mut self, call: Call<u32>) -> Option<Outcome> {
        self.answers.clear();
        self.take(call);
        self.answers.pop_front().map(|answer| answer.outcome)
    }

    pub fn say(&mut self, request: Request) {
        self.step(Input::Request(request));
    }

    /// The application does what it was asked first, and says so.
    pub fn work(&mut self) {
        let Some((key, action)) = self.asked.pop_front() else { return };
        let effect = self.effects.entry(key).or_default();
        match action {
            Action::Undo => {
                effect.0 = false;
                self.say(Request::Undone { key });
            }
            Action::Do | Action::Probe => {
                *effect = (true, effect.1 + u32::from(!effect.0));
                self.say(Request::Done { key });
            }
        }
    }

    pub fn stage(&self, key: Key) -> Option<Stage> {
        self.machine.stage(key)
    }

    pub fn has_effect(&self, key: Key) -> bool {
        self.effects.get(&key).is_some_and(|(has, _)| *has)
    }
}
