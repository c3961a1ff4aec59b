//! One coordinator (n1) and its participants (n2 and on) on a bench: every message and timer moves only when the test
//! says so. Every disk is recovered from after every single record.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate::commit::coordinator::{self, Coordinator};
use quorate::commit::participant::{self, Participant};
use quorate::commit::{Config, Member, Message, Mode, Outcome, TxId, Vote};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::{Input, InputOf};

use crate::host::Host;

pub type Work = u32;
type Said = Message<Work>;

/// A participant's application.
pub struct Application {
    /// What it answers when it is to get ready; nothing if `None`.
    pub vote: Option<Vote>,
    /// Whether it carries out at once what it is told.
    pub carries_out: bool,
    /// What it was asked to prepare, each time it was.
    pub asked: Vec<TxId>,
    /// What it was told to carry out, in order.
    pub told: Vec<(TxId, Outcome)>,
    seen: usize,
}

pub struct Bench {
    pub coordinator: Host<Coordinator<Work>>,
    pub participants: BTreeMap<NodeId, Host<Participant<Work>>>,
    pub applications: BTreeMap<NodeId, Application>,
    /// Messages on their way, in the order in which they were sent.
    pub network: VecDeque<(NodeId, NodeId, Said)>,
    /// Nodes that nothing reaches and that reach nobody.
    pub cut_off: Vec<NodeId>,
    requests: u64,
}

pub const C: NodeId = NodeId(1);

pub fn n(id: u64) -> NodeId {
    NodeId(id)
}

pub fn tx(number: u64) -> TxId {
    TxId { coordinator: C, number }
}

impl Bench {
    pub fn new(participants: u64) -> Self {
        Self::with(participants, |_| {})
    }

    pub fn with(participants: u64, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(ClusterId(7), (1..=participants + 1).map(NodeId));
        configure(&mut config);
        let config = Arc::new(config);
        let member = |me| Member { me, config: config.clone() };
        let ids = || (2..=participants + 1).map(NodeId);
        let application = || Application {
            vote: Some(Vote::Yes),
            carries_out: true,
            asked: Vec::new(),
            told: Vec::new(),
            seen: 0,
        };
        let mut bench = Self {
            coordinator: Host::new(C, member(C), Coordinator::check),
            participants: ids().map(|id| (id, Host::new(id, member(id), Participant::check))).collect(),
            applications: ids().map(|id| (id, application())).collect(),
            network: VecDeque::new(),
            cut_off: Vec::new(),
            requests: 0,
        };
        bench.coordinator(Input::Start);
        for id in ids() {
            bench.participant(id, Input::Start);
        }
        bench
    }

    pub fn coordinator(&mut self, input: InputOf<Coordinator<Work>>) {
        self.coordinator.step(input, &mut self.network);
    }

    pub fn participant(&mut self, id: NodeId, input: InputOf<Participant<Work>>) {
        self.host(id).step_into(input);
        self.attend(id);
    }

    fn host(&mut self, id: NodeId) -> HostAndNetwork<'_> {
        let host = self.participants.get_mut(&id).expect("the participant is there");
        HostAndNetwork { host, network: &mut self.network }
    }

    /// The application of `id` attends to what it was told since.
    fn attend(&mut self, id: NodeId) {
        loop {
            let host = self.participants.get_mut(&id).expect("the participant is there");
            let application = self.applications.get_mut(&id).expect("it has an application");
            let Some(notice) = host.notices.get(application.seen) else { return };
            application.seen += 1;
            let request = match *notice {
                participant::Notice::Prepare { tx, .. } => {
                    application.asked.push(tx);
                    application.vote.map(|vote| participant::Request::Ready { tx, vote })
                }
                participant::Notice::Apply { tx, .. } => {
                    application.told.push((tx, Outcome::Commit));
                    application.carries_out.then_some(participant::Request::Done { tx })
                }
                participant::Notice::Undo { tx, .. } => {
                    application.told.push((tx, Outcome::Abort));
                    application.carries_out.then_some(participant::Request::Done { tx })
                }
                _ => None,
            };
            if let Some(request) = request {
                self.host(id).step_into(Input::Request(request));
            }
        }
    }

    pub fn ask(&mut self, id: NodeId, request: participant::Request) {
        self.participant(id, Input::Request(request));
    }

    /// Begins a transaction of all participants: `Ok` with its name.
    pub fn begin(&mut self, mode: Mode) -> Result<TxId, coordinator::Refusal> {
        let branches = self.participants.keys().map(|id| (*id, 9)).collect();
        self.begin_with(mode, branches)
    }

    pub fn begin_with(
        &mut self,
        mode: Mode,
        branches: Vec<(NodeId, Work)>,
    ) -> Result<TxId, coordinator::Refusal> {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.coordinator(Input::Request(coordinator::Request::Begin { id, mode, branches }));
        let answer = self.coordinator.notices.iter().find_map(|notice| match notice {
            coordinator::Notice::Begun { id: answered, tx } if *answered == id => Some(Ok(*tx)),
            coordinator::Notice::Refused { id: answered, reason } if *answered == id => Some(Err(*reason)),
            _ => None,
        });
        answer.expect("a request is answered")
    }

    pub fn deliver_to(&mut self, to: NodeId, from: NodeId, message: Said) {
        if to == C {
            self.coordinator(Input::Message { from, message });
        } else {
            self.participant(to, Input::Message { from, message });
        }
    }

    /// Delivers the oldest message that is not cut off: whether there was one.
    pub fn deliver_one(&mut self) -> bool {
        while let Some((from, to, message)) = self.network.pop_front() {
            if !self.cut_off.contains(&from) && !self.cut_off.contains(&to) {
                self.deliver_to(to, from, message);
                return true;
            }
        }
        false
    }

    /// Delivers until nothing moves.
    pub fn deliver_all(&mut self) {
        let mut moved = 0;
        while self.deliver_one() {
            moved += 1;
            assert!(moved < 10_000, "the nodes do not come to rest");
        }
    }

    /// Delivers what is on its way now, and nothing that it brings about.
    pub fn deliver_round(&mut self) {
        for (from, to, message) in std::mem::take(&mut self.network) {
            if !self.cut_off.contains(&from) && !self.cut_off.contains(&to) {
                self.deliver_to(to, from, message);
            }
        }
    }

    /// The coordinator's timers expire twice: what they wait for has not come for a whole period.
    pub fn resend(&mut self) {
        for _ in 0..2 {
            self.coordinator(Input::Timer(coordinator::Timer::Resend));
        }
    }

    pub fn votes_timeout(&mut self) {
        for _ in 0..2 {
            self.coordinator(Input::Timer(coordinator::Timer::Votes));
        }
    }

    pub fn doubt(&mut self, id: NodeId) {
        self.participant(id, Input::Timer(participant::Timer::Doubt));
    }

    pub fn readiness_timeout(&mut self, id: NodeId) {
        for _ in 0..2 {
            self.participant(id, Input::Timer(participant::Timer::Readiness));
        }
    }

    /// The coordinator loses all that is not durable, and comes back.
    pub fn crash_coordinator(&mut self) {
        self.coordinator.crash(0);
        self.coordinator(Input::Start);
    }

    /// A participant loses all that is not durable, and comes back with this much applied.
    pub fn crash(&mut self, id: NodeId, applied: u64) {
        self.participants.get_mut(&id).expect("it is there").crash(applied);
        self.participant(id, Input::Start);
    }

    pub fn application(&mut self, id: NodeId) -> &mut Application {
        self.applications.get_mut(&id).expect("it is there")
    }

    pub fn votes(&mut self, id: NodeId, vote: impl Into<Option<Vote>>) {
        self.application(id).vote = vote.into();
    }

    pub fn told(&self, id: NodeId) -> &[(TxId, Outcome)] {
        &self.applications[&id].told
    }

    pub fn phase(&self, id: NodeId, tx: TxId) -> Option<participant::Phase> {
        self.participants[&id].machine.phase(tx)
    }

    /// The outcomes that the coordinator told of, in order.
    pub fn outcomes(&self) -> Vec<(TxId, Outcome)> {
        let outcome = |notice: &coordinator::Notice| match notice {
            coordinator::Notice::Outcome { tx, outcome } => Some((*tx, *outcome)),
            _ => None,
        };
        self.coordinator.notices.iter().filter_map(outcome).collect()
    }

    /// The messages on their way of which `wanted` holds.
    pub fn on_the_way(&self, wanted: impl Fn(&Said) -> bool) -> usize {
        self.network.iter().filter(|(.., message)| wanted(message)).count()
    }

    /// Takes the messages on their way to `to`.
    pub fn intercept(&mut self, to: NodeId) -> Vec<Said> {
        let mut taken = Vec::new();
        self.network.retain(|(_, receiver, message)| {
            if *receiver == to {
                taken.push(message.clone());
            }
            *receiver != to
        });
        taken
    }
}

/// What a step of a participant takes.
struct HostAndNetwork<'a> {
    host: &'a mut Host<Participant<Work>>,
    network: &'a mut VecDeque<(NodeId, NodeId, Said)>,
}

impl HostAndNetwork<'_> {
    fn step_into(self, input: InputOf<Participant<Work>>) {
        self.host.step(input, self.network);
    }
}
