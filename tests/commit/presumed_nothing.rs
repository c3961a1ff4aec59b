//! Presumed nothing: whoever is asked is written down first, and both outcomes are acknowledged.

use quorate::commit::coordinator::{Entry, Phase};
use quorate::commit::{JOURNAL, Mode, Outcome};

use crate::bench::{Bench, n, tx};

const MODE: Mode = Mode::PresumedNothing;

#[test]
fn neither_outcome_is_forgotten_before_all_have_acknowledged() {
    for outcome in [Outcome::Commit, Outcome::Abort] {
        let mut bench = Bench::new(2);
        bench.begin(MODE).expect("it begins");
        bench.deliver_round();
        match outcome {
            Outcome::Commit => bench.deliver_round(),
            Outcome::Abort => {
                bench.network.clear();
                bench.votes_timeout();
            }
        }
        bench.cut_off = vec![n(3)];
        bench.deliver_all();
        assert_eq!(bench.coordinator.machine.phase(tx(1)), Some(Phase::Decided(outcome)));
        bench.crash_coordinator();
        bench.cut_off.clear();
        bench.deliver_all();
        assert_eq!(bench.told(n(2)), [(tx(1), outcome)]);
        assert_eq!(bench.told(n(3)), [(tx(1), outcome)]);
        assert_eq!(bench.coordinator.machine.in_flight(), 0);
    }
}

#[test]
fn the_coordinator_of_a_crash_before_the_decision_aborts_by_itself() {
    let mut bench = Bench::new(2);
    bench.begin(MODE).expect("it begins");
    let entries: Vec<_> = bench.coordinator.disk.log(JOURNAL).map(|(_, entry)| entry.clone()).collect();
    let participants = [n(2), n(3)].into_iter().collect();
    assert_eq!(entries, [Entry::Collecting { tx: tx(1), mode: MODE, participants }]);
    bench.deliver_round();
    bench.network.clear();
    bench.crash_coordinator();
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)], "which has not asked");
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}

#[test]
fn a_single_participant_is_asked_in_two_phases() {
    let mut bench = Bench::new(1);
    bench.begin(MODE).expect("it begins");
    assert_eq!(bench.coordinator.machine.phase(tx(1)), Some(Phase::Collecting));
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit)]);
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}
