//! The world: nodes behind their ledgers, a network, disks, and the faults it may suffer.

mod act;
mod moves;
mod offer;
mod passage;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quorate::id::{NodeId, Permutation, Permute};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::check::{Bounds, Kind, Reductions};
use crate::coverage::Coverage;
use crate::hash::fingerprint;
use crate::network::{Envelope, Network};
use crate::node::{Frozen, MISFIT, UNRECOVERABLE};
use crate::past::Past;
use crate::spec::{Claim, Event, MessageOf, Premise, Property, RequestOf, Spec, TimerOf};
use crate::stripes::Stripes;
use crate::symmetry::Renamed;

pub use moves::{Lost, Move};
pub use offer::Withheld;
use passage::Memory;
pub(crate) use passage::{Passage, Sent};

/// How many nodes are kept without allocating.
const INLINE_NODES: usize = 5;

/// The property that says: no step panics.
pub const TOTAL: &str = "every step is total";
/// The property that says: only machines that say so make choices.
pub const UNANNOUNCED: &str = "choices are announced";
/// What is claimed of every world, whatever the protocol.
pub const COMMON: [&str; 4] = [TOTAL, UNANNOUNCED, UNRECOVERABLE, MISFIT];

/// [`COMMON`], with what each of them speaks of.
fn common<S: Spec>() -> Vec<Property<S>> {
    let premises: [Premise<S>; 4] = [
        |_, _| true,
        |_, _| true,
        |seen, _| matches!(seen.event, Event::Recovered) && !seen.frozen.disk().is_empty(),
        |seen, _| !seen.durable.is_empty(),
    ];
    COMMON.iter().zip(premises).map(|(name, premise)| Property::observed(name).given(premise)).collect()
}

/// The answers to the choices of one step.
pub type Script = SmallVec<[u32; 2]>;

/// What can happen next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "renderers and reducers handle all of them")]
pub enum Action<M, T, R> {
    /// A message arrives, and is in flight no more.
    Deliver(Envelope<M>, Script),
    /// A message arrives, and stays in flight.
    Duplicate(Envelope<M>, Script),
    /// A message is lost.
    Drop(Envelope<M>),
    /// A timer that is set expires, whenever it may be due.
    Fire(NodeId, T, Script),
    /// The application asks for something.
    Request(NodeId, R, Script),
    /// The next record becomes durable, and what waited for it alone leaves.
    Flush(NodeId),
    /// The node takes the first input that its driver owes it.
    Inbox(NodeId, Script),
    /// The node crashes after so many of its held effects happened, and comes back with what its disk holds.
    Crash(NodeId, usize, Script),
    /// The node's clock moves by so many nanoseconds.
    Tick(NodeId, i64),
}

/// The actions of a protocol.
pub type ActionOf<S> = Action<MessageOf<S>, TimerOf<S>, RequestOf<S>>;

impl<M, T, R> Action<M, T, R> {
    /// The node that goes through something by it; none where a message is lost.
    #[must_use]
    pub const fn node(&self) -> Option<NodeId> {
        match self {
            Self::Deliver(envelope, _) | Self::Duplicate(envelope, _) => Some(envelope.to),
            Self::Fire(node, ..)
            | Self::Request(node, ..)
            | Self::Flush(node)
            | Self::Inbox(node, _)
            | Self::Crash(node, ..)
            | Self::Tick(node, _) => Some(*node),
            Self::Drop(_) => None,
        }
    }

    /// The choices of the step that it makes a machine take.
    pub(crate) const fn script_mut(&mut self) -> Option<&mut Script> {
        match self {
            Self::Deliver(_, script)
            | Self::Duplicate(_, script)
            | Self::Fire(_, _, script)
            | Self::Request(_, _, script)
            | Self::Inbox(_, script)
            | Self::Crash(_, _, script) => Some(script),
            Self::Drop(_) | Self::Flush(_) | Self::Tick(..) => None,
        }
    }
}

impl<M: Permute, T, R: Permute> Permute for Action<M, T, R> {
    fn permute(&mut self, by: &Permutation<'_>) {
        match self {
            Self::Deliver(envelope, _) | Self::Duplicate(envelope, _) | Self::Drop(envelope) => {
                envelope.permute(by);
            }
            Self::Request(node, request, _) => {
                node.permute(by);
                request.permute(by);
            }
            Self::Fire(node, ..)
            | Self::Flush(node)
            | Self::Inbox(node, _)
            | Self::Crash(node, ..)
            | Self::Tick(node, _) => node.permute(by),
        }
    }
}

/// How much of each fault there may be; `None` is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "written out by protocols, with a default for the rest")]
pub struct Limits {
    /// Messages in flight at once, those still held back by a ledger included. A step that would send more
    /// is withheld until something was delivered or lost, so this is at least the widest broadcast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u64>,
    /// Messages that arrive and stay in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<u64>,
    /// Requests of applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crashes: Option<u64>,
    /// Movements of clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticks: Option<u64>,
    /// How far apart two clocks may be, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<u64>,
}

impl Limits {
    /// So many messages in flight, crashes and duplicates, and any number of all else.
    #[must_use]
    pub fn faults(in_flight: u64, crashes: u64, duplicates: u64) -> Self {
        Self {
            in_flight: Some(in_flight),
            crashes: Some(crashes),
            duplicates: Some(duplicates),
            ..Self::default()
        }
    }

    /// These limits, with those of `others` that are set in the place of their own.
    #[must_use]
    pub fn replaced_by(self, others: &Self) -> Self {
        Self {
            in_flight: others.in_flight.or(self.in_flight),
            duplicates: others.duplicates.or(self.duplicates),
            requests: others.requests.or(self.requests),
            crashes: others.crashes.or(self.crashes),
            ticks: others.ticks.or(self.ticks),
            drift: others.drift.or(self.drift),
        }
    }

    /// Whether none is set, so that they replace none.
    pub(crate) fn replace_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Sets the limit of that name; `false` if there is none.
    pub fn set(&mut self, name: &str, most: u64) -> bool {
        let limit = match name {
            "in_flight" => &mut self.in_flight,
            "duplicates" => &mut self.duplicates,
            "requests" => &mut self.requests,
            "crashes" => &mut self.crashes,
            "ticks" => &mut self.ticks,
            "drift" => &mut self.drift,
            _ => return false,
        };
        *limit = Some(most);
        true
    }

    /// By name, for the report.
    #[must_use]
    pub fn named(&self) -> Bounds {
        Bounds::from([
            ("in_flight", self.in_flight),
            ("duplicates", self.duplicates),
            ("requests", self.requests),
            ("crashes", self.crashes),
            ("ticks", self.ticks),
            ("drift", self.drift),
        ])
    }
}

/// How much of each budget is spent; what has no limit is not counted, or worlds would never meet again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a plain record of numbers")]
pub struct Spent {
    /// Messages that arrived and stayed in flight.
    pub duplicates: u64,
    /// Requests of applications.
    pub requests: u64,
    /// Crashes.
    pub crashes: u64,
    /// Movements of clocks.
    pub ticks: u64,
}

/// A world: everything that the next action and the properties depend on, and no more.
pub struct World<S: Spec> {
    pub(crate) nodes: SmallVec<[Arc<Frozen<S>>; INLINE_NODES]>,
    pub(crate) network: Network<MessageOf<S>>,
    pub(crate) spent: Spent,
    pub(crate) past: Arc<Past<S::History>>,
    pub(crate) broken: Option<&'static str>,
    /// The node that took a step of which nobody has heard, where an exploration has it finish (`moves.rs` says why).
    pub(crate) silent: Option<NodeId>,
}

impl<S: Spec> World<S> {
    /// The nodes; `NodeId(i)` is the one at `i`.
    #[must_use]
    pub fn nodes(&self) -> &[Arc<Frozen<S>>] {
        &self.nodes
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Frozen<S>> {
        self.nodes.get(slot(id)).map(|node| &**node)
    }

    /// The machines, in the order of their names.
    #[must_use]
    pub fn machines(&self) -> impl ExactSizeIterator<Item = &S::Machine> {
        self.nodes.iter().map(|node| &node.machine)
    }

    /// The messages in flight.
    #[must_use]
    pub const fn network(&self) -> &Network<MessageOf<S>> {
        &self.network
    }

    /// What was spent of the budgets.
    #[must_use]
    pub const fn spent(&self) -> &Spent {
        &self.spent
    }

    /// What the properties remember.
    #[must_use]
    pub fn history(&self) -> &S::History {
        &self.past
    }

    /// The property that an event on the way here violated.
    #[must_use]
    pub const fn broken(&self) -> Option<&'static str> {
        self.broken
    }

    /// Messages in flight, those that a ledger still holds back included.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.network.len() + self.nodes.iter().map(|node| node.held_sends()).sum::<usize>()
    }

    /// 64 bits of the whole world.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        fingerprint(self)
    }

    /// 64 bits of what worlds have in common that differ only by how many faults were spent.
    #[must_use]
    pub fn fingerprint_but_faults(&self) -> u64 {
        fingerprint(&ButFaults(self))
    }

    /// The ids of all nodes.
    #[must_use]
    pub fn ids(&self) -> impl ExactSizeIterator<Item = NodeId> + use<S> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(|id| NodeId(u64::from(id)))
    }
}

/// The place of a node.
pub(crate) fn slot(id: NodeId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

impl<S: Spec> Clone for World<S> {
    fn clone(&self) -> Self {
        Self {
            nodes: self.nodes.clone(),
            network: self.network.clone(),
            spent: self.spent,
            past: Arc::clone(&self.past),
            broken: self.broken,
            silent: self.silent,
        }
    }
}

impl<S: Spec> PartialEq for World<S> {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
            && self.network == other.network
            && self.spent == other.spent
            && self.past == other.past
            && self.broken == other.broken
            && self.silent == other.silent
    }
}

impl<S: Spec> Eq for World<S> {}

impl<S: Spec> Hash for World<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        ButFaults(self).hash(state);
        let Spent { duplicates, crashes, ticks, requests: _ } = self.spent;
        (duplicates, crashes, ticks).hash(state);
    }
}

/// All of a world but how many faults were spent.
struct ButFaults<'a, S: Spec>(&'a World<S>);

impl<S: Spec> Hash for ButFaults<'_, S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let World { nodes, network, spent, past, broken, silent } = self.0;
        state.write_usize(nodes.len());
        for node in nodes {
            state.write_u64(node.fingerprint());
        }
        network.hash(state);
        spent.requests.hash(state);
        state.write_u64(past.fingerprint());
        (broken, silent).hash(state);
    }
}

impl<S: Spec> fmt::Debug for World<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("World");
        for (id, node) in self.ids().zip(&self.nodes) {
            out.field(&id.to_string(), &**node);
        }
        out.field("network", &self.network.iter().collect::<Vec<_>>());
        out.field("spent", &self.spent).field("history", &self.past);
        out.field("broken", &self.broken).finish()
    }
}

/// Why an action does not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the two reasons there are")]
pub enum Refused {
    /// A bound of this name withholds it.
    Bound(&'static str),
    /// It makes no sense here: the message is not in flight, the timer is not set.
    Impossible,
}

/// A protocol with limits: what can happen, what comes of it, and what must hold.
pub struct Rules<S: Spec> {
    spec: S,
    limits: Limits,
    properties: Vec<Property<S>>,
    symmetric: bool,
    inert: bool,
    late_losses: bool,
    late_flushes: bool,
    prompt: bool,
    layers: bool,
    simulating: bool,
    pub(crate) renamed: Stripes<Renamed<S>>,
    memory: Stripes<Memory<S>>,
}

impl<S: Spec> Rules<S> {
    /// The rules of `spec` within `limits`.
    #[must_use]
    pub fn new(spec: S, limits: Limits) -> Self {
        let mut properties = common();
        properties.extend(spec.properties());
        let (symmetric, late_losses) = (spec.symmetric(), !spec.sees_faults());
        Self {
            spec,
            limits,
            properties,
            symmetric,
            inert: true,
            late_losses,
            late_flushes: true,
            prompt: true,
            layers: late_losses,
            simulating: false,
            renamed: Stripes::default(),
            memory: Stripes::default(),
        }
    }

    /// The same rules, telling apart worlds that differ only by the names of their nodes.
    #[must_use]
    pub fn without_symmetry(self) -> Self {
        Self { symmetric: false, ..self }
    }

    /// The same rules, keeping messages in flight that can change nothing any more ([`Spec::inert`]).
    #[must_use]
    pub fn without_inert(self) -> Self {
        Self { inert: false, ..self }
    }

    /// The same rules, exploring every loss at every moment ([`Spec::sees_faults`]).
    #[must_use]
    pub fn with_early_losses(self) -> Self {
        Self { late_losses: false, ..self }
    }

    /// The same rules, exploring every record's becoming durable by itself ([`Spec::quiet`]).
    #[must_use]
    pub fn with_early_flushes(self) -> Self {
        Self { late_flushes: false, ..self }
    }

    /// The same rules, going on while a node waits for its disk ([`Spec::prompt`]).
    #[must_use]
    pub fn without_prompt(self) -> Self {
        Self { prompt: false, ..self }
    }

    /// The same rules, visiting a world again for every way to have spent the budgets on the way there
    /// ([`Spec::sees_faults`]).
    #[must_use]
    pub fn without_layers(self) -> Self {
        Self { layers: false, ..self }
    }

    /// Whether of worlds that differ only in what was spent of budgets for faults the one with less spent is enough.
    pub(crate) const fn in_layers(&self) -> bool {
        self.layers
    }

    /// The same rules, leaving out no more than `reductions` say.
    #[must_use]
    pub fn reduced_by(self, reductions: Reductions) -> Self {
        let rules = if reductions.symmetry { self } else { self.without_symmetry() };
        let rules = if reductions.inert { rules } else { rules.without_inert() };
        let rules = if reductions.late_losses { rules } else { rules.with_early_losses() };
        let rules = if reductions.late_flushes { rules } else { rules.with_early_flushes() };
        if reductions.layers { rules } else { rules.without_layers() }
    }

    /// The same rules for one long run, rather than for all the short ones: nodes keep their names, what can
    /// change nothing stays in flight, nothing is put in terms relative to the present, clocks move by any number
    /// of nanoseconds, and nothing is remembered under fingerprints, since no world comes twice.
    #[must_use]
    pub fn simulating(self) -> Self {
        Self {
            symmetric: false,
            inert: false,
            late_losses: false,
            late_flushes: false,
            layers: false,
            simulating: true,
            ..self
        }
    }

    /// The protocol.
    #[must_use]
    pub const fn spec(&self) -> &S {
        &self.spec
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether worlds that differ only by the names of their nodes are one.
    #[must_use]
    pub const fn symmetric(&self) -> bool {
        self.symmetric
    }

    /// What is claimed: what every world must keep, then the protocol's own.
    #[must_use]
    pub fn properties(&self) -> &[Property<S>] {
        &self.properties
    }

    /// The premises of properties, a bit each in the order of the properties; those past the sixty-fourth are not told.
    fn premises(&self) -> impl Iterator<Item = (u64, Premise<S>)> + '_ {
        let bits = (0..u64::BITS).map(|bit| 1 << bit);
        bits.zip(&self.properties).filter_map(|(bit, property)| Some((bit, property.premise?)))
    }

    /// What was met so far, by all that these rules were applied to.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::new(self.spec.vocabulary());
        if coverage.is_told() {
            self.memory.all().for_each(|memory| memory.tally.tell(&mut coverage));
        }
        coverage
    }

    /// Whether the premise of the property at this place was met so far; nothing if it names none.
    #[must_use]
    pub fn met(&self, place: usize) -> Option<bool> {
        self.properties.get(place)?.premise?;
        let bit = u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place))?;
        Some(self.memory.all().any(|memory| memory.tally.premises & bit != 0))
    }

    /// Whether `world` violates this property.
    #[must_use]
    pub fn violates(&self, property: &Property<S>, world: &World<S>) -> bool {
        match property.claim {
            _ if property.kind != Kind::Always => false,
            Claim::Observed => world.broken == Some(property.name),
            Claim::State(holds) => !holds(world) || world.broken == Some(property.name),
        }
    }

    /// The first property that `world` violates.
    #[must_use]
    pub fn violated(&self, world: &World<S>) -> Option<&'static str> {
        if let Some(broken) = world.broken {
            return Some(broken);
        }
        self.properties.iter().find(|property| self.violates(property, world)).map(|property| property.name)
    }
}
