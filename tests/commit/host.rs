//! A machine on a bench, with its ledger and its disk, which is recovered from after every single record.

use std::collections::VecDeque;
use std::fmt::Debug;

use quorate::durable::{Image, Recover};
use quorate::id::NodeId;
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine};
use quorate::time::Time;

/// Messages on their way: from whom, to whom.
pub type Network<M> = VecDeque<(NodeId, NodeId, <M as Machine>::Message)>;

/// A machine, its ledger and its disk.
pub struct Host<M: Machine> {
    pub machine: M,
    pub ledger: LedgerOf<M>,
    pub disk: Image<M::Cell, M::Entry>,
    /// Whether records become durable by themselves.
    pub disk_works: bool,
    /// All that the application was told, crashes or not.
    pub notices: Vec<M::Notice>,
    /// Records written.
    pub records: usize,
    me: NodeId,
    member: M::Config,
    check: fn(&M) -> Result<(), &'static str>,
}

impl<M> Host<M>
where
    M: Recover<Config: Clone, Message: Clone, Cell: Clone + Debug, Entry: Clone + Debug>,
{
    pub fn new(me: NodeId, member: M::Config, check: fn(&M) -> Result<(), &'static str>) -> Self {
        let disk = Image::default();
        Self {
            machine: M::recover(member.clone(), &disk, 0).expect("an empty disk recovers"),
            ledger: LedgerOf::<M>::new(me),
            disk,
            disk_works: true,
            notices: Vec::new(),
            records: 0,
            me,
            member,
            check,
        }
    }

    pub fn step(&mut self, input: InputOf<M>, network: &mut Network<M>) {
        // A timer that is not set does not expire.
        if let Input::Timer(timer) = input {
            if !self.ledger.timers().iter().any(|(set, _)| set == timer) {
                return;
            }
            self.ledger.timers_mut().cancel(timer);
        }
        self.machine.step(input, &mut self.ledger.port(Time::ZERO, || 0));
        (self.check)(&self.machine).expect("a node's own invariants hold after each step");
        self.settle(network);
    }

    /// Carries out what the ledger lets go; a working disk makes all records durable.
    pub fn settle(&mut self, network: &mut Network<M>) {
        loop {
            while let Some(output) = self.ledger.next_output() {
                match output {
                    Output::Send { to, message } => network.push_back((self.me, to, message)),
                    Output::Notify(notice) => self.notices.push(notice),
                    Output::Load { .. } => panic!("nothing is read back"),
                    Output::Loopback(_) => panic!("a node says nothing to itself"),
                }
            }
            if !self.disk_works || !self.sync() {
                return;
            }
        }
    }

    fn sync(&mut self) -> bool {
        let Some(batch) = self.ledger.begin_batch(usize::MAX) else { return false };
        for record in self.ledger.batch() {
            self.records += 1;
            self.disk.apply(record.clone()).expect("records fit the disk");
            let prefix = M::recover(self.member.clone(), &self.disk, 0).expect("any prefix recovers");
            (self.check)(&prefix).expect("what recovers is right");
        }
        self.ledger.complete(batch);
        if !self.ledger.is_waiting() {
            self.machine.agrees_with(&self.disk).expect("what is durable is what the node holds to be");
        }
        true
    }

    pub fn crash(&mut self, applied: u64) {
        self.machine = M::recover(self.member.clone(), &self.disk, applied).expect("the disk recovers");
        (self.check)(&self.machine).expect("what recovers is right");
        self.ledger = LedgerOf::<M>::new(self.me);
        self.disk_works = true;
    }
}
