//! An orchestrator and its services on a bench: messages, disks and timers move only when the test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use quorate::durable::{Image, Recover};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine};
use quorate::saga::{
    Action, Call, Cell, Config, Definition, DefinitionId, Doubt, EPOCH, End, Entry, Epoch, Key, Kind,
    Message, Notice, Orchestrator, Outcome, Outline, Policy, Request, Resolution, SagaId, Step, StepId,
    TaskId, Timer, Version,
};
use quorate::time::Time;

pub type Disk = Image<Cell, Entry<u32>>;
type Machinery = Orchestrator<u32>;

/// The orchestrator's own node.
pub const ME: NodeId = NodeId(0);
pub const SAGA: SagaId = SagaId(1);
pub const DEFINITION: DefinitionId = DefinitionId(1);
pub const VERSION: Version = Version(1);
pub const INPUT: u32 = 77;

pub fn s(step: u8) -> StepId {
    StepId(step)
}

/// A step whose service is the node after its task.
pub fn step(task: u64, kind: Kind, after: &[u8], doubt: Doubt) -> Step {
    let policy = Policy { attempts: 3, undo_attempts: 2, doubt, ..Policy::default() };
    let after = after.iter().map(|step| s(*step)).collect();
    Step { task: TaskId(task), service: NodeId(task), kind, after, policy }
}

pub fn define(steps: &[(Kind, &[u8])], doubt: Doubt) -> Definition {
    let mut outline = Outline::new();
    for ((kind, after), task) in steps.iter().zip(1..) {
        outline.step(step(task, *kind, after, doubt));
    }
    Definition::new(DEFINITION, VERSION, outline).expect("the definition stands")
}

/// Four steps, the last of which decides: 0 before 1 and 2, and both before 3.
pub fn diamond(doubt: Doubt) -> Definition {
    use Kind::{Compensatable, Pivot};
    define(&[(Compensatable, &[]), (Compensatable, &[0]), (Compensatable, &[0]), (Pivot, &[1, 2])], doubt)
}

/// Four steps, the first of which decides: 0 before 1 and 2, and both before 3.
pub fn forward_diamond(doubt: Doubt) -> Definition {
    use Kind::{Pivot, Retriable};
    define(&[(Pivot, &[]), (Retriable, &[0]), (Retriable, &[0]), (Retriable, &[1, 2])], doubt)
}

/// A diamond, its pivot, and one step after it.
pub fn tailed(doubt: Doubt) -> Definition {
    use Kind::{Compensatable, Pivot, Retriable};
    let back: (Kind, &[u8]) = (Compensatable, &[0]);
    define(&[(Compensatable, &[]), back, back, (Pivot, &[1, 2]), (Retriable, &[3])], doubt)
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It is carried out, and the answer is lost.
    Unanswered,
    Refused,
    Later,
}

/// What a service knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Done,
    Refused,
    Undone,
}

/// All services, each with a book of its own. They keep what [`Call`] says that services owe.
#[derive(Clone, Debug, Default)]
pub struct Services {
    pub book: BTreeMap<Key, Known>,
    epochs: BTreeMap<(NodeId, NodeId), Epoch>,
    /// What becomes of the next calls of a step of [`SAGA`] with an action; they are obeyed after that.
    pub fates: BTreeMap<(StepId, Action), VecDeque<Fate>>,
    /// Effects of [`SAGA`] and their ends, in the order in which they came about.
    pub happened: Vec<(StepId, Action)>,
    /// All calls that arrived, obeyed or not.
    pub heard: Vec<(StepId, Action)>,
}

impl Services {
    fn take(&mut self, at: NodeId, call: &Call<u32>) -> Option<Outcome> {
        let (key, action) = (call.key, call.action);
        let fates = self.fates.get_mut(&(key.step, action)).filter(|_| key.saga == SAGA);
        let fate = fates.and_then(VecDeque::pop_front);
        if fate == Some(Fate::Lost) {
            return None;
        }
        self.heard.push((key.step, action));
        let latest = self.epochs.entry((at, key.owner)).or_default();
        if call.epoch < *latest {
            return Some(Outcome::Superseded { epoch: *latest });
        }
        *latest = call.epoch;
        if fate == Some(Fate::Later) {
            return Some(Outcome::Later);
        }
        let outcome = self.carry_out(key, action, fate == Some(Fate::Refused));
        (fate != Some(Fate::Unanswered)).then_some(outcome)
    }

    fn carry_out(&mut self, key: Key, action: Action, refuse: bool) -> Outcome {
        let known = self.book.get(&key).copied();
        match (action, known) {
            (Action::Do | Action::Probe, Some(Known::Done)) => Outcome::Done,
            (Action::Do | Action::Probe, Some(Known::Refused | Known::Undone)) => Outcome::Refused,
            (Action::Probe, None) => Outcome::Unseen,
            (Action::Do, None) if refuse => {
                self.book.insert(key, Known::Refused);
                Outcome::Refused
            }
            (Action::Do, None) => {
                self.book.insert(key, Known::Done);
                self.happens(key, Action::Do);
                Outcome::Done
            }
            (Action::Undo, _) if refuse => Outcome::Refused,
            (Action::Undo, known) => {
                if known == Some(Known::Done) {
                    self.happens(key, Action::Undo);
                }
                self.book.insert(key, Known::Undone);
                Outcome::Undone
            }
        }
    }
}

impl Services {
    fn happens(&mut self, key: Key, action: Action) {
        if key.saga == SAGA {
            self.happened.push((key.step, action));
        }
    }
}

/// One process that executes sagas.
#[derive(Clone)]
pub struct Executor {
    pub machine: Machinery,
    pub ledger: LedgerOf<Machinery>,
}

#[derive(Clone)]
pub struct Bench {
    pub config: Arc<Config>,
    pub disk: Disk,
    /// The last is the latest.
    pub executors: Vec<Executor>,
    pub services: Services,
    /// Messages on their way, in the order in which they were sent.
    pub network: VecDeque<(NodeId, NodeId, Message<u32>)>,
    pub told: Vec<Notice<u32>>,
    /// After so many more effects the latest executor crashes; what it sent is lost with it, if so said.
    pub fuel: Option<usize>,
    /// Crashes to come after that, each after so many effects.
    pub more_fuel: Vec<usize>,
    pub crashes_lose_messages: bool,
    /// Effects that happened.
    pub effects: usize,
    pub crashes: usize,
    requests: u64,
}

impl Bench {
    pub fn new(definition: Definition) -> Self {
        Self::with([definition], |_| {})
    }

    pub fn with(
        definitions: impl IntoIterator<Item = Definition>,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::new(ClusterId(7), ME, definitions);
        configure(&mut config);
        let mut bench = Self::at_rest(config);
        bench.boot();
        bench
    }

    /// A bench on which nothing was started.
    pub fn at_rest(config: Config) -> Self {
        Self {
            config: Arc::new(config),
            disk: Disk::default(),
            executors: Vec::new(),
            services: Services::default(),
            network: VecDeque::new(),
            told: Vec::new(),
            fuel: None,
            more_fuel: Vec::new(),
            crashes_lose_messages: false,
            effects: 0,
            crashes: 0,
            requests: 0,
        }
    }

    /// Says what becomes of the next calls of a step.
    pub fn fate(&mut self, step: u8, action: Action, fates: &[Fate]) {
        self.services.fates.insert((s(step), action), fates.iter().copied().collect());
    }

    /// Starts one more executor from what is on the disk.
    pub fn boot(&mut self) {
        let machine = Machinery::recover(self.config.clone(), &self.disk, 0)
            .unwrap_or_else(|corrupt| panic!("a disk that was written here recovers: {corrupt}"));
        self.executors.push(Executor { machine, ledger: LedgerOf::<Machinery>::new(ME) });
        self.step(Input::Start);
    }

    /// The latest executor loses all that is not durable, and comes back.
    pub fn crash(&mut self) {
        self.crashes += 1;
        self.executors.pop();
        if self.crashes_lose_messages {
            self.network.clear();
        }
        self.boot();
    }

    pub fn machine(&self) -> &Machinery {
        &self.executors.last().expect("an executor runs").machine
    }

    pub fn step(&mut self, input: InputOf<Machinery>) {
        self.step_at(self.executors.len() - 1, input);
    }

    pub fn step_at(&mut self, at: usize, input: InputOf<Machinery>) {
        let executor = &mut self.executors[at];
        executor.machine.step(input, &mut executor.ledger.port(Time::ZERO, || 0));
        executor.machine.check().unwrap_or_else(|what| panic!("{what}: {:?}", executor.machine));
        self.settle(at);
    }

    /// Carries out effects one by one, each record alone, until a crash or until all happened.
    pub fn settle(&mut self, at: usize) {
        loop {
            let latest = at + 1 == self.executors.len();
            let executor = &mut self.executors[at];
            let output = executor.ledger.next_output();
            if output.is_none() && !executor.ledger.is_waiting() {
                if latest {
                    executor.machine.agrees_with(&self.disk).expect("the disk holds what the machine says");
                }
                return;
            }
            if latest && self.fuel == Some(0) {
                self.fuel = self.more_fuel.pop();
                return self.crash();
            }
            self.effects += 1;
            if latest {
                self.fuel = self.fuel.map(|fuel| fuel - 1);
            }
            match output {
                Some(Output::Send { to, message }) => self.network.push_back((ME, to, message)),
                Some(Output::Notify(notice)) => self.told.push(notice),
                Some(Output::Load { .. } | Output::Loopback(_)) => panic!("an orchestrator does neither"),
                None => {
                    if !self.write_one(at) {
                        return;
                    }
                }
            }
        }
    }

    /// Makes one record durable; the store takes none of an executor whose epoch is over.
    fn write_one(&mut self, at: usize) -> bool {
        let Executor { machine, ledger } = &mut self.executors[at];
        if let Some(Cell::Epoch(latest)) = self.disk.get(EPOCH)
            && *latest > machine.epoch()
        {
            return false;
        }
        let Some(batch) = ledger.begin_batch(1) else { return false };
        for record in ledger.batch() {
            self.disk.apply(record.clone()).expect("records fit the disk");
        }
        ledger.complete(batch);
        true
    }

    /// Delivers the oldest message, to a service or to every executor: whether there was one.
    pub fn deliver_one(&mut self) -> bool {
        let Some((from, to, message)) = self.network.pop_front() else { return false };
        match &message {
            Message::Call(call) => {
                if let Some(outcome) = self.services.take(to, call) {
                    self.network.push_back((to, from, Message::Answer(call.answer(outcome))));
                }
            }
            Message::Answer(_) => {
                for at in 0..self.executors.len() {
                    self.step_at(at, Input::Message { from, message: message.clone() });
                }
            }
        }
        true
    }

    /// Delivers until nothing moves.
    pub fn deliver_all(&mut self) {
        while self.deliver_one() {}
    }

    /// Fires the first of the latest executor's timers for steps: whether there was one.
    pub fn fire_one(&mut self) -> bool {
        let executor = self.executors.last_mut().expect("an executor runs");
        let timer = executor.ledger.timers().iter().map(|(timer, _)| timer);
        let Some(timer) = timer.into_iter().find(|timer| matches!(timer, Timer::Step { .. })) else {
            return false;
        };
        executor.ledger.timers_mut().cancel(timer);
        self.step(Input::Timer(timer));
        true
    }

    /// Fires a timer, if it is set.
    pub fn fire(&mut self, timer: Timer) {
        let executor = self.executors.last_mut().expect("an executor runs");
        if executor.ledger.timers().iter().any(|(set, _)| set == timer) {
            executor.ledger.timers_mut().cancel(timer);
            self.step(Input::Timer(timer));
        }
    }

    /// Delivers, and fires timers when there is nothing to deliver, until nothing moves.
    pub fn run(&mut self) {
        for _ in 0..10_000 {
            if !self.deliver_one() && !self.fire_one() {
                return;
            }
        }
        panic!("the bench does not come to rest");
    }

    pub fn request(&mut self, request: impl FnOnce(RequestId) -> Request<u32>) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.step(Input::Request(request(id)));
        id
    }

    pub fn begin(&mut self) -> RequestId {
        self.begin_as(SAGA)
    }

    pub fn begin_as(&mut self, saga: SagaId) -> RequestId {
        let (definition, version, input) = (DEFINITION, VERSION, INPUT);
        self.request(|id| Request::Begin { id, saga, definition, version, input })
    }

    pub fn cancel(&mut self) -> RequestId {
        self.request(|id| Request::Cancel { id, saga: SAGA })
    }

    pub fn resolve(&mut self, step: u8, resolution: Resolution) -> RequestId {
        self.request(|id| Request::Resolve { id, saga: SAGA, step: s(step), resolution })
    }

    pub fn forget(&mut self, saga: SagaId) -> RequestId {
        self.request(|id| Request::Forget { id, saga })
    }

    /// The answers to a request.
    pub fn answers(&self, request: RequestId) -> Vec<Notice<u32>> {
        let is_answer = |notice: &&Notice<u32>| match notice {
            Notice::Accepted { id } | Notice::Refused { id, .. } => *id == request,
            _ => false,
        };
        self.told.iter().filter(is_answer).cloned().collect()
    }

    /// How the saga ended, as the application was told: every time the same.
    pub fn end(&self) -> Option<End> {
        let mut ends = self.told.iter().filter_map(|notice| match notice {
            Notice::Ended { saga: SAGA, end } => Some(*end),
            _ => None,
        });
        let first = ends.next();
        assert!(ends.all(|end| Some(end) == first), "a saga ends one way: {:?}", self.told);
        first
    }

    pub fn stuck(&self) -> Vec<(StepId, Action)> {
        let stuck = |notice: &Notice<u32>| match notice {
            Notice::Stuck { step, action, .. } => Some((*step, *action)),
            _ => None,
        };
        self.told.iter().filter_map(stuck).collect()
    }

    /// The place of an effect among all that happened; no effect comes about twice.
    fn when(&self, step: StepId, action: Action) -> Option<usize> {
        let mut at = self.services.happened.iter().enumerate().filter(|(_, what)| **what == (step, action));
        let first = at.next().map(|(at, _)| at);
        assert!(at.next().is_none(), "{step} {action:?} happened twice: {:?}", self.services.happened);
        first
    }

    /// Holds what happened to the promises of a saga that has ended.
    pub fn judge(&self, plan: &Definition, end: End) {
        for step in plan.all().iter() {
            let (done, undone) = (self.when(step, Action::Do), self.when(step, Action::Undo));
            match end {
                End::Completed => {
                    assert!(done.is_some() && undone.is_none(), "{step}: {:?}", self.services.happened);
                }
                End::Compensated { .. } => {
                    assert_eq!(done.is_some(), undone.is_some(), "{step}: {:?}", self.services.happened);
                    assert!(done <= undone, "{step} was undone before it was done");
                }
            }
            for before in plan.after(step).iter() {
                assert!(
                    done.is_none() || self.when(before, Action::Do) < done,
                    "{before} is done before {step}"
                );
                let before = self.when(before, Action::Undo);
                assert!(undone.is_none() || before.is_none() || undone < before, "{step} is undone first");
            }
        }
        if let Some(pivot) = plan.pivot() {
            assert_eq!(self.when(pivot, Action::Undo), None, "nothing undoes a pivot");
        }
    }
}

/// A wait that no test comes to.
pub const LONG: Duration = Duration::from_secs(3600);
