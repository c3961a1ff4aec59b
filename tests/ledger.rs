//! What leaves when: the ledger's specification, line by line.
#![allow(missing_docs, reason = "a test")]

use std::time::Duration;

use proptest::prelude::*;
use quorate::durable::Record;
use quorate::id::{CellId, LogId, NodeId, Permutation, Permute};
use quorate::ledger::{Held, Ledger, LedgerOf, Output, OutputOf};
use quorate::machine::{Context, Effect, EffectOf, Input, InputOf, Machine, Release};
use quorate::time::{Delay, Time};

const ME: NodeId = NodeId(1);
const PEER: NodeId = NodeId(2);
const CELL: CellId = CellId(0);
const LOG: LogId = LogId(0);

/// A machine whose requests are the effects to emit: it lets a test speak to the ledger in effects.
#[derive(Clone, Debug)]
struct Script;

impl Machine for Script {
    type Config = ();
    type Message = u32;
    type Timer = char;
    type Request = Vec<Effect<u32, char, u32, u32, u32>>;
    type Cell = u32;
    type Entry = u32;
    type Notice = u32;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        if let Input::Request(effects) = input {
            effects.into_iter().for_each(|effect| cx.emit(effect));
        }
    }
}

/// Speaks in the context's own words for what [`Script`] says in effects.
struct Spoken;

impl Machine for Spoken {
    type Config = ();
    type Message = u32;
    type Timer = char;
    type Request = Vec<Fx>;
    type Cell = u32;
    type Entry = u32;
    type Notice = u32;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        let Input::Request(effects) = input else { return };
        for effect in effects {
            match effect {
                Effect::Persist(record) => cx.persist(record),
                Effect::Send { to, message, release: Release::Held } => cx.send(to, message),
                Effect::Send { to, message, release: Release::Free } => cx.send_free(to, message),
                Effect::Notify { notice, release: Release::Held } => cx.notify(notice),
                Effect::Notify { notice, release: Release::Free } => cx.notify_free(notice),
                Effect::SetTimer { timer, after } => cx.set_timer(timer, after),
                other => cx.emit(other),
            }
        }
    }
}

type Fx = EffectOf<Script>;
type Out = OutputOf<Script>;

fn persist(value: u32) -> Fx {
    Effect::Persist(put(value))
}

fn put(value: u32) -> Record<u32, u32> {
    Record::Put { cell: CELL, value }
}

fn send(to: NodeId, message: u32, release: Release) -> Fx {
    Effect::Send { to, message, release }
}

fn held(message: u32) -> Fx {
    send(PEER, message, Release::Held)
}

fn free(message: u32) -> Fx {
    send(PEER, message, Release::Free)
}

fn notify(notice: u32, release: Release) -> Fx {
    Effect::Notify { notice, release }
}

fn sent(message: u32) -> Out {
    Output::Send { to: PEER, message }
}

/// One step, at time 0, that emits `effects`.
fn step(ledger: &mut LedgerOf<Script>, effects: impl Into<Vec<Fx>>) {
    let input = Input::Request(effects.into());
    Script.step(input, &mut ledger.port(Time::ZERO, || 0));
}

fn after(effects: impl Into<Vec<Fx>>) -> LedgerOf<Script> {
    let mut ledger = Ledger::new(ME);
    step(&mut ledger, effects);
    ledger
}

fn drain(ledger: &mut LedgerOf<Script>) -> Vec<Out> {
    std::iter::from_fn(|| ledger.next_output()).collect()
}

/// Writes and completes one batch of up to `at_most` records; returns what it held.
fn sync(ledger: &mut LedgerOf<Script>, at_most: usize) -> Vec<Record<u32, u32>> {
    let Some(batch) = ledger.begin_batch(at_most) else { return Vec::new() };
    let written: Vec<_> = ledger.batch().cloned().collect();
    assert_eq!(written.len(), batch.records());
    ledger.complete(batch);
    written
}

#[test]
fn without_a_record_everything_leaves_at_once_and_in_order() {
    let mut ledger = after([held(1), notify(2, Release::Held), free(3)]);
    assert_eq!(drain(&mut ledger), [sent(1), Output::Notify(2), sent(3)]);
    assert!(!ledger.is_waiting());
}

#[test]
fn held_effects_wait_for_the_records_before_them_and_keep_their_order() {
    let mut ledger = after([held(1), persist(2), held(3), notify(4, Release::Held), held(5)]);
    assert_eq!(drain(&mut ledger), [sent(1)], "what came before the record does not wait for it");
    assert!(ledger.is_waiting());
    assert_eq!(sync(&mut ledger, usize::MAX), [put(2)]);
    assert_eq!(drain(&mut ledger), [sent(3), Output::Notify(4), sent(5)]);
    assert!(!ledger.is_waiting());
}

#[test]
fn free_effects_leave_at_once_past_those_that_wait() {
    let mut ledger = after([persist(1), held(2), free(3), notify(4, Release::Free), held(5)]);
    assert_eq!(drain(&mut ledger), [sent(3), Output::Notify(4)]);
    sync(&mut ledger, usize::MAX);
    assert_eq!(drain(&mut ledger), [sent(2), sent(5)]);
}

#[test]
fn what_a_node_sends_to_itself_comes_back_after_its_records_even_if_marked_free() {
    for release in [Release::Held, Release::Free] {
        let mut ledger = after([persist(1), send(ME, 2, release), held(3)]);
        assert_eq!(drain(&mut ledger), []);
        sync(&mut ledger, usize::MAX);
        assert_eq!(drain(&mut ledger), [Output::Loopback(2), sent(3)]);
    }
}

#[test]
fn a_port_takes_a_word_of_the_context_as_it_takes_its_effect() {
    let words = [
        persist(1),
        send(PEER, 2, Release::Held),
        send(PEER, 3, Release::Free),
        send(ME, 4, Release::Held),
        send(ME, 5, Release::Free),
        notify(6, Release::Held),
        notify(7, Release::Free),
        Effect::SetTimer { timer: 'x', after: Delay::exactly(Duration::from_secs(8)) },
    ];
    for word in words {
        // Behind a record, where what is held differs from what is free, and with nothing before it.
        for before in [vec![], vec![persist(0)]] {
            let effects: Vec<_> = before.into_iter().chain([word.clone()]).collect();
            let mut spoken: LedgerOf<Script> = Ledger::new(ME);
            let input = Input::Request(effects.clone());
            Spoken.step(input, &mut spoken.port(Time::ZERO, || 0));
            assert_eq!(spoken, after(effects), "{word:?}");
        }
    }
}

#[test]
fn a_load_is_always_held_so_that_it_sees_the_records_before_it() {
    let load = Effect::Load { log: LOG, from: 1, upto: 9 };
    let mut ledger = after([persist(1), load]);
    assert_eq!(drain(&mut ledger), []);
    sync(&mut ledger, usize::MAX);
    assert_eq!(drain(&mut ledger), [Output::Load { log: LOG, from: 1, upto: 9 }]);
}

#[test]
fn one_batch_serves_several_steps() {
    let mut ledger = after([persist(1), held(2)]);
    step(&mut ledger, [persist(3), persist(4), held(5)]);
    assert_eq!(sync(&mut ledger, usize::MAX), [put(1), put(3), put(4)]);
    assert_eq!(drain(&mut ledger), [sent(2), sent(5)]);
}

#[test]
fn a_batch_takes_no_more_records_than_it_is_told_and_releases_up_to_the_next_one() {
    let mut ledger = after([persist(1), held(2), persist(3), held(4), persist(5), held(6)]);
    assert!(ledger.begin_batch(0).is_none());
    assert_eq!(sync(&mut ledger, 2), [put(1), put(3)]);
    assert_eq!(drain(&mut ledger), [sent(2), sent(4)]);
    assert_eq!(sync(&mut ledger, 2), [put(5)]);
    assert_eq!(drain(&mut ledger), [sent(6)]);
}

#[test]
fn what_is_emitted_while_a_batch_is_written_waits_for_the_next_one() {
    let mut ledger = after([persist(1), held(2)]);
    let batch = ledger.begin_batch(usize::MAX).unwrap();
    step(&mut ledger, [held(3), persist(4), held(5)]);
    assert_eq!(ledger.batch().cloned().collect::<Vec<_>>(), [put(1)], "a batch under way does not grow");
    assert!(ledger.begin_batch(usize::MAX).is_none(), "one batch at a time");
    ledger.complete(batch);
    assert_eq!(drain(&mut ledger), [sent(2), sent(3)]);
    assert_eq!(sync(&mut ledger, usize::MAX), [put(4)]);
    assert_eq!(drain(&mut ledger), [sent(5)]);
    assert!(ledger.begin_batch(usize::MAX).is_none(), "nothing is left to write");
}

#[test]
fn outputs_not_yet_drained_leave_before_those_released_later() {
    let mut ledger = after([held(1), persist(2), held(3)]);
    sync(&mut ledger, usize::MAX);
    step(&mut ledger, [held(4), free(5)]);
    assert_eq!(drain(&mut ledger), [sent(1), sent(3), sent(4), sent(5)]);
}

#[test]
fn a_batch_that_is_dropped_leaves_everything_held_for_ever() {
    let mut ledger = after([persist(1), held(2)]);
    let failed = ledger.begin_batch(usize::MAX);
    assert!(failed.is_some_and(|batch| batch.records() == 1));
    step(&mut ledger, [persist(3), held(4), free(5)]);
    assert!(ledger.begin_batch(usize::MAX).is_none(), "what a failed sync left on disk is unknown");
    assert_eq!(drain(&mut ledger), [sent(5)], "free effects never depended on it");
    assert_eq!(ledger.held().len(), 4);
}

#[test]
fn what_waits_can_be_seen_in_order() {
    let ledger = after([persist(1), held(2), free(3), persist(4)]);
    let waiting: Vec<_> = ledger.held().cloned().collect();
    assert_eq!(waiting, [Held::Record(put(1)), Held::Output(sent(2)), Held::Record(put(4))]);
}

#[test]
fn timers_take_effect_at_once_and_setting_again_replaces() {
    let wait =
        |timer, seconds| Effect::SetTimer { timer, after: Delay::exactly(Duration::from_secs(seconds)) };
    let at = |seconds| Time::ZERO.after(Duration::from_secs(seconds));
    let mut ledger = after([persist(0), wait('a', 1), wait('b', 2), wait('a', 3), wait('c', 2)]);
    assert_eq!(ledger.next_due(), Some(at(2)), "no timer waits for a record; the first 'a' was replaced");
    assert_eq!(ledger.expire(Time::ZERO), None);
    step(&mut ledger, [Effect::CancelTimer('b'), Effect::CancelTimer('z')]);
    assert_eq!(ledger.expire(at(9)), Some('c'), "'b' was cancelled");
    assert_eq!(ledger.expire(at(9)), Some('a'));
    assert_eq!((ledger.expire(at(9)), ledger.next_due()), (None, None), "each expires once");
}

#[test]
fn jitter_is_drawn_within_the_delay() {
    let delay = Delay::between(Duration::from_nanos(100), Duration::from_nanos(200));
    for (draw, due) in [(0, 107), (1 << 31, 157), (u32::MAX, 206)] {
        let mut ledger: LedgerOf<Script> = Ledger::new(ME);
        let effects = vec![Effect::SetTimer { timer: 'a', after: delay }];
        Script.step(Input::Request(effects), &mut ledger.port(Time(7), || draw));
        assert_eq!(ledger.next_due(), Some(Time(due)));
    }
}

#[test]
fn a_step_is_told_the_time() {
    let mut ledger: LedgerOf<Script> = Ledger::new(ME);
    assert_eq!(Context::<Script>::now(&ledger.port(Time(7), || 0)), Time(7));
}

#[test]
fn a_choice_is_below_its_bound_and_there_is_none_below_nothing() {
    let choose = |draw, upto| {
        let mut ledger: LedgerOf<Script> = Ledger::new(ME);
        Context::<Script>::choose(&mut ledger.port(Time::ZERO, || draw), upto)
    };
    assert_eq!([choose(0, 3), choose(1 << 31, 3), choose(u32::MAX, 3)], [0, 1, 2]);
    assert_eq!([choose(u32::MAX, 1), choose(u32::MAX, 0)], [0, 0]);
    assert_eq!(choose(u32::MAX, u32::MAX), u32::MAX - 1);
}

#[test]
fn the_canonical_form_sorts_runs_of_sends_and_nothing_else() {
    let third = NodeId(3);
    let mut ledger = after([
        persist(9),
        send(third, 1, Release::Held),
        held(8),
        held(7),
        held(8),
        notify(6, Release::Held),
        notify(5, Release::Held),
        held(2),
        send(ME, 4, Release::Held),
        held(1),
        persist(0),
        held(3),
        held(3),
    ]);
    ledger.canonicalise();
    let waiting: Vec<_> = ledger.held().cloned().collect();
    let expected = [
        Held::Record(put(9)),
        Held::Output(sent(7)),
        Held::Output(sent(8)),
        Held::Output(Output::Send { to: third, message: 1 }),
        Held::Output(Output::Notify(6)),
        Held::Output(Output::Notify(5)),
        Held::Output(sent(2)),
        Held::Output(Output::Loopback(4)),
        Held::Output(sent(1)),
        Held::Record(put(0)),
        Held::Output(sent(3)),
    ];
    assert_eq!(waiting, expected);
    assert_eq!(sync(&mut ledger, usize::MAX), [put(9), put(0)]);
}

#[test]
fn renaming_nodes_reaches_the_ledger_whole() {
    fn ledger(me: u64, peer: u64) -> Ledger<NodeId, char, NodeId, NodeId, NodeId> {
        struct Names;
        impl Machine for Names {
            type Config = ();
            type Message = NodeId;
            type Timer = char;
            type Request = u64;
            type Cell = NodeId;
            type Entry = NodeId;
            type Notice = NodeId;
            fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
                let Input::Request(peer) = input else { return };
                let peer = NodeId(peer);
                cx.send(peer, peer);
                cx.persist(Record::Append { log: LOG, index: 1, entry: peer });
                cx.send(peer, peer);
                cx.notify(peer);
            }
        }
        let mut ledger = Ledger::new(NodeId(me));
        Names.step(Input::Request(peer), &mut ledger.port(Time::ZERO, || 0));
        ledger
    }
    let mut renamed = ledger(0, 1);
    renamed.permute(&Permutation::new(&[1, 0]));
    assert_eq!(renamed, ledger(1, 0));
}

/// What a driver might do next.
#[derive(Clone, Debug)]
enum Act {
    Step(Vec<Kind>),
    Begin(usize),
    Complete,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Record,
    Send(Release),
    Notify(Release),
    Loopback(Release),
    Load,
}

fn act() -> impl Strategy<Value = Act> {
    let release = || prop_oneof![Just(Release::Held), Just(Release::Free)];
    let kind = prop_oneof![
        3 => Just(Kind::Record),
        3 => release().prop_map(Kind::Send),
        2 => release().prop_map(Kind::Notify),
        1 => release().prop_map(Kind::Loopback),
        1 => Just(Kind::Load),
    ];
    prop_oneof![
        3 => prop::collection::vec(kind, 0..6).prop_map(Act::Step),
        2 => (1usize..4).prop_map(Act::Begin),
        2 => Just(Act::Complete),
    ]
}

/// The effect of a kind that carries `serial`, and what it puts out, if anything.
fn effect(kind: Kind, serial: u32) -> (Fx, Option<(Out, bool)>) {
    match kind {
        Kind::Record => (persist(serial), None),
        Kind::Send(release) => (send(PEER, serial, release), Some((sent(serial), release == Release::Free))),
        Kind::Notify(release) => {
            (notify(serial, release), Some((Output::Notify(serial), release == Release::Free)))
        }
        Kind::Loopback(release) => (send(ME, serial, release), Some((Output::Loopback(serial), false))),
        Kind::Load => {
            let (from, upto) = (u64::from(serial), u64::from(serial));
            let load = Output::Load { log: LOG, from, upto };
            (Effect::Load { log: LOG, from, upto }, Some((load, false)))
        }
    }
}

/// The obvious ledger, for comparison: every emission of a whole life is kept, and what may have left by now is
/// worked out from scratch.
#[derive(Default)]
struct Spec {
    /// `None` for a record.
    emitted: Vec<Option<Out>>,
    durable: usize,
    released: usize,
}

impl Spec {
    /// The held outputs that may leave now and have not: those before the first record that is not durable.
    fn release(&mut self) -> Vec<Out> {
        let mut records = 0;
        let open = self.emitted.iter().take_while(|emitted| {
            records += usize::from(emitted.is_none());
            records <= self.durable
        });
        let outputs: Vec<_> = open.flatten().skip(self.released).cloned().collect();
        self.released += outputs.len();
        outputs
    }

    fn waits(&self) -> bool {
        self.durable < self.emitted.iter().filter(|emitted| emitted.is_none()).count()
    }
}

proptest! {
    /// Held outputs leave in the order of emission, none before the records before it are durable, none later
    /// than that; free outputs leave with the step that emitted them.
    #[test]
    fn whatever_a_driver_does_held_waits_and_free_does_not(acts in prop::collection::vec(act(), 0..40)) {
        let mut ledger: LedgerOf<Script> = Ledger::new(ME);
        let mut spec = Spec::default();
        let mut under_way = None;
        let mut written = Vec::new();
        let mut serial = 0;
        for act in acts {
            let mut free_now = Vec::new();
            match act {
                Act::Step(kinds) => {
                    let mut effects = Vec::new();
                    for kind in kinds {
                        serial += 1;
                        let (effect, output) = effect(kind, serial);
                        effects.push(effect);
                        match output {
                            Some((output, true)) => free_now.push(output),
                            Some((output, false)) => spec.emitted.push(Some(output)),
                            None => spec.emitted.push(None),
                        }
                    }
                    step(&mut ledger, effects);
                }
                Act::Begin(at_most) => {
                    let batch = ledger.begin_batch(at_most);
                    prop_assert!(batch.is_none() || under_way.is_none());
                    if let Some(batch) = batch {
                        prop_assert!(batch.records() <= at_most);
                        written.extend(ledger.batch().cloned());
                        under_way = Some(batch);
                    }
                }
                Act::Complete => {
                    if let Some(batch) = under_way.take() {
                        spec.durable += batch.records();
                        ledger.complete(batch);
                    }
                }
            }
            let left = drain(&mut ledger).into_iter();
            let (freed, kept): (Vec<_>, Vec<_>) = left.partition(|output| free_now.contains(output));
            prop_assert_eq!(freed, free_now);
            prop_assert_eq!(kept, spec.release());
            prop_assert_eq!(ledger.is_waiting(), spec.waits());
        }
        prop_assert!(written.windows(2).all(|pair| pair[0] < pair[1]), "records are written once and in order");
        prop_assert_eq!(written.len(), spec.durable + under_way.map_or(0, |batch| batch.records()));
    }

    /// What is handed over as a batch completes is what the queue would have given, in the same order, and every record of
    /// the batch stands where it was held.
    #[test]
    fn what_is_handed_over_at_once_is_what_the_queue_would_give(acts in prop::collection::vec(act(), 0..40)) {
        let (mut queued, mut at_once): (LedgerOf<Script>, LedgerOf<Script>) = (Ledger::new(ME), Ledger::new(ME));
        let mut under_way = None;
        let mut serial = 0;
        for act in acts {
            match act {
                Act::Step(kinds) => {
                    let effects: Vec<_> = kinds.into_iter().zip(serial + 1..).map(|(kind, at)| effect(kind, at).0).collect();
                    serial += u32::try_from(effects.len()).unwrap();
                    step(&mut queued, effects.clone());
                    step(&mut at_once, effects);
                }
                Act::Begin(at_most) => {
                    let begun = queued.begin_batch(at_most).zip(at_once.begin_batch(at_most));
                    under_way = under_way.or(begun);
                }
                Act::Complete => {
                    let Some((batch, same)) = under_way.take() else { continue };
                    let records = same.records();
                    let before: Vec<_> = at_once.held().cloned().collect();
                    let mut taken = Vec::new();
                    at_once.complete_into(same, |held| taken.push(held));
                    let released = before.len() - at_once.held().len();
                    prop_assert_eq!(&taken[taken.len() - released..], &before[..released]);
                    prop_assert_eq!(taken.iter().filter(|held| matches!(held, Held::Record(_))).count(), records);
                    queued.complete(batch);
                    let outputs = taken.into_iter().filter_map(|held| match held {
                        Held::Output(output) => Some(output),
                        Held::Record(_) => None,
                    });
                    prop_assert_eq!(outputs.collect::<Vec<_>>(), drain(&mut queued));
                    prop_assert_eq!(&at_once, &queued);
                }
            }
        }
        prop_assert_eq!(drain(&mut at_once), drain(&mut queued));
    }
}
