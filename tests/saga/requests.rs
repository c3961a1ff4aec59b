//! What the application asks is answered once, or refused with a reason.

use quorate::id::RequestId;
use quorate::machine::{Input, Machine};
use quorate::saga::{
    Action, DefinitionId, Doubt, End, Key, Kind, Notice, Outcome, Outline, Policy, Refusal, Request,
    Resolution, SagaId, Step, StepId, TaskId, Version,
};
use quorate::time::Time;

use crate::bench::{Bench, DEFINITION, Fate, INPUT, ME, SAGA, VERSION, diamond, s};

fn begin(bench: &mut Bench, saga: u64, definition: u64, version: u32, input: u32) -> RequestId {
    bench.request(|id| Request::Begin {
        id,
        saga: SagaId(saga),
        definition: DefinitionId(definition),
        version: Version(version),
        input,
    })
}

fn refused(bench: &Bench, id: RequestId) -> Refusal {
    match bench.answers(id)[..] {
        [Notice::Refused { reason, .. }] => reason,
        ref other => panic!("refused once: {other:?}"),
    }
}

#[test]
fn beginning_again_with_the_same_words_is_accepted_and_happens_once() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    let first = bench.begin();
    let again = bench.begin();
    assert_eq!((bench.answers(first).len(), bench.answers(again)), (1, vec![Notice::Accepted { id: again }]));
    assert_eq!(bench.network.len(), 1);
    let other = begin(&mut bench, SAGA.0, DEFINITION.0, VERSION.0, INPUT + 1);
    assert_eq!(refused(&bench, other), Refusal::Exists);
}

#[test]
fn a_definition_that_is_not_configured_is_refused() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    for (definition, version) in [(1, 2), (2, 1)] {
        let id = begin(&mut bench, 1, definition, version, INPUT);
        assert_eq!(refused(&bench, id), Refusal::UnknownDefinition);
    }
}

#[test]
fn a_saga_is_forgotten_once_it_has_ended_and_its_name_is_not_used_again() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    let early = bench.forget(SAGA);
    assert_eq!(refused(&bench, early), Refusal::Running);
    bench.run();
    for _ in 0..2 {
        let forgotten = bench.forget(SAGA);
        assert_eq!(bench.answers(forgotten), [Notice::Accepted { id: forgotten }]);
    }
    assert_eq!(bench.machine().sagas().len(), 0);
    for _ in 0..2 {
        let again = bench.begin();
        assert_eq!(refused(&bench, again), Refusal::Used);
        bench.crash();
    }
    let unknown = bench.forget(SagaId(2));
    assert_eq!(refused(&bench, unknown), Refusal::UnknownSaga);
}

#[test]
fn there_is_no_way_back_once_the_pivot_has_begun() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    for _ in 0..6 {
        bench.deliver_one();
    }
    for _ in 0..2 {
        let late = bench.cancel();
        assert_eq!(refused(&bench, late), Refusal::TooLate);
        bench.run();
    }
    assert_eq!(bench.end(), Some(End::Completed));
}

#[test]
fn cancelling_what_goes_back_already_is_accepted() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(0, Action::Do, &[Fate::Refused]);
    bench.begin();
    bench.run();
    let cancelled = bench.cancel();
    assert_eq!(bench.answers(cancelled), [Notice::Accepted { id: cancelled }]);
    let unknown = bench.request(|id| Request::Cancel { id, saga: SagaId(9) });
    assert_eq!(refused(&bench, unknown), Refusal::UnknownSaga);
}

#[test]
fn only_a_stuck_step_is_resolved_and_only_a_pivot_to_never() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.fate(3, Action::Do, &[Fate::Refused]);
    bench.fate(1, Action::Undo, &[Fate::Refused; 2]);
    bench.begin();
    let early = bench.resolve(1, Resolution::Happened);
    assert_eq!(refused(&bench, early), Refusal::NotStuck);
    bench.run();
    let never = bench.resolve(1, Resolution::Never);
    assert_eq!(refused(&bench, never), Refusal::NoSuchWay);
    for step in [0, 4, 255] {
        let other = bench.resolve(step, Resolution::Happened);
        assert_eq!(refused(&bench, other), Refusal::NotStuck);
    }
    assert_eq!(bench.end(), None);
}

#[test]
fn steps_of_the_orchestrators_own_node_are_told_and_answered_by_the_application() {
    let mut outline = Outline::new();
    for (kind, after) in [(Kind::Compensatable, vec![]), (Kind::Pivot, vec![StepId(0)])] {
        outline.step(Step { task: TaskId(5), service: ME, kind, after, policy: Policy::default() });
    }
    let plan = quorate::saga::Definition::new(DEFINITION, VERSION, outline).expect("it stands");
    let mut bench = Bench::new(plan);
    bench.begin();
    for step in [s(0), s(1)] {
        let Some(Notice::Call(call)) = bench.told.last().cloned() else {
            panic!("the application is called")
        };
        assert_eq!((call.key, call.action), (Key { owner: ME, saga: SAGA, step }, Action::Do));
        assert_eq!((call.task, call.input), (TaskId(5), INPUT));
        bench.step(Input::Request(Request::Answer(call.answer(Outcome::Done))));
    }
    assert_eq!(bench.end(), Some(End::Completed));
    assert!(bench.network.is_empty());
}

#[test]
fn nothing_is_answered_before_what_it_rests_on_is_durable() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    let executor = bench.executors.last_mut().expect("an executor runs");
    for (id, input) in [(1, INPUT), (2, INPUT), (3, INPUT + 1)] {
        let (id, saga, definition, version) = (RequestId(id), SAGA, DEFINITION, VERSION);
        let begin = Request::Begin { id, saga, definition, version, input };
        executor.machine.step(Input::Request(begin), &mut executor.ledger.port(Time::ZERO, || 0));
    }
    assert_eq!(executor.ledger.next_output(), None, "a refusal, too, says that the saga is there");
    bench.settle(0);
    assert_eq!(refused(&bench, RequestId(3)), Refusal::Exists);
}
