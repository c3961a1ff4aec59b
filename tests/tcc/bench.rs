//! One coordinator (n1) and its services (n2 and on) on a bench: every message and timer moves only when the test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate::commit::coordinator::Refusal;
use quorate::commit::tcc::{Config, Coordinator, Member, Message, Service, coordinator, service};
use quorate::commit::{Outcome, TxId};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::{Input, InputOf};

use crate::application::{Application, Held, Tries};
use crate::host::Host;

pub type Work = u32;
type Said = Message<Work>;

pub const C: NodeId = NodeId(1);

pub fn n(id: u64) -> NodeId {
    NodeId(id)
}

pub fn tx(number: u64) -> TxId {
    TxId { coordinator: C, number }
}

pub struct Bench {
    pub coordinator: Host<Coordinator<Work>>,
    pub services: BTreeMap<NodeId, Host<Service<Work>>>,
    pub applications: BTreeMap<NodeId, Application>,
    /// Messages on their way, in the order in which they were sent.
    pub network: VecDeque<(NodeId, NodeId, Said)>,
    /// Nodes that nothing reaches and that reach nobody.
    pub cut_off: Vec<NodeId>,
    seen: BTreeMap<NodeId, usize>,
    requests: u64,
}

impl Bench {
    pub fn new(services: u64) -> Self {
        Self::with(services, |_| {})
    }

    pub fn with(services: u64, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(ClusterId(7), (1..=services + 1).map(NodeId));
        config.max_attempts = 2;
        configure(&mut config);
        let config = Arc::new(config);
        let member = |me| Member { me, config: config.clone() };
        let ids = || (2..=services + 1).map(NodeId);
        let mut bench = Self {
            coordinator: Host::new(C, member(C), Coordinator::check),
            services: ids().map(|id| (id, Host::new(id, member(id), Service::check))).collect(),
            applications: ids().map(|id| (id, Application::default())).collect(),
            network: VecDeque::new(),
            cut_off: Vec::new(),
            seen: BTreeMap::new(),
            requests: 0,
        };
        bench.coordinator(Input::Start);
        for id in ids() {
            bench.service(id, Input::Start);
        }
        bench
    }

    pub fn coordinator(&mut self, input: InputOf<Coordinator<Work>>) {
        self.coordinator.step(input, &mut self.network);
    }

    /// Feeds a service, and lets its application attend to what it is told.
    pub fn service(&mut self, id: NodeId, input: InputOf<Service<Work>>) {
        let host = self.services.get_mut(&id).expect("the service is there");
        let application = self.applications.get_mut(&id).expect("it has an application");
        let seen = self.seen.entry(id).or_default();
        host.step(input, &mut self.network);
        while let Some(notice) = host.notices.get(*seen).cloned() {
            *seen += 1;
            if let Some(request) = application.attend(&notice) {
                host.step(Input::Request(request), &mut self.network);
            }
        }
    }

    pub fn ask(&mut self, id: NodeId, request: service::Request) {
        self.service(id, Input::Request(request));
    }

    /// Begins an activity of all services.
    pub fn begin(&mut self) -> TxId {
        let branches = self.services.keys().map(|id| (*id, 9)).collect();
        self.begin_with(branches).expect("it begins")
    }

    pub fn begin_with(&mut self, branches: Vec<(NodeId, Work)>) -> Result<TxId, Refusal> {
        let id = self.next_id();
        self.coordinator(Input::Request(coordinator::Request::Begin { id, branches }));
        let answer = self.coordinator.notices.iter().find_map(|notice| match notice {
            coordinator::Notice::Begun { id: answered, tx } if *answered == id => Some(Ok(*tx)),
            coordinator::Notice::Refused { id: answered, reason } if *answered == id => Some(Err(*reason)),
            _ => None,
        });
        answer.expect("a request is answered")
    }

    /// An operator writes a service off: whether that was accepted.
    pub fn write_off(&mut self, tx: TxId, service: NodeId) -> bool {
        let id = self.next_id();
        self.coordinator(Input::Request(coordinator::Request::WriteOff { id, tx, service }));
        self.coordinator.notices.contains(&coordinator::Notice::WrittenOff { id })
    }

    pub fn cancel(&mut self, tx: TxId) -> bool {
        let id = self.next_id();
        self.coordinator(Input::Request(coordinator::Request::Cancel { id, tx }));
        self.coordinator.notices.contains(&coordinator::Notice::Cancelled { id })
    }

    fn next_id(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    pub fn deliver_to(&mut self, to: NodeId, from: NodeId, message: Said) {
        if to == C {
            self.coordinator(Input::Message { from, message });
        } else {
            self.service(to, Input::Message { from, message });
        }
    }

    /// Delivers until nothing moves.
    pub fn deliver_all(&mut self) {
        for _ in 0..10_000 {
            let Some((from, to, message)) = self.network.pop_front() else { return };
            if !self.cut_off.contains(&from) && !self.cut_off.contains(&to) {
                self.deliver_to(to, from, message);
            }
        }
        panic!("the nodes do not come to rest");
    }

    /// Delivers what is on its way now, and nothing that it brings about.
    pub fn deliver_round(&mut self) {
        for (from, to, message) in std::mem::take(&mut self.network) {
            if !self.cut_off.contains(&from) && !self.cut_off.contains(&to) {
                self.deliver_to(to, from, message);
            }
        }
    }

    /// Takes the messages on their way to `to`.
    pub fn intercept(&mut self, to: NodeId) -> Vec<Said> {
        let (taken, left) = std::mem::take(&mut self.network).into_iter().partition(|(_, to_, _)| *to_ == to);
        self.network = left;
        let taken: VecDeque<(NodeId, NodeId, Said)> = taken;
        taken.into_iter().map(|(.., message)| message).collect()
    }

    /// The coordinator's timer of resends expires twice: what it waits for has not come for a whole period.
    pub fn resend(&mut self) {
        for _ in 0..2 {
            self.coordinator(Input::Timer(coordinator::Timer::Resend));
        }
    }

    /// The tries have not been answered for a whole period.
    pub fn deadline(&mut self) {
        for _ in 0..2 {
            self.coordinator(Input::Timer(coordinator::Timer::Votes));
        }
    }

    /// A timer of a service expires twice.
    pub fn expire(&mut self, id: NodeId, timer: service::Timer) {
        for _ in 0..2 {
            self.service(id, Input::Timer(timer));
        }
    }

    /// The coordinator loses all that is not durable, and comes back.
    pub fn crash_coordinator(&mut self) {
        self.coordinator.crash(0);
        self.coordinator(Input::Start);
    }

    /// A service loses all that is not durable, and comes back; its application asks about what it finds.
    pub fn crash(&mut self, id: NodeId) {
        self.services.get_mut(&id).expect("it is there").crash(0);
        // What was said and not attended to is lost with the process.
        self.seen.insert(id, self.services[&id].notices.len());
        self.service(id, Input::Start);
        for request in self.applications[&id].found() {
            self.ask(id, request);
        }
    }

    pub fn application(&mut self, id: NodeId) -> &mut Application {
        self.applications.get_mut(&id).expect("it is there")
    }

    pub fn tries(&mut self, id: NodeId, tries: Tries) {
        self.application(id).tries = tries;
    }

    pub fn works(&mut self, id: NodeId, works: bool) {
        self.application(id).works = works;
    }

    pub fn held(&self, id: NodeId, tx: TxId) -> Option<Held> {
        self.applications[&id].held.get(&tx).copied()
    }

    pub fn asked(&self, id: NodeId, tx: TxId) -> usize {
        self.applications[&id].asked.get(&tx).copied().unwrap_or(0)
    }

    pub fn told(&self, id: NodeId, tx: TxId) -> usize {
        self.applications[&id].told.get(&tx).copied().unwrap_or(0)
    }

    pub fn said(&self, id: NodeId, notice: &service::Notice<Work>) -> bool {
        self.services[&id].notices.contains(notice)
    }

    pub fn heard(&self, notice: &coordinator::Notice) -> bool {
        self.coordinator.notices.contains(notice)
    }

    /// Whether the coordinator has told that it ended, and remembers nothing of it.
    pub fn ended(&self, tx: TxId) -> bool {
        self.heard(&coordinator::Notice::Ended { tx }) && self.coordinator.machine.phase(tx).is_none()
    }

    /// What the coordinator told of each activity.
    pub fn decided(&self) -> Vec<(TxId, Outcome)> {
        let decided = |notice: &coordinator::Notice| match notice {
            coordinator::Notice::Decided { tx, outcome } => Some((*tx, *outcome)),
            _ => None,
        };
        self.coordinator.notices.iter().filter_map(decided).collect()
    }
}
