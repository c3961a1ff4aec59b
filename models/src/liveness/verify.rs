//! Whether a trace that goes round for ever is a fair run on which a claim is broken: said of the trace alone, without
//! the graph in which it was found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::graph::common;
use super::{Fairness, LeadsTo};
use crate::hash::fingerprint;
use crate::spec::Spec;
use crate::trace::TraceOf;
use crate::world::{ActionOf, Rules, Withheld, World};

/// Why a trace is no fair run that breaks its claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoLasso {
    /// There is no such claim.
    NoClaim(String),
    /// The cycle begins after so many actions, and there are fewer.
    Beyond {
        /// Where it begins.
        from: usize,
        /// How many there are.
        actions: usize,
    },
    /// The action of this place, from 0, cannot happen.
    Refused(usize),
    /// After the cycle the world is another one than before it.
    Open,
    /// What was promised comes, after so many actions.
    Kept(usize),
    /// What the claim begins with never comes.
    NeverBegins,
    /// The action of this place, from 0, is none that may go on for ever.
    Ends(usize),
    /// This could happen all the time, or, if `strong`, again and again, and never does.
    Unfair {
        /// What, readable.
        action: String,
        /// How fairly it must be treated.
        strong: bool,
    },
}

impl fmt::Display for NoLasso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClaim(name) => write!(f, "there is no claim \"{name}\""),
            Self::Beyond { from, actions } => {
                write!(f, "the cycle begins after {from} steps, and there are only {actions}")
            }
            Self::Refused(at) => write!(f, "step {} cannot happen", at + 1),
            Self::Open => f.write_str("after the cycle the world is another one than before it"),
            Self::Kept(after) => write!(f, "what is promised comes, after step {after}"),
            Self::NeverBegins => f.write_str("what the claim begins with never comes"),
            Self::Ends(at) => write!(f, "step {} is none that may go on for ever", at + 1),
            Self::Unfair { action, strong } => {
                let often = if *strong { "again and again" } else { "all the time" };
                write!(f, "no fair run: `{action}` could happen {often}, and never does")
            }
        }
    }
}

impl std::error::Error for NoLasso {}

impl<S: Spec> Rules<S> {
    /// Whether the run that `trace` begins, and that goes round for ever from its action number `from` (from 0) on, is
    /// a fair one on which the claim `name` ([`Spec::leads_to`]) is broken. With `from` at the end of the trace,
    /// nothing more happens for ever.
    ///
    /// Worlds are compared as they are, not up to the names of nodes: fairness tells nodes apart. Where several actions
    /// lead from one world of the cycle to the next, the run takes each of them now and again.
    ///
    /// # Errors
    /// Why it is not.
    pub fn circles(&self, trace: &TraceOf<S>, from: usize, name: &str) -> Result<(), NoLasso> {
        let claims = self.spec().leads_to();
        let claim = claims
            .iter()
            .find(|claim| claim.name == name)
            .ok_or_else(|| NoLasso::NoClaim(name.to_owned()))?;
        let cycle = self.cycle(trace, from, claim)?;
        let actions = trace.actions.get(from..).unwrap_or(&[]);
        if let Some(at) = actions.iter().position(|action| !(claim.tail)(action)) {
            return Err(NoLasso::Ends(from + at));
        }
        if cycle.first() != cycle.last() {
            return Err(NoLasso::Open);
        }
        self.fair(&cycle, claim)
    }

    /// The worlds of the cycle, the first one at both ends, all of them after the claim began and before it is kept.
    fn cycle(&self, trace: &TraceOf<S>, from: usize, claim: &LeadsTo<S>) -> Result<Vec<World<S>>, NoLasso> {
        let actions = trace.actions.len();
        if from > actions {
            return Err(NoLasso::Beyond { from, actions });
        }
        let mut world = self.initial().into_iter().nth(trace.origin).ok_or(NoLasso::Refused(0))?;
        let (mut cycle, mut waits) = (Vec::new(), false);
        for at in 0..=actions {
            let kept = (claim.to)(&world);
            waits = !kept && (waits || (claim.from)(&world));
            if at >= from && kept {
                return Err(NoLasso::Kept(at));
            }
            if at >= from {
                cycle.push(world.clone());
            }
            if let Some(action) = trace.actions.get(at) {
                world = self.apply_named(&world, action).map_err(|_| NoLasso::Refused(at))?;
            }
        }
        if waits { Ok(cycle) } else { Err(NoLasso::NeverBegins) }
    }

    /// Whether going through these worlds for ever treats everything that could happen in them fairly.
    fn fair(&self, cycle: &[World<S>], claim: &LeadsTo<S>) -> Result<(), NoLasso> {
        // Where nothing happens, the one world is all there is.
        let states = cycle.len().saturating_sub(1).max(1);
        let mut classes: BTreeMap<u64, Class> = BTreeMap::new();
        for (at, world) in cycle.iter().take(states).enumerate() {
            let mut here = BTreeSet::new();
            for (action, next) in self.possible(world).into_iter().filter(|(action, _)| (claim.tail)(action))
            {
                let strong = match self.spec().fairness(&action) {
                    Fairness::Unfair => continue,
                    Fairness::Weak => false,
                    Fairness::Strong => true,
                };
                let print = fingerprint(&common::<S>(&action));
                let class = classes.entry(print).or_insert_with(|| Class {
                    strong,
                    possible: 0,
                    taken: false,
                    name: self.name(world, &action),
                });
                class.taken |= cycle.get(at + 1) == Some(&next);
                class.possible += usize::from(here.insert(print));
            }
        }
        let starved = |class: &&Class| !class.taken && (class.strong || class.possible == states);
        match classes.into_values().find(|class| starved(&class)) {
            Some(Class { name: action, strong, .. }) => Err(NoLasso::Unfair { action, strong }),
            None => Ok(()),
        }
    }

    /// What can happen in `world`, and where it leads.
    fn possible(&self, world: &World<S>) -> Vec<(ActionOf<S>, World<S>)> {
        let mut actions = Vec::new();
        self.actions(world, &mut actions, &mut Withheld::new());
        let led = |action: ActionOf<S>| {
            let next = self.apply_named(world, &action).ok()?;
            Some((action, next))
        };
        actions.into_iter().filter_map(led).collect()
    }
}

/// A class of actions that must be treated fairly, as the cycle treats it.
struct Class {
    strong: bool,
    /// In how many worlds of the cycle it is possible.
    possible: usize,
    /// Whether the cycle comes by it.
    taken: bool,
    /// One of its actions, readable.
    name: String,
}
