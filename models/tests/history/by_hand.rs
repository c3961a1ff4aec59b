//! Histories drawn by hand, on both sides of each line. A call is drawn from `|` to `|`, a lost answer as `?`.

use quorate_models::history::{
    Answer, BUDGET, Call, Causality, Client, Event, EventKind, Guarantee, History, Key, Kv, KvOperation,
    KvOutcome, List, ListOperation, ListOutcome, Lock, LockOperation, LockOutcome, Queue, QueueOperation,
    QueueOutcome, Register, RegisterOperation, RegisterOutcome, Undecided, Unsuitable, Verdict, causal,
    convergent, linearizable, sequential, session,
};

/// The history of some calls.
pub fn history_of<O, R>(calls: impl IntoIterator<Item = Call<O, R>>) -> History<O, R> {
    let events = calls.into_iter().flat_map(|call| {
        let Call { client, key, called, operation, answer } = call;
        let (at, kind) = match answer {
            Answer::Returned { at, outcome } => (at, EventKind::Returned(outcome)),
            Answer::Unknown => (called, EventKind::Unknown),
        };
        [Event { client, at: called, kind: EventKind::Called(key, operation) }, Event { client, at, kind }]
    });
    History::from_events(events).expect("clients of one call at a time")
}

/// A call of client `who` to key 0, from when to when.
fn call<O, R>(who: u32, (called, at): (u64, u64), operation: O, outcome: R) -> Call<O, R> {
    Call { client: Client(who), key: Key(0), called, operation, answer: Answer::Returned { at, outcome } }
}

fn lost<O, R>(who: u32, called: u64, operation: O) -> Call<O, R> {
    Call { client: Client(who), key: Key(0), called, operation, answer: Answer::Unknown }
}

type RegisterCall = Call<RegisterOperation<u64>, RegisterOutcome<u64>>;

fn write(who: u32, times: (u64, u64), value: u64) -> RegisterCall {
    call(who, times, RegisterOperation::Write(value), RegisterOutcome::Done)
}

fn read(who: u32, times: (u64, u64), value: u64) -> RegisterCall {
    call(who, times, RegisterOperation::Read, RegisterOutcome::Value(value))
}

fn cas(who: u32, times: (u64, u64), (from, to): (u64, u64), swapped: bool) -> RegisterCall {
    call(who, times, RegisterOperation::Cas(from, to), RegisterOutcome::Swapped(swapped))
}

/// The same on key 1.
fn y(call: RegisterCall) -> RegisterCall {
    Call { key: Key(1), ..call }
}

const REGISTER: Register<u64> = Register { initial: 0 };

fn is_linearizable(calls: &[RegisterCall]) -> bool {
    let verdict = linearizable(&REGISTER, &history_of(calls.to_vec()), BUDGET);
    assert!(!matches!(verdict, Verdict::Undecided(_)));
    verdict.holds()
}

fn is_sequential(calls: &[RegisterCall]) -> bool {
    let verdict = sequential(&REGISTER, &history_of(calls.to_vec()), BUDGET);
    assert!(!matches!(verdict, Verdict::Undecided(_)));
    verdict.holds()
}

fn is_causal(calls: &[RegisterCall], causality: Causality) -> bool {
    causal(&REGISTER, &history_of(calls.to_vec()), causality).expect("distinct values").holds()
}

fn has(guarantee: Guarantee, calls: &[RegisterCall]) -> bool {
    session(&REGISTER, &history_of(calls.to_vec()), guarantee).expect("distinct values").holds()
}

mod linearizability {
    use super::*;

    #[test]
    fn a_read_after_a_write_finds_it() {
        // 1: |-w 1-|
        // 2:         |-r-|
        assert!(is_linearizable(&[write(1, (0, 10), 1), read(2, (20, 30), 1)]));
        assert!(!is_linearizable(&[write(1, (0, 10), 1), read(2, (20, 30), 0)]));
    }

    #[test]
    fn a_read_beside_a_write_finds_it_or_not() {
        // 1: |---w 1---|
        // 2:    |-r-|
        assert!(is_linearizable(&[write(1, (0, 30), 1), read(2, (10, 20), 1)]));
        assert!(is_linearizable(&[write(1, (0, 30), 1), read(2, (10, 20), 0)]));
    }

    #[test]
    fn what_was_read_is_not_unread() {
        // 1: |---------w 1---------|
        // 2:    |-r 1-|
        // 3:            |-r-|
        assert!(is_linearizable(&[write(1, (0, 90), 1), read(2, (10, 20), 1), read(3, (30, 40), 1)]));
        assert!(!is_linearizable(&[write(1, (0, 90), 1), read(2, (10, 20), 1), read(3, (30, 40), 0)]));
    }

    #[test]
    fn calls_at_one_instant_are_concurrent() {
        // 1: |-w 1-|
        // 2:       |-r 0-|
        assert!(is_linearizable(&[write(1, (0, 10), 1), read(2, (10, 30), 0)]));
        assert!(!is_linearizable(&[write(1, (0, 10), 1), read(2, (11, 30), 0)]));
    }

    #[test]
    fn a_lost_write_takes_effect_late_or_never_but_not_early() {
        // 1:       |-w 1  ?
        // 2: |-r-|          |-r-|  |-r-|
        assert!(is_linearizable(&[
            lost(1, 50, RegisterOperation::Write(1)),
            read(2, (60, 70), 0),
            read(2, (80, 90), 1)
        ]));
        assert!(is_linearizable(&[
            lost(1, 50, RegisterOperation::Write(1)),
            read(2, (60, 70), 0),
            read(2, (80, 90), 0)
        ]));
        assert!(!is_linearizable(&[
            lost(1, 50, RegisterOperation::Write(1)),
            read(2, (60, 70), 1),
            read(2, (80, 90), 0)
        ]));
        assert!(!is_linearizable(&[lost(1, 50, RegisterOperation::Write(1)), read(2, (20, 30), 1)]));
    }

    #[test]
    fn a_swap_needs_what_it_finds() {
        // 1: |-w 1-|            2: |-cas 1 2-|  |-cas 1 3-|
        let good = [write(1, (0, 10), 1), cas(2, (20, 30), (1, 2), true), cas(2, (40, 50), (1, 3), false)];
        let bad = [write(1, (0, 10), 1), cas(2, (20, 30), (1, 2), true), cas(2, (40, 50), (1, 3), true)];
        assert!(is_linearizable(&good));
        assert!(!is_linearizable(&bad));
    }

    #[test]
    fn a_write_of_what_is_there_is_still_a_write() {
        // It changes nothing where it is called, and is needed later.
        // 1: |-w 1-|  |----w 1----|
        // 2:            |-w 2-|
        // 3:                        |-r-|
        let calls = [write(1, (0, 10), 1), write(1, (20, 60), 1), write(2, (30, 40), 2)];
        assert!(is_linearizable(&[&calls[..], &[read(3, (70, 80), 1)]].concat()));
        assert!(is_linearizable(&[&calls[..], &[read(3, (70, 80), 2)]].concat()));
        assert!(!is_linearizable(&[&calls[..], &[read(3, (70, 80), 0)]].concat()));
    }

    #[test]
    fn objects_are_looked_at_alone() {
        // 1: |-x: w 1-|  |-y: r-|
        let calls = |found| [write(1, (0, 10), 1), y(read(1, (20, 30), found))];
        assert!(is_linearizable(&calls(0)));
        assert!(!is_linearizable(&calls(1)));
    }

    #[test]
    fn a_store_deletes_and_counts_as_redis_does() {
        let calls = |number| {
            history_of([
                call(1, (0, 1), KvOperation::Incr, KvOutcome::Number(1)),
                call(1, (2, 3), KvOperation::Set("x".into()), KvOutcome::Done),
                call(1, (4, 5), KvOperation::Incr, KvOutcome::NotANumber),
                call(1, (6, 7), KvOperation::Del, KvOutcome::Deleted(true)),
                call(1, (8, 9), KvOperation::Set(i64::MAX.to_string().into()), KvOutcome::Done),
                call(1, (10, 11), KvOperation::Incr, KvOutcome::NotANumber),
                call(1, (12, 13), KvOperation::Set("007".into()), KvOutcome::Done),
                call(1, (14, 15), KvOperation::Incr, number),
            ])
        };
        assert!(linearizable(&Kv, &calls(KvOutcome::NotANumber), BUDGET).holds());
        assert!(linearizable(&Kv, &calls(KvOutcome::Number(8)), BUDGET).violation().is_some());
    }

    #[test]
    fn a_list_keeps_what_was_read_in_its_order() {
        // 1: |--a 1--|          2: |--a 2--|          3: |-r 1 2-|  |-r ..-|
        let lists = |second: &[u64]| {
            history_of([
                call(1, (0, 10), ListOperation::Append(1), ListOutcome::Done),
                call(2, (0, 10), ListOperation::Append(2), ListOutcome::Done),
                call(3, (20, 30), ListOperation::Read, ListOutcome::Items(vec![1, 2])),
                call(3, (40, 50), ListOperation::Read, ListOutcome::Items(second.to_vec())),
            ])
        };
        assert!(linearizable(&List::default(), &lists(&[1, 2]), BUDGET).holds());
        assert!(linearizable(&List::default(), &lists(&[2, 1]), BUDGET).violation().is_some());
        assert!(linearizable(&List::default(), &lists(&[1]), BUDGET).violation().is_some());
    }

    #[test]
    fn a_queue_gives_first_what_came_first() {
        // 1: |-e 1-|  |-e 2-|          2:              |-d-|
        let queues = |item| {
            history_of([
                call(1, (0, 10), QueueOperation::Enqueue(1), QueueOutcome::Done),
                call(1, (20, 30), QueueOperation::Enqueue(2), QueueOutcome::Done),
                call(2, (40, 50), QueueOperation::Dequeue, QueueOutcome::Item(item)),
            ])
        };
        assert!(linearizable(&Queue::default(), &queues(Some(1)), BUDGET).holds());
        assert!(linearizable(&Queue::default(), &queues(Some(2)), BUDGET).violation().is_some());
        assert!(linearizable(&Queue::default(), &queues(None), BUDGET).violation().is_some());
    }

    #[test]
    fn a_lock_has_one_holder() {
        // 1: |-acquire-|                2:          |-acquire-|
        let locks = |second| {
            history_of([
                call(1, (0, 10), LockOperation::Acquire(1), LockOutcome::Acquired(true)),
                call(2, (20, 30), LockOperation::Acquire(2), LockOutcome::Acquired(second)),
            ])
        };
        assert!(linearizable(&Lock, &locks(false), BUDGET).holds());
        assert!(linearizable(&Lock, &locks(true), BUDGET).violation().is_some());
    }

    #[test]
    fn a_thousand_lost_writes_cost_no_more_than_as_many_that_were_not() {
        let swaps = (0..1_000).map(|n| lost(n as u32, n, RegisterOperation::Write(n % 500)));
        let end = [
            cas(9_999, (5_000, 5_001), (7, 600), true),
            read(9_999, (5_002, 5_003), 8),
            read(9_999, (5_004, 5_005), 7),
        ];
        let calls: Vec<RegisterCall> = swaps.chain(end).collect();
        assert!(linearizable(&REGISTER, &history_of(calls.clone()), 1_000_000).holds());
        let bad = calls.into_iter().chain([read(9_999, (5_006, 5_007), 501)]);
        assert!(linearizable(&REGISTER, &history_of(bad), 1_000_000).violation().is_some());
    }

    #[test]
    fn five_hundred_writes_at_once_are_no_trouble_where_values_are_distinct() {
        let writes = (0..500).map(|n| write(n, (u64::from(n), 10_000 + u64::from(n)), u64::from(n) + 1));
        let reads = [read(900, (20_000, 20_001), 77), read(900, (20_002, 20_003), 77)];
        let calls: Vec<RegisterCall> = writes.chain(reads).collect();
        assert!(is_linearizable(&calls));
        assert!(!is_linearizable(&[&calls[..], &[read(900, (20_004, 20_005), 78)]].concat()));
    }

    #[test]
    fn a_search_without_budget_says_that_it_knows_nothing() {
        let calls = history_of([cas(1, (0, 10), (0, 1), true), cas(2, (0, 10), (0, 1), true)]);
        let key = Some(Key(0));
        assert_eq!(linearizable(&REGISTER, &calls, 0), Verdict::Undecided(Undecided::Budget { key }));
        assert!(linearizable(&REGISTER, &calls, 100).violation().is_some());
    }

    #[test]
    fn a_violation_is_told_in_a_few_lines() {
        // Around it, much that has nothing to do with it.
        let around = (0..50).map(|n| write(9, (1_000 + 20 * n, 1_010 + 20 * n), 100 + n));
        let calls = around.chain([
            write(1, (0, 10), 1),
            write(1, (20, 30), 2),
            read(2, (40, 50), 1),
            read(2, (60, 70), 2),
        ]);
        let history = history_of(calls);
        let verdict = linearizable(&REGISTER, &history, BUDGET);
        let violation = verdict.violation().expect("a stale read");
        assert!(violation.minimal);
        assert_eq!(
            violation.explain(&history),
            "no order of these calls explains their outcomes, whatever became of all others:\n  \
             client 1  20..30  0: write 2 -> done\n  \
             client 2  40..50  0: read -> 1  <- finds no place"
        );
    }
}

mod sequential_consistency {
    use super::*;

    #[test]
    fn other_clients_may_be_behind_but_not_a_client_itself() {
        // 1: |-w 1-|
        // 2:         |-r 0-|
        assert!(is_sequential(&[write(1, (0, 10), 1), read(2, (20, 30), 0)]));
        assert!(!is_sequential(&[write(1, (0, 10), 1), read(1, (20, 30), 0)]));
    }

    #[test]
    fn all_agree_on_one_order() {
        // 1: |-w 1-|    2: |-w 2-|    3: |-r 1-| |-r 2-|    4: |-r 2-| |-r 1-|
        let writes = [write(1, (0, 10), 1), write(2, (0, 10), 2), read(3, (20, 30), 1), read(3, (40, 50), 2)];
        assert!(is_sequential(&[&writes[..], &[read(4, (20, 30), 1), read(4, (40, 50), 2)]].concat()));
        assert!(!is_sequential(&[&writes[..], &[read(4, (20, 30), 2), read(4, (40, 50), 1)]].concat()));
    }

    #[test]
    fn each_object_may_be_consistent_and_the_whole_not() {
        // 1: |-x: w 1-| |-y: r-|
        // 2: |-y: w 2-| |-x: r-|
        let calls = |by_one, by_two| {
            [
                write(1, (0, 10), 1),
                y(read(1, (20, 30), by_one)),
                y(write(2, (0, 10), 2)),
                read(2, (20, 30), by_two),
            ]
        };
        assert!(is_sequential(&calls(2, 0)));
        assert!(!is_sequential(&calls(0, 0)));
    }

    #[test]
    fn a_lost_write_may_come_after_its_clients_next_call_but_not_before_its_last() {
        // 1: |-w 1-| |-w 2 ? |-r 1-|       2: |-r-| |-r-|
        let calls = [write(1, (0, 10), 1), lost(1, 20, RegisterOperation::Write(2)), read(1, (30, 40), 1)];
        assert!(is_sequential(&[&calls[..], &[read(2, (0, 10), 1), read(2, (20, 30), 2)]].concat()));
        assert!(!is_sequential(&[&calls[..], &[read(2, (0, 10), 2), read(2, (20, 30), 1)]].concat()));
    }
}

mod causal_consistency {
    use super::*;

    const BOTH: [Causality; 2] = [Causality::Weak, Causality::Convergent];

    #[test]
    fn who_sees_an_answer_sees_the_question() {
        // 1: |-x: w 1-|
        // 2:   |-x: r 1-| |-y: w 2-|
        // 3:                |-y: r 2-| |-x: r-|
        let calls = |found| {
            [
                write(1, (0, 10), 1),
                read(2, (20, 30), 1),
                y(write(2, (40, 50), 2)),
                y(read(3, (60, 70), 2)),
                read(3, (80, 90), found),
            ]
        };
        for causality in BOTH {
            assert!(is_causal(&calls(1), causality));
            assert!(!is_causal(&calls(0), causality));
        }
    }

    #[test]
    fn what_was_overwritten_in_its_own_past_is_not_read() {
        // 1: |-w 1-| |-w 2-|    2: |-r 2-| |-r 1-|
        let calls = |one, two| {
            [write(1, (0, 10), 1), write(1, (20, 30), 2), read(2, (0, 10), one), read(2, (20, 30), two)]
        };
        for causality in BOTH {
            assert!(is_causal(&calls(1, 2), causality));
            assert!(!is_causal(&calls(2, 1), causality));
        }
    }

    #[test]
    fn nothing_is_read_before_what_it_comes_from() {
        // 1: |-x: r 2-| |-y: w 1-|    2: |-y: r 1-| |-x: w 2-|
        let calls = |found| {
            [read(1, (0, 10), found), y(write(1, (20, 30), 1)), y(read(2, (0, 10), 1)), write(2, (20, 30), 2)]
        };
        for causality in BOTH {
            assert!(is_causal(&calls(0), causality));
            assert!(!is_causal(&calls(2), causality));
            assert!(!is_causal(&calls(3), causality), "nobody wrote 3");
        }
    }

    #[test]
    fn unrelated_writes_have_one_order_only_under_convergence() {
        // 1: |-w 1-| |-r 2-|    2: |-w 2-| |-r 1-|
        let calls = [write(1, (0, 10), 1), read(1, (20, 30), 2), write(2, (0, 10), 2), read(2, (20, 30), 1)];
        assert!(is_causal(&calls, Causality::Weak));
        assert!(!is_causal(&calls, Causality::Convergent));
    }

    #[test]
    fn values_must_be_distinct() {
        let twice = history_of([write(1, (0, 10), 1), write(2, (0, 10), 1)]);
        let swap = history_of([cas(1, (0, 10), (0, 1), true)]);
        assert_eq!(causal(&REGISTER, &twice, Causality::Weak), Err(Unsuitable::NotDistinct { call: 1 }));
        assert_eq!(causal(&REGISTER, &swap, Causality::Weak), Err(Unsuitable::NotARegister { call: 0 }));
    }
}

mod session_guarantees {
    use super::*;

    #[test]
    fn a_client_reads_its_writes() {
        // 1: |-w 1-| |-r-|
        for (found, kept) in [(1, true), (0, false)] {
            assert_eq!(
                has(Guarantee::ReadYourWrites, &[write(1, (0, 10), 1), read(1, (20, 30), found)]),
                kept
            );
        }
        assert!(
            has(Guarantee::ReadYourWrites, &[write(1, (0, 10), 1), read(2, (20, 30), 0)]),
            "another's write"
        );
        assert!(!has(
            Guarantee::ReadYourWrites,
            &[write(1, (0, 1), 1), write(1, (2, 3), 2), read(1, (4, 5), 1)]
        ));
    }

    #[test]
    fn reads_do_not_go_back() {
        // 1: |-w 1-|    2: |-r 1-| |-r-|
        for (found, kept) in [(1, true), (0, false)] {
            let calls = [write(1, (0, 10), 1), read(2, (0, 10), 1), read(2, (20, 30), found)];
            assert_eq!(has(Guarantee::MonotonicReads, &calls), kept);
            assert!(has(Guarantee::ReadYourWrites, &calls));
        }
    }

    #[test]
    fn reads_do_not_go_there_and_back() {
        // 1: |-w 1-|    2: |-w 2-|    3: |-r 1-| |-r 2-| |-r-|
        for (found, kept) in [(2, true), (1, false)] {
            let writes = [write(1, (0, 10), 1), write(2, (0, 10), 2)];
            let reads = [read(3, (0, 10), 1), read(3, (20, 30), 2), read(3, (40, 50), found)];
            assert_eq!(has(Guarantee::MonotonicReads, &[&writes[..], &reads].concat()), kept);
        }
    }

    #[test]
    fn a_clients_writes_are_seen_in_its_order() {
        // 1: |-x: w 1-| |-y: w 2-|    2: |-y: r 2-| |-x: r-|
        for (found, kept) in [(1, true), (0, false)] {
            let calls = [
                write(1, (0, 10), 1),
                y(write(1, (20, 30), 2)),
                y(read(2, (0, 10), 2)),
                read(2, (20, 30), found),
            ];
            assert_eq!(has(Guarantee::MonotonicWrites, &calls), kept);
            assert!(has(Guarantee::MonotonicReads, &calls) && has(Guarantee::WritesFollowReads, &calls));
        }
    }

    #[test]
    fn who_sees_an_answer_sees_the_question() {
        // 1: |-x: w 1-|    2: |-x: r 1-| |-y: w 2-|    3: |-y: r 2-| |-x: r-|
        for (found, kept) in [(1, true), (0, false)] {
            let calls = [
                write(1, (0, 10), 1),
                read(2, (0, 10), 1),
                y(write(2, (20, 30), 2)),
                y(read(3, (0, 10), 2)),
                read(3, (20, 30), found),
            ];
            assert_eq!(has(Guarantee::WritesFollowReads, &calls), kept);
            assert!(has(Guarantee::MonotonicWrites, &calls) && has(Guarantee::MonotonicReads, &calls));
        }
    }
}

mod convergence {
    use super::*;

    fn verdict(calls: &[RegisterCall], quiet: Option<u64>) -> Verdict {
        convergent(&REGISTER, &history_of(calls.to_vec()), quiet, BUDGET)
    }

    #[test]
    fn all_read_the_same_once_all_is_quiet() {
        // 1: |--w 1--|     3:  |-r 0-|  |-r 2-|
        // 2: |--w 2--|     4:           |-r  -|
        let calls = |other| {
            [
                write(1, (0, 9), 1),
                write(2, (0, 9), 2),
                read(3, (5, 6), 0),
                read(3, (20, 30), 2),
                read(4, (20, 30), other),
            ]
        };
        assert!(verdict(&calls(2), None).holds());
        assert!(verdict(&calls(1), None).violation().is_some());
        assert!(verdict(&calls(1), Some(25)).violation().is_none(), "not all is quiet yet");
    }

    #[test]
    fn what_was_acknowledged_is_not_lost() {
        // 1: |-w 1-| |-w 2-|    2:  |-r-|
        let calls = |found| [write(1, (0, 10), 1), write(1, (20, 30), 2), read(2, (40, 50), found)];
        assert!(verdict(&calls(2), None).holds());
        assert!(verdict(&calls(1), None).violation().is_some());
        assert!(verdict(&calls(0), None).violation().is_some());
    }

    #[test]
    fn every_acknowledged_append_is_there_at_the_end() {
        let lists = |items: &[u64]| {
            history_of([
                call(1, (0, 10), ListOperation::Append(1), ListOutcome::Done),
                call(2, (0, 10), ListOperation::Append(2), ListOutcome::Done),
                lost(3, 5, ListOperation::Append(3)),
                call(4, (20, 30), ListOperation::Read, ListOutcome::Items(items.to_vec())),
            ])
        };
        for good in [&[2, 1][..], &[1, 2], &[3, 1, 2]] {
            assert!(convergent(&List::default(), &lists(good), None, BUDGET).holds());
        }
        for bad in [&[2][..], &[1, 2, 2], &[1, 2, 4]] {
            assert!(convergent(&List::default(), &lists(bad), None, BUDGET).violation().is_some());
        }
    }

    #[test]
    fn an_object_that_nobody_read_at_the_end_is_undecided() {
        let undecided = Verdict::Undecided(Undecided::NeverRead { key: Key(0), quiet: 10 });
        assert_eq!(verdict(&[write(1, (0, 10), 1)], None), undecided);
    }
}
