//! A counterexample is well if it falls, and in the property it is about.

use quorate_models::check::{Check, Protocol};
use quorate_models::cli::{HOLDS, Registry, UNDECIDED, VIOLATED};
use quorate_models::counterexample::Counterexample;

use super::{Fake, Fate, run};

/// A registry with one world of this fate, in which that property must fall.
fn registry(fate: Fate, falls: &'static str) -> Registry {
    let fake: Box<dyn Check> = Box::new(Fake { protocol: "fake", name: "late", fate });
    let checks: Vec<Box<dyn Check>> = vec![Box::new(Counterexample::new(fake, falls))];
    Registry::new(
        "cargo verify",
        vec![Protocol { name: "fake", source: "Nobody 2026", checks, simulation: None }],
    )
}

#[test]
fn one_that_falls_is_well_and_shows_its_trace() {
    let said = run(&registry(Fate::Violated, "agreement"), &["check"]);
    assert_eq!(said.status, HOLDS);
    for words in [
        "fake/late: falls, as it must: agreement, in 2 steps",
        "    1. n1 starts\n    2. n1 -> n2",
        "fell, as it must: agreement\n",
        "agreement   falls, as it must in late",
    ] {
        assert!(said.out.contains(words), "{words:?} is missing in\n{}", said.out);
    }
}

#[test]
fn one_that_stands_fails() {
    let said = run(&registry(Fate::Holds, "agreement"), &["check"]);
    assert_eq!(said.status, VIOLATED);
    assert!(said.out.contains("fake/late: STANDS, though it must fall: agreement"), "{}", said.out);
}

#[test]
fn one_in_which_something_else_falls_fails() {
    let said = run(&registry(Fate::Violated, "validity"), &["check"]);
    assert_eq!(said.status, VIOLATED);
    assert!(said.out.contains("fake/late: VIOLATED: agreement"), "{}", said.out);
}

#[test]
fn one_that_was_stopped_before_it_fell_is_undecided() {
    assert_eq!(run(&registry(Fate::Incomplete, "agreement"), &["check"]).status, UNDECIDED);
}
