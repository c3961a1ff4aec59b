//! What stands as a definition, and what does not.

use std::sync::Arc;

use quorate::durable::{Corrupt, Recover};
use quorate::id::ClusterId;
use quorate::saga::{
    Config, ConfigError, Definition, DefinitionError, Doubt, Kind, MAX_STEPS, Orchestrator, Outline, Step,
    StepSet, Version,
};

use crate::bench::{Bench, DEFINITION, Disk, ME, VERSION, diamond, s, step};

fn defined(steps: &[(Kind, &[u8])]) -> Result<Definition, DefinitionError> {
    let mut outline = Outline::new();
    for (kind, after) in steps {
        outline.step(step(1, *kind, after, Doubt::Retry));
    }
    Definition::new(DEFINITION, VERSION, outline)
}

use Kind::{Compensatable, Pivot, Retriable};

#[test]
fn a_definition_is_a_graph_without_cycles_of_a_bounded_size() {
    assert_eq!(defined(&[]), Err(DefinitionError::Empty));
    assert_eq!(defined(&[(Compensatable, &[0])]), Err(DefinitionError::Cycle(s(0))));
    let circle: &[(Kind, &[u8])] = &[(Compensatable, &[]), (Compensatable, &[0, 2]), (Compensatable, &[1])];
    assert_eq!(defined(circle), Err(DefinitionError::Cycle(s(1))));
    let nowhere = DefinitionError::UnknownDependency { step: s(1), on: s(9) };
    assert_eq!(defined(&[(Compensatable, &[]), (Compensatable, &[0, 9])]), Err(nowhere));
    let most = vec![(Compensatable, &[][..]); MAX_STEPS];
    assert!(defined(&most).is_ok_and(|plan| plan.all().len() == 64));
    for more in [65, 256, 300] {
        assert_eq!(defined(&vec![(Compensatable, &[][..]); more]), Err(DefinitionError::TooManySteps));
    }
}

#[test]
fn dependencies_may_point_either_way_in_the_list() {
    let plan = defined(&[(Pivot, &[2]), (Retriable, &[0]), (Compensatable, &[])]).expect("it stands");
    assert_eq!(
        (plan.pivot(), plan.after(s(0)), plan.before(s(0))),
        (Some(s(0)), StepSet::of(s(2)), StepSet::of(s(1)))
    );
}

#[test]
fn there_is_one_pivot_with_every_step_on_its_side_of_it() {
    assert_eq!(defined(&[(Pivot, &[]), (Pivot, &[0])]), Err(DefinitionError::TwoPivots(s(0), s(1))));
    let beside: &[(Kind, &[u8])] = &[(Compensatable, &[]), (Pivot, &[0]), (Compensatable, &[0])];
    assert_eq!(defined(beside), Err(DefinitionError::NotBeforePivot(s(2))));
    let early: &[(Kind, &[u8])] = &[(Compensatable, &[]), (Retriable, &[0]), (Pivot, &[0])];
    assert_eq!(defined(early), Err(DefinitionError::NotAfterPivot(s(1))));
    assert_eq!(defined(&[(Retriable, &[])]), Err(DefinitionError::NotAfterPivot(s(0))));
}

#[test]
fn a_step_must_have_an_attempt_each_way() {
    for zero in [|step: &mut Step| step.policy.attempts = 0, |step: &mut Step| step.policy.undo_attempts = 0]
    {
        let mut outline = Outline::new();
        let mut one = step(1, Compensatable, &[], Doubt::Retry);
        zero(&mut one);
        outline.step(one);
        let refused = Definition::new(DEFINITION, VERSION, outline);
        assert_eq!(refused, Err(DefinitionError::NoAttempts(s(0))));
    }
}

#[test]
fn a_subsaga_is_expanded_into_the_steps_of_its_saga() {
    let mut pair = Outline::new();
    pair.step(step(2, Compensatable, &[], Doubt::Retry));
    pair.step(step(3, Compensatable, &[0], Doubt::Retry));
    let mut outline = Outline::new();
    let first = outline.step(step(1, Compensatable, &[], Doubt::Retry));
    let left = outline.subsaga(&pair, &[first]);
    let right = outline.subsaga(&pair, &[first]);
    assert_eq!((&left[..], &right[..]), (&[s(2)][..], &[s(4)][..]), "the last steps of each are named");
    assert_eq!(outline.subsaga(&Outline::new(), &left), left, "nothing comes after what was before it");
    let last: Vec<u8> = left.iter().chain(&right).map(|step| step.0).collect();
    outline.step(step(4, Pivot, &last, Doubt::Retry));
    let plan = Definition::new(DEFINITION, VERSION, outline).expect("it stands");
    let after: Vec<_> =
        plan.all().iter().map(|step| plan.after(step).iter().map(|on| on.0).collect::<Vec<_>>()).collect();
    let expected: [&[u8]; 6] = [&[], &[0], &[1], &[0], &[3], &[2, 4]];
    assert_eq!(after, expected);

    let mut bench = Bench::new(plan.clone());
    bench.fate(5, quorate::saga::Action::Do, &[crate::bench::Fate::Refused]);
    bench.begin();
    bench.run();
    bench.judge(&plan, bench.end().expect("it ended"));
}

#[test]
fn a_shape_tells_tasks_kinds_and_dependencies_apart_but_not_services_and_patience() {
    let shape = |plan: &Definition| plan.shape();
    let plan = diamond(Doubt::Retry);
    assert_eq!(shape(&plan), shape(&diamond(Doubt::Probe)));
    let built = |task: u64, kind: Kind, after: &[u8]| {
        let mut outline = Outline::new();
        outline.step(step(1, Compensatable, &[], Doubt::Retry));
        outline.step(step(task, kind, after, Doubt::Retry));
        shape(&Definition::new(DEFINITION, VERSION, outline).expect("it stands"))
    };
    let shapes = [
        built(2, Compensatable, &[0]),
        built(3, Compensatable, &[0]),
        built(2, Compensatable, &[]),
        built(2, Pivot, &[0]),
    ];
    for (at, one) in shapes.iter().enumerate() {
        assert!(!shapes[..at].contains(one));
    }
}

#[test]
fn a_configuration_that_does_not_stand_is_refused() {
    type Change = fn(&mut Config);
    let config = |change: Change| {
        let mut config = Config::new(ClusterId(7), ME, [diamond(Doubt::Retry)]);
        change(&mut config);
        config
    };
    let cases: [(Change, ConfigError); 3] = [
        (|config| config.definitions.push(diamond(Doubt::Probe)), ConfigError::DefinitionsNotSorted),
        (|config| config.max_sagas = 0, ConfigError::ZeroLimit("max_sagas")),
        (|config| config.max_log_entries = 2047, ConfigError::LogTooSmall),
    ];
    for (change, error) in cases {
        assert_eq!(config(change).validate(), Err(error));
        let refused = Orchestrator::<u32>::recover(Arc::new(config(change)), &Disk::default(), 0);
        assert!(matches!(refused, Err(Corrupt::Config(_))));
    }
    let mut outline = Outline::new();
    outline.step(step(1, Compensatable, &[], Doubt::Retry));
    let second = Definition::new(DEFINITION, Version(2), outline).expect("it stands");
    let both = Config::new(ClusterId(7), ME, [second, diamond(Doubt::Retry)]);
    assert_eq!(both.validate(), Ok(()), "versions of one definition live side by side");
}
