//! What must hold of one orchestrator at any time, as far as it can see itself.

use super::progress::Saga;
use super::{Data, Definition, Orchestrator, StepSet};

impl<D: Data> Orchestrator<D> {
    /// Checks the orchestrator's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.first == 0 || self.first > self.next {
            return Err("the log's indices are out of range");
        }
        let durable = self.epoch.0 > 0 || self.forgotten.is_some() || self.first < self.next;
        if !self.identified && durable {
            return Err("something is durable, and not under a name");
        }
        if self.begun && (!self.identified || self.epoch < self.config.epoch_min) {
            return Err("a life began without an epoch");
        }
        if self.superseded.is_some_and(|later| later <= self.epoch || !self.begun) {
            return Err("an executor is superseded by an earlier one, or before it began");
        }
        let limited = self.sagas.len() <= self.config.max_sagas;
        if self.begun && limited && self.log_entries() > self.config.max_log_entries {
            return Err("the log is longer than its limit");
        }
        self.sagas.values().try_for_each(|saga| {
            if !(self.first..self.next).contains(&saga.since) {
                return Err("a saga cannot be told from the log");
            }
            saga.flights.check_length(saga.standing.tries.len())?;
            match saga.plan.map(|plan| self.config.definitions.get(plan)) {
                Some(Some(plan)) => self.check_saga(saga, plan),
                Some(None) => Err("a saga's definition is not there"),
                None if saga.flights.steps().is_empty() => Ok(()),
                None => Err("a saga goes on without its definition"),
            }
        })
    }

    fn check_saga(&self, saga: &Saga<D>, plan: &Definition) -> Result<(), &'static str> {
        saga.standing.check(plan)?;
        let under_way = if self.begun { saga.standing.wanted(plan) } else { StepSet::EMPTY };
        if saga.flights.steps() != under_way || !saga.flights.go(saga.standing.way()) {
            return Err("what is under way is not what is to be done");
        }
        let waits = !under_way.is_empty() || !saga.standing.stuck.is_empty();
        if self.begun && waits == saga.standing.end(plan).is_some() {
            return Err("a saga stands still, and has neither ended nor is it stuck");
        }
        Ok(())
    }
}
