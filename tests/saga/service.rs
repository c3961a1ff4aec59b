//! A service keeps, for the application behind it, what services owe.

use proptest::prelude::*;
use quorate::durable::{Corrupt, Record, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::machine::{Effect, Input, Machine, Release};
use quorate::saga::service::{
    Cell, Config, ConfigError, Entry, IDENTITY, LOG, OWNERS, Owner, Refusal, Rejection, Request,
};
use quorate::saga::{Action, Call, Doubt, Epoch, Key, Message, Outcome, SagaId, Service, Stage, StepId};
use quorate::time::Time;

use crate::bench::{Bench, diamond};
use crate::guard::{Disk, Guard, HERE, KEY, OWNER, call, config, key};

use Action::{Do, Probe, Undo};

fn of(epoch: u64, call: Call<u32>) -> Call<u32> {
    Call { epoch: Epoch(epoch), ..call }
}

fn above(floor: u64, call: Call<u32>) -> Call<u32> {
    Call { floor: SagaId(floor), ..call }
}

#[test]
fn what_is_called_often_happens_once_and_every_call_is_answered_alike() {
    let mut guard = Guard::new();
    for attempt in 0..3 {
        guard.take(Call { attempt, ..call(KEY, Do) });
    }
    guard.work();
    assert_eq!(guard.all_asked, [(KEY, Do)]);
    let answer = Call { attempt: 2, ..call(KEY, Do) }.answer(Outcome::Done);
    assert_eq!(guard.answers, [answer], "the last call that waited is answered");
    for action in [Do, Probe] {
        assert_eq!(guard.answered(call(KEY, action)), Some(Outcome::Done));
    }
    guard.call(KEY, Undo);
    guard.call(KEY, Undo);
    guard.work();
    for (action, outcome) in [(Undo, Outcome::Undone), (Do, Outcome::Refused), (Probe, Outcome::Refused)] {
        assert_eq!(guard.answered(call(KEY, action)), Some(outcome));
    }
    assert_eq!(guard.all_asked, [(KEY, Do), (KEY, Undo)]);
}

#[test]
fn a_probe_of_a_key_never_seen_changes_nothing() {
    let mut guard = Guard::new();
    assert_eq!(guard.answered(call(KEY, Probe)), Some(Outcome::Unseen));
    assert_eq!((guard.stage(KEY), guard.all_asked.len()), (None, 0));
}

#[test]
fn an_undo_of_a_key_never_seen_leaves_a_tombstone_that_no_crash_takes_back() {
    let mut guard = Guard::new();
    assert_eq!(guard.answered(call(KEY, Undo)), Some(Outcome::Undone));
    for _ in 0..2 {
        for (action, outcome) in [(Do, Outcome::Refused), (Probe, Outcome::Refused), (Undo, Outcome::Undone)]
        {
            assert_eq!(guard.answered(call(KEY, action)), Some(outcome));
        }
        guard.crash();
    }
    assert_eq!(guard.all_asked, [], "the application never heard of it");
}

#[test]
fn a_refusal_is_for_good() {
    let mut guard = Guard::new();
    guard.call(KEY, Do);
    guard.say(Request::Refused { key: KEY });
    for _ in 0..2 {
        for (action, outcome) in [(Do, Outcome::Refused), (Probe, Outcome::Refused), (Undo, Outcome::Undone)]
        {
            assert_eq!(guard.answered(call(KEY, action)), Some(outcome));
        }
        guard.crash();
    }
    assert_eq!(guard.all_asked, [(KEY, Do)]);
}

#[test]
fn the_application_is_asked_one_thing_of_a_key_at_a_time() {
    let mut guard = Guard::new();
    guard.call(KEY, Do);
    assert_eq!(guard.answered(call(KEY, Undo)), Some(Outcome::Later));
    assert_eq!(guard.answered(call(KEY, Probe)), None, "it waits for the application");
    guard.work();
    assert_eq!(guard.answers.pop_front().map(|answer| answer.action), Some(Probe));
    guard.call(KEY, Undo);
    assert_eq!(guard.answered(call(KEY, Do)), Some(Outcome::Later));
    guard.say(Request::Done { key: KEY });
    assert_eq!(guard.refused, [(KEY, Refusal::AtWork)]);
    guard.work();
    assert_eq!(guard.answers.pop_front().map(|answer| answer.outcome), Some(Outcome::Undone));
}

#[test]
fn what_failed_is_asked_again_with_the_next_call() {
    let mut guard = Guard::new();
    for (action, outcome) in [(Do, Outcome::Later), (Undo, Outcome::Refused)] {
        guard.call(KEY, action);
        guard.asked.clear();
        guard.answers.clear();
        guard.say(Request::Failed { key: KEY });
        assert_eq!(guard.answers.pop_front().map(|answer| answer.outcome), Some(outcome));
        guard.call(KEY, action);
        assert_eq!(guard.asked, [(KEY, action)]);
        guard.work();
    }
    assert!(!guard.has_effect(KEY));
}

#[test]
fn what_may_have_been_done_is_undone_by_the_application() {
    let mut guard = Guard::new();
    guard.call(KEY, Do);
    guard.effects.insert(KEY, (true, 1));
    guard.crash();
    guard.call(KEY, Undo);
    assert_eq!(guard.asked, [(KEY, Undo)]);
    guard.work();
    assert!(!guard.has_effect(KEY));
}

#[test]
fn an_executor_of_an_earlier_epoch_has_no_effect_whatever_crashes() {
    let mut guard = Guard::new();
    guard.take(of(3, call(key(1, 1), Probe)));
    for _ in 0..2 {
        for (epoch, action) in [(1, Do), (2, Probe), (2, Undo), (2, Do)] {
            let superseded = Outcome::Superseded { epoch: Epoch(3) };
            assert_eq!(guard.answered(of(epoch, call(KEY, action))), Some(superseded));
        }
        assert_eq!((guard.stage(KEY), guard.all_asked.len()), (None, 0));
        guard.crash();
    }
    let other = Key { owner: NodeId(1), ..KEY };
    guard.take(of(1, call(other, Do)));
    assert_eq!(guard.asked, [(other, Do)], "each orchestrator has epochs of its own");
}

#[test]
fn nothing_is_asked_or_answered_before_it_is_durable() {
    let guard = Guard::new();
    let mut machine = guard.machine;
    let inputs = [
        Input::Message { from: OWNER, message: Message::Call(call(KEY, Do)) },
        Input::Request(Request::Done { key: KEY }),
        Input::Message { from: OWNER, message: Message::Call(call(KEY, Undo)) },
        Input::Request(Request::Undone { key: KEY }),
    ];
    for input in inputs {
        let (next, effects) = machine.stepped(input, Time::ZERO, &[]);
        machine = next;
        let record =
            effects.iter().position(|effect| matches!(effect, Effect::Persist(Record::Append { .. })));
        let said = |effect: &Effect<_, _, _, _, _>| {
            matches!(
                effect,
                Effect::Send { release: Release::Held, .. } | Effect::Notify { release: Release::Held, .. }
            )
        };
        let first = effects.iter().position(said);
        assert!(record.is_some() && record < first, "{effects:?}");
    }
}

#[test]
fn a_crash_at_any_point_leaves_one_effect_or_none_for_each_key() {
    // Do, and undo; each called again until it is answered.
    for crash in 0..40 {
        let mut guard = Guard::new();
        guard.fuel = Some(crash);
        for (action, wanted) in [(Do, Outcome::Done), (Undo, Outcome::Undone)] {
            let heard = (0..4).any(|_| {
                guard.call(KEY, action);
                guard.work();
                guard.answers.drain(..).any(|answer| answer.outcome == wanted)
            });
            assert!(heard, "{action:?} with a crash after {crash} effects");
            assert_eq!(guard.has_effect(KEY), action == Do);
        }
        assert_eq!(guard.effects.get(&KEY), Some(&(false, 1)), "once, and taken back");
    }
}

#[test]
fn what_is_forgotten_is_late_for_ever_and_kept_no_longer() {
    let mut guard = Guard::new();
    for saga in 1..=3 {
        guard.call(key(saga, 0), Do);
        guard.work();
    }
    guard.take(above(3, call(key(4, 0), Undo)));
    for _ in 0..2 {
        assert_eq!(guard.machine.keys().map(|(key, _)| key.saga.0).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(guard.machine.owner(OWNER), Some(Owner { epoch: Epoch(1), floor: SagaId(3) }));
        for (saga, action) in [(1, Do), (2, Undo), (2, Probe), (0, Do)] {
            assert_eq!(guard.answered(call(key(saga, 0), action)), None);
            assert_eq!(guard.rejected.pop(), Some(Rejection::Forgotten));
        }
        guard.say(Request::Done { key: key(2, 7) });
        assert_eq!(guard.refused.pop(), Some((key(2, 7), Refusal::Forgotten)));
        guard.crash();
    }
    assert_eq!(guard.all_asked.len(), 3);
}

#[test]
fn a_floor_does_not_go_back() {
    let mut guard = Guard::new();
    guard.take(of(1, above(5, call(key(5, 0), Do))));
    guard.take(of(2, above(2, call(key(6, 0), Do))));
    assert_eq!(guard.machine.owner(OWNER), Some(Owner { epoch: Epoch(2), floor: SagaId(5) }));
}

#[test]
fn ten_thousand_sagas_leave_a_short_log_and_few_keys() {
    let mut guard = Guard::with(|config| (config.max_keys, config.max_log_entries) = (4, 8));
    for saga in 1..=10_000_u64 {
        let floor = saga.saturating_sub(2).max(1);
        guard.take(above(floor, call(key(saga, 0), Do)));
        guard.work();
        guard.take(above(floor, call(key(saga, 1), Undo)));
        assert!(guard.machine.log_entries() <= 8 && guard.machine.keys().len() <= 4, "{:?}", guard.machine);
    }
    assert!(guard.disk.log(LOG).count() <= 8);
}

#[test]
fn a_service_comes_back_right_from_a_log_whose_head_was_about_to_be_dropped() {
    let config = config(|config| (config.max_keys, config.max_log_entries) = (2, 4));
    let mut machine = Service::<u32>::new(config.clone()).expect("the configuration stands");
    let said = |request| Input::Request(request);
    let called = |key, action| Input::Message { from: OWNER, message: Message::Call(call(key, action)) };
    let (first, second) = (key(1, 0), key(2, 0));
    let mut disk = Disk::default();
    let mut longest = 0;
    for input in [
        called(first, Do),
        called(second, Do),
        said(Request::Done { key: second }),
        called(second, Undo),
        said(Request::Undone { key: second }),
    ] {
        let (next, effects) = machine.stepped(input, Time::ZERO, &[]);
        machine = next;
        assert!(machine.log_entries() <= 4, "{machine:?}");
        for effect in effects {
            let Effect::Persist(record) = effect else { continue };
            disk.apply(record).expect("records fit the disk");
            let back = Service::<u32>::recover(config.clone(), &disk, 0).expect("every prefix recovers");
            assert_eq!(back.check(), Ok(()), "{back:?}");
            longest = longest.max(back.log_entries());
        }
    }
    assert_eq!(longest, 6, "what is needed at the head stands there twice, until the head is dropped");
}

#[test]
fn what_there_is_no_room_for_is_to_be_asked_again_later() {
    let mut guard =
        Guard::with(|config| (config.max_owners, config.max_keys, config.max_log_entries) = (1, 1, 2));
    guard.call(KEY, Do);
    guard.work();
    let other = Key { owner: NodeId(1), ..KEY };
    for call in [call(key(1, 1), Do), call(key(1, 1), Undo), call(other, Do), call(other, Probe)] {
        assert_eq!(guard.answered(call), Some(Outcome::Later));
    }
    guard.say(Request::Refused { key: key(1, 1) });
    guard.say(Request::Refused { key: other });
    assert_eq!(guard.refused, [(key(1, 1), Refusal::Full), (other, Refusal::Full)]);
    assert_eq!(guard.answered(above(2, call(key(2, 0), Undo))), Some(Outcome::Undone), "one was forgotten");
}

#[test]
fn an_input_that_is_too_large_is_refused_for_good() {
    let mut guard = Guard::with(|config| config.max_input_bytes = 3);
    assert_eq!(guard.answered(call(KEY, Do)), Some(Outcome::Refused));
    assert_eq!((guard.stage(KEY), guard.all_asked.len()), (Some(Stage::Refused), 0));
}

#[test]
fn an_operator_may_say_what_was_done_by_hand_but_nothing_that_contradicts() {
    let mut guard = Guard::new();
    guard.say(Request::Refused { key: KEY });
    assert_eq!(guard.answered(call(KEY, Do)), Some(Outcome::Refused));
    guard.say(Request::Done { key: key(1, 1) });
    assert_eq!(guard.answered(call(key(1, 1), Do)), Some(Outcome::Done));
    guard.say(Request::Undone { key: key(1, 1) });
    assert_eq!(guard.answered(call(key(1, 1), Undo)), Some(Outcome::Undone));
    guard.call(key(1, 2), Do);
    guard.crash();
    guard.say(Request::Undone { key: key(1, 2) });
    assert_eq!((guard.accepted, guard.refused.len()), (4, 0));
    for (said, reason) in [
        (Request::Done { key: KEY }, Refusal::Contradiction),
        (Request::Undone { key: KEY }, Refusal::Contradiction),
        (Request::Refused { key: key(1, 1) }, Refusal::Contradiction),
        (Request::Failed { key: KEY }, Refusal::NotAsked),
        (Request::Failed { key: key(1, 9) }, Refusal::NotAsked),
    ] {
        guard.say(said);
        assert_eq!(guard.refused.pop(), Some((said.key(), reason)));
    }
    guard.say(Request::Refused { key: KEY });
    assert_eq!(guard.accepted, 5, "the same again is no contradiction");
}

#[test]
fn what_no_correct_peer_says_is_dropped_and_noticed() {
    let mut guard = Guard::new();
    let before = guard.machine.clone();
    let message = |call: Call<u32>| Message::Call(call);
    let cases = [
        (NodeId(1), message(call(KEY, Do)), Rejection::NotTheOwner),
        (HERE, message(call(Key { owner: HERE, ..KEY }, Do)), Rejection::NotTheOwner),
        (OWNER, message(above(2, call(KEY, Do))), Rejection::Malformed),
        (OWNER, Message::Answer(call(KEY, Do).answer(Outcome::Done)), Rejection::NotACall),
    ];
    for (from, message, reason) in cases {
        guard.step(Input::Message { from, message });
        assert_eq!((guard.rejected.pop(), &guard.machine), (Some(reason), &before));
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let built = |change: fn(&mut Config)| Service::<u32>::new(config(change)).err();
    assert_eq!(built(|config| config.max_owners = 0), Some(ConfigError::ZeroLimit("max_owners")));
    assert_eq!(built(|config| config.max_keys = 0), Some(ConfigError::ZeroLimit("max_keys")));
    assert_eq!(built(|config| config.max_log_entries = 3), Some(ConfigError::LogTooSmall));
}

/// A disk on which one key is done and another one under way.
fn disk() -> Disk {
    let mut guard = Guard::new();
    guard.call(KEY, Do);
    guard.work();
    guard.call(key(1, 1), Do);
    guard.disk
}

fn recover(records: impl IntoIterator<Item = Record<Cell, Entry>>) -> Result<Service<u32>, Corrupt> {
    let mut disk = disk();
    records.into_iter().for_each(|record| disk.apply(record).expect("it fits"));
    Service::recover(config(|_| {}), &disk, 0)
}

#[test]
fn a_disk_that_cannot_be_this_services_is_refused() {
    let put = |cell, value| Record::Put { cell, value };
    let identity = |cluster, node| Cell::Identity { cluster, node };
    assert!(recover([]).is_ok());
    for found in [(ClusterId(8), HERE), (ClusterId(7), OWNER)] {
        let foreign = recover([put(IDENTITY, identity(found.0, found.1))]);
        assert_eq!(foreign.unwrap_err(), Corrupt::Foreign { found });
    }
    assert_eq!(recover([Record::Remove { cell: IDENTITY }]).unwrap_err(), Corrupt::Missing(IDENTITY));
    let owners =
        |owners: &[u64]| Cell::Owners(owners.iter().map(|node| (NodeId(*node), Owner::default())).collect());
    let inconsistent = [
        put(IDENTITY, owners(&[0])),
        put(OWNERS, identity(ClusterId(7), HERE)),
        put(OWNERS, owners(&[1, 0])),
        put(OWNERS, owners(&[0, 0])),
        Record::Remove { cell: OWNERS },
        Record::Append {
            log: LOG,
            index: 4,
            entry: Entry { key: Key { owner: NodeId(5), ..KEY }, stage: Stage::Done },
        },
    ];
    for record in inconsistent {
        let found = recover([record.clone()]);
        assert!(matches!(found, Err(Corrupt::Inconsistent(_))), "{record:?}: {found:?}");
    }
}

#[test]
fn calls_carry_the_lowest_saga_that_is_not_forgotten() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    let floor = |bench: &Bench| match bench.network.back() {
        Some((.., Message::Call(call))) => call.floor,
        other => panic!("a call: {other:?}"),
    };
    bench.begin_as(SagaId(4));
    assert_eq!(floor(&bench), SagaId(0));
    bench.begin_as(SagaId(6));
    bench.network.pop_back();
    bench.run();
    bench.begin_as(SagaId(8));
    bench.run();
    for (forgotten, lowest) in [(8, 4), (4, 6), (6, 9)] {
        bench.forget(SagaId(forgotten));
        bench.begin_as(SagaId(20 + lowest));
        // The one just begun is the only one that is under way.
        assert_eq!(floor(&bench), SagaId(lowest));
        bench.run();
    }
}

/// What befalls a service.
#[derive(Clone, Debug)]
enum Move {
    Call(Call<u32>),
    Work,
    Fail,
    Say(Request),
    CrashWithin(usize),
}

fn some_move() -> impl Strategy<Value = Move> {
    let action = || prop_oneof![4 => Just(Do), 1 => Just(Probe), 2 => Just(Undo)];
    let some_key = || {
        (0u64..2, 1u64..5, 0u8..2).prop_map(|(owner, saga, step)| Key {
            owner: NodeId(owner),
            saga: SagaId(saga),
            step: StepId(step),
        })
    };
    let some_call = (some_key(), action(), 1u64..4, 0u64..5)
        .prop_map(|(key, action, epoch, floor)| Move::Call(of(epoch, above(floor, call(key, action)))));
    prop_oneof![
        10 => some_call,
        8 => Just(Move::Work),
        2 => Just(Move::Fail),
        1 => some_key().prop_map(|key| Move::Say(Request::Done { key })),
        1 => some_key().prop_map(|key| Move::Say(Request::Refused { key })),
        1 => some_key().prop_map(|key| Move::Say(Request::Undone { key })),
        2 => (0usize..8).prop_map(Move::CrashWithin),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench holds each step to the machine's invariants, and the machine to its disk, at every prefix of it.
    #[test]
    fn whatever_comes_a_service_stays_right_recovers_and_asks_for_nothing_that_is_over(
        moves in prop::collection::vec(some_move(), 0..100),
    ) {
        let mut guard = Guard::with(|config| {
            (config.max_owners, config.max_keys, config.max_log_entries) = (2, 5, 12);
        });
        let mut said: Vec<(Key, Outcome)> = Vec::new();
        for what in moves {
            let asked = guard.all_asked.len();
            match what {
                Move::Call(call) => guard.take(call),
                Move::Work => guard.work(),
                Move::Fail => {
                    if let Some((key, _)) = guard.asked.pop_front() {
                        guard.say(Request::Failed { key });
                    }
                }
                // Whoever is asked answers, and nobody else at the same time.
                Move::Say(request) if guard.asked.iter().any(|(key, _)| *key == request.key()) => {}
                Move::Say(request) => guard.say(request),
                Move::CrashWithin(effects) => guard.fuel = Some(effects),
            }
            for (key, action) in guard.all_asked.get(asked..).unwrap_or_default() {
                let over = |(of, outcome): &(Key, Outcome)| of == key && match outcome {
                    Outcome::Done => *action == Do,
                    Outcome::Refused | Outcome::Undone => true,
                    _ => false,
                };
                prop_assert!(!said.iter().any(over), "{key:?} is asked for, {action:?}, after {said:?}");
            }
            said.extend(guard.answers.drain(..).filter(|answer| {
                // That an undo failed says nothing for good.
                (answer.action, answer.outcome) != (Undo, Outcome::Refused)
            }).map(|answer| (answer.key, answer.outcome)));
        }
    }
}
