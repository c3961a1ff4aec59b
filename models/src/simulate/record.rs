//! What happened in a run: counts, requests that await an answer, what was reached, the trace hash.

use std::ops::AddAssign;

use quorate::id::NodeId;
use quorate::ledger::Output;
use serde::Serialize;

use super::digest::Digest;
use super::{ANSWERED_ONCE, CANARY, Simulated};
use crate::check::Kind;
use crate::spec::Claim;
use crate::world::{Action, ActionOf, Passage, Rules, World};

/// How much of what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "a plain record of numbers")]
pub struct Tally {
    /// Actions of all kinds.
    pub events: u64,
    /// Messages that arrived, for the last time.
    pub delivered: u64,
    /// Messages that arrived and were to arrive again.
    pub duplicated: u64,
    /// Messages lost, in the network or at a node that was down.
    pub lost: u64,
    /// Timers that expired.
    pub expired: u64,
    /// Records that became durable.
    pub flushed: u64,
    /// Crashes.
    pub crashes: u64,
    /// Crashes that took back something held.
    pub torn: u64,
    /// Pauses.
    pub pauses: u64,
    /// Partitions.
    pub partitions: u64,
    /// Clocks set forward or back.
    pub clock_steps: u64,
    /// How often somebody came to matter most, or did so anew: elections won, where leaders are elected.
    pub reigns: u64,
    /// How often an ambush struck who mattered most.
    pub ambushes: u64,
    /// Requests made.
    pub requests: u64,
    /// Requests answered, of those that are told apart by a number.
    pub answered: u64,
    /// Virtual time, in nanoseconds.
    pub simulated_ns: u128,
    /// The part of it after the faults had ended.
    pub healing_ns: u128,
}

impl Tally {
    /// What happened, crashes apart: they go on where nothing else does.
    pub(super) const fn moved(&self) -> u64 {
        self.events.saturating_sub(self.crashes)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.delivered += other.delivered;
        self.duplicated += other.duplicated;
        self.lost += other.lost;
        self.expired += other.expired;
        self.flushed += other.flushed;
        self.crashes += other.crashes;
        self.torn += other.torn;
        self.pauses += other.pauses;
        self.partitions += other.partitions;
        self.clock_steps += other.clock_steps;
        self.reigns += other.reigns;
        self.ambushes += other.ambushes;
        self.requests += other.requests;
        self.answered += other.answered;
        self.simulated_ns += other.simulated_ns;
        self.healing_ns += other.healing_ns;
    }
}

/// What happened, and when, in virtual time.
pub(super) type Timed<S> = (u64, ActionOf<S>);

/// What happened so far.
pub(super) struct Record<S: Simulated> {
    pub(super) tally: Tally,
    pub(super) digest: Digest,
    pub(super) awaiting: Awaiting,
    /// How many requests were thought of.
    pub(super) wished: u64,
    /// The properties, by place, of which some world is still to be seen.
    unreached: Vec<usize>,
    /// The event at which the canary falls.
    pub(super) canary: Option<u64>,
    /// All that happened, where it is wanted.
    pub(super) actions: Option<Vec<Timed<S>>>,
}

impl<S: Simulated> Record<S> {
    pub(super) fn new(rules: &Rules<S>) -> Self {
        let properties = rules.properties().iter().enumerate();
        let sometimes = properties.filter(|(_, property)| property.kind == Kind::Sometimes);
        Self {
            tally: Tally::default(),
            digest: Digest::new(),
            awaiting: Awaiting::default(),
            wished: 0,
            unreached: sometimes.map(|(at, _)| at).collect(),
            canary: None,
            actions: None,
        }
    }

    /// The same, with requests that await an answer from before.
    pub(super) fn awaiting(self, awaiting: Awaiting) -> Self {
        Self { awaiting, ..self }
    }

    /// Notes an action at `now`, with what its node went through and the world after.
    ///
    /// # Errors
    /// The property that falls.
    pub(super) fn note(
        &mut self,
        rules: &Rules<S>,
        now: u64,
        action: &ActionOf<S>,
        passage: Option<&Passage<S>>,
        after: &World<S>,
    ) -> Result<(), &'static str> {
        self.count(action);
        self.digest.note::<S>(now, action);
        if let Some(actions) = &mut self.actions {
            actions.push((now, action.clone()));
        }
        let answered = self.awaiting.note(rules.spec(), action, passage);
        if let Some(property) = rules.violated(after) {
            return Err(property);
        }
        self.tally.answered += answered?;
        self.unreached.retain(|at| match rules.properties().get(*at).map(|property| &property.claim) {
            Some(Claim::State(holds)) => !holds(after),
            _ => false,
        });
        if self.canary == Some(self.tally.events) { Err(CANARY) } else { Ok(()) }
    }

    /// Notes an action that was refused, for those who want to see which.
    pub(super) fn withheld(&mut self, now: u64, action: ActionOf<S>) {
        if let Some(actions) = &mut self.actions {
            actions.push((now, action));
        }
    }

    /// The properties of which some world is to be seen, and whether it was.
    pub(super) fn reached(&self, rules: &Rules<S>) -> Vec<(&'static str, bool)> {
        let properties = rules.properties().iter().enumerate();
        let sometimes = properties.filter(|(_, property)| property.kind == Kind::Sometimes);
        sometimes.map(|(at, property)| (property.name, !self.unreached.contains(&at))).collect()
    }

    fn count(&mut self, action: &ActionOf<S>) {
        let tally = &mut self.tally;
        tally.events += 1;
        match action {
            Action::Deliver(..) => tally.delivered += 1,
            Action::Duplicate(..) => tally.duplicated += 1,
            Action::Drop(_) => tally.lost += 1,
            Action::Fire(..) => tally.expired += 1,
            Action::Request(..) => tally.requests += 1,
            Action::Flush(_) => tally.flushed += 1,
            Action::Crash(..) => tally.crashes += 1,
            Action::Inbox(..) | Action::Tick(..) => {}
        }
    }
}

/// The requests that await an answer, and of whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Awaiting {
    open: Vec<(NodeId, u64)>,
}

impl Awaiting {
    /// Whether every request was answered, or its node crashed.
    pub(super) const fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    /// The requests that nobody has answered.
    pub(super) fn open(&self) -> &[(NodeId, u64)] {
        &self.open
    }

    /// Notes what was asked and answered: how many answers.
    ///
    /// # Errors
    /// [`ANSWERED_ONCE`], if one answers nothing that is open.
    pub(super) fn note<S: Simulated>(
        &mut self,
        spec: &S,
        action: &ActionOf<S>,
        passage: Option<&Passage<S>>,
    ) -> Result<u64, &'static str> {
        if let Action::Request(node, request, _) = action
            && let Some(number) = spec.asked(request)
        {
            self.open.push((*node, number));
        }
        let outputs = passage.into_iter().flat_map(Passage::outputs);
        let answers = outputs.filter_map(|output| match output {
            Output::Notify(notice) => spec.answered(notice),
            _ => None,
        });
        let mut answered = 0;
        for number in answers {
            let place = self.open.iter().position(|(_, open)| *open == number).ok_or(ANSWERED_ONCE)?;
            self.open.swap_remove(place);
            answered += 1;
        }
        if let Action::Crash(node, ..) = action {
            self.open.retain(|(asked, _)| asked != node);
        }
        Ok(answered)
    }
}
