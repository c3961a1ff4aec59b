//! Participants in a world: the sagas that they run, their configurations and bounds.

use std::sync::Arc;

use quorate::durable::{Corrupt, Record, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::machine::RecordOf;
use quorate::saga::choreography::{Config, Entry, Event as Fact, Notice, Participant, Request};
use quorate::saga::{Cause, Definition, SagaId};

use super::application::{self, Menu};
use super::{History, Plan, coverage, liveness, observe, properties, relative, render};
use crate::check::Bounds;
use crate::coverage::Vocabulary;
use crate::liveness::{Fairness, LeadsTo};
use crate::node::{ImageOf, Node};
use crate::spec::{Event, Property, Seen, Shown, Spec};
use crate::world::{ActionOf, World};

/// The cluster under check.
const CLUSTER: ClusterId = ClusterId(1);

/// Participants with sagas, and what they are asked.
#[derive(Clone, Debug)]
pub struct ChoreographySpec {
    plans: Vec<Plan>,
    definitions: Vec<Definition>,
    configs: Vec<Arc<Config>>,
    menu: Menu,
    expect: &'static [Expect],
    /// Whether logs are written anew, so that worlds differ by what is durable and not by how it came about.
    anew: bool,
}

/// What a world must come to, or its check is vacuous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Completed,
    Compensated,
    TooLate,
    InTime,
    Stuck,
    Over,
}

impl ChoreographySpec {
    /// So many participants of sagas of these plans, in turn. None where one does not stand: a world of it has no
    /// nodes.
    #[must_use]
    pub fn new(nodes: u64, plans: Vec<Plan>) -> Self {
        let defined = plans.iter().enumerate().map(|(place, plan)| plan.define(place, 1));
        let definitions = defined.collect::<Result<Vec<_>, _>>().unwrap_or_default();
        let nodes = if definitions.is_empty() { 0 } else { nodes };
        let config =
            |me| Arc::new(Config::new(CLUSTER, me, (0..nodes).map(NodeId), definitions.iter().cloned()));
        let configs = (0..nodes).map(|me| config(NodeId(me))).collect();
        let menu = Menu { sagas: 1, initiators: 1, ..Menu::default() };
        Self { plans, definitions, configs, menu, expect: &[], anew: false }
    }

    /// With another configuration of each participant.
    #[must_use]
    pub fn configured(mut self, mut change: impl FnMut(&mut Config)) -> Self {
        self.configs.iter_mut().for_each(|config| change(Arc::make_mut(config)));
        self
    }

    /// With these requests.
    #[must_use]
    pub fn asked(mut self, menu: Menu) -> Self {
        self.menu = menu;
        self
    }

    /// Over logs that are written anew (`relative.rs`).
    pub(super) const fn over_new_logs(mut self) -> Self {
        self.anew = true;
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
        self.configs.first().map(|config| &**config)
    }

    /// The definition of a saga: they take turns.
    #[must_use]
    pub fn definition(&self, saga: SagaId) -> Option<&Definition> {
        let turn = saga.0.saturating_sub(1).checked_rem(self.definitions.len() as u64)?;
        usize::try_from(turn).ok().and_then(|at| self.definitions.get(at))
    }
}

impl Spec for ChoreographySpec {
    type Machine = Participant<()>;
    type History = History;

    fn nodes(&self) -> usize {
        self.configs.len()
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<Participant<()>, Corrupt> {
        let config = usize::try_from(node.0).ok().and_then(|at| self.configs.get(at));
        Participant::recover(config.cloned().ok_or(Corrupt::Config("there is no such node"))?, disk, applied)
    }

    fn agrees(&self, machine: &Participant<()>, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<Request<()>>) {
        application::requests(self, world, node, requests);
    }

    fn exceeds(&self, machine: &Participant<()>) -> Option<&'static str> {
        let timed_out = machine.sagas().any(|(_, saga)| {
            saga.tries.iter().any(|tries| *tries > 0)
                || !saga.stuck.is_empty()
                || matches!(saga.facts.cause, Some(Cause::Exhausted(_)))
        });
        (!self.menu.timeouts && timed_out).then_some("timeouts")
    }

    fn bounds(&self) -> Bounds {
        let most = |of: fn(&super::PlanStep) -> u16| {
            self.plans.iter().flat_map(|plan| &plan.steps).map(of).max().map(u64::from)
        };
        Bounds::from([
            ("sagas", Some(self.menu.sagas.saturating_mul(self.menu.initiators))),
            ("timeouts", (!self.menu.timeouts).then_some(0)),
            ("attempts", most(|step| step.attempts.0)),
            ("undo_attempts", most(|step| step.attempts.1)),
            ("resolutions", Some(self.menu.resolutions).filter(|most| *most < u64::MAX)),
        ])
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut History) -> Result<(), &'static str> {
        observe::observe(self, seen, history)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }

    fn leads_to(&self) -> Vec<LeadsTo<Self>> {
        liveness::all(self)
    }

    fn fairness(&self, action: &ActionOf<Self>) -> Fairness {
        liveness::fairness(action)
    }

    fn sees_faults(&self) -> bool {
        false
    }

    /// What becomes of a step shows where it is written down, for a property compares that with what its application
    /// said by then; and a saga's first entry, from which on there is one. All else only helps: no property asks for its
    /// absence.
    fn quiet(&self, record: &RecordOf<Participant<()>>) -> bool {
        match record {
            Record::Append { entry: Entry::Event { event, .. }, .. } => matches!(
                event,
                Fact::Learned(_)
                    | Fact::Wished(_)
                    | Fact::Tried(..)
                    | Fact::Stuck(_)
                    | Fact::Unstuck(_)
                    | Fact::Noted
            ),
            _ => false,
        }
    }

    /// Where that pays, or a log would grow for ever: see `relative.rs`.
    fn relative(&self, id: NodeId, node: &Node<Self>, history: &History) -> Option<(Node<Self>, History)> {
        if !self.anew {
            return None;
        }
        relative::relative(id, node).map(|node| (node, history.clone()))
    }

    fn vocabulary(&self) -> Vocabulary {
        coverage::VOCABULARY
    }

    fn phase(&self, machine: &Participant<()>) -> &'static str {
        coverage::phase(machine)
    }

    fn input(&self, before: &Participant<()>, event: &Event<'_, Self>) -> &'static str {
        coverage::input(before, event)
    }

    fn outcome(&self, notice: &Notice<()>) -> Option<&'static str> {
        coverage::outcome(notice)
    }

    fn summary(&self, machine: &Participant<()>) -> String {
        render::summary(machine)
    }

    fn show(&self, shown: &Shown<'_, Self>) -> String {
        render::shown(shown)
    }
}
