//! Sagas in a world: an orchestrator, its services, their configurations and bounds.

use std::sync::Arc;

use quorate::durable::{Corrupt, Record, Recover};
use quorate::either::{Either, Notice};
use quorate::id::{ClusterId, NodeId};
use quorate::machine::RecordOf;
use quorate::saga::{Config, Definition, EPOCH, Epoch, Message, SagaId, service};

use super::application::{self, Asked, Menu};
use super::{History, Input, Nodes, ORCHESTRATOR, Plan, coverage, liveness, properties, relative, render};
use crate::check::Bounds;
use crate::coverage::Vocabulary;
use crate::liveness::{Fairness, LeadsTo};
use crate::node::{Frozen, ImageOf, Node};
use crate::spec::{Band, Event, Property, Seen, Shown, Spec};
use crate::world::{ActionOf, World};

/// The cluster under check.
const CLUSTER: ClusterId = ClusterId(1);

/// An orchestrator with definitions, so many services, and what they are asked.
#[derive(Clone, Debug)]
pub struct SagaSpec {
    plans: Vec<Plan>,
    definitions: Vec<Definition>,
    /// The configuration of each life of the orchestrator; the last is that of all later ones.
    lives: Vec<Arc<Config>>,
    /// The configuration of each service.
    guards: Vec<Arc<service::Config>>,
    menu: Menu,
    expect: &'static [Expect],
    /// Whether answers of earlier lives stay in flight.
    late: bool,
}

/// What a world must come to, or its check is vacuous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Completed,
    Compensated,
    Stuck,
    BackFromPivot,
    Shelved,
    LaterLife,
    Tombstone,
    Forgotten,
}

impl SagaSpec {
    /// Sagas of these plans, in turn. None where one does not stand: a world of it has no nodes.
    #[must_use]
    pub fn new(plans: Vec<Plan>) -> Self {
        let defined = plans.iter().enumerate().map(|(place, plan)| plan.define(place, 1));
        let definitions = defined.collect::<Result<Vec<_>, _>>().unwrap_or_default();
        Self::of(plans, definitions)
    }

    /// One plan as a subsaga before another.
    #[must_use]
    pub fn joined(first: &Plan, second: &Plan) -> Self {
        match first.joined(second) {
            Ok((plan, definition)) => Self::of(vec![plan], vec![definition]),
            Err(_) => Self::of(Vec::new(), Vec::new()),
        }
    }

    fn of(plans: Vec<Plan>, definitions: Vec<Definition>) -> Self {
        let services = plans.iter().flat_map(|plan| &plan.steps).map(|step| step.service).max().unwrap_or(0);
        let config = Config::new(CLUSTER, ORCHESTRATOR, definitions.iter().cloned());
        let guards = (1..=services).map(|node| Arc::new(service::Config::new(CLUSTER, NodeId(node))));
        Self {
            plans,
            definitions,
            lives: vec![Arc::new(config)],
            guards: guards.collect(),
            menu: Menu { sagas: 1, ..Menu::default() },
            expect: &[],
            late: false,
        }
    }

    /// With another configuration of the orchestrator.
    #[must_use]
    pub fn configured(mut self, mut change: impl FnMut(&mut Config)) -> Self {
        self.lives.iter_mut().for_each(|config| change(Arc::make_mut(config)));
        self
    }

    /// With another configuration of each service.
    #[must_use]
    pub fn guarded(mut self, mut change: impl FnMut(&mut service::Config)) -> Self {
        self.guards.iter_mut().for_each(|config| change(Arc::make_mut(config)));
        self
    }

    /// With definitions that change from one life to the next: each entry is those of one life.
    #[must_use]
    pub fn deployed(mut self, lives: &[Vec<Definition>]) -> Self {
        let Some(first) = self.lives.first().cloned() else { return self };
        let of = |definitions: &Vec<Definition>| {
            let mut config = (*first).clone();
            config.definitions.clone_from(definitions);
            Arc::new(config)
        };
        self.lives = lives.iter().map(of).collect();
        self
    }

    /// With these requests.
    #[must_use]
    pub fn asked(mut self, menu: Menu) -> Self {
        self.menu = menu;
        self
    }

    /// With answers left in flight that a correct orchestrator does nothing with.
    #[must_use]
    pub const fn with_late_answers(mut self) -> Self {
        self.late = true;
        self
    }

    pub(super) const fn expecting(mut self, expect: &'static [Expect]) -> Self {
        self.expect = expect;
        self
    }

    pub(super) const fn expect(&self) -> &'static [Expect] {
        self.expect
    }

    pub(super) const fn menu(&self) -> &Menu {
        &self.menu
    }

    pub(super) fn plans(&self) -> &[Plan] {
        &self.plans
    }

    pub(super) fn config(&self) -> Option<&Config> {
        self.lives.first().map(|config| &**config)
    }

    pub(super) fn guard(&self) -> Option<&service::Config> {
        self.guards.first().map(|config| &**config)
    }

    /// The definition of a saga: they take turns.
    #[must_use]
    pub fn definition(&self, saga: SagaId) -> Option<&Definition> {
        let turn = saga.0.saturating_sub(1).checked_rem(self.definitions.len() as u64)?;
        usize::try_from(turn).ok().and_then(|at| self.definitions.get(at))
    }

    /// The configuration of the life that comes after this epoch.
    fn life(&self, epoch: u64) -> Option<Arc<Config>> {
        let at = usize::try_from(epoch).unwrap_or(usize::MAX).min(self.lives.len().saturating_sub(1));
        self.lives.get(at).cloned()
    }
}

impl Spec for SagaSpec {
    type Machine = Nodes;
    type History = History;

    fn nodes(&self) -> usize {
        if self.definitions.is_empty() { 0 } else { 1 + self.guards.len() }
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<Nodes, Corrupt> {
        let config = if node == ORCHESTRATOR {
            let epoch = match disk.get(EPOCH) {
                Some(Either::Left(quorate::saga::Cell::Epoch(epoch))) => *epoch,
                _ => Epoch(0),
            };
            self.life(epoch.0).map(Either::Left)
        } else {
            let guard = usize::try_from(node.0).ok().and_then(|at| self.guards.get(at.checked_sub(1)?));
            guard.cloned().map(Either::Right)
        };
        Nodes::recover(config.ok_or(Corrupt::Config("there is no such node"))?, disk, applied)
    }

    fn agrees(&self, machine: &Nodes, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<Asked>) {
        application::requests(self, world, node, requests);
    }

    fn bounds(&self) -> Bounds {
        let menu = &self.menu;
        let most = |of: fn(&super::PlanStep) -> u16| {
            let steps = self.plans.iter().flat_map(|plan| &plan.steps);
            steps.map(of).max().map(u64::from)
        };
        Bounds::from([
            ("sagas", Some(menu.sagas)),
            ("attempts", most(|step| step.attempts.0)),
            ("undo_attempts", most(|step| step.attempts.1)),
            ("resolutions", Some(menu.resolutions).filter(|most| *most < u64::MAX)),
        ])
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut History) -> Result<(), &'static str> {
        properties::observe(self, seen, history)
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

    /// Answers of earlier lives: the orchestrator's disk is past their epoch, and epochs never go back.
    fn inert(&self, receiver: &Frozen<Self>, _from: NodeId, message: &Message<Input>) -> bool {
        if self.late {
            return false;
        }
        match (message, receiver.disk().get(EPOCH)) {
            (Message::Answer(answer), Some(Either::Left(quorate::saga::Cell::Epoch(epoch)))) => {
                answer.epoch < *epoch
            }
            _ => false,
        }
    }

    fn sees_faults(&self) -> bool {
        false
    }

    /// What is durable of a saga or a key only ever helps: no property asks for its absence. A head that is dropped
    /// takes something away.
    fn quiet(&self, record: &RecordOf<Nodes>) -> bool {
        matches!(record, Record::Put { .. } | Record::Append { .. })
    }

    /// Where no log is ever shortened: see `relative.rs`.
    fn relative(&self, id: NodeId, node: &Node<Self>, history: &History) -> Option<(Node<Self>, History)> {
        let short = |most: u64| most < 1 << 16;
        let shortened = self.lives.iter().any(|config| short(config.max_log_entries))
            || self.guards.iter().any(|config| short(config.max_log_entries));
        if shortened {
            return None;
        }
        relative::relative(id, node).map(|node| (node, history.clone()))
    }

    fn band(&self, machine: &Nodes) -> Option<Band> {
        render::band(machine)
    }

    fn vocabulary(&self) -> Vocabulary {
        coverage::VOCABULARY
    }

    fn phase(&self, machine: &Nodes) -> &'static str {
        coverage::phase(machine)
    }

    fn input(&self, before: &Nodes, event: &Event<'_, Self>) -> &'static str {
        coverage::input(before, event)
    }

    fn outcome(
        &self,
        notice: &Notice<quorate::saga::Notice<Input>, service::Notice<Input>>,
    ) -> Option<&'static str> {
        coverage::outcome(notice)
    }

    fn show(&self, shown: &Shown<'_, Self>) -> String {
        render::shown(shown)
    }

    fn summary(&self, machine: &Nodes) -> String {
        render::summary(machine)
    }
}
