//! A firmware in miniature: the core in a static library with a panic handler and an allocator of its own.
//!
//! If std came in through any dependency, its panic handler would collide with ours, and this would not build:
//! that holds on a host too, where std is at hand and a mere `cargo check` of a `no_std` crate proves nothing.
#![no_std]

extern crate alloc;
#[cfg(feature = "leak")]
extern crate std;

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_int;
use core::ptr::null_mut;

use quorate::durable::{Image, Record};
use quorate::id::{CellId, NodeId};
use quorate::ledger::{Ledger, LedgerOf, Output};
use quorate::machine::{Context, Input, InputOf, Machine};
use quorate::time::Time;

struct Nothing;

// SAFETY: it never hands out memory, so there is none to misuse.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        null_mut()
    }

    unsafe fn dealloc(&self, _memory: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nothing = Nothing;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Counts what it is asked to, and tells the sum once it is durable.
struct Counter(u64);

impl Machine for Counter {
    type Config = ();
    type Message = u64;
    type Timer = ();
    type Request = u64;
    type Cell = u64;
    type Entry = ();
    type Notice = u64;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        if let Input::Request(by) = input {
            self.0 = self.0.saturating_add(by);
            cx.persist(Record::Put { cell: CellId(0), value: self.0 });
            cx.notify(self.0);
        }
    }
}

/// One round of a driver's loop; returns what the machine told.
#[unsafe(no_mangle)]
pub extern "C" fn quorate_round(by: c_int) -> u64 {
    let mut machine = Counter(0);
    let mut ledger: LedgerOf<Counter> = Ledger::new(NodeId(1));
    let mut disk: Image<u64, ()> = Image::default();
    machine.step(Input::Request(u64::from(by.unsigned_abs())), &mut ledger.port(Time::ZERO, || 0));
    if let Some(batch) = ledger.begin_batch(usize::MAX) {
        for record in ledger.batch() {
            if disk.apply(record.clone()).is_err() {
                return 0;
            }
        }
        ledger.complete(batch);
    }
    match ledger.next_output() {
        Some(Output::Notify(sum)) => sum,
        _ => 0,
    }
}
