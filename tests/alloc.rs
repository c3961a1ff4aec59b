//! Hot paths allocate nothing once their buffers have grown.
#![allow(missing_docs, reason = "a test")]

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use quorate::durable::Record;
use quorate::id::{CellId, NodeId};
use quorate::ledger::{Ledger, LedgerOf};
use quorate::machine::{Context, Input, InputOf, Machine, Recorder};
use quorate::time::{Delay, Time};

const ME: NodeId = NodeId(1);
const PEER: NodeId = NodeId(2);

/// Counts what it is told, and says so once that is durable.
#[derive(Default)]
struct Counter {
    count: u64,
}

impl Machine for Counter {
    type Config = ();
    type Message = u64;
    type Timer = u8;
    type Request = ();
    type Cell = u64;
    type Entry = u64;
    type Notice = u64;

    fn step<C: Context<Self> + ?Sized>(&mut self, _input: InputOf<Self>, cx: &mut C) {
        self.count += 1;
        cx.send_free(PEER, self.count);
        cx.persist(Record::Put { cell: CellId(0), value: self.count });
        cx.send(PEER, self.count);
        cx.send(ME, self.count);
        cx.notify(self.count);
        cx.set_timer(0, Delay::exactly(Duration::from_secs(1)));
    }
}

/// One round of a driver's loop over `steps` steps and one sync.
fn round(machine: &mut Counter, ledger: &mut LedgerOf<Counter>, steps: u64) -> usize {
    for step in 0..steps {
        machine.step(Input::Request(()), &mut ledger.port(Time(step), || 0));
    }
    let mut outputs = 0;
    while ledger.next_output().is_some() {
        outputs += 1;
    }
    if let Some(batch) = ledger.begin_batch(usize::MAX) {
        outputs += ledger.batch().count();
        ledger.complete(batch);
    }
    while ledger.next_output().is_some() {
        outputs += 1;
    }
    while ledger.expire(Time(u64::MAX)).is_some() {
        outputs += 1;
    }
    outputs
}

#[test]
fn a_step_into_a_reused_buffer_allocates_nothing() {
    let mut machine = Counter::default();
    let mut cx = Recorder::new(Time::ZERO, &[]);
    machine.step(Input::Start, &mut cx);
    let info = measure(|| {
        for _ in 0..100 {
            cx.effects.clear();
            machine.step(Input::Request(()), &mut cx);
        }
    });
    assert_eq!((cx.effects.len(), machine.count), (6, 101));
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn a_ledger_in_steady_state_allocates_nothing() {
    let mut machine = Counter::default();
    let mut ledger: LedgerOf<Counter> = Ledger::new(ME);
    round(&mut machine, &mut ledger, 8);
    let mut outputs = 0;
    let info = measure(|| {
        for _ in 0..100 {
            outputs += round(&mut machine, &mut ledger, 8);
        }
    });
    assert_eq!(outputs, 100 * (8 * 5 + 1), "five effects a step came out, and one timer a round");
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn the_counter_counts() {
    let info = measure(|| drop(black_box(Box::new(1u8))));
    assert_eq!(info.count_total, 1, "were this 0, the tests above would prove nothing");
}
