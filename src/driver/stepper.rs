//! The node's thread: machine and ledger, stepped with whatever comes in.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use super::Driven;
use super::disk::Job;
use super::entropy::Entropy;
use super::flow::Flow;
use super::inbox::{Burst, Inbox, Loaded, Stop};
use super::metrics::Counters;
use super::peers::Peers;
use crate::id::NodeId;
use crate::ledger::{Batch, LedgerOf, Output};
use crate::machine::{Input, InputOf, RecordOf};
use crate::time::Time;

/// Steps between two looks at the timers, so that a burst of inputs cannot hold up a heartbeat.
const STEPS_BETWEEN_TIMERS: usize = 128;

/// Everything that only the node's thread touches, and its ways to the other threads.
pub(super) struct Stepper<Mc: Driven> {
    pub(super) me: NodeId,
    pub(super) machine: Mc,
    pub(super) ledger: LedgerOf<Mc>,
    pub(super) inbox: Arc<Inbox<Mc>>,
    pub(super) peers: Arc<Peers<Mc::Message>>,
    pub(super) notices: Sender<Mc::Notice>,
    pub(super) flow: Arc<Flow>,
    pub(super) disk: Sender<Job<Mc>>,
    pub(super) counters: Arc<Counters>,
    pub(super) entropy: Entropy,
    pub(super) origin: Instant,
    pub(super) batch_records: usize,
    /// The batch under way.
    pub(super) batch: Option<Batch>,
    /// The buffer of the last batch.
    pub(super) spare: Vec<RecordOf<Mc>>,
    /// Steps since the timers were looked at.
    pub(super) unlooked: usize,
}

impl<Mc: Driven> Stepper<Mc> {
    /// Runs the node until it is told to stop.
    pub(super) fn run(&mut self) {
        let mut burst = Burst::default();
        let mut intake = true;
        self.step(Input::Start);
        loop {
            self.expire();
            self.begin_batch();
            intake = self.flow.intake(intake);
            let now = self.now();
            let timeout = self.ledger.next_due().map(|due| due.since(now));
            if !self.inbox.take(&mut burst, intake, timeout) {
                return;
            }
            if let Some(records) = burst.written.take() {
                self.complete(records);
            }
            for Loaded { log, from, entries } in burst.loaded.drain(..) {
                self.step(Input::Loaded { log, from, entries });
            }
            for (from, message) in burst.messages.drain(..) {
                self.step(Input::Message { from, message });
            }
            for request in burst.requests.drain(..) {
                self.counters.requests.one();
                self.step(Input::Request(request));
            }
        }
    }

    fn now(&self) -> Time {
        Time::ZERO.after(self.origin.elapsed())
    }

    /// Steps the machine and carries out what may leave now.
    fn step(&mut self, input: InputOf<Mc>) {
        self.step_only(input);
        self.carry_out();
        self.unlooked = self.unlooked.saturating_add(1);
        if self.unlooked >= STEPS_BETWEEN_TIMERS {
            self.expire();
        }
    }

    fn step_only(&mut self, input: InputOf<Mc>) {
        let now = self.now();
        let entropy = &mut self.entropy;
        let mut port = self.ledger.port(now, || entropy.draw());
        self.machine.step(input, &mut port);
        self.counters.steps.one();
    }

    /// Feeds the timers that are due.
    fn expire(&mut self) {
        self.unlooked = 0;
        // One look at the clock: a timer that is set again with no delay waits for the next round.
        let now = self.now();
        while let Some(timer) = self.ledger.expire(now) {
            self.step_only(Input::Timer(timer));
            self.carry_out();
        }
    }

    /// Carries out what may leave now, in order.
    fn carry_out(&mut self) {
        while let Some(output) = self.ledger.next_output() {
            match output {
                Output::Send { to, message } => self.peers.send(to, message),
                Output::Loopback(message) => self.step_only(Input::Message { from: self.me, message }),
                Output::Notify(notice) => {
                    self.counters.notices.one();
                    self.flow.given();
                    if self.notices.send(notice).is_err() {
                        // Nobody listens any more.
                        self.inbox.stop(Stop::Asked);
                    }
                }
                Output::Load { log, from, upto } => self.give(Job::Load { log, from, upto }),
            }
        }
    }

    /// Hands what accumulated to the disk, if it is free.
    fn begin_batch(&mut self) {
        if self.batch.is_some() {
            return;
        }
        self.batch = self.ledger.begin_batch(self.batch_records.max(1));
        if self.batch.is_some() {
            let mut records = core::mem::take(&mut self.spare);
            records.extend(self.ledger.batch().cloned());
            self.give(Job::Write(records));
        }
    }

    /// The batch under way is durable.
    fn complete(&mut self, records: Vec<RecordOf<Mc>>) {
        self.spare = records;
        if let Some(batch) = self.batch.take() {
            self.ledger.complete(batch);
            self.carry_out();
        }
        // The disk need not wait until the rest of the burst is through.
        self.begin_batch();
    }

    fn give(&mut self, job: Job<Mc>) {
        // The disk's thread ends only after it has stopped the node.
        let _ = self.disk.send(job);
    }
}
