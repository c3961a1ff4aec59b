//! What is left of a trace is all that it takes.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::any;
use quorate_models::trace::{Fault, Replays, Trace};
use quorate_models::walk::walk_by;
use quorate_models::world::{Limits, Rules};

use crate::claim::{Bug, Claims, ONE_WINNER};
use crate::{SMALL, TWO_WINNERS, rules, runner};

#[test]
fn without_any_one_of_what_is_left_the_property_does_not_fall() {
    let rules = Rules::new(
        Claims { nodes: 3, bug: Bug::ForgottenUnnoticed, signed: true },
        Limits { in_flight: Some(12), requests: Some(9), duplicates: Some(9), crashes: Some(9), ..SMALL },
    );
    let tally = Cell::new((0, 0, 0));
    runner(200)
        .run(&vec(any::<u16>(), 100..400), |choices| {
            let walk = walk_by(&rules, choices, |_, _, _| {});
            if walk.violated != Some(ONE_WINNER) {
                return Ok(());
            }
            let short = rules.minimise(&walk.trace, ONE_WINNER);
            assert!(rules.is_minimal(&short, ONE_WINNER));
            let falls = |actions: Vec<_>| {
                let trace = Trace { origin: 0, actions };
                rules.replay(&trace, |_, _, _| {}).is_ok_and(|world| rules.falls(ONE_WINNER, &world))
            };
            assert!(falls(short.actions.clone()));
            for left_out in 0..short.actions.len() {
                let mut fewer = short.actions.clone();
                fewer.remove(left_out);
                assert!(!falls(fewer), "action {left_out} can go");
            }
            let (found, longest, before) = tally.get();
            tally.set((found + 1, short.actions.len().max(longest), before.max(walk.steps())));
            assert!(walk.steps() == short.actions.len() || !rules.is_minimal(&walk.trace, ONE_WINNER));
            Ok(())
        })
        .unwrap();
    let (found, longest, before) = tally.get();
    println!("{found} violations, of up to {before} actions; up to {longest} are left");
    assert!(found > 20 && longest <= 20 && before > 40);
}

#[test]
fn a_trace_file_is_minimised_with_what_it_says_and_when_it_happened() {
    let mut lines: Vec<String> = TWO_WINNERS.lines().map(str::to_owned).collect();
    for (at, line) in (1_u64..).zip(lines.iter_mut().skip(1)) {
        *line = line.replacen('{', &format!("{{\"at_ns\":{},", at * 1_000), 1);
    }
    // A message that nobody needs is lost on the way.
    let kept = lines.len() - 1;
    let idle = r#"{"drop":{"from":0,"to":2,"message":"Claim"},"at_ns":1500}"#;
    lines.insert(2, idle.to_owned());
    let rules = rules(Bug::FreeVote);
    let short = rules.minimise_file(&lines.join("\n")).expect("it falls");
    assert_eq!((short.lengths, short.is_minimal), ((kept + 1, kept), true));
    assert!(!short.text.contains("\"drop\""));
    assert_eq!(short.property, ONE_WINNER);
    assert!(short.text.contains("\"at_ns\":2000") && short.text.contains("\"says\":"), "{}", short.text);
    let again = rules.minimise_file(&short.text).expect("it still falls");
    assert_eq!(again.text, short.text);
}

#[test]
fn what_does_not_fall_cannot_be_minimised() {
    let header = TWO_WINNERS.lines().next().unwrap();
    let bad = rules(Bug::FreeVote).minimise_file(header).expect_err("nothing happens");
    assert_eq!(bad.fault, Fault::NothingFalls);
    let bad = rules(Bug::None).minimise_file(TWO_WINNERS).expect_err("it is mended");
    assert!(bad.is_refused());
    let asks = TWO_WINNERS.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(
        rules(Bug::FreeVote).minimise_file(&asks).expect_err("nothing falls yet").fault,
        Fault::NothingFalls
    );
}
