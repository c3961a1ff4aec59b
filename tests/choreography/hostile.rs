//! What no correct participant or application says is dropped and noticed, and nothing that comes makes a participant
//! panic.

use proptest::prelude::*;
use quorate::id::{NodeId, RequestId};
use quorate::machine::{Input, InputOf};
use quorate::saga::choreography::{
    Answer, Facts, Message, Name, Notice, Participant, Rejection, Request, Timer,
};
use quorate::saga::{Action, Cause, Doubt, Outcome, Resolution, SagaId, StepId, StepSet};

use crate::bench::{Bench, DEFINITION, INPUT, LONG, ME, SAGA, VERSION, diamond, n, s, tailed};

type Word = Message<u32>;

fn facts(done: &[u8], failed: &[u8], clean: &[u8]) -> Facts {
    let set = |steps: &[u8]| steps.iter().fold(StepSet::EMPTY, |set, step| set.and(StepSet::of(s(*step))));
    let mut facts = Facts::default();
    (facts.done, facts.failed, facts.clean) = (set(done), set(failed), set(clean));
    facts.cause = failed.first().map(|step| Cause::Refused(s(*step)));
    facts
}

fn tell(saga: Name, facts: Facts) -> Word {
    let shape = diamond(Doubt::Retry).shape();
    let (definition, version, input) = (DEFINITION, VERSION, INPUT);
    Message::Event { saga, floor: SagaId(0), definition, version, shape, input, facts }
}

/// Has a node hear something, and gives why it was rejected: then nothing was changed.
fn rejected(bench: &mut Bench, at: u64, from: u64, message: Word) -> Option<Rejection> {
    let (before, told) = (bench.machine(n(at)).clone(), bench.told.len());
    bench.step(n(at), Input::Message { from: n(from), message });
    match bench.told[told..] {
        [(_, Notice::Rejected { from: named, reason })] => {
            assert_eq!((named, bench.machine(n(at))), (n(from), &before), "nothing is changed");
            Some(reason)
        }
        _ => None,
    }
}

#[test]
fn events_that_no_correct_participant_publishes_are_dropped_and_noticed() {
    use Rejection::{Contradiction, NotAParticipant, UnknownDefinition, UnknownSaga};
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.serve_one();
    bench.deliver_one();
    let nothing = Facts::default();
    let mut wished = nothing;
    wished.wish = Some(Cause::Cancelled);
    let mut alien = facts(&[], &[], &[]);
    alien.done = StepSet::of(StepId(40));
    let mut causeless = facts(&[0], &[2], &[]);
    causeless.cause = Some(Cause::Overdue);
    let mine = |saga| Name { initiator: ME, saga: SagaId(saga) };
    let Message::Event { saga, floor, definition, version, shape, facts: known, .. } = tell(SAGA, nothing)
    else {
        panic!("an event is one")
    };
    let other = Message::Event { saga, floor, definition, version, shape, input: 3, facts: known };
    let shapeless =
        Message::Event { saga: mine(2), floor, definition, version, shape: 0, input: INPUT, facts: known };
    let cases = [
        (1, 9, tell(SAGA, nothing), NotAParticipant),
        (1, 1, tell(SAGA, nothing), NotAParticipant),
        (1, 2, tell(Name { initiator: n(9), saga: SagaId(1) }, nothing), NotAParticipant),
        (1, 2, Message::Over { initiator: n(9), floor: SagaId(3) }, NotAParticipant),
        (0, 2, tell(mine(7), nothing), UnknownSaga),
        (1, 2, Message::Ack { saga: mine(7), facts: nothing }, UnknownSaga),
        (1, 2, shapeless, UnknownDefinition),
        (1, 2, other, Contradiction),
        (0, 1, tell(SAGA, wished), Contradiction),
        (0, 1, Message::Ack { saga: SAGA, facts: wished }, Contradiction),
        // Of its own steps a participant knows best.
        (1, 2, tell(SAGA, facts(&[0, 1], &[], &[])), Contradiction),
        (1, 2, tell(SAGA, facts(&[0], &[1], &[])), Contradiction),
        (1, 2, tell(SAGA, facts(&[0], &[2], &[1])), Contradiction),
        // A step that is not there, one done before its time, done and given up, clean for no reason.
        (1, 2, tell(SAGA, alien), Contradiction),
        (1, 2, tell(SAGA, facts(&[2], &[], &[])), Contradiction),
        (1, 2, tell(SAGA, facts(&[0], &[0], &[])), Contradiction),
        (1, 2, tell(SAGA, facts(&[0], &[], &[2])), Contradiction),
        (1, 2, tell(SAGA, causeless), Contradiction),
        // A pivot given up and not clean; a step undone before those after it.
        (1, 3, tell(SAGA, facts(&[0], &[3], &[])), Contradiction),
        (1, 0, tell(SAGA, facts(&[0], &[2], &[0, 2])), Contradiction),
        // What was known is contradicted: the first step cannot be given up any more.
        (1, 0, tell(SAGA, facts(&[], &[0], &[])), Contradiction),
    ];
    for (at, from, message, reason) in cases {
        let told = format!("{message:?}");
        assert_eq!(rejected(&mut bench, at, from, message), Some(reason), "{told}");
    }
    bench.run();
    assert!(bench.end().is_some(), "none of it did harm");
}

#[test]
fn a_saga_is_not_heard_of_from_nor_by_who_has_no_part_in_it() {
    let mut bench = Bench::new(tailed(Doubt::Retry));
    let shape = tailed(Doubt::Retry).shape();
    let (definition, version, input, floor) = (DEFINITION, VERSION, INPUT, SagaId(0));
    let saga = Name { initiator: n(1), saga: SagaId(1) };
    let event = Message::Event { saga, floor, definition, version, shape, input, facts: Facts::default() };
    assert_eq!(rejected(&mut bench, 2, 1, event), None);
    let mut bench = Bench::new(crate::bench::apart(Doubt::Retry));
    let shape = crate::bench::apart(Doubt::Retry).shape();
    for (at, from) in [(2, 3), (3, 1)] {
        let event =
            Message::Event { saga, floor, definition, version, shape, input, facts: Facts::default() };
        assert_eq!(rejected(&mut bench, at, from, event), Some(Rejection::NotAParticipant));
    }
}

fn answered(bench: &mut Bench, at: u64, answer: Answer) -> Option<Rejection> {
    let told = bench.told.len();
    bench.step(n(at), Input::Request(Request::Answer(answer)));
    match bench.told[told..] {
        [(_, Notice::Rejected { reason, .. })] => Some(reason),
        _ => None,
    }
}

#[test]
fn answers_that_no_correct_application_gives_are_dropped_and_noticed() {
    use Action::{Do, Probe, Undo};
    use Outcome::{Done, Refused, Undone, Unseen};
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    let answer = |step, action, outcome| Answer { key: SAGA.key(s(step)), attempt: 0, action, outcome };
    let nowhere = Name { initiator: ME, saga: SagaId(9) }.key(s(0));
    let cases = [
        (0, Answer { key: nowhere, ..answer(0, Do, Done) }, Rejection::UnknownSaga),
        (0, answer(1, Do, Done), Rejection::UnknownStep),
        (0, answer(9, Do, Done), Rejection::UnknownStep),
        (1, answer(1, Do, Done), Rejection::UnknownSaga),
        (0, answer(0, Undo, Undone), Rejection::Unasked),
        (0, answer(0, Do, Undone), Rejection::Unasked),
        (0, answer(0, Do, Unseen), Rejection::Unasked),
        (0, answer(0, Undo, Done), Rejection::Unasked),
        (0, answer(0, Do, Outcome::Superseded { epoch: quorate::saga::Epoch(3) }), Rejection::Unasked),
    ];
    for (at, answer, reason) in cases {
        assert_eq!(answered(&mut bench, at, answer), Some(reason), "{answer:?}");
    }
    assert_eq!(answered(&mut bench, 0, answer(0, Probe, Done)), None, "whatever was asked, done is done");
    assert_eq!(answered(&mut bench, 0, answer(0, Do, Refused)), Some(Rejection::Contradiction));
    while bench.deliver_one() {}
    assert_eq!(answered(&mut bench, 3, answer(3, Do, Done)), Some(Rejection::UnknownSaga));
    assert_eq!(answered(&mut bench, 1, answer(1, Do, Refused)), None);
    while bench.deliver_one() {}
    assert_eq!(answered(&mut bench, 3, answer(3, Do, Done)), Some(Rejection::Unasked));
    bench.run();
    assert!(bench.end().is_some());
}

fn some_facts() -> impl Strategy<Value = Facts> {
    let cause = || {
        prop_oneof![
            4 => Just(None),
            1 => (0u8..7).prop_map(|step| Some(Cause::Refused(s(step)))),
            1 => (0u8..7).prop_map(|step| Some(Cause::Exhausted(s(step)))),
            1 => Just(Some(Cause::Cancelled)),
            1 => Just(Some(Cause::Overdue)),
        ]
    };
    let sets = || {
        let any_set = prop::collection::vec(0u8..7, 0..5)
            .prop_map(|steps| steps.iter().fold(StepSet::EMPTY, |set, step| set.and(StepSet::of(s(*step)))));
        prop_oneof![3 => Just(StepSet::EMPTY), 2 => (1usize..7).prop_map(StepSet::first), 2 => any_set]
    };
    (cause(), cause(), sets(), sets(), sets()).prop_map(|(wish, cause, done, failed, clean)| {
        let mut facts = Facts::default();
        (facts.wish, facts.cause) = (wish, cause);
        (facts.done, facts.failed, facts.clean) = (done, failed, clean);
        facts
    })
}

fn some_name() -> impl Strategy<Value = Name> {
    (0u64..5, 1u64..4).prop_map(|(node, saga)| Name { initiator: n(node), saga: SagaId(saga) })
}

fn some_message(shape: u64) -> impl Strategy<Value = Word> {
    let (definition, version) = (DEFINITION, VERSION);
    prop_oneof![
        8 => (some_name(), 0u64..3, some_facts(), 0u32..8).prop_map(move |(saga, floor, facts, odd)| {
            let input = if odd == 0 { 1 } else { INPUT };
            Message::Event { saga, floor: SagaId(floor), definition, version, shape, input, facts }
        }),
        4 => (some_name(), some_facts()).prop_map(|(saga, facts)| Message::Ack { saga, facts }),
        1 => (0u64..5, 0u64..5).prop_map(|(node, floor)| Message::Over {
            initiator: n(node),
            floor: SagaId(floor)
        }),
    ]
}

fn some_answer() -> impl Strategy<Value = Answer> {
    let action = prop_oneof![Just(Action::Do), Just(Action::Probe), Just(Action::Undo)];
    let outcome = prop_oneof![
        4 => Just(Outcome::Done),
        2 => Just(Outcome::Refused),
        4 => Just(Outcome::Undone),
        1 => Just(Outcome::Unseen),
        1 => Just(Outcome::Later),
    ];
    (some_name(), 0u8..7, 0u16..3, action, outcome).prop_map(|(name, step, attempt, action, outcome)| {
        Answer { key: name.key(s(step)), attempt, action, outcome }
    })
}

fn some_request() -> impl Strategy<Value = Request<u32>> {
    let id = RequestId(1);
    let saga = || (1u64..4).prop_map(SagaId);
    let resolution =
        prop_oneof![Just(Resolution::Retry), Just(Resolution::Happened), Just(Resolution::Never)];
    let (definition, version, input) = (DEFINITION, VERSION, INPUT);
    prop_oneof![
        3 => saga().prop_map(move |saga| Request::Begin { id, saga, definition, version, input }),
        1 => saga().prop_map(move |saga| Request::Cancel { id, saga }),
        1 => saga().prop_map(move |saga| Request::Forget { id, saga }),
        2 => (some_name(), 0u8..7, resolution).prop_map(move |(saga, step, resolution)| Request::Resolve {
            id,
            saga,
            step: s(step),
            resolution
        }),
        8 => some_answer().prop_map(Request::Answer),
    ]
}

fn some_input(shape: u64) -> impl Strategy<Value = InputOf<Participant<u32>>> {
    prop_oneof![
        1 => Just(Input::Start),
        10 => (0u64..6, some_message(shape)).prop_map(|(from, message)| Input::Message {
            from: NodeId(from),
            message
        }),
        3 => (some_name(), 0u8..7).prop_map(|(saga, step)| Input::Timer(Timer::Step { saga, step: s(step) })),
        1 => some_name().prop_map(|saga| Input::Timer(Timer::Publish { saga })),
        1 => some_name().prop_map(|saga| Input::Timer(Timer::Deadline { saga })),
        8 => some_request().prop_map(Input::Request),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench holds each step to the machine's invariants, and the machine to its disk, at every prefix of it.
    #[test]
    fn whatever_comes_the_participant_stays_right_and_recovers(
        inputs in prop::collection::vec((0u64..4, some_input(tailed(Doubt::Probe).shape())), 0..120),
        crash in 0usize..200,
    ) {
        let plan = tailed(Doubt::Probe).with_deadline(LONG);
        let mut bench = Bench::with([plan], |config| (config.max_sagas, config.max_log_entries) = (2, 16));
        bench.nodes.iter_mut().for_each(|node| node.fuel = Some(crash));
        for (at, input) in inputs {
            bench.step(n(at), input);
        }
    }
}
