//! Leaders (n1 and on), acceptors (n11 and on) and resource managers (n21 and on) on a bench: every message and timer
//! moves only when the test says so. Every disk is recovered from after every single record.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use quorate::commit::paxos::{
    Acceptor, Config, Leader, Member, Message, ResourceManager, Role, acceptor, leader,
};
use quorate::commit::{Outcome, TxId, Vote, participant};
use quorate::durable::Recover;
use quorate::either::{self, Either};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine};
use quorate::time::Time;

pub type Work = u32;
pub type Said = Message<Work>;
/// A machine that plays any part.
pub type Site = Either<Either<ResourceManager<Work>, Acceptor<Work>>, Leader<Work>>;
type Disk = quorate::durable::Image<<Site as Machine>::Cell, <Site as Machine>::Entry>;
pub type Notice = <Site as Machine>::Notice;
type Network = VecDeque<(NodeId, NodeId, Said)>;

/// A machine, its ledger and its disk.
pub struct Host {
    pub machine: Site,
    pub ledger: LedgerOf<Site>,
    pub disk: Disk,
    /// Whether records become durable by themselves.
    pub disk_works: bool,
    /// All that the application was told, crashes or not.
    pub notices: Vec<Notice>,
    /// Records written.
    pub records: usize,
    member: Member,
    /// What `choose` answers.
    pub draw: u32,
}

fn recovered(member: &Member, disk: &Disk, applied: u64) -> Site {
    let config = match member.config.role(member.me) {
        Role::ResourceManager => Either::Left(Either::Left(member.clone())),
        Role::Acceptor => Either::Left(Either::Right(member.clone())),
        Role::Leader => Either::Right(member.clone()),
    };
    let site = Site::recover(config, disk, applied).expect("any prefix recovers");
    check(&site).expect("what recovers is right");
    site
}

fn check(site: &Site) -> Result<(), &'static str> {
    match site {
        Either::Left(Either::Left(manager)) => manager.check(),
        Either::Left(Either::Right(acceptor)) => acceptor.check(),
        Either::Right(leader) => leader.check(),
    }
}

impl Host {
    fn new(me: NodeId, config: &Arc<Config>) -> Self {
        let member = Member { me, config: config.clone() };
        let disk = Disk::default();
        Self {
            machine: recovered(&member, &disk, 0),
            ledger: LedgerOf::<Site>::new(me),
            disk,
            disk_works: true,
            notices: Vec::new(),
            records: 0,
            member,
            draw: 0,
        }
    }

    fn step(&mut self, input: InputOf<Site>, network: &mut Network) {
        let draw = self.draw;
        // A timer that is not set does not expire.
        if let Input::Timer(timer) = input {
            if !self.ledger.timers().iter().any(|(set, _)| set == timer) {
                return;
            }
            self.ledger.timers_mut().cancel(timer);
        }
        self.machine.step(input, &mut self.ledger.port(Time::ZERO, || draw));
        check(&self.machine).expect("a node's own invariants hold after each step");
        self.settle(network);
    }

    /// Carries out what the ledger lets go; a working disk makes all records durable.
    pub fn settle(&mut self, network: &mut Network) {
        loop {
            while let Some(output) = self.ledger.next_output() {
                match output {
                    Output::Send { to, message } => network.push_back((self.member.me, to, message)),
                    Output::Notify(notice) => self.notices.push(notice),
                    Output::Load { .. } => panic!("nothing is read back"),
                    Output::Loopback(_) => panic!("a node says nothing to itself"),
                }
            }
            if !self.disk_works || !self.sync() {
                return;
            }
        }
    }

    fn sync(&mut self) -> bool {
        let Some(batch) = self.ledger.begin_batch(usize::MAX) else { return false };
        for record in self.ledger.batch() {
            self.records += 1;
            self.disk.apply(record.clone()).expect("records fit the disk");
            recovered(&self.member, &self.disk, 0);
        }
        self.ledger.complete(batch);
        if !self.ledger.is_waiting() {
            self.machine.agrees_with(&self.disk).expect("what is durable is what the node holds to be");
        }
        true
    }

    fn crash(&mut self) {
        self.machine = recovered(&self.member, &self.disk, 0);
        self.ledger = LedgerOf::<Site>::new(self.member.me);
        self.disk_works = true;
    }
}

/// A resource manager's application.
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
    pub hosts: BTreeMap<NodeId, Host>,
    pub applications: BTreeMap<NodeId, Application>,
    /// Messages on their way, in the order in which they were sent.
    pub network: Network,
    /// Nodes that nothing reaches and that reach nobody.
    pub cut_off: Vec<NodeId>,
    pub config: Arc<Config>,
    /// What was delivered, in order.
    pub delivered: Vec<(NodeId, NodeId, Said)>,
    requests: u64,
}

pub const L1: NodeId = NodeId(1);
pub const L2: NodeId = NodeId(2);
pub const A: [NodeId; 3] = [NodeId(11), NodeId(12), NodeId(13)];
pub const R: [NodeId; 3] = [NodeId(21), NodeId(22), NodeId(23)];

pub fn tx(number: u64) -> TxId {
    TxId { coordinator: L1, number }
}

impl Bench {
    /// Two leaders, three acceptors and so many resource managers.
    pub fn new(managers: u64) -> Self {
        Self::with(managers, 3, |_| {})
    }

    pub fn with(managers: u64, acceptors: u64, configure: impl FnOnce(&mut Config)) -> Self {
        let (acceptors, managers) = ((11..11 + acceptors).map(NodeId), (21..21 + managers).map(NodeId));
        let mut config = Config::new(ClusterId(7), [L1, L2], acceptors, managers.clone());
        configure(&mut config);
        let config = Arc::new(config);
        let application = || Application {
            vote: Some(Vote::Yes),
            carries_out: true,
            asked: Vec::new(),
            told: Vec::new(),
            seen: 0,
        };
        let mut bench = Self {
            hosts: config.common.members.iter().map(|id| (*id, Host::new(*id, &config))).collect(),
            applications: managers.map(|id| (id, application())).collect(),
            network: VecDeque::new(),
            cut_off: Vec::new(),
            config,
            delivered: Vec::new(),
            requests: 0,
        };
        for id in bench.ids() {
            bench.step(id, Input::Start);
        }
        bench
    }

    pub fn ids(&self) -> Vec<NodeId> {
        self.hosts.keys().copied().collect()
    }

    pub fn host(&mut self, id: NodeId) -> &mut Host {
        self.hosts.get_mut(&id).expect("the node is there")
    }

    pub fn step(&mut self, id: NodeId, input: InputOf<Site>) {
        let host = self.hosts.get_mut(&id).expect("the node is there");
        host.step(input, &mut self.network);
        self.attend(id);
    }

    /// The application of `id` attends to what it was told since.
    fn attend(&mut self, id: NodeId) {
        loop {
            let Some(application) = self.applications.get_mut(&id) else { return };
            let host = self.hosts.get_mut(&id).expect("the node is there");
            let Some(notice) = host.notices.get(application.seen) else { return };
            application.seen += 1;
            let either::Notice::Left(either::Notice::Left(notice)) = notice else { continue };
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
                let input = Input::Request(Either::Left(Either::Left(request)));
                host.step(input, &mut self.network);
            }
        }
    }

    /// The application of a resource manager asks.
    pub fn ask(&mut self, id: NodeId, request: participant::Request) {
        self.step(id, Input::Request(Either::Left(Either::Left(request))));
    }

    /// Begins a transaction of all resource managers at a leader: its name.
    pub fn begin(&mut self, leader: NodeId) -> TxId {
        let branches = self.applications.keys().map(|id| (*id, 9)).collect();
        self.begin_with(leader, branches).expect("it begins")
    }

    pub fn begin_with(
        &mut self,
        leader: NodeId,
        branches: Vec<(NodeId, Work)>,
    ) -> Result<TxId, leader::Refusal> {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.step(leader, Input::Request(Either::Right(leader::Request::Begin { id, branches })));
        let answer = self.told_leader(leader).into_iter().find_map(|notice| match notice {
            leader::Notice::Begun { id: answered, tx } if answered == id => Some(Ok(tx)),
            leader::Notice::Refused { id: answered, reason } if answered == id => Some(Err(reason)),
            _ => None,
        });
        answer.expect("a request is answered")
    }

    pub fn cancel(&mut self, leader: NodeId, tx: TxId) {
        let cancel = leader::Request::Cancel { id: RequestId(0), tx };
        self.step(leader, Input::Request(Either::Right(cancel)));
    }

    pub fn deliver_to(&mut self, to: NodeId, from: NodeId, message: Said) {
        self.delivered.push((from, to, message.clone()));
        self.step(to, Input::Message { from, message });
    }

    fn is_cut_off(&self, from: NodeId, to: NodeId) -> bool {
        self.cut_off.contains(&from) || self.cut_off.contains(&to)
    }

    /// Delivers the oldest message that is not cut off: whether there was one. What is cut off is lost.
    pub fn deliver_one(&mut self) -> bool {
        while let Some((from, to, message)) = self.network.pop_front() {
            if !self.is_cut_off(from, to) {
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
            if !self.is_cut_off(from, to) {
                self.deliver_to(to, from, message);
            }
        }
    }

    pub fn fire_leader(&mut self, id: NodeId, timer: leader::Timer) {
        self.step(id, Input::Timer(Either::Right(timer)));
    }

    fn fire_manager(&mut self, id: NodeId, timer: participant::Timer) {
        self.step(id, Input::Timer(Either::Left(Either::Left(timer))));
    }

    /// A leader's timer expires twice: what it waits for has not come for a whole period.
    pub fn overdue(&mut self, id: NodeId, timer: leader::Timer) {
        self.fire_leader(id, timer);
        self.fire_leader(id, timer);
    }

    /// A resource manager asks for what it is in doubt about: its coordinator first, anybody at the third expiry.
    pub fn doubt(&mut self, id: NodeId) {
        self.fire_manager(id, participant::Timer::Doubt);
    }

    pub fn readiness_timeout(&mut self, id: NodeId) {
        for _ in 0..2 {
            self.fire_manager(id, participant::Timer::Readiness);
        }
    }

    /// An acceptor has heard nothing for a whole period.
    pub fn linger(&mut self, id: NodeId) {
        for _ in 0..2 {
            self.step(id, Input::Timer(Either::Left(Either::Right(acceptor::Timer::Linger))));
        }
    }

    /// A node loses all that is not durable, and comes back.
    pub fn crash(&mut self, id: NodeId) {
        self.host(id).crash();
        self.step(id, Input::Start);
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

    /// What the application of a leader was told.
    pub fn told_leader(&self, id: NodeId) -> Vec<leader::Notice> {
        let told = |notice: &Notice| match notice {
            either::Notice::Right(notice) => Some(*notice),
            _ => None,
        };
        self.hosts[&id].notices.iter().filter_map(told).collect()
    }

    /// The outcomes that a leader told of, in order.
    pub fn outcomes(&self, id: NodeId) -> Vec<(TxId, Outcome)> {
        let outcome = |notice: leader::Notice| match notice {
            leader::Notice::Outcome { tx, outcome } => Some((tx, outcome)),
            _ => None,
        };
        self.told_leader(id).into_iter().filter_map(outcome).collect()
    }

    pub fn leader(&self, id: NodeId) -> &Leader<Work> {
        self.hosts[&id].machine.right().expect("it leads")
    }

    pub fn acceptor(&self, id: NodeId) -> &Acceptor<Work> {
        self.hosts[&id].machine.left().and_then(Either::right).expect("it accepts")
    }

    pub fn manager(&self, id: NodeId) -> &ResourceManager<Work> {
        self.hosts[&id].machine.left().and_then(Either::left).expect("it is a resource manager")
    }

    pub fn acceptors(&self) -> Vec<NodeId> {
        self.config.acceptors.clone()
    }

    pub fn managers(&self) -> Vec<NodeId> {
        self.applications.keys().copied().collect()
    }

    /// Loses what is on its way to `to`, and says what it was.
    pub fn intercept(
        &mut self,
        wanted: impl Fn(NodeId, NodeId, &Said) -> bool,
    ) -> Vec<(NodeId, NodeId, Said)> {
        let (taken, left) = std::mem::take(&mut self.network)
            .into_iter()
            .partition(|(from, to, message)| wanted(*from, *to, message));
        self.network = left;
        let taken: Network = taken;
        taken.into()
    }

    /// Every timer goes on until all is over: whoever is left sees to that.
    pub fn come_to_rest(&mut self) {
        for _ in 0..12 {
            self.deliver_all();
            for id in self.ids() {
                match self.config.role(id) {
                    _ if self.cut_off.contains(&id) => {}
                    Role::Leader => {
                        self.overdue(id, leader::Timer::Votes);
                        self.deliver_all();
                        self.overdue(id, leader::Timer::Ballot);
                        self.deliver_all();
                        self.overdue(id, leader::Timer::Resend);
                    }
                    Role::Acceptor => self.linger(id),
                    Role::ResourceManager => {
                        self.readiness_timeout(id);
                        self.doubt(id);
                    }
                }
                self.deliver_all();
            }
        }
    }

    /// All that anybody was told, by transaction.
    pub fn all_outcomes(&self) -> BTreeMap<TxId, BTreeSet<Outcome>> {
        let leaders = [L1, L2].into_iter().flat_map(|id| self.outcomes(id));
        let told = self.managers().into_iter().flat_map(|id| self.told(id).to_vec());
        let mut outcomes: BTreeMap<TxId, BTreeSet<Outcome>> = BTreeMap::new();
        for (tx, outcome) in leaders.chain(told) {
            outcomes.entry(tx).or_default().insert(outcome);
        }
        outcomes
    }

    /// Nothing is held any more, by anybody that is not cut off.
    pub fn is_at_rest(&self) -> bool {
        self.hosts.iter().filter(|(id, _)| !self.cut_off.contains(id)).all(|(_, host)| match &host.machine {
            Either::Left(Either::Left(manager)) => {
                manager.participant().live() == 0 && manager.participant().held_bytes() == 0
            }
            Either::Left(Either::Right(acceptor)) => acceptor.live() == 0,
            Either::Right(leader) => leader.in_flight() == 0 && leader.held_bytes() == 0,
        })
    }

    /// What was rejected by `id`, in order.
    pub fn rejections(&self, id: NodeId) -> Vec<quorate::commit::Rejection> {
        use either::Notice::{Left, Right};
        let rejection = |notice: &Notice| match notice {
            Left(Left(participant::Notice::Rejected { reason, .. }))
            | Left(Right(acceptor::Notice::Rejected { reason, .. }))
            | Right(leader::Notice::Rejected { reason, .. }) => Some(*reason),
            _ => None,
        };
        self.hosts[&id].notices.iter().filter_map(rejection).collect()
    }
}
