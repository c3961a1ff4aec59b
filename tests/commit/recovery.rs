//! A node comes back from any prefix of what it wrote, and knows what it must. (The bench recovers after every record.)

use std::sync::Arc;

use quorate::commit::participant::{self, Notice, Participant, Phase, Request};
use quorate::commit::{Config, JOURNAL, Member, Message, Mode, Outcome};
use quorate::durable::{Image, Record, Recover};
use quorate::id::ClusterId;
use quorate::machine::{Effect, Input, Machine};
use quorate::time::Time;

use crate::bench::{Bench, C, Work, n, tx};

#[test]
fn a_coordinator_that_crashes_before_its_decision_has_aborted() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.crash_coordinator();
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [], "the votes come too late");
    for id in [2, 3] {
        bench.doubt(n(id));
        bench.doubt(n(id));
    }
    bench.deliver_all();
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Abort)]);
    assert_eq!(bench.told(n(3)), [(tx(1), Outcome::Abort)]);
}

#[test]
fn a_coordinator_that_crashes_after_its_decision_tells_it_again() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.deliver_round();
    bench.network.clear();
    bench.crash_coordinator();
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [(tx(1), Outcome::Commit); 2]);
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit)]);
    assert_eq!(bench.coordinator.machine.in_flight(), 0);
}

#[test]
fn no_number_is_given_out_twice_whatever_crashes() {
    let mut bench = Bench::with(2, |config| config.numbers_reserved = 2);
    let mut begun = Vec::new();
    for _ in 0..5 {
        begun.push(bench.begin(Mode::PresumedAbort).expect("it begins"));
        begun.push(bench.begin(Mode::PresumedAbort).expect("it begins"));
        begun.push(bench.begin(Mode::PresumedAbort).expect("it begins"));
        bench.crash_coordinator();
    }
    assert!(begun.is_sorted_by(|a, b| a < b), "{begun:?}");
}

#[test]
fn what_was_not_carried_out_is_told_again_after_a_crash_and_what_was_is_not() {
    let mut bench = Bench::new(2);
    bench.application(n(2)).carries_out = false;
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_all();
    bench.crash(n(2), 0);
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit); 2]);
    bench.ask(n(2), Request::Done { tx: tx(1) });
    bench.crash(n(2), 0);
    assert_eq!(bench.told(n(2)), [(tx(1), Outcome::Commit); 2]);
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::Ended(Some(Outcome::Commit))));
}

#[test]
fn an_application_that_keeps_positions_is_told_what_is_past_its_own() {
    let mut bench = Bench::new(2);
    bench.application(n(2)).carries_out = false;
    for _ in 0..3 {
        bench.begin(Mode::PresumedAbort).expect("it begins");
        bench.deliver_all();
    }
    let position = |notice: &Notice<Work>| match notice {
        Notice::Apply { position, .. } => Some(*position),
        _ => None,
    };
    let positions: Vec<_> = bench.participants[&n(2)].notices.iter().filter_map(position).collect();
    assert!(positions.len() == 3 && positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    bench.application(n(2)).told.clear();
    bench.crash(n(2), positions[1]);
    assert_eq!(bench.told(n(2)), [(tx(3), Outcome::Commit)]);
    assert_eq!(bench.phase(n(2), tx(1)), Some(Phase::Ended(Some(Outcome::Commit))));
}

#[test]
fn work_that_was_prepared_and_never_voted_for_is_undone() {
    let mut bench = Bench::new(2);
    bench.votes(n(2), None);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    let prepares: Vec<_> = bench.network.iter().filter(|(_, to, _)| *to == n(2)).cloned().collect();
    bench.deliver_all();
    bench.crash(n(2), 0);
    bench.ask(n(2), Request::Found { tx: tx(1) });
    let over = Notice::Refused { tx: tx(1), reason: participant::Refusal::Over };
    assert!(bench.participants[&n(2)].notices.contains(&over));
    bench.votes(n(2), quorate::commit::Vote::Yes);
    for (from, to, message) in prepares {
        bench.deliver_to(to, from, message);
    }
    bench.deliver_all();
    assert_eq!(bench.outcomes(), [(tx(1), Outcome::Abort)]);
}

#[test]
fn work_that_is_in_doubt_is_kept_when_it_is_found() {
    let mut bench = Bench::new(2);
    bench.begin(Mode::PresumedAbort).expect("it begins");
    bench.deliver_round();
    bench.cut_off = vec![C];
    bench.crash(n(2), 0);
    bench.ask(n(2), Request::Found { tx: tx(1) });
    assert!(bench.participants[&n(2)].notices.contains(&Notice::Undecided { tx: tx(1) }));
}

#[test]
fn a_crash_between_a_tombstone_and_the_floor_that_makes_room_for_it_leaves_none_too_many() {
    let mut config = Config::new(ClusterId(7), [C, n(2), n(3)]);
    config.max_tombstones = 1;
    let member = Member { me: n(2), config: Arc::new(config) };
    let abort = |number| {
        let (tx, mode, outcome) = (tx(number), Mode::PresumedAbort, Outcome::Abort);
        Input::Message { from: C, message: Message::Decision { tx, mode, outcome } }
    };
    let mut disk = Image::default();
    for number in 1..=5 {
        let back = Participant::<Work>::recover(member.clone(), &disk, 0).expect("any prefix recovers");
        let (back, effects) = back.stepped(Input::Start, Time::ZERO, &[]);
        assert_eq!(back.transactions().count(), disk.log(JOURNAL).count().min(1), "before {number}");
        let (_, more) = back.stepped(abort(number), Time::ZERO, &[]);
        let records = effects.into_iter().chain(more).filter_map(|effect| match effect {
            Effect::Persist(record) => Some(record),
            _ => None,
        });
        // Up to the tombstone: the crash comes before the floor.
        for record in records {
            let is_tombstone = matches!(record, Record::Append { .. });
            disk.apply(record).expect("it fits");
            if is_tombstone {
                break;
            }
        }
    }
}
