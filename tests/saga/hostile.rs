//! What no correct service says is dropped and noticed, and nothing that comes makes an orchestrator panic.

use proptest::prelude::*;
use quorate::id::{NodeId, Permutation, Permute};
use quorate::machine::Input;
use quorate::saga::{
    Action, Answer, Doubt, End, Epoch, Key, Message, Notice, Outcome, Rejection, Request, Resolution, SagaId,
    StepId, Timer,
};

use crate::bench::{Bench, ME, SAGA, diamond, s};

fn answer(step: u8, action: Action, outcome: Outcome) -> Answer {
    let key = Key { owner: ME, saga: SAGA, step: s(step) };
    Answer { key, epoch: Epoch(1), attempt: 0, action, outcome }
}

fn rejected(bench: &mut Bench, from: u64, answer: Answer) -> Option<Rejection> {
    let (before, told) = (bench.machine().clone(), bench.told.len());
    bench.step(Input::Message { from: NodeId(from), message: Message::Answer(answer) });
    match bench.told[told..] {
        [Notice::Rejected { from: named, reason }] => {
            assert_eq!((named, bench.machine()), (NodeId(from), &before), "nothing is changed");
            Some(reason)
        }
        _ => None,
    }
}

#[test]
fn who_is_told_of_is_renamed_with_everybody_else() {
    let renamed = |mut notice: Notice<u32>| {
        notice.permute(&Permutation::new(&[1, 0]));
        notice
    };
    let rejected = |from| Notice::Rejected { from: NodeId(from), reason: Rejection::Unasked };
    assert_eq!(renamed(rejected(0)), rejected(1));
    let ended = Notice::Ended { saga: SAGA, end: End::Completed };
    assert_eq!(renamed(ended.clone()), ended, "sagas keep their names");
}

#[test]
fn answers_that_no_correct_service_gives_are_dropped_and_noticed() {
    use Action::{Do, Probe, Undo};
    use Outcome::{Done, Refused, Undone, Unseen};
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    let foreign = Answer { key: Key { owner: NodeId(5), ..answer(0, Do, Done).key }, ..answer(0, Do, Done) };
    let nowhere = Answer { key: Key { saga: SagaId(9), ..answer(0, Do, Done).key }, ..answer(0, Do, Done) };
    let cases = [
        (1, foreign, Rejection::NotMine),
        (1, nowhere, Rejection::UnknownStep),
        (1, answer(4, Do, Done), Rejection::UnknownStep),
        (2, answer(0, Do, Done), Rejection::NotTheService),
        (2, answer(1, Do, Done), Rejection::Unasked),
        (2, answer(1, Do, Refused), Rejection::Unasked),
        (1, answer(0, Undo, Undone), Rejection::Unasked),
        (1, answer(0, Do, Undone), Rejection::Unasked),
        (1, answer(0, Do, Unseen), Rejection::Unasked),
        (1, answer(0, Undo, Done), Rejection::Unasked),
        (1, answer(0, Do, Outcome::Superseded { epoch: Epoch(1) }), Rejection::Unasked),
        (1, Answer { epoch: Epoch(0), ..answer(0, Do, Done) }, Rejection::OldEpoch),
        (1, Answer { epoch: Epoch(2), ..answer(0, Do, Done) }, Rejection::FutureEpoch),
    ];
    for (from, answer, reason) in cases {
        assert_eq!(rejected(&mut bench, from, answer), Some(reason), "{answer:?}");
    }
    assert_eq!(rejected(&mut bench, 1, answer(0, Probe, Done)), None, "whatever was asked, done is done");
    assert_eq!(rejected(&mut bench, 1, answer(0, Do, Refused)), Some(Rejection::Contradiction));
    bench.step(Input::Message { from: ME, message: Message::Answer(answer(1, Do, Done)) });
    assert_eq!(bench.told.last(), Some(&Notice::Rejected { from: ME, reason: Rejection::NotMine }));
}

#[test]
fn a_done_after_a_refusal_is_a_contradiction() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    assert_eq!(rejected(&mut bench, 1, answer(0, Action::Do, Outcome::Refused)), None);
    let done = answer(0, Action::Do, Outcome::Done);
    assert_eq!(rejected(&mut bench, 1, done), Some(Rejection::Contradiction));
    assert!(matches!(bench.end(), Some(End::Compensated { .. })));
}

fn some_answer() -> impl Strategy<Value = (u64, Answer)> {
    let action = prop_oneof![Just(Action::Do), Just(Action::Probe), Just(Action::Undo)];
    let outcome = prop_oneof![
        Just(Outcome::Done),
        Just(Outcome::Refused),
        Just(Outcome::Undone),
        Just(Outcome::Unseen),
        Just(Outcome::Later),
        (0u64..200).prop_map(|epoch| Outcome::Superseded { epoch: Epoch(epoch / 66) }),
    ];
    (0u8..5, 1u64..4, 0u64..3, 0u16..4, action, outcome).prop_map(
        |(step, saga, epoch, attempt, action, outcome)| {
            let key = Key { owner: ME, saga: SagaId(saga), step: StepId(step) };
            (u64::from(step) + 1, Answer { key, epoch: Epoch(epoch), attempt, action, outcome })
        },
    )
}

fn some_input() -> impl Strategy<Value = Input<Message<u32>, Timer, Request<u32>, quorate::saga::Entry<u32>>>
{
    let saga = || (1u64..4).prop_map(SagaId);
    let resolution =
        prop_oneof![Just(Resolution::Retry), Just(Resolution::Happened), Just(Resolution::Never)];
    let id = quorate::id::RequestId(1);
    let (definition, version) = (crate::bench::DEFINITION, crate::bench::VERSION);
    prop_oneof![
        1 => Just(Input::Start),
        12 => some_answer().prop_map(|(from, answer)| Input::Message {
            from: NodeId(from),
            message: Message::Answer(answer)
        }),
        6 => (saga(), 0u8..5).prop_map(|(saga, step)| Input::Timer(Timer::Step { saga, step: StepId(step) })),
        1 => saga().prop_map(|saga| Input::Timer(Timer::Deadline { saga })),
        3 => saga().prop_map(move |saga| Input::Request(Request::Begin { id, saga, definition, version, input: 0 })),
        1 => saga().prop_map(move |saga| Input::Request(Request::Cancel { id, saga })),
        1 => saga().prop_map(move |saga| Input::Request(Request::Forget { id, saga })),
        2 => (saga(), 0u8..5, resolution).prop_map(move |(saga, step, resolution)| Input::Request(
            Request::Resolve { id, saga, step: StepId(step), resolution }
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench holds each step to the machine's invariants, and the machine to its disk, at every prefix of it.
    #[test]
    fn whatever_comes_the_orchestrator_stays_right_and_recovers(
        inputs in prop::collection::vec(some_input(), 0..120),
        which in 0..2,
        crash in 0usize..200,
    ) {
        let doubt = if which == 0 { Doubt::Probe } else { Doubt::Retry };
        let plan = if crash % 2 == 0 { diamond(doubt) } else { crate::bench::tailed(doubt) };
        let mut bench = Bench::with([plan.with_deadline(crate::bench::LONG)], |config| {
            (config.max_sagas, config.max_log_entries) = (2, 8);
        });
        bench.fuel = Some(crash);
        for input in inputs {
            bench.step(input);
        }
    }
}
