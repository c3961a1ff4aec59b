//! Sites in a world: with timeouts that are right, and with timeouts that are not.

use quorate::commit::Outcome;
use quorate::durable::Corrupt;
use quorate::id::{NodeId, Permutation, Permute};
use quorate::ledger::Output;

use super::message::{Message, Notice, Phase, Request};
use super::site::{FIRST, KEPT, Site};
use crate::check::Bounds;
use crate::node::ImageOf;
use crate::spec::{Band, Event, Property, Seen, Shown, Spec};
use crate::world::World;

/// Whoever decides, decides alike.
pub const AGREEMENT: &str = "all sites decide alike";
/// Nothing is committed that a site has voted against.
pub const VALIDITY: &str = "nothing is committed against a vote";
/// As long as one site works, those that work decide: when nothing is left to happen, they have.
pub const NON_BLOCKING: &str = "no site that works is blocked";

/// So many sites, and what their timeouts are worth.
#[derive(Clone, Copy, Debug)]
pub struct ThreePhaseSpec {
    sites: u64,
    timeouts: Timeouts,
}

/// What a timeout means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the two sides of the assumption")]
pub enum Timeouts {
    /// Messages take no longer than some known time, and no link ever breaks: who is suspected has crashed, and all
    /// that it ever said has arrived. This is what the protocol assumes.
    Right,
    /// A message may be late, or a partition may keep it: anybody may be suspected at any time.
    Wrong,
}

/// What the properties remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// Whose application was asked to vote and has not, a bit each.
    pub asked: u64,
    /// Whether a site has said that it has committed.
    pub committed: bool,
    /// Whether a site has said that it has aborted.
    pub aborted: bool,
    /// Whether an application has voted no.
    pub against: bool,
}

impl Permute for History {
    fn permute(&mut self, _: &Permutation<'_>) {} // sites have ranks
}

impl ThreePhaseSpec {
    /// So many sites, one of which coordinates, and their timeouts.
    #[must_use]
    pub const fn new(sites: u64, timeouts: Timeouts) -> Self {
        Self { sites, timeouts }
    }

    /// Whether `site` may come to take `other` to have crashed.
    fn times_out(&self, world: &World<Self>, site: &Site, me: NodeId, other: NodeId) -> bool {
        if other == me || site.suspects(other) {
            return false;
        }
        match self.timeouts {
            Timeouts::Right => has_crashed(world, other) && !is_on_its_way(world, other, me),
            Timeouts::Wrong => site.phase() != Phase::Initial && !matches!(site.phase(), Phase::Decided(_)),
        }
    }
}

fn has_crashed(world: &World<ThreePhaseSpec>, site: NodeId) -> bool {
    world.node(site).is_some_and(|node| node.machine.has_crashed())
}

/// Whether something that a site said in its life is on its way to another one.
fn is_on_its_way(world: &World<ThreePhaseSpec>, from: NodeId, to: NodeId) -> bool {
    let of_its_life = |message| !matches!(message, Message::Inquire);
    world.network().iter().any(|it| it.from == from && it.to == to && of_its_life(it.message))
}

impl Spec for ThreePhaseSpec {
    type Machine = Site;
    type History = History;

    fn nodes(&self) -> usize {
        usize::try_from(self.sites).unwrap_or(usize::MAX)
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, _: u64) -> Result<Site, Corrupt> {
        Ok(Site::new(node, self.sites, disk.get(KEPT).copied()))
    }

    fn agrees(&self, machine: &Site, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        match disk.get(KEPT) {
            Some(kept) if *kept == machine.kept() => Ok(()),
            _ => Err("how far the site is"),
        }
    }

    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<Request>) {
        let Some(site) = world.node(node).map(|node| &node.machine).filter(|site| !site.has_crashed()) else {
            return;
        };
        if node == FIRST && site.phase() == Phase::Initial {
            requests.push(Request::Begin);
        }
        if world.history().asked & bit(node) != 0 {
            requests.extend([true, false].map(|yes| Request::Vote { yes }));
        }
        let others = (0..self.sites).map(NodeId).filter(|other| self.times_out(world, site, node, *other));
        requests.extend(others.map(|site| Request::Suspect { site }));
    }

    fn bounds(&self) -> Bounds {
        Bounds::from([("sites", Some(self.sites))])
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut History) -> Result<(), &'static str> {
        match seen.event {
            Event::Crashed => history.asked &= !bit(seen.node),
            Event::Asked(Request::Vote { yes }) => {
                history.asked &= !bit(seen.node);
                history.against |= !yes;
            }
            _ => {}
        }
        for output in seen.outputs {
            match output {
                Output::Notify(Notice::Asked) => history.asked |= bit(seen.node),
                Output::Notify(Notice::Decided { outcome: Outcome::Commit }) => history.committed = true,
                Output::Notify(Notice::Decided { outcome: Outcome::Abort }) => history.aborted = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let decides = |seen: &Seen<'_, Self>, _: &History| {
            seen.outputs.iter().any(|output| matches!(output, Output::Notify(Notice::Decided { .. })))
        };
        let mut all = vec![
            Property::always(AGREEMENT, |world: &World<Self>| {
                !(world.history().committed && world.history().aborted)
            })
            .given(decides),
            Property::always(VALIDITY, |world: &World<Self>| {
                !(world.history().committed && world.history().against)
            })
            .given(decides),
            Property::sometimes("it commits", |world: &World<Self>| world.history().committed),
        ];
        if self.timeouts == Timeouts::Right {
            all.push(
                Property::always(NON_BLOCKING, nobody_is_blocked)
                    .given(|seen, _| matches!(seen.event, Event::Asked(Request::Suspect { .. }))),
            );
            all.push(Property::sometimes("it commits although the coordinator has crashed", |world| {
                has_crashed(world, FIRST) && works(world).any(|site| site.phase() == COMMITTED)
            }));
            all.push(Property::sometimes("only one site works", |world| works(world).count() == 1));
        }
        all
    }

    /// The assumption of the protocol. Where timeouts are wrong nothing is lost either: that messages are late is enough.
    fn loses(&self) -> bool {
        false
    }

    fn band(&self, site: &Site) -> Option<Band> {
        let (label, hue) = match site.phase() {
            Phase::Initial => return None,
            Phase::Wait => ("uncertain", 45),
            Phase::PreCommitted => ("committable", 215),
            COMMITTED => ("committed", 145),
            Phase::Decided(Outcome::Abort) => ("aborted", 5),
        };
        Some(Band { label: label.to_owned(), hue })
    }

    fn summary(&self, site: &Site) -> String {
        let phase = match site.phase() {
            Phase::Initial => "not voted",
            Phase::Wait => "uncertain",
            Phase::PreCommitted => "committable",
            COMMITTED => "committed",
            Phase::Decided(Outcome::Abort) => "aborted",
        };
        format!("{phase}{}", if site.has_crashed() { ", has crashed" } else { "" })
    }

    fn show(&self, shown: &Shown<'_, Self>) -> String {
        match shown {
            Shown::Message(Message::VoteRequest) => "vote?".to_owned(),
            Shown::Message(Message::Vote { yes: true }) => "yes".to_owned(),
            Shown::Message(Message::Vote { yes: false }) => "no".to_owned(),
            Shown::Message(Message::PreCommit) => "pre-commit".to_owned(),
            Shown::Message(Message::Acknowledge) => "acknowledged".to_owned(),
            Shown::Message(Message::Decision { outcome }) => outcome.to_string(),
            Shown::Message(Message::StateRequest) => "how far are you?".to_owned(),
            Shown::Message(Message::State { phase }) => format!("{phase:?}"),
            Shown::Request(Request::Suspect { site }) => format!("times out: {site} must have crashed"),
            Shown::Request(Request::Vote { yes }) => format!("votes {}", if *yes { "yes" } else { "no" }),
            Shown::Notice(Notice::Decided { outcome }) => format!("decided: {outcome}"),
            other => other.debug(),
        }
    }
}

const COMMITTED: Phase = Phase::Decided(Outcome::Commit);

fn works(world: &World<ThreePhaseSpec>) -> impl Iterator<Item = &Site> {
    world.machines().filter(|site| !site.has_crashed())
}

/// Where nothing is left to happen, whoever works has decided.
fn nobody_is_blocked(world: &World<ThreePhaseSpec>) -> bool {
    let crashed = || world.ids().filter(|id| has_crashed(world, *id));
    let is_moving = !world.network().is_empty()
        || world.nodes().iter().any(|node| node.ledger.is_waiting() || !node.inbox.is_empty())
        || world.history().asked != 0
        || works(world).any(|site| crashed().any(|other| !site.suspects(other)));
    let may_begin = works(world).any(|site| site.id() == FIRST && site.phase() == Phase::Initial);
    may_begin || is_moving || works(world).all(|site| matches!(site.phase(), Phase::Decided(_)))
}

const fn bit(node: NodeId) -> u64 {
    if node.0 < 64 { 1 << node.0 } else { 0 }
}
