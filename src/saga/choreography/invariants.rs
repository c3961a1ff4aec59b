//! What must hold of one participant at any time, as far as it can see itself.

use super::progress::Saga;
use super::{Name, Participant};
use crate::saga::{Data, Definition, StepSet};

impl<D: Data> Participant<D> {
    /// Checks the participant's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.first == 0 || self.first > self.next {
            return Err("the log's indices are out of range");
        }
        let durable = !self.floors.is_empty() || self.first < self.next;
        if !self.identified && (self.begun || durable) {
            return Err("a life began, or something is durable, without a name");
        }
        let limit = self.config.max_sagas;
        // A disk may hold more than a configuration of today allows.
        let limited = self.sagas.len() <= limit.saturating_mul(self.config.nodes.len());
        if self.begun && limited && self.log_entries() > self.config.max_log_entries {
            return Err("the log is longer than its limit");
        }
        if self.config.nodes.iter().any(|node| self.kept(*node) > limit) {
            return Err("more sagas are kept than may be");
        }
        self.sagas.iter().try_for_each(|(name, saga)| self.check_kept(*name, saga))
    }

    fn check_kept(&self, name: Name, saga: &Saga<D>) -> Result<(), &'static str> {
        if !(self.first..self.next).contains(&saga.since) {
            return Err("a saga cannot be told from the log");
        }
        if name.saga < self.floor(name.initiator) {
            return Err("a saga is kept that is over");
        }
        saga.flights.check_length(saga.standing.tries.len())?;
        let facts = &saga.standing.facts;
        if saga.peers.iter().filter_map(|peer| peer.known).any(|known| !facts.includes(&known)) {
            return Err("another is known to know what is not known here");
        }
        match saga.plan.map(|plan| self.config.definitions.get(plan)) {
            Some(Some(plan)) => self.check_saga(saga, plan),
            Some(None) => Err("a saga's definition is not there"),
            None if saga.flights.steps().is_empty() => Ok(()),
            None => Err("a saga goes on without its definition"),
        }
    }

    fn check_saga(&self, saga: &Saga<D>, plan: &Definition) -> Result<(), &'static str> {
        saga.standing.check(plan, saga.mine)?;
        let under_way = if self.begun { saga.standing.wanted(plan, saga.mine) } else { StepSet::EMPTY };
        if saga.flights.steps() != under_way || !saga.flights.go(saga.standing.way()) {
            return Err("what is under way is not what is to be done");
        }
        if self.begun && saga.standing.decision(plan, saga.mine).is_some() {
            return Err("what is to be decided was not");
        }
        Ok(())
    }
}
