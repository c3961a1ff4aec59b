//! A coordinator and its services in a world.

use std::sync::Arc;
use std::time::Duration;

use quorate::commit::participant::Phase;
use quorate::commit::tcc::{Config, Coordinator, Member, Message, Service, coordinator, service};
use quorate::commit::{Outcome, TxId};
use quorate::durable::{Corrupt, Record, Recover};
use quorate::either::{Either, Notice};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::RecordOf;
use quorate::time::Delay;

use super::history::{Branch, Held, History, Told};
use super::{coverage, liveness, properties};
use crate::check::Bounds;
use crate::coverage::Vocabulary;
use crate::liveness::{Fairness, LeadsTo};
use crate::node::{Frozen, ImageOf};
use crate::spec::{Band, Event, Property, Seen, Spec};
use crate::world::{ActionOf, World};

/// What is reserved: services know by the activity's name.
pub(super) type Work = ();
/// A node of either kind.
pub type Site = Either<Coordinator<Work>, Service<Work>>;

/// One coordinator and some services, with a configuration, and what applications and operators do.
#[derive(Clone, Debug)]
pub struct TccSpec {
    config: Arc<Config>,
    services: u64,
    activities: usize,
    refuses: bool,
    fails: bool,
    operates: bool,
}

impl TccSpec {
    /// So many services and activities. Applications reserve or refuse, and carry out what they are told.
    #[must_use]
    pub fn new(services: u64, activities: usize) -> Self {
        let mut config = Config::new(ClusterId(1), (0..=services).map(NodeId));
        config.commit.numbers_reserved = 1;
        config.commit.journal_slack = 1;
        config.max_attempts = 1;
        let config = Arc::new(config);
        Self { config, services, activities, refuses: true, fails: false, operates: false }
    }

    /// With another configuration.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// With applications that always reserve.
    #[must_use]
    pub const fn willing(mut self) -> Self {
        self.refuses = false;
        self
    }

    /// With applications that fail to carry out what they are told.
    #[must_use]
    pub const fn failing(mut self) -> Self {
        self.fails = true;
        self
    }

    /// With operators who have what is stuck tried again, do it by hand, give up, and write services off.
    #[must_use]
    pub const fn operated(mut self) -> Self {
        self.operates = true;
        self
    }

    /// With reservations that lapse.
    #[must_use]
    pub fn lapsing(self) -> Self {
        self.configured(|config| {
            config.lapse = Some(Delay::exactly(config.commit.votes.max.saturating_mul(3)));
            config.retry = Delay::exactly(Duration::from_secs(1));
        })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) const fn fails(&self) -> bool {
        self.fails
    }

    pub(super) fn lapses(&self) -> bool {
        self.config.lapse.is_some()
    }

    pub(super) const fn refuses(&self) -> bool {
        self.refuses
    }

    fn member(&self, me: NodeId) -> Member {
        Member { me, config: Arc::clone(&self.config) }
    }

    /// What the coordinator's application and operator may ask.
    fn of_coordinator(
        &self,
        machine: &Coordinator<Work>,
        history: &History,
        requests: &mut Vec<coordinator::Request<Work>>,
    ) {
        let id = RequestId(0);
        if history.activities.len() < self.activities {
            let branches = (1..=self.services).map(|service| (NodeId(service), ())).collect();
            requests.push(coordinator::Request::Begin { id, branches });
        }
        if self.operates {
            for (tx, phase) in machine.activities() {
                if matches!(phase, coordinator::Phase::Decided(_)) {
                    let write_off = |service| coordinator::Request::WriteOff { id, tx, service };
                    requests.extend(machine.awaited(tx).map(write_off));
                }
            }
        }
    }

    /// What a service's application and operator may say.
    fn of_service(
        &self,
        machine: &Service<Work>,
        tx: TxId,
        branch: &Branch,
        requests: &mut Vec<service::Request>,
    ) {
        if branch.asked {
            requests.push(service::Request::Reserved { tx });
            if self.refuses {
                requests.push(service::Request::NotReserved { tx });
            }
        }
        let stuck = machine.is_stuck(tx);
        match branch.told {
            Told::ToDo(_) => {
                requests.push(service::Request::Done { tx });
                if self.fails {
                    requests.push(service::Request::Failed { tx });
                }
            }
            Told::Failed(_) if stuck && self.operates => {
                requests.push(service::Request::Done { tx });
                requests.push(service::Request::Retry { tx });
                requests.push(service::Request::GiveUp { tx });
            }
            Told::Nothing | Told::Done(_) if branch.damaged => requests.push(service::Request::Done { tx }),
            _ => {}
        }
        let over = matches!(machine.phase(tx), None | Some(Phase::Ended(_) | Phase::Forgotten));
        if branch.held == Held::Perhaps && over && !branch.found {
            requests.push(service::Request::Found { tx });
        }
    }
}

impl Spec for TccSpec {
    type Machine = Site;
    type History = History;

    fn nodes(&self) -> usize {
        usize::try_from(self.services.saturating_add(1)).unwrap_or(usize::MAX)
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<Site, Corrupt> {
        let member = self.member(node);
        let kind = if node == NodeId(0) { Either::Left(member) } else { Either::Right(member) };
        Site::recover(kind, disk, applied)
    }

    fn agrees(&self, machine: &Site, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<RequestOfSite>) {
        let Some(machine) = world.node(node).map(|node| &node.machine) else { return };
        match machine {
            Either::Left(machine) => {
                let mut asked = Vec::new();
                self.of_coordinator(machine, world.history(), &mut asked);
                requests.extend(asked.into_iter().map(Either::Left));
            }
            Either::Right(machine) => {
                let mut asked = Vec::new();
                for (tx, _, branch) in world.history().branches(node) {
                    self.of_service(machine, tx, branch, &mut asked);
                }
                requests.extend(asked.into_iter().map(Either::Right));
            }
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds::from([("services", Some(self.services)), ("activities", Some(self.activities as u64))])
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut History) -> Result<(), &'static str> {
        properties::observe(seen, history)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }

    fn leads_to(&self) -> Vec<LeadsTo<Self>> {
        liveness::all()
    }

    fn fairness(&self, action: &ActionOf<Self>) -> Fairness {
        liveness::fairness(action)
    }

    fn sees_faults(&self) -> bool {
        false
    }

    /// What is durable is only ever asked for by a recovery, and a crash may come before or after; what drops
    /// entries shows.
    fn quiet(&self, record: &RecordOf<Site>) -> bool {
        matches!(record, Record::Put { .. } | Record::Append { .. })
    }

    /// An answer about an activity that is over for good at its coordinator, and on its disk.
    fn inert(&self, receiver: &Frozen<Self>, _from: NodeId, message: &Message<Work>) -> bool {
        let Either::Left(coordinator) = &receiver.machine else { return false };
        let says_nothing = match message {
            Message::Tried { .. } | Message::Done { took: None, .. } | Message::Stuck { .. } => true,
            _ => return false,
        };
        says_nothing && coordinator.phase(message.tx()).is_none() && receiver.records().next().is_none()
    }

    fn vocabulary(&self) -> Vocabulary {
        coverage::VOCABULARY
    }

    fn phase(&self, machine: &Site) -> &'static str {
        coverage::phase(machine)
    }

    fn input(&self, before: &Site, event: &Event<'_, Self>) -> &'static str {
        coverage::input(before, event)
    }

    fn outcome(&self, notice: &NoticeOfSite) -> Option<&'static str> {
        coverage::outcome(notice)
    }

    fn band(&self, machine: &Site) -> Option<Band> {
        let (label, hue) = match coverage::phase(machine) {
            coverage::TRYING => ("trying", 45),
            coverage::CONFIRMING => ("confirming", 145),
            coverage::CANCELLING => ("cancelling", 5),
            coverage::ASKED => ("asked", 55),
            coverage::RESERVED => ("reserved", 215),
            coverage::LAPSED => ("lapsed", 300),
            coverage::TOLD => ("carrying out", 145),
            _ => return None,
        };
        Some(Band { label: label.to_owned(), hue })
    }

    fn summary(&self, machine: &Site) -> String {
        match machine {
            Either::Left(coordinator) => {
                let told = coordinator.activities().map(|(tx, phase)| match phase {
                    coordinator::Phase::Decided(Outcome::Commit) => format!("{}: confirming", tx.number),
                    coordinator::Phase::Decided(Outcome::Abort) => format!("{}: cancelling", tx.number),
                    _ => format!("{}: trying", tx.number),
                });
                told.collect::<Vec<_>>().join(", ")
            }
            Either::Right(service) => {
                let told = service.activities().map(|(tx, phase)| format!("{}: {phase:?}", tx.number));
                told.collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// What an application asks of a node of either kind.
pub(super) type RequestOfSite = Either<coordinator::Request<Work>, service::Request>;
/// What it is told.
pub(super) type NoticeOfSite = Notice<coordinator::Notice, service::Notice<Work>>;
