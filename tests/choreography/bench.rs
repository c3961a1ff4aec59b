//! Participants and their applications on a bench: messages, disks, timers and applications move only when the test
//! says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use quorate::durable::{Image, Recover};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine};
use quorate::saga::choreography::{
    Call, Cell, Config, Entry, Message, Name, Notice, Participant, Request, Timer,
};
use quorate::saga::{
    Action, Definition, DefinitionId, Doubt, End, Key, Kind, Outcome, Outline, Policy, Resolution, SagaId,
    Step, StepId, TaskId, Version,
};
use quorate::time::Time;

pub type Disk = Image<Cell, Entry<u32>>;
type Machinery = Participant<u32>;

pub const CLUSTER: ClusterId = ClusterId(7);
/// Who begins sagas.
pub const ME: NodeId = NodeId(0);
pub const SAGA: Name = Name { initiator: ME, saga: SagaId(1) };
pub const DEFINITION: DefinitionId = DefinitionId(1);
pub const VERSION: Version = Version(1);
pub const INPUT: u32 = 77;

/// A wait that no test comes to.
pub const LONG: Duration = Duration::from_secs(3600);

pub fn s(step: u8) -> StepId {
    StepId(step)
}

pub fn n(node: u64) -> NodeId {
    NodeId(node)
}

fn place(id: NodeId) -> usize {
    usize::try_from(id.0).expect("there are few nodes")
}

/// Steps with the node that carries each out.
pub fn define(steps: &[(u64, Kind, &[u8])], doubt: Doubt) -> Definition {
    define_as(VERSION, steps, doubt)
}

pub fn define_as(version: Version, steps: &[(u64, Kind, &[u8])], doubt: Doubt) -> Definition {
    let mut outline = Outline::new();
    for ((node, kind, after), task) in steps.iter().zip(1..) {
        let policy = Policy { attempts: 3, undo_attempts: 2, doubt, ..Policy::default() };
        let after = after.iter().map(|step| s(*step)).collect();
        outline.step(Step { task: TaskId(task), service: n(*node), kind: *kind, after, policy });
    }
    Definition::new(DEFINITION, version, outline).expect("the definition stands")
}

/// Four steps, the last of which decides, each at a node of its own: 0 before 1 and 2, and both before 3.
pub fn diamond(doubt: Doubt) -> Definition {
    use Kind::{Compensatable, Pivot};
    let steps: &[(u64, Kind, &[u8])] =
        &[(0, Compensatable, &[]), (1, Compensatable, &[0]), (2, Compensatable, &[0]), (3, Pivot, &[1, 2])];
    define(steps, doubt)
}

/// A diamond, its pivot, and two steps after it that nothing comes after; node 1 has two steps, and the initiator
/// none before the end.
pub fn tailed(doubt: Doubt) -> Definition {
    use Kind::{Compensatable, Pivot, Retriable};
    let steps: &[(u64, Kind, &[u8])] = &[
        (1, Compensatable, &[]),
        (2, Compensatable, &[0]),
        (3, Compensatable, &[0]),
        (1, Pivot, &[1, 2]),
        (2, Retriable, &[3]),
        (0, Retriable, &[3]),
    ];
    define(steps, doubt)
}

/// Two steps that have nothing to do with each other, and no pivot.
pub fn apart(doubt: Doubt) -> Definition {
    define(&[(1, Kind::Compensatable, &[]), (2, Kind::Compensatable, &[])], doubt)
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

/// What an application knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Done,
    Refused,
    Undone,
}

/// One node.
#[derive(Clone)]
pub struct Node {
    pub machine: Machinery,
    pub ledger: LedgerOf<Machinery>,
    pub disk: Disk,
    pub config: Arc<Config>,
    /// After so many more effects it crashes.
    pub fuel: Option<usize>,
    /// Whether it is up.
    pub up: bool,
}

#[derive(Clone)]
pub struct Bench {
    pub nodes: Vec<Node>,
    /// Messages on their way, in the order in which they were sent.
    pub network: VecDeque<(NodeId, NodeId, Message<u32>)>,
    /// Calls that the applications have not taken up.
    pub calls: VecDeque<(NodeId, Call<u32>)>,
    /// What the applications hold durable of each key.
    pub book: BTreeMap<Key, Known>,
    /// What becomes of the next calls of a step with an action.
    pub fates: BTreeMap<(StepId, Action), VecDeque<Fate>>,
    /// Effects of [`SAGA`] and their ends, in the order in which they came about.
    pub happened: Vec<(StepId, Action)>,
    /// All calls that were taken up, obeyed or not.
    pub heard: Vec<(StepId, Action)>,
    pub told: Vec<(NodeId, Notice<u32>)>,
    pub effects: usize,
    pub crashes: usize,
    pub messages: usize,
    requests: u64,
}

impl Bench {
    pub fn new(definition: Definition) -> Self {
        Self::with([definition], |_| {})
    }

    pub fn with(
        definitions: impl IntoIterator<Item = Definition> + Clone,
        configure: impl Fn(&mut Config),
    ) -> Self {
        let mut bench = Self::at_rest(definitions, configure);
        for node in 0..4 {
            bench.step(n(node), Input::Start);
        }
        bench
    }

    /// A bench of four nodes on which nothing was started.
    pub fn at_rest(
        definitions: impl IntoIterator<Item = Definition> + Clone,
        configure: impl Fn(&mut Config),
    ) -> Self {
        let nodes = (0..4).map(|me| {
            let mut config = Config::new(CLUSTER, n(me), (0..4).map(NodeId), definitions.clone());
            configure(&mut config);
            let config = Arc::new(config);
            Node {
                machine: Machinery::new(config.clone()).expect("the configuration stands"),
                ledger: LedgerOf::<Machinery>::new(n(me)),
                disk: Disk::default(),
                config,
                fuel: None,
                up: true,
            }
        });
        Self {
            nodes: nodes.collect(),
            network: VecDeque::new(),
            calls: VecDeque::new(),
            book: BTreeMap::new(),
            fates: BTreeMap::new(),
            happened: Vec::new(),
            heard: Vec::new(),
            told: Vec::new(),
            effects: 0,
            crashes: 0,
            messages: 0,
            requests: 0,
        }
    }

    /// Says what becomes of the next calls of a step.
    pub fn fate(&mut self, step: u8, action: Action, fates: &[Fate]) {
        self.fates.insert((s(step), action), fates.iter().copied().collect());
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[place(id)]
    }

    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[place(id)]
    }

    pub fn machine(&self, id: NodeId) -> &Machinery {
        &self.node(id).machine
    }

    /// A node loses all that is not durable, its application's calls included, and is down.
    pub fn stop(&mut self, id: NodeId) {
        self.crashes += 1;
        self.calls.retain(|(at, _)| *at != id);
        self.node_mut(id).up = false;
    }

    /// Starts a node from what is on its disk.
    pub fn boot(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        node.machine = Machinery::recover(node.config.clone(), &node.disk, 0)
            .unwrap_or_else(|corrupt| panic!("a disk that was written here recovers: {corrupt}"));
        node.ledger = LedgerOf::<Machinery>::new(id);
        node.up = true;
        self.step(id, Input::Start);
    }

    pub fn crash(&mut self, id: NodeId) {
        self.stop(id);
        self.boot(id);
    }

    pub fn step(&mut self, id: NodeId, input: InputOf<Machinery>) {
        let node = self.node_mut(id);
        if !node.up {
            return;
        }
        node.machine.step(input, &mut node.ledger.port(Time::ZERO, || 0));
        node.machine.check().unwrap_or_else(|what| panic!("{what}: {:?}", node.machine));
        self.settle(id);
    }

    /// Carries out effects one by one, each record alone, until a crash or until all happened.
    fn settle(&mut self, id: NodeId) {
        loop {
            let node = self.node_mut(id);
            let output = node.ledger.next_output();
            if output.is_none() && !node.ledger.is_waiting() {
                node.machine.agrees_with(&node.disk).expect("the disk holds what the machine says");
                return;
            }
            if node.fuel == Some(0) {
                node.fuel = None;
                return self.crash(id);
            }
            node.fuel = node.fuel.map(|fuel| fuel - 1);
            if output.is_none() {
                let batch = node.ledger.begin_batch(1).expect("a record waits");
                for record in node.ledger.batch() {
                    node.disk.apply(record.clone()).expect("records fit the disk");
                }
                node.ledger.complete(batch);
            }
            self.effects += 1;
            match output {
                Some(Output::Send { to, message }) => {
                    self.messages += 1;
                    self.network.push_back((id, to, message));
                }
                Some(Output::Notify(Notice::Call(call))) => {
                    self.is_due_by_disk(id, &call);
                    self.calls.push_back((id, call));
                }
                Some(Output::Notify(notice)) => self.told.push((id, notice)),
                Some(Output::Load { .. } | Output::Loopback(_)) => panic!("a participant does neither"),
                None => {}
            }
        }
    }

    /// Holds a call to what makes it due being durable: else, after a crash, nobody would know to undo it.
    fn is_due_by_disk(&self, id: NodeId, call: &Call<u32>) {
        let Node { config, disk, .. } = self.node(id);
        let twin = Machinery::recover(config.clone(), disk, 0).expect("every prefix recovers");
        let name = Name { initiator: call.key.owner, saga: call.key.saga };
        let due = twin.sagas().any(|(saga, standing)| {
            let before = config.definitions[0].after(call.key.step);
            let back = call.action == Action::Undo;
            saga == name && standing.facts.done.includes(before) && standing.facts.is_back() == back
        });
        assert!(due, "{call:?} leaves before what it rests on is durable");
    }

    /// Delivers the oldest message: whether there was one.
    pub fn deliver_one(&mut self) -> bool {
        let Some((from, to, message)) = self.network.pop_front() else { return false };
        self.step(to, Input::Message { from, message });
        true
    }

    /// Has the oldest call taken up: whether there was one.
    pub fn serve_one(&mut self) -> bool {
        let Some((at, call)) = self.calls.pop_front() else { return false };
        let (key, action) = (call.key, call.action);
        let fates = self.fates.get_mut(&(key.step, action)).filter(|_| key == SAGA.key(key.step));
        let fate = fates.and_then(VecDeque::pop_front);
        if fate == Some(Fate::Lost) {
            return true;
        }
        self.heard.push((key.step, action));
        let outcome = match fate {
            Some(Fate::Later) => Outcome::Later,
            fate => self.carry_out(key, action, fate == Some(Fate::Refused)),
        };
        if fate != Some(Fate::Unanswered) {
            self.step(at, Input::Request(Request::Answer(call.answer(outcome))));
        }
        true
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

    fn happens(&mut self, key: Key, action: Action) {
        if key == SAGA.key(key.step) {
            self.happened.push((key.step, action));
        }
    }

    /// Delivers and serves until nothing moves.
    pub fn flow(&mut self) {
        while self.deliver_one() || self.serve_one() {}
    }

    /// The timers that are set, but for deadlines.
    pub fn timers(&self, id: NodeId) -> Vec<Timer> {
        let timers = self.node(id).ledger.timers().iter().map(|(timer, _)| timer);
        timers.filter(|timer| !matches!(timer, Timer::Deadline { .. })).collect()
    }

    /// Fires a timer, if it is set.
    pub fn fire(&mut self, id: NodeId, timer: Timer) {
        if self.node(id).up && self.node(id).ledger.timers().iter().any(|(set, _)| set == timer) {
            self.node_mut(id).ledger.timers_mut().cancel(timer);
            self.step(id, Input::Timer(timer));
        }
    }

    /// Fires every timer that is set now, but for deadlines: whether there was one.
    pub fn fire_all(&mut self) -> bool {
        let nodes = (0..4).map(n).filter(|id| self.node(*id).up);
        let set: Vec<(NodeId, Timer)> =
            nodes.flat_map(|id| self.timers(id).into_iter().map(move |timer| (id, timer))).collect();
        for (id, timer) in &set {
            if self.timers(*id).contains(timer) {
                self.fire(*id, *timer);
            }
        }
        !set.is_empty()
    }

    /// Delivers and serves, and fires timers when there is nothing else, until nothing moves; or, while somebody is
    /// down, for as long as it takes to see that nothing does.
    pub fn run(&mut self) {
        let rounds = if self.nodes.iter().all(|node| node.up) { 1_000 } else { 20 };
        for _ in 0..rounds {
            self.flow();
            if !self.fire_all() {
                return;
            }
        }
        assert!(rounds == 20, "the bench does not come to rest");
    }

    pub fn request(&mut self, at: NodeId, request: impl FnOnce(RequestId) -> Request<u32>) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.step(at, Input::Request(request(id)));
        id
    }

    pub fn begin(&mut self) -> RequestId {
        self.begin_as(SAGA)
    }

    pub fn begin_as(&mut self, name: Name) -> RequestId {
        let (definition, version, input) = (DEFINITION, VERSION, INPUT);
        self.request(name.initiator, |id| Request::Begin { id, saga: name.saga, definition, version, input })
    }

    pub fn cancel(&mut self) -> RequestId {
        self.request(ME, |id| Request::Cancel { id, saga: SAGA.saga })
    }

    pub fn resolve(&mut self, at: NodeId, step: u8, resolution: Resolution) -> RequestId {
        self.request(at, |id| Request::Resolve { id, saga: SAGA, step: s(step), resolution })
    }

    pub fn forget(&mut self, name: Name) -> RequestId {
        self.request(name.initiator, |id| Request::Forget { id, saga: name.saga })
    }

    /// The answers to a request.
    pub fn answers(&self, request: RequestId) -> Vec<Notice<u32>> {
        let is_answer = |notice: &&Notice<u32>| match notice {
            Notice::Accepted { id } | Notice::Refused { id, .. } => *id == request,
            _ => false,
        };
        self.told.iter().map(|(_, notice)| notice).filter(is_answer).cloned().collect()
    }

    pub fn accepted(&self, request: RequestId) -> bool {
        self.answers(request) == [Notice::Accepted { id: request }]
    }

    /// How a saga ended, as a node was told: every time the same.
    pub fn end_at(&self, at: NodeId, name: Name) -> Option<End> {
        let mut ends = self.told.iter().filter_map(|(node, notice)| match notice {
            Notice::Ended { saga, end } if *saga == name && *node == at => Some(*end),
            _ => None,
        });
        let first = ends.next();
        assert!(ends.all(|end| Some(end) == first), "a saga ends one way: {:?}", self.told);
        first
    }

    /// How the saga ended, if all that have part in it were told, and the same.
    pub fn end(&self) -> Option<End> {
        let plan = &self.node(ME).config.definitions[0];
        let mut all: Vec<NodeId> = plan.steps().iter().map(|step| step.service).collect();
        all.push(ME);
        let ends: Vec<Option<End>> = all.iter().map(|node| self.end_at(*node, SAGA)).collect();
        let told: Vec<End> = ends.iter().copied().flatten().collect();
        assert!(told.iter().all(|end| *end == told[0]), "it ends the same everywhere: {:?}", self.told);
        ends.iter().copied().collect::<Option<Vec<End>>>().map(|ends| ends[0])
    }

    pub fn stuck(&self) -> Vec<(NodeId, StepId, Action)> {
        let stuck = |(node, notice): &(NodeId, Notice<u32>)| match notice {
            Notice::Stuck { step, action, .. } => Some((*node, *step, *action)),
            _ => None,
        };
        self.told.iter().filter_map(stuck).collect()
    }

    pub fn rejected(&self) -> bool {
        self.told.iter().any(|(_, notice)| matches!(notice, Notice::Rejected { .. }))
    }

    /// The place of an effect among all that happened; no effect comes about twice.
    pub fn when(&self, step: StepId, action: Action) -> Option<usize> {
        let mut at = self.happened.iter().enumerate().filter(|(_, what)| **what == (step, action));
        let first = at.next().map(|(at, _)| at);
        assert!(at.next().is_none(), "{step} {action:?} happened twice: {:?}", self.happened);
        first
    }

    /// Holds what happened to what is promised at any time.
    pub fn keeps_order(&self, plan: &Definition) {
        for step in plan.all().iter() {
            let (done, undone) = (self.when(step, Action::Do), self.when(step, Action::Undo));
            assert!(undone.is_none() || done < undone, "{step} was undone before it was done");
            for before in plan.after(step).iter() {
                let first = self.when(before, Action::Do);
                assert!(
                    done.is_none() || first.is_some() && first < done,
                    "{before} is done before {step}: {:?}",
                    self.happened
                );
                let later = self.when(before, Action::Undo);
                assert!(
                    later.is_none() || done.is_none() || undone.is_some() && undone < later,
                    "{step} is undone before {before}: {:?}",
                    self.happened
                );
            }
            let forward = plan.step(step).is_some_and(|step| step.kind != Kind::Compensatable);
            assert!(undone.is_none() || !forward, "nothing undoes a pivot, nor what comes after it");
        }
        if let Some(pivot) = plan.pivot().filter(|pivot| self.when(*pivot, Action::Do).is_some()) {
            let undone = self.happened.iter().any(|(_, action)| *action == Action::Undo);
            assert!(!undone, "nothing is undone once {pivot} is done: {:?}", self.happened);
        }
    }

    /// Holds what happened to the promises of a saga that has ended.
    pub fn judge(&self, plan: &Definition, end: End) {
        self.keeps_order(plan);
        for step in plan.all().iter() {
            let (done, undone) = (self.when(step, Action::Do), self.when(step, Action::Undo));
            match end {
                End::Completed => {
                    assert!(done.is_some() && undone.is_none(), "{step}: {:?}", self.happened);
                }
                End::Compensated { .. } => {
                    assert_eq!(done.is_some(), undone.is_some(), "{step}: {:?}", self.happened);
                }
            }
        }
    }
}
