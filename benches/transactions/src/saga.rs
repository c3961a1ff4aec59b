//! A saga of ten steps that do nothing, one after the other: quorate's orchestrator behind the shipped ledger, its
//! records in an image in memory.

use std::sync::Arc;

use quorate::durable::Image;
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, Machine};
use quorate::saga::{
    Cell, Config, Definition, DefinitionId, Entry, Kind, Notice, Orchestrator, Outcome, Outline, Policy,
    Request, SagaId, Step, TaskId, Version,
};
use quorate::time::Time;

pub(crate) const STEPS: u64 = 10;
const ME: NodeId = NodeId(1);
const DEFINITION: DefinitionId = DefinitionId(1);
const VERSION: Version = Version(1);

pub(crate) struct Ours {
    machine: Orchestrator<()>,
    ledger: LedgerOf<Orchestrator<()>>,
    disk: Image<Cell, Entry<()>>,
    sagas: u64,
    /// Records written.
    pub(crate) records: u64,
    /// Steps that were refused instead of done, so that sagas go back.
    refuses: Option<u64>,
}

impl Ours {
    /// Sagas whose last step is done, or refused, so that all others are undone.
    pub(crate) fn new(goes_back: bool) -> Result<Self, Box<dyn std::error::Error>> {
        let mut outline = Outline::new();
        let mut after = Vec::new();
        for task in 1..=STEPS {
            let (kind, policy) = (Kind::Compensatable, Policy::default());
            let step = Step { task: TaskId(task), service: ME, kind, after: after.clone(), policy };
            after = vec![outline.step(step)];
        }
        let config = Config::new(ClusterId(1), ME, [Definition::new(DEFINITION, VERSION, outline)?]);
        Ok(Self {
            machine: Orchestrator::new(Arc::new(config))?,
            ledger: LedgerOf::<Orchestrator<()>>::new(ME),
            disk: Image::default(),
            sagas: 0,
            records: 0,
            refuses: goes_back.then_some(STEPS),
        })
    }

    /// Runs so many sagas to their ends, one after the other, and forgets them.
    pub(crate) fn run(&mut self, sagas: u64) {
        for _ in 0..sagas {
            self.sagas += 1;
            let (id, saga) = (RequestId(self.sagas), SagaId(self.sagas));
            let begin = Request::Begin { id, saga, definition: DEFINITION, version: VERSION, input: () };
            let mut next = Some(begin);
            let mut ended = false;
            while let Some(request) = next.take() {
                self.machine.step(Input::Request(request), &mut self.ledger.port(Time::ZERO, || 0));
                self.write();
                while let Some(output) = self.ledger.next_output() {
                    match output {
                        Output::Notify(Notice::Call(call)) => {
                            let outcome = match call.action {
                                quorate::saga::Action::Undo => Outcome::Undone,
                                _ if self.refuses == Some(call.task.0) => Outcome::Refused,
                                _ => Outcome::Done,
                            };
                            next = Some(Request::Answer(call.answer(outcome)));
                        }
                        Output::Notify(Notice::Ended { saga, .. }) => {
                            ended = true;
                            next = Some(Request::Forget { id, saga });
                        }
                        _ => {}
                    }
                }
            }
            assert!(ended, "the saga has ended");
        }
    }

    fn write(&mut self) {
        while let Some(batch) = self.ledger.begin_batch(usize::MAX) {
            for record in self.ledger.batch() {
                self.records += 1;
                self.disk.apply(record.clone()).expect("records fit the disk");
            }
            self.ledger.complete(batch);
        }
    }
}
